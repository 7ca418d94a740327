"""One call's pushes on their way: what to send next, on which wire, and when to give up.

    ready ----> on a wire ----> answered: next push of that recipient, or finished
      ^             |
      |             |
      +-- waiting <-+-- 429, or 5xx or a broken wire: these resend on a fresh wire
                    |
                    +-- too many attempts: the rest for that recipient is dropped

A recipient has at most one push under way, which keeps its pushes in order. A recipient that waits for its next
attempt holds no wire, so it does not slow the others down. Once a push was given up, the rest for that recipient is
dropped untried: its client has a gap to fill anyway, and the stream behind this call must get on.
"""

import hashlib
import heapq
import selectors
from collections import deque
from collections.abc import Callable

from parley.log import logger
from parley.ports.sockets.keepalive import Answer, BadAnswer, Wire, WirePool
from parley.ports.sockets.pace import Budget

THROTTLED_ATTEMPTS = 4
"""Enough for a client that does not read. While pushes to many clients are refused, each is tried more often."""
SLOWED_ATTEMPTS = 8
FAILED_ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0
OPENING_WAIT_SECONDS = 0.02
LOOK_FOR_SILENCE_SECONDS = 0.1
ALWAYS_PARALLEL = 8
POSTS_PER_NEW_WIRE = 4
"""A TLS handshake costs more than several posts: beyond a small room, a new wire must have some to carry."""


class Body:
    """Data to push, hashed and framed once for all connections that get it."""

    __slots__ = ("hash", "rest")

    def __init__(self, data: bytes) -> None:
        self.hash = hashlib.sha256(data).hexdigest()
        self.rest = b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


class Recipient:
    """A connection id and the bodies it gets, in order."""

    __slots__ = ("attempts", "bodies", "canonical_path", "is_dropped", "is_gone", "path", "position", "sent")

    def __init__(self, path: str, canonical_path: str, body: Body) -> None:
        self.path = path
        self.canonical_path = canonical_path
        self.bodies = [body]
        self.position = 0
        self.sent = 0
        self.attempts = 0
        self.is_gone = False
        self.is_dropped = False

    @property
    def is_unfinished(self) -> bool:
        return self.position < len(self.bodies)


