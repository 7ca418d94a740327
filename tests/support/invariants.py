"""Invariants: one function that reads everything an account has stored and names every contradiction in it.

    assert contradictions(everything(client, table_name, account_sid)) == []

Run it when no request is under way, and no sweep either unless `swept=False` says that some are still to come. A counter
that will settle by itself after a death is no contradiction; a counter that stays wrong is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from parley.domain.memberships import birth_of, user_of
from parley.domain.messages import files_of
from parley.domain.participants import addresses_of_group, bindings_in, group_of
from parley.domain.presence import PREFIX, live_connections
from parley.domain.push import MOST_DEVICES
from parley.domain.timers import due_at
from parley.ids import group_digest, member_sid, message_sid
from parley.operations.devices import address_key
from parley.sockets import markers
from parley.store import keys
from parley.store.items import from_attribute
from parley.store.keys import Key

Item = dict[str, Any]
_HOLDERS = ("USER", "MEMBER#", "INVITE#")


@dataclass
class Account:
    """Items by key, with their index attributes, of one account's services."""

    items: dict[Key[Any], Item]
    swept: bool = True
    now_ms: int = 0
    deaths: bool = False
    objects: frozenset[str] | None = None

    @cached_property
    def living(self) -> dict[Key[Any], Item]:
        return {key: item for key, item in self.items.items() if "deleted_at" not in item}

    def of(self, *beginnings: str) -> Iterator[tuple[Key[Any], Item]]:
        """The living items whose sort keys begin so."""
        return ((key, item) for key, item in self.living.items() if key.sk.startswith(beginnings))

    @cached_property
    def by_channel(self) -> dict[str, dict[Key[Any], Item]]:
        found: dict[str, dict[Key[Any], Item]] = {}
        for key, item in self.items.items():
            if key.pk.startswith("CHANNEL#"):
                found.setdefault(key.pk.removeprefix("CHANNEL#"), {})[key] = item
        return found

    def in_channel(self, sid: str, beginning: str) -> list[Item]:
        """The living items of a channel's partition whose sort keys begin so."""
        partition = self.by_channel.get(sid, {})
        return [item for key, item in partition.items() if key.sk.startswith(beginning) and "deleted_at" not in item]

    @cached_property
    def channels(self) -> dict[str, Item]:
        return {item["sid"]: item for key, item in self.of("CHANNEL") if key.sk == "CHANNEL"}

    @cached_property
    def users(self) -> dict[str, Item]:
        return {item["sid"]: item for key, item in self.of("USER") if key.sk == "USER"}

    @cached_property
    def services(self) -> dict[str, Item]:
        return {item["sid"]: item for _, item in self.of("SERVICE#")}


def everything(client: Any, table_name: str, account_sid: str) -> dict[Key[Any], Item]:
    """All items that belong to an account: those of its services, of their channels, users and connections."""
    stored: list[dict[str, Any]] = []
    request: dict[str, Any] = {"TableName": table_name, "ConsistentRead": True}
    while True:
        answer = client.scan(**request)
        stored += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    # Most items are other accounts', so they are chosen before they are decoded.
    owner = f"ACCOUNT#{account_sid}"
    services = {_text(item, "sk").removeprefix("SERVICE#") for item in stored if _text(item, "pk") == owner}
    inside = [item for item in stored if _text(item, "service_sid") in services]
    sids = services | {_text(item, "sid") for item in inside if "sid" in item}
    connections = {_text(item, "id") for item in inside if _text(item, "sk") == "CONNECTION"}

    def belongs(item: dict[str, Any]) -> bool:
        pk = _text(item, "pk")
        if account_sid in pk or _text(item, "service_sid") in services:
            return True
        # A unique name may hold the sign too, and then a part may be empty.
        parts = [part for part in pk.split("#") if part]
        # Connections of other accounts may have the same id, so those who follow a user are found by the user.
        return not sids.isdisjoint(parts) or not connections.isdisjoint(parts)

    decoded = ({name: from_attribute(value) for name, value in item.items()} for item in stored if belongs(item))
    return {Key(item["pk"], item["sk"]): item for item in decoded}


