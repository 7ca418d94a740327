"""Pages of a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
Turn = Callable[[], Awaitable["Paginator[T]"]]


class Paginator(Generic[T]):
    """One page of a list, and the way to its neighbours. `async for` goes on to the last page.

    Attributes:
        items: What is on this page.
    """

    def __init__(self, items: Sequence[T], following: Turn[T] | None = None, previous: Turn[T] | None = None) -> None:
        self.items = list(items)
        self._following = following
        self._previous = previous

    @property
    def has_next_page(self) -> bool:
        """Whether there is something after this page."""
        return self._following is not None

    @property
    def has_prev_page(self) -> bool:
        """Whether there is something before this page."""
        return self._previous is not None

    async def next_page(self) -> Paginator[T]:
        """The page after this one; raises LookupError when there is none."""
        if self._following is None:
            raise LookupError("this is the last page")
        return await self._following()

    async def prev_page(self) -> Paginator[T]:
        """The page before this one; raises LookupError when there is none."""
        if self._previous is None:
            raise LookupError("this is the first page")
        return await self._previous()

    async def __aiter__(self) -> AsyncIterator[T]:
        page = self
        while True:
            for item in page.items:
                yield item
            if not page.has_next_page:
                return
            page = await page.next_page()
