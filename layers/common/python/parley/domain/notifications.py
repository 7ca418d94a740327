"""Notifications on phones and in browsers: which kinds there are, what their texts say, what a device is sent.

https://www.twilio.com/docs/chat/push-notification-configuration. A service has one template for each kind. A template
may use the words of Chat and those of Conversations, whatever the device speaks (unconfirmed).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from parley.domain.channels import PRIVATE
from parley.domain.messages import files_of
from parley.stored import Channel, Service

CHAT, CONVERSATIONS = "chat", "conversations"
NEW_MESSAGE, WITH_MEDIA, ADDED, REMOVED, INVITED, BADGE = (
    "new_message",
    "with_media",
    "added_to_channel",
    "removed_from_channel",
    "invited_to_channel",
    "consumption_update",
)
# What a device hears of a change of its user's badge, whichever face it speaks.
_BADGE_TYPE = "twilio.channel.consumption_update"
# Kind and face -> what the official SDKs call it. A kind without a name in a face is not told there.
TYPES: dict[tuple[str, str], str] = {
    (NEW_MESSAGE, CHAT): "twilio.channel.new_message",
    (ADDED, CHAT): "twilio.channel.added_to_channel",
    (REMOVED, CHAT): "twilio.channel.removed_from_channel",
    (INVITED, CHAT): "twilio.channel.invited_to_channel",
    (BADGE, CHAT): _BADGE_TYPE,
    (NEW_MESSAGE, CONVERSATIONS): "twilio.conversations.new_message",
    (WITH_MEDIA, CONVERSATIONS): "twilio.conversations.new_message",
    (ADDED, CONVERSATIONS): "twilio.conversations.added_to_conversation",
    (REMOVED, CONVERSATIONS): "twilio.conversations.removed_from_conversation",
    (BADGE, CONVERSATIONS): _BADGE_TYPE,
}
# The wording of Chat's last three is unconfirmed.
_DEFAULTS: dict[tuple[str, str], str] = {
    (NEW_MESSAGE, CHAT): "${CHANNEL};${USER}: ${MESSAGE}",
    (ADDED, CHAT): "You have been added to the channel ${CHANNEL} by ${USER}",
    (REMOVED, CHAT): "You have been removed from the channel ${CHANNEL} by ${USER}",
    (INVITED, CHAT): "You have been invited to the channel ${CHANNEL} by ${USER}",
    (NEW_MESSAGE, CONVERSATIONS): "${CONVERSATION}:${PARTICIPANT}: ${MESSAGE}",
    (WITH_MEDIA, CONVERSATIONS): "You have a new message in ${CONVERSATION} with ${MEDIA_COUNT} media files: ${MEDIA}",
    (ADDED, CONVERSATIONS): "You have been added to the conversation ${CONVERSATION} by ${PARTICIPANT}",
    (REMOVED, CONVERSATIONS): "${PARTICIPANT} has removed you from the conversation ${CONVERSATION}",
}
MUTED = "muted"
LONGEST_TEXT = 178
# What notifications show of a record, beside its text.
_CARRIED = ("sid", "index", "author", "media")
# SNS, APNs and FCM take 4,096 bytes. The rest is for the envelope, the badge and the notification's id.
LONGEST_PAYLOAD = 3_800
# What a notification can do without if it is too long, the first one first.
_SPARE = ("media", "author", "channel_title", "conversation_title")

_VARIABLE = re.compile(r"\$\{([A-Z_]{1,40})\}")


def _setting(service: Service, name: str) -> Any:
    return service.get(f"notifications.{name}")


def _where(kind: str) -> str:
    return "new_message.with_media" if kind == WITH_MEDIA else kind


def is_on(service: Service, kind: str) -> bool:
    """Whether a service wants this kind of notification."""
    return has_badges(service) if kind == BADGE else bool(_setting(service, f"{_where(kind)}.enabled"))


def has_badges(service: Service) -> bool:
    """Whether a service wants badges, which only notifications of new messages can raise."""
    return is_on(service, NEW_MESSAGE) and bool(_setting(service, "new_message.badge_count_enabled"))


def is_logged(service: Service) -> bool:
    """Whether a service wants a log of its notifications."""
    return bool(_setting(service, "log_enabled"))


def refined(kind: str, face: str, record: Mapping[str, Any]) -> str:
    """The kind of a notification for devices of one face: only Conversations has a kind for messages with files."""
    return WITH_MEDIA if kind == NEW_MESSAGE and face == CONVERSATIONS and files_of(record) else kind


def is_told(kind: str, face: str, service: Service, record: Mapping[str, Any]) -> bool:
    """Whether devices of a face hear of something, given the record that it is about."""
    own = refined(kind, face, record)
    return (own, face) in TYPES and is_on(service, own)


def is_wanted(kind: str, types: Sequence[str]) -> bool:
    """Whether a device asked for a kind when it registered; one that named none wants all."""
    return kind == BADGE or not types or kind in types


def is_unread(newest: int, horizon: int | None) -> bool:
    """Whether a channel counts for its member's badge. Without a horizon it does not (unconfirmed)."""
    return horizon is not None and newest > horizon


