"""Delivery: one signed request, and what its outcome means."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from parley.log import logger
from parley.outgoing import NoAnswer, Outgoing, TargetRefused
from parley.webhooks.signing import signature

TIMEOUT_SECONDS = 5.0
# The vendor retries these; any other answer is the owner's last word (https://www.twilio.com/docs/chat/webhook-events).
_RETRIED = {429, 503, 504}
_LONGEST_PAUSE_SECONDS = 900


def deliver(outgoing: Outgoing, auth_token: str, delivery: dict[str, Any], attempt: int) -> bool:
    """Make one attempt (0 is the first); returns whether the delivery is settled, and logs what happened."""
    form = {**delivery["parameters"], "RetryCount": str(attempt)}
    url, body, headers = delivery["url"], b"", {}
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
    facts = {"delivery": delivery["id"], "event": delivery["parameters"]["EventType"], "attempt": attempt}
    try:
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


def pause_seconds(attempt: int, jitter: Callable[[], float] = random.random) -> int:
    """How long to wait after an attempt: doubling from a second to a quarter of an hour, with jitter."""
    return max(1, round(min(_LONGEST_PAUSE_SECONDS, 2**attempt) * (0.75 + jitter() / 4)))
