"""The socket gateway port: pushes to the clients' sockets through API Gateway's `@connections`.

This is the hot loop of the whole system, so it does not use an SDK. A body is hashed once however many connections
it goes to, requests are signed here (`sigv4.py`) and travel over many keep-alive connections (`keepalive.py`)
driven by one loop in the calling thread (`posting.py`): no threads, no event loop kept between invocations that
a freeze could leave in the middle of something.

What a caller may rely on:

- Every connection id handed in is in the result, after `deadline_seconds` at the latest (name resolution aside).
- "sent" means API Gateway accepted every push for that connection; whether the client read it, nobody knows.
- "gone" means the connection does not exist any more: remove it.
- "dropped" means at least one push for that connection may be missing. The client finds the gap by `seq` and fetches.
- Pushes for one connection id go out one after the other, in the order given. Between connections there is no order.
- At least once: when a connection breaks after the request was sent, the push is sent again. Clients drop repeats.
- Safe to call from several threads; they share connections and the rate budget.
"""

import threading
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from random import random
from ssl import SSLContext
from urllib.parse import quote, urlsplit

from parley import posting
from parley.keepalive import WirePool
from parley.sigv4 import Credentials, Signer, canonical_path

MAX_WIRES = 100
"""Enough for the rate below at 12 ms a post."""
POSTS_PER_SECOND = 8_000
"""Below the 10,000 requests a second that an account has for all its APIs together (API Gateway quotas)."""
BURST = 4_000
"""Below the account's burst of 5,000."""


class Outcome(StrEnum):
    """What became of the pushes for one connection, the worst of them."""

    SENT = "sent"
    DROPPED = "dropped"
    GONE = "gone"


class SocketGateway:
    """Posts to `connections_url` (`https://host/stage`).

    `credentials` is asked once per call, so that what botocore refreshes is used; hand in
    `session.get_credentials().get_frozen_credentials` wrapped in a function that builds the session when first called.
    """

    def __init__(
        self,
        connections_url: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        max_wires: int = MAX_WIRES,
        posts_per_second: float = POSTS_PER_SECOND,
        burst: int = BURST,
        attempt_timeout_seconds: float = 3.0,
        ssl_context: SSLContext | None = None,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        randomness: Callable[[], float] = random,
    ) -> None:
        parts = urlsplit(connections_url.rstrip("/"))
        self._host = _host_header(parts.scheme, parts.netloc)
        self._path = f"{parts.path}/@connections/"
        self._canonical_path = canonical_path(self._path)
        self._region = region
        self._credentials = credentials
        self._signer: Signer | None = None
        self._pool = WirePool(connections_url, max_wires, ssl_context, wall_clock)
        self._budget = Budget(posts_per_second, burst, monotonic)
        self._attempt_timeout_seconds = attempt_timeout_seconds
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._randomness = randomness

    def post(self, pushes: Iterable[tuple[str, bytes]], deadline_seconds: float = 10.0) -> dict[str, Outcome]:
        """Send each (connection id, data) push and return what became of each connection.

        Share one `bytes` object among the pushes that carry the same data: it is then prepared once. See the module's
        docstring for what the outcomes promise. Raises only what `credentials` raises, before anything is sent.
        """
        bodies: dict[bytes, posting.Body] = {}
        targets: dict[str, posting.Target] = {}
        for connection_id, data in pushes:
            body = bodies.get(data)
            if body is None:
                body = bodies[data] = posting.Body(data)
            target = targets.get(connection_id)
            if target is None:
                targets[connection_id] = self._target(connection_id, body)
            else:
                target.bodies.append(body)
        self._run("POST", targets, deadline_seconds)
        return {connection_id: _outcome(target) for connection_id, target in targets.items()}

    def disconnect(self, connection_id: str, deadline_seconds: float = 5.0) -> Outcome:
        """Close a client's socket: "sent" when it is being closed, "gone" when it was closed already."""
        target = self._target(connection_id, posting.Body(b""))
        self._run("DELETE", {connection_id: target}, deadline_seconds)
        return _outcome(target)

    def close(self) -> None:
        """Close the keep-alive connections that rest; later calls open new ones."""
        self._pool.discard_idle()

    def _target(self, connection_id: str, body: posting.Body) -> posting.Target:
        quoted = quote(connection_id, safe="")
        # What quote() leaves of a connection id is unreserved but for its percent signs.
        return posting.Target(self._path + quoted, self._canonical_path + quoted.replace("%", "%25"), body)

    def _run(self, method: str, targets: dict[str, posting.Target], deadline_seconds: float) -> None:
        if not targets:
            return
        signer = self._current_signer()

        def request(target: posting.Target) -> bytes:
            body = target.bodies[target.position]
            signed = signer.headers(method, target.canonical_path, body.hash, self._wall_clock())
            return f"{method} {target.path} HTTP/1.1\r\n{signed}".encode() + body.rest

        posting.Batch(
            list(targets.values()),
            request,
            self._pool,
            self._budget,
            deadline=self._monotonic() + deadline_seconds,
            attempt_timeout_seconds=self._attempt_timeout_seconds,
            monotonic=self._monotonic,
            randomness=self._randomness,
        ).run()

    def _current_signer(self) -> Signer:
        credentials = self._credentials()
        signer = self._signer
        if signer is None or _identity(signer.credentials) != _identity(credentials):
            signer = self._signer = Signer(credentials, self._region, "execute-api", self._host)
        return signer


class Budget:
    """A token bucket, shared by the threads of a process: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1, burst)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = float(self._burst)
        self._filled_at = monotonic()

    def take(self) -> bool:
        """Take one token, or say that there is none."""
        with self._lock:
            if self._tokens < 1:
                now = self._monotonic()
                self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
                self._filled_at = now
                if self._tokens < 1:
                    return False
            self._tokens -= 1
            return True

    def wait_seconds(self) -> float:
        """How long until there is a token again, if nobody else takes it."""
        with self._lock:
            return max(0.0, (1 - self._tokens) / self._rate)


def _outcome(target: posting.Target) -> Outcome:
    if target.is_gone:
        return Outcome.GONE
    return Outcome.DROPPED if target.is_dropped or target.is_unfinished else Outcome.SENT


def _identity(credentials: Credentials) -> tuple[str, str, str | None]:
    return credentials.access_key, credentials.secret_key, credentials.token


def _host_header(scheme: str, netloc: str) -> str:
    default = ":443" if scheme == "https" else ":80"
    return netloc.lower().removesuffix(default)
