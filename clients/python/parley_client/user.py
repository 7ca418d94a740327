"""A user of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from parley_client.record import Attributes, RecordObject


class User(RecordObject):
    """A user; kept up to date while it is followed, and always if it is the client's own."""

    REASONS: ClassVar[Mapping[str, str]] = {
        "friendly_name": "friendlyName",
        "attributes": "attributes",
        "is_online": "online",
        "is_notifiable": "notifiable",
    }

    told = 0
    """The `seq` of the last change that the application was told of."""

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
        """Whether any of the user's clients is connected; None where the service does not say."""
        return self._record.get("is_online")

    @property
    def notifiable(self) -> bool | None:
        """Whether the user can be reached by push notifications; None where the service does not say."""
        return self._record.get("is_notifiable")

    @property
    def is_subscribed(self) -> bool:
        """Whether changes of this user are told."""
        return self._client.users.is_told(self)

    async def update_friendly_name(self, friendly_name: str) -> None:
        """Change the name."""
        await self._update(friendly_name=friendly_name)

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        await self._update(attributes=attributes)

    async def unsubscribe(self) -> None:
        """Hear of this user's changes no more."""
        await self._client.users.unfollow(self)

    async def _update(self, **members: Attributes) -> None:
        self.apply(await self._client.request("updateUser", identity=self.identity, **members))
