"""Users: this one and the followed ones, over one connection and the next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley_client import RequestError, RequestTimeout
from tests.client_python.fakes import Frame, Lab, Listener, first_refused, refusing, soon, user

pytestmark = pytest.mark.anyio


def follow(frame: Frame) -> Frame:
    """The answer of a server that knows whoever is asked for."""
    return {"users": [user(identity) for identity in frame["identities"]], "unfollowed": []}


async def following(lab: Lab, *identities: str) -> Listener:
    """A client that follows some users."""
    lab.server.answers["followUsers"] = follow
    listener = await lab.start()
    for identity in identities:
        await listener.client.get_user(identity)
    return listener


def updated(identity: str, seq: int, reason: str = "attributes", **fields: Any) -> Frame:
    return {"event": "userUpdated", "user": user(identity, seq, **fields), "updateReasons": [reason]}


async def subscribed(listener: Listener) -> list[str]:
    return [one.identity for one in await listener.client.get_subscribed_users()]


async def test_a_user_is_followed_until_it_is_unsubscribed(lab: Lab) -> None:
    listener = await following(lab)
    bob = await listener.client.get_user("bob")
    assert (await listener.heard("userSubscribed")).user is bob
    await lab.server.socket.push(updated("bob", 4, "online", is_online=True, friendly_name="Bob"))
    event = await listener.heard("userUpdated")
    assert (event.user, event.update_reasons, bob.is_subscribed) == (bob, ("online",), True)
    assert (bob.online, bob.notifiable, bob.friendly_name) == (True, None, "Bob")
    await bob.unsubscribe()
    assert lab.server.last("unfollowUsers") == {"identities": ["bob"]}
    assert (await listener.heard("userUnsubscribed")).user is bob
    assert not bob.is_subscribed


async def test_a_change_of_a_user_is_told_once(lab: Lab) -> None:
    listener = await following(lab, "bob")
    await lab.server.socket.push(updated("bob", 4), updated("bob", 4), updated("bob", 2))
    await lab.server.socket.push(updated("bob", 5))
    assert [event.user.seq for event in await listener.heard_all("userUpdated")] == [5, 5]


async def test_a_change_made_here_is_told_by_its_push(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["updateUser"] = lambda frame: user("alice", 2, friendly_name="Alicia")
    await listener.client.user.update_friendly_name("Alicia")
    assert listener.client.user.friendly_name == "Alicia"
    await lab.server.socket.push({**updated("alice", 2, "friendlyName", friendly_name="Alicia"), "request": "9"})
    assert (await listener.heard("userUpdated")).update_reasons == ("friendlyName",)


async def test_the_clients_own_user_needs_no_following(lab: Lab) -> None:
    listener = await lab.start()
    me = await listener.client.get_user("alice")
    assert (me is listener.client.user, me.is_subscribed) == (True, True)
    assert lab.server.count("followUsers") == 0


async def test_following_nobody_is_refused(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.answers["followUsers"] = lambda frame: {"users": [], "unfollowed": []}
    with pytest.raises(RequestError) as refused:
        await listener.client.get_user("nobody")
    assert (refused.value.status, refused.value.code) == (404, 20404)
    assert await subscribed(listener) == ["alice"]


async def test_a_user_that_the_server_drops_for_another_is_no_longer_followed(lab: Lab) -> None:
    listener = await following(lab, "bob")
    lab.server.answers["followUsers"] = lambda frame: {**follow(frame), "unfollowed": ["bob"]}
    await listener.client.get_user("carol")
    assert (await listener.heard("userUnsubscribed")).user.identity == "bob"
    assert await subscribed(listener) == ["alice", "carol"]


async def test_at_most_a_hundred_users_are_followed(lab: Lab) -> None:
    listener = await following(lab, *(f"user {number}" for number in range(101)))
    assert (await listener.heard("userUnsubscribed")).user.identity == "user 0"
    assert len(await subscribed(listener)) == 1 + 100


async def test_a_client_knows_whether_its_service_tells_who_is_online(lab: Lab) -> None:
    session = lab.server.answers["fetchSession"]
    assert not (await lab.start()).client.reachability_enabled
    service = {"sid": "IS1", "reachability_enabled": True}
    lab.server.answers["fetchSession"] = lambda frame: {**session(frame), "service": service}
    assert (await lab.start()).client.reachability_enabled


# At once.


async def test_users_asked_for_at_once_are_followed_one_request_after_the_other(lab: Lab) -> None:
    listener = await lab.start()
    lab.server.silent.add("followUsers")
    identities = [f"user {number}" for number in range(25)]
    asking = asyncio.gather(*(listener.client.get_user(identity) for identity in [*identities, "user 0"]))
    answered: list[str] = []
    for number, count in enumerate((1, 10, 10, 4), 1):
        request = await lab.server.asked("followUsers", number)
        assert (len(request["identities"]), lab.server.count("followUsers")) == (count, number)
        answered += request["identities"]
        await lab.server.socket.reply(request, follow(request))
    assert answered == identities
    assert [one.identity for one in await soon(asking)] == [*identities, "user 0"]


async def test_a_refused_user_does_not_fail_the_others_that_were_asked_for_at_once(lab: Lab) -> None:
    def answer(frame: Frame) -> Any:
        return refusing(400, 50406)(frame) if "" in frame["identities"] else follow(frame)

    listener = await lab.start()
    lab.server.answers["followUsers"] = answer
    asked = (listener.client.get_user(identity) for identity in ("bob", "", "carol"))
    bob, refused, carol = await soon(asyncio.gather(*asked, return_exceptions=True))
    assert (bob.identity, refused.code, carol.identity) == ("bob", 50406, "carol")


async def test_users_asked_for_at_once_time_out_together_after_a_refusal(
    lab: Lab,
) -> None:
    def refuse(frame: Frame) -> None:
        lab.server.silent.add("followUsers")
        refusing(413, 20413)(frame)

    listener = await lab.start()
    lab.server.silent.add("followUsers")
    asked = (listener.client.get_user(f"user {number}") for number in range(4))
    asking = asyncio.gather(*asked, return_exceptions=True)
    first = await lab.server.asked("followUsers")
    lab.server.silent.clear()
    lab.server.answers["followUsers"] = refuse
    await lab.server.socket.reply(first, follow(first))
    await lab.server.asked("followUsers", 3)
    lab.timing.advance(30)
    assert [type(outcome) for outcome in (await soon(asking))[1:]] == [RequestTimeout] * 3
    assert lab.server.count("followUsers") == 3


async def test_when_one_caller_gives_up_on_a_user_the_other_still_gets_it(lab: Lab) -> None:
    listener = await following(lab)
    lab.server.silent.add("followUsers")
    giving_up, waiting = (asyncio.create_task(listener.client.get_user("bob")) for _ in range(2))
    await lab.server.asked("followUsers")
    lab.server.silent.clear()
    giving_up.cancel()
    assert (await soon(waiting)).identity == "bob"


# Over the next connection.


async def test_after_a_reconnect_changes_of_followed_users_and_of_this_user_are_told(lab: Lab) -> None:
    listener = await following(lab, "bob")
    bob, me = await listener.client.get_subscribed_users(), listener.client.user
    await lab.again(listener)
    assert lab.server.last("followUsers") == {"identities": ["bob"]}
    assert await listener.has_not_heard("userUpdated")
    lab.server.answers["followUsers"] = lambda frame: {"users": [user("bob", 4, friendly_name="Robert")]}
    lab.server.user = {**lab.server.user, "friendly_name": "Alicia", "seq": 2}
    await lab.again(listener)
    mine, bobs = await listener.heard_all("userUpdated")
    assert (mine.user is me, me.friendly_name) == (True, "Alicia")
    assert (bobs.user is bob[1], bobs.user.friendly_name) == (True, "Robert")
    assert mine.update_reasons == bobs.update_reasons == ("friendlyName",)


async def test_many_users_are_followed_again_ten_at_a_time_and_the_session_begins_though_some_are_refused(
    lab: Lab,
) -> None:
    listener = await following(lab, *(f"user {one}" for one in range(25)))
    lab.server.answers["followUsers"] = first_refused(follow, 413, 20413)
    await lab.again(listener)
    parts = [frame["identities"] for frame in lab.server.socket.asked("followUsers")]
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [identity for part in parts for identity in part] == [f"user {one}" for one in range(25)]
    assert (len(lab.server.sockets), len(await subscribed(listener))) == (2, 1 + 25)


async def test_a_followed_user_who_was_deleted_meanwhile_is_no_longer_followed(lab: Lab) -> None:
    listener = await following(lab, "bob", "carol")
    lab.server.answers["followUsers"] = lambda frame: {"users": [user("carol")]}
    await lab.again(listener)
    assert (await listener.heard("userUnsubscribed")).user.identity == "bob"
    assert await subscribed(listener) == ["alice", "carol"]
