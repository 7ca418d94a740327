"""Messages with idempotency tokens: several containers send one at once, and each order of their requests may come."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Condition
from typing import Any

import pytest
from botocore.exceptions import ClientError

from parley.errors import NOT_FOUND, Refusal
from parley.ids import message_sid
from parley.operations import channels, messages, services
from parley.store import keys
from tests.ports.meddling import client_error
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.world import World

ROUNDS, SENDERS = 40, 4
HOLD_UP = 0.15


class Order:
    """Lets one of several actors make one request at a time. Chance says whose turn it is, so a seed says the order.

    The actor of the highest rank goes on, and now and then it gets the lowest rank. So an actor may be held up between
    two requests for as long as all others need.
    """

    def __init__(self, chance: random.Random):
        self._chance = chance
        self._changed = Condition()
        self._actors = 0
        self._waiting: set[int] = set()
        self._turn: int | None = None
        self._ranks: list[int] = []

    def begin(self, actors: int) -> None:
        self._actors = actors
        self._ranks = self._chance.sample(range(actors), actors)

    def wait(self, actor: int) -> None:
        """Wait for the actor's turn, which begins when all actors wait or have ended."""
        with self._changed:
            self._waiting.add(actor)
            self._choose()
            assert self._changed.wait_for(lambda: self._turn == actor, 60)
            self._waiting.remove(actor)
            self._turn = None

    def end(self) -> None:
        """An actor has made its last request."""
        with self._changed:
            self._actors -= 1
            self._choose()

    def _choose(self) -> None:
        if self._turn is None and self._waiting and len(self._waiting) == self._actors:
            self._turn = max(self._waiting, key=lambda actor: self._ranks[actor])
            if self._chance.random() < HOLD_UP:
                self._ranks[self._turn] = min(self._ranks) - 1
            self._changed.notify_all()


class Container:
    """A container whose requests wait for their turn. Like a function that died, it fails from some request on."""

    def __init__(self, number: int, order: Order, world: World):
        self._number, self._order, self._client = number, order, world._client
        self._left: int | None = None
        self.context = World(self, world._table_name, world.account_sid, world.clock).context()

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self._order.wait(self._number)
            if self._left == 0:
                raise client_error("AccessDeniedException")
            self._left = None if self._left is None else self._left - 1
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
            return answer

        return call

    def act(self, dies_after: int | None, act: Callable[[], Any]) -> Any:
        """What came of an act; None if the container died."""
        self._left = dies_after
        try:
            with suppress(ClientError):
                return act()
        finally:
            self._order.end()
        return None


@pytest.mark.parametrize("seed", range(4))
def test_in_whatever_order_requests_come_and_whoever_dies_a_token_stands_for_one_message(
    lean: LeanClient, table_name: str, seed: int
) -> None:
    world, chance = World(lean, table_name), random.Random(seed)
    service = {"service_sid": services.create(world.context(), {}, {"friendly_name": "tokens"})["sid"]}
    sid = channels.create(world.context(), service, {})["sid"]
    path = {**service, "channel_sid": sid}
    order = Order(chance)
    containers = [Container(number, order, world) for number in range(SENDERS + 1)]

    def send(container: Container, token: str) -> str:
        return str(messages.create(container.context, path, {"body": token}, token)["sid"])

    def delete(container: Container) -> None:
        newest = (container.context.table.fetch(keys.tail(sid)) or {})["last_index"]
        try:
            messages.delete(container.context, {**path, "sid": message_sid(sid, newest)}, {})
        except Refusal as refusal:
            assert refusal.error is NOT_FOUND, refusal

    with ThreadPoolExecutor(SENDERS + 1) as pool:
        for number in range(ROUNDS):
            token = f"token {number}"
            order.begin(SENDERS + 1)
            deleting = pool.submit(containers[0].act, None, partial(delete, containers[0]))
            sending = [
                pool.submit(one.act, chance.choice((None, None, None, *range(6))), partial(send, one, token))
                for one in containers[1:]
            ]
            deleting.result()
            answers = {answer for each in sending if (answer := each.result())}
            last = str(messages.create(world.context(), path, {"body": token}, token)["sid"])
            assert answers <= {last}, f"round {number}"
            bodies = [message.get("body") for message in world.table.every(keys.messages(sid))]
            assert bodies.count(token) <= 1, f"round {number}"
            world.clock.advance(1)
    world.clock.advance(61)
    channels.fetch(world.context(), {**service, "sid": sid}, {})
    items: dict[Any, Any] = everything(lean, table_name, world.account_sid)
    assert contradictions(items, now_ms=world.clock.now_ms()) == []
