"""A table client that dies, or loses an answer, at a chosen request of an operation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any


class Killed(BaseException):
    """The process ended here. No handler of exceptions takes it for a failure that it could answer."""


class Fault(StrEnum):
    """What happens at the chosen request.

    LOST is what botocore does about a connection that broke: the request was carried out, no answer came, and the
    same request is sent again. UNANSWERED is the same where botocore has given up, so that the operation fails.
    """

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    LOST = "answer lost once"
    UNANSWERED = "answer lost for good"


class Injector:
    """Passes requests on to a client and counts them; from `arm` on, the fault happens at the request of that number."""

    def __init__(self, client: Any, table: str):
        self._client = client
        self._table = table
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._at = 0
        self._is_dead = False
        self.requests = 0
        self._meanwhile: Callable[[], object] | None = None
        # The primary keys of all items that were written, or may have been.
        self.touched: set[tuple[str, str]] = set()

    def arm(self, fault: Fault, at: int) -> None:
        """Let the fault happen at request `at`, counted from 1 from now on."""
        self._fault, self._at, self.requests = fault, at, 0

    def interrupt(self, meanwhile: Callable[[], object], at: int) -> None:
        """Let something else happen just before request `at`, counted from 1 from now on."""
        self._meanwhile, self._at, self.requests = meanwhile, at, 0

    def disarm(self) -> None:
        """Pass everything on again."""
        self._fault = self._meanwhile = None
        self._is_dead = False

    @property
    def has_struck(self) -> bool:
        """Whether the chosen request was reached."""
        return self.requests >= self._at

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        carry_out = getattr(self._client, operation)

        def call(**request: Any) -> dict[str, Any]:
            with self._lock:
                self.requests += 1
                self.touched.update(_written(operation, request))
                is_chosen = self.requests == self._at
            if self._is_dead:
                raise Killed
            if is_chosen and self._meanwhile:
                self._meanwhile()
            if is_chosen and self._fault:
                return self._struck(carry_out, request)
            answer: dict[str, Any] = carry_out(**request)
            return answer

        return call

    def item(self, key: tuple[str, str]) -> dict[str, Any] | None:
        """The item that is stored under a key."""
        request = {"TableName": self._table, "Key": _key(key), "ConsistentRead": True}
        found: dict[str, Any] | None = self._client.get_item(**request).get("Item")
        return found

    def store(self, key: tuple[str, str], item: dict[str, Any] | None) -> None:
        """Let this be what is stored under a key."""
        if item is None:
            self._client.delete_item(TableName=self._table, Key=_key(key))
        else:
            self._client.put_item(TableName=self._table, Item=item)

    def _struck(self, carry_out: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
        if self._fault is Fault.KILLED_BEFORE:
            self._is_dead = True
            raise Killed
        carry_out(**request)
        if self._fault is Fault.KILLED_AFTER:
            self._is_dead = True
            raise Killed
        if self._fault is Fault.UNANSWERED:
            raise ConnectionError("the answer was lost, and so were those to the repeats")
        return carry_out(**request)


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _written(operation: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of what a request writes."""
    if operation == "transact_write_items":
        for action in request["TransactItems"]:
            for part in action.values():
                yield _of(part)
    elif operation == "batch_write_item":
        for writes in request["RequestItems"].values():
            for write in writes:
                for part in write.values():
                    yield _of(part)
    elif operation in ("put_item", "update_item", "delete_item"):
        yield _of(request)


def _of(part: dict[str, Any]) -> tuple[str, str]:
    item = part.get("Item") or part["Key"]
    return item["pk"]["S"], item["sk"]["S"]
