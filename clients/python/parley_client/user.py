"""A user of the service."""

from __future__ import annotations

from typing import Protocol

from parley_client.payloads import USER_REASONS, UserRecord
from parley_client.record import Attributes, Hub, RecordObject


class Follows(Protocol):
    """Knows which users the client follows."""

    def is_subscribed(self, user: User) -> bool:
        """Whether the application hears of this user's changes."""

    async def unfollow(self, user: User) -> None:
        """Stop following a user."""


class User(RecordObject):
    """A user, kept up to date while the client follows it. The client's own user is always kept up to date."""

    REASONS = USER_REASONS
    SHOWN = ("identity", "friendly_name", "online")

    announced_seq = 0
    """The `seq` of the last change that the application has heard of."""

    def __init__(self, hub: Hub, follows: Follows, record: UserRecord) -> None:
        super().__init__(hub, record)
        self._follows = follows

    @property
    def identity(self) -> str:
        """The identity."""
        return str(self._record["identity"])

    @property
    def friendly_name(self) -> str | None:
        """The name to show."""
        return self._text("friendly_name")

    @property
    def online(self) -> bool | None:
        """Whether any of the user's clients is connected; None if the service does not show it."""
        return self._record.get("is_online")

    @property
    def notifiable(self) -> bool | None:
        """Whether push notifications can reach the user; None if the service does not show it."""
        return self._record.get("is_notifiable")

    @property
    def is_subscribed(self) -> bool:
        """Whether the application hears of this user's changes."""
        return self._follows.is_subscribed(self)

    async def update_friendly_name(self, friendly_name: str) -> None:
        """Change the name."""
        await self._update(friendly_name=friendly_name)

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        await self._update(attributes=attributes)

    async def unsubscribe(self) -> None:
        """Stop following this user."""
        await self._follows.unfollow(self)

    async def _update(self, **members: Attributes) -> None:
        self.apply(await self._hub.request("updateUser", identity=self.identity, **members))
