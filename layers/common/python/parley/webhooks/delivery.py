"""Delivery: one signed request, and what its outcome means."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from parley.log import logger
from parley.outgoing import NoAnswer, Outgoing, TargetRefused, check_url
from parley.webhooks.signing import signature

TIMEOUT_SECONDS = 5.0
# The vendor retries these; any other answer is the owner's last word (https://www.twilio.com/docs/chat/webhook-events).
_RETRIED = {429, 503, 504}
_LONGEST_PAUSE_SECONDS = 900


def deliver(outgoing: Outgoing, auth_token: str, delivery: dict[str, Any], attempt: int) -> bool:
    """Make one attempt (0 is the first); returns whether the delivery is settled, and logs what happened."""
    form = {**delivery["parameters"], "RetryCount": str(attempt)}
    facts = {"delivery": delivery["id"], "event": delivery["parameters"]["EventType"], "attempt": attempt}
    try:
        url, body, headers = _request(auth_token, delivery, form)
        answer = outgoing.send(delivery["method"], url, headers, body, TIMEOUT_SECONDS)
    except TargetRefused as refused:
        logger.warning("webhook target refused", extra={**facts, "reason": str(refused)})
        return True
    except NoAnswer as missing:
        logger.warning("webhook not answered", extra={**facts, "code": 50076, "reason": str(missing)})
        return False
    settled = answer.status not in _RETRIED
    if 200 <= answer.status < 300:
        logger.info("webhook delivered", extra={**facts, "status": answer.status})
    else:
        logger.warning("webhook answered with an error", extra={**facts, "code": 50057, "status": answer.status})
    return settled


def _request(auth_token: str, delivery: dict[str, Any], form: dict[str, str]) -> tuple[str, bytes, dict[str, str]]:
    """URL, body and headers of an attempt."""
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
        "Accept": "*/*",
    }
    return url, body, headers


def _as_seen(url: str) -> str:
    """The URL as its owner sees it asked for, which is what he validates: with a path and without a fragment."""
    # Whether it may be asked for is the port's to say.
    target = check_url(url, allow_loopback=True)
    return f"{target.scheme}://{target.host_header}{target.path.removesuffix('?')}"


def pause_seconds(attempt: int, jitter: Callable[[], float] = random.random) -> int:
    """How long to wait after an attempt: doubling from a second to a quarter of an hour, with jitter."""
    return max(1, round(min(_LONGEST_PAUSE_SECONDS, 2**attempt) * (0.75 + jitter() / 4)))
