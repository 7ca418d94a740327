"""Pairs of address and proxy address: each leads to one open conversation of the account, and is free again in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from parley.operations import bound as bindings
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from tests.conversations.phones import API, OTHER_PROXY, PHONE, PROXY, Thread, bound, opened, pair, rivalled
from tests.rest.support import at_once
from tests.sockets.conftest import deployment, house  # noqa: F401  (fixtures)
from tests.sockets.deployment import House
from tests.support.world import World
from tests.webhooks.sweeping import left_in

pytestmark = pytest.mark.usefixtures("agreed")
IN_USE = "A binding for this participant and proxy address already exists in Conversation "


def in_service(thread: Thread) -> Thread:
    """A conversation of another service."""
    service = thread.raw.post(f"{API}/Services", FriendlyName="other")["sid"]
    return opened(thread.raw, thread.lean, f"{API}/Services/{service}")


def test_a_pair_in_use_is_refused_in_every_service_with_the_name_of_its_holder(thread: Thread):
    thread.add(pair())
    for other in (thread, thread.another(), in_service(thread)):
        answer = other.raw("POST", f"{other.path}/Participants", pair())
        assert answer.refusal() == (409, 50416, IN_USE + thread.sid)
        assert other.refusal(pair()) == (409, 50416)


def test_the_same_phone_is_in_several_conversations_with_a_proxy_address_for_each(thread: Thread):
    thread.add(pair())
    in_service(thread).add(pair(proxy=OTHER_PROXY))
    thread.another().add(pair("+491727654321"))


def test_if_fifty_add_one_pair_at_once_one_succeeds_and_the_others_learn_which_conversation_holds_it(
    world: World, thread: Thread
):
    others = [thread, in_service(thread)] + [thread.another() for _ in range(23)]
    others += [in_service(thread) for _ in range(25)]
    answers = at_once(50, lambda number: thread.raw("POST", f"{others[number].path}/Participants", pair()))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    (added,) = [answer.json for answer in answers if answer.status == 201]
    refusals = {answer.refusal() for answer in answers if answer.status == 409}
    assert refusals == {(409, 50416, IN_USE + added["conversation_sid"])}


def test_the_loser_of_a_race_learns_the_holder_from_the_failed_write(thread: Thread):
    another = thread.another()
    with rivalled(lambda: another.add(pair())):
        answer = thread.raw("POST", f"{thread.path}/Participants", pair())
    assert answer.refusal() == (409, 50416, IN_USE + another.sid)
    assert thread.participants() == []


def removed(thread: Thread, sid: str) -> None:
    thread.remove(sid)


def deleted(thread: Thread, sid: str) -> None:
    assert thread.raw("DELETE", thread.path).status == 204


def closed(thread: Thread, sid: str) -> None:
    thread.raw.post(thread.path, State="closed")


def rebound(thread: Thread, sid: str) -> None:
    thread.update(sid, bound(proxy=OTHER_PROXY))


FREEING: list[Callable[[Thread, str], None]] = [removed, deleted, closed, rebound]


@pytest.mark.parametrize("free", FREEING)
def test_a_pair_is_free_at_once_when_its_holder_lets_go(thread: Thread, free: Callable[[Thread, str], None]):
    sid = thread.add(pair())["sid"]
    free(thread, sid)
    another = thread.another()
    another.add(pair())
    assert thread.another().refusal(pair()) == (409, 50416)
    # What comes late of the former holder's end leaves the new holder alone.
    if free is closed:
        thread.remove(sid)
    assert thread.another().refusal(pair()) == (409, 50416)


def test_a_pair_is_free_at_once_when_the_service_of_its_holder_is_deleted(world: World, thread: Thread):
    holder = in_service(thread)
    holder.add(pair())
    service = holder.path.partition("/Conversations/")[0]
    assert thread.raw("DELETE", service).status == 204
    thread.add(pair())
    # The sweeps come a minute later, and leave the new holder alone.
    for kind, sid in (("service", service.rpartition("/")[2]), ("channel", holder.sid)):
        sweep(world.context(Caller()), {"kind": kind, "sid": sid, "at": world.clock.now_ms()}, lambda: False)
    assert thread.another().refusal(pair()) == (409, 50416)


@pytest.mark.parametrize("free", [deleted, closed])
def test_the_sweep_lets_go_of_what_nobody_has_taken_over(
    world: World, thread: Thread, free: Callable[[Thread, str], None]
):
    thread.add(pair())
    taken_over, left = pair("+491721111111"), keys.pair(world.account_sid, PHONE, PROXY)
    thread.add(taken_over)
    free(thread, "")
    another = thread.another()
    another.add(taken_over)
    context = world.context(Caller())
    for _ in range(2):
        if free is deleted:
            sweep(context, {"kind": "channel", "sid": thread.sid, "at": world.clock.now_ms()}, lambda: False)
        else:
            sweep(context, {"kind": "closed", "sid": thread.sid}, lambda: False)
        assert world.table.fetch(left) is None
    assert thread.another().refusal(taken_over) == (409, 50416)


def test_the_sweep_of_a_channel_leaves_nothing_of_its_phones(house: House):  # noqa: F811
    path = f"{API}/Services/{house.sid}/Conversations"
    sid = house.rest.post(path)["sid"]
    house.rest.post(f"{path}/{sid}/Participants", pair())
    house.rest("DELETE", f"{path}/{sid}")
    job = {"kind": "channel", "sid": sid, "at": house.deployment.world.clock.now_ms()}
    sweep(house.deployment.world.context(Caller()), job, lambda: False)
    assert set(left_in(house, f"CHANNEL#{sid}")) == {"tombstone"}
    assert left_in(house, keys.pair(house.deployment.world.account_sid, PHONE, PROXY).pk) == {}


def test_a_dead_holders_pair_is_taken_over_by_one_of_many(world: World, thread: Thread):
    thread.add(pair())
    closed(thread, "")
    others = [thread.another() for _ in range(10)]
    answers = at_once(10, lambda number: thread.raw("POST", f"{others[number].path}/Participants", pair()))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {50416, 50419}


def test_a_pair_that_its_holder_gives_up_and_takes_again_meanwhile_stays_with_it(thread: Thread):
    thread.add(pair())
    another, look = thread.another(), bindings.is_open

    def while_the_holder_leaves(*args: Any) -> bool:
        at_once(1, lambda _: thread.remove(quote(PHONE)))
        found = look(*args)
        at_once(1, lambda _: thread.add(pair()))
        return found

    with patch.object(bindings, "is_open", while_the_holder_leaves):
        answer = another.raw("POST", f"{another.path}/Participants", pair())
    assert answer.refusal() == (409, 50416, IN_USE + thread.sid)
    assert another.participants() == []


def test_clients_are_told_that_a_binding_changed(house: House):  # noqa: F811
    path = f"{API}/Services/{house.sid}/Conversations"
    participants = f"{path}/{house.rest.post(path)['sid']}/Participants"
    house.rest.post(participants, Identity="alice")
    sid = house.rest.post(participants, pair())["sid"]
    alice = house.device("alice")
    alice.heard()
    house.rest.post(f"{participants}/{sid}", bound(proxy=OTHER_PROXY))
    (told,) = alice.heard()
    assert (told["event"], told["member"]["sid"], told["member"]["identity"]) == ("memberUpdated", sid, None)
    assert "bindings" in told["updateReasons"]


def test_an_inactive_conversation_holds_its_pairs(thread: Thread):
    thread.add(pair())
    thread.raw.post(thread.path, State="inactive")
    assert thread.another().refusal(pair()) == (409, 50416)


@pytest.mark.inferred
def test_one_phone_is_counted_once_however_often_it_is_added_and_removed_at_once(world: World, thread: Thread):
    def act(number: int) -> int:
        if number % 2:
            return thread.raw("DELETE", f"{thread.path}/Participants/%2B{PHONE[1:]}").status
        return thread.raw("POST", f"{thread.path}/Participants", pair()).status

    assert set(at_once(12, act)) <= {201, 204, 404, 409}
