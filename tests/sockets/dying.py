"""A DynamoDB client that dies at a chosen request, as if the function that makes the request died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.killing import Killed


class DyingClient:
    """Passes requests on until the one at which it dies: before it, or after it and without the answer."""

    def __init__(self, client: Any):
        self._client = client
        self._left: int | None = None
        self._is_done_first = False

    def die_at(self, request: int, *, done: bool) -> None:
        """Die at the request with this number from now on, counted from 0; `done` says whether it arrives."""
        self._left, self._is_done_first = request, done

    def live(self) -> bool:
        """Live on; returns whether it has died meanwhile."""
        died, self._left = self._left is not None and self._left < 0, None
        return died

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    if self._left == -1 and self._is_done_first:
                        getattr(self._client, operation)(**request)
                    raise Killed
            return getattr(self._client, operation)(**request)

        return call
