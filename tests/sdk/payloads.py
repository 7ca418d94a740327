"""What phones get of each kind of notification, and what the official SDKs should read in it."""

from __future__ import annotations

from typing import Any

from parley.domain.notifications import ADDED, CHAT, CONVERSATIONS, INVITED, NEW_MESSAGE, REMOVED, payload, written

_CHANNEL: Any = {"sid": "CH1", "unique_name": "room", "friendly_name": "The room", "type": "private"}
_MESSAGE: Any = {"sid": "IM1", "index": 7, "author": "alice", "body": "hello"}
_FILE = {"sid": "ME1", "filename": "cat.png", "content_type": "image/png", "size": 12}
_WITH_MEDIA: Any = {**_MESSAGE, "body": "", "media": [_FILE, {**_FILE, "sid": "ME2"}]}
_ALICE = {"name": "Alice", "identity": "alice", "user_sid": "US1", "participant_sid": "MB1"}
_KINDS = (NEW_MESSAGE, ADDED, INVITED, REMOVED)
_SERVICE: Any = {f"notifications.{kind}.sound": "ping.aiff" for kind in _KINDS}
_OF_MESSAGE = {"messageSid": "IM1", "messageIndex": 7}
_CHAT, _CONVERSATION = {"channelSid": "CH1"}, {"conversationSid": "CH1", "conversationTitle": "The room"}
_OF_FILES = {**_OF_MESSAGE, "mediaCount": 2, "media": _FILE}
_FILES_SAID = "You have a new message in room with 2 media files: cat.png"

# Face, kind, record -> the type, the text and the data that an SDK reads.
_TOLD: list[tuple[str, str, Any, str, str, dict[str, Any]]] = [
    (CHAT, NEW_MESSAGE, _MESSAGE, "channel.new_message", "room;Alice: hello", {**_CHAT, **_OF_MESSAGE}),
    (CHAT, ADDED, {}, "channel.added_to_channel", "You have been added to the channel room by Alice", _CHAT),
    (CHAT, INVITED, {}, "channel.invited_to_channel", "You have been invited to the channel room by Alice", _CHAT),
    (CHAT, REMOVED, {}, "channel.removed_from_channel", "You have been removed from the channel room by Alice", _CHAT),
    (
        CONVERSATIONS,
        NEW_MESSAGE,
        _MESSAGE,
        "conversations.new_message",
        "room:Alice: hello",
        {**_CONVERSATION, **_OF_MESSAGE},
    ),
    (CONVERSATIONS, NEW_MESSAGE, _WITH_MEDIA, "conversations.new_message", _FILES_SAID, {**_CONVERSATION, **_OF_FILES}),
    (
        CONVERSATIONS,
        ADDED,
        {},
        "conversations.added_to_conversation",
        "You have been added to the conversation room by Alice",
        _CONVERSATION,
    ),
    (
        CONVERSATIONS,
        REMOVED,
        {},
        "conversations.removed_from_conversation",
        "Alice has removed you from the conversation room",
        _CONVERSATION,
    ),
]


def told(face: str) -> list[dict[str, Any]]:
    """Every kind of notification of a face, for a phone of Apple's and for one of Google's: `payload` and `read`."""
    found = []
    for of, kind, record, type_, text, data in _TOLD:
        if of != face:
            continue
        words = written(kind, face, _SERVICE, _CHANNEL, record, _ALICE)
        read = {"type": f"twilio.{type_}", "body": text, "title": None, "sound": "ping.aiff", "action": None}
        for_apple = payload("apn", words, "RU1", 3 if kind == NEW_MESSAGE else None)
        found.append(
            {"payload": for_apple, "read": {**read, "badge": 3 if kind == NEW_MESSAGE else None, "data": data}}
        )
        found.append({"payload": {"data": payload("fcm", words, "RU1")}, "read": {**read, "badge": None, "data": data}})
    return found
