"""Invariants of channels: their names, lists, counters, entries, messages, aliases and tokens."""

from __future__ import annotations

from collections.abc import Iterator

from parley.domain.timers import due_at
from parley.ids import member_sid, message_sid
from parley.sockets import markers
from parley.store import keys
from tests.support.invariants.account import Account, Check


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


def _beginnings(account: Account) -> Iterator[str]:
    for key, tail in account.of("TAIL") if account.swept else ():
        if tail.get("state") == "initializing":
            yield f"{key.pk} is initializing, and nothing is owed that makes it active"


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


CHECKS: tuple[Check, ...] = (
    _names,
    _listings,
    _tails,
    _markers,
    _entries,
    _messages,
    _beginnings,
    _aliases,
    _tokens,
)
