"""Channels: the record, its counters (TAIL), its unique name and its entry in the service's list, written together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from parley.domain.channels import PRIVATE, PUBLIC, new_tail, with_counters
from parley.domain.memberships import birth_of
from parley.domain.states import ACTIVE, API, CLOSED, INACTIVE
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, NOT_MADE_PRIVATE, STATE_CLOSED_AT_CREATION, UNIQUE_NAME_EXISTS
from parley.ids import user_sid
from parley.operations import authority, channel_log, counting, rate, transitions, verbs
from parley.operations.addressing import resolve, shown
from parley.operations.channel_log import Decide, Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, merged
from parley.records.channels import CHANNEL
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Bury, Create, Erase, Guard, Put, Update, Write
from parley.stored import Tail


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new channel without members.

    Raises:
        Refusal: 50307 if the unique name is taken.
    """
    resolve(context, CHANNEL, path)

    def may(fresh: Context) -> None:
        authority.require_in_service(fresh, path["service_sid"], "createChannel")

    may(context)
    preview = {"type": context.perspective.creates, **parameters, "service_sid": path["service_sid"]}
    parameters = context.consult("channel", "create", preview, parameters, may)
    if parameters.get("state") == CLOSED:
        raise STATE_CLOSED_AT_CREATION()
    record = verbs.new_record(context, CHANNEL, path)
    record |= {"type": context.perspective.creates, "created_by": context.actor}
    record |= verbs.non_null(parameters)
    record |= verbs.non_null({"creator_birth": _creator_birth(context, path["service_sid"], parameters)})
    record = verbs.dated(record, parameters)
    sid, service_sid = record["sid"], record["service_sid"]
    tail: Tail = {**new_tail(service_sid, record["type"], context.clock.now_ms()), **rate.new_counter(context)}
    if record.pop("state", ACTIVE) == INACTIVE:
        record["state"] = tail["state"] = INACTIVE
    writes: list[Write] = [
        Create(keys.channel(sid), record, taken=NOT_FOUND()),
        Put(keys.tail(sid), tail),
        Put(keys.channel_listing(service_sid, record["type"], sid), {"channel_sid": sid}),
    ]
    if record.get("unique_name"):
        writes.append(_claim(record, record["unique_name"]))
    rate.count_service_action(context, service_sid)
    context.table.commit(context.cause(), writes)
    return with_counters(record, tail)


def _creator_birth(context: Context, service_sid: str, parameters: dict[str, Any]) -> str | None:
    """The birth of the user who gets a creator's rights; None if nobody does.

    A back end may name the creator's identity. If it has no user now, nobody gets the rights, not even a later user.
    """
    if named := parameters.get("created_by"):
        user = context.table.fetch(keys.user(user_sid(service_sid, named)))
        return birth_of(user) or None if user else None
    return context.caller.birth or None


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The channel with its counters, in one request; one more for a client and a private channel.

    Raises:
        Refusal: 20404.
    """
    channel = load(context, resolve(context, CHANNEL, path))
    authority.require_visible(context, channel)
    return channel


def load(context: Context, resolved: Path) -> Record:
    """The channel with its counters.

    Raises:
        Refusal: 20404.
    """
    channel_key, tail_key = keys.channel(resolved["sid"]), keys.tail(resolved["sid"])
    found = context.table.fetch_many([channel_key, tail_key])
    channel = shown(context, resolved["service_sid"], found.get(channel_key))
    if tail_key not in found:
        raise NOT_FOUND()
    context.configuration.remember(channel_key, channel)
    return with_counters(channel, counting.settled(context, resolved["sid"], found[tail_key]))


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a service's channels of the wanted types, oldest first."""
    resolved = resolve(context, CHANNEL, path)
    wanted = parameters.get("type") or context.perspective.lists
    listings = [
        verbs.read_page(context, keys.channel_listings(resolved["service_sid"], channel_type), page)
        for channel_type in dict.fromkeys(wanted)
        if channel_type in context.perspective.shows
    ]
    listing = merged(listings, page)
    found = context.table.fetch_many(key for sid in listing.positions for key in (keys.channel(sid), keys.tail(sid)))
    return listing.showing(
        {
            sid: with_counters(found[keys.channel(sid)], found[keys.tail(sid)])
            for sid in listing.positions
            if keys.channel(sid) in found and keys.tail(sid) in found
        }
    )


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
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
    state = changes.pop("state", None)
    if "created_by" in parameters:
        changes["creator_birth"] = _creator_birth(context, service_sid, parameters)

    def decide(channel: Record, tail: Tail) -> Decision:
        in_record, in_tail = transitions.moved(context, tail, state, API) if state else ({}, {})
        write = Update(keys.channel(sid), NOT_FOUND(), set={**changes, **in_record})
        counters = transitions.in_counters(channel, tail, in_tail)
        return Decision(write, [*_renaming(channel, parameters), *counters])

    return _changed(context, channel, decide)


