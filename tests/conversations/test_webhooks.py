"""Conversations' webhooks of services and of the account: each event by its public door, and who is asked and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from parley.clock import iso_millis
from parley.faces import conversations_events as events
from parley.ports.http.outgoing import NoAnswer, Response
from parley.store.changes import Change
from parley.webhooks.families import FAMILIES, Settings
from parley.webhooks.planning import Surroundings, deliveries
from tests.conversations.phones import PHONE, PROXY, pair
from tests.ports.fakes import SentRequest
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Target
from tests.webhooks.asking import REFUSED, answer, asking_about, refusal, says
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import HEADER, Owner
from tests.webhooks.scenes import ATTRIBUTES, BODY, CASES, MEDIA, OLDER, Parameters, Scene

API = "/conversations/v1"
URL = "https://example.com/conversations"
MESSAGING = "MG" + "0123456789abcdef" * 2


class Talk(Scene):
    """A scene whose channel has a messaging service, and what Conversations' webhooks say of it."""

    def __init__(self, owner: Owner):
        super().__init__(owner)
        self.conversation = f"{API}/Services/{owner.sid}/Conversations/{self.channel}"
        self.rest("", MessagingServiceSid=MESSAGING)
        self.dates["updated"] = self.now

    def rest(self, path: str, *, enabled: bool = False, **fields: Any) -> Any:
        """Change the conversation, or something in it, as a back end through Conversations."""
        headers = HEADER if enabled else {}
        answered = self.owner.house.rest("POST", self.conversation + path, fields, headers=headers)
        assert answered.status in (200, 201), answered.text
        return answered.json

    def said_of_channel(self, updated: str, **more: str) -> Parameters:
        names = {"FriendlyName": "The room", "UniqueName": "room", "Attributes": OLDER, "State": "active"}
        dates = {"DateCreated": self.dates["channel"], "DateUpdated": updated}
        return {"ConversationSid": self.channel, "MessagingServiceSid": MESSAGING, **names, **dates, **more}

    def said_of_message(self, **more: str) -> Parameters:
        said = {"ConversationSid": self.channel, "Author": "alice", "Body": "old", "Attributes": OLDER}
        return {**said, **more}

    def said_of_old_message(self, **more: str) -> Parameters:
        dates = {"DateCreated": self.dates["message"], "DateUpdated": self.dates["message"]}
        return self.said_of_message(MessageSid=self.message, Index="0", **dates, **more)

    def said_of_participant(self, identity: str, **more: str) -> Parameters:
        said = {"ConversationSid": self.channel, "Identity": identity, "MessagingBinding.Type": "CHAT"}
        return {**said, "RoleSid": self.roles["listener"], "Attributes": OLDER, **more}

    def said_of_settled(self, identity: str) -> Parameters:
        dates = {"DateCreated": self.dates[identity], "DateUpdated": self.dates["settled"]}
        return self.said_of_participant(identity, ParticipantSid=self.members[identity]["sid"], **dates)

    def said_of_user(self, **more: str) -> Parameters:
        said = {"UserSid": self.user["sid"], "Identity": "alice", "RoleSid": self.roles["service admin"]}
        return {**said, "FriendlyName": "Älice", "Attributes": ATTRIBUTES, **more}


RENAMED = {"FriendlyName": "Stube", "UniqueName": "stube", "Attributes": ATTRIBUTES}
MADE = {"FriendlyName": "Zimmer", "UniqueName": "zimmer", "Attributes": ATTRIBUTES, "State": "active"}
WRITTEN = {"Body": BODY, "Attributes": ATTRIBUTES}

