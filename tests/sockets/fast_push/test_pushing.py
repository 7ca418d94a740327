"""The fast path: whoever writes a message in a small room pushes it too, once and as fan-out would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.sockets import markers
from parley.store import keys
from tests.sdk.device import SdkDevice, understood
from tests.sockets.deployment import AtOnce, Device, House, Room
from tests.sockets.fast_push.heard import got, later
from tests.support.files import upload


def test_a_message_has_reached_everybody_when_its_sender_gets_the_reply(alice: Device, bob: Device, room: Room) -> None:
    alice.done("sendMessage", channel=room.sid, body="hello")
    assert (got(alice), got(bob)) == (["hello"], ["hello"])


def test_a_message_of_a_back_end_has_reached_everybody_when_it_gets_the_answer(
    alice: Device, bob: Device, room: Room
) -> None:
    room.post("hello")
    assert (got(alice), got(bob)) == (["hello"], ["hello"])


def test_fan_out_does_not_push_it_again(alice: Device, bob: Device, room: Room) -> None:
    alice.done("sendMessage", channel=room.sid, body="hello")
    assert (later(alice), later(bob)) == ([], [])


def test_the_senders_own_push_comes_in_the_frame_of_the_reply_and_costs_no_post(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    fast.deployment.gateway.attempts.clear()
    alice.done("sendMessage", channel=room.sid, body="hello", id="seven")
    assert fast.deployment.gateway.attempts == [bob.connection_id]
    assert alice.frames()[-1]["request"] == "seven"


def test_a_push_that_does_not_fit_into_the_frame_of_the_reply_comes_after_it(
    alice: Device, bob: Device, room: Room
) -> None:
    body = "x" * 20_000
    assert alice.send(json.dumps({"id": "1", "action": "sendMessage", "channel": room.sid, "body": body})) is None
    reply, push = alice.frames()[-2:]
    assert (reply["result"]["body"], push["message"]["body"]) == (body, body)


def test_a_push_by_the_writer_looks_like_one_by_fan_out(alice: Device, bob: Device, room: Room, fast: House) -> None:
    alice.done("sendMessage", channel=room.sid, body="hello", attributes={"a": 1})
    (pushed,) = [frame for frame in bob.frames() if frame.get("event") == "messageAdded"]
    fast.deployment.world.table.take(markers.key(room.sid, pushed["seq"]))
    assert bob.heard() == [pushed, pushed]


def test_a_client_that_repeats_a_message_gets_its_push_again(alice: Device, bob: Device, room: Room) -> None:
    sent = alice.done("sendMessage", channel=room.sid, body="hello", id="0123456789abcdef")
    assert alice.done("sendMessage", channel=room.sid, body="hello", id="0123456789abcdef") == sent
    assert (got(alice), got(bob)) == (["hello", "hello"], ["hello"])


@pytest.mark.parametrize("type_", ["public", "private"])
def test_the_writer_pushes_what_fan_out_would_push_to_whom_it_would(fast: House, type_: str) -> None:
    room = fast.channel("alice", "bob", Type=type_)
    natives = [fast.device("alice"), fast.device("bob"), fast.device("stranger")]
    sdks = [SdkDevice(fast, "bob"), SdkDevice(fast, "bob", of="conversations"), SdkDevice(fast, "stranger")]
    gateway = fast.deployment.gateway

    def told() -> list[list[Any]]:
        fresh = [device.heard() for device in natives]
        return fresh + [[packet.body for packet in device.packets()] for device in sdks]

    told()
    before = {name: len(frames) for name, frames in gateway.received.items()}
    file = upload(fast.deployment.world, fast.sid, "alice")
    natives[0].done("sendMessage", channel=room.sid, media_sids=[file], attributes={"a": [1]})
    pushed = {name: frames[before[name] :] for name, frames in gateway.received.items()}
    message = fast.deployment.world.table.fetch(keys.message(room.sid, 0))
    assert message is not None
    fast.deployment.world.table.take(markers.key(room.sid, message["seq"]))
    before = {name: len(frames) for name, frames in gateway.received.items()}
    fast.deployment.announce()
    fanned = {name: frames[before[name] :] for name, frames in gateway.received.items()}
    for device in natives:
        assert spread(pushed[device.connection_id]) == spread(fanned[device.connection_id])
    for sdk in sdks:
        bodies = [understood(data).body for data in fanned[sdk.connection_id]]
        items = [body for body in bodies if body["event_type"] != "document_updated"]
        assert [understood(data).body for data in pushed[sdk.connection_id]] == items
    heard = {name for name, frames in pushed.items() if frames}
    members = {natives[0].connection_id, natives[1].connection_id, sdks[0].connection_id, sdks[1].connection_id}
    # To a client of Conversations, public channels do not exist.
    assert heard == (members if type_ == "private" else members - {sdks[1].connection_id})


def spread(frames: list[bytes]) -> list[Any]:
    """The pushes in some frames, one by one."""
    decoded = [json.loads(data) for data in frames]
    return [one for frame in decoded for one in (frame if isinstance(frame, list) else [frame])]


def test_urls_in_pushes_begin_as_the_back_end_has_asked(alice: Device, bob: Device, room: Room, fast: House) -> None:
    """The REST function has no setting for its own URL, because the API is made after the function."""
    fast.deployment.world.wire({"rest_url": ""})
    room.post("hello")
    fast.deployment.world.wire({"rest_url": fast.deployment.door.base_url})
    (pushed,) = [frame for frame in bob.frames() if frame.get("event") == "messageAdded"]
    assert pushed["message"]["url"].startswith(f"{fast.deployment.door.base_url}/chat/v2/")


def test_if_two_messages_are_pushed_in_the_wrong_order_each_comes_once(
    alice: Device, bob: Device, room: Room, fast: House
) -> None:
    waiting: list[Any] = []

    class Later(AtOnce):
        def __init__(self, work: Any):
            self._found = []
            waiting.append(work)

    alice.done("sendMessage", channel=room.sid, body="0")
    fast.deployment.runtime.fast_push.beside = Later
    alice.done("sendMessage", channel=room.sid, body="1")
    fast.deployment.runtime.fast_push.beside = AtOnce
    bob.done("sendMessage", channel=room.sid, body="2")
    waiting[0]()
    assert later(alice) == later(bob) == []
    assert (got(alice), got(bob)) == (["0", "1", "2"], ["0", "2", "1"])


def test_a_repeated_message_that_was_edited_since_is_not_new(alice: Device, bob: Device, room: Room) -> None:
    sent = alice.done("sendMessage", channel=room.sid, body="hello", id="0123456789abcdef")
    alice.done("updateMessage", channel=room.sid, message=sent["sid"], body="Hello")
    alice.done("sendMessage", channel=room.sid, body="hello", id="0123456789abcdef")
    room.delete(f"/Messages/{sent['sid']}")
    alice.done("sendMessage", channel=room.sid, body="hello", id="0123456789abcdef")
    assert got(alice) == ["hello"]