def carried(record: Mapping[str, Any]) -> dict[str, Any]:
    """What `written` needs of a record: of a text no more than a notification can show."""
    carried = {name: record[name] for name in _CARRIED if name in record}
    if body := record.get("body"):
        carried["body"] = body[: LONGEST_TEXT + 1]
    return carried


def written(
    kind: str,
    face: str,
    service: Service,
    channel: Channel,
    record: Mapping[str, Any],
    acting: Mapping[str, str],
) -> dict[str, Any]:
    """What all devices of a face are told: `type` and `data`; unless it is about a badge, `text` and perhaps `sound`.

    `record` is the message, the member or the invite that it is about. `acting` describes who did it: `name` is always
    there, `user_sid` and `participant_sid` as far as they are known.
    """
    own = refined(kind, face, record)
    if own == BADGE:
        return {"type": TYPES[own, face], "data": {}}
    template = _setting(service, f"{_where(own)}.template") or _DEFAULTS[own, face]
    told: dict[str, Any] = {
        "type": TYPES[own, face],
        "text": cut(expanded(template, _variables(own, service, channel, record, acting))),
        "data": _data(own, face, channel, record),
    }
    if sound := _setting(service, f"{NEW_MESSAGE if own == WITH_MEDIA else own}.sound"):
        told["sound"] = sound
    return _fitting(told)


