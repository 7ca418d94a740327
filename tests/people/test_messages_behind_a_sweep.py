"""A message that is written when its channel was deleted and swept already is swept a minute later."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.ports.meddling import MeddlingClient, after
from tests.sockets.deployment import House, Room
from tests.support.invariants import contradictions, everything
from tests.webhooks.function import WebhooksFunction


@pytest.fixture
def sweeping(meddled: House, template: Template) -> WebhooksFunction:
    return WebhooksFunction(meddled.deployment, template)


def test_nothing_is_left(meddled: House, meddling: MeddlingClient, sweeping: WebhooksFunction) -> None:
    room = meddled.channel("alice")
    swept = []

    def delete_and_sweep() -> None:
        room.delete()
        swept.append(sweeping.sweep_all())

    # The index is taken by an update; only then the message is written.
    meddling.script("put_item", after(delete_and_sweep))
    room.post("late")
    assert swept == [1]
    assert found(room, meddled) != []
    assert sweeping.look_again() == 1
    assert found(room, meddled) == []
    assert sweeping.work.looks == []


def found(room: Room, house: House) -> list[str]:
    """What contradicts itself in the account."""
    world = house.deployment.world
    return contradictions(everything(world._client, world._table_name, world.account_sid))
