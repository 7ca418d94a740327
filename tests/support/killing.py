"""Kills whoever uses the table, after a chosen request."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from parley.store.table import Table

READS = ("query", "get_item", "batch_get_item")
WRITES = ("put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item")


class Killed(BaseException):
    """The process ended here. No handler of exceptions takes it for a failure that it could answer."""


def killed_at(number: int, of: Collection[str] = (*READS, *WRITES)) -> AbstractContextManager[None]:
    """Raise `Killed` as soon as so many requests of these kinds were carried out."""
    return _killing(lambda made: made == number, of)


def killed_every(number: int) -> AbstractContextManager[None]:
    """Raise `Killed` after every so many requests: after the third, the sixth and so on, if `number` is 3."""
    return _killing(lambda made: made % number == 0, (*READS, *WRITES))


@contextmanager
def _killing(ends: Callable[[int], bool], of: Collection[str]) -> Iterator[None]:
    call, made = Table._call, itertools.count(1)

    def dying(table: Table, operation: str, **request: Any) -> dict[str, Any]:
        answer = call(table, operation, **request)
        if operation in of and ends(next(made)):
            raise Killed
        return answer

    with patch.object(Table, "_call", dying):
        yield