# Event -> Chat's name of the action that fires it, and what is said before, beside the common parameters.
BEFORE: dict[str, tuple[str, Callable[[Talk], Parameters]]] = {
    "onMessageAdd": (
        "onMessageSend",
        lambda talk: talk.said_of_message(**WRITTEN, ParticipantSid=talk.members["alice"]["sid"]),
    ),
    "onMessageUpdate": ("onMessageUpdate", lambda talk: talk.said_of_old_message(**WRITTEN)),
    "onMessageRemove": ("onMessageRemove", lambda talk: talk.said_of_old_message()),
    "onConversationAdd": ("onChannelAdd", lambda talk: MADE),
    "onConversationUpdate": ("onChannelUpdate", lambda talk: talk.said_of_channel(talk.dates["updated"], **RENAMED)),
    "onConversationRemove": ("onChannelDestroy", lambda talk: talk.said_of_channel(talk.dates["updated"])),
    "onParticipantAdd": (
        "onMemberAdd",
        lambda talk: talk.said_of_participant("dave", RoleSid=talk.roles["channel user"], Attributes=ATTRIBUTES),
    ),
    "onParticipantUpdate": ("onMemberUpdate", lambda talk: {**talk.said_of_settled("alice"), "Attributes": ATTRIBUTES}),
    "onParticipantRemove": ("onMemberRemove", lambda talk: talk.said_of_settled("bob")),
    "onUserUpdate": ("onUserUpdate", lambda talk: talk.said_of_user(DateUpdated=talk.dates["user"])),
}
# The same of what is said after, given the answer to the action and when it was done.
AFTER: dict[str, tuple[str, Callable[[Talk, Any, str], Parameters]]] = {
    "onMessageAdded": (
        "onMessageSend",
        lambda talk, made, at: talk.said_of_message(
            **WRITTEN, MessageSid=made["sid"], Index="1", DateCreated=at, MessagingServiceSid=MESSAGING
        ),
    ),
    "onMessageUpdated": (
        "onMessageUpdate",
        lambda talk, made, at: {**talk.said_of_old_message(**WRITTEN), "DateUpdated": at},
    ),
    "onMessageRemoved": ("onMessageRemove", lambda talk, made, at: talk.said_of_old_message(DateRemoved=at)),
    "onConversationAdded": (
        "onChannelAdd",
        lambda talk, made, at: {**MADE, "ConversationSid": made["sid"], "DateCreated": at, "DateUpdated": at},
    ),
    "onConversationUpdated": ("onChannelUpdate", lambda talk, made, at: talk.said_of_channel(at, **RENAMED)),
    "onConversationRemoved": (
        "onChannelDestroy",
        lambda talk, made, at: talk.said_of_channel(talk.dates["updated"], DateRemoved=at),
    ),
    "onParticipantAdded": (
        "onMemberAdd",
        lambda talk, made, at: talk.said_of_participant(
            "dave",
            RoleSid=talk.roles["channel user"],
            Attributes=ATTRIBUTES,
            ParticipantSid=made["sid"],
            DateCreated=at,
        ),
    ),
    "onParticipantUpdated": (
        "onMemberUpdate",
        lambda talk, made, at: {
            **talk.said_of_settled("alice"),
            "Attributes": ATTRIBUTES,
            "DateUpdated": at,
            "LastReadMessageIndex": "3",
        },
    ),
    "onParticipantRemoved": (
        "onMemberRemove",
        lambda talk, made, at: {**talk.said_of_settled("bob"), "DateRemoved": at},
    ),
    "onUserAdded": (
        "onUserAdded",
        lambda talk, made, at: {
            "UserSid": made["sid"],
            "Identity": "erin",
            "RoleSid": talk.roles["service user"],
            "Attributes": ATTRIBUTES,
            "FriendlyName": "Erin",
            "DateCreated": at,
        },
    ),
    "onUserUpdated": (
        "onUserUpdate",
        lambda talk, made, at: talk.said_of_user(DateCreated=talk.dates["user"], DateUpdated=at),
    ),
}
# Told of through Conversations alone: a state, and a receipt, which only the carrier moves.
ELSEWHERE = {"onConversationStateUpdated", "onDeliveryUpdated"}


def configure(owner: Owner, of: str = "service", **fields: Any) -> None:
    """Set Conversations' webhooks of the service or of the account, and let every container forget how they were."""
    path = f"{API}/Services/{owner.sid}/Configuration/Webhooks" if of == "service" else f"{API}/Configuration/Webhooks"
    owner.house.rest.post(path, fields)
    owner.clock.advance(11)


def common(owner: Owner, event: str, source: str) -> Parameters:
    told = {"AccountSid": owner.deployment.world.account_sid, "ChatServiceSid": owner.sid, "EventType": event}
    told |= {"Source": source, "RetryCount": "0"}
    return told | {"ClientIdentity": "alice"} if source == "SDK" else told


def test_the_tables_of_this_page_have_every_event():
    assert sorted([*BEFORE, *AFTER, *ELSEWHERE]) == sorted(events.SERVICE_FILTERS)


