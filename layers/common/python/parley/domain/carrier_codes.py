"""Twilio's codes for what AWS and Meta say about a text: refusals, events of text messages, statuses of WhatsApp.

Twilio's codes are those of https://www.twilio.com/docs/api/errors. Twilio does not say which of its codes belongs to
which word of AWS or Meta, so every row here is inferred (unconfirmed). AWS's words come from its published models
(`pinpoint-sms-voice-v2`, `socialmessaging`), Meta's from
https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes.

A receipt's status only rises (`domain/deliveries.py`), so the order in which events come does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from parley.domain.addresses import WHATSAPP
from parley.domain.deliveries import DELIVERED, EXPIRED, FAILED, READ, SENT, TOO_LONG, UNDELIVERED

FILE_TOO_LARGE, FILE_NOT_FETCHED, FILE_TYPE_WRONG = 11751, 11200, 12300
NOT_ALLOWED = 20003
NOT_A_NUMBER, COUNTRY_BLOCKED, NOT_A_SENDER, NOT_VERIFIED, OPTED_OUT = 21211, 21408, 21606, 21608, 21610
NOT_REACHED_FROM_HERE = 21612
OUT_OF_BUDGET, SUSPENDED, UNREACHABLE, BLOCKED, NO_SUCH_PHONE, FILTERED, UNKNOWN = (
    30001,
    30002,
    30003,
    30004,
    30005,
    30007,
    30008,
)
TOO_DEAR, NOT_REGISTERED, PROTECTED = 30010, 30034, 30450
CONTENT_REFUSED, NOT_A_WHATSAPP_SENDER, OUTSIDE_SESSION, TOO_FAST = 63005, 63007, 63016, 63018
MEDIA_REFUSED, BUSINESS_ACCOUNT, NOT_ON_WHATSAPP = 63019, 63020, 63024


class Outcome(NamedTuple):
    """What an event says about a text: a status of `domain/deliveries.py`, and Twilio's code, 0 if all is well."""

    status: str
    error_code: int = 0


class Meaning(NamedTuple):
    """What a refusal of AWS means for a text.

    Attributes:
        error_code: Twilio's code for the receipt. If Parley tries the text again later, the receipt gets the code only
            when ten hours have passed.
        is_busy: Whether AWS takes the same text a moment later.
        is_out_of_money: Whether AWS takes the same text once somebody raises a limit, or a new month begins.
        cure: What the operator can do; empty if the text or the phone is the reason.
    """

    error_code: int
    is_busy: bool = False
    is_out_of_money: bool = False
    cure: str = ""


_ASK_DOCTOR = "`parley phones doctor` says what AWS thinks of the number"
_ENABLE = "the number is not AWS's any longer: `parley phones enable` or `parley phones disable` it"
_RIGHTS = "deploy the stack again: the function's role lacks a right to send, or a policy of the organization denies it"
_LIMIT = "raise the spend limit in the console of AWS End User Messaging, or ask AWS Support to raise it"

# The reason of a validation that names a field, whose name follows.
_WRONG_FIELD = "FIELD_VALIDATION_FAILED"
_ASK_SETTINGS = (
    "AWS does not take one of the stack's settings for texts: look at SmsMaxPrice, and deploy the stack again"
)

