"""Timers that run out: a tick each minute queues one job, which brings each conversation to its next state once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from parley.operations import channels, messages, timers
from parley.ports.http.outgoing import Outgoing
from parley.store import keys
from parley.store.changes import decode
from parley.store.table import Table
from tests.support.doors import Raw
from tests.support.fakes import AUTH_TOKEN
from tests.support.invariants import contradictions, everything
from tests.support.killing import Killed, killed_at
from tests.support.target import Target
from tests.support.world import World
from tests.webhooks.function import Remaining, WebhooksFunction

MANY = int(os.environ.get("PARLEY_TIMERS", "300"))
# So many of them are told of to a real server; the others are counted in the queue.
OVER_HTTP = 200
BOTH = {"timers.inactive": "PT1M", "timers.closed": "PT10M"}


class House:
    """The conversations of one service, made without HTTP."""

    def __init__(self, world: World, service_sid: str, background: WebhooksFunction):
        self.world, self.service_sid, self.background = world, service_sid, background
        self._context = world.context()
        self._path = {"service_sid": service_sid}

    def make(self, **parameters: Any) -> str:
        return str(channels.create(self._context, self._path, {"type": "private", **parameters})["sid"])

    def post(self, sid: str) -> None:
        messages.create(self._context, {**self._path, "channel_sid": sid}, {"body": "hello"})

    def state(self, sid: str) -> str:
        return str((self.world.table.fetch(keys.tail(sid)) or {}).get("state") or "active")

    def pass_seconds(self, seconds: int) -> None:
        """Let time pass, and then one tick come."""
        self.world.clock.advance(seconds)
        self.background.tick()
        assert self.background.do_timed() == []

    def transitions(self) -> Iterator[tuple[str, str, str, str]]:
        """The transitions that were announced: conversation, from, to, reason."""
        for record in self.background.deployment.read_stream():
            change = decode(record)
            if change and change.kind == "channel" and change.record.get("state") != change.old.get("state"):
                told = change.record
                yield told["sid"], told["state_from"], told.get("state", "active"), told["state_reason"]

    def contradictions(self, *, swept: bool = True) -> list[str]:
        client, table, now_ms = self.world._client, self.world._table_name, self.world.clock.now_ms()
        return contradictions(everything(client, table, self.world.account_sid), swept=swept, now_ms=now_ms)


@pytest.fixture
def house(world: World, service_sid: str, background: WebhooksFunction) -> House:
    return House(world, service_sid, background)


def test_a_conversation_becomes_inactive_and_then_closes(house: House):
    sid = house.make(**BOTH)
    house.pass_seconds(59)
    assert house.state(sid) == "active"
    house.pass_seconds(1)
    assert house.state(sid) == "inactive"
    house.pass_seconds(540)
    assert house.state(sid) == "closed"
    assert list(house.transitions()) == [(sid, "active", "inactive", "TIMER"), (sid, "inactive", "closed", "TIMER")]
    assert house.contradictions() == []


def test_a_conversation_whose_timers_have_both_run_out_closes_at_once(house: House):
    sid = house.make(**BOTH)
    house.pass_seconds(3600)
    assert list(house.transitions()) == [(sid, "active", "closed", "TIMER")]


def test_a_message_puts_the_end_off_and_wakes_an_inactive_conversation(house: House):
    sid = house.make(**BOTH)
    house.world.clock.advance(50)
    house.post(sid)
    house.pass_seconds(20)
    assert house.state(sid) == "active"
    house.pass_seconds(40)
    assert house.state(sid) == "inactive"
    house.post(sid)
    assert house.state(sid) == "active"
    house.pass_seconds(60)
    assert house.state(sid) == "inactive"
    told = [(before, after, reason) for _, before, after, reason in house.transitions()]
    asleep, awake = ("active", "inactive", "TIMER"), ("inactive", "active", "EVENT")
    assert told == [asleep, awake, asleep]
    assert house.contradictions() == []


def test_a_timer_that_was_removed_does_nothing(house: House, twilio: Any):
    sid = house.make(**BOTH)
    api = twilio.conversations.v1.services(house.service_sid).conversations(sid)
    api.update(timers_inactive="PT0S", timers_closed="PT0S")
    house.pass_seconds(3600)
    assert (house.state(sid), list(house.transitions()), house.contradictions()) == ("active", [], [])


def test_a_deleted_conversation_is_not_waited_for(house: House, twilio: Any):
    sid = house.make(**BOTH)
    twilio.conversations.v1.services(house.service_sid).conversations(sid).delete()
    house.pass_seconds(3600)
    assert list(house.transitions()) == []


@pytest.mark.parametrize("first", ["message", "timer"])
def test_a_message_at_the_deadline_counts_or_is_refused(house: House, twilio: Any, first: str):
    sid = house.make(**{"timers.closed": "PT10M"})
    conversation = twilio.conversations.v1.services(house.service_sid).conversations(sid)
    house.world.clock.advance(600)
    if first == "message":
        conversation.messages.create(body="just in time")
        house.pass_seconds(0)
        assert (house.state(sid), len(conversation.messages.list())) == ("active", 1)
    else:
        house.pass_seconds(0)
        with pytest.raises(TwilioRestException) as refused:
            conversation.messages.create(body="too late")
        assert (refused.value.code, house.state(sid), conversation.messages.list()) == (50377, "closed", [])


def test_many_conversations_change_once_each_after_lost_ticks_and_a_job_that_was_killed_and_cut_short(
    house: House, raw: Raw, target: Target
):
    event = "onConversationStateUpdated"
    configuration = f"/conversations/v1/Services/{house.service_sid}/Configuration/Webhooks"
    raw.post(configuration, PostWebhookUrl=target.url, Filters=event)
    sids = [house.make(**BOTH) for _ in range(MANY)]
    # Three ticks are lost. The job of the next is killed in the middle of a transition. Then SQS hands it out again, and
    # it has no time left after some.
    house.world.clock.advance(180)
    house.background.tick()
    (job,) = house.background.work.timed
    house.background.work.timed = []
    for at in range(MANY // 4, MANY // 4 + 3):
        with pytest.raises(Killed), killed_at(at):
            house.background.do_job(job)
    fewer = iter([60_000] * (MANY // 3))
    remaining = Remaining()
    remaining.get_remaining_time_in_millis = lambda: next(fewer, 0)  # type: ignore[method-assign]
    assert house.background.do_job(job, remaining) == []
    done = sum(house.state(sid) == "inactive" for sid in sids)
    assert 0 < done < MANY
    # What was left is a job of its own. Another tick's job does no harm.
    house.background.tick()
    assert len(house.background.work.timed) == 2
    assert house.background.do_timed() == []
    assert Counter(house.transitions()) == {(sid, "active", "inactive", "TIMER"): 1 for sid in sids}
    assert house.contradictions() == []
    house.background.plan()
    owed = house.background.deliveries.take()
    assert Counter(one["parameters"]["ConversationSid"] for one in owed) == dict.fromkeys(sids, 1)
    house.background.outgoing = Outgoing(allow_loopback=True)
    house.background.start()
    for first in range(0, OVER_HTTP, 10):
        assert house.background.deliver(*owed[first : first + 10]) == []
    received = target.received
    assert sorted(one.parameters["ConversationSid"] for one in received) == sorted(sids[:OVER_HTTP])
    assert {(one.event, one.parameters["Reason"], one.is_signed_with(AUTH_TOKEN)) for one in received} == {
        (event, "TIMER", True)
    }


def test_a_conversation_moves_among_the_active_in_the_hour_of_its_message(house: House, twilio: Any):
    conversations = twilio.conversations.v1.services(house.service_sid).conversations
    old, other = house.make(), house.make()
    house.world.clock.advance(7200)
    new = house.make()
    house.world.clock.advance(1)
    house.post(old)
    house.post(old)
    house.background.plan()
    (job,) = house.background.work.timed

    def listed(page_size: int) -> list[str]:
        return [one.sid for one in conversations.list(page_size=page_size)]

    # Each page is in exact order. Until the job has run, the conversation stands on the page where it was.
    assert (listed(3), listed(1)) == ([old, new, other], [new, other, old])
    # SQS may hand the job out twice.
    for _ in range(2):
        assert house.background.do_job(job) == []
    assert (listed(3), listed(1)) == ([old, new, other], [new, old, other])
    assert house.contradictions() == []


def test_a_message_in_the_same_hour_owes_no_job(house: House):
    sid = house.make()
    house.post(sid)
    house.background.plan()
    assert house.background.work.timed == []


def test_a_message_during_the_job_puts_the_end_off(house: House):
    sid = house.make(**{"timers.closed": "PT10M"})
    house.world.clock.advance(600)
    table, late = house.background.container.table, [lambda: house.post(sid)]
    plain = table._call

    def meanwhile(operation: str, **request: Any) -> Any:
        # The message comes between the job's reading and its first write.
        if operation == "update_item" and late:
            late.pop()()
        return plain(operation, **request)

    table._call = meanwhile  # type: ignore[method-assign]
    house.pass_seconds(0)
    assert (house.state(sid), late, list(house.transitions()), house.contradictions()) == ("active", [], [], [])


_MEANWHILE = {
    "close": lambda conversation: conversation.update(state="closed"),
    "back-date": lambda conversation: conversation.update(date_created=datetime(2020, 1, 1, tzinfo=UTC)),
    "delete": lambda conversation: conversation.delete(),
}


@pytest.mark.parametrize("is_killed", [False, True], ids=["goes on", "is killed"])
@pytest.mark.parametrize("writes", range(1, 5))
@pytest.mark.parametrize("meanwhile", _MEANWHILE)
def test_no_entry_is_left_where_others_change_a_conversation_between_two_writes_of_a_job(
    house: House, twilio: Any, monkeypatch: pytest.MonkeyPatch, meanwhile: str, writes: int, is_killed: bool
):
    sid = house.make(**{"timers.inactive": "PT1M"})
    conversation = twilio.conversations.v1.services(house.service_sid).conversations(sid)
    house.world.clock.advance(60)
    call, done = Table._call, Counter[str]()

    def interrupted(table: Table, operation: str, **arguments: Any) -> dict[str, Any]:
        answer = call(table, operation, **arguments)
        done["writes"] += operation not in ("query", "get_item", "batch_get_item")
        if done["writes"] == writes:
            monkeypatch.undo()
            _MEANWHILE[meanwhile](conversation)
            if is_killed:
                raise Killed
        return answer

    monkeypatch.setattr(Table, "_call", interrupted)
    with suppress(Killed):
        timers.work_off(house.world.another_container().context(), lambda: False)
    house.pass_seconds(60)
    assert done["writes"] == writes
    assert house.contradictions(swept=False) == []
