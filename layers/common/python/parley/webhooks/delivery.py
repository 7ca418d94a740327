"""Delivery: one signed request, and what its outcome means.

    answer                                   within the retry count         afterwards
    ---------------------------------------- ------------------------------ -----------------------------------------
    2xx                                      settled
    time-out, no connection, 429, 503, 504   tried again after a second     tried again after growing pauses
    other 5xx; the address is forbidden      -                              tried again after growing pauses
    anything else                            settled: the server has answered; logged with 50057

Twilio stops after the retry count; Parley goes on until the delivery is too old and then parks it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from parley.log import logger
from parley.ports.http.outgoing import NoAnswer, Outgoing, Response, TargetRefused, check_url
from parley.tracing import HEADER, request_id
from parley.webhooks.signing import signature

TIMEOUT_SECONDS = 5.0
RETRIED_BY_COUNT = {429, 503, 504}
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1, 900


class Outcome(StrEnum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    UNREACHABLE = "unreachable"

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to do."""
        return self in (Outcome.DELIVERED, Outcome.REJECTED)


class Attempt(NamedTuple):
    """One attempt: its outcome, the HTTP status or the reason why there is none, and how long it took."""

    outcome: Outcome
    status: int = 0
    reason: str = ""
    response: Response | None = None
    duration_ms: int = 0


def request(auth_token: str, delivery: dict[str, Any], attempt: int) -> tuple[str, dict[str, str], bytes]:
    """URL, headers and body of an attempt; 0 is the first.

    Raises:
        TargetRefused: for a text that is not a usable URL.
    """
    form = {**delivery["parameters"], "RetryCount": str(attempt)}
    url, body, headers = _as_seen(delivery["url"]), b"", {}
    if delivery["method"] == "GET":
        url += ("&" if "?" in url else "?") + urlencode(form)
        form = {}
    else:
        body = urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    headers |= {
        "X-Twilio-Signature": signature(auth_token, url, form),
        "I-Twilio-Idempotency-Token": delivery["id"],
        "User-Agent": "Parley",
        **({HEADER: request_id()} if request_id() else {}),
        "Accept": "*/*",
    }
    return url, headers, body


def _as_seen(url: str) -> str:
    """The URL as its server sees it, which is what it validates: with a path and without a fragment."""
    # The port decides whether a request may go there.
    target = check_url(url, allow_loopback=True)
    return f"{target.scheme}://{target.host_header}{target.path.removesuffix('?')}"


def _host(url: str) -> str:
    """Host and port of a URL; empty for a text that is no URL."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def attempt(outgoing: Outgoing, auth_token: str, delivery: dict[str, Any], number: int) -> Attempt:
    """Make one attempt and log it: SIDs, the host, status, duration and reason, never the content or the whole URL."""
    started = time.perf_counter()
    made = _send(outgoing, auth_token, delivery, number)
    made = made._replace(duration_ms=round((time.perf_counter() - started) * 1000))
    facts = {"delivery": delivery["id"], "attempt": number, "outcome": str(made.outcome), "status": made.status}
    facts["host"] = _host(delivery["url"])
    facts["duration_ms"] = made.duration_ms
    facts |= {name: value for name, value in delivery["parameters"].items() if name in _LOGGED}
    if made.outcome is Outcome.DELIVERED:
        logger.info("webhook", extra=facts)
    else:
        code = 50076 if made.outcome is Outcome.UNREACHABLE else 50057
        logger.warning("webhook", extra={**facts, "code": code, "reason": made.reason})
    return made


_LOGGED = (
    "EventType",
    "InstanceSid",
    "ChatServiceSid",
    "ChannelSid",
    "ConversationSid",
    "MessageSid",
    "MemberSid",
    "ParticipantSid",
    "UserSid",
    "WebhookSid",
)


def _send(outgoing: Outgoing, auth_token: str, delivery: dict[str, Any], number: int) -> Attempt:
    try:
        url, headers, body = request(auth_token, delivery, number)
        answer = outgoing.send(delivery["method"], url, headers, body, TIMEOUT_SECONDS)
    except TargetRefused as refused:
        # The owner may correct the name, so it is tried again. No request is ever sent to a refused address.
        return Attempt(Outcome.FAILED, reason=str(refused))
    except NoAnswer as missing:
        return Attempt(Outcome.UNREACHABLE, reason=str(missing))
    if 200 <= answer.status < 300:
        return Attempt(Outcome.DELIVERED, answer.status, response=answer)
    if answer.status in RETRIED_BY_COUNT:
        return Attempt(Outcome.UNREACHABLE, answer.status, "the target is busy", answer)
    outcome = Outcome.FAILED if answer.status >= 500 else Outcome.REJECTED
    return Attempt(outcome, answer.status, "the target answered with an error", answer)


def pause_seconds(made: Outcome, number: int, retries: int, jitter: Callable[[], float] = random.random) -> int:
    """How long to wait after attempt `number`: a second within the retry count, then doubling up to fifteen minutes."""
    if made is Outcome.UNREACHABLE and number < retries:
        return _FIRST_PAUSE_SECONDS
    doubled: int = _FIRST_PAUSE_SECONDS * 2 ** min(max(number - retries, 0) + 1, 10)
    return max(1, round(min(_LONGEST_PAUSE_SECONDS, doubled) * (0.75 + jitter() / 4)))
