"""Webhooks of one conversation: what they need, what fires them, and the replay of older messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.rest import Client

from parley.domain.channel_webhooks import ONLY_IN_CHAT, ONLY_IN_CONVERSATIONS
from parley.faces.chat_events import CHANNEL_FILTERS
from parley.faces.conversations_events import CONVERSATION_FILTERS, STORED_AS
from parley.ports.http.outgoing import NoAnswer, Response
from tests.conversations.talk import AFTER, After, Talk
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.rest.support import refusal
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Target
from tests.webhooks.function import LONGEST_AGE_SECONDS, Remaining, WebhooksFunction, queued
from tests.webhooks.line import Line
from tests.webhooks.owner import Owner

URL = "https://example.com/hook"
FLOW = "FW" + "0123456789abcdef" * 2
WEBHOOK = {"target": "webhook", "configuration_url": URL, "configuration_filters": ["onMessageAdded"]}
TRIGGER = {"target": "trigger", "configuration_url": URL, "configuration_triggers": ["help"]}
STUDIO = {"target": "studio", "configuration_flow_sid": FLOW}
SHOWN = {
    "webhook": {"url": URL, "method": "POST", "filters": ["onMessageAdded"]},
    "trigger": {"url": URL, "method": "POST", "triggers": ["help"]},
    "studio": {"flow_sid": FLOW},
}


@pytest.mark.parametrize("given", [WEBHOOK, TRIGGER, STUDIO], ids=lambda given: given["target"])
def test_a_webhook_is_made_shown_and_removed(conversation: Any, given: dict[str, Any]):
    made = conversation.webhooks.create(**given)
    assert (made.target, made.configuration) == (given["target"], SHOWN[given["target"]])
    assert conversation.webhooks(made.sid).fetch().configuration == made.configuration
    assert [one.sid for one in conversation.webhooks.list()] == [made.sid]
    assert conversation.webhooks(made.sid).delete()
    assert conversation.webhooks.list() == []


@pytest.mark.parametrize("method", ["get", "GET", "post"])
def test_a_method_is_taken_in_small_letters(conversation: Any, method: str):
    made = conversation.webhooks.create(**WEBHOOK, configuration_method=method)
    assert made.configuration["method"] == method.upper()
    changed = conversation.webhooks(made.sid).update(configuration_url=URL + "/2", configuration_method=method)
    assert changed.configuration == {**made.configuration, "url": URL + "/2"}


def test_replay_after_is_shown_and_cannot_be_changed(conversation: Any, raw: Any):
    made = conversation.webhooks.create(**WEBHOOK, configuration_replay_after=0)
    assert made.configuration["replay_after"] == 0
    path = made.url.partition("/conversations")[2]
    answered = raw("POST", f"/conversations{path}", {"Configuration.ReplayAfter": 7})
    assert answered.refusal()[:2] == (400, 20161)


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"target": "mail"}, 50364),
    ({"target": ""}, 50364),
    ({**WEBHOOK, "configuration_filters": ["onConversationAdded"]}, 50365),
    ({**WEBHOOK, "configuration_filters": ["onMemberAdded"]}, 50365),
    ({**TRIGGER, "configuration_triggers": ["x" * 249]}, 50366),
    ({**TRIGGER, "configuration_triggers": list("abcdef")}, 50362),
    ({"target": "studio"}, 50367),
    ({"target": "studio", "configuration_flow_sid": "FX"}, 50367),
    ({"target": "webhook", "configuration_filters": ["onMessageAdded"]}, 50369),
    ({"target": "webhook", "configuration_url": URL}, 50370),
    ({"target": "trigger", "configuration_url": URL}, 50371),
    ({**WEBHOOK, "configuration_url": URL + "x" * 512}, 50372),
    ({**WEBHOOK, "configuration_url": "ftp://example.com"}, 20001),
    ({**WEBHOOK, "configuration_method": "put"}, 50055),
    ({**WEBHOOK, "configuration_replay_after": -1}, 20001),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_a_webhook_that_cannot_work_is_refused(conversation: Any, given: dict[str, Any], code: int):
    assert refusal(lambda: conversation.webhooks.create(**given)) == (400, code)


def test_a_webhook_needs_a_target(conversation: Any, raw: Any):
    made = conversation.fetch()
    path = made.url.partition("/conversations")[2]
    assert raw("POST", f"/conversations{path}/Webhooks", {}).refusal()[:2] == (400, 50368)


def test_a_conversation_has_five_webhooks_at_most_on_pages_of_five(conversation: Any):
    made = [conversation.webhooks.create(**STUDIO).sid for _ in range(5)]
    assert refusal(lambda: conversation.webhooks.create(**STUDIO)) == (400, 50361)
    conversation.webhooks(made[0]).delete()
    conversation.webhooks.create(**STUDIO)
    assert len(conversation.webhooks.page(page_size=5)._payload["webhooks"]) == 5


# One record, two faces


def test_each_face_names_the_events_that_it_can_and_keeps_the_others(twilio: Client, service_sid: str):
    channel = twilio.chat.v2.services(service_sid).channels.create(type="private").sid
    chat = twilio.chat.v2.services(service_sid).channels(channel).webhooks
    conversations = twilio.conversations.v1.services(service_sid).conversations(channel).webhooks
    filters = ["onMessageAdded", "onConversationStateUpdated"]
    sid = conversations.create(**{**WEBHOOK, "configuration_filters": filters}).sid
    assert chat(sid).fetch().configuration["filters"] == ["onMessageSent", "onMediaMessageSent"]
    chat(sid).update(configuration_filters=["onChannelAdded", "onMemberRemoved"])
    shown = conversations(sid).fetch().configuration["filters"]
    assert shown == ["onConversationStateUpdated", "onParticipantRemoved"]
    conversations(sid).update(configuration_filters=["onConversationDestroyed"])
    assert conversations(sid).fetch().configuration["filters"] == ["onConversationRemoved"]
    assert set(chat(sid).fetch().configuration["filters"]) == {"onChannelDestroyed", "onChannelAdded"}


def test_the_events_that_only_one_face_can_name_are_listed():
    nameable = {name for stored in STORED_AS.values() for name in stored}
    assert set(CHANNEL_FILTERS) - nameable == set(ONLY_IN_CHAT)
    assert nameable - set(CHANNEL_FILTERS) == set(ONLY_IN_CONVERSATIONS)


# What fires them


@pytest.fixture
def talk(owner: Owner, silent: WebhooksFunction) -> Talk:
    talk = Talk(owner)
    silent.skip_stream()
    return talk


def made(talk: Talk, silent: WebhooksFunction | None = None, target: str = "webhook", **configuration: Any) -> str:
    """The SID of a new webhook that a back end makes through Conversations."""
    fields = {f"Configuration.{name}": value for name, value in {"Url": URL, **configuration}.items()}
    sid: str = talk.rest("/Webhooks", Target=target, **fields)["sid"]
    if silent:
        silent.skip_stream()
    return sid


def parameters(silent: WebhooksFunction) -> list[dict[str, str]]:
    return [entry["parameters"] for entry in silent.planned()]


@pytest.mark.parametrize("row", [row for row in AFTER if row.event in CONVERSATION_FILTERS], ids=str)
def test_a_webhook_is_told_of_each_event_that_it_names(talk: Talk, silent: WebhooksFunction, row: After):
    event, case = row.event, row.action(talk)
    sid = made(talk, Filters=[event])
    made(talk, Filters=[name for name in CONVERSATION_FILTERS if name != event])
    talk.owner.webhook(talk.channel, url=URL, filters=[name for name in CHANNEL_FILTERS if name != STORED_AS[event][0]])
    silent.skip_stream()
    answered = case.rest()
    (told,) = [one for one in parameters(silent) if one["WebhookSid"] == sid]
    common = {"AccountSid", "ChatServiceSid", "EventType", "Source", "WebhookType", "WebhookSid"}
    assert {name: value for name, value in told.items() if name not in common} == row.said(talk, answered, talk.now)
    assert (told["EventType"], told["WebhookType"]) == (event, "webhook")


def test_a_webhook_speaks_as_the_face_that_made_it(talk: Talk, silent: WebhooksFunction):
    here, in_chat = (
        made(talk, Filters=["onMessageAdded"]),
        talk.owner.webhook(talk.channel, url=URL, filters=["onMessageSent"]),
    )
    silent.skip_stream()
    talk.rest("/Messages", Body="x", enabled=True)
    told = {one["WebhookSid"]: (one["EventType"], "ConversationSid" in one) for one in parameters(silent)}
    assert told == {here: ("onMessageAdded", True), in_chat["sid"]: ("onMessageSent", False)}


def test_a_trigger_fires_on_the_words_of_a_message_and_a_flow_on_every_message(talk: Talk, silent: WebhooksFunction):
    made(talk, target="trigger", Triggers=["help", "stop"])
    made(talk, silent, target="studio", FlowSid=FLOW)
    for body in ("please HELP", "nothing"):
        talk.rest("/Messages", Body=body, enabled=True)
    talk.rest(f"/Messages/{talk.message}", Body="stop", enabled=True)
    told = [(one["WebhookType"], one["EventType"], one["Body"]) for one in parameters(silent)]
    assert sorted(told) == [
        ("studio", "onMessageAdded", "nothing"),
        ("studio", "onMessageAdded", "please HELP"),
        ("trigger", "onMessageAdded", "please HELP"),
    ]


def test_rest_requests_fire_it_only_with_the_header(talk: Talk, silent: WebhooksFunction):
    made(talk, silent, Filters=["onMessageAdded"])
    talk.rest("/Messages", Body="x")
    assert parameters(silent) == []


# Replays


class Replay:
    """A conversation with some messages, a webhook that asks for them, and what its target gets."""

    def __init__(self, talk: Talk, silent: WebhooksFunction):
        self.talk, self.silent = talk, silent
        for body in "123456":
            talk.rest("/Messages", Body=body)
        assert isinstance(silent.outgoing, FakeOutgoing)
        self.outgoing = silent.outgoing
        silent.skip_stream()

    @property
    def indexes(self) -> list[int]:
        """The indexes of the messages that the target was told of."""
        return [int(parse_qs(request.body.decode())["Index"][0]) for request in self.outgoing.requests]

    def work_off(self, entries: list[dict[str, Any]]) -> None:
        """Carry out queued work in its order, as a FIFO queue hands it out, until nothing is left."""
        for entry in entries:
            for receives in range(1, 50):
                if not self.silent.deliver(entry, receives=receives):
                    break
                self.talk.owner.clock.advance(1)
            else:
                pytest.fail("never done")


@pytest.fixture
def replay(talk: Talk, silent: WebhooksFunction) -> Replay:
    return Replay(talk, silent)


@pytest.mark.parametrize(
    ("after", "indexes"), [(0, [0, 1, 2, 3, 4, 5, 6]), (4, [4, 5, 6]), (6, [6]), (7, []), (99, [])]
)
def test_a_new_webhook_is_told_of_messages_from_the_index_that_it_names(replay: Replay, after: int, indexes: list[int]):
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=after)
    replay.work_off(replay.silent.planned())
    assert replay.indexes == indexes


def test_a_replay_names_the_participant_whom_a_back_end_of_chat_named(replay: Replay):
    talk = replay.talk
    talk.owner.house.rest("POST", f"{talk.owner.house.path}{talk.path}/Messages", {"Body": "7", "From": "bob"})
    replay.silent.skip_stream()
    made(talk, Filters=["onMessageAdded"], ReplayAfter=7)
    replay.work_off(replay.silent.planned())
    (request,) = replay.outgoing.requests
    assert parse_qs(request.body.decode())["ParticipantSid"] == [talk.members["bob"]["sid"]]


def test_older_messages_come_before_newer_ones_and_each_once(replay: Replay):
    # With it there, the planner looks at the channel's webhooks for message 7 too.
    made(replay.talk, Filters=["onMessageRemoved"])
    replay.talk.rest("/Messages", Body="7", enabled=True)
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=5)
    replay.talk.rest("/Messages", Body="8", enabled=True)
    replay.talk.rest("/Messages/" + replay.talk.message, Body="edited", enabled=True)
    replay.work_off(replay.silent.planned())
    assert replay.indexes == [5, 6, 7, 8]


def test_a_newer_message_that_is_planned_first_waits_for_the_older_ones(replay: Replay):
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=5)
    replay.talk.rest("/Messages", Body="7", enabled=True)
    replay.work_off(replay.silent.planned(replay.silent.new_changes()[::-1]))
    assert replay.indexes == [5, 6, 7]


def test_deleted_messages_and_those_without_a_trigger_are_passed_over(replay: Replay):
    replay.talk.owner.delete(f"/Channels/{replay.talk.channel}/Messages/{replay.talk.message}", enabled=False)
    replay.talk.rest("/Messages", Body="Help!")
    replay.silent.skip_stream()
    made(replay.talk, target="trigger", Triggers=["help", "1"], ReplayAfter=0)
    replay.work_off(replay.silent.planned())
    assert replay.indexes == [1, 7]


def test_a_replay_that_dies_goes_on_where_it_was(replay: Replay, monkeypatch: pytest.MonkeyPatch):
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=0)
    entries = replay.silent.planned()
    answers = iter([Response(200, {}, b"")] * 3)

    def die(request: SentRequest) -> Response:
        try:
            return next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None

    replay.outgoing.answer = die
    with pytest.raises(KeyboardInterrupt):
        replay.silent.deliver(*entries)
    replay.outgoing.answer = Response(200, {}, b"")
    replay.silent.start()
    replay.work_off(entries)
    assert replay.indexes == [0, 1, 2, 3, 3, 4, 5, 6]
    tokens = [request.headers["I-Twilio-Idempotency-Token"] for request in replay.outgoing.requests]
    assert len(set(tokens)) == 7


def test_a_message_that_is_not_taken_is_tried_again_before_the_next_one(replay: Replay):
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=5)
    answers = iter([None, Response(200, {}, b""), None, None, Response(200, {}, b"")])

    def sometimes(request: SentRequest) -> Response:
        answered = next(answers)
        if answered is None:
            raise NoAnswer("timeout")
        return answered

    replay.outgoing.answer = sometimes
    replay.work_off(replay.silent.planned())
    assert replay.indexes == [5, 5, 6, 6, 6]
    counts = [request.body.decode().rpartition("RetryCount=")[2][:1] for request in replay.outgoing.requests]
    assert counts == ["0", "1", "0", "1", "2"]


def test_after_the_longest_age_a_dead_target_holds_up_neither_the_replay_nor_newer_messages(replay: Replay):
    """Each message was tried for four hours of its own, and newer messages waited for days."""
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=0)
    replay.talk.rest("/Messages", Body="7", enabled=True)
    replay.outgoing.answer = NoAnswer("refused")
    began = replay.talk.owner.clock.now_ms()
    Line(replay.silent, replay.silent.planned()).run()
    parked = [int(entry["parameters"]["Index"]) for entry in replay.silent.dead_letters.take()]
    assert parked == [0, 1, 2, 3, 4, 5, 6, 7]
    assert replay.talk.owner.clock.now_ms() - began < 2 * LONGEST_AGE_SECONDS * 1000


def test_a_replay_stops_before_the_functions_time_is_over(replay: Replay):
    made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=0)
    (entry,) = replay.silent.planned()
    record = queued(entry)
    answered = replay.silent.handler({"Records": [record]}, Remaining(5_000))
    assert [failure["itemIdentifier"] for failure in answered["batchItemFailures"]] == [record["messageId"]]
    assert replay.indexes == []


def test_a_replay_ends_with_its_webhook(replay: Replay):
    sid = made(replay.talk, Filters=["onMessageAdded"], ReplayAfter=0)
    entries = replay.silent.planned()
    replay.talk.owner.delete(f"/Channels/{replay.talk.channel}/Webhooks/{sid}")
    replay.work_off(entries)
    assert replay.indexes == []


def test_a_replay_is_signed_and_marked_like_every_delivery(talk: Talk, webhooks: WebhooksFunction, target: Target):
    webhooks.skip_stream()
    sid = made(talk, Url=target.url, Filters=["onMessageAdded"], ReplayAfter=0)
    for entry in webhooks.planned():
        assert webhooks.deliver(entry) == []
    (received,) = target.received
    assert received.is_signed_with(AUTH_TOKEN)
    assert (received.parameters["EventType"], received.parameters["WebhookSid"]) == ("onMessageAdded", sid)
    assert received.parameters["MessageSid"] == talk.message
