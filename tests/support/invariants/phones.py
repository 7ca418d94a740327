"""Invariants of phones: senders, pairs and groups of addresses, and receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from parley.domain.participants import addresses_of_group, bindings_in, group_of
from parley.ids import group_digest
from parley.store import keys
from tests.support.invariants.account import Account, Check, Item


def _senders(account: Account) -> Iterator[str]:
    there = Counter(item.get("messaging_service_sid") for _, item in account.of("SENDER#"))
    for _, service in account.of("MESSAGING_SERVICE#"):
        counted = service.get("senders_count", 0)
        if counted != there[service["sid"]]:
            yield f"{service['sid']} counts {counted} senders, and there are {there[service['sid']]}"


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


CHECKS: tuple[Check, ...] = (_senders, _bindings, _pairs, _groups, _receipts)