class Batch:
    """Runs one call to its end; afterwards the recipients tell what became of them.

    Attributes:
        accepted: How many pushes API Gateway took.
        throttled: How often it answered 429.
    """

    def __init__(
        self,
        recipients: list[Recipient],
        request: Callable[[Recipient], bytes],
        pool: WirePool,
        budget: Budget,
        *,
        deadline: float,
        attempt_timeout_seconds: float,
        monotonic: Callable[[], float],
        randomness: Callable[[], float],
        when_sent: Callable[[], None] | None = None,
        is_patient: bool = True,
    ) -> None:
        """`when_sent` is called as soon as no push waits for its first attempt, and not at all if that never comes.

        Unless `is_patient`, a push that is throttled or fails is given up at once.
        """
        self._request = request
        self._pool = pool
        self._budget = budget
        self._deadline = deadline
        self._attempt_timeout_seconds = attempt_timeout_seconds
        self._monotonic = monotonic
        self._randomness = randomness
        self._now = monotonic()
        self._unfinished = len(recipients)
        self._unsent = sum(len(recipient.bodies) for recipient in recipients)
        self._when_sent = when_sent
        self._is_patient = is_patient
        self._ready = deque(recipients)
        self._resends: deque[Recipient] = deque()
        self._waiting: list[tuple[float, int, Recipient, deque[Recipient]]] = []
        self._wait_count = 0
        self._selector = selectors.DefaultSelector()
        self._wires: set[Wire] = set()
        self._idle: list[Wire] = []
        self._fresh: list[Wire] = []
        self._wire_goal = max(ALWAYS_PARALLEL, len(recipients) // POSTS_PER_NEW_WIRE)
        self._opening = 0
        self._open_after = self._now
        self._open_failures = 0
        self._look_for_silence_at = self._now
        self.accepted = 0
        self.throttled = 0
        self._dropped: dict[str, int] = {}
        self._last_error: Exception | None = None

    def run(self) -> None:
        """Send until everything is finished or the deadline has come."""
        try:
            while len(self._idle) < self._unfinished and (wire := self._pool.take_idle()):
                self._adopt(wire)
                self._idle.append(wire)
            while self._unfinished and self._now < self._deadline:
                self._wake()
                self._drop_silent_wires()
                self._assign()
                self._tell_when_sent()
                for key, _ in self._selector.select(self._pause()):
                    self._serve(key.data)
                self._now = self._monotonic()
        finally:
            for wire in list(self._wires):
                self._release(wire, keep=wire.is_open and wire.work is None)
            self._selector.close()
        if self._unfinished:
            self._dropped["deadline"] = self._unfinished
        if self._dropped:
            facts = {"dropped": self._dropped, "last_error": repr(self._last_error)}
            logger.warning("pushes were dropped", extra=facts)

    # What to do next.

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._now:
            _, _, recipient, queue = heapq.heappop(self._waiting)
            queue.append(recipient)

    def _assign(self) -> None:
        while self._resends and self._fresh:
            if not self._budget.take():
                return
            self._send(self._fresh.pop(), self._resends.popleft())
        while self._ready and (self._idle or self._fresh):
            if not self._budget.take():
                return
            self._send(self._idle.pop() if self._idle else self._fresh.pop(), self._ready.popleft())
        while self._needs_wire() and self._add_wire():
            pass

    def _tell_when_sent(self) -> None:
        if self._when_sent is not None and not self._unsent:
            tell, self._when_sent = self._when_sent, None
            tell()

    def _needs_wire(self) -> bool:
        waiting = len(self._resends)
        if len(self._wires) < self._wire_goal:
            waiting += len(self._ready)
        return self._opening < waiting and self._now >= self._open_after

    def _add_wire(self) -> bool:
        try:
            wire = self._pool.open() or (None if self._wires else self._pool.open(beyond_limit=True))
        except OSError as error:
            self._back_off_opening(error)
            return False
        if wire is not None:
            self._adopt(wire)
            self._opening += 1
            return True
        if self._resends and self._idle:
            # All wires have been used before; one makes room for the fresh one that a resend needs.
            self._release(self._idle.pop(), keep=False)
            return True
        return False

    def _pause(self) -> float:
        until = self._deadline
        if self._waiting:
            until = min(until, self._waiting[0][0])
        if (self._ready and (self._idle or self._fresh)) or (self._resends and self._fresh):
            # There are wires, so it was the budget that ran out.
            until = min(until, self._now + self._budget.wait_seconds())
        if (self._ready or self._resends) and self._open_after > self._now:
            until = min(until, self._open_after)
        if len(self._wires) > len(self._idle) + len(self._fresh):
            until = min(until, self._look_for_silence_at)
        return max(0.0, until - self._now)

    # Wires.

    def _adopt(self, wire: Wire) -> None:
        wire.since = self._now
        wire.watched = wire.events
        self._wires.add(wire)
        self._selector.register(wire.descriptor, wire.events, wire)

    def _release(self, wire: Wire, keep: bool, is_unreachable: bool = False) -> None:
        self._wires.discard(wire)
        self._selector.unregister(wire.descriptor)
        if keep:
            self._pool.give_back(wire)
        else:
            self._pool.discard(wire, is_unreachable)

    def _watch(self, wire: Wire) -> None:
        if wire.watched != wire.events:
            wire.watched = wire.events
            self._selector.modify(wire.descriptor, wire.events, wire)

    def _send(self, wire: Wire, recipient: Recipient) -> None:
        wire.work = recipient
        wire.since = self._now
        try:
            wire.send(self._request(recipient))
        except OSError as error:
            self._break(wire, error)
        else:
            self._note_sent(recipient, recipient.position + 1)
            self._watch(wire)

    def _note_sent(self, recipient: Recipient, count: int) -> None:
        """Of a recipient's pushes, the first `count` have been sent once, or never will be."""
        self._unsent -= max(count - recipient.sent, 0)
        recipient.sent = max(count, recipient.sent)

    def _serve(self, wire: Wire) -> None:
        """Something happened on this wire."""
        if wire.work is None:
            if not wire.is_open:
                self._open_further(wire)
            elif not wire.is_quiet():
                (self._idle if wire in self._idle else self._fresh).remove(wire)
                self._release(wire, keep=False)
            return
        try:
            answer = wire.receive()
        except (OSError, BadAnswer) as error:
            self._break(wire, error)
            return
        self._watch(wire)
        if answer is not None:
            self._settle(wire, answer)

    def _open_further(self, wire: Wire) -> None:
        try:
            is_open = wire.open_further()
        except OSError as error:
            self._fail_opening(wire, error)
            return
        self._watch(wire)
        if is_open:
            self._opening -= 1
            self._open_failures = 0
            self._fresh.append(wire)

    def _fail_opening(self, wire: Wire, error: Exception) -> None:
        self._opening -= 1
        self._release(wire, keep=False, is_unreachable=True)
        self._back_off_opening(error)

    def _back_off_opening(self, error: Exception) -> None:
        self._last_error = error
        # Wires that were started together fail together; that counts as one failure.
        if self._now >= self._open_after:
            self._open_after = self._now + self._jitter(OPENING_WAIT_SECONDS, self._open_failures)
            self._open_failures += 1

    def _drop_silent_wires(self) -> None:
        if self._now < self._look_for_silence_at:
            return
        self._look_for_silence_at = self._now + LOOK_FOR_SILENCE_SECONDS
        for wire in list(self._wires):
            if self._now - wire.since < self._attempt_timeout_seconds:
                continue
            if wire.work is not None:
                # If this one died in silence, so did those that rested beside it.
                self._pool.discard_idle()
                self._break(wire, TimeoutError("no answer"))
            elif not wire.is_open:
                self._fail_opening(wire, TimeoutError("no connection"))

    # Answers.

    def _break(self, wire: Wire, error: Exception) -> None:
        recipient, wire.work = wire.work, None
        is_stale = wire.is_used and not wire.has_spoken()
        self._release(wire, keep=False)
        if is_stale:
            # The server closed a resting connection as the request left: no fault of the push, so no attempt lost.
            self._resends.append(recipient)
        else:
            self._last_error = error
            self._retry(recipient, "failed", FAILED_ATTEMPTS, self._resends)

    def _settle(self, wire: Wire, answer: Answer) -> None:
        recipient, wire.work = wire.work, None
        status = answer.status
        if answer.keep_alive:
            self._idle.append(wire)
        else:
            self._release(wire, keep=False)
        if 200 <= status < 300:
            self.accepted += 1
            self._go_on(recipient)
        elif status == 410:
            recipient.is_gone = True
            self._finish(recipient)
        elif status == 429:
            self._retry_slower(recipient)
        elif status >= 500 or status == 408:
            self._retry(recipient, "failed", FAILED_ATTEMPTS, self._resends)
        else:
            self._refuse(recipient, answer)

    def _go_on(self, recipient: Recipient) -> None:
        recipient.position += 1
        recipient.attempts = 0
        if recipient.is_unfinished:
            self._ready.append(recipient)
        else:
            self._unfinished -= 1

    def _finish(self, recipient: Recipient) -> None:
        recipient.position = len(recipient.bodies)
        self._note_sent(recipient, recipient.position)
        self._unfinished -= 1

    def _retry_slower(self, recipient: Recipient) -> None:
        self.throttled += 1
        if not recipient.attempts:
            self._budget.refused()
        attempts = SLOWED_ATTEMPTS if self._budget.is_slowed else THROTTLED_ATTEMPTS
        self._retry(recipient, "throttled", attempts, self._ready)

    def _retry(self, recipient: Recipient, reason: str, attempts: int, queue: deque[Recipient]) -> None:
        recipient.attempts += 1
        if self._is_patient and recipient.attempts < attempts:
            due = self._now + self._jitter(FIRST_WAIT_SECONDS, recipient.attempts - 1)
            self._wait_count += 1
            heapq.heappush(self._waiting, (due, self._wait_count, recipient, queue))
            return
        self._drop(recipient, reason)
        self._finish(recipient)

    def _refuse(self, recipient: Recipient, answer: Answer) -> None:
        """403 is a wrong policy or URL, 413 a push that should never have been made: no attempt will help."""
        reason = f"status {answer.status}"
        if reason not in self._dropped:
            text = answer.body[:300].decode("utf-8", "replace")
            logger.error("pushes are refused", extra={"status": answer.status, "answer": text})
        self._drop(recipient, reason)
        self._go_on(recipient)

    def _drop(self, recipient: Recipient, reason: str) -> None:
        recipient.is_dropped = True
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _jitter(self, first_seconds: float, step: int) -> float:
        return min(LONGEST_WAIT_SECONDS, first_seconds * 2.0**step) * (0.5 + self._randomness() / 2)
