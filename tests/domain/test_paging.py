"""The arithmetic of pages: whatever is cut or merged, walking through a list gives each record once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.operations.paging import (
    Listing,
    PageRequest,
    fitting,
    from_index,
    merged,
    page_in_memory,
    page_of,
    to_index,
)

Read = Callable[[PageRequest], Listing]


def ranged(names: list[str]) -> Read:
    """A list that is read from a range, downwards when a page is asked for by going back."""

    def read(page: PageRequest) -> Listing:
        within = [name for name in sorted(names) if (page.after or "") < name < (page.before or "~")]
        ordered = within[::-1] if page.is_back else within
        found: list[tuple[str, dict[str, Any]]] = [(name, {"name": name}) for name in ordered[: page.size]]
        return page_of(found, page, more=len(ordered) > page.size)

    return read


def in_memory(names: list[str]) -> Read:
    return lambda page: page_in_memory({name: {"name": name} for name in names}, page)


def of_two(names: list[str]) -> Read:
    """Two lists that are shown as one."""
    first, second = ranged(names[::2]), ranged(names[1::2])
    return lambda page: merged([first(page), second(page)], page)


def cut_to(read: Read, most: int) -> Read:
    return lambda page: read(page).cut(most, page)


def forwards(read: Read, size: int) -> list[list[str]]:
    pages, after = [], None
    while True:
        page = read(PageRequest(size, after=after))
        pages.append([record["name"] for record in page.records])
        if not page.more_after:
            return pages
        after = page.last


def backwards(read: Read, size: int, before: str) -> list[list[str]]:
    pages: list[list[str]] = []
    position: str | None = before
    while position:
        page = read(PageRequest(size, before=position))
        pages.insert(0, [record["name"] for record in page.records])
        position = page.first if page.more_before else None
    return pages


NAMES = st.lists(st.text("abcdef", min_size=1, max_size=4), unique=True, max_size=20)


@pytest.mark.parametrize("make", [ranged, in_memory, of_two])
@given(NAMES, st.integers(1, 7), st.integers(1, 7))
def test_walking_through_pages_gives_each_record_once_in_order(
    make: Callable[[list[str]], Read], names: list[str], size: int, most: int
):
    read = cut_to(make(names), most)
    assert [name for page in forwards(read, size) for name in page] == sorted(names)
    assert [name for page in backwards(read, size, "~") for name in page] == sorted(names)


@pytest.mark.parametrize("make", [ranged, in_memory, of_two])
def test_a_page_knows_what_lies_beyond(make: Callable[[list[str]], Read]):
    read = make(list("abcde"))
    first, middle, last = (read(PageRequest(2, after=after)) for after in (None, "b", "d"))
    assert (first.more_before, first.more_after, first.first, first.last) == (False, True, "a", "b")
    assert (middle.more_before, middle.more_after) == (True, True)
    assert (last.more_before, last.more_after, last.last) == (True, False, "e")
    back = read(PageRequest(2, before="c"))
    assert (back.more_before, back.more_after, back.positions) == (False, True, ["a", "b"])


def test_a_page_is_cut_at_the_far_end():
    read = ranged(list("abcdef"))
    page = PageRequest(4, after="a")
    cut = read(page).cut(2, page)
    assert (cut.positions, cut.last, cut.more_after) == (["b", "c"], "c", True)
    page = PageRequest(4, before="f")
    cut = read(page).cut(2, page)
    assert (cut.positions, cut.first, cut.more_before) == (["d", "e"], "d", True)


def test_a_record_that_is_not_shown_counts_as_lying_beyond_the_page():
    page = PageRequest(3)
    listing = ranged(list("abcdef"))(page).showing({"a": {"shown": 1}})
    assert (listing.records, listing.positions) == ([{"shown": 1}], ["a"])
    assert (listing.last, listing.more_after) == ("c", True)


@pytest.mark.parametrize(
    ("sizes", "room", "count"), [([], 5, 1), ([5], 5, 1), ([9], 5, 1), ([2, 3, 1], 5, 2), ([1, 1, 1], 9, 3)]
)
def test_a_page_holds_as_many_records_as_it_has_room_for_and_at_least_one(sizes: list[int], room: int, count: int):
    assert fitting(sizes, room) == count


@given(st.integers(0, 10**10), st.booleans())
def test_a_page_that_begins_at_an_index_has_that_index_as_its_token(index: int, descending: bool):
    assert to_index(from_index(index, descending=descending), descending=descending) == index
