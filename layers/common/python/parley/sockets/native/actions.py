"""What a client can ask for: one row per action. Most actions run an operation that the REST API runs too.

Such a row is data: a mount of Chat v2, a verb, and the members of the frame that carry its input. The other rows name a
function of `own_actions.py`, because only sockets have these actions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER, UNKNOWN_ACTION
from parley.faces.chat_v2 import CHANNELS, INVITES, MEMBERS, MESSAGES, USER_CHANNELS, USERS
from parley.faces.forms import parse, spelled
from parley.faces.spec import Mount
from parley.frozen import frozen
from parley.ids import message_sid, user_sid
from parley.operations import addressing, consumption, invites
from parley.operations.paging import PageRequest, fitting, from_index, to_index
from parley.operations.table import OPERATIONS, Operation
from parley.sockets.native import own_actions
from parley.sockets.native.frames import LONGEST_MESSAGE, Request, dump
from parley.sockets.native.session import Session, text, whole
from parley.store.items import Record


@frozen
class Action:
    """One action upon a resource.

    Attributes:
        mount: The mount of Chat v2 whose operation this is; replies show the mount's view.
        verb: The operation's verb.
        takes: The fields and filters that the client may give, separated by blanks. On create and update, the type of
            record must declare that a client may set the field.
        address: By path name, the member of the frame that fills it. A channel may be named by SID or unique name.
        status: The reply's status if the action succeeds.
        self_as: Where the client's own identity goes: into the parameter `identity`, or under this name into the path.
        repeatable: Whether a long enough frame id is an idempotency token.
        operation: The operation, if it is not the mount's own one for the verb.
        named: The names of fields, by members of the frame that are called otherwise.
        fixed: Parameters that the client cannot choose, by form name.
        with_channel: Whether the reply also shows the channel of each record.
    """

    mount: Mount
    verb: str
    takes: str = ""
    address: dict[str, str] = field(default_factory=dict)
    status: int = 200
    self_as: str = ""
    repeatable: bool = False
    operation: Operation | None = None
    named: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, list[str]] = field(default_factory=dict)
    with_channel: bool = False


@frozen
class OwnAction:
    """An action that only sockets have. Its function takes the session and the frame and returns the result."""

    function: Callable[[Session, dict[str, Any]], Any]
    status: int = 200


_IN_CHANNEL = {"channel_sid": "channel"}
_THE_CHANNEL = {"sid": "channel"}
_THE_MEMBER = {**_IN_CHANNEL, "sid": "identity"}
_THE_MESSAGE = {**_IN_CHANNEL, "sid": "message"}
_JOINING = "identity attributes"
_HORIZON = "last_consumed_message_index"
# Unlike the form of Chat v2, the frame may name several files.
_SENDING = replace(MESSAGES, create=f"{MESSAGES.create} media_sids")


def _horizon(operation: Operation, takes: str = "") -> Action:
    named = {"index": _HORIZON} if takes == _HORIZON else {}
    return Action(USER_CHANNELS, "update", takes, _IN_CHANNEL, operation=operation, named=named)


ACTIONS: dict[str, Action | OwnAction] = {
    "fetchSession": OwnAction(own_actions.fetch_session),
    "refreshToken": OwnAction(own_actions.refresh_token),
    "createChannel": Action(CHANNELS, "create", "friendly_name unique_name attributes type", status=201),
    "fetchChannel": Action(CHANNELS, "fetch", address=_THE_CHANNEL),
    "updateChannel": Action(CHANNELS, "update", "friendly_name unique_name attributes", _THE_CHANNEL),
    "deleteChannel": Action(CHANNELS, "delete", address=_THE_CHANNEL, status=204),
    "listPublicChannels": Action(CHANNELS, "list", fixed={"Type": ["public"]}),
    "listMyChannels": Action(USER_CHANNELS, "list", self_as="user_sid", with_channel=True),
    "fetchMyChannel": OwnAction(own_actions.fetch_my_channel),
    "joinChannel": Action(MEMBERS, "create", _JOINING, _IN_CHANNEL, status=201, self_as="identity"),
    "leaveChannel": Action(MEMBERS, "delete", address=_IN_CHANNEL, status=204, self_as="member_identity"),
    "inviteMember": Action(INVITES, "create", "identity", _IN_CHANNEL, status=201),
    "acceptInvitation": Action(
        MEMBERS, "create", _JOINING, _IN_CHANNEL, status=201, self_as="identity", operation=invites.accept
    ),
    "declineInvitation": Action(INVITES, "delete", address=_IN_CHANNEL, status=204, operation=invites.decline),
    "addMember": Action(MEMBERS, "create", _JOINING, _IN_CHANNEL, status=201),
    "removeMember": Action(MEMBERS, "delete", address=_THE_MEMBER, status=204),
    "fetchMember": Action(MEMBERS, "fetch", address=_THE_MEMBER),
    "listMembers": Action(MEMBERS, "list", "identity", _IN_CHANNEL),
    "updateMember": Action(MEMBERS, "update", "attributes", _THE_MEMBER),
    "sendMessage": Action(
        _SENDING, "create", "attributes body media_sid media_sids", _IN_CHANNEL, status=201, repeatable=True
    ),
    "updateMessage": Action(MESSAGES, "update", "attributes body", _THE_MESSAGE),
    "deleteMessage": Action(MESSAGES, "delete", address=_THE_MESSAGE, status=204),
    "fetchMessage": Action(MESSAGES, "fetch", address=_THE_MESSAGE),
    "listMessages": Action(MESSAGES, "list", "order", _IN_CHANNEL),
    "advanceLastConsumedMessageIndex": _horizon(consumption.advance, _HORIZON),
    "updateLastConsumedMessageIndex": _horizon(consumption.update, _HORIZON),
    "setAllMessagesConsumed": _horizon(consumption.consume_all),
    "setNoMessagesConsumed": _horizon(consumption.consume_none),
    "setNotificationLevel": _horizon(consumption.set_notification_level, "notification_level"),
    "fetchUser": Action(USERS, "fetch", address={"sid": "identity"}),
    "listUsers": Action(USERS, "list"),
    "updateUser": Action(USERS, "update", "attributes friendly_name", {"sid": "identity"}),
    "followUsers": OwnAction(own_actions.follow_users),
    "unfollowUsers": OwnAction(own_actions.unfollow_users, status=204),
    "typing": OwnAction(own_actions.typing),
    "registerBinding": OwnAction(own_actions.register_binding, status=201),
    "removeBinding": OwnAction(own_actions.remove_binding, status=204),
    "catchUp": OwnAction(own_actions.catch_up),
}

# A frame id of at least this many characters counts as unique, like a UUID. If the same user repeats it within ten
# minutes, the reply is the first result. A shorter id (1, 2, 3) only pairs a reply with its request, and costs less.
TOKEN_LENGTH = 16

_PAGE_SIZE, _LARGEST_PAGE = 30, 100
_LONGEST_POSITION = 128
# How many bytes of a reply are kept for what surrounds the items of a list.
_BYTES_AROUND_A_LIST = 1024
_HIGHEST_INDEX = 10**10


def perform(session: Session, request: Request) -> tuple[int, Any]:
    """Carry out a request; returns the reply's status and result.

    Raises:
        Refusal: the action is unknown, its input is bad, or the operation refuses it.
    """
    action = ACTIONS.get(request.action)
    if action is None:
        raise UNKNOWN_ACTION(action=request.action[:64])
    if isinstance(action, OwnAction):
        return action.status, action.function(session, request.body)
    path = _path(session, action, request.body)
    parameters = _parameters(session, action, request.body)
    operation = action.operation or OPERATIONS[action.mount.resource, action.verb]
    if action.verb == "list":
        return action.status, _list(session, action, operation, path, parameters, request.body)
    is_token = action.repeatable and len(request.id) >= TOKEN_LENGTH
    more = {"token": f"{_sender(session)}/{request.id}"} if is_token else {}
    record = operation(session.context, path, parameters, **more)
    return action.status, None if record is None or action.status == 204 else _show(session, action, record)


def _sender(session: Session) -> str:
    """A unique name of the sender, so that another user's frame with the same id does not count as a repeat."""
    return session.context.caller.birth or user_sid(session.service_sid, session.identity)


