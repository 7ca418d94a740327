"""A client of the table and of the object store that dies, or loses an answer, at a chosen request of an operation."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Set
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.killing import Killed


class Fault(StrEnum):
    """What happens at the chosen request.

    KILLED: the process ends after the request was carried out. To end just before the next request is the same.
    LOST is what botocore does about a connection that broke: the request was carried out, no answer came, and the
    same request is sent again. UNANSWERED is the same where botocore has given up, so that the operation fails.
    """

    KILLED = "killed after"
    LOST = "answer lost once"
    UNANSWERED = "answer lost for good"


class Step(NamedTuple):
    """One request: what it reads and what it writes, as primary keys. A range is its partition and a beginning."""

    reads: frozenset[tuple[str, str]]
    ranges: frozenset[tuple[str, str]]
    writes: frozenset[tuple[str, str]]

    def meets(self, written: Set[tuple[str, str]]) -> bool:
        """Whether it reads or writes something of what another writes."""
        if not written.isdisjoint(self.reads | self.writes):
            return True
        return any(pk in ("", key[0]) and key[1].startswith(start) for pk, start in self.ranges for key in written)


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
        self.steps: list[Step] = []

    def arm(self, fault: Fault, at: int) -> None:
        """Let the fault happen at request `at`, counted from 1 from now on."""
        self._fault, self._at = fault, at
        self.count()

    def interrupt(self, meanwhile: Callable[[], object], at: int) -> None:
        """Let something else happen just before request `at`, counted from 1 from now on."""
        self._meanwhile, self._at = meanwhile, at
        self.count()

    def count(self) -> None:
        """Count requests, and remember them, from now on."""
        self.requests, self.steps = 0, []

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
            step = _step(operation, request)
            self.touched |= step.writes
            answer: dict[str, Any] = self._passed(step, carry_out, (), request)
            return answer

        return call

    def _passed(self, step: Step, carry_out: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer to a request, if nothing happens at it."""
        if self._is_dead:
            raise Killed
        with self._lock:
            self.requests += 1
            self.steps.append(step)
            is_chosen = self.requests == self._at
        if is_chosen and self._meanwhile:
            self._meanwhile()
        if is_chosen and self._fault:
            return self._struck(lambda: carry_out(*given, **named))
        return carry_out(*given, **named)

    def session(self, session: Any) -> Any:
        """A session of the object store, whose requests count like those to the table."""
        return SimpleNamespace(send=lambda request: self._passed(_stored(request), session.send, (request,), {}))

    def item(self, key: tuple[str, str]) -> dict[str, Any] | None:
        """The item that is stored under a key."""
        request = {"TableName": self._table, "Key": _key(key), "ConsistentRead": True}
        found: dict[str, Any] | None = self._client.get_item(**request).get("Item")
        return found

    def store(self, key: tuple[str, str], item: dict[str, Any] | None) -> None:
        """Store this item under a key; None deletes what is there."""
        if item is None:
            self._client.delete_item(TableName=self._table, Key=_key(key))
        else:
            self._client.put_item(TableName=self._table, Item=item)

    def _struck(self, carry_out: Callable[[], Any]) -> Any:
        carry_out()
        if self._fault is Fault.KILLED:
            self._is_dead = True
            raise Killed
        if self._fault is Fault.UNANSWERED:
            raise ConnectionError("the answer was lost, and so were those to the repeats")
        return carry_out()


def _stored(request: Any) -> Step:
    """One request to the object store. It writes or reads an object, which the table's keys never mean."""
    path = frozenset([("OBJECT", urlsplit(request.url).path)])
    is_read = request.method in ("GET", "HEAD")
    return Step(path if is_read else frozenset(), frozenset(), frozenset() if is_read else path)


def _key(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _step(operation: str, request: dict[str, Any]) -> Step:
    reads: set[tuple[str, str]] = set()
    ranges: set[tuple[str, str]] = set()
    writes: set[tuple[str, str]] = set()
    match operation:
        case "get_item":
            reads.add(_of(request))
        case "batch_get_item":
            reads.update(_of({"Key": key}) for asked in request["RequestItems"].values() for key in asked["Keys"])
        case "query":
            ranges.add(_range(request))
        case "transact_write_items":
            for action in request["TransactItems"]:
                for name, part in action.items():
                    (reads if name == "ConditionCheck" else writes).add(_of(part))
        case "batch_write_item":
            parts = (part for asked in request["RequestItems"].values() for write in asked for part in write.values())
            writes.update(_of(part) for part in parts)
        case "put_item" | "update_item" | "delete_item":
            writes.add(_of(request))
        case _:
            raise NotImplementedError(f"there is no fault for {operation}")
    return Step(frozenset(reads), frozenset(ranges), frozenset(writes))


def _range(query: dict[str, Any]) -> tuple[str, str]:
    """A query's partition, and how every sort key in its range begins. A query of an index may find any item."""
    if "IndexName" in query:
        return "", ""
    condition = query["KeyConditionExpression"]
    partition, *sort = (query["ExpressionAttributeValues"][name]["S"] for name in re.findall(r":\w+", condition))
    if "<=" in condition or not sort:
        return partition, ""
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*sort, strict=False))
    return partition, "".join(letters[0] for letters in same)


def _of(part: dict[str, Any]) -> tuple[str, str]:
    item = part.get("Item") or part["Key"]
    return item["pk"]["S"], item["sk"]["S"]
