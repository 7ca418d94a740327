"""What AWS and Meta say about a text, and the status and code of Twilio's that a receipt gets from it."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from parley.domain.carrier_codes import of_refusal, of_sms_event, of_whatsapp

# Twilio does not say which of its codes belongs to which word of AWS or Meta.
pytestmark = pytest.mark.inferred

REFUSALS = [
    ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", 21610),
    ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", 21608),
    ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", 21408),
    ("ConflictException", "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE", 30450),
    ("ConflictException", "NUMBER_CAPABILITIES_MISMATCH", 21606),
    ("ConflictException", "MESSAGE_TYPE_MISMATCH", 21606),
    ("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND", 21606),
    ("ConflictException", "RESOURCE_NOT_ACTIVE", 21606),
    ("ConflictException", "REGISTRATION_NOT_COMPLETE", 30034),
    ("ConflictException", "SOMETHING_NEW", 30008),
    ("ValidationException", "INVALID_PARAMETER", 21211),
    ("ValidationException", "", 21211),
    ("ValidationException", "COUNTRY_NOT_ENABLED", 21408),
    ("ValidationException", "DESTINATION_COUNTRY_BLOCKED", 21408),
    ("ValidationException", "COUNTRY_CODE_MISMATCH", 21612),
    ("ValidationException", "INTERNATIONAL_SENDING_NOT_SUPPORTED", 21612),
    ("ValidationException", "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", 21612),
    ("ValidationException", "SENDER_ID_NOT_REGISTERED", 30034),
    ("ValidationException", "SENDER_ID_REQUIRES_REGISTRATION", 30034),
    ("ValidationException", "SENDER_ID_NOT_SUPPORTED", 21612),
    ("ValidationException", "CHANNEL_NOT_ENABLED", 21606),
    ("ValidationException", "PRICE_OVER_THRESHOLD", 30010),
    ("ValidationException", "ATTACHMENT_TYPE_NOT_SUPPORTED", 12300),
    ("ValidationException", "MEDIA_TYPE_NOT_SUPPORTED", 12300),
    ("ValidationException", "MAXIMUM_SIZE_EXCEEDED", 11751),
    ("AccessDeniedException", "", 20003),
    ("AccessDeniedException", "ACCOUNT_DISABLED", 30002),
    ("AccessDeniedException", "INSUFFICIENT_ACCOUNT_REPUTATION", 30002),
    ("ResourceNotFoundException", "", 21606),
]
WHATSAPP_REFUSALS = [
    ("ValidationException", 63005),
    ("InvalidParametersException", 63005),
    ("AccessDeniedException", 20003),
    ("AccessDeniedByMetaException", 63020),
    ("ResourceNotFoundException", 63007),
]
EVENTS = [
    ("TEXT_SENT", "sent", 0),
    ("TEXT_PENDING", "sent", 0),
    ("TEXT_QUEUED", "sent", 0),
    ("TEXT_SUCCESSFUL", "delivered", 0),
    ("TEXT_DELIVERED", "delivered", 0),
    ("TEXT_UNREACHABLE", "undelivered", 30003),
    ("TEXT_CARRIER_UNREACHABLE", "undelivered", 30003),
    ("TEXT_BLOCKED", "undelivered", 30004),
    ("TEXT_INVALID", "undelivered", 30005),
    ("TEXT_CARRIER_BLOCKED", "undelivered", 30007),
    ("TEXT_SPAM", "undelivered", 30007),
    ("TEXT_UNKNOWN", "undelivered", 30008),
    ("TEXT_INVALID_MESSAGE", "undelivered", 30008),
    ("TEXT_TTL_EXPIRED", "failed", 30036),
    ("TEXT_PROTECT_BLOCKED", "failed", 30450),
    ("MEDIA_PENDING", "sent", 0),
    ("MEDIA_QUEUED", "sent", 0),
    ("MEDIA_SUCCESSFUL", "delivered", 0),
    ("MEDIA_DELIVERED", "delivered", 0),
    ("MEDIA_UNREACHABLE", "undelivered", 30003),
    ("MEDIA_CARRIER_UNREACHABLE", "undelivered", 30003),
    ("MEDIA_BLOCKED", "undelivered", 30004),
    ("MEDIA_INVALID", "undelivered", 30005),
    ("MEDIA_CARRIER_BLOCKED", "undelivered", 30007),
    ("MEDIA_SPAM", "undelivered", 30007),
    ("MEDIA_UNKNOWN", "undelivered", 30008),
    ("MEDIA_INVALID_MESSAGE", "undelivered", 30008),
    ("MEDIA_TTL_EXPIRED", "failed", 30036),
    ("MEDIA_FILE_SIZE_EXCEEDED", "failed", 11751),
    ("MEDIA_FILE_TYPE_UNSUPPORTED", "failed", 12300),
    ("MEDIA_FILE_INACCESSIBLE", "failed", 11200),
]
FAILURES = [
    (131047, 63016),
    (131026, 63024),
    (130429, 63018),
    (131056, 63018),
    (131052, 63019),
    (131053, 63019),
    (131000, 63005),
]


@pytest.mark.parametrize(("exception", "reason", "code"), REFUSALS)
def test_a_refused_text_message_gets_the_code_of_the_reason(exception: str, reason: str, code: int) -> None:
    meaning = of_refusal("sms", exception, reason)
    assert meaning and (meaning.error_code, meaning.is_busy, meaning.is_out_of_money) == (code, False, False)


@pytest.mark.parametrize(("exception", "code"), WHATSAPP_REFUSALS)
def test_a_refused_whatsapp_message_gets_the_code_of_the_exception(exception: str, code: int) -> None:
    meaning = of_refusal("whatsapp", exception)
    assert meaning and (meaning.error_code, meaning.is_busy, meaning.is_out_of_money) == (code, False, False)


@pytest.mark.parametrize(
    ("channel", "exception"),
    [("sms", "ThrottlingException"), ("whatsapp", "ThrottledRequestException"), ("whatsapp", "Throttling")],
)
def test_a_throttled_text_is_kept_and_ends_as_expired(channel: str, exception: str) -> None:
    meaning = of_refusal(channel, exception)
    assert meaning and (meaning.error_code, meaning.is_busy) == (30036, True)


@pytest.mark.parametrize("reason", ["MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", "MONTHLY_SPEND_LIMIT_REACHED_FOR_MEDIA"])
def test_a_text_over_the_spend_limit_is_kept_and_ends_with_a_full_queue(reason: str) -> None:
    meaning = of_refusal("sms", "ServiceQuotaExceededException", reason)
    assert meaning and (meaning.error_code, meaning.is_out_of_money, bool(meaning.cure)) == (30001, True, True)


@pytest.mark.parametrize(
    ("channel", "exception"),
    [
        ("sms", "InternalServerException"),
        ("whatsapp", "InternalServiceException"),
        ("whatsapp", "DependencyException"),
        ("sms", "ExpiredTokenException"),
    ],
)
def test_an_error_of_the_service_itself_says_nothing_about_the_text(channel: str, exception: str) -> None:
    assert of_refusal(channel, exception) is None


@pytest.mark.parametrize(
    ("channel", "exception"),
    [
        ("sms", "AccessDeniedException"),
        ("sms", "ResourceNotFoundException"),
        ("whatsapp", "AccessDeniedException"),
        ("whatsapp", "AccessDeniedByMetaException"),
        ("whatsapp", "ResourceNotFoundException"),
    ],
)
def test_a_refusal_that_only_the_operator_can_mend_says_how(channel: str, exception: str) -> None:
    meaning = of_refusal(channel, exception)
    assert meaning and meaning.cure


@pytest.mark.parametrize(
    ("service", "operation", "channel"),
    [
        ("pinpoint-sms-voice-v2", "SendTextMessage", "sms"),
        ("pinpoint-sms-voice-v2", "SendMediaMessage", "sms"),
        ("socialmessaging", "SendWhatsAppMessage", "whatsapp"),
        ("socialmessaging", "PostWhatsAppMessageMedia", "whatsapp"),
    ],
)
def test_each_exception_of_aws_models_has_a_meaning_unless_it_is_aws_own_fault(
    service: str, operation: str, channel: str
) -> None:
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    unknown = {shape.name for shape in model.error_shapes if of_refusal(channel, shape.name) is None}
    assert unknown <= {"InternalServerException", "InternalServiceException", "DependencyException"}


@pytest.mark.parametrize(("event", "status", "code"), EVENTS)
def test_an_event_of_aws_has_a_status_and_a_code(event: str, status: str, code: int) -> None:
    assert of_sms_event(event) == (status, code)


def test_each_event_about_text_and_files_in_aws_model_is_known() -> None:
    shape: Any = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2").shape_for("EventType")
    told = {name for name in shape.enum if name.startswith(("TEXT_", "MEDIA_"))} - {"TEXT_ALL", "MEDIA_ALL"}
    assert {name for name in told if of_sms_event(name)} == told == {name for name, _, _ in EVENTS}


@pytest.mark.parametrize(
    "event", ["VOICE_COMPLETED", "RCS_READ", "TEXT_ALL", "TEXT_", "SENT", "", None, 7, ["TEXT_SENT"]]
)
def test_an_event_about_anything_else_says_nothing(event: object) -> None:
    assert of_sms_event(event) is None


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
def test_a_status_of_whatsapp_is_the_status_of_the_receipt(status: str) -> None:
    assert of_whatsapp(status) == (status, 0)


@pytest.mark.parametrize(("meta", "code"), FAILURES)
def test_a_failure_on_whatsapp_gets_the_code_of_metas_error(meta: int, code: int) -> None:
    assert of_whatsapp("failed", [{"code": meta, "title": "words"}]) == ("failed", code)


@pytest.mark.parametrize("errors", [None, [], {}, "131047", [None], [{}], [{"code": "131047"}]])
def test_a_failure_on_whatsapp_without_a_known_error_gets_the_general_code(errors: object) -> None:
    assert of_whatsapp("failed", errors) == ("failed", 63005)


@pytest.mark.parametrize("status", ["deleted", "warning", "", None, 1, ["sent"]])
def test_another_status_of_whatsapp_says_nothing(status: object) -> None:
    assert of_whatsapp(status) is None
