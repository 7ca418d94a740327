"""A closed conversation counts for none of its participants, however many there are and however often the work is cut."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from parley.ids import member_sid, user_sid
from parley.store import keys
from parley.store.writes import Put
from tests.conversations.phones import AMERICANS, OTHER_PROXY, PHONE, PROXY, Form, Thread, bound, pair, rivalled
from tests.support.invariants import contradictions, everything
from tests.support.killing import Killed, killed_at
from tests.support.lean import LeanClient
from tests.support.world import World
from tests.webhooks.function import Remaining, WebhooksFunction

MANY = 1000


@pytest.fixture
def crowded(world: World, twilio: Client, service_sid: str) -> str:
    """A conversation of 1,000 participants, each also in another one; only the last one joined over REST."""
    api = twilio.conversations.v1.services(service_sid)
    sid = api.conversations.create(timers_closed="PT10M").sid
    other = api.conversations.create().sid
    for one in (sid, other):
        api.conversations(one).participants.create(identity="user 0")
    model = world.table.fetch(keys.member(sid, member_sid(sid, "user 0"))) or {}
    user = world.table.fetch(keys.user(user_sid(service_sid, "user 0"))) or {}
    cause = world.context().cause()
    for start in range(1, MANY, 25):
        writes: list[Any] = []
        for number in range(start, min(start + 25, MANY)):
            identity = f"user {number}"
            names = {"identity": identity, "birth": f"{number:016x}"}
            own = user_sid(service_sid, identity)
            writes.append(Put(keys.user(own), {**user, **names, "sid": own}))
            for channel in (sid, other):
                member = {**model, **names, "channel_sid": channel, "sid": member_sid(channel, identity)}
                writes.append(Put(keys.member(channel, member["sid"]), member))
        world.table.commit(cause, writes)
    for channel in (sid, other):
        world.table.touch(keys.tail(channel), {"members_count": MANY, "memberships_changed": MANY})
    return sid


def counts(world: World, service_sid: str) -> set[int]:
    """The counts of channels of all users."""
    sids = [keys.user(user_sid(service_sid, f"user {number}")) for number in range(MANY)]
    return {user["joined_channels_count"] for user in world.table.fetch_many(sids).values()}


def test_a_closed_conversation_counts_for_none_of_a_thousand_participants(
    world: World, twilio: Client, service_sid: str, crowded: str, background: WebhooksFunction, lean: LeanClient
):
    conversation = twilio.conversations.v1.services(service_sid).conversations(crowded)
    assert counts(world, service_sid) == {2}
    conversation.update(state="closed")
    background.plan()
    (job,) = background.work.take()
    # The first turn has no time left after a third of them; what it leaves is a job of its own.
    turns = iter([60_000] * (MANY // 3))
    cut = Remaining()
    cut.get_remaining_time_in_millis = lambda: next(turns, 0)  # type: ignore[method-assign]
    assert background.do_job(job, cut) == []
    assert counts(world, service_sid) == {1, 2}
    (rest,) = background.work.take()
    for at in (3, 40, 90, 200):
        with pytest.raises(Killed), killed_at(at):
            background.do_job(rest)
    assert counts(world, service_sid) == {1, 2}
    # SQS may hand out a job twice.
    for again in (rest, job):
        assert background.do_job(again) == []
    assert counts(world, service_sid) == {1}
    # Whoever leaves it afterwards is not counted off a second time, nor are the others when it is deleted.
    conversation.participants("user 0").delete()
    conversation.delete()
    world.clock.advance(120)
    background.deployment.announce()
    background.sweep_all()
    assert counts(world, service_sid) == {1}
    found = contradictions(everything(lean, world._table_name, world.account_sid), now_ms=world.clock.now_ms())
    assert found == []


def test_a_participant_of_closed_conversations_may_join_others(
    world: World, twilio: Client, service_sid: str, background: WebhooksFunction
):
    api = twilio.conversations.v1.services(service_sid)
    twilio.chat.v2.services(service_sid).update(limits_user_channels=1)
    first, second = (api.conversations(api.conversations.create().sid) for _ in range(2))
    first.participants.create(identity="alice")
    with pytest.raises(TwilioRestException) as refused:
        second.participants.create(identity="alice")
    assert refused.value.code == 50214
    first.update(state="closed")
    background.sweep_all()
    assert second.participants.create(identity="alice").identity == "alice"


@pytest.mark.parametrize(
    ("there", "participant", "change"),
    [
        ([bound(AMERICANS[0]), bound(projected=PROXY, Identity="agent")], "agent", {"Identity": "bob"}),
        ([pair()], PHONE.replace("+", "%2B"), bound(proxy=OTHER_PROXY)),
    ],
    ids=["identity", "address"],
)
def test_a_participant_does_not_change_behind_the_sweep_of_a_closing(
    thread: Thread, background: WebhooksFunction, agreed: None, there: list[Form], participant: str, change: Form
):
    for form in there:
        thread.add(form)

    def close() -> None:
        thread.raw.post(thread.path, State="closed")
        background.sweep_all()

    with rivalled(close, is_later=True):
        answer = thread.raw("POST", f"{thread.path}/Participants/{participant}", change)
    assert answer.refusal()[:2] == (400, 50377)
