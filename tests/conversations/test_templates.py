"""Content templates: what the operator stores, and what a message that names one becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.errors import Refusal
from parley.operations import contents
from tests.conversations.phones import API, pair
from tests.rest.support import sid
from tests.support.doors import Raw
from tests.support.lean import LeanClient
from tests.support.world import World

WELCOME: dict[str, Any] = {
    "friendly_name": "welcome",
    "language": "en",
    "variables": {"1": "you", "2": "the shop"},
    "types": {"twilio/text": {"body": "Hello {{1}}, welcome to {{ 2 }}! {{3}}"}},
    "template": "welcome_en",
}
UNKNOWN = "HX" + "0" * 32


@pytest.fixture
def world(world: World) -> World:
    world.wire({"phones": True})
    return world


@pytest.fixture
def conversation(raw: Raw) -> str:
    """The path of a conversation."""
    return f"{API}/Conversations/{raw.post(f'{API}/Conversations')['sid']}"


def put(world: World, **others: Any) -> str:
    return contents.put(world.context(), {**WELCOME, **others})["sid"]


def test_a_template_is_stored_listed_fetched_replaced_and_deleted(world: World):
    context = world.context()
    made = contents.put(context, WELCOME)
    assert {**made, "date_created": 0, "date_updated": 0} == {
        "sid": sid("HX"),
        "friendly_name": "welcome",
        "language": "en",
        "variables": {"1": "you", "2": "the shop"},
        "body": "Hello {{1}}, welcome to {{ 2 }}! {{3}}",
        "template": "welcome_en",
        "date_created": 0,
        "date_updated": 0,
    }
    assert contents.fetch(context, made["sid"]) == made
    german = put(world, language="de")
    assert {one["sid"] for one in contents.every(context)} == {made["sid"], german}
    world.clock.advance(60)
    changed = contents.put(context, {"friendly_name": "welcome", "language": "en", "body": "Hi"})
    assert contents.fetch(context, made["sid"]) == changed
    assert (changed["sid"], changed["date_created"]) == (made["sid"], made["date_created"])
    assert changed["date_updated"] > made["date_updated"]
    assert (changed["variables"], "template" in changed) == ({}, False)
    contents.delete(context, german)
    assert [one["sid"] for one in contents.every(context)] == [made["sid"]]
    for act in (contents.fetch, contents.delete):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            act(context, german)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"friendly_name": ""}, "friendly_name"),
    "a long name": ({"friendly_name": "x" * 257}, "friendly_name"),
    "no language": ({"language": None}, "language"),
    "a language that is none": ({"language": "English"}, "language"),
    "no text": ({"types": {"twilio/text": {}}}, "body"),
    "a long text": ({"types": {"twilio/text": {"body": "x" * 1601}}}, "body"),
    "a type that is no text": ({"types": {"twilio/carousel": {"body": "x"}}}, "types"),
    "types that are none": ({"types": "x"}, "types"),
    "a name that WhatsApp does not take": ({"template": "Welcome!"}, "template"),
    "a member that nobody knows": ({"colour": "red"}, "colour"),
    "variables that are none": ({"variables": ["x"]}, "CONTENT_VARIABLES_NOT_JSON"),
    "a variable that is no text": ({"variables": {"1": 1}}, "CONTENT_VARIABLES_NOT_JSON"),
    "a long variable": ({"variables": {"1": "x" * 257}}, "CONTENT_VARIABLE_TOO_LONG"),
    "a variable with a long name": ({"variables": {"x" * 17: "x"}}, "CONTENT_VARIABLE_NAME_TOO_LONG"),
    "too many variables": ({"variables": {str(number): "" for number in range(101)}}, "CONTENT_VARIABLES_TOO_LONG"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_template_is_not_stored(world: World, name: str):
    others, named = WRONG[name]
    with pytest.raises(Refusal, match=named):
        put(world, **others)
    assert contents.every(world.context()) == []


def test_a_message_has_the_text_of_its_template(raw: Raw, world: World, conversation: str):
    template = put(world)
    form = {"ContentSid": template, "ContentVariables": json.dumps({"1": "Alice {{2}}", "3": "Tea?"})}
    made = raw.post(f"{conversation}/Messages", form)
    # What stands in a value is no place.
    assert made["body"] == "Hello Alice {{2}}, welcome to the shop! Tea?"
    assert made["content_sid"] == template
    assert raw.get(f"{conversation}/Messages/{made['sid']}") == made


@pytest.mark.inferred
def test_a_place_for_which_nobody_has_a_value_stays(raw: Raw, world: World, conversation: str):
    made = raw.post(f"{conversation}/Messages", ContentSid=put(world))
    assert made["body"] == "Hello you, welcome to the shop! {{3}}"


def test_a_template_takes_the_place_of_the_body_and_the_file(raw: Raw, world: World, conversation: str):
    service = raw.get(f"{API}/Configuration")["default_chat_service_sid"]
    file = raw("POST", f"/media/v1/Services/{service}/Media", b"a file").json["sid"]
    form = {"ContentSid": put(world), "Body": "Bye", "MediaSid": file}
    made = raw.post(f"{conversation}/Messages", form)
    assert (made["body"], made["media"]) == ("Hello you, welcome to the shop! {{3}}", None)
    # The file still waits for a message.
    assert raw.post(f"{conversation}/Messages", MediaSid=file)["media"][0]["sid"] == file


@pytest.mark.inferred
def test_a_message_keeps_the_sid_of_a_template_that_only_the_carrier_may_know(raw: Raw, conversation: str):
    made = raw.post(f"{conversation}/Messages", ContentSid=UNKNOWN, Body="Hello")
    assert (made["content_sid"], made["body"]) == (UNKNOWN, "Hello")


def test_a_text_that_becomes_too_long_is_refused_and_leaves_nothing(raw: Raw, world: World, conversation: str):
    template = put(world, types={"twilio/text": {"body": "{{1}}" * 320}})
    form = {"ContentSid": template, "ContentVariables": json.dumps({"1": "x" * 256})}
    assert raw("POST", f"{conversation}/Messages", form).refusal()[:2] == (400, 50504)
    assert raw.get(f"{conversation}/Messages")["messages"] == []


def test_only_a_message_that_names_a_template_costs_a_request_more_and_none_if_it_names_an_author(
    raw: Raw, world: World, lean: LeanClient, conversation: str
):
    template = put(world)
    raw.post(f"{conversation}/Participants", pair())

    def requests_of(**form: str) -> int:
        with lean.metered() as meter:
            raw.post(f"{conversation}/Messages", form)
        return sum(meter.requests.values())

    requests_of(Body="What stays in memory is read now")
    assert requests_of(ContentSid=template) == requests_of(Body="Hello") + 1
    assert requests_of(ContentSid=template, Author="bob") == requests_of(Body="Hello", Author="bob")
    world.wire({"phones": False})
    requests_of(Body="The container is new")
    assert requests_of(ContentSid=template) == requests_of(Body="Hello")
