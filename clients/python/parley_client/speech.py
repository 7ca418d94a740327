"""Sends what this user says in one channel: messages in the order of the calls, and typing as rarely as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from parley_client.payloads import MessageRecord
from parley_client.record import Hub
from parley_client.timing import pause

_TYPING_IS_SAID_SECONDS = 1.0
"""How long a message waits for the reply to an open `typing`."""


class Speech:
    """Sends messages and typing to one channel.

    Args:
        ask: Sends a request for an action on the channel.
    """

    def __init__(self, hub: Hub, ask: Callable[..., Awaitable[Any]]) -> None:
        self._hub = hub
        self._ask = ask
        self._quiet_until = 0.0
        self._typing_is_said = asyncio.Event()
        self._typing_is_said.set()
        self._sending = asyncio.Lock()

    async def send(self, members: dict[str, Any]) -> MessageRecord:
        """Send a message after the previous one is settled, because the server handles frames in parallel."""
        self._quiet_until = 0.0
        typing_is_said = self._typing_is_said
        async with self._sending:
            if not typing_is_said.is_set():
                # If the message overtook the typing, others would see this user type after the message.
                await pause(self._hub.timing, _TYPING_IS_SAID_SECONDS, typing_is_said)
            record: MessageRecord = await self._ask("sendMessage", **members)
        return record

    async def type(self) -> None:
        """Tell the others that this user is typing, unless they still show it. A message ends typing."""
        now = self._hub.timing.now()
        if now < self._quiet_until:
            return
        quiet_until = self._quiet_until = now + self._hub.typing_seconds
        is_said = self._typing_is_said = asyncio.Event()
        try:
            result = await self._ask("typing")
        except BaseException:
            self._quiet_until = 0.0
            raise
        finally:
            is_said.set()
        if self._quiet_until == quiet_until:
            self._quiet_until = now + float(result["typing_timeout"])
