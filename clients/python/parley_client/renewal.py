"""Renews the access token before it expires, and tells the application if that fails.

Two clocks say that a token expires: this machine's, through `Tokens`, and the server's, through pushes. While the
client moves from one socket to the next, the server may know one of the two sockets by an older token.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from parley_client.connection import Connection
from parley_client.errors import ClientClosed, ParleyError
from parley_client.line import Line
from parley_client.timing import Timing, pause
from parley_client.tokens import Tokens

_REFRESH_AGAIN_SECONDS = 15.0

_log = logging.getLogger("parley_client")


class Renewal:
    """Replaces the token of a connection.

    Args:
        adopted: Called when another token is in use.
    """

    def __init__(self, tokens: Tokens, connection: Connection, timing: Timing, adopted: Callable[[], None]) -> None:
        self._tokens = tokens
        self._connection = connection
        self._timing = timing
        self._adopted = adopted
        self._errands: set[asyncio.Task[None]] = set()
        self._is_over = False

    def stop(self) -> None:
        """Stop renewing."""
        self._is_over = True
        self._tokens.stop()
        for errand in list(self._errands):
            errand.cancel()

    async def update(self, token: str) -> None:
        """Use another token of the same identity.

        If the server refuses it, this raises RequestError and the old token stays in use. If the connection is over or
        does not answer, the next connection is opened with the new token.
        """
        self._refuse_if_over()
        await self._connection.refresh(token)
        self._refuse_if_over()
        self._tokens.adopt(token)
        self._adopted()
        self._connection.try_again()

    def _refuse_if_over(self) -> None:
        if self._is_over:
            raise ClientClosed("the client was shut down")

    def begin(self) -> None:
        """The current token will expire soon: replace it if there is a provider of tokens."""
        if self._tokens.has_provider:
            self._run_errand(self._replace())

    def line_nearly_over(self, line: Line) -> None:
        """The server says that the token of a line will expire soon."""
        if line.token == self._tokens.current:
            self._tokens.about_to_expire(self._tokens.seconds_left())
        elif not self._is_over:
            # The client opened this line with an older token, and gave the server the current one over another line.
            self._run_errand(self._hand_in(line))

    def line_over(self, line: Line) -> None:
        """The server says that the token of a line has expired."""
        if line.token == self._tokens.current:
            self._tokens.expired()

    async def _hand_in(self, line: Line) -> None:
        """Give the server the current token over a line that was opened with an older one."""
        if self._tokens.current is None:
            return
        try:
            await self._connection.refresh(self._tokens.current, line)
        except ParleyError as error:
            # This line will end with its own token, and the next line is opened with the current token.
            _log.warning("the server refused the current token over another connection: %s", error)

    async def _replace(self) -> None:
        """Ask the provider again and again, until it returns another token and the server accepts it."""
        before = self._tokens.current
        while self._tokens.current == before and not self._is_over:
            try:
                token = await self._tokens.another()
                # A provider that caches tokens may return the same one again, which would replace nothing.
                if token != before:
                    if token is not None:
                        await self.update(token)
                    return
            except Exception as error:
                _log.warning("could not replace the token: %s", error)
            await pause(self._timing, _REFRESH_AGAIN_SECONDS)

    def _run_errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