_SLOW_DOWN = Meaning(EXPIRED, is_busy=True)
# (exception, its `Reason`) -> what it means; the row without a reason is for all other reasons.
_OF_SMS: Mapping[tuple[str, str], Meaning] = {
    ("ThrottlingException", ""): _SLOW_DOWN,
    # Limits of a month and of a day: whatever the limit is, waiting may help, and sending on does not.
    ("ServiceQuotaExceededException", ""): Meaning(OUT_OF_BUDGET, is_out_of_money=True, cure=_LIMIT),
    ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"): Meaning(OPTED_OUT),
    ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"): Meaning(
        NOT_VERIFIED, cure="the account is in AWS's sandbox: verify the phone, or ask AWS for production access"
    ),
    ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"): Meaning(
        COUNTRY_BLOCKED, cure="add the phone's country to the parameter SmsCountries"
    ),
    ("ConflictException", "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE"): Meaning(PROTECTED),
    ("ConflictException", "NUMBER_CAPABILITIES_MISMATCH"): Meaning(NOT_A_SENDER, cure=_ASK_DOCTOR),
    ("ConflictException", "MESSAGE_TYPE_MISMATCH"): Meaning(NOT_A_SENDER, cure=_ASK_DOCTOR),
    ("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND"): Meaning(NOT_A_SENDER, cure=_ENABLE),
    ("ConflictException", "RESOURCE_NOT_ACTIVE"): Meaning(NOT_A_SENDER, cure=_ASK_DOCTOR),
    ("ConflictException", "REGISTRATION_NOT_COMPLETE"): Meaning(NOT_REGISTERED, cure=_ASK_DOCTOR),
    ("ConflictException", ""): Meaning(UNKNOWN, cure=_ASK_DOCTOR),
    ("ValidationException", ""): Meaning(NOT_A_NUMBER),
    # Parley counts characters as Twilio does, and AWS may count otherwise.
    ("ValidationException", f"{_WRONG_FIELD} MessageBody"): Meaning(TOO_LONG),
    ("ValidationException", f"{_WRONG_FIELD} OriginationIdentity"): Meaning(NOT_A_SENDER, cure=_ENABLE),
    ("ValidationException", f"{_WRONG_FIELD} MaxPrice"): Meaning(UNKNOWN, cure=_ASK_SETTINGS),
    ("ValidationException", f"{_WRONG_FIELD} ConfigurationSetName"): Meaning(UNKNOWN, cure=_ASK_SETTINGS),
    ("ValidationException", f"{_WRONG_FIELD} ProtectConfigurationId"): Meaning(UNKNOWN, cure=_ASK_SETTINGS),
    ("ValidationException", "COUNTRY_NOT_ENABLED"): Meaning(COUNTRY_BLOCKED, cure=_ASK_DOCTOR),
    ("ValidationException", "DESTINATION_COUNTRY_BLOCKED"): Meaning(COUNTRY_BLOCKED),
    ("ValidationException", "COUNTRY_CODE_MISMATCH"): Meaning(NOT_REACHED_FROM_HERE),
    ("ValidationException", "INTERNATIONAL_SENDING_NOT_SUPPORTED"): Meaning(NOT_REACHED_FROM_HERE),
    ("ValidationException", "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY"): Meaning(NOT_REACHED_FROM_HERE),
    ("ValidationException", "SENDER_ID_NOT_REGISTERED"): Meaning(NOT_REGISTERED, cure=_ASK_DOCTOR),
    ("ValidationException", "SENDER_ID_REQUIRES_REGISTRATION"): Meaning(NOT_REGISTERED, cure=_ASK_DOCTOR),
    ("ValidationException", "SENDER_ID_NOT_SUPPORTED"): Meaning(NOT_REACHED_FROM_HERE),
    ("ValidationException", "CHANNEL_NOT_ENABLED"): Meaning(NOT_A_SENDER, cure=_ASK_DOCTOR),
    ("ValidationException", "PRICE_OVER_THRESHOLD"): Meaning(
        TOO_DEAR, cure="the text costs more than the parameter SmsMaxPrice allows"
    ),
    ("ValidationException", "ATTACHMENT_TYPE_NOT_SUPPORTED"): Meaning(FILE_TYPE_WRONG),
    ("ValidationException", "MEDIA_TYPE_NOT_SUPPORTED"): Meaning(FILE_TYPE_WRONG),
    ("ValidationException", "MAXIMUM_SIZE_EXCEEDED"): Meaning(FILE_TOO_LARGE),
    ("AccessDeniedException", ""): Meaning(NOT_ALLOWED, cure=_RIGHTS),
    ("AccessDeniedException", "ACCOUNT_DISABLED"): Meaning(SUSPENDED, cure="AWS has disabled sending: ask AWS Support"),
    ("AccessDeniedException", "INSUFFICIENT_ACCOUNT_REPUTATION"): Meaning(
        SUSPENDED, cure="AWS has paused sending for its reputation: ask AWS Support"
    ),
    ("ResourceNotFoundException", ""): Meaning(NOT_A_SENDER, cure=_ENABLE),
}
_OF_WHATSAPP: Mapping[tuple[str, str], Meaning] = {
    ("ThrottledRequestException", ""): _SLOW_DOWN,
    ("LimitExceededException", ""): _SLOW_DOWN,
    ("ValidationException", ""): Meaning(CONTENT_REFUSED),
    ("InvalidParametersException", ""): Meaning(CONTENT_REFUSED),
    ("AccessDeniedException", ""): Meaning(NOT_ALLOWED, cure=_RIGHTS),
    ("AccessDeniedByMetaException", ""): Meaning(
        BUSINESS_ACCOUNT, cure="Meta refuses the WhatsApp Business Account: look into Meta's Business Manager"
    ),
    ("ResourceNotFoundException", ""): Meaning(NOT_A_WHATSAPP_SENDER, cure=_ENABLE),
}
# Names of throttling that AWS uses for any service.
_OF_ANY: Mapping[str, Meaning] = dict.fromkeys(
    ("Throttling", "TooManyRequestsException", "RequestLimitExceeded", "429"), _SLOW_DOWN
)


