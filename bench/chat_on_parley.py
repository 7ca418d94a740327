"""The local stack as a chat server: people on sockets, and messages that the account creates over REST."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import aiohttp
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.chat import Http, Listening
from local.stack.running import Stack, start_stack

UNLIMITED = {"PARLEY_ACTIONS_PER_SECOND": "0", "PARLEY_REQUESTS_PER_SECOND": "0"}


class SocketPerson:
    """Somebody with an open socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.listening = Listening()
        self._socket = socket
        self._ids = map(str, count())
        self._replies: dict[str, asyncio.Future[int]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            for part in frame if isinstance(frame, list) else [frame]:
                if part.get("event") == "messageAdded":
                    self.listening.note(part["message"]["body"])
                elif waiting := self._replies.pop(part.get("id", ""), None):
                    waiting.set_result(part["status"])

    async def send(self, room: str, body: str) -> None:
        number = next(self._ids)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "action": "sendMessage", "channel": room, "body": body}))
        status = await asyncio.wait_for(reply, 60)
        if status not in (200, 201):
            raise RuntimeError(f"a message was refused with {status}")

    async def close(self) -> None:
        self._reading.cancel()
        await self._socket.close()


class ParleyServer:
    """A stack of its own in `home`, with one service."""

    def __init__(self, stack: Stack, http: Http, service: str = "") -> None:
        self.pid = stack.process.pid
        self._stack = stack
        self._http = http
        self._service = service

    @classmethod
    async def start(cls, home: Path, environment: Mapping[str, str] | None = None) -> ParleyServer:
        """Start it; `environment` has more settings of the stack."""
        settings = {**UNLIMITED, **(environment or {})}
        starting = asyncio.ensure_future(asyncio.to_thread(start_stack, home, environment=settings))
        try:
            stack = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on, and nobody else would stop its stack.
            (await starting).stop()
            raise
        account = aiohttp.BasicAuth(stack.info["account_sid"], stack.info["auth_token"])
        server = cls(stack, Http(f"{stack.info['rest_url']}/chat/v2/Services", auth=account))
        try:
            server._service = (await server._http.ask("POST", "", form=[("FriendlyName", "beside")]))["sid"]
        except BaseException:
            await server.close()
            raise
        return server

    @property
    def emulators(self) -> list[int]:
        """The processes that stand in for AWS."""
        return [pid for name, pid in self._stack.pids.items() if name in ("dynoxide", "ministack")]

    async def room(self, *names: str) -> str:
        channel = await self._http.ask("POST", f"/{self._service}/Channels", form=[("Type", "private")])
        for name in names:
            path = f"/{self._service}/Channels/{channel['sid']}/Members"
            await self._http.ask("POST", path, form=[("Identity", name)])
        return str(channel["sid"])

    async def person(self, name: str) -> SocketPerson:
        return SocketPerson(await self.connect(name))

    async def connect(self, name: str) -> ClientConnection:
        """Open somebody's socket."""
        info = self._stack.info
        token = AccessToken(info["account_sid"], info["api_key_sid"], info["api_key_secret"], identity=name)
        token.add_grant(ChatGrant(service_sid=self._service))
        protocols = [Subprotocol("parley.v1"), Subprotocol(str(token.to_jwt()))]
        return await connect(info["ws_url"], subprotocols=protocols, proxy=None, compression=None)

    async def post(self, room: str, author: str, body: str) -> None:
        path = f"/{self._service}/Channels/{room}/Messages"
        await self._http.ask("POST", path, form=[("From", author), ("Body", body)])

    async def close(self) -> None:
        await self._http.close()
        await asyncio.to_thread(self._stack.stop)
