"""Sweeps: what is removed after its parent was deleted and hidden, in steps that can stop and go on anywhere.

A sweep reads what is still there, removes it and reads again; it keeps no position. So a step that dies half-way is
simply done again, and two at once do each other no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from parley.errors import NOT_FOUND, Refusal
from parley.operations import channels, invites, members, users
from parley.operations.context import Context
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Range
from parley.store.writes import Erase, Write

# Fan-out reads a deleted channel's members to tell them; the sweep that removes them gives it this much time.
_DELAY_SECONDS = 60
# Nobody is read for a deleted user, and who comes back is soon to find nothing of the former one. Only the index of
# memberships, which lags behind the table, is given time.
_DELAY_SECONDS_OF_A_USER = 5
_STEP = 100

Hurry = Callable[[], bool]


def delay_seconds(job: dict[str, Any]) -> int:
    """How long after its planning a sweep begins."""
    return _DELAY_SECONDS_OF_A_USER if job["kind"] == "user" else _DELAY_SECONDS


def sweep(context: Context, job: dict[str, Any], is_late: Hurry) -> bool:
    """One step of a sweep; returns whether all is done. `is_late` says when to stop and come back.

    `job` is `{"kind": "channel" | "user" | "service", "sid": ..., "at": milliseconds of the deletion}`.
    """
    return _SWEEPS[job["kind"]](context, job, is_late)


def _sweep_channel(context: Context, job: dict[str, Any], is_late: Hurry) -> bool:
    """A channel's members (who leave room for another channel), messages and log."""
    sid = job["sid"]
    for member in _each(context, keys.members(sid), is_late):
        writes: list[Write] = [Erase(keys.member(sid, member["sid"]), missing=NOT_FOUND())]
        _leave(context, member, writes)
    for where in (keys.invites(sid), keys.channel_webhooks(sid), keys.messages(sid), keys.changes(sid)):
        _erase_all(context, where, is_late)
    return not is_late()


def _each(context: Context, where: Range, is_late: Hurry) -> Iterable[Record]:
    while not is_late():
        found, more = context.table.page(where, _STEP)
        for item in found:
            if is_late():
                return
            yield item.record
        if not more:
            return


def _leave(context: Context, member: Record, writes: list[Write]) -> None:
    try:
        context.table.commit(context.cause(), [*writes, members.uncounted(member)])
    except Refusal:
        # Either another sweep was faster, or the user is gone and only the membership is left.
        context.table.erase_many(write.key for write in writes)


def _sweep_user(context: Context, job: dict[str, Any], is_late: Hurry) -> bool:
    """A deleted user's memberships and invites, each announced as a removal, and its push registrations."""
    user = job["sid"]
    position: str | None = None
    while not is_late():
        found, more = context.table.page(keys.user_channels(user), _STEP, after=position)
        for item in found:
            if is_late():
                return False
            _remove_from_channel(context, item.key, job["at"])
        if not more:
            devices = context.table.page(keys.user_bindings(user), _STEP).found
            context.table.erase_many(item.key for item in devices)
            return True
        # The index lags behind the table, so what was just removed may still be listed: go on behind it.
        position = found[-1].position
    return False


def _remove_from_channel(context: Context, key: keys.Key, deleted_at: int) -> None:
    held = context.table.fetch(key)
    # An identity that was created anew meanwhile keeps what it joined, or was invited to, since.
    if held is None or held.get("joined_at", held["date_created"]) > deleted_at:
        return
    path = {name: held[name] for name in ("service_sid", "channel_sid", "sid")}
    with _unless_gone():
        if held["sid"].startswith("IN"):
            invites.remove(context, path)
        else:
            members.remove(context, path, counted=False)


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Do something that another sweep, or anybody else, may have done meanwhile."""
    try:
        yield
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise


def _sweep_service(context: Context, job: dict[str, Any], is_late: Hurry) -> bool:
    """A service's channels and users, whose own sweeps follow, then its roles."""
    service_sid = job["sid"]
    for channel_type in ("public", "private"):
        for listing in _each(context, keys.channel_listings(service_sid, channel_type), is_late):
            with _unless_gone():
                channels.remove(context, {"service_sid": service_sid, "sid": listing["channel_sid"]})
    position: str | None = None
    while not is_late():
        found, more = context.table.page(keys.users(service_sid), _STEP, after=position)
        for item in found:
            if not is_late():
                with _unless_gone():
                    users.remove(context, {"service_sid": service_sid, "sid": item.key.pk.removeprefix("USER#")})
        if not more:
            break
        position = found[-1].position
    _erase_all(context, keys.bindings(service_sid), is_late)
    _erase_all(context, keys.roles(service_sid), is_late)
    if not is_late():
        context.table.erase_many([keys.service_rate(service_sid)])
    return not is_late()


def _erase_all(context: Context, where: Range, is_late: Hurry) -> None:
    while not is_late():
        found, more = context.table.page(where, _STEP, buried=True)
        context.table.erase_many(item.key for item in found)
        if not more:
            return


_SWEEPS = {"channel": _sweep_channel, "user": _sweep_user, "service": _sweep_service}
