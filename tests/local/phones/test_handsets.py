"""Handsets: airplane mode, switches, and one thread for each phone, whichever carrier brings its messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.http.server import Request
from local.phones.handsets import HANDSETS, KEPT, Handsets
from local.phones.schedule import Disorder
from local.process.plan import SMS_VOICE_PATH as SMS_PATH
from local.process.plan import SOCIAL_MESSAGING_PATH as WHATSAPP_PATH
from tests.support.handsets import NUMBER, SENDER, Stage
from tests.support.waiting import until

PHONE, ANOTHER = "+491721234567", "+491727654321"


def send(stage: Stage, body: str, to: str = PHONE, **more: Any) -> None:
    stage.sms.send_text_message(
        DestinationPhoneNumber=to, OriginationIdentity=NUMBER, MessageBody=body, ConfigurationSetName="set", **more
    )


def test_in_airplane_mode_messages_wait_and_then_arrive_in_their_order(stage: Stage):
    stage.switch(PHONE, airplane=True)
    for body in ("one", "two"):
        send(stage, body)
    assert stage.thread(PHONE) == [("in", "one", "waiting"), ("in", "two", "waiting")]
    assert stage.statuses(2) == ["TEXT_SENT", "TEXT_SENT"]
    (listed,) = json.loads(stage.ask("GET", "").body)["phones"]
    assert (listed["airplane"], listed["waiting"], listed["messages"]) == (True, 2, 2)
    stage.switch(PHONE, airplane=False)
    assert stage.thread(PHONE) == [("in", "one", "delivered"), ("in", "two", "delivered")]
    assert stage.statuses(4)[2:] == ["TEXT_DELIVERED", "TEXT_DELIVERED"]


def test_a_phone_in_airplane_mode_cannot_write(stage: Stage):
    stage.switch(PHONE, airplane=True)
    assert stage.ask("POST", PHONE, {"To": NUMBER, "Body": "hello"}).status == 409
    assert (stage.published, stage.thread(PHONE)) == ([], [])


def test_a_text_that_waits_for_longer_than_its_time_to_live_is_given_up():
    handsets, told = Handsets(), list[str]()
    handsets.turn(PHONE, airplane=True)
    handsets.bring(PHONE, {"sid": "1", "body": "hello"}, told.extend)
    handsets.expire(PHONE, "1")
    handsets.turn(PHONE, airplane=False)
    assert told == ["expired"]
    assert [one["status"] for one in handsets.one(PHONE)["messages"]] == ["expired"]


def test_a_message_that_has_arrived_does_not_expire():
    handsets, told = Handsets(), list[str]()
    handsets.bring(PHONE, {"sid": "1", "body": "hello"}, told.extend)
    handsets.expire(PHONE, "1")
    assert told == ["delivered"]


def test_a_phones_thread_has_the_messages_of_both_carriers(stage: Stage):
    send(stage, "through AWS")
    stage.write(PHONE, "+12025550111", "through the simulated carrier")
    assert [body for _, body, _ in stage.thread(PHONE)] == ["through AWS", "through the simulated carrier"]


def test_memory_has_limits():
    handsets = Handsets()
    for number in range(KEPT + 1):
        handsets.write(PHONE, {"sid": str(number), "body": str(number)})
    assert [one["sid"] for one in handsets.one(PHONE)["messages"]] == [str(number) for number in range(1, KEPT + 1)]
    for number in range(HANDSETS):
        handsets.write(f"+49172{number:07d}", {"sid": "1", "body": "x"})
    assert len(handsets.all()) == HANDSETS
    assert handsets.one(PHONE)["messages"] == []


def test_if_telling_fails_the_message_is_not_there():
    handsets = Handsets()

    def fail(statuses: object) -> None:
        raise RuntimeError("no queue")

    with pytest.raises(RuntimeError):
        handsets.bring(PHONE, {"sid": "1"}, fail)
    assert handsets.one(PHONE)["messages"] == []


SWITCHES: list[Any] = [{}, {"airplane": "maybe"}, {"receipts": 2}, {"other": True}, []]


@pytest.mark.parametrize("given", SWITCHES, ids=str)
def test_switches_are_true_or_false(stage: Stage, given: Any):
    assert stage.ask("POST", f"{PHONE}/switches", given).status == 400
    assert stage.handset(PHONE)["airplane"] is False


def test_a_form_sets_switches_too(stage: Stage):
    kind = "application/x-www-form-urlencoded"
    assert stage.ask("POST", f"{PHONE}/switches", b"airplane=on", kind).status == 200
    assert stage.handset(PHONE)["airplane"] is True


REFUSED = [
    ("GET", f"{PHONE}/switches", 405),
    ("GET", f"{PHONE}/read", 405),
    ("DELETE", PHONE, 405),
    ("GET", f"{PHONE}/other", 404),
    ("GET", "files/1", 404),
    ("POST", "files/1", 405),
    ("GET", "messages", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
def test_there_is_nothing_else(stage: Stage, method: str, path: str, status: int):
    assert stage.ask(method, path).status == status


@pytest.mark.parametrize("path", ["", PHONE, f"{PHONE}/read", f"{PHONE}/switches", "files/1"])
def test_only_the_owner_gets_in(stage: Stage, path: str):
    assert stage.ask("POST" if "/" in path[1:] and "files" not in path else "GET", path, password="x").status == 401


def test_a_picture_by_sms_is_lost_and_its_text_arrives(stage: Stage):
    assert stage.ask("POST", PHONE, b"png", "image/png", {"To": NUMBER, "Body": "look"}).status == 201
    assert [event["messageBody"] for event in stage.heard(1)] == ["look"]
    assert stage.ask("POST", PHONE, b"png", "image/png", {"To": NUMBER}).status == 201
    assert stage.ask("POST", PHONE, b"png", "image/png", {"To": "+12025550111"}).status == 400
    stage.phones.close()
    assert len(stage.published) == 1


@pytest.mark.parametrize("path", [f"{SMS_PATH}/", f"{WHATSAPP_PATH}/v1/whatsapp/waba/list"])
def test_without_a_signature_nobody_asks_aws(stage: Stage, path: str):
    answer = stage.phones.aws.answer(Request("POST", path, "", [], b"{}", ("127.0.0.1", 1), 1))
    assert answer.status == 403


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b'{"MessageBody":"\\ud800"}', b"[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(stage: Stage, body: bytes):
    headers = [("Authorization", "AWS4-HMAC-SHA256 x"), ("X-Amz-Target", "PinpointSMSVoiceV2.SendTextMessage")]
    answer = stage.phones.aws.answer(Request("POST", f"{SMS_PATH}/", "", headers, body, ("127.0.0.1", 1), 1))
    assert answer.status == 400
    assert json.loads(answer.body)["__type"] in ("SerializationException", "ValidationException")


def test_closing_tells_what_is_due_in_the_next_seconds_and_drops_the_rest(stage: Stage):
    done: list[int] = []
    schedule = stage.phones.schedule
    schedule.after(3600, lambda: done.append(3))
    schedule.after(4, lambda: done.append(2))
    schedule.after(3, lambda: done.append(1))
    stage.phones.close()
    assert done == [1, 2]


def test_an_event_that_cannot_be_published_is_published_again(stage: Stage):
    tries: list[int] = []

    def once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no topic")

    stage.phones.schedule.after(0, once)
    until(lambda: len(tries) == 2)


@pytest.mark.parametrize("given", ['{"order": 1}', '{"loss": -1}', '{"seed": "x"}', "[]", "no"])
def test_a_disorder_that_cannot_be_read_is_refused(given: str):
    with pytest.raises(ValueError):
        Disorder.read(given)


def test_a_disorder_is_read_from_json():
    assert Disorder.read("") == Disorder()
    assert Disorder.read('{"seed": 7, "delay": 0.5}') == Disorder(seed=7, delay=0.5)


def test_whatsapp_in_airplane_mode_is_read_after_it_has_arrived(stage: Stage):
    phone = f"whatsapp:{PHONE}"
    stage.write(phone, SENDER, "hi")
    stage.switch(phone, airplane=True)
    (account,) = stage.social.list_linked_whatsapp_business_accounts()["linkedAccounts"]
    numbers = stage.social.get_linked_whatsapp_business_account(id=account["id"])["account"]["phoneNumbers"]
    message = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "hello"}}
    stage.social.send_whatsapp_message(
        originationPhoneNumberId=numbers[0]["phoneNumberId"],
        message=json.dumps(message).encode(),
        metaApiVersion="v20.0",
    )
    stage.switch(phone, airplane=False)
    told = [value["statuses"][0]["status"] for value in stage.whatsapp(4) if "statuses" in value]
    assert told == ["sent", "delivered", "read"]