def expanded(template: str, values: Mapping[str, str]) -> str:
    """A template with its variables replaced once: variables in the values stay as they are, and so do unknown ones."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), template)


def _variables(
    kind: str, service: Service, channel: Channel, record: Mapping[str, Any], acting: Mapping[str, str]
) -> dict[str, str]:
    unique, friendly, sid = channel.get("unique_name"), channel.get("friendly_name"), channel["sid"]
    name, identity = acting["name"], acting.get("identity") or acting["name"]
    values: dict[str, str] = {}
    for noun in ("CHANNEL", "CONVERSATION"):
        values |= {
            noun: unique or friendly or sid,
            f"{noun}_UNIQUE_NAME": unique or friendly or sid,
            f"{noun}_FRIENDLY_NAME": friendly or unique or sid,
            f"{noun}_SID": sid,
        }
    for noun in ("USER", "PARTICIPANT"):
        values |= {noun: name, f"{noun}_FRIENDLY_NAME": name}
    values |= {
        "USER_SID": acting.get("user_sid") or identity,
        "USER_IDENTITY": identity,
        "PARTICIPANT_IDENTITY": name,
        "PARTICIPANT_SID": acting.get("participant_sid") or identity,
    }
    if kind in (NEW_MESSAGE, WITH_MEDIA):
        values["MESSAGE"] = record.get("body") or ""
        if files := files_of(record):
            values["MESSAGE"] = values["MESSAGE"] or compatibility_message(service)
            values |= {"MEDIA_COUNT": str(len(files)), "MEDIA": files[0].get("filename") or ""}
    return values


def compatibility_message(service: Service) -> str:
    """What stands for a message that has files and no text."""
    own: Mapping[str, Any] = service
    return str(own.get("media.compatibility_message") or "Media messages are not supported by your client")


def _data(kind: str, face: str, channel: Channel, record: Mapping[str, Any]) -> dict[str, Any]:
    title = channel.get("friendly_name") or channel.get("unique_name")
    sid, is_chat = channel["sid"], face == CHAT
    data: dict[str, Any] = {"channel_sid": sid, "channel_id": sid} if is_chat else {"conversation_sid": sid}
    if title:
        data["channel_title" if is_chat else "conversation_title"] = title
    if kind in (NEW_MESSAGE, WITH_MEDIA):
        data |= {"message_sid": record["sid"], "message_index": record["index"], "author": record["author"]}
        if is_chat:
            data["message_id"] = record["sid"]
        elif files := files_of(record):
            shown = {name: files[0].get(name) for name in ("sid", "filename", "content_type", "size")}
            data |= {"media_count": len(files), "media": _json(shown)}
    return data


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """The beginning of a text, without a part of what a reader sees as one character at its end."""
    if len(text) <= longest:
        return text
    at = longest
    while at > 0 and not _is_boundary(text, at):
        at -= 1
    # A single character of more than that many code points has to be broken somewhere.
    return text[: at or longest]


# Emoji and their parts, by code point: joiner, variation selectors, skin tones, tags, flags.
_JOINER = "\u200d"
_FLAGS = range(0x1F1E6, 0x1F200)
_EXTENDING = (range(0xFE00, 0xFE10), range(0x1F3FB, 0x1F400), range(0xE0020, 0xE0080), range(0x200C, 0x200E))
# Korean syllables may be written as their letters: first ones, vowels and last ones.
_HANGUL = range(0x1100, 0x1200)


def _is_boundary(text: str, at: int) -> bool:
    """Whether two characters, as a reader sees them, meet here: the rules of UAX #29 that matter in real texts."""
    before, after = text[at - 1], text[at]
    code = ord(after)
    if unicodedata.category(after) in ("Mn", "Me", "Mc") or any(code in part for part in _EXTENDING):
        return False
    if before == _JOINER or (before, after) == ("\r", "\n"):
        return False
    if code in _HANGUL and ord(before) in _HANGUL:
        return False
    if code in _FLAGS:
        # A flag is two of these letters.
        letters = 0
        while letters < at and ord(text[at - 1 - letters]) in _FLAGS:
            letters += 1
        return letters % 2 == 0
    return True


def _fitting(told: dict[str, Any]) -> dict[str, Any]:
    """A notification that every push service takes: if it is too long, members that an app can miss are left out."""
    spare = iter(_SPARE)
    while len(_json(_outline(told)).encode()) > LONGEST_PAYLOAD and (name := next(spare, None)):
        told["data"].pop(name, None)
    return told


def _outline(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a payload has at most, whatever the device: APN's has the shorter names, FCM's only texts."""
    return payload("fcm", told, "RU" + 32 * "0")


def payload(type_: str, told: Mapping[str, Any], notification_sid: str, badge: int | None = None) -> dict[str, Any]:
    """What a device of a type is sent: for APN all that the app gets, for others the data, whose values are texts.

    Args:
        told: As `written` makes it.
        notification_sid: The notification's SID, by which a device knows a second copy.
        badge: The number on the app's icon, which only APN has; None leaves it as it is.
    """
    named = {"twi_message_type": told["type"], "twi_message_id": notification_sid}
    text, sound = told.get("text"), told.get("sound")
    if type_ == "apn":
        parts = {"alert": text, "badge": badge, "sound": sound, "content-available": 1 if text is None else None}
        return {"aps": {name: value for name, value in parts.items() if value is not None}, **named, **told["data"]}
    texts = {"twi_body": text, "twi_sound": sound, **told["data"]}
    return {**named, **{name: str(value) for name, value in texts.items() if value is not None}}


def counted(channels: Iterable[tuple[Mapping[str, Any], Mapping[str, Any], int]], face: str) -> int:
    """The badge of a user's devices of a face: how many channels have unread messages.

    Each channel comes with the user's membership, its counters and the index of its newest message. Conversations
    counts conversations between two only.
    """
    return sum(
        is_unread(newest, member.get("last_consumed_message_index"))
        for member, tail, newest in channels
        if face == CHAT or (tail.get("type") == PRIVATE and tail.get("members_count") == 2)
    )


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
