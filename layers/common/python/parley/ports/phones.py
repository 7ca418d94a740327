"""The carrier port: hands a message for one phone to the carrier that can send it.

    POST <carrier's URL>      {"reference", "from", "to", "body", "media", "content_sid", "content_variables"}

    the carrier's answer                      what it means
    ----------------------------------------- ------------------------------------------------------------------------
    2xx, {"sid": "…"}                         the carrier has taken the message; without a SID the reference names it
    4xx except 408, 429: {"code": 21610}      the carrier refuses it, with a code of Twilio's; 30008 if it names none
    anything else, or no answer in time       not known: the message is handed over again later

Handing over a message twice is safe: both times it has the same `reference`, and so the same
`I-Twilio-Idempotency-Token`. The carrier's reports name the message by its reference (`background/phoning.py`).
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeGuard

from parley.ports.http.outgoing import NoAnswer, Outgoing, Response, TargetRefused

# https://www.twilio.com/docs/api/errors: no message can be sent from this number; a failure of unknown cause.
NO_CARRIER, UNKNOWN = 21606, 30008
_TIMEOUT_SECONDS = 5.0
_TRIED_AGAIN = (408, 429)
_LONGEST_SID = 256
_LARGEST_CODE = 999_999


class Outbound(NamedTuple):
    """A message on its way to one phone.

    Attributes:
        reference: Names the message and the phone; the carrier's reports repeat it.
        sender: The account's number that sends it.
        to: The phone's address.
        body: Its text; None if there is none.
        media: The files that it carries: SID, size, type and name of each.
        content_sid: The template of the message; the carrier fills in `content_variables`.
    """

    reference: str
    sender: str
    to: str
    body: str | None = None
    media: Sequence[Mapping[str, Any]] = ()
    content_sid: str | None = None
    content_variables: str | None = None


class Rejected(Exception):
    """The carrier does not send this message; `error_code` says why."""

    def __init__(self, error_code: int) -> None:
        super().__init__(str(error_code))
        self.error_code = error_code


class Silent(Exception):
    """It is not known whether the carrier has taken a message."""


class Carrier(Protocol):
    """A service that sends messages to phones."""

    def send(self, message: Outbound) -> str:
        """Hand a message over; returns the carrier's id of it.

        Raises:
            Rejected: if the carrier does not send it.
            Silent: if it is not known whether the carrier has taken it; the message may be handed over again.
        """


class NoCarrier:
    """Stands in where no carrier is set: every message fails with 21606."""

    def send(self, message: Outbound) -> str:
        raise Rejected(NO_CARRIER)


class HttpCarrier:
    """The carrier at a URL. `auth_token` is the key with which the requests are signed."""

    def __init__(self, url: str, outgoing: Outgoing, auth_token: Callable[[], str]) -> None:
        self._url = url
        self._outgoing = outgoing
        self._auth_token = auth_token

    def send(self, message: Outbound) -> str:
        body = json.dumps(_request(message), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "I-Twilio-Idempotency-Token": message.reference,
            "X-Parley-Signature": _signature(self._auth_token(), self._url, body),
            "User-Agent": "Parley",
        }
        try:
            answer = self._outgoing.send("POST", self._url, headers, body, _TIMEOUT_SECONDS)
        except (NoAnswer, TargetRefused) as error:
            raise Silent(error.reason) from error
        return _outcome(message, answer)


def _request(message: Outbound) -> dict[str, Any]:
    return {
        "reference": message.reference,
        "from": message.sender,
        "to": message.to,
        "body": message.body,
        "media": list(message.media),
        "content_sid": message.content_sid,
        "content_variables": message.content_variables,
    }


def _signature(auth_token: str, url: str, body: bytes) -> str:
    """HMAC-SHA256 over URL and body, so that the carrier can tell who sends."""
    return base64.b64encode(hmac.digest(auth_token.encode(), url.encode() + b"\n" + body, "sha256")).decode()


def _outcome(message: Outbound, answer: Response) -> str:
    told = _told(answer)
    if 200 <= answer.status < 300:
        sid = told.get("sid")
        # JSON can spell half of a surrogate pair, which is not printable, and can be neither stored nor sent.
        if isinstance(sid, str) and sid.isprintable() and 0 < len(sid) <= _LONGEST_SID:
            return sid
        return message.reference
    if 400 <= answer.status < 500 and answer.status not in _TRIED_AGAIN:
        code = told.get("code")
        raise Rejected(code if is_error_code(code) else UNKNOWN)
    raise Silent(str(answer.status))


def is_error_code(value: object) -> TypeGuard[int]:
    """Whether a value in a carrier's answer or report can be the code of an error."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_CODE


def _told(answer: Response) -> dict[str, Any]:
    try:
        told = json.loads(answer.body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
