"""Push notifications: registering the device's token, and what the payloads say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley_client import Client, PushNotification, RequestError, UnusableNotification, parse_push_notification
from tests.client_python.fakes import Lab, refusing

pytestmark = pytest.mark.anyio

TOKEN = "f" * 64
DATA: dict[str, Any] = {
    "twi_message_type": "twilio.channel.new_message",
    "twi_message_id": "RU1",
    "channel_sid": "CH1",
    "channel_title": "The room",
    "message_sid": "IM7",
}
SAID: dict[str, Any] = {
    "type": "twilio.channel.new_message",
    "sid": "RU1",
    "channel_sid": "CH1",
    "channel_title": "The room",
    "message_sid": "IM7",
}


async def registering(lab: Lab) -> Client:
    """A client of a server that takes every registration."""
    lab.server.answers["registerBinding"] = lambda frame: {"sid": f"BS-{frame['binding_type']}-{frame['address']}"}
    lab.server.answers["removeBinding"] = lambda frame: None
    return (await lab.start()).client


async def test_a_token_is_registered_with_its_type_and_nothing_that_only_the_server_knows(lab: Lab) -> None:
    await (await registering(lab)).set_push_registration_id("fcm", TOKEN)
    assert lab.server.last("registerBinding") == {"binding_type": "fcm", "address": TOKEN}


async def test_a_token_that_is_registered_twice_stays_and_another_one_of_its_type_takes_its_place(lab: Lab) -> None:
    client = await registering(lab)
    await client.set_push_registration_id("apn", TOKEN)
    await client.set_push_registration_id("fcm", "one")
    await client.set_push_registration_id("fcm", "one")
    assert lab.server.count("removeBinding") == 0
    await client.set_push_registration_id("fcm", "other")
    assert lab.server.last("removeBinding") == {"binding": "BS-fcm-one"}


async def test_a_token_is_taken_off_once_by_its_type(lab: Lab) -> None:
    client = await registering(lab)
    await client.set_push_registration_id("fcm", "one")
    await client.unset_push_registration_id("apn")
    assert lab.server.count("removeBinding") == 0
    await client.unset_push_registration_id("fcm")
    await client.unset_push_registration_id("fcm")
    assert (lab.server.count("removeBinding"), lab.server.last("removeBinding")) == (1, {"binding": "BS-fcm-one"})


async def test_a_token_that_the_server_has_forgotten_counts_as_taken_off(lab: Lab) -> None:
    client = await registering(lab)
    await client.set_push_registration_id("fcm", "one")
    lab.server.answers["removeBinding"] = refusing(404, 20404)
    await client.unset_push_registration_id("fcm")
    await client.unset_push_registration_id("fcm")
    assert lab.server.count("removeBinding") == 1


async def test_a_token_stays_registered_if_the_server_refuses_to_take_it_off(lab: Lab) -> None:
    client = await registering(lab)
    await client.set_push_registration_id("fcm", "one")
    lab.server.answers["removeBinding"] = refusing(503, 20503)
    with pytest.raises(RequestError):
        await client.unset_push_registration_id("fcm")
    lab.server.answers["removeBinding"] = lambda frame: None
    await client.unset_push_registration_id("fcm")
    assert lab.server.count("removeBinding") == 2


async def test_a_token_is_removed_by_its_value_whichever_client_registered_it(lab: Lab) -> None:
    await (await registering(lab)).remove_push_registrations("apn", TOKEN)
    assert lab.server.last("removeBinding") == {"binding_type": "apn", "address": TOKEN}


def test_a_payload_of_apns_says_what_the_phone_shows() -> None:
    aps = {"alert": "bob: hi", "badge": 3, "sound": "ping.aiff", "category": "reply"}
    shown = {"body": "bob: hi", "badge": 3, "sound": "ping.aiff", "action": "reply"}
    told = parse_push_notification({"aps": aps, **DATA, "message_index": 7, "author": "bob"})
    assert told == PushNotification(**SAID, **shown, message_index=7, author="bob")


@pytest.mark.parametrize(
    ("aps", "shown"),
    [
        ({"alert": {"title": "The room", "body": "hi"}, "badge": 0}, ("The room", "hi", 0)),
        ({"badge": 1, "content-available": 1}, (None, None, 1)),
    ],
    ids=["a title", "a badge and no words"],
)
def test_a_payload_of_apns_may_have(aps: dict[str, Any], shown: tuple[Any, ...]) -> None:
    told = parse_push_notification({"aps": aps, **DATA})
    assert (told.title, told.body, told.badge) == shown


def test_a_payload_of_firebase_has_texts_only_and_they_become_numbers_again() -> None:
    said = {"twi_body": "bob: hi", "twi_sound": "ping", "twi_title": "T", "twi_action": "open", "message_index": "0"}
    shown = {"title": "T", "body": "bob: hi", "sound": "ping", "action": "open"}
    assert parse_push_notification({"data": {**DATA, **said}}) == PushNotification(**SAID, **shown, message_index=0)


def test_a_payload_of_a_conversation_says_the_same_of_it_and_of_its_files() -> None:
    media = {"sid": "ME1", "filename": "a.png"}
    said = {"conversation_sid": "CH2", "conversation_title": "Other", "media_count": "2", "media": json.dumps(media)}
    told = parse_push_notification({"data": {"twi_message_type": "t", **said}})
    assert (told.channel_sid, told.channel_title, told.media_count, told.media) == ("CH2", "Other", 2, media)


def test_a_payload_with_nonsense_where_a_number_or_json_should_be_says_nothing_there() -> None:
    said = {"message_index": "seven", "media_count": None, "media": "{"}
    assert parse_push_notification({"data": {"twi_message_type": "t", **said}}) == PushNotification("t")


@pytest.mark.parametrize("payload", [{}, {"aps": {}}, {"data": {}}, {"data": None}, {"aps": {"alert": "x"}}], ids=str)
async def test_a_payload_of_somebody_else_is_refused(lab: Lab, payload: dict[str, Any]) -> None:
    client = (await lab.start()).client
    with pytest.raises(UnusableNotification):
        client.handle_push_notification(payload)


async def test_a_payload_that_the_application_hands_over_becomes_an_event(lab: Lab) -> None:
    listener = await lab.start()
    payload = {"aps": {"alert": "hi"}, **DATA}
    listener.client.handle_push_notification(payload)
    assert await listener.heard("pushNotification") == parse_push_notification(payload)
