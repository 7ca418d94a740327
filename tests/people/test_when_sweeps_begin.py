"""The sweep of a deleted channel begins within seconds, but never before its members were told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sockets.deployment import Devices, House, Room
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import joined

PEOPLE = ("alice", "bob", "carol")


@pytest.fixture
def room(house: House, webhooks: WebhooksFunction) -> Room:
    """A channel of three people, about which everything was told."""
    room = house.channel(*PEOPLE)
    webhooks.plan()
    return room


def deleted(room: Room, webhooks: WebhooksFunction) -> dict[str, Any]:
    """The sweep that the room's deletion owes."""
    room.delete()
    webhooks.plan()
    assert webhooks.work.delays == [2]
    (job,) = webhooks.work.take()
    return dict(job)


def test_with_fan_out_up_to_date_what_users_count_is_right_within_seconds(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    job = deleted(room, webhooks)
    house.deployment.announce()
    assert webhooks.sweep_untold(job) == []
    assert [joined(house, identity) for identity in PEOPLE] == [0, 0, 0]
    assert webhooks.work.take() == []


def test_with_fan_out_a_minute_behind_every_member_is_told_all_the_same(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    devices = Devices({identity: house.device(identity) for identity in PEOPLE})
    devices.hush()
    job, pauses = deleted(room, webhooks), [0]
    while sum(pauses) < 60:
        assert webhooks.sweep_untold(job) == []
        pauses += webhooks.work.delays
        (job,) = webhooks.work.take()
        house.deployment.world.clock.advance(pauses[-1])
    assert pauses == [0, 2, 4, 8, 16, 32]
    assert devices.events() == {identity: ["channelRemoved"] for identity in PEOPLE}
    assert webhooks.sweep_untold(job) == []
    assert webhooks.work.take() == []
    assert [joined(house, identity) for identity in PEOPLE] == [0, 0, 0]


def test_a_sweep_waits_no_longer_than_the_stream_keeps_the_deletion(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    job = deleted(room, webhooks)
    house.deployment.world.clock.advance(24 * 3600 + 60)
    assert webhooks.sweep_untold(job) == []
    assert webhooks.work.take() == []
    assert [joined(house, identity) for identity in PEOPLE] == [0, 0, 0]
