"""What `bench.synapse` needs of a chat server, whichever it is, and one HTTP client for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import aiohttp

_PATIENCE_SECONDS = 60


class Listening:
    """When each message came that somebody heard of."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._arrival = asyncio.Event()

    def note(self, *bodies: str) -> None:
        """Note that these messages have just come."""
        now = time.perf_counter()
        for body in bodies:
            self._at.setdefault(body, now)
        self._arrival.set()

    async def heard(self, body: str) -> float:
        """Wait until a message comes; returns when it came."""
        while body not in self._at:
            self._arrival.clear()
            await asyncio.wait_for(self._arrival.wait(), _PATIENCE_SECONDS)
        return self._at[body]


class Person(Protocol):
    """Somebody who is connected."""

    listening: Listening

    async def send(self, room: str, body: str) -> None:
        """Send a message, and wait for the answer."""

    async def close(self) -> None: ...


class Server(Protocol):
    """A running chat server without rate limits that keeps what it is given on disk."""

    pid: int
    """Its processes are this one and those that descend from it."""

    async def room(self, *names: str) -> str:
        """A new room with these members."""

    async def person(self, name: str) -> Person:
        """Connect somebody."""

    async def post(self, room: str, author: str, body: str) -> None:
        """Create a message over HTTP, and wait for the answer."""

    async def close(self) -> None: ...


class Http:
    """Requests over keep-alive connections, which must succeed."""

    def __init__(self, base_url: str, **options: Any) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_PATIENCE_SECONDS)
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
        self._base_url = base_url
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, **options)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        json: Any = None,
        form: Sequence[tuple[str, str]] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make a request; returns the body of the answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._base_url}{path}"
        async with self._session.request(method, url, json=json, data=form, params=query, headers=headers) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
            if not answer.ok:
                raise RuntimeError(f"{method} {path}: {answer.status} {body}")
            return body

    async def close(self) -> None:
        await self._session.close()
