"""Lists of a service's channels: by creation, with filters on type and state, and by activity.

By creation: each type and state has a list of its own, and Parley merges these lists. An entry may be in the list of
the old state or at the old date while its channel changes, so Parley compares each entry with its channel.

By activity: a conversation has an entry under the hour of its last message. Parley reads the entries hour by hour and
sorts each page. A page ends with an entry of the table. So if a conversation becomes active meanwhile, it moves to the
front and no other conversation changes its place (docs/decisions/0017-recently-active-first.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from parley.domain.channels import PRIVATE, Counted, hour_of, with_counters
from parley.domain.states import ACTIVE, STATES
from parley.errors import CONCURRENT_UPDATE, DATES_REVERSED, NOT_FOUND, ignoring
from parley.operations import channel_log
from parley.operations.addressing import resolve
from parley.operations.channel_log import unchanged
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, merged, page_of
from parley.records.channels import CHANNEL
from parley.records.spec import Path
from parley.store import keys
from parley.store.changes import CREATED, Change
from parley.store.keys import Range
from parley.store.writes import Erase, Put
from parley.stored import Tail

_FILTERS = ("start_date", "end_date", "state", "type")


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a service's channels.

    Raises:
        Refusal: 50396 for dates in the wrong order.
    """
    service_sid = resolve(context, CHANNEL, path)["service_sid"]
    if context.perspective.by_activity and all(parameters.get(name) is None for name in _FILTERS):
        return _by_activity(context, service_sid, page)
    return _by_creation(context, service_sid, parameters, page)


def states_of(channel_type: str) -> tuple[str, ...]:
    """The states in which a channel of a type can be."""
    return STATES if channel_type == PRIVATE else (ACTIVE,)


def _by_creation(context: Context, service_sid: str, parameters: dict[str, Any], page: PageRequest) -> Listing:
    state, first, last = (parameters.get(name) for name in ("state", "start_date", "end_date"))
    if first is not None and last is not None and last < first:
        raise DATES_REVERSED()
    is_newest_first = context.perspective.by_activity
    between = _Between(
        "" if first is None else keys.time(first), None if last is None else keys.time(last + 1), is_newest_first
    )
    listings = [
        between.read(context, keys.channel_listings(service_sid, of_type, of_state), page)
        for of_type in dict.fromkeys(parameters.get("type") or context.perspective.lists)
        if of_type in context.perspective.shows
        for of_state in states_of(of_type)
        if state in (None, of_state)
    ]
    listing = merged(listings, page, descending=is_newest_first)
    found = {at: channel for at, (channel, _) in _channels(context, listing.positions).items()}
    return listing.showing({at: one for at, one in found.items() if _is_at(one, at) and state in (None, one["state"])})


def _is_at(channel: Counted, position: str) -> bool:
    """Whether a channel still stands at a position of a list by creation, and was not given another date meanwhile."""
    return position.startswith(keys.time(channel["date_created"]))


class _Between(NamedTuple):
    """A part of a list by creation: from one position up to another, and the direction."""

    low: str
    high: str | None
    is_newest_first: bool

    def read(self, context: Context, where: Range[Any], page: PageRequest) -> Listing:
        """One page of it."""
        is_downwards = self.is_newest_first != page.is_back
        edge = page.before if page.is_back else page.after
        after, before = (self.low, edge or self.high) if is_downwards else (edge or self.low, self.high)
        found, more = context.table.page(where, page.size, after=after or None, before=before, descending=is_downwards)
        return page_of([(item.position, item.record) for item in found], page, more=more)


def _by_activity(context: Context, service_sid: str, page: PageRequest) -> Listing:
    """One page of the conversations, the most recently active first.

    The records are in exact order; the page begins and ends at entries of the table. The page is never cut to fit an
    answer: a hundred conversations with the longest attributes are shorter than 6 MB.
    """
    is_downwards = not page.is_back
    after, before = (None, page.after) if is_downwards else (page.before, None)
    where = keys.activities(service_sid)
    found, more = context.table.page(where, page.size, after=after, before=before, descending=is_downwards)
    listing = page_of([(item.position, item.record) for item in found], page, more=more)
    shown = {
        position: (channel, tail)
        for position, (channel, tail) in _channels(context, listing.positions).items()
        if position.startswith(keys.padded(tail.get("activity_hour", 0))) and context.perspective.knows(channel)
    }
    order = sorted(shown, key=lambda at: (shown[at][1]["activity_at"], shown[at][0]["sid"]), reverse=True)
    return listing._replace(records=[{**shown[position][0]} for position in order], positions=order)


def _channels(context: Context, positions: Iterable[str]) -> dict[str, tuple[Counted, Tail]]:
    """The channels at positions of a list, with their counters."""
    sids = {position: position.rpartition("#")[2] for position in positions}
    found = context.table.fetch_many(key for sid in sids.values() for key in (keys.channel(sid), keys.tail(sid)))
    return {
        position: (with_counters(found[keys.channel(sid)], found[keys.tail(sid)]), found[keys.tail(sid)])
        for position, sid in sids.items()
        if keys.channel(sid) in found and keys.tail(sid) in found
    }


def moves_owed(change: Change, memory: dict[str, Any]) -> list[dict[str, Any]]:
    """The job that lists a conversation under the hour of a new message; none if it is listed there already.

    The sender noted in the message where the conversation stood. So there is about one job per conversation and hour.
    """
    hour = change.record.get("activity_hour") if (change.kind, change.verb) == ("message", CREATED) else None
    if hour is None or change.channel_sid in memory:
        return []
    memory[change.channel_sid] = hour
    return [{"sid": change.channel_sid}]


def move(context: Context, channel_sid: str) -> None:
    """List a conversation under the hour of its last activity. If it is there or was deleted, nothing happens."""
    tail = context.table.fetch(keys.tail(channel_sid))
    if tail is None or tail.get("activity_hour") is None:
        return
    hour, before = hour_of(tail["activity_at"]), tail["activity_hour"]
    if hour == before:
        return
    service_sid = tail["service_sid"]
    counted = channel_log.in_tail(service_sid, channel_sid, {}, unchanged(tail, "activity_hour"), activity_hour=hour)
    entry = {"channel_sid": channel_sid, "service_sid": service_sid, "seq": tail["seq"]}
    listed = Put(keys.activity(service_sid, hour, channel_sid), entry)
    # Another job may have moved the entry, or the conversation may have been deleted.
    with ignoring(NOT_FOUND, CONCURRENT_UPDATE):
        context.table.commit(context.cause(), [counted, listed, Erase(keys.activity(service_sid, before, channel_sid))])