def of_refusal(channel: str, exception: str, reason: str = "") -> Meaning | None:
    """What an exception of AWS means for a text to a phone on a channel.

    None for an exception that this table does not know.

    >>> of_refusal("sms", "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT").error_code
    21610
    """
    table = _OF_WHATSAPP if channel == WHATSAPP else _OF_SMS
    return table.get((exception, reason)) or table.get((exception, "")) or _OF_ANY.get(exception)


# Event types of text messages begin with `TEXT_`, those of messages with files with `MEDIA_`.
_KINDS = ("TEXT_", "MEDIA_")
_OF_EVENTS: Mapping[str, Outcome] = {
    "SENT": Outcome(SENT),
    "PENDING": Outcome(SENT),
    "QUEUED": Outcome(SENT),
    "SUCCESSFUL": Outcome(DELIVERED),
    "DELIVERED": Outcome(DELIVERED),
    "UNREACHABLE": Outcome(UNDELIVERED, UNREACHABLE),
    "CARRIER_UNREACHABLE": Outcome(UNDELIVERED, UNREACHABLE),
    "BLOCKED": Outcome(UNDELIVERED, BLOCKED),
    "INVALID": Outcome(UNDELIVERED, NO_SUCH_PHONE),
    "CARRIER_BLOCKED": Outcome(UNDELIVERED, FILTERED),
    "SPAM": Outcome(UNDELIVERED, FILTERED),
    "UNKNOWN": Outcome(UNDELIVERED, UNKNOWN),
    "INVALID_MESSAGE": Outcome(UNDELIVERED, UNKNOWN),
    "TTL_EXPIRED": Outcome(FAILED, EXPIRED),
    "PROTECT_BLOCKED": Outcome(FAILED, PROTECTED),
    "FILE_SIZE_EXCEEDED": Outcome(FAILED, FILE_TOO_LARGE),
    "FILE_TYPE_UNSUPPORTED": Outcome(FAILED, FILE_TYPE_WRONG),
    "FILE_INACCESSIBLE": Outcome(FAILED, FILE_NOT_FETCHED),
}


def of_sms_event(event_type: object) -> Outcome | None:
    """What an event of AWS says about a text message, with files or without; None for an event about anything else.

    >>> of_sms_event("TEXT_CARRIER_BLOCKED")
    Outcome(status='undelivered', error_code=30007)
    """
    if not isinstance(event_type, str) or not event_type.startswith(_KINDS):
        return None
    return _OF_EVENTS.get(event_type.partition("_")[2])


_OF_STATUSES: Mapping[str, Outcome] = {"sent": Outcome(SENT), "delivered": Outcome(DELIVERED), "read": Outcome(READ)}
_OF_META: Mapping[int, int] = {
    131047: OUTSIDE_SESSION,
    131026: NOT_ON_WHATSAPP,
    130429: TOO_FAST,
    131056: TOO_FAST,
    131052: MEDIA_REFUSED,
    131053: MEDIA_REFUSED,
}


def of_whatsapp(status: object, errors: object = ()) -> Outcome | None:
    """What a status of Meta says about a WhatsApp message; None for a status that receipts do not have.

    `errors` is the list in the status, as it came: objects with a `code`.

    >>> of_whatsapp("failed", [{"code": 131047}])
    Outcome(status='failed', error_code=63016)
    """
    if status == "failed":
        return Outcome(FAILED, next((_OF_META[code] for code in _codes(errors) if code in _OF_META), CONTENT_REFUSED))
    return _OF_STATUSES.get(status) if isinstance(status, str) else None


def _codes(errors: object) -> Iterable[int]:
    listed: list[Any] = errors if isinstance(errors, list) else []
    return (one["code"] for one in listed if isinstance(one, dict) and isinstance(one.get("code"), int))
