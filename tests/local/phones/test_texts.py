"""The stand-in of sms-voice, asked by botocore's real client: texts and pictures to handsets, and texts from them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.phones.pictures import Picture
from local.phones.schedule import Disorder
from tests.support.handsets import INBOUND, NUMBER, OTHER_NUMBER, RECEIPTS, Stage, refused

PHONE, AMERICAN = "+491721234567", "+14155550100"
SET = {"ConfigurationSetName": "set"}


def text(to: str = PHONE, **more: Any) -> dict[str, Any]:
    return {"DestinationPhoneNumber": to, "OriginationIdentity": NUMBER, "MessageBody": "hello", **SET, **more}


def test_a_text_arrives_on_the_handset_and_two_events_tell_of_it(stage: Stage):
    stage.now = 1_760_000_100.5
    sent = stage.sms.send_text_message(**text(Context={"ch": "CH1"}))["MessageId"]
    assert stage.thread(PHONE) == [("in", "hello", "delivered")]
    first, last = stage.heard(2)
    assert [topic for topic, _ in stage.published] == [RECEIPTS, RECEIPTS]
    assert (first["eventType"], first["isFinal"], first["messageStatus"]) == ("TEXT_SENT", False, "SENT")
    assert last == {
        "eventType": "TEXT_DELIVERED",
        "eventVersion": "1.0",
        "eventTimestamp": 1_760_000_100_500,
        "isFinal": True,
        "originationPhoneNumber": NUMBER,
        "destinationPhoneNumber": PHONE,
        "isInternationalSend": False,
        "isoCountryCode": "DE",
        "messageId": sent,
        "messageRequestTimestamp": 1_760_000_100_500,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": "DELIVERED",
        "messageStatusDescription": "Message has been accepted by phone",
        "context": {"ch": "CH1"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.00581,
        "totalCarrierFee": 0.00302,
    }


PARTS = [("a" * 160, 1), ("a" * 161, 2), ("ж" * 70, 1), ("ж" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2)]


@pytest.mark.parametrize(("body", "parts"), PARTS)
def test_a_long_text_costs_several_parts(stage: Stage, body: str, parts: int):
    stage.sms.send_text_message(**text(MessageBody=body))
    event = stage.heard(2)[1]
    assert (event["totalMessageParts"], event["totalMessagePrice"]) == (parts, round(parts * 0.00581, 5))


FAILS = [
    ("0003", "TEXT_UNREACHABLE"),
    ("0004", "TEXT_BLOCKED"),
    ("0005", "TEXT_INVALID"),
    ("0006", "TEXT_CARRIER_UNREACHABLE"),
    ("0007", "TEXT_CARRIER_BLOCKED"),
    ("0008", "TEXT_UNKNOWN"),
]


@pytest.mark.parametrize(("ending", "event"), FAILS)
def test_some_numbers_get_nothing(stage: Stage, ending: str, event: str):
    stage.sms.send_text_message(**text(f"+49172123{ending}"))
    assert stage.statuses(2) == ["TEXT_SENT", event]
    assert stage.thread(f"+49172123{ending}") == [("in", "hello", "undelivered")]


REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    (text("+491721230001"), "ValidationException", "INVALID_PARAMETER"),
    (text("+491721230010"), "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    (text("+491721230002"), "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    (text("+491721230099"), "ThrottlingException", None),
    (text("+33123456789", ProtectConfigurationId="protect-1"), "ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"),
    (text(MaxPrice=".005"), "ValidationException", "PRICE_OVER_THRESHOLD"),
    (text(OriginationIdentity="+12025550199"), "ResourceNotFoundException", None),
    (text(ConfigurationSetName="other"), "ResourceNotFoundException", None),
    (text(ProtectConfigurationId="other"), "ResourceNotFoundException", None),
    (text("+0123"), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text("+999123456"), "ValidationException", "INVALID_PARAMETER"),
    (text(MessageBody="a" * 1601), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(MessageBody=" \n"), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(MessageType="LOUD"), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(TimeToLive=4), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(TimeToLive=259_201), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(Context={str(number): "x" for number in range(6)}), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(Context={"a b": "x"}), "ValidationException", "FIELD_VALIDATION_FAILED"),
    (text(Context={"a": "x" * 801}), "ValidationException", "FIELD_VALIDATION_FAILED"),
    ({"OriginationIdentity": NUMBER, "MessageBody": "hello"}, "ValidationException", "FIELD_VALIDATION_FAILED"),
    ({"DestinationPhoneNumber": PHONE}, "ValidationException", "MISSING_PARAMETER"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "name", "reason"), REFUSED)
def test_a_text_that_aws_refuses_leaves_nothing_behind(
    stage: Stage, given: dict[str, Any], name: str, reason: str | None
):
    with refused(name, reason):
        stage.sms.send_text_message(**given)
    assert stage.published == []
    assert stage.handset(given.get("DestinationPhoneNumber", PHONE).replace("+0123", PHONE))["messages"] == []
    assert stage.account.spent == {}


def test_an_unknown_parameter_is_refused(stage: Stage):
    client = stage.sms
    client.meta.events.register("before-call", lambda params, **_: params.update(body=b'{"Destination":"x"}'))
    with pytest.raises(ClientError) as found:
        client.send_text_message(**text())
    told = found.value.response
    assert (told["Error"]["Code"], told["Reason"]) == ("ValidationException", "FIELD_VALIDATION_FAILED")
    assert {one["Name"] for one in told["Fields"]} == {"DestinationPhoneNumber", "Destination"}


def test_a_throttled_number_refuses_two_of_three_requests(stage: Stage):
    for _ in range(2):
        for _ in range(2):
            with refused("ThrottlingException"):
                stage.sms.send_text_message(**text("+491721230099"))
        stage.sms.send_text_message(**text("+491721230099"))
    assert len(stage.thread("+491721230099")) == 2


def test_a_month_has_a_limit_for_texts(stage: Stage):
    stage.sms.set_text_message_spend_limit_override(MonthlyLimit=0)
    with refused("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"):
        stage.sms.send_text_message(**text())
    stage.sms.set_text_message_spend_limit_override(MonthlyLimit=1)
    stage.sms.send_text_message(**text())
    shown = {one["Name"]: one for one in stage.sms.describe_spend_limits()["SpendLimits"]}
    assert shown["TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"]["EnforcedLimit"] == 1
    with refused("ValidationException", "REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT"):
        stage.sms.set_text_message_spend_limit_override(MonthlyLimit=10**9)


def test_without_a_configuration_set_no_event_tells_of_a_text(stage: Stage):
    stage.sms.send_text_message(DestinationPhoneNumber=PHONE, MessageBody="hello")
    stage.sms.send_text_message(**text())
    assert stage.statuses(2) == ["TEXT_SENT", "TEXT_DELIVERED"]
    assert len(stage.thread(PHONE)) == 2


def test_a_dry_run_sends_nothing(stage: Stage):
    assert stage.sms.send_text_message(**text(DryRun=True))["MessageId"]
    assert stage.thread(PHONE) == []


def test_a_number_is_named_by_its_id_and_its_arn_too(stage: Stage):
    (shown, _) = stage.sms.describe_phone_numbers()["PhoneNumbers"]
    for identity in (shown["PhoneNumberId"], shown["PhoneNumberArn"], NUMBER.removeprefix("+")):
        stage.sms.send_text_message(**text(OriginationIdentity=identity))
    assert {one["from"] for one in stage.handset(PHONE)["messages"]} == {NUMBER}


# Pictures.


def picture(url: str = "s3://media/CH1/ME1", **more: Any) -> dict[str, Any]:
    wanted = {"DestinationPhoneNumber": AMERICAN, "OriginationIdentity": NUMBER, "MediaUrls": [url], **SET}
    return wanted | more


def test_a_picture_arrives_with_its_text(stage: Stage):
    stage.buckets.objects["media", "CH1/ME1"] = Picture(b"jpeg", "image/jpeg")
    stage.sms.send_media_message(**picture(MessageBody="look"))
    (message,) = stage.handset(AMERICAN)["messages"]
    assert (message["body"], message["status"]) == ("look", "delivered")
    (file,) = message["media"]
    assert (file["content_type"], file["size"]) == ("image/jpeg", 4)
    shown = stage.ask("GET", f"files/{file['id']}")
    assert (shown.status, shown.body, dict(shown.headers)["Content-Type"]) == (200, b"jpeg", "image/jpeg")
    assert stage.statuses(2) == ["MEDIA_PENDING", "MEDIA_DELIVERED"]


BAD_PICTURES = [
    (None, "MEDIA_FILE_INACCESSIBLE"),
    (Picture(b"x", "application/zip"), "MEDIA_FILE_TYPE_UNSUPPORTED"),
    (Picture(b"x" * (2 * 1024 * 1024 + 1), "image/png"), "MEDIA_FILE_SIZE_EXCEEDED"),
    (Picture(b"x" * (600 * 1024 + 1), "video/mp4"), "MEDIA_FILE_SIZE_EXCEEDED"),
]


@pytest.mark.parametrize(("held", "event"), BAD_PICTURES, ids=[event for _, event in BAD_PICTURES[:3]] + ["video"])
def test_a_picture_that_cannot_be_sent_is_told_by_an_event(stage: Stage, held: Picture | None, event: str):
    if held is not None:
        stage.buckets.objects["media", "CH1/ME1"] = held
    stage.sms.send_media_message(**picture())
    assert stage.statuses(2) == ["MEDIA_PENDING", event]


def test_pictures_go_to_the_united_states_and_canada_only(stage: Stage):
    with refused("ValidationException", "COUNTRY_NOT_ENABLED"):
        stage.sms.send_media_message(**picture(DestinationPhoneNumber=PHONE))
    with refused("ValidationException", "FIELD_VALIDATION_FAILED"):
        stage.sms.send_media_message(**picture(MediaUrls=["s3://media/1", "s3://media/2"]))
    with refused("ValidationException", "MISSING_PARAMETER"):
        stage.sms.send_media_message(DestinationPhoneNumber=AMERICAN, OriginationIdentity=NUMBER)


# In.


def test_a_message_from_a_phone_goes_to_the_topic_of_the_number(stage: Stage):
    answered = stage.sms.send_text_message(DestinationPhoneNumber=PHONE, OriginationIdentity=NUMBER, MessageBody="hi")
    written = stage.write(PHONE, NUMBER, "hello yourself")
    (event,) = stage.heard(1)
    assert stage.published[0][0] == INBOUND
    assert event == {
        "originationNumber": PHONE,
        "destinationNumber": NUMBER,
        "messageKeyword": "keyword_000000000000",
        "messageBody": "hello yourself",
        "inboundMessageId": written["sid"],
        "previousPublishedMessageId": answered["MessageId"],
    }
    assert stage.thread(PHONE)[1:] == [("out", "hello yourself", None)]
    assert stage.queued == []


def test_a_number_that_is_not_aws_s_gets_texts_through_the_simulated_carrier(stage: Stage):
    stage.write(PHONE, "+12025550111", "hello")
    assert [entry["job"] for entry, _ in stage.queued] == ["phone_inbound"]
    assert stage.published == []


def test_a_number_without_two_way_loses_what_phones_write(stage: Stage):
    number_id = stage.sms.describe_phone_numbers()["PhoneNumbers"][0]["PhoneNumberId"]
    stage.sms.update_phone_number(PhoneNumberId=number_id, TwoWayEnabled=False)
    stage.write(PHONE, NUMBER, "lost")
    stage.write(PHONE, OTHER_NUMBER, "heard")
    assert [event["messageBody"] for event in stage.heard(1)] == ["heard"]


@pytest.mark.inferred
@pytest.mark.parametrize("word", ["STOP", " stop ", "Unsubscribe"])
def test_stop_puts_a_phone_on_the_numbers_list_and_start_takes_it_off(stage: Stage, word: str):
    stage.sms.create_opt_out_list(OptOutListName="mine")
    number_id = stage.sms.describe_phone_numbers()["PhoneNumbers"][0]["PhoneNumberId"]
    stage.sms.update_phone_number(PhoneNumberId=number_id, OptOutListName="mine")
    stage.write(PHONE, NUMBER, word)
    assert [event["messageBody"] for event in stage.heard(1)] == [word]
    assert stage.handset(PHONE)["stopped"] == [NUMBER]
    (direction, answer, _) = stage.thread(PHONE)[-1]
    assert direction == "in" and re.search("opted out", answer)
    with refused("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"):
        stage.sms.send_text_message(**text())
    stage.sms.send_text_message(**text(OriginationIdentity=OTHER_NUMBER))
    (held,) = stage.sms.describe_opted_out_numbers(OptOutListName="mine")["OptedOutNumbers"]
    assert (held["OptedOutNumber"], held["EndUserOptedOut"]) == (PHONE, True)
    stage.write(PHONE, NUMBER, "start")
    assert stage.handset(PHONE)["stopped"] == []
    stage.sms.send_text_message(**text())


def test_if_the_account_manages_opt_outs_it_gets_the_word_and_the_phone_no_answer(stage: Stage):
    number_id = stage.sms.describe_phone_numbers()["PhoneNumbers"][0]["PhoneNumberId"]
    stage.sms.update_phone_number(PhoneNumberId=number_id, SelfManagedOptOutsEnabled=True)
    stage.write(PHONE, NUMBER, "STOP")
    assert [event["messageKeyword"] for event in stage.heard(1)] == ["STOP"]
    assert stage.thread(PHONE) == [("out", "STOP", None)]
    stage.sms.send_text_message(**text())


def test_a_disorder_throttles_doubles_loses_and_delays():
    stage = Stage(disorder=Disorder(seed=3, throttle=1))
    with refused("ThrottlingException"):
        stage.sms.send_text_message(**text())
    stage = Stage(disorder=Disorder(seed=3, duplicate=1))
    stage.write(PHONE, NUMBER, "hello")
    assert [event["messageBody"] for event in stage.heard(2)] == ["hello"] * 2
    stage = Stage(disorder=Disorder(seed=3, loss=1))
    stage.write(PHONE, NUMBER, "hello")
    stage.phones.close()
    assert stage.published == []
    stage = Stage(disorder=Disorder(seed=3, delay=0.2))
    for number in range(20):
        stage.write(PHONE, NUMBER, str(number))
    arrived = [event["messageBody"] for event in stage.heard(20)]
    assert sorted(arrived, key=int) == [str(number) for number in range(20)] != arrived
