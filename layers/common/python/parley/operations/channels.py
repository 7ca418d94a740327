"""Channels: the record, its counters (TAIL), its unique name and its entry in the service's list, written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from parley.domain import states
from parley.domain.channels import Counted, new_tail, with_counters
from parley.domain.memberships import birth_of
from parley.domain.states import ACTIVE, API, CLOSED, INACTIVE, INITIALIZING
from parley.domain.timers import TIMERS, due_at
from parley.errors import (
    CONCURRENT_UPDATE,
    NOT_FOUND,
    NOT_MADE_PRIVATE,
    STATE_CLOSED_AT_CREATION,
    TIMER_WITHOUT_STATE,
    UNIQUE_NAME_EXISTS,
    Refusal,
)
from parley.ids import user_sid
from parley.operations import accounts, authority, channel_log, counting, entries, rate, transitions, verbs
from parley.operations.addressing import resolve, shown
from parley.operations.channel_log import Decide, Decision
from parley.operations.context import Context
from parley.records.channels import CHANNEL
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Bury, Create, Erase, Guard, Put, Update, Write
from parley.stored import Channel, Tail

# For so long at least, a repeat with the same token is answered with the first result.
IDEMPOTENCY_SECONDS = 600


def create(context: Context, path: Path, parameters: dict[str, Any], token: str = "") -> Counted:
    """A new channel without members.

    `token` makes the call repeatable: for ten minutes at least, the same token in the same service answers with the
    channel that the first call made.

    Raises:
        Refusal: 50307 if the unique name is taken.
    """
    resolve(context, CHANNEL, path)

    def may(fresh: Context) -> None:
        authority.require_in_service(fresh, path["service_sid"], "createChannel")

    may(context)
    preview = {"type": context.perspective.creates, **parameters, "service_sid": path["service_sid"]}
    parameters = context.consult("channel", "create", preview, parameters, may)
    made = making(context, path, parameters)
    rate.count_service_action(context, path["service_sid"])
    if not token:
        context.table.commit(context.cause(), made.writes)
        return with_counters(made.record, made.tail)
    repeated = CONCURRENT_UPDATE()
    key = keys.idempotency(path["service_sid"], token)
    expires_at = context.clock.now_ms() // 1000 + IDEMPOTENCY_SECONDS
    claim = Create(key, {"channel_sid": made.record["sid"], "expires_at": expires_at}, taken=repeated)
    try:
        context.table.commit(context.cause(), [claim, *made.writes])
    except Refusal as refusal:
        if refusal is not repeated:
            raise
        earlier = context.table.fetch(key) or {}
        return load(context, {**path, "sid": earlier.get("channel_sid", "")})
    return with_counters(made.record, made.tail)


class Making(NamedTuple):
    """A channel that is about to be made: its record, its counters, and the writes that make it."""

    record: Channel
    tail: Tail
    writes: list[Write]


def making(context: Context, path: Path, parameters: dict[str, Any], *, is_initializing: bool = False) -> Making:
    """A new channel without members.

    Raises:
        Refusal: 50384, 50382.
    """
    _check_state(parameters)
    if context.perspective.has_defaults:
        parameters = _with_defaults(context, parameters)
    given = verbs.new_record(context, CHANNEL, path)
    given |= {"type": context.perspective.creates, "created_by": context.actor}
    given |= verbs.non_null(parameters)
    given |= verbs.non_null({"creator_birth": _creator_birth(context, path["service_sid"], parameters)})
    record = cast(Channel, verbs.dated(given, parameters))
    sid, service_sid = record["sid"], record["service_sid"]
    tail: Tail = {**new_tail(service_sid, record["type"], context.clock.now_ms()), **rate.new_counter(context)}
    if record.pop("state", ACTIVE) == INACTIVE:
        record["state"] = tail["state"] = INACTIVE
    if is_initializing:
        record["state"] = tail["state"] = INITIALIZING
    if (due := due_at(record, tail)) is not None:
        tail["timer_due"] = due
    writes: list[Write] = [
        Create(keys.channel(sid), record, taken=NOT_FOUND()),
        Put(keys.tail(sid), tail),
        *entries.filed(context.account_sid, record, tail),
    ]
    if record.get("unique_name"):
        writes.append(_claim(record, record["unique_name"]))
    return Making(record, tail, writes)


def _check_state(parameters: Mapping[str, Any]) -> None:
    """Check the state in which a conversation is to be created.

    Raises:
        Refusal: 50384, 50382.
    """
    state = parameters.get("state")
    if state == CLOSED:
        raise STATE_CLOSED_AT_CREATION()
    if states.TIMER_NEEDS_STATE and state is None and any(parameters.get(name) for name in TIMERS):
        raise TIMER_WITHOUT_STATE()


def _with_defaults(context: Context, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a new conversation; for those that are not given, the account's defaults."""
    account = accounts.configuration(context)
    timers = {name: account.get(f"default_{name.removeprefix('timers.')}_timer") for name in TIMERS}
    messaging = parameters.get("messaging_service_sid") or account["default_messaging_service_sid"]
    return {**timers, **parameters, "messaging_service_sid": messaging}


