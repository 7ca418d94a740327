"""Timers of conversations: how they are given, what moves them, and what happens when they run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from parley.domain import states
from tests.support.world import World

MINUTE, TEN_MINUTES = timedelta(minutes=1), timedelta(minutes=10)
BOTH = {"timers_inactive": "PT1M", "timers_closed": "PT10M"}
NINES = "9" * 10_000


def dates(conversation: Any) -> dict[str, datetime]:
    """The dates that a conversation shows, by the state to which they lead."""
    shown = conversation.fetch().timers
    return {
        name.removeprefix("date_"): datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for name, at in shown.items()
    }


def now(world: World) -> datetime:
    return datetime.fromtimestamp(world.clock.now_ms() // 1000, UTC)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("timers_inactive", "PT59S", 50375),
        ("timers_inactive", "PT59.999999S", 50375),
        ("timers_inactive", "PT0.5S", 50375),
        ("timers_inactive", "PT0.0001S", 50375),
        ("timers_inactive", "", 50379),
        ("timers_inactive", "P1M", 50379),
        ("timers_inactive", "-PT1M", 50379),
        ("timers_inactive", f"PT{NINES}S", 50379),
        ("timers_inactive", "P36526D", 50379),
        ("timers_closed", "PT9M59S", 50376),
        ("timers_closed", "PT1M", 50376),
        ("timers_closed", "P", 50380),
        ("timers_closed", "P1DT", 50380),
        ("timers_closed", "PT1M1H", 50380),
        ("timers_closed", "600", 50380),
        ("timers_closed", "P1Y", 50380),
        ("timers_closed", f"P{NINES}W", 50380),
    ],
)
def test_a_duration_that_no_timer_can_have_is_refused(conversation: Any, name: str, text: str, code: int):
    with pytest.raises(TwilioRestException) as refused:
        conversation.update(**{name: text})
    assert (refused.value.status, refused.value.code) == (400, code)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT1M", MINUTE),
        ("PT60S", MINUTE),
        ("P1DT2H", timedelta(days=1, hours=2)),
        ("P2W", timedelta(weeks=2)),
        ("PT1H1M1S", timedelta(hours=1, minutes=1, seconds=1)),
        ("P36525D", timedelta(days=36525)),
    ],
)
def test_a_timer_runs_as_long_as_its_duration_says(conversation: Any, world: World, text: str, length: timedelta):
    conversation.update(timers_inactive=text)
    assert dates(conversation) == {"inactive": now(world) + length}


def test_both_timers_run_from_the_creation(scope: Any, world: World):
    conversation = scope.conversations(scope.conversations.create(**BOTH).sid)
    assert dates(conversation) == {"inactive": now(world) + MINUTE, "closed": now(world) + TEN_MINUTES}


@pytest.mark.parametrize("happens", ["message", "participant", "timer"])
def test_a_message_a_participant_and_a_new_timer_move_both_timers(conversation: Any, world: World, happens: str):
    conversation.update(**BOTH)
    world.clock.advance(30)
    match happens:
        case "message":
            conversation.messages.create(body="hello")
        case "participant":
            conversation.participants.create(identity="alice")
        case "timer":
            conversation.update(timers_inactive="PT1M")
    assert dates(conversation) == {"inactive": now(world) + MINUTE, "closed": now(world) + TEN_MINUTES}


def test_an_edit_moves_no_timer(conversation: Any, world: World):
    message = conversation.messages.create(body="hello")
    conversation.update(**BOTH)
    before = dates(conversation)
    world.clock.advance(30)
    conversation.messages(message.sid).update(body="other")
    conversation.update(friendly_name="other")
    assert dates(conversation) == before


@pytest.mark.parametrize(
    ("state", "left"), [("active", {"inactive", "closed"}), ("inactive", {"closed"}), ("closed", set())]
)
def test_only_the_dates_that_lie_ahead_are_shown(conversation: Any, state: str, left: set[str]):
    conversation.update(**BOTH, state=state)
    assert set(dates(conversation)) == left


def test_an_activation_starts_the_timers_anew(conversation: Any, world: World):
    conversation.update(**BOTH, state="inactive")
    world.clock.advance(300)
    conversation.update(state="active")
    assert dates(conversation) == {"inactive": now(world) + MINUTE, "closed": now(world) + TEN_MINUTES}


@pytest.mark.inferred
def test_a_duration_of_nothing_removes_a_timer(conversation: Any):
    conversation.update(**BOTH)
    conversation.update(timers_inactive="PT0S")
    assert set(dates(conversation)) == {"closed"}


@pytest.mark.inferred
def test_a_timer_may_be_given_without_a_state(scope: Any, world: World, monkeypatch: pytest.MonkeyPatch):
    assert scope.conversations.create(timers_closed="PT10M").state == "active"
    monkeypatch.setattr(states, "TIMER_NEEDS_STATE", True)
    with pytest.raises(TwilioRestException) as refused:
        scope.conversations.create(timers_closed="PT10M")
    assert refused.value.code == 50382


def test_new_conversations_take_the_accounts_timers_and_messaging_service(twilio: Client, world: World, scope: Any):
    configuration = twilio.conversations.v1.configuration()
    configuration.update(default_inactive_timer="PT1M", default_closed_timer="PT10M")
    made = scope.conversations.create()
    assert set(made.timers) == {"date_inactive", "date_closed"}
    assert made.messaging_service_sid == configuration.fetch().default_messaging_service_sid
    own = scope.conversations.create(timers_inactive="PT0S", messaging_service_sid="MG" + "0" * 32)
    assert (set(own.timers), own.messaging_service_sid) == ({"date_closed"}, "MG" + "0" * 32)


def test_channels_take_no_timers_of_the_account(twilio: Client, world: World, service_sid: str):
    twilio.conversations.v1.configuration().update(default_inactive_timer="PT1M")
    channel = twilio.chat.v2.services(service_sid).channels.create(type="private")
    assert twilio.conversations.v1.services(service_sid).conversations(channel.sid).fetch().timers == {}


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("default_inactive_timer", "PT59S", 50375), ("default_closed_timer", "soon", 50380)],
)
def test_timers_of_the_account_follow_the_same_rules(twilio: Client, name: str, text: str, code: int):
    with pytest.raises(TwilioRestException) as refused:
        twilio.conversations.v1.configuration().update(**{name: text})
    assert refused.value.code == code
