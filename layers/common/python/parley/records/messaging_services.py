"""Messaging services: what the account's senders have in common (https://www.twilio.com/docs/messaging/api/service-resource).

Parley acts on `inbound_request_url`, `inbound_method` and the senders. Twilio's other settings are stored and shown.
"""

from __future__ import annotations

from parley import errors
from parley.records.kinds import Choice, Flag, Text, Url, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

_METHODS = Choice(("GET", "POST"))
_NO_EFFECT = "Parley stores it, and it has no effect."
SCANS = ("inherit", "enable", "disable")
USE_CASES = ("notifications", "marketing", "verification", "discussion", "poll", "undeclared")
# https://www.twilio.com/docs/messaging/api/service-resource
LONGEST_NAME, MOST_SECONDS = 64, 36_000


def _url(name: str, about: str) -> Field:
    return Field(name, Url(errors.MESSAGING_URL_INVALID), about)


def _switch(name: str, about: str, *, default: bool) -> Field:
    return Field(name, Flag(), f"{about}; {_NO_EFFECT}", default=default)


MESSAGING_SERVICE = RecordType(
    name="messaging_service",
    prefix="MG",
    parent="account",
    key=lambda path: keys.messaging_service(path["account_sid"], path["sid"]),
    range=lambda path: keys.messaging_services(path["account_sid"]),
    # Which values an omitted parameter gets is documented for most of them only; the others are (unconfirmed).
    fields=(
        Field(
            "friendly_name", Text(LONGEST_NAME, errors.FRIENDLY_NAME_TOO_LONG), "The name that people see.", always=True
        ),
        _url("inbound_request_url", "The URL to which Parley sends messages from phones that no conversation takes."),
        Field("inbound_method", _METHODS, "The method of requests to that URL.", default="POST"),
        _url("fallback_url", f"The URL to call if the other one fails; {_NO_EFFECT}"),
        Field("fallback_method", _METHODS, f"The method of requests to the fallback URL; {_NO_EFFECT}", default="POST"),
        _url("status_callback", f"The URL for reports about the delivery of messages; {_NO_EFFECT}"),
        _switch("sticky_sender", "Whether a person always gets messages from the same number", default=True),
        _switch("mms_converter", "Whether files that a phone cannot show are sent as links", default=True),
        _switch("smart_encoding", "Whether characters that make a text longer are replaced", default=True),
        Field(
            "scan_message_content",
            Choice(SCANS),
            f"Whether Twilio scans the content of messages; {_NO_EFFECT}",
            default="inherit",
        ),
        _switch(
            "fallback_to_long_code",
            "Whether a long code sends a message that a short code could not send",
            default=True,
        ),
        _switch("area_code_geomatch", "Whether a number from the person's own area is preferred", default=True),
        _switch("synchronous_validation", "Reserved by Twilio", default=False),
        Field(
            "validity_period",
            Whole(1, MOST_SECONDS),
            f"For how many seconds a message may wait to be sent; {_NO_EFFECT}",
            default=MOST_SECONDS,
        ),
        Field("usecase", Choice(USE_CASES), f"What the service is for; {_NO_EFFECT}", default="undeclared"),
        Field(
            "us_app_to_person_registered",
            Flag(),
            "Whether the service is registered for the United States at Twilio, which it never is.",
            default=False,
        ),
        _switch("use_inbound_webhook_on_number", "Whether a number's own URL comes first", default=False),
    ),
    remains="friendly_name",
)