def _creator_birth(context: Context, service_sid: str, parameters: dict[str, Any]) -> str | None:
    """The birth of the user who gets a creator's rights; None if nobody does.

    A back end may name the creator's identity. If it has no user now, nobody gets the rights, not even a later user.
    """
    if named := parameters.get("created_by"):
        user = context.table.fetch(keys.user(user_sid(service_sid, named)))
        return birth_of(user) or None if user else None
    return context.caller.birth or None


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Counted:
    """The channel with its counters, in one request; one more for a client and a private channel.

    Raises:
        Refusal: 20404; as `authority.require_visible`.
    """
    channel = load(context, resolve(context, CHANNEL, path))
    authority.require_visible(context, channel, path["sid"])
    return channel


def load(context: Context, resolved: Path) -> Counted:
    """The channel with its counters.

    Raises:
        Refusal: 20404.
    """
    return _loaded(context, resolved)[0]


def _loaded(context: Context, resolved: Path) -> tuple[Counted, Tail]:
    channel_key, tail_key = keys.channel(resolved["sid"]), keys.tail(resolved["sid"])
    found = context.table.fetch_many([channel_key, tail_key])
    channel = shown(context, resolved["service_sid"], found.get(channel_key))
    if tail_key not in found:
        raise NOT_FOUND()
    context.configuration.remember(channel_key, channel)
    tail = counting.settled(context, resolved["sid"], found[tail_key])
    return with_counters(channel, tail), tail


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Counted:
    """The channel with the given fields changed; a new unique name is claimed and the old one freed at once.

    Raises:
        Refusal: 50307 if the unique name is taken; 20409 if others changed the channel first every time.
    """
    resolved = resolve(context, CHANNEL, path)
    channel = load(context, resolved)
    sid, service_sid = channel["sid"], channel["service_sid"]
    asked = tuple(parameters)

    def may(fresh: Context) -> None:
        authority.require_to_set(fresh, CHANNEL, "update", asked, service_sid, sid)

    may(context)
    parameters = context.consult("channel", "update", {**channel, **parameters}, parameters, may)

    changes = verbs.changed(context, parameters)
    state = changes.pop("state", "")
    counters: list[Record] = []
    if "created_by" in parameters:
        changes["creator_birth"] = _creator_birth(context, service_sid, parameters)

    def decide(channel: Channel, tail: Tail) -> Decision:
        also = transitions.rework(context, channel, tail, changes, state=state, reason=API)
        counters[:] = [also.counters]
        write = Update(keys.channel(sid), NOT_FOUND(), set={**changes, **also.record})
        return Decision(write, [*_renaming(channel, parameters), *also.writes])

    return _changed(context, channel, decide, counters)