def _path(session: Session, action: Action, body: dict[str, Any]) -> dict[str, str]:
    path = {"service_sid": session.service_sid}
    for name, member in action.address.items():
        if member == "message" and isinstance(body.get(member), int):
            path[name] = _message_at(session, path["channel_sid"], body)
        else:
            path[name] = text(body, member)
    if action.self_as and action.self_as != "identity":
        path[action.self_as] = session.identity
    return path


def _message_at(session: Session, channel: str, body: dict[str, Any]) -> str:
    index = whole(body, "message", None, 0, _HIGHEST_INDEX)
    return message_sid(addressing.channel_sid(session.context, session.service_sid, channel), index or 0)


def _parameters(session: Session, action: Action, body: dict[str, Any]) -> dict[str, Any]:
    """The frame's members as form values, so that the rules for REST's forms check them too."""
    given = dict(action.fixed)
    if action.self_as == "identity":
        given["Identity"] = [session.identity]
    named = {name: member for member, name in action.named.items()}
    for member in action.named:
        if body.get(member) is None:
            raise MISSING_PARAMETER(name=member)
    taken = [parameter for parameter in action.mount.form(action.verb) if parameter.name in action.takes.split()]
    given |= spelled((entry for entry in taken if entry.form_name not in given), body, action.verb, named)
    return parse(action.mount, action.verb, given) if given or taken else {}


def _list(
    session: Session,
    action: Action,
    operation: Operation,
    path: dict[str, str],
    parameters: dict[str, Any],
    body: dict[str, Any],
) -> dict[str, Any]:
    """One page. It has fewer items than asked for if they would not fit into one reply."""
    size = whole(body, "page_size", _PAGE_SIZE, 1, _LARGEST_PAGE) or _PAGE_SIZE
    descending = parameters.get("order") == "desc"
    after = _anchor(body, descending=descending) if action.mount.by_index else _position(body)
    page = PageRequest(size, after=after)
    listing = operation(session.context, path, parameters, page)
    shown = [_show(session, action, record) for record in listing.records]
    sizes = (len(dump(item).encode()) + 1 for item in shown)
    listing = listing.cut(fitting(sizes, LONGEST_MESSAGE - _BYTES_AROUND_A_LIST), page)
    told: dict[str, Any] = {action.mount.key: shown[: len(listing.records)]}
    following = listing.last if listing.more_after else None
    if not action.mount.by_index:
        return {**told, "next": following}
    return {**told, "next_anchor": None if following is None else to_index(following, descending=descending)}


def _anchor(body: dict[str, Any], *, descending: bool) -> str | None:
    anchor = whole(body, "anchor", None, 0, _HIGHEST_INDEX)
    return None if anchor is None else from_index(anchor, descending=descending)


def _position(body: dict[str, Any]) -> str | None:
    after = body.get("after")
    if after is None:
        return None
    if not isinstance(after, str) or not 0 < len(after) <= _LONGEST_POSITION or not after.isascii():
        raise INVALID_PARAMETER(name="after", reason="the `next` of an earlier page is needed")
    return after


def _show(session: Session, action: Action, record: Record) -> dict[str, Any]:
    return (
        session.views.with_channel(record) if action.with_channel else session.views.show(action.mount.resource, record)
    )
