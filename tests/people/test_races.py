"""People who come, join, are invited, leave and go all at once: afterwards every count is that of the records."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from parley.errors import Refusal
from parley.ids import member_sid
from parley.operations import bindings, invites, joining, members, user_channels, users
from parley.operations.context import Context
from tests.sockets.deployment import House
from tests.support.invariants import contradictions, everything
from tests.webhooks.function import WebhooksFunction

THREADS, TURNS = 4, 30
IDENTITIES = ("alice", "bob")


class Crowd:
    """What somebody may do next to an identity, through a container of its own."""

    def __init__(self, house: House, channels: list[str], credential: str, seed: int):
        self.context: Context = house.deployment.world.another_container().context()
        self.path = {"service_sid": house.sid}
        self.channels = channels
        self.credential = credential
        self.chance = random.Random(seed)
        self.acts: list[Callable[[str, dict[str, str]], object]] = [
            lambda identity, inside: users.create(self.context, self.path, {"identity": identity}),
            lambda identity, inside: users.delete(self.context, {**self.path, "sid": identity}, {}),
            self._join,
            self._join,
            lambda identity, inside: invites.create(self.context, inside, {"identity": identity}),
            self._leave,
            lambda identity, inside: user_channels.delete(self.context, {**inside, "user_sid": identity}, {}),
            self._register,
        ]

    def _join(self, identity: str, inside: dict[str, str]) -> object:
        return joining.create(self.context, inside, {"identity": identity})

    def _leave(self, identity: str, inside: dict[str, str]) -> object:
        sid = member_sid(inside["channel_sid"], identity)
        return members.delete(self.context, {**inside, "sid": sid}, {})

    def _register(self, identity: str, inside: dict[str, str]) -> object:
        # Addresses change hands between identities and devices.
        address = self.chance.choice(("one", "another", "third"))
        device = {"binding_type": "fcm", "address": address, "credential_sid": self.credential}
        endpoint = self.chance.choice(("phone", "tablet"))
        return bindings.register(
            self.context, self.path["service_sid"], identity, endpoint=endpoint, message_types=[], **device
        )

    def turn(self) -> None:
        inside = {**self.path, "channel_sid": self.chance.choice(self.channels)}
        try:
            self.chance.choice(self.acts)(self.chance.choice(IDENTITIES), inside)
        except Refusal:
            # Somebody was faster.
            return


@pytest.mark.parametrize("seed", range(4))
def test_records_and_counts_agree_after_people_came_and_went_at_once(
    house: House, webhooks: WebhooksFunction, seed: int
) -> None:
    channels = [house.channel().sid, house.channel(Type="private").sid]
    credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
    crowds = [Crowd(house, channels, credential, seed * THREADS + number) for number in range(THREADS)]
    start = Barrier(THREADS)

    def run(crowd: Crowd) -> None:
        start.wait()
        for _ in range(TURNS):
            crowd.turn()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, crowds))
    webhooks.sweep_all()
    world = house.deployment.world
    assert contradictions(everything(world._client, world._table_name, world.account_sid)) == []
