"""Push notifications: what a payload says, and which registrations a client has made."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from parley_client.emitter import Event
from parley_client.errors import NOT_FOUND, RequestError, UnusableNotification

PushType = Literal["apn", "fcm", "gcm"]
"""A push service: Apple's, or Google's under its newer and its older name."""


@dataclass(frozen=True)
class PushNotification(Event):
    """The application has handed a push notification to `handle_push_notification`.

    Attributes:
        type: What it is about, such as `twilio.channel.new_message`.
        sid: The same if the notification comes twice.
        badge: The number for the app's icon; only Apple's have one.
        channel_sid: The channel or conversation.
        media: What the notification says about the first file.
    """

    type: str
    sid: str | None = None
    title: str | None = None
    body: str | None = None
    sound: str | None = None
    badge: int | None = None
    action: str | None = None
    channel_sid: str | None = None
    channel_title: str | None = None
    message_sid: str | None = None
    message_index: int | None = None
    author: str | None = None
    media_count: int | None = None
    media: dict[str, Any] = field(default_factory=dict)


def parse_push_notification(payload: Mapping[str, Any]) -> PushNotification:
    """What a push notification says.

    Args:
        payload: What APNs gives the app, with `aps`, or what Firebase gives it, with `data`.

    Raises:
        UnusableNotification: It is none of Parley's.
    """
    aps = payload.get("aps")
    carried = payload if isinstance(aps, Mapping) else payload.get("data")
    if not isinstance(carried, Mapping) or not isinstance(carried.get("twi_message_type"), str):
        raise UnusableNotification("this is not a push notification of Parley's")
    return PushNotification(
        type=carried["twi_message_type"],
        sid=carried.get("twi_message_id"),
        **(_shown_by_apple(aps) if isinstance(aps, Mapping) else _shown_by_google(carried)),
        # Apps of Conversations call a channel a conversation.
        channel_sid=carried.get("channel_sid") or carried.get("conversation_sid"),
        channel_title=carried.get("channel_title") or carried.get("conversation_title"),
        message_sid=carried.get("message_sid"),
        message_index=_whole_number(carried.get("message_index")),
        author=carried.get("author"),
        media_count=_whole_number(carried.get("media_count")),
        media=_parsed(carried.get("media")),
    )


def _shown_by_apple(aps: Mapping[str, Any]) -> dict[str, Any]:
    alert = aps.get("alert")
    words = alert if isinstance(alert, Mapping) else {"body": alert}
    return {
        "title": words.get("title"),
        "body": words.get("body"),
        "sound": aps.get("sound"),
        "badge": aps.get("badge"),
        "action": aps.get("category"),
    }


def _shown_by_google(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data.get(f"twi_{name}") for name in ("title", "body", "sound", "action")}


def _whole_number(value: Any) -> int | None:
    """Firebase gives numbers as texts."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


def _parsed(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Registrations:
    """The registrations that one client has made, by type."""

    def __init__(
        self, register: Callable[[PushType, str], Awaitable[str]], remove: Callable[[str], Awaitable[None]]
    ) -> None:
        self._register = register
        self._remove = remove
        self._sids: dict[str, str] = {}

    async def set(self, type_: PushType, address: str) -> None:
        """Register a token. If the client has registered another one of this type, that registration goes."""
        sid = await self._register(type_, address)
        earlier = self._sids.get(type_)
        self._sids[type_] = sid
        if earlier not in (None, sid):
            await self._take_off(str(earlier))

    async def unset(self, type_: PushType) -> None:
        """Remove what this client has registered of a type; nothing happens if it has registered nothing."""
        sid = self._sids.get(type_)
        if sid is None:
            return
        await self._take_off(sid)
        if self._sids.get(type_) == sid:
            del self._sids[type_]

    async def _take_off(self, sid: str) -> None:
        try:
            await self._remove(sid)
        except RequestError as error:
            if error.code != NOT_FOUND:
                raise
