"""A DynamoDB client that loses answers, is throttled or leaves work undone as scripted, and counts requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.support.fakes import FakeClock

Call = Callable[[], dict[str, Any]]
Meddle = Callable[[Call, dict[str, Any]], dict[str, Any]]


class MeddlingClient:
    """Passes every operation on to a real client, unless a scripted step comes first."""

    def __init__(self, client: Any):
        self._client = client
        self._steps: dict[str, list[Meddle]] = {}
        self.calls: Counter[str] = Counter()
        self._from: tuple[int, Meddle] | None = None

    def script_all(self, step: Meddle, *, after: int) -> None:
        """What to do with every call of any operation, after this many more."""
        self._from = (self.calls.total() + after, step)

    def unscript(self) -> None:
        """Let every call pass again."""
        self._from = None
        self._steps.clear()

    def script(self, operation: str, *steps: Meddle) -> None:
        """What to do with the next calls of an operation, one step each."""
        self._steps.setdefault(operation, []).extend(steps)

    def scripted(self, operation: str) -> int:
        """How many steps have not come yet."""
        return len(self._steps.get(operation, ()))

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self.calls[operation] += 1
            steps = self._steps.get(operation)
            carry_out = getattr(self._client, operation)
            if self._from and self.calls.total() > self._from[0]:
                return self._from[1](lambda: carry_out(**request), request)
            if steps:
                return steps.pop(0)(lambda: carry_out(**request), request)
            return carry_out(**request)

        return call


def client_error(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Operation")


def refusing(code: str, *reasons: str) -> Meddle:
    """Do nothing and fail; `reasons` are those of a cancelled transaction."""

    def meddle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        raise client_error(code, CancellationReasons=[{"Code": reason} for reason in reasons])

    return meddle


def after(happen: Callable[[], object]) -> Meddle:
    """Let something else happen before the request is carried out, as another container would."""

    def meddle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as container:
            container.submit(happen).result()
        return call()

    return meddle


def losing_the_answer(code: str = "ThrottlingException", *reasons: str) -> Meddle:
    """Carry the request out, then fail as if it had not been."""

    def meddle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        call()
        raise client_error(code, CancellationReasons=[{"Code": reason} for reason in reasons])

    return meddle


def without_an_answer(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Carry the request out, and let the connection break before the answer comes."""
    call()
    raise ConnectionClosedError(endpoint_url="https://dynamodb.example")


def hanging(clock: FakeClock, seconds: float) -> Meddle:
    """Never answer: the client waits for so long, and gives up."""

    def meddle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        clock.advance(seconds)
        raise ReadTimeoutError(endpoint_url="https://dynamodb.example")

    return meddle


def leaving_undone(kept: int) -> Meddle:
    """Carry out the first `kept` parts of a batch and report the rest as unprocessed."""

    def meddle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        ((table, parts),) = request["RequestItems"].items()
        if isinstance(parts, dict):
            undone = {"UnprocessedKeys": {table: {**parts, "Keys": parts["Keys"][kept:]}}}
            request["RequestItems"] = {table: {**parts, "Keys": parts["Keys"][:kept]}}
            done: dict[str, Any] = {"Responses": {table: []}}
        else:
            undone = {"UnprocessedItems": {table: parts[kept:]}}
            request["RequestItems"] = {table: parts[:kept]}
            done = {}
        return {**(call() if kept else done), **undone}

    return meddle
