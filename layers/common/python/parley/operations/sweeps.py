"""Sweeps: after a channel, user or service was deleted, a sweep removes the records that belonged to it, in steps.

A sweep reads some of the records that are left, removes them and reads again. It stores no position. So a step that
dies half-way is simply repeated, and two sweeps of the same channel, user or service do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from parley.domain.counting import SETTLED_MS
from parley.domain.memberships import birth_of
from parley.errors import NOT_FOUND, USER_NOT_FOUND, Refusal, ignoring
from parley.jobs import Again
from parley.operations import attaching, bound, channels, departures, devices, users, verbs
from parley.operations.channel_log import Overtaken, unchanged
from parley.operations.context import Context
from parley.records import MEMBER
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Range
from parley.store.table import Found
from parley.store.writes import Erase, Guard, Update
from parley.stored import Member

# How long after a deletion its sweep begins. In two seconds, fan-out has mostly read a deleted channel's members
# (`may_begin`). In five, the index of memberships, which lags behind the table, has caught up. After sixty seconds no
# container remembers a deleted service.
_DELAY_SECONDS = {"channel": 2, "user": 5, "service": 60, "closed": 0}
# DynamoDB keeps stream records for 24 hours. If fan-out has not handled a deletion by then, it never will.
_LONGEST_WAIT_MS = 24 * 3_600_000
_STEP = 100
# The items that the erasing of whole spans leaves out: tombstones, which expire by themselves, and items that a sweep
# removes one by one, because other items change with each.
_KEPT_OF_CHANNELS = ("CHANNEL", "TAIL", "MEMBER#")
_KEPT_OF_SERVICES = ("CHANNELS#",)

IsLate = Callable[[], bool]
R = TypeVar("R", bound=Mapping[str, Any])


def delay_seconds(job: dict[str, Any]) -> int:
    """How long after its planning a sweep begins."""
    return _DELAY_SECONDS[job["kind"]]


def may_begin(context: Context, job: dict[str, Any]) -> bool:
    """Whether a sweep may begin; the sweep of a channel waits for fan-out.

    Fan-out reads the members of a deleted channel to tell them of the deletion. Then it sets `told_at` in the tombstone
    of the channel's counters. Until then the sweep leaves the members in place, but for 24 hours at most.
    """
    if job["kind"] != "channel" or context.clock.now_ms() - job["at"] > _LONGEST_WAIT_MS:
        return True
    tail_key = keys.tail(job["sid"])
    tail = context.table.fetch_many([tail_key], buried=True).get(tail_key)
    return tail is None or "told_at" in tail


def sweep(context: Context, job: dict[str, Any], is_late: IsLate) -> Again | None:
    """Do one step of a sweep; returns None if nothing is left to remove. The step ends as soon as `is_late()` is true.

    `job` is `{"kind": "channel" | "user" | "service", "sid": ..., "at": milliseconds of the deletion}`. For a user it
    also has the user's `birth`. The kind `closed` is a conversation that was closed.
    """
    return None if _SWEEPS[job["kind"]](context, job, is_late) else Again()


def look_again(context: Context, job: dict[str, Any]) -> Again | None:
    """When to sweep a channel once more, although its sweep is done; None if that is not needed.

    A sender takes an index and then writes the message. If the channel is deleted in between, the message may come
    after the sweep. A condition on that write would prevent this, but it would make every message dearer. No function
    runs longer than a minute, so a sweep one minute after the deletion finds every such message.
    """
    if job["kind"] != "channel" or context.clock.now_ms() - job["at"] >= SETTLED_MS:
        return None
    return Again(SETTLED_MS // 1000)


def _sweep_channel(context: Context, job: dict[str, Any], is_late: IsLate) -> bool:
    """Free a channel's pairs, erase its members and lower their users' counts; then erase all else, and its files."""
    sid = job["sid"]
    for number, member in enumerate(_each(context, keys.members(sid), is_late)):
        if number == 0:
            bound.release(context, member)
        _erase_member(context, member)
    _erase_rest(context, keys.in_channel(sid), _KEPT_OF_CHANNELS, is_late)
    return not is_late()


def _sweep_closed(context: Context, job: dict[str, Any], is_late: IsLate) -> bool:
    """Release a closed conversation's pairs, and lower its members' counts of channels.

    Each count is lowered once, and the member notes it. Nobody joins a closed conversation, so it is enough to read its
    members once.
    """
    for number, page in enumerate(_pages(context, keys.members(job["sid"]), is_late)):
        if number == 0 and page:
            bound.release(context, page[0].record)
        for item in page:
            if is_late():
                return False
            if "uncounted" not in item.record:
                _uncount(context, item.record)
    return not is_late()


def _uncount(context: Context, member: Member) -> None:
    once = Guard("uncounted", "missing", None, NOT_FOUND())
    key = keys.member(member["channel_sid"], member["sid"])
    noted = Update(key, NOT_FOUND(), set={"uncounted": True}, guards=(once,), announced=False)
    with ignoring(NOT_FOUND):
        try:
            context.table.commit(context.cause(), [noted, *departures.one_channel_less(member)])
        except Refusal as refusal:
            if refusal.error is not USER_NOT_FOUND:
                raise
            context.table.commit(context.cause(), [noted])


def _pages(context: Context, where: Range[R], is_late: IsLate, *, buried: bool = False) -> Iterator[list[Found[R]]]:
    """The pages of a span, each of them after the one before, until `is_late()`."""
    position: str | None = None
    while not is_late():
        found, more = context.table.page(where, _STEP, after=position, buried=buried)
        yield found
        if not more:
            return
        position = found[-1].position


def _each(context: Context, where: Range[R], is_late: IsLate) -> Iterator[R]:
    """The records of a span, until `is_late()`. The caller removes each, so every page is read from the beginning."""
    while not is_late():
        found, more = context.table.page(where, _STEP)
        for item in found:
            if is_late():
                return
            yield item.record
        if not more:
            return


def _path_of(member: Member) -> Path:
    return {"service_sid": member["service_sid"], "channel_sid": member["channel_sid"], "sid": member["sid"]}


def _erase_member(context: Context, member: Member) -> None:
    """Erase a member of a deleted channel and lower its user's count of channels, in one transaction.

    If another sweep has erased the member, nothing happens. If the user was deleted, only the member is erased.
    """
    key = keys.member(member["channel_sid"], member["sid"])
    # The sweep after a closing may have lowered the count in the meantime.
    erased = Erase(key, NOT_FOUND(), (unchanged(member, "uncounted"),))
    with ignoring(NOT_FOUND):
        try:
            context.table.commit(context.cause(), [erased, *departures.one_channel_less(member)])
        except Overtaken:
            _erase_member(context, verbs.load(context, MEMBER, _path_of(member)))
        except Refusal as refusal:
            if refusal.error is not USER_NOT_FOUND:
                raise
            context.table.commit(context.cause(), [erased])


def _sweep_user(context: Context, job: dict[str, Any], is_late: IsLate) -> bool:
    """Remove a deleted user's memberships and invites, announce each removal, and erase what belongs to its phones.

    Records with another birth belong to a new user of the same identity and stay.
    """
    user, birth = job["sid"], job.get("birth", "")
    for held in _leftovers(context, keys.user_channels(user), birth, is_late):
        departures.remove_leftover(context, held, birth)
    for device in _leftovers(context, keys.user_bindings(user), birth, is_late):
        same = verbs.same_user(birth, NOT_FOUND())
        with ignoring(NOT_FOUND):
            where = keys.binding(device["service_sid"], device["sid"])
            context.table.commit(context.cause(), [Erase(where, NOT_FOUND(), (same,))])
    left = context.table.fetch(keys.user_devices(user))
    if left and birth_of(left) == birth:
        devices.forget(context, left)
    # The log of a new user's notifications begins after the deletion.
    end = keys.time(job["at"])
    for page in _pages(context, keys.all_pushed(user), is_late):
        context.table.erase_many(item.key for item in page if item.position < end)
    return not is_late()


def _leftovers(context: Context, where: Range[Any], birth: str, is_late: IsLate) -> Iterator[Record]:
    """The living records with this birth that an index lists, until `is_late()`.

    The index lags behind the table, so it may still list a record that was just removed. So each page begins after the
    last one, and does not start over.
    """
    for page in _pages(context, where, is_late):
        records = context.table.fetch_many(item.key for item in page)
        for record in records.values():
            if birth_of(record) == birth:
                if is_late():
                    return
                yield record


def _sweep_service(context: Context, job: dict[str, Any], is_late: IsLate) -> bool:
    """Delete a service's channels and users, whose own sweeps follow, and erase all other records of the service."""
    service_sid = job["sid"]
    for listing in _each(context, keys.all_channel_listings(service_sid), is_late):
        with ignoring(NOT_FOUND):
            channels.remove(context, {"service_sid": service_sid, "sid": listing["channel_sid"]})
    for page in _pages(context, keys.users(service_sid), is_late):
        for item in page:
            if not is_late():
                with ignoring(NOT_FOUND):
                    users.remove(context, {"service_sid": service_sid, "sid": item.key.pk.removeprefix("USER#")})
    # The files that messages carry go with their channels.
    for waiting in _pages(context, keys.waiting_media(service_sid), is_late):
        context.table.erase_many(item.key for item in waiting)
    _erase_rest(context, keys.in_service(service_sid), _KEPT_OF_SERVICES, is_late)
    return not is_late()


def _erase_rest(context: Context, where: Range[Any], kept: tuple[str, ...], is_late: IsLate) -> None:
    """Erase all items of a span except those whose sort keys begin with one of `kept`.

    Each page begins after the last item of the page before, so the kept items are read once. The files of messages are
    erased before the messages: nothing else leads to them.
    """
    for page in _pages(context, where, is_late, buried=True):
        context.table.erase_many(file for item in page for file in attaching.carried_by(item.record))
        context.table.erase_many(item.key for item in page if not item.key.sk.startswith(kept))


_SWEEPS = {"channel": _sweep_channel, "user": _sweep_user, "service": _sweep_service, "closed": _sweep_closed}
