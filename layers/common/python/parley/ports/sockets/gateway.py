"""The socket gateway port: pushes to the clients' sockets through API Gateway's `@connections`.

This is the hot loop of the whole system, so it does not use an SDK. A body is hashed once however many connections
it goes to, requests are signed here (`ports/sigv4.py`) and travel over many keep-alive connections (`keepalive.py`)
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

import time
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from random import random
from ssl import SSLContext
from urllib.parse import quote, urlsplit

from parley.metrics import PUSHES, PUSHES_GONE, PUSHES_THROTTLED, count
from parley.ports.sigv4 import Credentials, Signer, canonical_path
from parley.ports.sockets import posting
from parley.ports.sockets.keepalive import WirePool
from parley.ports.sockets.pace import Budget

MAX_WIRES = 100
"""Enough for the rate below at 12 ms a post."""
POSTS_PER_SECOND = 8_000
"""Below the 10,000 requests a second that an account has for all its APIs together (API Gateway quotas)."""
BURST = 4_000
"""Below the account's burst of 5,000."""
_CLOSING_SECONDS = 5.0


class Outcome(StrEnum):
    """The outcome of the pushes for one connection; the worst one, if they differ."""

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

    def post(
        self,
        pushes: Iterable[tuple[str, bytes]],
        deadline_seconds: float = 10.0,
        when_sent: Callable[[], None] | None = None,
        *,
        is_patient: bool = True,
    ) -> dict[str, Outcome]:
        """Send each (connection id, data) push and return the outcome for each connection.

        Share one `bytes` object among the pushes that carry the same data: it is then prepared once. See the module's
        docstring for what the outcomes promise. Raises only what `credentials` raises, before anything is sent.

        Args:
            when_sent: Called in this thread as soon as every push has been sent once, while answers are still out. If
                some push is never sent, it may not be called. It must return at once.
            is_patient: Whether a push that is throttled or fails is sent again after a pause.
        """
        bodies: dict[bytes, posting.Body] = {}
        recipients: dict[str, posting.Recipient] = {}
        for connection_id, data in pushes:
            body = bodies.get(data)
            if body is None:
                body = bodies[data] = posting.Body(data)
            recipient = recipients.get(connection_id)
            if recipient is None:
                recipients[connection_id] = self._recipient(connection_id, body)
            else:
                recipient.bodies.append(body)
        if not recipients:
            return {}
        batch = self._run("POST", recipients, deadline_seconds, when_sent, is_patient)
        outcomes = {connection_id: _outcome(recipient) for connection_id, recipient in recipients.items()}
        count_pushes(batch.accepted, batch.throttled, outcomes.values())
        return outcomes

    def disconnect(self, *connection_ids: str) -> dict[str, Outcome]:
        """Close clients' sockets: "sent" when one is being closed, "gone" when it was closed already."""
        nothing = posting.Body(b"")
        recipients = {connection_id: self._recipient(connection_id, nothing) for connection_id in connection_ids}
        if recipients:
            self._run("DELETE", recipients, _CLOSING_SECONDS)
        return {connection_id: _outcome(recipient) for connection_id, recipient in recipients.items()}

    def close(self) -> None:
        """Close the keep-alive connections that rest; later calls open new ones."""
        self._pool.discard_idle()

    def _recipient(self, connection_id: str, body: posting.Body) -> posting.Recipient:
        quoted = quote(connection_id, safe="")
        # After quote(), the percent signs are all that is left to encode.
        return posting.Recipient(self._path + quoted, self._canonical_path + quoted.replace("%", "%25"), body)

    def _run(
        self,
        method: str,
        recipients: dict[str, posting.Recipient],
        deadline_seconds: float,
        when_sent: Callable[[], None] | None = None,
        is_patient: bool = True,
    ) -> posting.Batch:
        signer = self._current_signer()

        def request(recipient: posting.Recipient) -> bytes:
            body = recipient.bodies[recipient.position]
            signed = signer.headers(method, recipient.canonical_path, body.hash, self._wall_clock())
            return f"{method} {recipient.path} HTTP/1.1\r\n{signed}".encode() + body.rest

        batch = posting.Batch(
            list(recipients.values()),
            request,
            self._pool,
            self._budget,
            deadline=self._monotonic() + deadline_seconds,
            attempt_timeout_seconds=self._attempt_timeout_seconds,
            monotonic=self._monotonic,
            randomness=self._randomness,
            when_sent=when_sent,
            is_patient=is_patient,
        )
        batch.run()
        return batch

    def _current_signer(self) -> Signer:
        credentials = self._credentials()
        signer = self._signer
        if signer is None or _identity(signer.credentials) != _identity(credentials):
            signer = self._signer = Signer(credentials, self._region, "execute-api", self._host)
        return signer


def count_pushes(accepted: int, throttled: int, outcomes: Collection[Outcome]) -> None:
    """Count the outcomes of the pushes of one call."""
    gone = sum(one is Outcome.GONE for one in outcomes)
    for metric, times in ((PUSHES, accepted), (PUSHES_THROTTLED, throttled), (PUSHES_GONE, gone)):
        if times:
            count(metric, times)


def _outcome(recipient: posting.Recipient) -> Outcome:
    if recipient.is_gone:
        return Outcome.GONE
    return Outcome.DROPPED if recipient.is_dropped or recipient.is_unfinished else Outcome.SENT


def _identity(credentials: Credentials) -> tuple[str, str, str | None]:
    return credentials.access_key, credentials.secret_key, credentials.token


def _host_header(scheme: str, netloc: str) -> str:
    default = ":443" if scheme == "https" else ":80"
    return netloc.lower().removesuffix(default)