def _renaming(channel: Record, parameters: dict[str, Any]) -> list[Write]:
    """The writes that point the new unique name to the channel and free the old one."""
    old, new = channel.get("unique_name"), parameters.get("unique_name")
    if "unique_name" not in parameters or new == old:
        return []
    claim: list[Write] = [_claim(channel, new)] if new else []
    return [*claim, Erase(keys.unique_name(channel["service_sid"], old))] if old else claim


def _changed(context: Context, channel: Record, decide: Decide) -> Record:
    # What the change sets in the counters, beside taking a number.
    beside: list[Update] = []

    def noting(channel: Record, tail: Tail) -> Decision:
        decision = decide(channel, tail)
        beside[:] = [write for write in decision.beside if isinstance(write, Update)]
        return decision

    stored, tail = channel_log.change(context, "channel", "updated", channel, noting)
    context.configuration.forget(keys.channel(channel["sid"]))
    for write in beside:
        tail = cast(Tail, {**tail, **write.set})
    return with_counters(stored, tail)


def _claim(channel: Record, name: str) -> Write:
    pointer = {"channel_sid": channel["sid"], "service_sid": channel["service_sid"]}
    return Create(keys.unique_name(channel["service_sid"], name), pointer, taken=UNIQUE_NAME_EXISTS())


def migrate(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Make a channel private, so that Conversations shows it. There is no way back; doing it twice changes nothing.

    Raises:
        Refusal: 50393 unless the type is given as `private`.
    """
    if "type" not in parameters:
        raise NOT_MADE_PRIVATE()
    resolved = resolve(context, CHANNEL, path)
    channel = load(context, resolved)
    sid, service_sid = channel["sid"], channel["service_sid"]

    def decide(channel: Record, _: Tail) -> Decision:
        write = Update(keys.channel(sid), NOT_FOUND(), set=verbs.changed(context, parameters))
        if channel["type"] != PUBLIC:
            return Decision(write)
        listed = Put(keys.channel_listing(service_sid, PRIVATE, sid), {"channel_sid": sid})
        counted = channel_log.in_tail(service_sid, sid, {}, type=PRIVATE)
        return Decision(write, [Erase(keys.channel_listing(service_sid, PUBLIC, sid)), listed, counted])

    return _changed(context, channel, decide)


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


def _remove(context: Context, resolved: Path) -> None:
    channel = load(context, resolved)
    sid, service_sid, name = channel["sid"], channel["service_sid"], channel.get("unique_name")
    expires_at = context.clock.now_ms() // 1000 + verbs.TOMBSTONE_SECONDS
    counts = {name: channel[name] for name in ("members_count", "messages_count", "last_message_index")}
    buried = verbs.bury(context, CHANNEL, resolved, channel, **channel_log.mark(channel), **counts)
    # If the channel has just been renamed, another channel may have its old name. If it was migrated, it stands in
    # another list.
    unchanged = (
        Guard("unique_name", "=" if name else "missing", name, CONCURRENT_UPDATE()),
        Guard("type", "=", channel["type"], CONCURRENT_UPDATE()),
    )
    writes: list[Write] = [
        replace(buried, guards=unchanged),
        Bury(keys.tail(sid), NOT_FOUND(), {"service_sid": service_sid}, expires_at),
        Erase(keys.channel_listing(service_sid, channel["type"], sid)),
    ]
    if name:
        writes.append(Erase(keys.unique_name(service_sid, name)))
    context.table.commit(context.cause(), writes)
    context.configuration.forget(keys.channel(sid))
