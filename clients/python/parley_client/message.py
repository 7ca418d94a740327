"""A message in a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from parley_client.record import Attributes, RecordObject

if TYPE_CHECKING:
    from parley_client.channel import Channel
    from parley_client.client import Client
    from parley_client.member import Member


@dataclass(frozen=True, slots=True)
class Media:
    """The file of a media message."""

    sid: str
    size: int | None
    content_type: str | None
    filename: str | None


class Message(RecordObject):
    """A message."""

    REASONS: ClassVar[Mapping[str, str]] = {
        "body": "body",
        "last_updated_by": "lastUpdatedBy",
        "date_updated": "dateUpdated",
        "date_created": "dateCreated",
        "attributes": "attributes",
        "from": "author",
    }

    def __init__(self, client: Client, channel: Channel, record: dict[str, Any]) -> None:
        super().__init__(client, record)
        self.channel = channel

    @property
    def index(self) -> int:
        """The place in the channel, from 0; places of removed messages stay empty."""
        return int(self._record["index"])

    @property
    def body(self) -> str | None:
        """The text; None in a media message."""
        return self._text("body")

    @property
    def author(self) -> str | None:
        """The identity of who sent it; None of a message that was removed before it was seen."""
        return self._text("from")

    @property
    def last_updated_by(self) -> str | None:
        """The identity of who changed it last; None if nobody did."""
        return self._text("last_updated_by")

    @property
    def type(self) -> str:
        """`text` or `media`."""
        return self._text("type") or "text"

    @property
    def media(self) -> Media | None:
        """The file, of a media message."""
        record = self._record.get("media")
        if not record:
            return None
        return Media(record["sid"], record.get("size"), record.get("content_type"), record.get("filename"))

    async def update_body(self, body: str) -> None:
        """Change the text."""
        await self._update(body=body)

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        await self._update(attributes=attributes)

    async def remove(self) -> None:
        """Remove the message."""
        await self._client.request("deleteMessage", channel=self.channel.sid, message=self._address)

    async def get_member(self) -> Member:
        """The member who sent it; raises RequestError (404) when they are no member any more."""
        return await self.channel.get_member_by_identity(self.author or "")

    @property
    def _address(self) -> str:
        return self.sid or str(self.index)

    async def _update(self, **members: Attributes) -> None:
        members = {"channel": self.channel.sid, "message": self._address, **members}
        self.apply(await self._client.request("updateMessage", **members))
