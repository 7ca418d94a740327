"""What Twilio's SDKs ask for over a socket, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.meter import Cost
from bench.of_service import Measure
from bench.sdk_client import SdkClient
from parley.operations.context import Caller
from parley.sockets.door import SocketDoor
from tests.ports.fakes import FakeGateway
from tests.support.doors import Raw
from tests.support.world import World

_BODY = "x" * 600
# By the number of the user's channels: how many frames an SDK sends at its start, acknowledgements aside.
_STARTS = {1: 11, 10: 47, 100: 411}
# The channels were quiet for longer than replays reach back.
_QUIET_SECONDS = 1300


@dataclass(frozen=True)
class OverSdk:
    """One service, in a warm container.

    Attributes:
        path: The service's path.
        token: Makes the access token of an identity.
        cost: Measures an operation: its name, what it may cost, and the operation itself.
    """

    world: World
    raw: Raw
    door: SocketDoor
    gateway: FakeGateway
    path: str
    token: Callable[[str], str]
    cost: Measure

    def costs(self, channel: str) -> list[Cost]:
        """What SDKs ask for; alice is a member of the channel."""
        return [*self._of_messages(channel), *self._of_starts()]

    def _of_messages(self, channel: str) -> list[Cost]:
        """The lines 3 and 4 of Chat send messages as commands of a session."""
        client = SdkClient(self._answer_on("sdk"), self.token("alice"))
        path = f"/Client/v1/Conversations/{channel}/Messages"
        opened = self.cost("connect, SDK", (3, 3, 2), client.open)
        # In the first two minutes of a connection, a request may repeat one from before, so more is read.
        self.world.clock.advance(121)
        client.post(path, {"body": _BODY})
        sent = self.cost("create message, SDK", (3, 2, 2), lambda: client.post(path, {"body": _BODY}))
        session = client.post("/v3/Lists", {"purpose": "com.twilio.rtd.ipmsg", "context": {}})["links"]["items"]
        command = {"action": "sendMessage", "channelSid": channel, "text": _BODY, "attributes": "{}"}
        data = {"data": {"request": command, "commandId": "1"}}

        def send() -> Any:
            return client.post(urlsplit(session).path, data)

        return [opened, sent, self.cost("create message, SDK of line 3 or 4", (4, 3, 2), send)]

    def _of_starts(self) -> list[Cost]:
        """Starts and reconnections of an SDK whose user is in quiet channels."""
        costs = []
        for count, frames in _STARTS.items():
            for _ in range(count):
                channel = self.raw.post(f"{self.path}/Channels")["sid"]
                self.raw.post(f"{self.path}/Channels/{channel}/Members", Identity=f"in {count}")
            self.world.clock.advance(_QUIET_SECONDS)
            # The container is warm again.
            SdkClient(self._answer_on("warm"), self.token("alice")).open()
            client = SdkClient(self._answer_on(f"start {count}"), self.token(f"in {count}"))
            allowed = 8 + 3 * math.ceil(count / 50) + 5 * count + 2 * math.ceil(count / 33)
            named = f"of an SDK, {count} channel{'s' * (count != 1)}"
            costs.append(self.cost(f"start {named}", (allowed, 3, 12 + 28 * count), client.start))
            assert client.frames <= frames, client.frames
            client.frames = 0
            allowed = 3 + 2 * math.ceil(count / 33)
            costs.append(self.cost(f"reconnection {named}", (allowed, 3, 5 + 3 * count), client.connect_again))
            assert client.frames <= 1 + math.ceil((3 * count + 2) / 100), client.frames
        return costs

    def _answer_on(self, connection_id: str) -> Callable[[str], list[bytes]]:
        """Answers the frames of a connection with everything that then comes on it."""

        def answer(frame: str) -> list[bytes]:
            self.gateway.open(connection_id)
            reply = self.door.answer(self.world.context(Caller("SDK")), connection_id, frame)
            came = list(self.gateway.received[connection_id])
            self.gateway.received[connection_id] = []
            return [*came, *([reply.encode()] if reply else [])]

        return answer
