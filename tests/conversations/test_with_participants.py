"""A conversation that is made with its participants: all of them at once, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.background.beginning import plan
from parley.operations import transitions
from parley.operations.context import Caller
from parley.store import keys
from parley.store.changes import Change
from tests.conversations.phones import AMERICANS, API, OTHER_PHONE, OTHER_PROXY, PHONE, PROXY, Thread, pair
from tests.support.doors import Answer
from tests.support.lean import LeanClient
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("agreed")
WITH = f"{API}/ConversationWithParticipants"
ANNA, BEN, CLEO, *_ = AMERICANS

ALICE = {"identity": "alice"}
AGENT = {"identity": "agent", "messaging_binding": {"projected_address": PROXY}}


def reached(address: str = PHONE, proxy: str = PROXY, **more: Any) -> dict[str, Any]:
    """A phone as JSON."""
    return {"messaging_binding": {"address": address, "proxy_address": proxy}, **more}


def texting(address: str) -> dict[str, Any]:
    return {"messaging_binding": {"address": address}}


def asked(thread: Thread, *participants: Any, path: str = WITH, **form: Any) -> Answer:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in participants]
    return thread.raw("POST", path, {"Participant": texts, **form})


def made(thread: Thread, *participants: Any, **form: Any) -> Thread:
    answer = asked(thread, *participants, **form)
    assert answer.status == 202, answer.text
    return Thread(thread.raw, thread.lean, f"{API}/Conversations/{answer.json['sid']}")


def test_a_conversation_is_accepted_with_its_participants_and_active_at_once(thread: Thread):
    answer = asked(thread, ALICE, reached(attributes='{"a": 1}'), FriendlyName="team", UniqueName="a-team")
    assert (answer.status, answer.json["state"], answer.json["friendly_name"]) == (202, "initializing", "team")
    stored = thread.raw.get(f"{API}/Conversations/a-team")
    assert answer.json == {**stored, "state": "initializing", "date_updated": answer.json["date_updated"]}
    assert stored["state"] == "active"
    listed = thread.raw.get(stored["links"]["participants"])["participants"]
    assert {
        (one["identity"], one["attributes"], json.dumps(one["messaging_binding"], sort_keys=True)) for one in listed
    } == {
        ("alice", "{}", "null"),
        (None, '{"a": 1}', json.dumps({"address": PHONE, "proxy_address": PROXY, "type": "sms"})),
    }
    assert thread.refusal(pair()) == (409, 50416)


def test_without_participants_a_conversation_is_made_as_always(thread: Thread):
    answer = asked(thread, FriendlyName="nobody yet")
    assert (answer.status, answer.json["state"]) == (201, "active")
    assert answer.json == thread.raw.get(f"{API}/Conversations/{answer.json['sid']}")


def test_the_helper_library_makes_one_in_both_scopes(scope: Any):
    one = scope.conversation_with_participants.create(participant=['{"identity": "alice"}', '{"identity": "bob"}'])
    assert {each.identity for each in scope.conversations(one.sid).participants.list()} == {"alice", "bob"}
    assert scope.conversations(one.sid).fetch().state == "active"
    assert scope.conversations(one.sid).messages.create(body="hello").index == 0


def test_a_whole_group_is_made_at_once_and_found_by_its_set(thread: Thread):
    group = made(thread, texting(ANNA), texting(BEN), AGENT)
    assert len(group.participants()) == 3
    assert asked(thread, texting(BEN), AGENT, texting(ANNA)).refusal()[:2] == (409, 50438)


REFUSED: dict[str, tuple[list[Any], tuple[int, int]]] = {
    "no JSON": (["{"], (400, 50424)),
    "no object": (["[]"], (400, 50424)),
    "number as identity": ([{"identity": 7}], (400, 50424)),
    "text as binding": ([{"messaging_binding": PHONE}], (400, 50424)),
    "half a character": (['{"identity": "\\ud800"}'], (400, 50424)),
    "endless": (["[" * 50_000], (400, 50424)),
    "eleven": ([{"identity": f"user {number}"} for number in range(11)], (400, 50426)),
    "nobody": ([{}], (400, 50204)),
    "identity and pair": ([reached(identity="alice")], (400, 50211)),
    "wrong address": ([ALICE, reached("0172")], (400, 50407)),
    "foreign proxy address": ([reached(proxy="+12025550199")], (400, 50413)),
    "name of a phone": (
        [{"messaging_binding": {"address": PHONE, "proxy_address": PROXY, "name": "x"}}],
        (400, 50420),
    ),
    "wrong attributes": ([{**ALICE, "attributes": "{"}], (400, 50304)),
    "unknown role": ([{**ALICE, "role_sid": "RL" + "0" * 32}], (404, 50109)),
    "the same identity twice": ([ALICE, ALICE], (409, 50433)),
    "the same phone twice": ([reached(), reached(proxy=OTHER_PROXY)], (409, 50433)),
    "the same phone of a group twice": ([texting(ANNA), texting(ANNA), AGENT], (409, 50437)),
    "a pair in use": ([ALICE, reached(OTHER_PHONE)], (409, 50425)),
    "a group of two": ([texting(ANNA), AGENT], (400, 50435)),
    "a group without a number": ([texting(ANNA), texting(BEN), texting(CLEO)], (400, 50435)),
    "a group with a chat user": ([texting(ANNA), texting(BEN), AGENT, ALICE], (400, 50435)),
    "a group with a pair": ([texting(ANNA), texting(BEN), AGENT, reached()], (400, 50435)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_if_one_participant_is_wrong_nothing_is_made(thread: Thread, lean: LeanClient, name: str):
    participants, expected = REFUSED[name]
    thread.add(pair(OTHER_PHONE))
    with lean.metered() as meter:
        answer = asked(thread, *participants)
    assert answer.refusal()[:2] == expected
    assert not {"PutItem", "UpdateItem", "TransactWriteItems"} & set(meter.requests)


@pytest.mark.parametrize(
    ("form", "expected"),
    [({"State": "closed"}, (400, 50384)), ({"UniqueName": "taken"}, (409, 50353)), ({"Attributes": "{"}, (400, 50304))],
)
def test_a_wrong_conversation_is_refused_with_participants_as_without(
    thread: Thread, form: dict[str, str], expected: tuple[int, int]
):
    thread.raw.post(f"{API}/Conversations", UniqueName="taken")
    assert asked(thread, reached(), **form).refusal()[:2] == expected
    thread.add(pair())


def test_the_limit_of_a_service_holds_for_those_who_come_with_the_conversation(world: World, thread: Thread):
    service = thread.raw.get(thread.path)["chat_service_sid"]
    thread.raw.post(f"/chat/v2/Services/{service}", {"Limits.ChannelMembers": 1})
    world.configuration.forget_all()
    assert asked(thread, ALICE, reached()).refusal()[:2] == (403, 50417)
    made(thread, ALICE)


def interrupted(world: World, thread: Thread, monkeypatch: pytest.MonkeyPatch) -> Thread:
    """A conversation whose making died before it was active."""
    with monkeypatch.context() as patched:
        patched.setattr(transitions, "begin", lambda *_: None)
        return made(thread, ALICE)


def begun(world: World, thread: Thread) -> None:
    tail = world.table.fetch(keys.tail(thread.sid)) or {}
    transitions.begin(world.context(Caller()), tail["service_sid"], thread.sid)


@pytest.mark.parametrize("times", [1, 2])
def test_a_making_that_was_interrupted_is_brought_to_its_end(
    world: World, thread: Thread, monkeypatch: pytest.MonkeyPatch, times: int
):
    half = interrupted(world, thread, monkeypatch)
    assert thread.raw.get(half.path)["state"] == "initializing"
    assert half.refusal(pair()) == (400, 50386)
    for _ in range(times):
        begun(world, half)
    assert thread.raw.get(half.path)["state"] == "active"
    half.add(pair())


def test_a_conversation_that_was_deleted_before_the_job_came_stays_deleted(
    world: World, thread: Thread, monkeypatch: pytest.MonkeyPatch
):
    half = interrupted(world, thread, monkeypatch)
    service = thread.raw.get(half.path)["chat_service_sid"]
    assert thread.raw("DELETE", half.path).status == 204
    transitions.begin(world.context(Caller()), service, half.sid)
    assert thread.raw("GET", half.path).status == 404


def test_only_a_conversation_that_is_initializing_needs_the_job():
    def planned(verb: str, **record: str) -> list[dict[str, Any]]:
        cause = {"webhooks": True}
        return plan(Change("channel", verb, {"service_sid": "IS", "sid": "CH", **record}, {}, cause, ""), {})

    assert planned("created", state="initializing") == [{"service_sid": "IS", "sid": "CH", "webhooks": True}]
    assert planned("created") == planned("updated", state="initializing") == []
