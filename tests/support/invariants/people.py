"""Invariants of people: what users count, hold and leave behind, and who is online."""

from __future__ import annotations

from collections.abc import Iterator

from parley.domain.memberships import birth_of, user_of
from parley.domain.presence import PREFIX, live_connections
from parley.domain.push import MOST_DEVICES
from parley.operations.devices import address_key
from parley.store import keys
from tests.support.invariants.account import Account, Check, Item

_HOLDERS = ("USER", "MEMBER#", "INVITE#")


def _counts_of_users(account: Account) -> Iterator[str]:
    joined: dict[tuple[str, str], list[bool]] = {}
    for key, member in account.of("MEMBER#"):
        is_closed = account.channels.get(key.pk.removeprefix("CHANNEL#"), {}).get("state") == "closed"
        if is_closed != member.get("uncounted", False) and account.swept and user_of(member):
            yield f"{member['sid']} is {'' if is_closed else 'not '}in a closed conversation, and its user's count says otherwise"
        if (person := user_of(member)) and not member.get("uncounted"):
            is_in_living = key.pk.removeprefix("CHANNEL#") in account.channels
            joined.setdefault((person.user_sid, person.birth), []).append(is_in_living)
    bindings: dict[tuple[str, str], int] = {}
    for _, binding in account.of("BINDING#"):
        whose = (binding["user_sid"], birth_of(binding))
        bindings[whose] = bindings.get(whose, 0) + 1
    for sid, user in account.users.items():
        whose = (sid, birth_of(user))
        memberships = joined.get(whose, [])
        least = len(memberships) if account.swept else sum(memberships)
        said = user.get("joined_channels_count", 0)
        if not sum(memberships) <= said <= max(least, len(memberships)):
            yield f"{sid} says that it is in {said} channels, and it is in {sum(memberships)}"
        if user.get("bindings_count", 0) != bindings.get(whose, 0):
            yield f"{sid} says bindings_count {user.get('bindings_count', 0)}, and it has {bindings.get(whose, 0)}"


def _roles(account: Account) -> Iterator[str]:
    roles = {item["sid"]: item for _, item in account.of("ROLE#")}
    for service in account.services.values():
        for name in ("default_service_role_sid", "default_channel_role_sid", "default_channel_creator_role_sid"):
            role = roles.get(service.get(name, ""))
            if role is None or not role.get("was_default"):
                yield f"{name} of {service['sid']} is {service.get(name)}, which is no role that is kept"
    for key, holder in account.of(*_HOLDERS):
        if "role_sid" not in holder or holder.get("service_sid") not in account.services or account.is_left(key):
            continue
        role, index = roles.get(holder["role_sid"]), holder.get("gsi2pk")
        if role is None:
            yield f"{holder['sid']} has the role {holder['role_sid']}, which is gone"
        elif index not in (None, f"ROLE#{holder['role_sid']}"):
            yield f"{holder['sid']} has the role {holder['role_sid']}, and the index of holders says {index}"
        elif index is None and not role.get("was_default"):
            yield f"{holder['sid']} has the role {holder['role_sid']}, of which the index of holders does not know"


def _left_behind(account: Account) -> Iterator[str]:
    if not account.swept:
        return
    for key, held in account.of("MEMBER#", "INVITE#", "WEBHOOK#", "MESSAGE#", "CHG#", "ALIAS#", "BOUND#"):
        sid = key.pk.removeprefix("CHANNEL#")
        if sid not in account.channels:
            yield f"{key.sk} is left of {sid}, which is gone"
        elif key.sk.startswith(("MEMBER#", "INVITE#")) and (person := user_of(held)):
            user = account.users.get(person.user_sid)
            if key.sk.startswith("MEMBER#") and (user is None or birth_of(user) != person.birth):
                yield f"{held['sid']} is left in {sid}, and its user is gone"
    for sid, channel in account.channels.items():
        if channel["service_sid"] not in account.services:
            yield f"{sid} is left of {channel['service_sid']}, which is gone"
    for sid, user in account.users.items():
        if user["service_sid"] not in account.services:
            yield f"{sid} is left of {user['service_sid']}, which is gone"
    for _, binding in account.of("BINDING#"):
        user = account.users.get(binding["user_sid"])
        if user is None or birth_of(user) != birth_of(binding):
            yield f"{binding['sid']} is left, and its user is gone"


