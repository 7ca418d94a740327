"""The commands with which the lines 3 and 4 of Chat change things: one row each. Most are acts upon a resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from parley.errors import INVALID_PARAMETER, NOT_FOUND, UNKNOWN_ACTION, Refusal
from parley.frozen import frozen
from parley.ids import is_sid, message_sid
from parley.operations import consumption, invites
from parley.sockets.sdk import objects
from parley.sockets.sdk.acts import Act, perform
from parley.sockets.sdk.routing import Exchange, text
from parley.sockets.sdk.upstream import MOVING
from parley.sockets.sdk.upstream_views import V1
from parley.store.items import Record

Request = Mapping[str, Any]


@frozen
class Command:
    """One command that is an act.

    Attributes:
        act: The act.
        address: By path name, the members of the request of which the first given one fills it.
        own: Where the client's own identity goes: under this name into the path.
        tells: What the response says of the result.
    """

    act: Act
    address: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: str = ""
    tells: Callable[[Record], dict[str, Any]] = lambda record: {}


@frozen
class OwnCommand:
    """One command with a function of its own, which returns what the response says."""

    function: Callable[[Exchange, Request], dict[str, Any]]


_MOST_REPORTED = 100
_LONGEST_INDEX = 10


def report(exchange: Exchange, request: Request) -> dict[str, Any]:
    """Move the user's horizons in several channels. A channel in which it cannot be moved is left out of the answer.

    Raises:
        Refusal: the first one, if none could be moved.
    """
    entries = request.get("report")
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_REPORTED:
        raise INVALID_PARAMETER(name="report", reason=f"a list of 1 to {_MOST_REPORTED} entries is needed")
    moved: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    for entry in entries:
        try:
            moved.append(_moved(exchange, entry))
        except Refusal as refusal:
            refused.append(refusal)
    if not moved:
        raise refused[0]
    return {"report": moved}


def _moved(exchange: Exchange, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise INVALID_PARAMETER(name="report", reason="a channelSid and a messageIdx are needed")
    index = entry.get("messageIdx")
    operation = consumption.consume_none if index is None else consumption.update
    act = Act("user_channel", "update", MOVING[V1].takes, operation)
    path = {"channel_sid": text(entry, "channelSid")}
    seen = perform(exchange, V1, act, path, {"last_consumed_message_index": index})
    return {"channelSid": seen["channel_sid"], "unreadMessagesCount": seen["unread_messages_count"]}


_IN_CHANNEL = {"channel_sid": ("channelSid",)}
_CHANNEL = {"sid": ("channelSid",)}
_MEMBER = {**_IN_CHANNEL, "sid": ("memberSid", "username")}
_MESSAGE = {**_IN_CHANNEL, "sid": ("messageIdx",)}
_USER = {"sid": ("username",)}
# The members of a command that say what it is about.
ADDRESSES = ("channelSid", "memberSid", "username", "messageIdx")


def _edited(resource: str, takes: str, address: Mapping[str, tuple[str, ...]]) -> Command:
    return Command(Act(resource, "update", takes), address)


def _sent(takes: str) -> Command:
    return Command(
        Act("message", "create", takes, repeatable=True),
        _IN_CHANNEL,
        tells=lambda record: {"messageId": record["index"]},
    )


COMMANDS: dict[str, Command | OwnCommand] = {
    "createChannel": Command(
        Act("channel", "create", "friendlyName=friendly_name uniqueName=unique_name type attributes", repeatable=True),
        tells=lambda record: {"channelSid": record["sid"], "channel": objects.document(record["sid"]).unique_name},
    ),
    "destroyChannel": Command(Act("channel", "delete"), _CHANNEL),
    "editAttributes": _edited("channel", "attributes", _CHANNEL),
    "editFriendlyName": _edited("channel", "friendlyName=friendly_name", _CHANNEL),
    "editUniqueName": _edited("channel", "uniqueName=unique_name", _CHANNEL),
    "joinChannelV2": Command(Act("member", "create", joins=True), _IN_CHANNEL),
    "leaveChannel": Command(Act("member", "delete"), _IN_CHANNEL, own="member_identity"),
    "declineInvitation": Command(Act("invite", "delete", operation=invites.decline), _IN_CHANNEL),
    "addMemberV2": Command(Act("member", "create", "username=identity"), _IN_CHANNEL),
    "inviteMember": Command(Act("invite", "create", "username=identity"), _IN_CHANNEL),
    "removeMember": Command(Act("member", "delete"), _MEMBER),
    "editMemberAttributes": _edited("member", "attributes", _MEMBER),
    "editNotificationLevel": Command(
        Act(
            "user_channel",
            "update",
            "notificationLevel=notification_level",
            operation=consumption.set_notification_level,
        ),
        _IN_CHANNEL,
    ),
    "consumptionReportV2": OwnCommand(report),
    "editUserAttributes": _edited("user", "attributes", _USER),
    "editUserFriendlyName": _edited("user", "friendlyName=friendly_name", _USER),
    "sendMessage": _sent("text=body attributes"),
    "sendMediaMessage": _sent("mediaSid=media_sid attributes"),
    "editMessage": _edited("message", "text=body", _MESSAGE),
    "editMessageAttributes": _edited("message", "attributes", _MESSAGE),
    "deleteMessage": Command(Act("message", "delete"), _MESSAGE),
}


def carried_out(exchange: Exchange, request: Request, command_id: str) -> dict[str, Any]:
    """Carry out a command; returns what the response says beside its status. No other command has this id.

    Raises:
        Refusal: 20001 for an unknown command; its input is bad; or the operation refuses it.
    """
    action = request.get("action")
    command = COMMANDS.get(action) if isinstance(action, str) else None
    if command is None:
        raise UNKNOWN_ACTION(action=str(action)[:64])
    if isinstance(command, OwnCommand):
        return command.function(exchange, request)
    path = {name: _addressed(request, name, members) for name, members in command.address.items()}
    if "messageIdx" in command.address.get("sid", ()):
        path["sid"] = _message_at(path["channel_sid"], path["sid"])
    if command.own:
        path[command.own] = exchange.identity
    record = perform(exchange, V1, command.act, path, request, command_id)
    return command.tells(record) if record is not None else {}


def _addressed(request: Request, name: str, members: tuple[str, ...]) -> str:
    """The text that fills a name in the path."""
    member = next((member for member in members if request.get(member) is not None), members[0])
    value = request.get(member)
    if member == "messageIdx" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(request, member)


def _message_at(channel_sid: str, index: str) -> str:
    """The SID of the message at an index.

    Raises:
        Refusal: 20404 for a text that is no index, or for a channel that is not named by its SID.
    """
    is_index = index.isascii() and index.isdigit() and len(index) <= _LONGEST_INDEX
    if not is_index or not is_sid("CH", channel_sid):
        raise NOT_FOUND()
    return message_sid(channel_sid, int(index))
