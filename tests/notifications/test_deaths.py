"""The push function dies at each of its requests, and its entry is handed out again: nobody misses anything."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from local.template.template import Template
from parley.domain.notifications import CHAT
from parley.operations import bindings
from tests.notifications.scene import Scene
from tests.sockets.deployment import load_function
from tests.support.killing import Killed, killed_at
from tests.support.push import SERVICE_ACCOUNT, Phones
from tests.support.stream import Stream
from tests.support.world import World

# To SNS, for each of two phones: CreatePlatformEndpoint, SetEndpointAttributes, Publish.
TO_SNS = 6
# To the table: who has the phones; the endpoints, read and noted; the log.
TO_TABLE = 4


class Queued(NamedTuple):
    """A message to two phones of bob's, which is queued."""

    scene: Scene
    phones: Phones
    entries: list[Any]

    def check(self) -> None:
        """The entry is handed out again. Each phone has the notification under one id, and nothing else is left."""
        assert self.scene.push(self.entries) == []
        phones = [self.phones.services.phone(one["id"]) for one in self.phones.services.phones()]
        assert len(phones) == 2
        for phone in phones:
            assert phone is not None
            messages = [one["payload"]["fcmV1Message"]["message"] for one in phone["shown"]]
            assert len({message["data"]["twi_message_id"] for message in messages}) == 1
        assert len(self.scene.bindings("bob")) == 2
        assert self.scene.queue.entries == []


@pytest.fixture
def queued(world: World, stream: Stream, template: Template) -> Queued:
    phones = Phones()
    scene = Scene(world, stream, template)
    world.wire(push=lambda: phones.port)
    scene.deployment.runtime = scene.deployment.new_runtime()
    scene.push_handler = load_function("push", scene.deployment.runtime)
    scene.switch_on(**{"Notifications.LogEnabled": "true"})
    credential = scene.credential(Type="fcm", Secret=SERVICE_ACCOUNT)
    room = scene.house.channel("alice", "bob")
    for number in (1, 2):
        bindings.register(
            world.context(),
            scene.house.sid,
            "bob",
            endpoint=f"phone {number}",
            binding_type="fcm",
            address=f"token-{number}",
            credential_sid=credential,
            message_types=[],
            face=CHAT,
        )
    scene.hush()
    room.post("hello", From="alice")
    scene.plan()
    return Queued(scene, phones, scene.queue.take())


@pytest.mark.parametrize("dies_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, TO_SNS + 1))
def test_a_death_at_a_request_to_sns_loses_nothing(queued: Queued, number: int, dies_after: bool):
    answer, seen = queued.phones.services.answer, 0

    def dying(body: bytes) -> Any:
        nonlocal seen
        seen += 1
        is_last = seen == number
        if is_last and not dies_after:
            raise Killed
        answered = answer(body)
        if is_last:
            raise Killed
        return answered

    queued.phones.services.answer = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        queued.scene.push(queued.entries)
    queued.check()


@pytest.mark.parametrize("number", range(1, TO_TABLE + 1))
def test_a_death_after_a_request_to_the_table_loses_nothing(queued: Queued, number: int):
    with killed_at(number), pytest.raises(Killed):
        queued.scene.push(queued.entries)
    queued.check()