def _devices(account: Account) -> Iterator[str]:
    """Each registration is a device of its user, and holds its address."""
    told: dict[str, Item] = {}
    for _, item in account.of("PUSH"):
        user = account.users.get(item.get("user_sid", ""))
        if "devices" not in item or ((user is None or birth_of(user) != birth_of(item)) and not account.swept):
            continue
        if user is None or birth_of(user) != birth_of(item):
            yield f"the devices of {item['user_sid']} are left, and the user is gone"
        if not 0 < len(item["devices"]) <= MOST_DEVICES:
            yield f"{item['user_sid']} has {len(item['devices'])} devices"
        told |= {sid: {**device, "user_sid": item["user_sid"]} for sid, device in item["devices"].items()}
    bindings = {item["sid"]: item for _, item in account.of("BINDING#") if account.swept or _has_user(account, item)}
    held = {
        item["binding_sid"]: key for key, item in account.of("DEVICE") if account.swept or item["binding_sid"] in told
    }
    for sid in bindings.keys() | told.keys() | held.keys():
        there = [name for name, items in (("BINDING", bindings), ("PUSH", told), ("DEVICE", held)) if sid in items]
        if len(there) < 3:
            yield f"of {sid} there is only {' and '.join(there)}"
            continue
        binding, device = bindings[sid], told[sid]
        for name, of_device in (("address", "address"), ("binding_type", "type"), ("message_types", "types")):
            if binding[name] != device[of_device]:
                yield f"{sid} has the {name} {binding[name]}, and its device has {device[of_device]}"
        if binding["user_sid"] != device["user_sid"] or binding.get("credential_sid") != device.get("credential"):
            yield f"{sid} and its device are not of one user and one credential"
        if held[sid] != address_key(binding["service_sid"], binding.get("credential_sid"), binding["address"]):
            yield f"{sid} holds another address than its own"


def _has_user(account: Account, binding: Item) -> bool:
    user = account.users.get(binding["user_sid"])
    return user is not None and birth_of(user) == birth_of(binding)


def _connections(account: Account) -> Iterator[str]:
    now = account.now_ms // 1000
    open_ = {item["id"]: item for key, item in account.of("CONNECTION") if key.sk == "CONNECTION"}
    open_ = {sid: item for sid, item in open_.items() if item["expires_at"] > now}
    due = {item["id"] for key, item in account.items.items() if key.pk.startswith("DUE#") and "id" in item}
    present: dict[str, str] = {}
    for key, presence in account.of("PRESENCE"):
        for name, entry in presence.items():
            if name.startswith(PREFIX) and entry["until"] > now:
                present[name.removeprefix(PREFIX)] = key.pk.removeprefix("USER#")
    for sid, connection in open_.items():
        if present.get(sid) != connection["user_sid"] and not account.deaths:
            yield f"the connection {sid} is not among those of {connection['user_sid']}"
        if sid not in due:
            yield f"nobody will end the connection {sid}"
    for sid, user in present.items():
        if sid not in open_ and not (account.deaths and not _is_watched(account, user)):
            yield f"{user} is said to have the connection {sid}, which is gone"
    hears = {(item["id"], key.pk.partition("#")[2]) for key, item in account.of("FOLLOWER#") if item["until"] > now}
    follows = {(sid, user) for sid, connection in open_.items() for user in connection.get("follows") or ()}
    for sid, user in () if account.deaths else hears - follows:
        yield f"the connection {sid} hears of {user}, whom it does not follow"
    for sid, user in () if account.deaths else follows - hears:
        yield f"the connection {sid} follows {user}, and does not hear of it"


def _is_watched(account: Account, user_sid: str) -> bool:
    """Whether a user's service wants to know who is online."""
    user = account.users.get(user_sid)
    service = account.services.get(user["service_sid"]) if user else None
    return service is not None and bool(service.get("reachability_enabled"))


def _online(account: Account) -> Iterator[str]:
    now = account.now_ms // 1000
    for sid, user in account.users.items():
        presence = account.living.get(keys.presence(sid), {})
        is_there = bool(live_connections(presence, now, birth_of(user)))
        is_said = user.get("is_online") is True
        if _is_watched(account, sid) and is_said != is_there and not (account.deaths and is_there):
            yield f"{sid} is said to be {'on' if is_said else 'off'}line, and it is not"


CHECKS: tuple[Check, ...] = (
    _counts_of_users,
    _roles,
    _left_behind,
    _devices,
    _connections,
    _online,
)