# Some by POST, some by GET; some by the service's webhooks, some by the account's.
@pytest.mark.parametrize(
    ("event", "method", "of"),
    [
        (name, ("POST", "GET")[number % 2], ("service", "account")[number // 2 % 2])
        for number, name in enumerate(BEFORE)
    ],
)
def test_an_owner_is_asked_with_all_parameters(owner: Owner, target: Target, event: str, method: str, of: str):
    talk = Talk(owner)
    action, said = BEFORE[event]
    case = CASES[action](talk)
    configure(owner, of, PreWebhookUrl=target.url, Filters=[event], Method=method)
    case.client()
    (received,) = target.received
    assert received.is_signed_with(AUTH_TOKEN)
    assert (received.method, received.parameters) == (method, common(owner, event, "SDK") | said(talk))


@pytest.mark.parametrize(
    ("event", "method", "of"),
    [(name, ("POST", "GET")[number % 2], ("account", "service")[number // 2 % 2]) for number, name in enumerate(AFTER)],
)
def test_an_owner_is_told_with_all_parameters(
    owner: Owner,
    webhooks: WebhooksFunction,
    target: Target,
    event: str,
    method: str,
    of: str,
):
    talk = Talk(owner)
    action, said = AFTER[event]
    case = CASES[action](talk)
    configure(owner, of, PostWebhookUrl=target.url, Filters=[event], Method=method)
    webhooks.skip_stream()
    made = case.rest()
    webhooks.run()
    (received,) = target.received
    assert received.is_signed_with(AUTH_TOKEN)
    assert (received.method, received.parameters) == (method, common(owner, event, "API") | said(talk, made, talk.now))


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
    (said,) = told(silent)
    assert {name: said[name] for name in said.keys() - {"AccountSid", "ChatServiceSid", "Source"}} == {
        "EventType": "onConversationStateUpdated",
        "ConversationSid": talk.channel,
        "MessagingServiceSid": MESSAGING,
        "StateUpdated": talk.now,
        "StateFrom": "active",
        "StateTo": "inactive",
        "Reason": "API",
    }
    talk.rest("", State="active", FriendlyName="again", enabled=True)
    assert names(silent) == ["onConversationUpdated", "onConversationStateUpdated"]


def test_a_phone_is_told_with_its_addresses(talk: Talk, silent: WebhooksFunction):
    added = talk.rest("/Participants", **pair(), enabled=True)
    (said,) = told(silent)
    addresses = {"MessagingBinding.Address": PHONE, "MessagingBinding.ProxyAddress": PROXY}
    expected = {
        **addresses,
        "MessagingBinding.Type": "SMS",
        "ParticipantSid": added["sid"],
        "RoleSid": added["role_sid"],
    }
    assert {name: said[name] for name in expected} == expected
    assert "Identity" not in said


def test_a_message_of_a_participant_names_it(talk: Talk, silent: WebhooksFunction):
    talk.alice.done("sendMessage", channel="room", body="x")
    talk.rest("/Messages", Body="x", Author="bob", enabled=True)
    senders = [talk.members[name]["sid"] for name in ("alice", "bob")]
    assert [said["ParticipantSid"] for said in told(silent) if "MessageSid" in said] == senders


def test_media_are_told_as_a_list(talk: Talk, silent: WebhooksFunction):
    media = talk.owner.media(**MEDIA)
    talk.rest("/Messages", MediaSid=media, enabled=True)
    (said,) = told(silent)
    names = {"Sid": media, "Filename": MEDIA["filename"], "ContentType": MEDIA["content_type"], "Size": MEDIA["size"]}
    assert json.loads(said["Media"]) == [names]


def moved(status: str | None, before: str | None, **more: Any) -> list[dict[str, str]]:
    """What is told when a receipt gets this status."""
    dates = {"date_created": 1_768_478_400_000, "date_updated": 1_768_478_460_250}
    receipt = {"sid": "DY1", "service_sid": "IS1", "channel_sid": "CH1", "message_sid": "IM1", "participant_sid": "MB1"}
    receipt |= {"channel_message_sid": "SM1", "error_code": 0, **dates, "status": status, **more}
    cause = {"id": "1", "actor": "system", "source": "SMS", "webhooks": True, "at": 0}
    change = Change("receipt", "updated", receipt, {**receipt, "status": before}, cause, "")
    settings = {"conversations": Settings(post_url=URL, filters=["onDeliveryUpdated"])}
    around = Surroundings("AC1", {}, settings, channel={"type": "private"})
    return [delivery["parameters"] for delivery in deliveries(change, around)]


def test_a_receipt_is_told_whenever_its_status_changes():
    expected = {
        "AccountSid": "AC1",
        "ChatServiceSid": "IS1",
        "EventType": "onDeliveryUpdated",
        "Source": "SMS",
        "ConversationSid": "CH1",
        "MessageSid": "IM1",
        "DeliveryReceiptSid": "DY1",
        "ChannelMessageSid": "SM1",
        "ParticipantSid": "MB1",
        "Status": "delivered",
        "DateCreated": iso_millis(1_768_478_400_000),
        "DateUpdated": iso_millis(1_768_478_460_250),
    }
    assert moved("delivered", "sent") == [expected]
    assert moved("failed", "sent", error_code=30003) == [{**expected, "Status": "failed", "ErrorCode": "30003"}]
    assert moved("sent", "sent") == moved(None, None) == []


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


def test_one_url_for_both_families_gets_each_event_from_both(talk: Talk, silent: WebhooksFunction):
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
    bodies = {"https://example.com/hook": {"body": "first"}, URL: {"author": "bob"}}
    answer(asked).answer = lambda request: Response(
        200, {"content-type": "application/json"}, json.dumps(bodies[request.url]).encode()
    )
    made = talk.alice.done("sendMessage", channel="room", body="x")
    assert (made["body"], made["from"]) == ("first", "bob")
    assert b"Body=first" in answer(asked).requests[-1].body


def test_families_select_the_same_changes_and_each_its_own_names():
    chat, conversations = FAMILIES
    rows = {row for row in chat.pre_events if row[0] != "media message"}
    assert rows == {row for row in conversations.pre_events if row[0] != "media message"}
    assert set(conversations.post_events) - set(chat.post_events) == {("state", "updated"), ("receipt", "updated")}
