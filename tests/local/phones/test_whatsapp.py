"""The stand-in of social-messaging, asked by botocore's real client: messages, files, and where events go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.phones.pictures import Picture
from tests.support.handsets import INBOUND, SENDER, Stage, refused

NUMBER = "+491721234567"
PHONE = f"whatsapp:{NUMBER}"
PNG = b"\x89PNG"


def account(stage: Stage) -> dict[str, Any]:
    (listed,) = stage.social.list_linked_whatsapp_business_accounts()["linkedAccounts"]
    found: dict[str, Any] = stage.social.get_linked_whatsapp_business_account(id=listed["id"])["account"]
    return found


def sender(stage: Stage) -> str:
    return str(account(stage)["phoneNumbers"][0]["phoneNumberId"])


def send(stage: Stage, to: str = NUMBER, **message: Any) -> str:
    whole = {"messaging_product": "whatsapp", "to": to, **(message or {"type": "text", "text": {"body": "hello"}})}
    answer = stage.social.send_whatsapp_message(
        originationPhoneNumberId=sender(stage), message=json.dumps(whole).encode(), metaApiVersion="v20.0"
    )
    return str(answer["messageId"])


def heard_of(stage: Stage, phone: str = PHONE) -> None:
    """Open the 24 hours in which the sender may write freely, and forget the event about it."""
    stage.write(phone, SENDER, "hi")
    stage.heard(1)
    stage.published.clear()


def test_a_text_is_sent_delivered_and_read(stage: Stage):
    heard_of(stage)
    wamid = send(stage, type="text", text={"body": "hello"}, biz_opaque_callback_data="IM1")
    assert stage.thread(PHONE)[1:] == [("in", "hello", "read")]
    told = [value["statuses"][0] for value in stage.whatsapp(3)]
    assert [(one["id"], one["status"], one["recipient_id"]) for one in told] == [
        (wamid, status, NUMBER.removeprefix("+")) for status in ("sent", "delivered", "read")
    ]
    assert {one["biz_opaque_callback_data"] for one in told} == {"IM1"}
    event = stage.published[0][1]
    found = account(stage)
    number = found["phoneNumbers"][0]
    assert event["context"] == {
        "MetaWabaIds": [{"wabaId": found["wabaId"], "arn": found["arn"]}],
        "MetaPhoneNumberIds": [{"metaPhoneNumberId": number["metaPhoneNumberId"], "arn": number["arn"]}],
    }
    assert event["aws_account_id"] == "000000000000"


def test_without_read_receipts_a_message_is_read_when_the_owner_looks(stage: Stage):
    heard_of(stage)
    stage.switch(PHONE, receipts=False)
    send(stage)
    assert stage.handset(PHONE)["unread"] == 1
    assert [value["statuses"][0]["status"] for value in stage.whatsapp(2)] == ["sent", "delivered"]
    stage.ask("POST", f"{PHONE}/read")
    assert [value["statuses"][0]["status"] for value in stage.whatsapp(3)][2:] == ["read"]
    assert stage.thread(PHONE)[1:] == [("in", "hello", "read")]
    stage.ask("POST", f"{PHONE}/read")
    stage.phones.close()
    assert len(stage.published) == 3


FAILS = [
    ("0001", 131026),
    ("0003", 131026),
    ("0004", 131056),
    ("0005", 131052),
    ("0006", 131053),
    ("0007", 130429),
    ("0008", 131000),
]


@pytest.mark.parametrize(("ending", "code"), FAILS)
def test_some_numbers_get_nothing(stage: Stage, ending: str, code: int):
    number = f"+49172123{ending}"
    heard_of(stage, f"whatsapp:{number}")
    send(stage, number)
    (value,) = stage.whatsapp(1)
    assert (value["statuses"][0]["status"], value["statuses"][0]["errors"][0]["code"]) == ("failed", code)
    assert stage.thread(f"whatsapp:{number}")[1:] == [("in", "hello", "undelivered")]


def test_a_day_after_the_persons_last_message_templates_alone_arrive(stage: Stage):
    heard_of(stage)
    stage.now += 24 * 3600 + 1
    send(stage)
    (late,) = stage.whatsapp(1)
    assert late["statuses"][0]["errors"][0]["code"] == 131047
    parameters = [{"type": "text", "text": "Ada"}, {"type": "text", "text": "3"}]
    components = [{"type": "body", "parameters": parameters}]
    send(stage, type="template", template={"name": "welcome", "language": {"code": "en"}, "components": components})
    assert stage.thread(PHONE)[2:] == [("in", "[welcome, en] Ada · 3", "read")]


def test_a_throttled_number_refuses_two_of_three_requests(stage: Stage):
    for _ in range(2):
        with refused("ThrottledRequestException"):
            send(stage, "+491721230099")
    send(stage, "+491721230099")


TEXT = {"type": "text", "text": {"body": "hello"}}
BAD: list[dict[str, Any]] = [
    {"messaging_product": "sms", **TEXT},
    {"to": "alice", **TEXT},
    {"to": "+0123456789", **TEXT},
    {"type": "text"},
    {"type": "text", "text": {"body": ""}},
    {"type": "text", "text": {"body": "x" * 4097}},
    {"type": "image", "image": {"id": "1"}},
    {"type": "template", "template": {"name": "welcome"}},
    {"type": "template", "template": {"name": "x", "language": {"code": "en"}, "components": [1]}},
    {"type": "location", "location": {}},
    {"biz_opaque_callback_data": "x" * 513, **TEXT},
]


@pytest.mark.parametrize("message", BAD, ids=lambda message: json.dumps(message)[:60])
def test_a_message_that_is_not_metas_is_refused(stage: Stage, message: dict[str, Any]):
    heard_of(stage)
    with refused("InvalidParametersException"):
        send(stage, **{"to": NUMBER, **message})
    assert stage.published == []
    assert len(stage.thread(PHONE)) == 1


def test_requests_that_do_not_fit_the_model_are_refused(stage: Stage):
    message = json.dumps({"messaging_product": "whatsapp", "to": NUMBER, **TEXT}).encode()
    with refused("ValidationException"):
        stage.social.send_whatsapp_message(originationPhoneNumberId="x", message=message, metaApiVersion="v20.0")
    with refused("InvalidParametersException"):
        stage.social.send_whatsapp_message(
            originationPhoneNumberId=sender(stage), message=message, metaApiVersion="latest"
        )
    with refused("ResourceNotFoundException"):
        stage.social.send_whatsapp_message(
            originationPhoneNumberId="phone-number-id-1", message=message, metaApiVersion="v20.0"
        )
    with refused("ResourceNotFoundException"):
        stage.social.get_linked_whatsapp_business_account(id="waba-1")


def test_a_message_from_a_person_comes_as_an_event_of_meta(stage: Stage):
    written = stage.write(PHONE, SENDER, "hello")
    (value,) = stage.whatsapp(1)
    (message,) = value["messages"]
    assert (message["from"], message["id"], message["type"]) == (NUMBER.removeprefix("+"), written["sid"], "text")
    assert (message["text"], value["contacts"][0]["wa_id"]) == ({"body": "hello"}, NUMBER.removeprefix("+"))
    assert value["metadata"]["display_phone_number"] == SENDER.removeprefix("whatsapp:+")
    assert stage.published[0][0] == INBOUND


def test_a_picture_from_a_person_is_fetched_into_a_bucket(stage: Stage):
    query = {"To": SENDER, "Body": "look"}
    assert stage.ask("POST", PHONE, PNG, "image/png", query).status == 201
    (value,) = stage.whatsapp(1)
    image = value["messages"][0]["image"]
    assert (image["mime_type"], image["caption"]) == ("image/png", "look")
    fetch = {"mediaId": image["id"], "originationPhoneNumberId": sender(stage)}
    looked = stage.social.get_whatsapp_message_media(**fetch, metadataOnly=True)
    assert (looked["mimeType"], looked["fileSize"], stage.buckets.objects) == ("image/png", len(PNG), {})
    target = {"bucketName": "media", "key": "CH1/in-"}
    assert stage.social.get_whatsapp_message_media(**fetch, destinationS3File=target)["fileSize"] == len(PNG)
    assert stage.buckets.objects == {("media", f"CH1/in-{image['id']}.png"): Picture(PNG, "image/png")}
    with refused("AccessDeniedException"):
        stage.social.get_whatsapp_message_media(**fetch, destinationS3File={"bucketName": "closed", "key": "x"})
    with refused("InvalidParametersException"):
        stage.social.get_whatsapp_message_media(**fetch)
    with refused("ResourceNotFoundException"):
        stage.social.get_whatsapp_message_media(**{**fetch, "mediaId": "1"}, metadataOnly=True)


def test_a_file_of_a_bucket_goes_to_a_handset(stage: Stage):
    heard_of(stage)
    stage.buckets.objects["media", "CH1/ME1"] = Picture(PNG, "image/png")
    source = {"bucketName": "media", "key": "CH1/ME1"}
    posted = stage.social.post_whatsapp_message_media(originationPhoneNumberId=sender(stage), sourceS3File=source)
    send(stage, type="image", image={"id": posted["mediaId"], "caption": "look"})
    message = stage.handset(PHONE)["messages"][-1]
    assert (message["body"], message["media"][0]["content_type"]) == ("look", "image/png")
    with refused("ResourceNotFoundException"):
        stage.social.post_whatsapp_message_media(
            originationPhoneNumberId=sender(stage), sourceS3File={**source, "key": "x"}
        )


def test_a_business_account_has_one_event_destination(stage: Stage):
    id_ = account(stage)["id"]
    assert [one["eventDestinationArn"] for one in account(stage)["eventDestinations"]] == [INBOUND]
    other = {"eventDestinationArn": "arn:aws:sns:us-east-1:000000000000:Other"}
    with refused("ValidationException"):
        stage.social.put_whatsapp_business_account_event_destinations(id=id_, eventDestinations=[other, other])
    stage.social.put_whatsapp_business_account_event_destinations(id=id_, eventDestinations=[other])
    assert account(stage)["eventDestinations"] == [other]
    stage.write(PHONE, SENDER, "hello")
    stage.heard(1)
    assert stage.published[0][0] == other["eventDestinationArn"]
