"""Numbers that AWS carries, in conversations: who may write from them, and what is asked of the table for that."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from parley.errors import Refusal
from parley.operations import senders
from tests.conversations.phones import (
    AMERICANS,
    API,
    OTHER_PHONE,
    PHONE,
    PROXY,
    Thread,
    bound,
    opened,
    pair,
)
from tests.rest.support import at_once
from tests.support.doors import Raw
from tests.support.lean import LeanClient
from tests.support.world import World

NUMBER, OTHER, STRANGER = "+12025550201", "+12025550202", "+12025550203"
WHATSAPP, PERSON = "whatsapp:+12025550201", "whatsapp:+491721234567"
ADDRESSES = f"{API}/Configuration/Addresses"
OF_AWS = {"provider_id": "phone-0a"}


def enable(world: World, *addresses: str) -> None:
    for address in addresses:
        senders.enable(world.context(), address, OF_AWS)


@pytest.fixture
def world(world: World) -> World:
    """An account with a number and a WhatsApp sender that AWS carries, beside those of the settings."""
    world.wire({"phones": True})
    enable(world, NUMBER, WHATSAPP)
    return world


def test_a_phone_is_reached_from_a_sender(thread: Thread):
    assert thread.add(pair(PHONE, NUMBER))["messaging_binding"] == {
        "type": "sms",
        "address": PHONE,
        "proxy_address": NUMBER,
    }
    assert thread.add(pair(PERSON, WHATSAPP))["messaging_binding"]["type"] == "whatsapp"
    made = json.dumps({"messaging_binding": {"address": OTHER_PHONE, "proxy_address": NUMBER}})
    answer = thread.raw("POST", f"{API}/ConversationWithParticipants", {"Participant": [made]})
    (one,) = thread.raw.get(f"{API}/Conversations/{answer.json['sid']}/Participants")["participants"]
    assert one["messaging_binding"]["proxy_address"] == NUMBER


REFUSED = {
    "a number of somebody else": (pair(PHONE, STRANGER), (400, 50413)),
    "a sender of text messages on WhatsApp": (pair(PERSON, f"whatsapp:{OTHER}"), (400, 50415)),
    "a WhatsApp sender of somebody else": (pair(PERSON, f"whatsapp:{STRANGER}"), (400, 50415)),
    "WhatsApp on one side": (pair(PHONE, WHATSAPP), (400, 50414)),
    "a prefix in another spelling": (pair("WhatsApp:+491721234567", WHATSAPP), (400, 50407)),
    "a number that is none": (pair("+1", NUMBER), (400, 50407)),
    "16 digits": (pair("+1234567890123456", NUMBER), (400, 50407)),
    "the sender itself": (pair(NUMBER, NUMBER), (400, 50409)),
    "an identity too": (pair(PHONE, NUMBER, Identity="alice"), (400, 50211)),
    "a group that AWS would carry": (bound(projected=NUMBER, Identity="alice"), (403, 50452)),
    "a sender in a group": (bound(NUMBER), (400, 50407)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_phone_is_refused_as_twilio_does_where_a_sender_does_not_fit(thread: Thread, world: World, name: str):
    enable(world, OTHER)
    form, expected = REFUSED[name]
    assert thread.refusal(form) == expected
    assert thread.participants() == []


def test_a_participant_is_handed_to_a_sender_and_no_further(thread: Thread):
    added = thread.add(pair())["sid"]
    changed = thread.update(added, {"MessagingBinding.ProxyAddress": NUMBER})
    assert changed["messaging_binding"]["proxy_address"] == NUMBER
    assert thread.refusal({"MessagingBinding.ProxyAddress": STRANGER}, added) == (400, 50413)


def test_a_phone_that_became_a_sender_is_not_left_alone_in_a_group(thread: Thread, world: World):
    american = AMERICANS[0]
    added = thread.add(pair(american))["sid"]
    enable(world, american)
    assert thread.refusal({"MessagingBinding.ProxyAddress": "null"}, added) == (400, 50407)


def test_a_disabled_sender_reaches_nobody_any_more(thread: Thread, world: World):
    senders.disable(world.context(), NUMBER)
    assert thread.refusal(pair(PHONE, NUMBER)) == (400, 50413)


def test_without_phones_of_aws_there_are_no_senders(thread: Thread, world: World):
    world.wire({"phones": False})
    assert thread.refusal(pair(PHONE, NUMBER)) == (400, 50413)


def requests_of(thread: Thread, form: dict[str, Any]) -> int:
    """How many requests to the table a new participant takes in a conversation that was used already."""
    thread.add({"Identity": "zoe"})
    with thread.lean.metered() as meter:
        thread.add(form)
    return sum(meter.requests.values())


def test_only_a_number_that_the_settings_lack_costs_a_request_more(raw: Raw, world: World, lean: LeanClient):
    costs = [requests_of(opened(raw, lean), form) for form in ({"Identity": "alice"}, pair(), pair(PHONE, NUMBER))]
    world.wire({"phones": False})
    assert costs[:2] == [requests_of(opened(raw, lean), form) for form in ({"Identity": "bob"}, pair(OTHER_PHONE))]
    assert costs[2] == costs[1] + 1


# Address configurations


def configure(raw: Raw, address: str = NUMBER) -> str:
    made: str = raw.post(ADDRESSES, {"Type": "sms", "Address": address})["sid"]
    return made


def test_the_configuration_of_a_sender_goes_with_it_and_that_is_logged_as_50610(
    raw: Raw, world: World, caplog: pytest.LogCaptureFixture
):
    configured = configure(raw)
    senders.disable(world.context(), NUMBER)
    assert raw("GET", f"{ADDRESSES}/{configured}").status == 404
    assert raw("GET", f"{ADDRESSES}/{quote(NUMBER)}").status == 404
    (told,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert (getattr(told, "code", None), getattr(told, "sid", None)) == (50610, configured)
    assert raw("POST", ADDRESSES, {"Type": "sms", "Address": NUMBER}).refusal()[:2] == (400, 20001)
    enable(world, NUMBER)
    assert configure(raw) == configured


def test_the_configuration_of_a_number_that_the_settings_have_too_stays(raw: Raw, world: World):
    enable(world, PROXY)
    configured = configure(raw, PROXY)
    senders.disable(world.context(), PROXY)
    assert raw.get(f"{ADDRESSES}/{configured}")["address"] == PROXY


def test_no_configuration_is_left_by_one_that_comes_while_the_sender_goes(raw: Raw, world: World):
    for _ in range(5):
        enable(world, NUMBER)

        def act(number: int) -> object:
            if number == 0:
                return raw("POST", ADDRESSES, {"Type": "sms", "Address": NUMBER}).status
            try:
                return senders.disable(world.another_container().context(), NUMBER)
            except Refusal as refused:
                return refused.error.name

        configured, disabled = at_once(2, act)
        assert configured in (201, 400, 409), configured
        if disabled is not None:
            assert disabled == "CONCURRENT_UPDATE"
            senders.disable(world.context(), NUMBER)
        assert raw.get(ADDRESSES)["address_configurations"] == []
