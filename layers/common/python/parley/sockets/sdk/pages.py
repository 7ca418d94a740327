"""Pages of lists and maps: which items a request asks for, and whether there are others on either side.

SDKs go on by the key of the last item that they got (`From`), which the next page begins with. The older ones send a
page's token back instead. A page holds fewer items than asked for if they would not fit into one packet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from parley.errors import INVALID_PAGE_TOKEN, INVALID_PARAMETER
from parley.frozen import frozen
from parley.operations.paging import fitting
from parley.sockets.sdk.packets import dump
from parley.store.keys import Range
from parley.store.table import Found, Table

R = TypeVar("R", bound=Mapping[str, Any])

MOST_BYTES = 100_000
_SIZE, _LARGEST = 50, 100
_ASCENDING, _DESCENDING = "asc", "desc"
# Where a page begins: with an item, after it, or, if it ends there, before it.
FROM, AFTER, BEFORE = "from", "after", "before"
_POSITION = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_TOKEN = re.compile(r"(asc|desc)\.(after|before)\.([0-9]{1,3})\.([0-9A-Za-z]{1,64})", re.ASCII)


@frozen
class Asked:
    """The page that a request asks for.

    Attributes:
        size: How many items at most.
        descending: Whether items come in falling order.
        edge: Where it begins, seen from `position`; without a position, at the first item of the order.
        position: The position of the item that `edge` speaks of.
    """

    size: int = _SIZE
    descending: bool = False
    edge: str = FROM
    position: str | None = None

    @property
    def reads_downwards(self) -> bool:
        """Whether the table must be read from higher to lower positions."""
        return self.descending != (self.edge == BEFORE)


class Items(NamedTuple, Generic[R]):
    """The items of a page in the order asked for, and whether there are others on either side of it."""

    found: list[Found[R]]
    is_more_after: bool
    is_more_before: bool


def asked(query: Mapping[str, str], position_of: Callable[[str], str]) -> Asked:
    """The page that query parameters ask for; `position_of` turns the key of an item into its position.

    Raises:
        Refusal: 20001 if one of them cannot be read.
    """
    if token := query.get("PageToken"):
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            raise INVALID_PAGE_TOKEN()
        return Asked(size(parts[3]), parts[1] == _DESCENDING, parts[2], parts[4])
    order = query.get("Order", _ASCENDING)
    if order not in (_ASCENDING, _DESCENDING):
        raise INVALID_PARAMETER(name="Order", reason="asc or desc is needed")
    first = query.get("From")
    position = None if first is None else position_of(first)
    if position is not None and not _POSITION.fullmatch(position):
        raise INVALID_PARAMETER(name="From", reason="the key of an item is needed")
    return Asked(size(query.get("PageSize")), order == _DESCENDING, FROM, position)


def size(text: str | None) -> int:
    """How many items a page may hold, from what a request says of it, if it says anything.

    Raises:
        Refusal: 20001 if it is no number above 0.
    """
    if text is None:
        return _SIZE
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not int(text):
        raise INVALID_PARAMETER(name="PageSize", reason="a number above 0 is needed")
    return min(int(text), _LARGEST)


def read(table: Table, where: Range[R], page: Asked) -> Items[R]:
    """The items of a page of a range."""
    after, before = _bounds(page)
    found, more = table.page(where, page.size, after=after, before=before, descending=page.reads_downwards)
    if page.edge == BEFORE:
        return Items(found[::-1], True, more)
    return Items(found, more, page.position is not None and _is_any_before(table, where, page))


def following(page: Asked, items: Items[Any]) -> Asked | None:
    """The page behind the items that were read of a page, in the direction of its reading; None if there is none."""
    is_back = page.edge == BEFORE
    if not items.found or not (items.is_more_before if is_back else items.is_more_after):
        return None
    edge, at = (BEFORE, items.found[0]) if is_back else (AFTER, items.found[-1])
    return replace(page, edge=edge, position=at.position)


def read_on(table: Table, where: Range[R], page: Asked, earlier: Items[R]) -> Items[R]:
    """The items of a page that takes the place of an `earlier` one, of which nothing could be shown."""
    items = read(table, where, page)
    if page.edge == BEFORE:
        return items._replace(is_more_after=earlier.is_more_after)
    return items._replace(is_more_before=earlier.is_more_before)


def _bounds(page: Asked) -> tuple[str | None, str | None]:
    """The exclusive bounds of what is to be read."""
    if page.position is None:
        return None, None
    if page.reads_downwards:
        return None, f"{page.position}!" if page.edge == FROM else page.position
    return (_just_below(page.position) if page.edge == FROM else page.position), None


def _just_below(position: str) -> str:
    """A text below a position and above all lower ones: positions hold letters and digits, which are below `~`."""
    return f"{position[:-1]}{chr(ord(position[-1]) - 1)}~"


def _is_any_before(table: Table, where: Range[R], page: Asked) -> bool:
    """Whether there is an item on the other side of where a page begins."""
    if page.edge == AFTER:
        return True
    opposite = Asked(1, not page.descending, AFTER, page.position)
    after, before = _bounds(opposite)
    return bool(table.page(where, 1, after=after, before=before, descending=opposite.reads_downwards).found)


def shown(page: Asked, items: Items[R], shown: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The answer with a page of items, by their positions; those that do not fit are left for the next page."""
    is_back = page.edge == BEFORE
    ordered = list(shown)[::-1] if is_back else list(shown)
    sizes = (len(dump(item)) + 1 for _, item in ordered)
    kept = ordered[: fitting(sizes, MOST_BYTES)]
    is_cut = len(kept) < len(ordered)
    kept = kept[::-1] if is_back else kept
    more_after = items.is_more_after or (is_cut and not is_back)
    more_before = items.is_more_before or (is_cut and is_back)
    first, last = (kept[0][0], kept[-1][0]) if kept else (page.position, page.position)
    return {
        "items": [item for _, item in kept],
        "meta": {
            "previous_token": _token(page, BEFORE, first) if more_before else None,
            "next_token": _token(page, AFTER, last) if more_after else None,
        },
    }


def _token(page: Asked, edge: str, position: str | None) -> str | None:
    order = _DESCENDING if page.descending else _ASCENDING
    return None if position is None else f"{order}.{edge}.{page.size}.{position}"
