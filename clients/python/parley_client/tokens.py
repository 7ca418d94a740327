"""Access tokens: where they come from, when they expire, and which callbacks hear of that."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

from parley_client.errors import RequestError
from parley_client.timing import Handle, Timing

Provider = Callable[[], str | Awaitable[str]]
"""Makes a fresh access token each time it is called."""

_WRONG_GRANTS = 20106

LEAD_SECONDS = 180.0
"""How long before its expiry a token is announced: this long, or a quarter of its life if that is shorter."""


def _claims(token: str) -> dict[str, Any]:
    """The claims of a JWT; empty if it cannot be read."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def expiry(token: str) -> float | None:
    """When a JWT expires, in seconds since 1970; None if it does not say."""
    value = _claims(token).get("exp")
    return float(value) if isinstance(value, int | float) else None


def identity(token: str) -> str | None:
    """The identity of a JWT; None if it does not say."""
    grants = _claims(token).get("grants")
    value = grants.get("identity") if isinstance(grants, dict) else None
    return value if isinstance(value, str) else None


class Tokens:
    """The current token of a client.

    A timer here notices when the token expires, and the server notices too. Whichever is first, each callback is
    called at most once per token.

    Args:
        on_about_to_expire: Called with the seconds left.
        whose: Returns the client's identity; None while it is unknown.
    """

    def __init__(
        self,
        source: str | Provider,
        timing: Timing,
        on_about_to_expire: Callable[[float], None],
        on_expired: Callable[[], None],
        whose: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._provider = source if callable(source) else None
        self._timing = timing
        self._on_about_to_expire = on_about_to_expire
        self._on_expired = on_expired
        self._whose = whose
        self._timers: list[Handle] = []
        self._is_adopted = False
        self._is_over = False
        self._was_announced = False
        self._has_expired = False
        self.current: str | None = None if callable(source) else source

    @property
    def has_provider(self) -> bool:
        """Whether there is a function that makes new tokens."""
        return self._provider is not None

    @property
    def is_usable(self) -> bool:
        """Whether the client should try to connect."""
        return self.has_provider or (self.current is not None and not self._has_expired)

    async def fresh(self) -> str:
        """A token to connect with: a new one from the provider, or the current one if there is no provider."""
        if self._provider is not None:
            made = self._provider()
            token = await made if inspect.isawaitable(made) else made
            self.adopt(token)
            return token
        assert self.current is not None
        self.adopt(self.current)
        return self.current

    async def another(self) -> str | None:
        """A new token from the provider, not adopted yet; None without a provider."""
        if self._provider is None:
            return None
        made = self._provider()
        return await made if inspect.isawaitable(made) else made

    def adopt(self, token: str) -> None:
        """Use this token from now on. If it is in use already, it is not announced a second time.

        Raises RequestError, as the server would, if the token belongs to another identity.
        """
        if self._is_over or (self._is_adopted and token == self.current):
            return
        bearer, before = identity(token), self._whose()
        if None not in (bearer, before) and bearer != before:
            raise RequestError(
                403, _WRONG_GRANTS, f"the token is of {bearer}, and the client is {before}", "refreshToken"
            )
        self._forget_timers()
        self._is_adopted = True
        self.current = token
        self._was_announced = self._has_expired = False
        expires_at = expiry(token)
        left = 0.0 if expires_at is None else expires_at - self._timing.wall()
        # If a new token seems expired already, this machine's clock may be wrong. The server will say.
        if left <= 0:
            return
        lead = min(LEAD_SECONDS, left / 4)
        self._timers = [
            self._timing.later(left - lead, lambda: self.about_to_expire(lead)),
            self._timing.later(left, self.expired),
        ]

    def seconds_left(self) -> float:
        """How long the current token still lives; 0 if it has expired or does not say."""
        expires_at = expiry(self.current or "")
        return 0.0 if expires_at is None else max(0.0, expires_at - self._timing.wall())

    def about_to_expire(self, seconds_left: float) -> None:
        """The token will expire soon."""
        if not self._was_announced and not self._is_over:
            self._was_announced = True
            self._on_about_to_expire(seconds_left)

    def expired(self) -> None:
        """The token has expired."""
        if not self._has_expired and not self._is_over:
            self._has_expired = True
            self._on_expired()

    def stop(self) -> None:
        """Stop the timer."""
        self._is_over = True
        self._forget_timers()

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []
