"""Users: one per identity and service; the SID is derived from both, so an identity needs no lookup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from parley.domain.memberships import birth_of
from parley.domain.presence import live_connections
from parley.domain.presence import reachability as shown_reachability
from parley.domain.roles import DEPLOYMENT
from parley.domain.users import NEXT_VERSION, first_version
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, USER_EXISTS, Refusal
from parley.ids import user_sid
from parley.operations import authority, rate, reachability, roles, verbs
from parley.operations.addressing import resolve, service
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.spec import Path
from parley.records.users import USER
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.writes import Create, Guard, Update, Write
from parley.stored import Service, User


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new user with the named role or the service's default.

    Raises:
        Refusal: 50201 if the identity has a user; 50100 or 50105 for an unsuitable role.
    """
    owner = service(context, path["service_sid"])
    named = parameters.get("role_sid")
    giving = roles.given(context, owner["sid"], named, DEPLOYMENT) if named else []
    rate.count_service_action(context, owner["sid"])
    user_key = keys.user(user_sid(owner["sid"], parameters["identity"]))
    context = context.sharing_patience()

    def attempt(former: User | None) -> Record:
        write = creation(context, owner, parameters, former)
        return context.table.commit(context.cause(), [write, *giving])[0]

    try:
        return attempt(None)
    except Refusal as refusal:
        if refusal.error is not CONCURRENT_UPDATE:
            raise
    # A former user of this identity has a version above our clock's time. That is rare, so only now it is read.
    return verbs.retried(
        context,
        lambda context: attempt(context.table.fetch_many([user_key], buried=True).get(user_key)),
        CONCURRENT_UPDATE,
    )


def creation(
    context: Context, owner: Service, parameters: dict[str, Any], former: User | None, joined: int = 0
) -> Create:
    """The write that makes a user of a service, who is in `joined` channels already.

    `former` is the tombstone of the former user with the same identity, if one was read. The write is refused with
    20409 if there is a tombstone whose version is not below that of the new user.
    """
    now = context.clock.now_ms()
    role_sid = parameters.get("role_sid") or owner["default_service_role_sid"]
    sid = user_sid(owner["sid"], parameters["identity"])
    version = first_version(now, former)
    record = {
        **parameters,
        "sid": sid,
        "birth": context.ids.birth(),
        "service_sid": owner["sid"],
        "role_sid": role_sid,
        "joined_channels_count": joined,
        "seq": version,
        "date_created": now,
        "date_updated": now,
    }
    index = keys.in_users_list(owner["sid"], now, sid)
    if role_sid != owner["default_service_role_sid"]:
        index |= keys.in_role_holders(role_sid, keys.user(sid))
    newer = Guard("seq", "behind", version, CONCURRENT_UPDATE())
    return Create(keys.user(sid), record, taken=USER_EXISTS(), index=index, guards=(newer,))


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The user. If the service has reachability enabled, the user's presence is read too."""
    resolved = resolve(context, USER, path)
    user_key, presence_key = USER.key(resolved), keys.presence(resolved["sid"])
    wanted = reachability.is_enabled(service(context, resolved["service_sid"]))
    found = context.table.fetch_many([user_key, presence_key] if wanted else [user_key])
    user = verbs.belonging(found.get(user_key), resolved)
    connections = live_connections(found.get(presence_key), context.clock.now_ms() // 1000, birth_of(user))
    return shown_reachability(user, wanted, bool(connections))


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a service's users, oldest first; reachability is shown on single fetches only."""
    listing = verbs.read_page(context, keys.users(resolve(context, USER, path)["service_sid"]), page)
    return listing._replace(records=[{**user, "is_online": None, "is_notifiable": None} for user in listing.records])


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The user with the given fields changed. An empty role SID leaves the role as it was."""
    resolved = resolve(context, USER, path)
    user = verbs.load(context, USER, resolved)
    asked = tuple(parameters)

    def may(fresh: Context) -> None:
        is_own = authority.is_caller(fresh, user)
        for permissions in authority.needed(fresh, USER, "update", asked, is_own=is_own):
            authority.require_in_service(fresh, user["service_sid"], *permissions)

    may(context)
    parameters = context.consult("user", "update", {**user, **verbs.non_null(parameters)}, parameters, may)
    changes = verbs.changed(context, parameters)
    giving: list[Write] = []
    if "role_sid" in changes:
        named = changes.pop("role_sid")
        role, giving = held_role(context, resolved["service_sid"], named, DEPLOYMENT, USER.key(resolved))
        changes |= role
    rate.count_service_action(context, resolved["service_sid"])
    same = verbs.same_user(birth_of(user), NOT_FOUND())
    write = Update(USER.key(resolved), NOT_FOUND(), set=changes, add=NEXT_VERSION, guards=(same,))
    written = context.table.commit(context.cause(), [write, *giving])[0]
    # For several writes, `commit` returns only the fields that each has set.
    record = verbs.load(context, USER, resolved) if giving else cast(User, written)
    context.configuration.forget(USER.key(resolved))
    return shown_reachability(record, reachability.is_enabled(service(context, resolved["service_sid"])))


def held_role(
    context: Context, service_sid: str, role_sid: str | None, role_type: str, holder: Key[Any]
) -> tuple[Record, list[Write]]:
    """The attributes that give a user or member a new role, and the writes that go with them; none for an empty SID.

    Holders of a default role get no entry in the index of holders.

    Raises:
        Refusal: 50100 or 50105.
    """
    owner = service(context, service_sid)
    if role_sid is None:
        return {}, []
    giving = roles.given(context, service_sid, role_sid, role_type)
    defaults = {owner["default_service_role_sid"], owner["default_channel_role_sid"]}
    if role_sid in defaults:
        return {"role_sid": role_sid, "gsi2pk": None, "gsi2sk": None}, giving
    return {"role_sid": role_sid, **keys.in_role_holders(role_sid, holder)}, giving


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a user; the sweep that follows takes the identity out of its channels."""
    resolved = resolve(context, USER, path)
    rate.count_service_action(context, resolved["service_sid"])
    remove(context, resolved)


# How often a deletion is tried while others change the user.
ATTEMPTS = 10


def remove(context: Context, resolved: Path) -> None:
    """Delete the user at a resolved path, also when its service is gone already."""

    def attempt(context: Context) -> None:
        user = verbs.load(context, USER, resolved)
        # The next user of this identity begins above the tombstone's version, which so must be the last one.
        last = Guard("seq", "=" if "seq" in user else "missing", user.get("seq"), CONCURRENT_UPDATE())
        context.table.commit(context.cause(), [replace(verbs.bury(context, USER, resolved, user), guards=(last,))])

    verbs.retried(context, attempt, CONCURRENT_UPDATE, attempts=ATTEMPTS)
    context.configuration.forget(USER.key(resolved))
