"""Typing: sent no more often than needed, never after the message that ends it, and shown until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from parley_client import Channel, RequestError
from tests.client_python.fakes import CHANNEL, Lab, added, changed, channel, message, refusing, soon, until

pytestmark = pytest.mark.anyio


async def typist(lab: Lab) -> Channel:
    """A channel in which typing holds for five seconds and messages are taken."""
    lab.server.answers["typing"] = lambda frame: {"typing_timeout": 5}
    lab.server.answers["sendMessage"] = lambda frame: message(0, 11)
    return (await lab.in_channel())[1]


async def test_typing_is_said_once_per_time_that_it_holds(lab: Lab) -> None:
    general = await typist(lab)
    for seconds, count in ((0, 1), (4.9, 1), (0.2, 2)):
        lab.timing.advance(seconds)
        await general.typing()
        assert lab.server.count("typing") == count


async def test_typing_is_said_again_after_a_message(lab: Lab) -> None:
    general = await typist(lab)
    await general.typing()
    await general.send_message("hello")
    await general.typing()
    assert lab.server.count("typing") == 2


async def test_typing_that_could_not_be_said_is_said_again(lab: Lab) -> None:
    general = await typist(lab)
    lab.server.answers["typing"] = refusing(403, 50400)
    for _ in range(2):
        with pytest.raises(RequestError):
            await general.typing()
    assert lab.server.count("typing") == 2


async def sending_amid_typing(
    lab: Lab, general: Channel
) -> tuple[dict[str, Any], asyncio.Task[None], asyncio.Task[int]]:
    """The request that says that somebody types, which has no answer yet, and the tasks of that and of a message."""
    lab.server.silent.add("typing")
    saying = asyncio.create_task(general.typing())
    request = await lab.server.asked("typing")
    sending = asyncio.create_task(general.send_message("hello"))
    await until(lambda: 1.0 in lab.timing.waits())
    return request, saying, sending


async def test_a_message_follows_the_typing_that_is_under_way(lab: Lab) -> None:
    general = await typist(lab)
    request, saying, sending = await sending_amid_typing(lab, general)
    assert lab.server.count("sendMessage") == 0
    await lab.server.socket.reply(request, {"typing_timeout": 5})
    assert await soon(sending) == 0
    await soon(saying)


async def test_a_message_waits_a_second_for_the_typing_and_typing_after_it_is_said(lab: Lab) -> None:
    general = await typist(lab)
    request, saying, sending = await sending_amid_typing(lab, general)
    lab.timing.advance(1.0)
    assert await soon(sending) == 0
    lab.server.silent.clear()
    await lab.server.socket.reply(request, {"typing_timeout": 5})
    await soon(saying)
    await general.typing()
    assert lab.server.count("typing") == 2


def typing(identity: str) -> dict[str, Any]:
    return {"event": "typingStarted", "channel_sid": CHANNEL, "identity": identity, "typing_timeout": 6}


def identities(events: list[Any]) -> list[str]:
    return [event.member.identity for event in events]


async def test_typing_ends_with_time_after_it_was_last_heard(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(typing("bob"))
    event = await listener.heard("typingStarted")
    assert (event.member.identity, event.member.is_typing) == ("bob", True)
    lab.timing.advance(5)
    await lab.server.socket.push(typing("bob"))
    await lab.server.socket.push(typing("carol"))
    await listener.heard("typingStarted", 2)
    lab.timing.advance(5)
    assert await listener.has_not_heard("typingEnded")
    lab.timing.advance(2)
    await listener.heard("typingEnded", 2)
    assert set(identities(listener.named("typingEnded"))) == {"bob", "carol"}
    assert identities(listener.named("typingStarted")) == ["bob", "carol"]
    assert not event.member.is_typing


@pytest.mark.parametrize(
    ("push", "ended"),
    [
        (lambda: added(0, 11), ["bob"]),
        (lambda: changed("memberLeft", 11, member={"sid": "MB-bob", "identity": "bob", "seq": 11}), ["bob"]),
        (lambda: changed("channelLeft", 11, channel=channel(11)), ["bob", "carol"]),
    ],
    ids=["a message", "who leaves", "a channel that is left"],
)
async def test_typing_ends_with_what_ends_it(lab: Lab, push: Callable[[], dict[str, Any]], ended: list[str]) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(typing("bob"), typing("carol"), push())
    assert identities(await listener.heard_all("typingEnded")) == ended
