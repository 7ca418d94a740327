"""Replays while others write: whatever the log says by then, no new message is left out."""

from __future__ import annotations

import pytest

from tests.ports.meddling import MeddlingClient, after
from tests.sdk.listener import Listener
from tests.sdk.rounds import pass_time
from tests.sdk.sync_paths import messages
from tests.sockets.deployment import House, Room


@pytest.fixture
def house(meddled: House) -> House:
    return meddled


def added(listener: Listener) -> list[int]:
    """The new messages that an application heard of since the last call."""
    return [key for name, key in listener.news() if name == "list_item_added"]


def test_a_send_that_lost_to_its_own_repeat_hides_no_message_that_was_written_before_it(
    house: House, alices: Listener, room: Room
) -> None:
    room.post("before")
    assert room.post_twice_at_once("once")["index"] == 4
    house.deployment.skip_stream()
    pass_time(house, 1300)
    alices.subscribe()
    assert added(alices) == [2, 4]


def test_a_change_between_the_reads_of_the_counters_and_of_the_log_hides_no_message(
    meddling: MeddlingClient, house: House, alices: Listener, room: Room
) -> None:
    room.post("before")
    house.deployment.skip_stream()
    pass_time(house, 1300)
    list_sid = alices.sid(messages(room))
    meddling.script("query", after(lambda: room.update("/Members/bob", Attributes="[1]")))
    alices.subscribe("establish", list_sid)
    assert not meddling.scripted("query")
    assert added(alices) == [2]