def _renaming(channel: Channel, parameters: dict[str, Any]) -> list[Write]:
    """The writes that point the new unique name to the channel and free the old one."""
    old, new = channel.get("unique_name"), parameters.get("unique_name")
    if "unique_name" not in parameters or new == old:
        return []
    claim: list[Write] = [_claim(channel, new)] if new else []
    return [*claim, Erase(keys.unique_name(channel["service_sid"], old))] if old else claim


def _changed(context: Context, channel: Channel, decide: Decide[Channel], counters: Sequence[Record]) -> Counted:
    """The changed channel; `decide` leaves in `counters` what it sets there."""
    stored, tail = channel_log.change(context, "channel", "updated", channel, decide)
    context.configuration.forget(keys.channel(channel["sid"]))
    return with_counters(stored, cast(Tail, {**tail, **counters[0]}))


def _claim(channel: Channel, name: str) -> Write:
    pointer = {"channel_sid": channel["sid"], "service_sid": channel["service_sid"]}
    return Create(keys.unique_name(channel["service_sid"], name), pointer, taken=UNIQUE_NAME_EXISTS())


def migrate(context: Context, path: Path, parameters: dict[str, Any]) -> Counted:
    """Make a channel private, so that Conversations shows it. There is no way back; doing it twice changes nothing.

    Raises:
        Refusal: 50393 unless the type is given as `private`.
    """
    if "type" not in parameters:
        raise NOT_MADE_PRIVATE()
    resolved = resolve(context, CHANNEL, path)
    channel = load(context, resolved)
    sid = channel["sid"]
    changes, counters = verbs.changed(context, parameters), list[Record]()

    def decide(channel: Channel, tail: Tail) -> Decision:
        also = transitions.rework(context, channel, tail, changes, reason=API)
        counters[:] = [also.counters]
        return Decision(Update(keys.channel(sid), NOT_FOUND(), set=changes), also.writes)

    return _changed(context, channel, decide, counters)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Hide the channel and all in it at once and free its unique name; a sweep removes what is below it.

    The counters turn into a tombstone in the same transaction, which stops every write into the channel.
    """
    resolved = resolve(context, CHANNEL, path)

    def may(fresh: Context) -> None:
        authority.require(fresh, path["service_sid"], resolved["sid"], ("destroyChannel",))

    if context.caller.identity is not None:
        may(context)
        context.consult("channel", "delete", load(context, resolved), {}, may)
    rate.count_service_action(context, path["service_sid"])
    remove(context, resolved)


def remove(context: Context, resolved: Path) -> None:
    """Delete the channel at a resolved path, even if its service was deleted or the channel is renamed meanwhile."""
    verbs.retried(context, lambda context: _remove(context, resolved), CONCURRENT_UPDATE)


# What a deleted channel's tombstone keeps of its counters.
_COUNTS = ("members_count", "messages_count", "last_message_index")


def _remove(context: Context, resolved: Path) -> None:
    channel, tail = _loaded(context, resolved)
    sid, service_sid, name = channel["sid"], channel["service_sid"], channel.get("unique_name")
    expires_at = context.clock.now_ms() // 1000 + verbs.TOMBSTONE_SECONDS
    counts = {name: value for name, value in channel.items() if name in _COUNTS}
    buried = verbs.bury(context, CHANNEL, resolved, channel, **channel_log.mark(tail), **counts)
    # Somebody may just have renamed the channel: then another channel may have its old name. A job may just have moved
    # the channel's entries: then the deletion must erase the new ones.
    listed = tuple(channel_log.unchanged(tail, name) for name in entries.COUNTERS)
    unchanged = (
        Guard("unique_name", "=" if name else "missing", name, CONCURRENT_UPDATE()),
        Guard("date_created", "=", channel["date_created"], CONCURRENT_UPDATE()),
    )
    writes: list[Write] = [
        replace(buried, guards=unchanged),
        Bury(keys.tail(sid), NOT_FOUND(), {"service_sid": service_sid}, expires_at, listed),
        *entries.erased(context.account_sid, channel, tail),
    ]
    if name:
        writes.append(Erase(keys.unique_name(service_sid, name)))
    context.table.commit(context.cause(), writes)
    context.configuration.forget(keys.channel(sid))
