"""The readable side of channels, members and messages. `channel` has the methods that act on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parley_client.files import Media
from parley_client.following import NONE
from parley_client.payloads import CHANNEL_REASONS, MEMBER_REASONS, MESSAGE_REASONS
from parley_client.record import Hub, RecordObject, moment

_OWN_REASONS = {
    "status": "status",
    "notification_level": "notificationLevel",
    "last_consumed_message_index": "lastConsumedMessageIndex",
}


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The newest message of a channel. Its date is None until the client has seen the message."""

    index: int
    date_created: datetime | None


class ShownMessage(RecordObject):
    """The fields of a message."""

    REASONS = MESSAGE_REASONS
    SHOWN = ("index", "author", "body", "sid")

    @property
    def index(self) -> int:
        """The place in the channel, from 0. After a removal, the place stays empty."""
        return int(self._record["index"])

    @property
    def body(self) -> str | None:
        """The text; None in a media message."""
        return self._text("body")

    @property
    def author(self) -> str | None:
        """The author's identity; None if the message was removed before the client had seen it."""
        return self._text("from")

    @property
    def last_updated_by(self) -> str | None:
        """The identity of the user who edited it last; None if nobody did."""
        return self._text("last_updated_by")

    @property
    def type(self) -> str:
        """`text` or `media`."""
        return self._text("type") or "text"

    @property
    def media(self) -> Media | None:
        """The first file; None if there is none."""
        return next(iter(self.attached_media), None)

    @property
    def attached_media(self) -> list[Media]:
        """All files, in order."""
        first = self._record.get("media")
        records = self._record.get("medias") or ([first] if first else [])
        return [Media(self._hub.files, record) for record in records]


class ShownMember(RecordObject):
    """The fields of a member."""

    REASONS = MEMBER_REASONS
    SHOWN = ("identity", "sid")

    _is_typing = False

    @property
    def identity(self) -> str | None:
        """The identity; None for a member that has none, such as a phone."""
        return self._text("identity")

    @property
    def sid(self) -> str:
        """The SID; empty for a member whom the client knows only from typing."""
        return super().sid

    @property
    def addressed_as(self) -> str:
        """Its name in requests: the identity, or the SID of a member that has none."""
        return self.identity or self.sid

    @property
    def role_sid(self) -> str | None:
        """The role in the channel."""
        return self._text("role_sid")

    @property
    def last_consumed_message_index(self) -> int | None:
        """The index up to which this member has read; None if the member has read nothing."""
        return self._number("last_consumed_message_index")

    @property
    def last_consumption_timestamp(self) -> datetime | None:
        """When that index was set."""
        return moment(self._record.get("last_consumption_timestamp"))

    @property
    def is_typing(self) -> bool:
        """Whether this member is typing."""
        return self._is_typing

    def note_typing(self, is_typing: bool) -> None:
        """This member has begun to type, or stopped."""
        self._is_typing = is_typing


class ShownChannel(RecordObject):
    """The fields of a channel: its record, and this user's status in it."""

    REASONS = CHANNEL_REASONS
    SHOWN = ("unique_name", "friendly_name", "type", "status", "sid")

    def __init__(self, hub: Hub, record: Mapping[str, object]) -> None:
        super().__init__(hub, record)
        self._own: dict[str, Any] = {}
        self._told_horizon: int | None = None
        self._last_message: LastMessage | None = None

    def apply_own(self, user_channel: Mapping[str, object], *, is_reply: bool = False) -> tuple[str, ...]:
        """Take over this user's status in the channel; returns Twilio's names for changes that are events.

        If this user sets how far it has read, a reply and a push come, in either order. Only the push is an event. So a
        reply changes the fields and returns no names.
        """
        before = {name: self._own.get(name) for name in _OWN_REASONS}
        before["last_consumed_message_index"] = self._told_horizon
        self._own.update(user_channel)
        if is_reply:
            return ()
        if "last_consumed_message_index" in user_channel:
            self._told_horizon = self._own["last_consumed_message_index"]
        now = {**self._own, "last_consumed_message_index": self._told_horizon}
        return tuple(reason for name, reason in _OWN_REASONS.items() if now.get(name) != before[name])

    @property
    def unique_name(self) -> str | None:
        """The unique name."""
        return self._text("unique_name")

    @property
    def friendly_name(self) -> str | None:
        """The name to show."""
        return self._text("friendly_name")

    @property
    def type(self) -> str:
        """`public` or `private`."""
        return self._text("type") or "public"

    @property
    def is_private(self) -> bool:
        """Whether only members, invited users and the creator can see it."""
        return self.type == "private"

    @property
    def state(self) -> str:
        """`active`, `inactive` or `closed`; nothing can be sent to a closed conversation."""
        return self._text("state") or "active"

    @property
    def created_by(self) -> str | None:
        """The identity of its creator."""
        return self._text("created_by")

    @property
    def status(self) -> str:
        """`joined`, `invited` or `notParticipating`."""
        return str(self._own.get("status", NONE))

    @property
    def notification_level(self) -> str:
        """`default` or `muted`."""
        return str(self._own.get("notification_level") or "default")

    @property
    def last_consumed_message_index(self) -> int | None:
        """The index up to which this user has read; None if the user has read nothing."""
        index = self._own.get("last_consumed_message_index")
        return None if index is None else int(index)

    @property
    def last_message(self) -> LastMessage | None:
        """The newest message; None if the channel is empty."""
        index = self._number("last_message_index")
        seen = self._last_message
        if index is not None and (seen is None or seen.index < index):
            return LastMessage(index, None)
        return seen

    def note_message(self, message: ShownMessage) -> bool:
        """A message was added; returns whether it is the newest."""
        last = self.last_message
        if last is not None and message.index < last.index:
            return False
        self._last_message = LastMessage(message.index, message.date_created)
        return True

    def note_removal(self, message: ShownMessage, newest: int | None, before: ShownMessage | None) -> bool:
        """A message was removed; returns whether it was the newest.

        Args:
            newest: The index of the newest message that is left.
            before: That message, if the application holds it.
        """
        last = self.last_message
        if last is None or last.index != message.index:
            return False
        self._record["last_message_index"] = newest
        self._last_message = None if before is None else LastMessage(before.index, before.date_created)
        return True
