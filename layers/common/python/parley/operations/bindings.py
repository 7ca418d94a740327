"""Push bindings: clients register their devices; back ends list, fetch and delete the registrations."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from parley.domain.memberships import birth_of, own
from parley.domain.notifications import CHAT
from parley.domain.push import MESSAGE_TYPES, check_binding, same_address
from parley.errors import CONCURRENT_UPDATE, CREDENTIAL_NOT_FOUND, NOT_FOUND, USER_NOT_FOUND, ignoring
from parley.ids import binding_sid, is_sid, user_sid
from parley.operations import authority, devices, rate, verbs
from parley.operations.addressing import resolve, service, user_address
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_in_memory
from parley.records.bindings import BINDING
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Erase
from parley.stored import Binding, User


def register(
    context: Context,
    service_sid: str,
    identity: str,
    *,
    endpoint: str,
    binding_type: str,
    address: str,
    credential_sid: str,
    message_types: list[str],
    face: str = CHAT,
) -> Record:
    """Register a device for push: once per identity, endpoint and type; registering again replaces address and types.

    `endpoint` names the device session, `address` is the token that the push service knows it by. Without an endpoint,
    the address stands for a session of its own. Without message types the device wants all. Without a credential, the
    device is known but no push service can be asked to reach it.
    `face` says whose notifications the app on the device understands, those of Chat or those of Conversations.

    Raises:
        Refusal: 50209; 20001; 20404 for a credential that is not the account's; 50200 if the user is gone.
    """
    address = same_address(binding_type, address)
    endpoint = endpoint or sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    check_binding(binding_type, endpoint, address, message_types)
    service(context, service_sid)
    if credential_sid:
        _require_credential(context, credential_sid, binding_type)
    now = context.clock.now_ms()
    sid = binding_sid(service_sid, identity, endpoint, binding_type)
    user = user_sid(service_sid, identity)
    binding_key, user_key = keys.binding(service_sid, sid), keys.user(user)
    record = {
        "sid": sid,
        "service_sid": service_sid,
        "identity": identity,
        "user_sid": user,
        "endpoint": endpoint,
        "binding_type": binding_type,
        "address": address,
        "credential_sid": credential_sid or None,
        "message_types": message_types or list(MESSAGE_TYPES),
        "face": None if face == CHAT else face,
        "date_created": now,
        "date_updated": now,
    }

    def attempt(context: Context) -> Record:
        found = context.table.fetch_many([binding_key, user_key, *devices.wanted(record)])
        owner = found.get(user_key)
        if context.caller.identity is not None:
            authority.require_same_user(context, owner)
        if owner is None:
            raise USER_NOT_FOUND()
        earlier = found.get(binding_key)
        if earlier and not own(earlier, owner):
            _remove_leftover(context, earlier)
            earlier = None
        return devices.register(context, owner, {**record, "birth": birth_of(owner)}, earlier, found)

    return verbs.retried(context, attempt, CONCURRENT_UPDATE, attempts=devices.ATTEMPTS)


# How many characters of the SID of a missing credential the refusal repeats.
_LONGEST_NAMED = 64


def _require_credential(context: Context, sid: str, binding_type: str) -> None:
    """Check that the account has this credential, and that it is one for devices of this type.

    Raises:
        Refusal: 20404.
    """
    credential_key = keys.credential(context.account_sid, sid)
    credential = context.configuration.fetch(credential_key) if is_sid("CR", sid) else None
    if credential is None or credential["type"] != binding_type:
        # Clients may name anything, and of any length.
        raise CREDENTIAL_NOT_FOUND(sid=sid[:_LONGEST_NAMED], type=binding_type)


def _remove_leftover(context: Context, binding: Binding) -> None:
    """Remove a deleted user's registration, as the sweep would soon do. It is counted nowhere."""
    same = verbs.same_user(birth_of(binding), CONCURRENT_UPDATE())
    where = keys.binding(binding["service_sid"], binding["sid"])
    context.table.commit(context.cause(), [Erase(where, CONCURRENT_UPDATE(), (same,))])


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a service's bindings, of the wanted types and identities, by SID."""
    resolved = resolve(context, BINDING, path)
    wanted = parameters.get("identity")
    if wanted:
        users = [user_sid(resolved["service_sid"], identity) for identity in wanted]
        return _of_users(context, users, parameters, page)
    matching = {"binding_type": parameters["binding_type"]} if parameters.get("binding_type") else {}
    return verbs.read_page(context, keys.bindings(resolved["service_sid"]), page, matching=matching)


def list_of_user(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a user's bindings, of the wanted types, by SID."""
    return _of_users(context, [_user(context, path)["sid"]], parameters, page)


def _user(context: Context, path: Path) -> User:
    service(context, path["service_sid"])
    sid = user_address(path["service_sid"], path["user_sid"])
    user = verbs.belonging(context.table.fetch(keys.user(sid)), path)
    return authority.require_same_user(context, user) if user["identity"] == context.caller.identity else user


def _of_users(context: Context, users: list[str], parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of these users' own bindings; those of earlier users with the same identities are left out."""
    listed = [item.key for user in users for item in context.table.page(keys.user_bindings(user), _MOST).found]
    found = context.table.fetch_many([*map(keys.user, users), *listed])
    bindings = [own(found.get(key), found.get(keys.user(found[key]["user_sid"]))) for key in listed if key in found]
    types = parameters.get("binding_type") or ()
    wanted = [item for item in bindings if item and (not types or item["binding_type"] in types)]
    return page_in_memory({item["sid"]: item for item in wanted}, page)


# How many devices of one user are read at most.
_MOST = 1000


def fetch_of_user(context: Context, path: Path, parameters: dict[str, Any]) -> Binding:
    """A binding, if it is this user's."""
    resolved = resolve(context, BINDING, path)
    binding = verbs.load(context, BINDING, resolved)
    user = _user(context, path)
    if binding["user_sid"] != user["sid"] or not own(binding, user):
        raise NOT_FOUND()
    return binding


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a device's registration; it can register again."""
    if "user_sid" in path:
        fetch_of_user(context, path, {})
    resolved = resolve(context, BINDING, path)
    binding = verbs.load(context, BINDING, resolved)
    rate.count_service_action(context, path["service_sid"])
    devices.remove(context, binding)


def delete_device(context: Context, service_sid: str, identity: str, binding_type: str, address: str) -> None:
    """Remove all registrations of one device of a user; if it has none, nothing happens (unconfirmed)."""
    address = same_address(binding_type, address)
    path = {"service_sid": service_sid, "user_sid": identity}
    for binding in list_of_user(context, path, {"binding_type": [binding_type]}, PageRequest(_MOST)).records:
        if binding["address"] == address:
            with ignoring(NOT_FOUND):
                delete(context, {**path, "sid": binding["sid"]}, {})
