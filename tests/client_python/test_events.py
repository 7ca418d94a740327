"""How events reach the application: callbacks and streams."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from parley_client import Client, MessageAdded
from tests.client_python.fakes import Lab, added, listed, soon

pytestmark = pytest.mark.anyio


async def test_a_callback_that_fails_harms_nobody(lab: Lab) -> None:
    listener, general = await lab.in_channel()
    heard: list[MessageAdded] = []

    def fail(event: MessageAdded) -> None:
        raise ValueError("oops")

    general.on(MessageAdded, fail)
    general.on(MessageAdded, heard.append)
    await lab.server.socket.push(added(0, 11))
    assert [await listener.heard("messageAdded")] == heard


async def test_a_callback_may_be_a_coroutine_function(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    done = asyncio.Event()

    async def note(event: MessageAdded) -> None:
        await asyncio.sleep(0)
        done.set()

    listener.client.on(MessageAdded, note)
    await lab.server.socket.push(added(0, 11))
    await soon(done.wait())


async def test_a_callback_ends_when_it_is_taken_off(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    heard: list[MessageAdded] = []
    take_off = listener.client.on(MessageAdded, heard.append)
    await lab.server.socket.push(added(0, 11))
    await listener.heard("messageAdded")
    take_off()
    await lab.server.socket.push(added(1, 12))
    await listener.heard("messageAdded", 2)
    assert len(heard) == 1


async def test_a_stream_ends_when_the_client_is_shut_down(lab: Lab) -> None:
    listener = await lab.start()
    stream = listener.client.events()
    await listener.close()
    assert [event.name async for event in stream] == ["connectionStateChanged", "connectionStateChanged"]
    assert [event async for event in stream] == []
    assert await soon(anext(listener.client.events(), None)) is None


async def test_the_first_stream_begins_with_the_events_of_the_start(lab: Lab) -> None:
    lab.server.channels = [listed()]
    async with lab.client() as client:
        first, second = client.events(), client.events()
    state = "connectionStateChanged"
    assert [event.name async for event in first] == [state, "channelJoined", state, state, state]
    assert [event.name async for event in second] == [state, state]


@pytest.mark.parametrize(("seconds", "is_kept"), [(0, True), (11, False)])
async def test_events_before_the_first_stream_are_kept_for_ten_seconds(lab: Lab, seconds: float, is_kept: bool) -> None:
    lab.server.channels = [listed()]
    client: Client = lab.client()
    has_come = asyncio.Event()
    client.on(MessageAdded, lambda event: has_come.set())
    await soon(client.start())
    lab.timing.advance(seconds)
    await lab.server.socket.push(added(0, 11))
    await soon(has_come.wait())
    stream = client.events()
    await client.shutdown()
    assert ("messageAdded" in [event.name async for event in stream]) == is_kept


async def test_a_stream_that_is_abandoned_is_forgotten(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    stream = listener.client.events()
    await lab.server.socket.push(added(0, 11))
    async for _ in stream:
        break
    forgotten = weakref.ref(stream)
    del stream
    gc.collect()
    assert forgotten() is None
