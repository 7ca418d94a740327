"""Pages of a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from parley_client.reprs import described

T = TypeVar("T")
Turn = Callable[[], Awaitable["Paginator[T]"]]


class Paginator(Generic[T]):
    """One page of a list, which can fetch the pages before and after it. `async for` reads it and all later pages.

    Attributes:
        items: What is on this page.
    """

    def __init__(self, items: Sequence[T], following: Turn[T] | None = None, previous: Turn[T] | None = None) -> None:
        self.items = list(items)
        self._following = following
        self._previous = previous

    def __repr__(self) -> str:
        return described(self, ("items", "has_prev_page", "has_next_page"))

    @property
    def has_next_page(self) -> bool:
        """Whether there is a page after this one."""
        return self._following is not None

    @property
    def has_prev_page(self) -> bool:
        """Whether there is a page before this one."""
        return self._previous is not None

    async def next_page(self) -> Paginator[T]:
        """The page after this one; raises LookupError when there is none."""
        if self._following is None:
            raise LookupError("this is the last page: check has_next_page first")
        return await self._following()

    async def prev_page(self) -> Paginator[T]:
        """The page before this one; raises LookupError when there is none."""
        if self._previous is None:
            raise LookupError("this is the first page: check has_prev_page first")
        return await self._previous()

    async def __aiter__(self) -> AsyncIterator[T]:
        page = self
        while True:
            for item in page.items:
                yield item
            if not page.has_next_page:
                return
            page = await page.next_page()


async def page_of(
    ask: Callable[..., Awaitable[Any]],
    name: str,
    show: Callable[[Any], T],
    trail: tuple[str | None, ...] = (None,),
) -> Paginator[T]:
    """Ask for one page of a list.

    Args:
        ask: Asks the server for a page; takes its position as `after`, unless it is the first page.
        name: The member of the result that has the records.
        show: Makes an item from a record.
        trail: The positions of the pages so far, this page's last; the first page's position is None.
    """
    result = await (ask() if trail[-1] is None else ask(after=trail[-1]))
    following = result.get("next")
    turn = partial(page_of, ask, name, show)
    return Paginator(
        [show(record) for record in result[name]],
        None if following is None else lambda: turn((*trail, following)),
        None if len(trail) == 1 else lambda: turn(trail[:-1]),
    )
