"""The arithmetic of pages: which part of a list a request gets, and what lies beyond it on either side.

Everything here is pure. A *position* is a text that tells where a record stands in its list; positions sort as the list
does. A page says the position of every record, so that it may be cut after any of them. A page that was reached by
going back always has more after it: the page that the caller came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from parley.store import keys
from parley.store.items import Record


class PageRequest(NamedTuple):
    """Which page of a list is wanted: `size` items after a position, or `size` items before one."""

    size: int
    after: str | None = None
    before: str | None = None

    @property
    def is_back(self) -> bool:
        """Whether the caller goes back to an earlier page."""
        return self.before is not None


class Listing(NamedTuple):
    """The records of one page, their positions, and whether the list goes on after and before them.

    `first` and `last` are the positions of the first and last record that was read; that record may not be shown.
    """

    records: list[Record]
    positions: list[str]
    first: str | None
    last: str | None
    more_after: bool
    more_before: bool

    def cut(self, size: int, page: PageRequest) -> Listing:
        """The page cut to `size` records: the first ones, or the last ones if the caller goes back."""
        if size >= len(self.records):
            return self
        if page.is_back:
            records, positions = self.records[-size:], self.positions[-size:]
            return self._replace(records=records, positions=positions, first=positions[0], more_before=True)
        records, positions = self.records[:size], self.positions[:size]
        return self._replace(records=records, positions=positions, last=positions[-1], more_after=True)

    def showing(self, shown: Mapping[str, Any]) -> Listing:
        """The page with the records of `shown`, by position, in place of its own. Other positions are left out."""
        positions = [position for position in self.positions if position in shown]
        return self._replace(records=[shown[position] for position in positions], positions=positions)


def beside_text(position: str, direction: int) -> str:
    """The position just after a text; just before it, if nothing was found there, is the beginning of the list.

    No position of a list begins with another one and a blank, so nothing lies between.
    """
    return f"{position} " if direction > 0 else ""


def beside_index(position: str, direction: int, *, descending: bool) -> str:
    """The position of the message next to another one in the list's order, whether there is one or not."""
    return str(int(position) + (-direction if descending else direction))


def page_of(
    found: Sequence[tuple[str, Any]], page: PageRequest, *, more: bool, beside: Callable[[str, int], str] = beside_text
) -> Listing:
    """The page that a read of one range gives: `found` are positions and records as they were read.

    Going back, they were read downwards and are turned around; `more` says whether the read could have gone on.
    `beside` gives the position next to another one, towards the list's end (1) or beginning (-1). An empty page has
    such a position at its edge, so that there is a way back from it.
    """
    ordered = list(reversed(found)) if page.is_back else list(found)
    positions = [position for position, _ in ordered]
    first, last = (positions[0], positions[-1]) if positions else (None, None)
    if not positions and page.before is not None:
        last = beside(page.before, -1)
    elif not positions and page.after is not None:
        first = beside(page.after, 1)
    return Listing(
        [record for _, record in ordered],
        positions,
        first,
        last,
        more_after=page.is_back or more,
        more_before=more if page.is_back else page.after is not None,
    )


def merged(listings: Sequence[Listing], page: PageRequest, *, descending: bool = False) -> Listing:
    """One page of several lists whose positions are comparable, as if they were one list.

    Each list was asked for the same page; `descending` says that positions fall. Without lists the page is empty.
    """
    if not listings:
        return page_of([], page, more=False)
    if len(listings) == 1:
        return listings[0]
    by_position = {
        position: record
        for listing in listings
        for position, record in zip(listing.positions, listing.records, strict=True)
    }
    positions = sorted(by_position, reverse=descending)
    if not positions:
        return listings[0]
    whole = Listing(
        [by_position[position] for position in positions],
        positions,
        positions[0],
        positions[-1],
        more_after=any(listing.more_after for listing in listings),
        more_before=any(listing.more_before for listing in listings),
    )
    return whole.cut(page.size, page)


def page_in_memory(records: Mapping[str, Any], page: PageRequest) -> Listing:
    """One page of records that are all at hand, by their positions."""
    after, before = page.after or "", page.before or "\x7f"
    positions = sorted(position for position in records if after < position < before)
    wanted = positions[: -page.size - 1 : -1] if page.is_back else positions[: page.size]
    return page_of([(position, records[position]) for position in wanted], page, more=len(positions) > len(wanted))


def oldest_first(records: Iterable[Mapping[str, Any]], page: PageRequest) -> Listing:
    """One page of records that are all at hand, by date of creation."""
    return page_in_memory({f"{keys.time(record['date_created'])}#{record['sid']}": record for record in records}, page)


def fitting(sizes: Iterable[int], room: int) -> int:
    """How many items of these sizes fit into `room`, in their order; at least one."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return max(count, 1)


def from_index(index: int, *, descending: bool) -> str:
    """The position just before the message with this index, which the wanted page begins with."""
    return str(index + 1 if descending else index - 1)


def to_index(position: str, *, descending: bool) -> int:
    """The index at which the page after a message begins, in the list's order."""
    return max(int(position) + (-1 if descending else 1), 0)
