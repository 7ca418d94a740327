"""Conversations' webhooks of services and of the account: who is asked and told, and what an answer may do."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from parley.faces import conversations_events as events
from parley.ports.http.outgoing import NoAnswer, Response
from parley.store.changes import Change
from parley.webhooks.families import FAMILIES, Settings
from parley.webhooks.planning import Surroundings, deliveries
from tests.conversations.talk import API, Talk, configure
from tests.ports.fakes import SentRequest
from tests.webhooks.asking import REFUSED, answer, asking_about, refusal, says
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import HEADER, Owner
from tests.webhooks.scenes import BODY, MEDIA

URL = "https://example.com/conversations"


@pytest.fixture
def talk(owner: Owner, silent: WebhooksFunction) -> Talk:
    """A scene whose owner hears of everything through Conversations; nothing is announced yet."""
    talk = Talk(owner)
    configure(owner, PostWebhookUrl=URL, Filters=list(events.SERVICE_FILTERS))
    silent.skip_stream()
    return talk


def told(silent: WebhooksFunction) -> list[dict[str, str]]:
    """The parameters that the latest changes owe."""
    return [delivery["parameters"] for delivery in silent.planned()]


def names(silent: WebhooksFunction) -> list[str]:
    return [parameters["EventType"] for parameters in told(silent)]


def test_a_transition_is_told_once_and_not_as_another_update(talk: Talk, silent: WebhooksFunction):
    talk.rest("", State="inactive", enabled=True)
    assert names(silent) == ["onConversationStateUpdated"]
    other = {"FriendlyName": "again", "Bindings.Email.Name": "Desk", "Timers.Closed": "P5D"}
    for (name, value), state in zip(other.items(), ("active", "inactive", "active"), strict=True):
        talk.rest("", **{"State": state, name: value}, enabled=True)
        assert names(silent) == ["onConversationUpdated", "onConversationStateUpdated"], name


def test_a_message_of_a_participant_names_it(talk: Talk, silent: WebhooksFunction):
    talk.alice.done("sendMessage", channel="room", body="x")
    talk.rest("/Messages", Body="x", Author="bob", enabled=True)
    talk.owner.house.rest(
        "POST", f"{talk.owner.house.path}{talk.path}/Messages", {"Body": "x", "From": "bob"}, headers=HEADER
    )
    senders = [talk.members[name]["sid"] for name in ("alice", "bob", "bob")]
    assert [said["ParticipantSid"] for said in told(silent) if "MessageSid" in said] == senders


def test_media_are_told_as_a_list(talk: Talk, silent: WebhooksFunction):
    media = talk.owner.media(**MEDIA)
    talk.rest("/Messages", MediaSid=media, enabled=True)
    (said,) = told(silent)
    names = {"Sid": media, "Filename": MEDIA["filename"], "ContentType": MEDIA["content_type"], "Size": MEDIA["size"]}
    assert json.loads(said["Media"]) == [names]


def test_several_media_are_told_in_one_list(talk: Talk, silent: WebhooksFunction):
    media = [talk.owner.media(**MEDIA) for _ in range(3)]
    message = talk.rest("/Messages", MediaSid=media, enabled=True)
    assert [file["sid"] for file in message["media"]] == media
    (said,) = told(silent)
    assert [file["Sid"] for file in json.loads(said["Media"])] == media


def test_a_receipt_is_told_whenever_its_status_changes():
    receipt = {"sid": "DY1", "service_sid": "IS1", "channel_sid": "CH1"}
    cause = {"id": "1", "actor": "system", "source": "SMS", "webhooks": True, "at": 0}
    settings = {"conversations": Settings(post_url=URL, filters=["onDeliveryUpdated"])}
    around = Surroundings("AC1", {}, settings, channel={"type": "private"})

    def told_of(before: str | None, after: str | None) -> int:
        new, old = ({**receipt, "status": status} for status in (after, before))
        return len(deliveries(Change("receipt", "updated", new, old, cause, ""), around))

    assert [told_of("sent", "delivered"), told_of(None, "sent"), told_of("sent", "sent"), told_of(None, None)] == [
        1,
        1,
        0,
        0,
    ]


@pytest.mark.parametrize("value", [None, "false", "yes"])
def test_rest_requests_are_told_only_with_the_header(talk: Talk, silent: WebhooksFunction, value: str | None):
    headers = {} if value is None else {"X-Twilio-Webhook-Enabled": value}
    for path, fields in (("/Messages", {"Body": "x"}), ("", {"State": "closed"})):
        talk.owner.house.rest("POST", talk.conversation + path, fields, headers=headers)
    assert told(silent) == []


def test_public_channels_are_told_to_chats_webhooks_alone(talk: Talk, silent: WebhooksFunction):
    talk.owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    public = talk.owner.channel(Type="public")
    for channel in (public, talk.channel):
        talk.owner.post(f"/Channels/{channel}/Messages", Body="x")
    assert [(one["EventType"], one.get("ConversationSid")) for one in told(silent)] == [
        ("onMessageSent", None),
        ("onMessageSent", None),
        ("onMessageAdded", talk.channel),
    ]


def test_a_url_that_both_families_name_gets_each_event_from_both(talk: Talk, silent: WebhooksFunction):
    talk.owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageUpdated"])
    talk.rest(f"/Messages/{talk.message}", Body="x", enabled=True)
    planned = silent.planned()
    assert [delivery["parameters"]["EventType"] for delivery in planned] == ["onMessageUpdated"] * 2
    assert len({delivery["id"] for delivery in planned}) == 2


@pytest.mark.parametrize(
    ("service", "account", "url"),
    [
        ({}, {}, "https://example.com/account"),
        ({"PostWebhookUrl": URL}, {}, URL),
        ({"PreWebhookUrl": URL}, {}, None),
        ({}, {"Target": "flex"}, None),
        ({}, {"Filters": ["onUserAdded"]}, None),
    ],
)
def test_the_accounts_webhooks_are_told_unless_the_service_has_its_own(
    owner: Owner,
    silent: WebhooksFunction,
    service: dict[str, Any],
    account: dict[str, Any],
    url: str | None,
):
    talk = Talk(owner)
    configure(owner, Filters=["onMessageAdded"], **service)
    configure(
        owner, "account", **{"PostWebhookUrl": "https://example.com/account", "Filters": ["onMessageAdded"], **account}
    )
    silent.skip_stream()
    talk.rest("/Messages", Body="x", enabled=True)
    assert [delivery["url"] for delivery in silent.planned()] == ([url] if url else [])


# Pre-events


def urls(owner: Owner) -> list[str]:
    return [request.url for request in answer(owner).requests]


def asking(owner: Owner, *filters: str) -> Talk:
    talk = Talk(owner)
    configure(owner, PreWebhookUrl=URL, Filters=list(filters))
    return talk


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_veto_refuses_the_action(asked: Owner, status: int):
    talk = asking(asked, "onMessageAdd")
    says(asked, status=status)
    assert refusal(lambda: talk.alice.done("sendMessage", channel="room", body="x")) == REFUSED
    assert len(asked.stored_messages(talk.channel)) == 1


@pytest.mark.parametrize("by", ["service", "account"])
def test_back_ends_are_not_asked_about(asked: Owner, by: str):
    talk = Talk(asked)
    configure(asked, by, PreWebhookUrl=URL, Filters=list(events.SERVICE_FILTERS))
    says(asked, status=403)
    talk.rest("/Messages", Body="x", enabled=True)
    assert urls(asked) == []


def test_actions_in_public_channels_are_not_asked_about(asked: Owner):
    talk = asking(asked, "onMessageAdd", "onConversationAdd")
    public = asked.channel("alice", Type="public")
    talk.alice.done("sendMessage", channel=public, body="x")
    talk.alice.done("createChannel", type="public")
    assert urls(asked) == []


def test_the_container_that_sets_the_first_webhook_of_the_account_asks_it_at_once(asked: Owner):
    talk = Talk(asked)
    talk.alice.done("sendMessage", channel="room", body="x")
    asked.house.rest.post(f"{API}/Configuration/Webhooks", {"PreWebhookUrl": URL, "Filters": ["onMessageAdd"]})
    talk.alice.done("sendMessage", channel="room", body="x")
    assert urls(asked) == [URL]


REWRITES: dict[str, tuple[str, dict[str, Any], dict[str, Any], set[str]]] = {
    "onMessageAdd": (
        "sendMessage",
        {"channel": "room", "body": "x"},
        {"body": "new", "author": "bob", "attributes": '{"a":1}', "from": "carol", "sid": "IM0"},
        {"body", "author", "attributes"},
    ),
    "onConversationAdd": (
        "createChannel",
        {"type": "private", "friendly_name": "x"},
        {"friendly_name": "new", "unique_name": "other", "attributes": '{"a":1}'},
        {"friendly_name"},
    ),
}


@pytest.mark.parametrize("event", REWRITES)
def test_an_answer_replaces_the_fields_that_it_may(asked: Owner, event: str):
    action, given, said, taken = REWRITES[event]
    talk = asking(asked, event)
    says(asked, said)
    made = talk.alice.done(action, **given)
    shown = {**made, "author": made.get("from")}
    assert {name for name in said if shown.get(name) == said[name]} == taken


def test_without_an_answer_the_action_goes_on(asked: Owner):
    talk = asking(asked, "onMessageAdd")

    def hang(request: SentRequest) -> Response:
        asked.clock.advance(request.timeout_seconds)
        raise NoAnswer("timeout")

    answer(asked).answer = hang
    assert talk.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert len(urls(asked)) == 1


def test_both_families_are_asked_one_after_the_other_within_the_time_of_a_frame(asked: Owner):
    talk = asking(asked, "onMessageAdd")
    asking_about(asked, "onMessageSend", PreWebhookRetryCount=3)
    _ = talk.alice

    def slow(request: SentRequest) -> Response:
        asked.clock.advance(request.timeout_seconds)
        raise NoAnswer("timeout")

    answer(asked).answer = slow
    started = asked.clock.now_ms()
    talk.alice.done("sendMessage", channel="room", body=BODY)
    assert asked.clock.now_ms() - started < 29_000
    assert urls(asked) == ["https://example.com/hook"] * 4 + [URL]


def test_the_second_family_is_asked_about_what_the_first_has_replaced(asked: Owner):
    talk = asking(asked, "onMessageAdd")
    asking_about(asked, "onMessageSend")
    bodies = {"https://example.com/hook": {"body": "first", "author": "nobody"}, URL: {"author": "bob"}}
    answer(asked).answer = lambda request: Response(
        200, {"content-type": "application/json"}, json.dumps(bodies[request.url]).encode()
    )
    made = talk.alice.done("sendMessage", channel="room", body="x")
    assert (made["body"], made["from"]) == ("first", "bob")
    asked_last = dict(parse_qsl(answer(asked).requests[-1].body.decode()))
    assert (asked_last["Body"], asked_last["Author"]) == ("first", "nobody")
    # Nobody is a participant.
    assert "ParticipantSid" not in asked_last


def test_families_select_the_same_changes_and_each_its_own_names():
    chat, conversations = FAMILIES
    rows = {row for row in chat.pre_events if row[0] != "media message"}
    assert rows == {row for row in conversations.pre_events if row[0] != "media message"}
    assert set(conversations.post_events) - set(chat.post_events) == {("state", "updated"), ("receipt", "updated")}
