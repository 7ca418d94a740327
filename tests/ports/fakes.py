"""Fakes of the three ports, in memory. They pass the contract suites beside them, so tests may trust them."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parley.ports.http.outgoing import NoAnswer, Response
from parley.ports.http.targets import check_url
from parley.ports.queue import BATCH_BYTES, NotQueued
from parley.ports.sockets.gateway import Outcome, count_pushes


@dataclass
class FakeGateway:
    """Sockets that a test opens, closes and throttles; a push to any other connection id is "gone"."""

    received: dict[str, list[bytes]] = field(default_factory=dict)
    calls: int = 0
    _throttled: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, *connection_ids: str) -> None:
        for connection_id in connection_ids:
            self.received.setdefault(connection_id, [])

    def close(self, connection_id: str) -> None:
        del self.received[connection_id]

    def throttle(self, *connection_ids: str) -> None:
        """Answer every push for these with 429."""
        self.open(*connection_ids)
        self._throttled.update(connection_ids)

    def relieve(self, *connection_ids: str) -> None:
        """Take every push for these again."""
        self._throttled.difference_update(connection_ids)

    def post(
        self,
        pushes: Iterable[tuple[str, bytes]],
        deadline_seconds: float = 10.0,
        when_sent: Callable[[], None] | None = None,
        *,
        is_patient: bool = True,
    ) -> dict[str, Outcome]:
        with self._lock:
            self.calls += 1
            outcomes = {connection_id: self._deliver(connection_id, data) for connection_id, data in pushes}
        if when_sent is not None and outcomes:
            when_sent()
        count_pushes(sum(one is Outcome.SENT for one in outcomes.values()), 0, outcomes.values())
        return outcomes

    def disconnect(self, *connection_ids: str) -> dict[str, Outcome]:
        with self._lock:
            found = {connection_id: self.received.pop(connection_id, None) for connection_id in connection_ids}
        return {name: Outcome.GONE if frames is None else Outcome.SENT for name, frames in found.items()}

    def frames(self, connection_id: str) -> list[Any]:
        """What this socket received, decoded."""
        return [json.loads(data) for data in self.received[connection_id]]

    def _deliver(self, connection_id: str, data: bytes) -> Outcome:
        if connection_id not in self.received:
            return Outcome.GONE
        if connection_id in self._throttled:
            return Outcome.DROPPED
        self.received[connection_id].append(data)
        return Outcome.SENT


@dataclass
class SentRequest:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    timeout_seconds: float


@dataclass
class FakeOutgoing:
    """Answers every request with `answer`: a response, an exception to raise, or a function of the request.

    URLs are checked as the real port checks them before it resolves a name; no name is resolved.
    """

    answer: Response | Exception | Callable[[SentRequest], Response] = field(
        default_factory=lambda: Response(200, {}, b"")
    )
    allow_loopback: bool = False
    requests: list[SentRequest] = field(default_factory=list)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", timeout_seconds: float = 5.0
    ) -> Response:
        check_url(url, self.allow_loopback)
        request = SentRequest(method, url, dict(headers), body, timeout_seconds)
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, Response) else self.answer(request)

    def fall_silent(self) -> None:
        """Let every request time out."""
        self.answer = NoAnswer("timeout")


@dataclass
class FakeQueue:
    """Keeps what was sent, after a trip through JSON; `broken` makes the next requests fail.

    What was put off, by receipt handle with its seconds, is in `pauses`; what was taken off early is in `forgotten`.
    """

    entries: list[Any] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    broken: bool = False
    keeps_order: bool = False
    pauses: list[tuple[str, int]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def send(self, entries: Sequence[Mapping[str, Any]], delay_seconds: int = 0) -> None:
        bodies = [json.dumps(entry, separators=(",", ":")) for entry in entries]
        too_long = sum(len(body) > BATCH_BYTES for body in bodies)
        if too_long:
            raise NotQueued(too_long, {"TooLong"})
        if self.broken and bodies:
            raise NotQueued(len(bodies), {"InternalError"})
        self.entries += [json.loads(body) for body in bodies]
        self.delays += [delay_seconds] * len(bodies)

    def put_off(self, receipt_handle: str, seconds: int) -> None:
        if self.broken:
            raise NotQueued(1, {"InternalError"})
        self.pauses.append((receipt_handle, seconds))

    def forget(self, receipt_handle: str) -> None:
        if self.broken:
            raise NotQueued(1, {"InternalError"})
        self.forgotten.append(receipt_handle)

    def take(self) -> list[Any]:
        """Empty the queue as a consumer would."""
        entries, self.entries, self.delays = self.entries, [], []
        return entries
