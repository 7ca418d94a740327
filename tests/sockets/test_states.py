"""States of conversations on sockets: what clients are shown, what they are told, and what they can do in each state."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from local.template.template import Template
from parley.domain.states import STATES
from parley.errors import NOT_FOUND
from parley.operations import channel_log, timers
from parley.store import keys
from parley.store.writes import Update
from tests.sockets.asking import IN_CHANNEL, furnished, mighty, request_for
from tests.sockets.deployment import Deployment, Device, House, Room, Stream, hush
from tests.support.killing import WRITES, Killed, killed_at
from tests.support.lean import LeanClient
from tests.support.world import World

REFUSED = {"closed": (400, 50377), "initializing": (400, 50386)}
# What clients can do in every state. Everything else in a channel changes what a closed conversation keeps as it is.
ALWAYS = {
    "deleteChannel",
    "leaveChannel",
    "removeMember",
    "declineInvitation",
    "deleteMessage",
    *("fetchChannel", "fetchMyChannel", "fetchMember", "listMembers", "fetchMessage", "listMessages", "typing"),
}
CHANGES = sorted(set(IN_CHANNEL) - ALWAYS)


class Talk(NamedTuple):
    """A conversation with alice, bob and carol, who has every right; dave is invited. Nothing happens in it any more."""

    room: Room
    carol: Device
    dave: Device

    def asks(self, action: str) -> tuple[Device, dict[str, Any]]:
        """Who asks for an action, and with what."""
        is_for_the_invited = action in ("joinChannel", "acceptInvitation", "declineInvitation")
        return self.dave if is_for_the_invited else self.carol, request_for(action, self.room)


def put(house: House, room: Room, state: str) -> None:
    """Bring a conversation into a state: over REST, or as a creation does that is not finished yet."""
    if state != "initializing":
        house.rest.post(f"/conversations/v1/Services/{house.sid}/Conversations/{room.sid}", State=state)
        return
    world = house.deployment.world
    record = Update(keys.channel(room.sid), NOT_FOUND(), set={"state": state})
    counters = channel_log.in_tail(house.sid, room.sid, {}, state=state)
    world.table.commit(world.context().cause(), [record, counters])


def talk_in(house: House, state: str) -> Talk:
    room = furnished(house, Type="private")
    carol = mighty(house, room)
    carol.done("inviteMember", channel=room.sid, identity="dave")
    dave = house.device("dave")
    put(house, room, state)
    return Talk(room, carol, dave)


@pytest.fixture(scope="module")
def talks(lean: LeanClient, template: Template, stream: Stream) -> dict[str, Talk]:
    """A conversation in each state that takes no change; what is refused changes nothing, so tests may share them."""
    (table,) = template.tables()
    house = House(Deployment(World(lean, table.name), stream, template))
    return {state: talk_in(house, state) for state in REFUSED}


@pytest.mark.parametrize("state", REFUSED)
@pytest.mark.parametrize("action", CHANGES)
def test_an_action_that_changes_a_closed_or_unfinished_conversation_is_refused(
    talks: dict[str, Talk], state: str, action: str
) -> None:
    asker, request = talks[state].asks(action)
    assert asker.refusal(action, **request) == REFUSED[state]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", sorted(ALWAYS))
def test_a_conversation_can_be_read_left_and_cleared_in_every_state(house: House, state: str, action: str) -> None:
    asker, request = talk_in(house, state).asks(action)
    asker.done(action, **request)


@pytest.mark.parametrize("action", ["sendMessage", "addMember", "joinChannel"])
def test_an_inactive_conversation_becomes_active_when_a_client_does_something_in_it(house: House, action: str) -> None:
    talk = talk_in(house, "inactive")
    asker, request = talk.asks(action)
    asker.done(action, **request)
    assert talk.carol.done("fetchChannel", channel=talk.room.sid)["state"] == "active"


def test_every_view_of_a_channel_on_a_socket_shows_the_state_and_its_update_says_so(house: House) -> None:
    room = house.channel("alice", Type="private")
    alice = house.device("alice")
    hush(alice)
    for state in ("inactive", "closed"):
        before = alice.done("fetchChannel", channel=room.sid)["seq"]
        put(house, room, state)
        (push,) = alice.heard()
        assert (push["event"], push["channel"]["state"]) == ("channelUpdated", state)
        assert push["updateReasons"] == ["dateUpdated", "state"]
        (caught_up,) = alice.done("catchUp", channels={room.sid: before})["channels"][room.sid]["events"]
        (listed,) = alice.done("listMyChannels")["channels"]
        views = [
            alice.done("fetchChannel", channel=room.sid),
            alice.done("fetchMyChannel", channel=room.sid)["channel"],
            listed["channel"],
            caught_up["channel"],
        ]
        assert [view["state"] for view in views] == [state] * len(views)
        assert "state" in caught_up["updateReasons"]


@pytest.mark.parametrize("requests", range(1, 7))
def test_a_client_that_catches_up_learns_that_a_timer_ran_out_whenever_its_job_was_killed(
    house: House, requests: int
) -> None:
    room = house.channel("alice", Type="private")
    alice, world = house.device("alice"), house.deployment.world
    put(house, room, "inactive")
    house.rest.post(f"/conversations/v1/Services/{house.sid}/Conversations/{room.sid}", {"Timers.Closed": "PT10M"})
    seen = alice.done("fetchChannel", channel=room.sid)["seq"]
    world.clock.advance(600)
    with suppress(Killed), killed_at(requests, of=WRITES):
        timers.work_off(world.another_container().context(), lambda: False)
    known = "inactive"
    for _ in range(2):
        # By now, everything that another function is writing would be written.
        world.clock.advance(61)
        answer = alice.done("catchUp", channels={room.sid: seen})["channels"][room.sid]
        known = [known, *(event["channel"]["state"] for event in answer["events"])][-1]
        seen = answer["seq"]
        assert timers.work_off(world.another_container().context(), lambda: False)
    answer = alice.done("catchUp", channels={room.sid: seen})["channels"][room.sid]
    assert [known, *(event["channel"]["state"] for event in answer["events"])][-1] == "closed"


def test_chat_over_rest_does_not_show_the_state(house: House, room: Room) -> None:
    assert "state" not in room.fetch()
    assert house.device("alice").done("fetchChannel", channel=room.sid)["state"] == "active"
