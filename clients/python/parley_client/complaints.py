"""Tells in the log why there is no connection: once for each cause, however often the client tries again."""

from __future__ import annotations

import logging

_log = logging.getLogger("parley_client")


class Complaints:
    """The causes that were told since the last session began.

    Args:
        place: What the client connects to, without the query of its URL, which may hold a secret.
    """

    def __init__(self, url: str) -> None:
        self._place = url.partition("?")[0]
        self._told: set[object] = set()

    def cannot_connect(self, error: Exception) -> None:
        """An attempt to connect failed, and there will be another one."""
        # Texts of the same cause may differ, for example by the address that was tried.
        cause = (type(error), getattr(error, "status", None), getattr(error, "errno", None))
        self._once(cause, "cannot connect to %s, will try again: %s", self._place, str(error) or repr(error))

    def denied(self, error: Exception) -> None:
        """The server refused the token, so there will be no other attempt with it."""
        self._once("denied", "%s refused the token, update_token takes another one: %s", self._place, error)

    def has_no_token(self) -> None:
        """The token has expired, and nothing makes another one."""
        self._once("no token", "the token has expired, update_token takes another one")

    def session_began(self) -> None:
        """There is a connection. Whatever comes next is told again."""
        if self._told:
            _log.info("connected to %s", self._place)
        self._told.clear()

    def _once(self, cause: object, text: str, *facts: object) -> None:
        if cause not in self._told:
            self._told.add(cause)
            _log.warning(text, *facts)
