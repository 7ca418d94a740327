"""Records that every request needs and that seldom change; a warm container remembers them for ten seconds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

from parley.clock import Clock
from parley.store.keys import Key
from parley.store.table import Table

# How long a change of role, service or channel may take to reach every warm container.
REMEMBERED_MS = 10_000
_MOST_REMEMBERED = 10_000

R = TypeVar("R", bound=Mapping[str, Any])


class Configuration:
    """Fetches records and remembers them. If there was none, that is not remembered, so a new one is seen at once."""

    def __init__(self, table: Table, clock: Clock):
        self._table = table
        self._clock = clock
        self._memory: dict[Hashable, tuple[int, Any]] = {}
        self._absent: dict[Hashable, int] = {}

    def fetch(self, key: Key[R]) -> R | None:
        """The living record under a key, at most ten seconds old."""
        remembered = self._memory.get(key)
        now = self._clock.now_ms()
        if remembered and now < remembered[0]:
            return cast(R, remembered[1])
        record = self._table.fetch(key)
        if record is None:
            self._memory.pop(key, None)
        else:
            self.remember(key, record)
        return record

    def remembered(self, key: Key[R]) -> R | None:
        """The record under a key if it is remembered; nothing is read."""
        known = self._memory.get(key)
        return cast(R, known[1]) if known and self._clock.now_ms() < known[0] else None

    def forget_all(self) -> None:
        """Drop everything that this container remembers."""
        self._memory.clear()
        self._absent.clear()

    def present(self, keys: Iterable[Key[Any]]) -> set[Key[Any]]:
        """Those of `keys` under which a living record was found at most ten seconds ago, read in one go.

        Here, absence is remembered as well, and just as long. So another container sees a new record that much later.
        """
        wanted, now = set(keys), self._clock.now_ms()
        known = {key for key in wanted if self.remembered(key) is not None}
        unknown = [key for key in wanted - known if now >= self._absent.get(key, 0)]
        found = self._table.fetch_many(unknown) if unknown else {}
        if len(self._absent) >= _MOST_REMEMBERED:
            self._absent.clear()
        for key in unknown:
            if key in found:
                self.remember(key, found[key])
            else:
                self._absent[key] = now + REMEMBERED_MS
        return known | set(found)

    def remember(self, key: Key[R], record: R) -> None:
        """Remember a record that was just read from the table."""
        if len(self._memory) >= _MOST_REMEMBERED:
            self._memory.clear()
        self._memory[key] = (self._clock.now_ms() + REMEMBERED_MS, record)

    def forget(self, *keys: Key[Any]) -> None:
        """Forget records that this container has just changed."""
        for key in keys:
            self._memory.pop(key, None)
            self._absent.pop(key, None)
