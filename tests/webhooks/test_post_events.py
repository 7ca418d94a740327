"""Post-events: each row of the table, done through its public door, arrives as documented and signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local.home import REPOSITORY
from parley.faces.chat_events import POST_EVENTS, PRE_EVENTS, SERVICE_FILTERS
from parley.faces.events import names as names_of
from tests.sockets.deployment import House
from tests.support.target import Received, Target
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owned import ASKED, BORN, CHANGED, Owned


@pytest.fixture
def owned(house: House, webhooks: WebhooksFunction, target: Target) -> Owned:
    return Owned(house, webhooks, target)


def only(received: list[Received]) -> dict[str, str]:
    """The parameters of the one request, its dates cut to whole minutes, since requests take a millisecond each."""
    (request,) = received
    return {
        name: re.sub(r":00\.0\d\dZ$", ":00.000Z", value) if name.startswith("Date") else value
        for name, value in request.parameters.items()
    }


# Messages


def test_a_message_sent_over_a_socket(owned: Owned) -> None:
    owned.later()
    sent = owned.alice.done("sendMessage", channel="general", body="hi\r\nä & = +", attributes={"mood": "good"})
    assert only(owned.heard()) == owned.common("onMessageSent", "alice") | owned.of_message(
        "hi\r\nä & = +", MessageSid=sent["sid"], Index="1", DateCreated=CHANGED, Attributes='{"mood":"good"}'
    )


def test_a_message_sent_over_rest(owned: Owned) -> None:
    owned.later()
    sent = owned.request("POST", f"{owned.room.path}/Messages", {"Body": "hi", "From": "bob"})
    assert only(owned.heard()) == owned.common("onMessageSent") | owned.of_message(
        "hi", MessageSid=sent["sid"], Index="1", DateCreated=CHANGED, From="bob"
    )


def test_an_empty_message_has_an_empty_body(owned: Owned) -> None:
    owned.alice.done("sendMessage", channel="general", body="")
    assert only(owned.heard())["Body"] == ""


def test_a_message_edited_over_a_socket(owned: Owned) -> None:
    owned.later()
    owned.alice.done("updateMessage", channel="general", message=owned.message, body="edited")
    assert only(owned.heard()) == owned.common("onMessageUpdated", "alice") | owned.of_message(
        "edited", DateUpdated=CHANGED, ModifiedBy="alice"
    )


def test_a_message_edited_over_rest(owned: Owned) -> None:
    owned.later()
    owned.request("POST", f"{owned.room.path}/Messages/{owned.message}", {"Body": "edited"})
    assert only(owned.heard()) == owned.common("onMessageUpdated") | owned.of_message(
        "edited", DateUpdated=CHANGED, ModifiedBy="system"
    )


def test_a_message_removed_over_a_socket_with_what_it_said(owned: Owned) -> None:
    owned.later()
    owned.alice.done("deleteMessage", channel="general", message=owned.message)
    assert only(owned.heard()) == owned.common("onMessageRemoved", "alice") | owned.of_message(
        "hello", DateUpdated=BORN, DateRemoved=CHANGED
    )


def test_a_message_removed_over_rest(owned: Owned) -> None:
    owned.later()
    owned.request("DELETE", f"{owned.room.path}/Messages/{owned.message}")
    assert only(owned.heard()) == owned.common("onMessageRemoved") | owned.of_message(
        "hello", DateUpdated=BORN, DateRemoved=CHANGED
    )


# Channels


def test_a_channel_added(owned: Owned) -> None:
    owned.later()
    form = {"FriendlyName": "Other", "UniqueName": "other", "CreatedBy": "dave"}
    channel = owned.request("POST", f"{owned.house.path}/Channels", form)
    assert only(owned.heard()) == owned.common("onChannelAdded") | {
        "ChannelSid": channel["sid"],
        "FriendlyName": "Other",
        "UniqueName": "other",
        "Attributes": "{}",
        "ChannelType": "public",
        "DateCreated": CHANGED,
        "DateUpdated": CHANGED,
        "CreatedBy": "dave",
    }


def test_a_channel_updated(owned: Owned) -> None:
    owned.later()
    owned.request("POST", owned.room.path, {"FriendlyName": "The room"})
    assert only(owned.heard()) == owned.common("onChannelUpdated") | owned.of_channel(
        FriendlyName="The room", DateUpdated=CHANGED
    )


def test_a_channel_that_lost_its_name_is_reported_without_one(owned: Owned) -> None:
    owned.request("POST", owned.room.path, {"UniqueName": ""})
    assert "UniqueName" not in only(owned.heard())


def test_a_channel_destroyed_with_what_it_was(owned: Owned) -> None:
    owned.later()
    owned.request("DELETE", owned.room.path)
    assert only(owned.heard()) == owned.common("onChannelDestroyed") | owned.of_channel(DateRemoved=CHANGED)


# Members


def test_a_member_added(owned: Owned) -> None:
    owned.later()
    form = {"Identity": "dave", "Attributes": '{"b": 2}'}
    owned.request("POST", f"{owned.house.path}/Users", {"Identity": "dave"}, asked=False)
    member = owned.request("POST", f"{owned.room.path}/Members", form)
    assert only(owned.heard()) == owned.common("onMemberAdded") | {
        "ChannelSid": owned.room.sid,
        "MemberSid": member["sid"],
        "Identity": "dave",
        "RoleSid": owned.house.service["default_channel_role_sid"],
        "DateCreated": CHANGED,
        "Attributes": '{"b": 2}',
    }


def test_a_member_who_brings_a_new_user_along(owned: Owned) -> None:
    owned.request("POST", f"{owned.room.path}/Members", {"Identity": "erin"})
    assert sorted(request.event for request in owned.heard()) == ["onMemberAdded", "onUserAdded"]


def test_a_member_updated(owned: Owned) -> None:
    owned.later()
    form = {"LastConsumedMessageIndex": "0", "Attributes": '{"b": 2}'}
    owned.request("POST", f"{owned.room.path}/Members/bob", form)
    assert only(owned.heard()) == owned.common("onMemberUpdated") | owned.of_member(
        "bob", LastConsumedMessageIndex="0", DateUpdated=CHANGED, Attributes='{"b": 2}'
    )


def test_a_member_removed(owned: Owned) -> None:
    owned.request("POST", f"{owned.room.path}/Members/bob", {"LastConsumedMessageIndex": "0"}, asked=False)
    owned.later()
    owned.request("DELETE", f"{owned.room.path}/Members/bob")
    assert only(owned.heard()) == owned.common("onMemberRemoved") | owned.of_member(
        "bob", DateRemoved=CHANGED, LastConsumedMessageIndex="0"
    )


# Users


def test_a_user_added_over_rest(owned: Owned) -> None:
    owned.later()
    user = owned.request("POST", f"{owned.house.path}/Users", {"Identity": "dave", "FriendlyName": "Dave"})
    assert only(owned.heard()) == owned.common("onUserAdded") | {
        "UserSid": user["sid"],
        "Identity": "dave",
        "RoleSid": owned.house.service["default_service_role_sid"],
        "FriendlyName": "Dave",
        "Attributes": "{}",
        "DateCreated": CHANGED,
    }


def test_a_user_added_by_connecting(owned: Owned) -> None:
    owned.later()
    owned.house.device("erin")
    parameters = only(owned.heard())
    assert parameters == owned.common("onUserAdded", "erin") | {
        "UserSid": owned.house.rest.get(f"{owned.house.path}/Users/erin")["sid"],
        "Identity": "erin",
        "RoleSid": owned.house.service["default_service_role_sid"],
        "Attributes": "{}",
        "DateCreated": parameters["DateCreated"],
    }
    assert parameters["DateCreated"].startswith("2026-01-15T12:19:59.9")


def test_a_user_updated(owned: Owned) -> None:
    owned.later()
    owned.request("POST", f"{owned.house.path}/Users/bob", {"Attributes": '{"c": 3}'})
    assert only(owned.heard()) == owned.common("onUserUpdated") | {
        "UserSid": owned.bob_sid,
        "Identity": "bob",
        "RoleSid": owned.house.service["default_service_role_sid"],
        "FriendlyName": "Bob",
        "Attributes": '{"c": 3}',
        "DateCreated": BORN,
        "DateUpdated": CHANGED,
    }


# All rows alike


def _requests(owned: Owned) -> dict[str, tuple[str, str, dict[str, Any] | None]]:
    path, room = owned.house.path, owned.room.path
    return {
        "onMessageSent": ("POST", f"{room}/Messages", {"Body": "x"}),
        "onMessageUpdated": ("POST", f"{room}/Messages/{owned.message}", {"Body": "y"}),
        "onMessageRemoved": ("DELETE", f"{room}/Messages/{owned.message}", None),
        "onChannelAdded": ("POST", f"{path}/Channels", {"UniqueName": "another"}),
        "onChannelUpdated": ("POST", room, {"FriendlyName": "z"}),
        "onUserAdded": ("POST", f"{path}/Users", {"Identity": "frank"}),
        "onUserUpdated": ("POST", f"{path}/Users/frank", {"FriendlyName": "F"}),
        "onMemberAdded": ("POST", f"{room}/Members", {"Identity": "frank"}),
        "onMemberUpdated": ("POST", f"{room}/Members/frank", {"Attributes": "{}"}),
        "onMemberRemoved": ("DELETE", f"{room}/Members/frank", None),
        "onChannelDestroyed": ("DELETE", room, None),
    }


def test_every_row_has_its_request_here(owned: Owned) -> None:
    # Media come over a door of their own.
    assert set(_requests(owned)) == {event.name for event in POST_EVENTS.values()} - {"onMediaMessageSent"}


def test_each_event_is_sent_when_the_filters_name_it(owned: Owned) -> None:
    for event, request in _requests(owned).items():
        owned.request(*request)
        assert [received.event for received in owned.heard()] == [event]


def test_no_event_is_sent_when_the_filters_name_all_others(owned: Owned) -> None:
    for event, request in _requests(owned).items():
        owned.configure(WebhookFilters=[name for name in SERVICE_FILTERS if name != event])
        owned.request(*request)
        assert owned.heard() == []


def _silences() -> dict[str, Callable[[Owned], None]]:
    return {
        "no filters": lambda owned: owned.configure(WebhookFilters=""),
        "no URL": lambda owned: owned.configure(PostWebhookUrl=""),
        "pre-events only": lambda owned: owned.configure(WebhookFilters=list(names_of(PRE_EVENTS))),
    }


@pytest.mark.parametrize("what", _silences())
def test_nothing_is_sent_without_being_configured(owned: Owned, what: str) -> None:
    _silences()[what](owned)
    for request in _requests(owned).values():
        owned.request(*request)
    owned.house.device("george")
    assert owned.heard() == []


@pytest.mark.parametrize("value", [None, "false", "", "yes", "1"])
def test_nothing_is_sent_for_rest_that_does_not_ask(owned: Owned, value: str | None) -> None:
    headers = {} if value is None else {"X-Twilio-Webhook-Enabled": value}
    for verb, path, form in _requests(owned).values():
        assert owned.house.rest(verb, path, form, headers=headers).status in (200, 201, 204)
    assert owned.heard() == []


def test_nothing_is_sent_for_a_deleted_service(owned: Owned) -> None:
    owned.request("DELETE", owned.house.path)
    assert owned.heard() == []


def test_another_services_owner_hears_nothing(owned: Owned) -> None:
    other = House(owned.house.deployment)
    other.rest("POST", f"{other.path}/Channels", {"FriendlyName": "x"}, headers=ASKED)
    assert owned.heard() == []


def test_a_change_of_the_settings_counts_within_ten_seconds_also_in_a_warm_container(owned: Owned) -> None:
    owned.alice.done("sendMessage", channel="general", body="x")
    assert len(owned.heard()) == 1
    owned.house.rest.post(owned.house.path, {"WebhookFilters": "onUserAdded"})
    owned.clock.advance(10)
    owned.alice.done("sendMessage", channel="general", body="y")
    assert owned.heard() == []


def test_a_change_that_is_planned_twice_carries_the_same_token_and_each_change_its_own(owned: Owned) -> None:
    owned.alice.done("sendMessage", channel="general", body="x")
    owned.alice.done("sendMessage", channel="general", body="y")
    first = owned.webhooks.planned()
    again = owned.webhooks.plan_records(owned.house.deployment.read_stream()[-20:])
    assert again == {"batchItemFailures": []}
    repeated = owned.webhooks.deliveries.take()
    assert len({delivery["id"] for delivery in first}) == 2
    assert [delivery["id"] for delivery in repeated][-2:] == [delivery["id"] for delivery in first]


def test_a_poison_record_is_reported_and_what_came_before_is_planned(
    owned: Owned, caplog: pytest.LogCaptureFixture
) -> None:
    for body in ("first", "poison", "third"):
        owned.alice.done("sendMessage", channel="general", body=body)
    records = [record for record in owned.house.deployment.read_stream() if _body(record)][-3:]
    del records[1]["dynamodb"]["NewImage"]["service_sid"]
    position = records[1]["dynamodb"]["SequenceNumber"]
    caplog.clear()
    assert owned.webhooks.plan_records(records) == {"batchItemFailures": [{"itemIdentifier": position}]}
    assert [delivery["parameters"]["Body"] for delivery in owned.webhooks.deliveries.take()] == ["first"]
    (failure,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(failure)["sequence_number"] == position
    assert owned.webhooks.plan_records(records[2:]) == {"batchItemFailures": []}
    assert [delivery["parameters"]["Body"] for delivery in owned.webhooks.deliveries.take()] == ["third"]


def _body(record: dict[str, Any]) -> Any:
    return record["dynamodb"].get("NewImage", {}).get("body")


def test_the_documentation_lists_exactly_the_parameters_that_are_sent() -> None:
    text = (REPOSITORY / "docs" / "webhooks.md").read_text(encoding="utf-8")
    documented: dict[str, str] = {}
    previous = ""
    for names, own in re.findall(r"^\| ((?:`on\w+`(?:, )?)+) \| (.*) \|$", text, re.MULTILINE):
        words = " ".join(re.findall(r"`([^`]*)`", own))
        parameters = f"{previous} {words}" if "the same" in own else words
        documented |= dict.fromkeys(re.findall(r"`(\w+)`", names), parameters)
        previous = previous if "the same" in own else words
    sent = {event.name: set(event.parameters.split()) for event in POST_EVENTS.values()}
    told = {name: set(words.split()) for name, words in documented.items()}
    assert {name: parameters for name, parameters in told.items() if name in sent} == told
    assert told == {name: sent[name] for name in told}
    assert set(sent) - set(told) <= {"onMediaMessageSent"}
