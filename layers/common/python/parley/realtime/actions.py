"""What a client can ask for: one row per action, each a door to an operation that every other door uses too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER, UNKNOWN_ACTION
from parley.ids import user_sid
from parley.operations import OPERATIONS
from parley.operations.context import Context, PageRequest
from parley.realtime.frames import Request
from parley.resources import CHANNEL, MEMBER, MESSAGE, USER
from parley.resources.parameters import parse
from parley.resources.spec import Resource
from parley.resources.views import present
from parley.store.items import Record

# Pushes and replies show records as Chat v2 does.
API = "/chat/v2"


@dataclass(frozen=True)
class Action:
    """One action.

    Attributes:
        row: The resource it is about.
        verb: The operation's verb.
        address: Members of the frame that say which one, by path name: the channel may be named by SID or unique name.
        status: What the reply says when it is done.
        self_as: Where the client's own identity goes: the path name `sid`, or the parameter `identity`.
        repeatable: Whether a long enough frame id is an idempotency token.
    """

    row: Resource
    verb: str
    address: dict[str, str]
    status: int = 200
    self_as: str = ""
    repeatable: bool = False


_CHANNEL = {"channel_sid": "channel"}
_ITEM = {"sid": "channel"}

ACTIONS: dict[str, Action] = {
    "createChannel": Action(CHANNEL, "create", {}, status=201),
    "fetchChannel": Action(CHANNEL, "fetch", _ITEM),
    "updateChannel": Action(CHANNEL, "update", _ITEM),
    "deleteChannel": Action(CHANNEL, "delete", _ITEM, status=204),
    "joinChannel": Action(MEMBER, "create", _CHANNEL, status=201, self_as="identity"),
    "leaveChannel": Action(MEMBER, "delete", _CHANNEL, status=204, self_as="sid"),
    "addMember": Action(MEMBER, "create", _CHANNEL, status=201),
    "updateMember": Action(MEMBER, "update", {**_CHANNEL, "sid": "identity"}),
    "removeMember": Action(MEMBER, "delete", {**_CHANNEL, "sid": "identity"}, status=204),
    "updateUser": Action(USER, "update", {"sid": "identity"}),
    "sendMessage": Action(MESSAGE, "create", _CHANNEL, status=201, repeatable=True),
    "fetchMessage": Action(MESSAGE, "fetch", {**_CHANNEL, "sid": "message"}),
    "listMessages": Action(MESSAGE, "list", _CHANNEL),
    "updateMessage": Action(MESSAGE, "update", {**_CHANNEL, "sid": "message"}),
    "deleteMessage": Action(MESSAGE, "delete", {**_CHANNEL, "sid": "message"}, status=204),
}

# A frame id of this many characters is taken for unique, a UUID say: repeated by the same identity within ten minutes,
# it answers with the first result. Shorter ones (1, 2, 3) only pair a reply with its request, and cost less.
TOKEN_LENGTH = 16

# What only the server knows: who did something and when, and which role goes with it.
_NOT_FOR_CLIENTS = {"From", "DateCreated", "DateUpdated", "LastUpdatedBy", "CreatedBy", "RoleSid"}
_PAGE_SIZE, _LARGEST_PAGE = 30, 100


def perform(context: Context, service_sid: str, request: Request, rest_url: str) -> tuple[int, Any]:
    """Carry out a request; returns the reply's status and result.

    Raises:
        Refusal: an unknown action, bad input, or what the operation refuses.
    """
    action = ACTIONS.get(request.action)
    if action is None:
        raise UNKNOWN_ACTION(action=request.action[:64])
    path = {"service_sid": service_sid} | {name: _text(request.body, member) for name, member in action.address.items()}
    given = _given(action, request.body)
    if action.self_as == "sid":
        path["sid"] = context.caller.identity or ""
    elif action.self_as:
        given["Identity"] = [context.caller.identity or ""]
    parameters = parse(action.row, action.verb, given)
    operation = OPERATIONS[action.row.name, action.verb]
    if action.verb == "list":
        return action.status, _list(context, action, operation, path, parameters, request.body, rest_url)
    is_token = action.repeatable and len(request.id) >= TOKEN_LENGTH
    more = {"token": f"{user_sid(service_sid, context.caller.identity or '')}/{request.id}"} if is_token else {}
    record = operation(context, path, parameters, **more)
    return action.status, None if record is None else show(action.row, record, rest_url, context.account_sid)


def _list(
    context: Context,
    action: Action,
    operation: Callable[..., Any],
    path: dict[str, str],
    parameters: dict[str, Any],
    body: dict[str, Any],
    rest_url: str,
) -> dict[str, Any]:
    size = body.get("page_size", _PAGE_SIZE)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _LARGEST_PAGE:
        raise INVALID_PARAMETER(name="page_size", reason=f"a whole number from 1 to {_LARGEST_PAGE} is needed")
    anchor = body.get("anchor")
    if anchor is not None and (not isinstance(anchor, int) or isinstance(anchor, bool) or not 0 <= anchor < 10**11):
        raise INVALID_PARAMETER(name="anchor", reason="a message index is needed")
    listing = operation(context, path, parameters, PageRequest(size, after=None if anchor is None else str(anchor)))
    shown = [show(action.row, record, rest_url, context.account_sid) for record in listing.records]
    return {action.row.plural: shown, "next_anchor": int(listing.last) if listing.more_after and listing.last else None}


def _text(body: dict[str, Any], member: str) -> str:
    value = body.get(member)
    if value is None:
        raise MISSING_PARAMETER(name=member)
    if not isinstance(value, str) or not value:
        raise INVALID_PARAMETER(name=member, reason="a text is needed")
    return value


def _given(action: Action, body: dict[str, Any]) -> dict[str, list[str]]:
    """The frame's members as form values, so that one set of rules reads both."""
    given = {}
    for field in action.row.form(action.verb):
        if field.name in body and field.form_name not in _NOT_FOR_CLIENTS:
            value = body[field.name]
            given[field.form_name] = (
                [_form_text(part) for part in value] if isinstance(value, list) else [_form_text(value)]
            )
    return given


def _form_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def show(row: Resource, record: Record, rest_url: str, account_sid: str) -> dict[str, Any]:
    """A record as pushes and replies show it: the view of Chat v2."""
    mount = next(mount for mount in row.mounts if mount.api == API)
    return present(row, mount, record, rest_url, account_sid)
