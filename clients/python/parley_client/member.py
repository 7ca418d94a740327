"""A member of a channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from parley_client.record import Attributes, RecordObject, moment

if TYPE_CHECKING:
    from parley_client.channel import Channel
    from parley_client.client import Client
    from parley_client.user import User


class Member(RecordObject):
    """Somebody in a channel."""

    REASONS: ClassVar[Mapping[str, str]] = {
        "attributes": "attributes",
        "date_created": "dateCreated",
        "date_updated": "dateUpdated",
        "role_sid": "roleSid",
        "last_consumed_message_index": "lastConsumedMessageIndex",
        "last_consumption_timestamp": "lastConsumptionTimestamp",
    }

    def __init__(self, client: Client, channel: Channel, record: dict[str, Any]) -> None:
        super().__init__(client, record)
        self.channel = channel

    @property
    def identity(self) -> str:
        """The identity."""
        return str(self._record["identity"])

    @property
    def role_sid(self) -> str | None:
        """The role in the channel."""
        return self._text("role_sid")

    @property
    def last_consumed_message_index(self) -> int | None:
        """Up to where this member has read; None before anything was read."""
        return self._number("last_consumed_message_index")

    @property
    def last_consumption_timestamp(self) -> datetime | None:
        """When that was said."""
        return moment(self._record.get("last_consumption_timestamp"))

    @property
    def is_typing(self) -> bool:
        """Whether this member is typing."""
        return self._client.book.is_typing(self)

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        members = {"channel": self.channel.sid, "identity": self.identity, "attributes": attributes}
        self.apply(await self._client.request("updateMember", **members))

    async def remove(self) -> None:
        """Remove this member from the channel."""
        await self.channel.remove_member(self.identity)

    async def get_user(self) -> User:
        """The user, followed from now on."""
        return await self._client.get_user(self.identity)