def _text(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def contradictions(
    items: dict[Key[Any], Item],
    *,
    swept: bool = True,
    now_ms: int = 0,
    deaths: bool = False,
    objects: Iterable[str] | None = None,
) -> list[str]:
    """Every contradiction among an account's items, each as a sentence.

    `swept` says that no sweep is owed any more. `deaths` says that functions died while they opened or closed sockets:
    then what nobody can see may be left until the connection's time is over. A request to follow that was killed may be
    noted and not heard: no reply was given, and asking again mends it.

    `objects` are the keys of all objects in the account's bucket. Without them, only the records of files are compared.
    """
    account = Account(items, swept, now_ms, deaths, None if objects is None else frozenset(objects))
    return [sentence for check in CHECKS for sentence in check(account)]


def _senders(account: Account) -> Iterator[str]:
    there = Counter(item.get("messaging_service_sid") for _, item in account.of("SENDER#"))
    for _, service in account.of("MESSAGING_SERVICE#"):
        counted = service.get("senders_count", 0)
        if counted != there[service["sid"]]:
            yield f"{service['sid']} counts {counted} senders, and there are {there[service['sid']]}"


def _names(account: Account) -> Iterator[str]:
    leads = {key: item["channel_sid"] for key, item in account.of("NAME")}
    for key, sid in leads.items():
        channel = account.channels.get(sid)
        if channel is None or keys.unique_name(channel["service_sid"], channel.get("unique_name") or "") != key:
            yield f"the name {key.pk} leads to {sid}, which does not bear it"
    for sid, channel in account.channels.items():
        name = channel.get("unique_name")
        if name and leads.get(keys.unique_name(channel["service_sid"], name)) != sid:
            yield f"{sid} bears the name {name!r}, which does not lead to it"


def _listings(account: Account) -> Iterator[str]:
    listed = {(key.pk, key.sk) for key, _ in account.of("CHANNELS#")}
    wanted = {
        tuple(keys.channel_listing(c["service_sid"], c["type"], c.get("state") or "active", c["date_created"], sid))
        for sid, c in account.channels.items()
    }
    for pk, sk in listed - wanted:
        if account.swept or pk.removeprefix("SERVICE#") in account.services:
            yield f"{pk} lists {sk}, and there is no such channel of this type and state"
    for pk, sk in wanted - listed:
        yield f"{pk} does not list {sk}"


def _tails(account: Account) -> Iterator[str]:
    for key, tail in account.of("TAIL"):
        sid = key.pk.removeprefix("CHANNEL#")
        if sid not in account.channels:
            yield f"the counters of {sid} live, and the channel does not"
            continue
        for name, beginning in (("members_count", "MEMBER#"), ("webhooks_count", "WEBHOOK#")):
            there = len(account.in_channel(sid, beginning))
            if tail[name] != there:
                yield f"{sid} says {name} {tail[name]}, and there are {there}"
        # Channels from the time before this was counted do not have it.
        joined = tail.get("memberships_changed", tail["members_count"])
        if joined < tail["members_count"]:
            yield f"{sid} says that people joined and left {joined} times, and it has {tail['members_count']} members"
        if tail.get("type", account.channels[sid]["type"]) != account.channels[sid]["type"]:
            yield f"the counters of {sid} say another type than the channel"
        if tail.get("state") != account.channels[sid].get("state"):
            yield f"the counters of {sid} say another state than the channel"
        newest = max((item.get("seq", 0) for item in account.by_channel[sid].values()), default=0)
        if newest > tail["seq"]:
            yield f"something in {sid} has the number {newest}, and the counters say {tail['seq']}"
    for sid in account.channels:
        if keys.tail(sid) not in account.living:
            yield f"{sid} has no counters"


def _entries(account: Account) -> Iterator[str]:
    listed = {key.sk for key in account.living if key.pk.startswith(("ACTIVITY#", "TIMERS#"))}
    wanted = set()
    for sid, channel in account.channels.items():
        tail = account.living.get(keys.tail(sid), {})
        hour, due, ends = tail.get("activity_hour"), tail.get("timer_due"), due_at(channel, tail)
        wanted |= {f"{keys.padded(hour)}#{sid}"} if hour is not None else set()
        wanted |= {f"{keys.time(due)}#{sid}"} if due is not None else set()
        if (hour is None) != (channel["type"] == "public"):
            yield f"{sid} is {channel['type']}, and says {hour} for the hour of its activity"
        if (due is None) != (ends is None) or (due and ends and due > ends):
            yield f"the timer of {sid} runs out at {ends}, and it will be looked at {due}"
    for entry in listed - wanted:
        if account.swept or entry.rpartition("#")[2] in account.channels:
            yield f"the entry {entry} leads to no channel that says so"
    for entry in wanted - listed:
        yield f"the entry {entry} is missing"


def _messages(account: Account) -> Iterator[str]:
    for key, tail in account.of("TAIL"):
        sid = key.pk.removeprefix("CHANNEL#")
        living = {message["index"] for message in account.in_channel(sid, "MESSAGE#")}
        last, looked_at, removed = tail["last_index"], tail["counted_index"], tail.get("removed", frozenset())
        counted = sum(index <= looked_at for index in living)
        if tail["counted"] != counted:
            yield f"{sid} counted {tail['counted']} messages up to {looked_at}, and there are {counted}"
        if removed & living or any(not looked_at < index <= last for index in removed):
            yield f"{sid} says that {sorted(removed)} are removed, of messages {looked_at + 1} to {last}"
        if (living and max(living) > last) or looked_at > last:
            yield f"{sid} says that its last index is {last}, and there are later ones"
        newest, stored = tail.get("last_message_index", last), max(living, default=-1)
        # A send that died may have left its index empty.
        is_empty = max(stored, looked_at) < newest <= last and newest not in removed
        if newest != stored and not is_empty:
            yield f"{sid} says that its newest message is {newest}, and it is {stored}"
        for message in account.in_channel(sid, "MESSAGE#"):
            if message["sid"] != message_sid(sid, message["index"]):
                yield f"{message['sid']} is not the SID of message {message['index']} of {sid}"


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
        if "role_sid" not in holder or holder.get("service_sid") not in account.services or _is_dead(account, key):
            continue
        role, index = roles.get(holder["role_sid"]), holder.get("gsi2pk")
        if role is None:
            yield f"{holder['sid']} has the role {holder['role_sid']}, which is gone"
        elif index not in (None, f"ROLE#{holder['role_sid']}"):
            yield f"{holder['sid']} has the role {holder['role_sid']}, and the index of holders says {index}"
        elif index is None and not role.get("was_default"):
            yield f"{holder['sid']} has the role {holder['role_sid']}, of which the index of holders does not know"


def _is_dead(account: Account, key: Key[Any]) -> bool:
    return key.pk.startswith("CHANNEL#") and key.pk.removeprefix("CHANNEL#") not in account.channels


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


def _tokens(account: Account) -> Iterator[str]:
    for key, token in account.of("IDEMPOTENCY"):
        # The token of a message from a phone counts in the account, and says to which channel it leads.
        sid = token.get("channel_sid") if "index" in token else None
        sid = sid or key.pk.split("#")[1]
        tail = account.living.get(keys.tail(sid))
        if tail is not None and token["index"] > tail["last_index"]:
            yield f"a token of {sid} stands for message {token['index']}, and there are {tail['last_index'] + 1}"
        if tail is not None and account.items.get(keys.message(sid, token["index"]), {}).get("given_up"):
            yield f"a token of {sid} stands for message {token['index']}, which was given up"
    for key, message in account.items.items():
        if message.get("given_up"):
            sid = key.pk.removeprefix("CHANNEL#")
            if sid in account.channels and keys.change(sid, message["seq"]) not in account.items:
                yield f"message {message['index']} of {sid} was given up, and nobody heard of its number"


def _markers(account: Account) -> Iterator[str]:
    for key, marker in account.of("MARKER#"):
        sid = key.pk.removeprefix("CHANNEL#")
        tail = account.living.get(keys.tail(sid))
        if tail is not None and marker["seq"] > tail["seq"]:
            yield f"a marker of {sid} is of change {marker['seq']}, and there are {tail['seq']}"
        if markers.key(sid, marker["seq"]) != key:
            yield f"{key.sk} of {sid} is of change {marker['seq']}, and stands in the place of another one"


def _bindings(account: Account) -> Iterator[str]:
    for sid in account.channels:
        tail = account.living.get(keys.tail(sid), {})
        held = {one["sid"]: one["messaging_binding"] for one in account.in_channel(sid, "MEMBER#") if _binding(one)}
        noted = tail.get("group")
        in_group = {name: binding for name, binding in held.items() if "proxy_address" not in binding}
        if noted != group_of(list(in_group.values()), bool(noted and noted["is_found"])):
            yield f"{sid} notes the addresses {noted} of a group, and there are the bindings {in_group}"
        listed = {one["member_sid"] for one in account.in_channel(sid, "BOUND#")}
        if listed != held.keys() - in_group.keys():
            yield f"{sid} lists {listed} with pairs, and there are {held.keys() - in_group.keys()}"
        phones = sum("address" in binding for binding in held.values())
        if tail.get("bound_count", 0) != phones:
            yield f"{sid} says bound_count {tail.get('bound_count')}, and there are {phones} phones"


# What a receipt counts as at its message.
_REACHED = {
    "sent": {"sent"},
    "failed": {"failed"},
    "undelivered": {"sent", "undelivered"},
    "delivered": {"sent", "delivered"},
    "read": {"sent", "delivered", "read"},
}


def _receipts(account: Account) -> Iterator[str]:
    for sid in account.channels:
        receipts: dict[int, list[set[str]]] = {}
        for receipt in account.in_channel(sid, "RECEIPT#"):
            receipts.setdefault(receipt["index"], []).append(_REACHED.get(receipt.get("status", ""), set()))
        for message in account.in_channel(sid, "MESSAGE#"):
            counts, made = message.get("delivery"), receipts.get(message["index"], [])
            # No receipts are there until the message is handed to the carrier for the first time.
            total = len(made) or (counts or {}).get("total")
            reached = {name: sum(name in one for one in made) for name in _REACHED}
            wanted = {"total": total, **{name: count for name, count in reached.items() if count}}
            if counts is None and made:
                yield f"{message['sid']} counts no receipts, and there are {len(made)}"
            if counts is not None and counts != wanted:
                yield f"{message['sid']} counts its receipts as {counts}, and they are {wanted}"


def _binding(member: Item) -> dict[str, Any] | None:
    return member.get("messaging_binding")


def _beginnings(account: Account) -> Iterator[str]:
    for key, tail in account.of("TAIL") if account.swept else ():
        if tail.get("state") == "initializing":
            yield f"{key.pk} is initializing, and nothing is owed that makes it active"


def _is_open(account: Account, sid: str) -> bool:
    channel = account.channels.get(sid)
    if channel is None or channel["service_sid"] not in account.services:
        return False
    return account.living.get(keys.tail(sid), {}).get("state") != "closed"


def _pairs(account: Account) -> Iterator[str]:
    leads = {key: (item["channel_sid"], item["member_sid"]) for key, item in account.of("PAIR") if key.sk == "PAIR"}
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    for key, member in account.of("MEMBER#"):
        sid, binding = key.pk.removeprefix("CHANNEL#"), _binding(member) or {}
        if "proxy_address" not in binding or not _is_open(account, sid):
            continue
        pair = (binding["address"], binding["proxy_address"])
        if pair in wanted:
            yield f"both {sid} and {wanted[pair][0]} have the pair {pair}"
        wanted[pair] = (sid, member["sid"])
    found = {(key.pk.split("#")[2], key.pk.split("#")[3]): holder for key, holder in leads.items()}
    for pair, holder in wanted.items():
        if found.get(pair) != holder:
            yield f"the pair {pair} leads to {found.get(pair)}, and {holder} has it"
    for pair, holder in found.items():
        if wanted.get(pair) != holder and (account.swept or _is_open(account, holder[0])):
            yield f"the pair {pair} leads to {holder}, who does not have it"


def _groups(account: Account) -> Iterator[str]:
    for key, group in account.of("GROUP"):
        sid, digest = group["channel_sid"], key.pk.split("#")[2]
        is_owed = account.swept or _is_open(account, sid)
        if is_owed and _set_of(account, sid) != digest:
            yield f"the set {digest} leads to {sid}, which does not have it"
    held = [digest for sid in account.channels if (digest := _set_of(account, sid))]
    known = {key.pk.split("#")[2] for key, _ in account.of("GROUP")}
    if len(set(held)) < len(held) or set(held) - known:
        yield f"the sets of addresses {sorted(held)} are not those that lead to their channels, {sorted(known)}"


def _set_of(account: Account, sid: str) -> str | None:
    """The digest of the set of addresses that leads to an open conversation."""
    group = account.living.get(keys.tail(sid), {}).get("group")
    if not group or not group["is_found"] or not _is_open(account, sid):
        return None
    return group_digest(addresses_of_group(bindings_in(group)))


def _aliases(account: Account) -> Iterator[str]:
    for sid in account.channels:
        leads = {
            key.sk.removeprefix("ALIAS#"): item["member_sid"]
            for key, item in account.by_channel[sid].items()
            if key.sk.startswith("ALIAS#")
        }
        wanted = {
            derived: one["sid"]
            for one in account.in_channel(sid, "MEMBER#")
            if "identity" in one and (derived := member_sid(sid, one["identity"])) != one["sid"]
        }
        if leads != wanted:
            yield f"{sid} has the aliases {leads}, and needs {wanted}"


def _files(account: Account) -> Iterator[str]:
    """Files and messages name each other. A file that no message carries is listed, and it expires."""
    carried = {
        file["sid"]: message
        for key, message in account.of("MESSAGE#")
        if not _is_dead(account, key)
        for file in files_of(message)
    }
    records = {item["sid"]: item for key, item in account.of("MEDIA") if key.sk == "MEDIA"}
    for sid, message in carried.items():
        if records.get(sid, {}).get("message_sid") != message["sid"]:
            yield f"{message['sid']} carries {sid}, whose record names {records.get(sid, {}).get('message_sid')}"
    for sid, record in records.items():
        message_sid = record.get("message_sid")
        is_waiting = message_sid is None
        if message_sid and sid not in carried and (account.swept or record["channel_sid"] in account.channels):
            yield f"{sid} names {message_sid}, which does not carry it"
        if is_waiting != ("expires_at" in record) or is_waiting != ("gsi1pk" in record):
            yield f"{sid} is {'not ' * (not is_waiting)}waiting for a message, and expires at {record.get('expires_at')}"
        if record["service_sid"] not in account.services and account.swept:
            yield f"{sid} is left of {record['service_sid']}, which is gone"
    yield from _objects(account, records)


def _objects(account: Account, records: dict[str, Item]) -> Iterator[str]:
    """Each file whose bytes have come has an object, and there is no other object."""
    if account.objects is None:
        return
    stored = {key.rpartition("/")[2] for key in account.objects}
    for sid, record in records.items():
        is_over = "expires_at" in record and record["expires_at"] * 1000 <= account.now_ms
        if record["state"] == "ready" and not is_over and sid not in stored:
            yield f"{sid} is ready, and there is no object"
    for sid in stored - records.keys() if account.swept else ():
        yield f"the object of {sid} is left, and its record is gone"


CHECKS: tuple[Callable[[Account], Iterable[str]], ...] = (
    _senders,
    _names,
    _listings,
    _tails,
    _markers,
    _entries,
    _messages,
    _counts_of_users,
    _roles,
    _left_behind,
    _bindings,
    _devices,
    _beginnings,
    _pairs,
    _groups,
    _aliases,
    _receipts,
    _connections,
    _online,
    _tokens,
    _files,
)
