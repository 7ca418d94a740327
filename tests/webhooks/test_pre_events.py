"""Pre-events: when an owner is asked, how often, how long, and what happens when he says nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from parley.clock import iso_millis
from parley.webhooks.delivery import TIMEOUT_SECONDS
from tests.sockets.deployment import Device
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Misbehaviour, Reply, Target
from tests.webhooks.asking import (
    EVENTS,
    REFUSED,
    SlowOwner,
    answer,
    asking_about,
    refusal,
    says,
    stored_url,
    told,
)
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import BODY, CASES, Scene

# No answer


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_a_silent_owner_is_asked_as_often_as_configured_within_twenty_seconds_and_then_the_action_goes_on(
    asked: Owner, caplog: pytest.LogCaptureFixture, retries: int
) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=retries)
    answer(asked).answer = SlowOwner(asked, 60)
    _ = scene.alice
    started = asked.clock.now_ms()
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert asked.clock.now_ms() - started <= 20_000 + 10
    assert made["body"] == BODY
    sent = answer(asked).requests
    assert {request.timeout_seconds for request in sent} == {TIMEOUT_SECONDS} == {5}
    counts = [told(request)["RetryCount"] for request in sent]
    assert counts == [str(number) for number in range(retries + 1)]
    assert len({request.headers["I-Twilio-Idempotency-Token"] for request in sent}) == 1
    assert [vars(record)["code"] for record in caplog.records if record.levelno >= logging.WARNING] == [50076] * len(
        sent
    )


def test_a_busy_owner_is_asked_again_and_a_later_answer_counts(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=3)
    answer(asked).answer = SlowOwner(asked, 1, 429, 503, 504, 200)
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert len(answer(asked).requests) == 4


@pytest.mark.parametrize("status", [429, 503, 504])
def test_an_owner_who_stays_busy_has_refused(asked: Owner, status: int) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=1)
    answer(asked).answer = SlowOwner(asked, 1, status, status, 200)
    assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED
    assert len(answer(asked).requests) == 2


def test_a_refusal_after_a_time_out_counts(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=3)
    answer(asked).answer = SlowOwner(asked, 5, 0, 403)
    assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED


def test_an_owner_whose_address_must_not_be_reached_is_as_good_as_silent(asked: Owner) -> None:
    scene = Scene(asked)
    asked.configure(PreWebhookUrl="https://example.com/hook", WebhookFilters=EVENTS)
    stored_url(asked, "http://169.254.169.254/latest")
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert answer(asked).requests == []


@pytest.mark.parametrize("misbehaviour", list(Misbehaviour))
def test_no_answer_over_real_connections_lets_the_action_go_on(
    owner: Owner, target: Target, misbehaviour: Misbehaviour, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(owner)
    target.answer = lambda received: misbehaviour
    owner.configure(PreWebhookUrl=target.url, WebhookFilters=EVENTS)
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == BODY
    assert [vars(record).get("code") for record in caplog.records if record.levelno >= logging.WARNING] == [50076]


# When owners are asked


def test_the_back_end_is_never_asked_about(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, status=403)
    for event in sorted(EVENTS, key=lambda name: (name == "onChannelDestroy", name == "onMessageRemove")):
        CASES[event](scene).rest()
    assert answer(asked).requests == []


def test_a_service_without_url_or_filters_is_not_asked(asked: Owner) -> None:
    scene = Scene(asked)
    says(asked, status=403)
    settings: list[dict[str, Any]] = [
        {"WebhookFilters": EVENTS},
        {"PreWebhookUrl": "https://example.com/hook", "WebhookFilters": ""},
        {"WebhookFilters": [name for name in EVENTS if name != "onMessageSend"] + ["onMessageSent"]},
        {"WebhookFilters": EVENTS, "PreWebhookUrl": "", "PostWebhookUrl": "https://example.com/hook"},
    ]
    for fields in settings:
        asked.configure(**fields)
        scene.alice.done("sendMessage", channel="room", body="x")
    assert answer(asked).requests == []


def test_the_owner_is_not_asked_about_an_action_that_is_refused_anyway(asked: Owner) -> None:
    scene = Scene(asked)
    mallory = asked.house.device("mallory")
    asking_about(asked)
    assert mallory.refusal("sendMessage", channel="room", body="x")[0] == 404
    assert scene.alice.refusal("sendMessage", channel="room")[1] == 50503
    assert scene.alice.refusal("sendMessage", channel="room", body="x" * 32_769)[1] == 50504
    assert scene.alice.refusal("updateUser", identity="alice")[0] == 400
    assert answer(asked).requests == []


@pytest.mark.parametrize(
    ("v1_event", "act"),
    [
        ("OnMessageSend", lambda alice: alice.done("sendMessage", channel="room", body="x")),
        ("OnChannelUpdate", lambda alice: alice.done("updateChannel", channel="room", attributes="{}")),
        ("OnMemberAdd", lambda alice: alice.done("addMember", channel="room", identity="dave")),
    ],
)
def test_a_url_of_its_own_that_v1_gives_an_event_is_asked_without_filters(
    owner: Owner, target: Target, v1_event: str, act: Callable[[Device], Any]
) -> None:
    scene = Scene(owner)
    form = {f"Webhooks.{v1_event}.Url": target.url, f"Webhooks.{v1_event}.Method": "GET"}
    owner.house.rest.post(owner.path.replace("/v2/", "/v1/"), form)
    owner.clock.advance(11)
    target.answer = lambda received: Reply(403)
    assert refusal(lambda: act(scene.alice)) == REFUSED
    (received,) = target.received
    assert (received.method, received.parameters["EventType"]) == ("GET", v1_event.replace("On", "on", 1))
    assert received.is_signed_with(AUTH_TOKEN)


def test_the_owner_hears_of_an_editor_who_is_not_the_last_one(asked: Owner) -> None:
    """`ModifiedBy` named whoever had edited the message before."""
    scene = Scene(asked)
    asking_about(asked, "onMessageUpdate")
    scene.alice.done("updateMessage", channel="room", message=scene.message, body="by alice")
    (request,) = answer(asked).requests
    assert told(request)["ModifiedBy"] == "alice"


def test_post_events_and_other_members_see_the_text_that_the_owner_put_in(
    asked: Owner, silent: WebhooksFunction
) -> None:
    scene = Scene(asked)
    bob = asked.house.device("bob")
    asking_about(asked, "onMessageSend", "onMessageSent", PostWebhookUrl="https://example.com/post")
    says(asked, {"body": "replaced"})
    silent.planned()
    bob.heard()
    scene.alice.done("sendMessage", channel="room", body="x")
    (delivery,) = silent.planned()
    assert delivery["parameters"]["Body"] == "replaced"
    (push,) = [frame for frame in bob.heard() if frame["event"] == "messageAdded"]
    assert push["message"]["body"] == "replaced"


def test_joining_leaving_and_inviting_oneself_is_asked_about_by_the_owner_of_a_public_channel(asked: Owner) -> None:
    scene = Scene(asked)
    lobby = asked.channel(UniqueName="lobby")
    asking_about(asked)
    scene.alice.done("joinChannel", channel="lobby")
    scene.alice.done("leaveChannel", channel="lobby")
    asked_with = [told(request) for request in answer(asked).requests]
    assert [(one["EventType"], one["ChannelSid"], one["Identity"]) for one in asked_with] == [
        ("onMemberAdd", lobby, "alice"),
        ("onMemberRemove", lobby, "alice"),
    ]


def test_a_client_that_connects_is_not_asked_about(asked: Owner) -> None:
    asking_about(asked)
    says(asked, status=403)
    asked.house.device("erin")
    assert answer(asked).requests == []


def test_time_in_a_pre_event_is_the_time_of_the_action(asked: Owner) -> None:
    """What is asked about is not stored yet: of dates, only those of what is there already are told."""
    scene = Scene(asked)
    asking_about(asked)
    asked.clock.advance(3600)
    scene.alice.done("updateMessage", channel="room", message=scene.message, body="x")
    (request,) = answer(asked).requests
    dates = {told(request)["DateUpdated"], told(request)["DateCreated"]}
    assert dates == {scene.dates["message"]}
    assert iso_millis(asked.clock.now_ms()) not in dates
