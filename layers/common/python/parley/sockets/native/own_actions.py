"""The actions that only sockets have: the session and its token, following, typing, push registration, catching up."""

from __future__ import annotations

from functools import partial
from typing import Any

from parley.clock import iso_seconds
from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER
from parley.ids import is_sid
from parley.operations import bindings, channels, user_channels, users
from parley.operations.addressing import service
from parley.records.services import setting
from parley.sockets import catching_up, connections, following
from parley.sockets.catching_up import CaughtUp
from parley.sockets.codec import News
from parley.sockets.native.codec import token
from parley.sockets.native.frames import dump
from parley.sockets.native.rendering import render
from parley.sockets.native.session import Session, text, texts
from parley.sockets.native.views import Views

_SERVICE_FIELDS = (
    "typing_indicator_timeout",
    "consumption_report_interval",
    "read_status_enabled",
    "reachability_enabled",
)
_MOST_CAUGHT_UP = 100


def fetch_session(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """The client's user, the settings of its service, where its files are, and when connection and token end."""
    owner = service(session.context, session.service_sid)
    user = users.fetch(session.context, {"service_sid": session.service_sid, "sid": session.identity}, {})
    return {
        "identity": session.identity,
        "user": session.views.show("user", user),
        "service": {
            "sid": owner["sid"],
            "friendly_name": owner.get("friendly_name"),
            **{name: setting(owner, name) for name in _SERVICE_FIELDS},
        },
        "media_url": session.views.media_url(session.service_sid),
        "media_size_limit_mb": session.context.media.limit_mb,
        "connection_expires_at": iso_seconds(session.connection["expires_at"] * 1000),
        **token(session.connection),
    }


def refresh_token(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Give the connection a new token."""
    renewed = connections.refresh(session.context, session.connection, text(body, "token"))
    following.renew(session.context, renewed)
    return token(renewed)


def fetch_my_channel(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """One channel that the user is in or invited to, as `listMyChannels` shows it."""
    path = {"service_sid": session.service_sid, "channel_sid": text(body, "channel"), "user_sid": session.identity}
    held = user_channels.fetch(session.context, path, {})
    channel = channels.load(session.context, {"service_sid": session.service_sid, "sid": held["channel_sid"]})
    return session.views.with_channel({**held, "channel": channel})


def follow_users(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Let the connection hear of changes of these users."""
    identities = texts(body, "identities", following.MOST_FOLLOWED)
    followed = following.follow(session.context, session.connection, identities)
    return {
        "users": [session.views.show("user", user) for user in followed.users],
        "unfollowed": followed.dropped,
    }


def unfollow_users(session: Session, body: dict[str, Any]) -> None:
    """Stop telling the connection of changes of these users."""
    following.unfollow(session.context, session.connection, texts(body, "identities", following.MOST_FOLLOWED))


def typing(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Tell the others in a channel that the client's user is typing."""
    seconds = session.typing.announce(session.context, session.connection, text(body, "channel"))
    return {"typing_timeout": seconds}


def register_binding(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Register the client's device for push."""
    connection = session.connection
    binding = bindings.register(
        session.context,
        session.service_sid,
        session.identity,
        endpoint=_endpoint(session, body),
        binding_type=text(body, "binding_type"),
        address=text(body, "address"),
        credential_sid=text(body, "credential_sid", connection.get("push_credential_sid")),
        message_types=texts(body, "message_types", 10, default=[]),
    )
    return session.views.show("binding", binding)


def _endpoint(session: Session, body: dict[str, Any]) -> str:
    """The device session that the frame or the token names; empty if neither does."""
    named = session.connection.get("endpoint_id") or ""
    return named if body.get("endpoint") is None else text(body, "endpoint")


def remove_binding(session: Session, body: dict[str, Any]) -> None:
    """Remove one registration of the client's user, or all of one device."""
    of_user = {"service_sid": session.service_sid, "user_sid": session.identity}
    if body.get("binding") is None and (body.get("address") is not None or body.get("binding_type") is not None):
        kind, address = text(body, "binding_type"), text(body, "address")
        bindings.delete_device(session.context, session.service_sid, session.identity, kind, address)
    else:
        bindings.delete(session.context, {**of_user, "sid": text(body, "binding")}, {})


def catch_up(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """The events that the client missed in channels, after the last `seq` that it saw in each."""
    marks = body.get("channels")
    if marks is None:
        raise MISSING_PARAMETER(name="channels")
    is_map = isinstance(marks, dict) and 0 < len(marks) <= _MOST_CAUGHT_UP
    if not is_map or not all(is_sid("CH", sid) and _is_mark(mark) for sid, mark in marks.items()):
        raise INVALID_PARAMETER(
            name="channels", reason=f"an object of 1 to {_MOST_CAUGHT_UP} channel SIDs and their last seq is needed"
        )
    service(session.context, session.service_sid)
    caught_up = catching_up.catch_up(session.context, session.connection, marks, partial(_rendered, session.views))
    return {"channels": {sid: _shown(answer) for sid, answer in caught_up.items()}}


def _rendered(views: Views, news: News) -> tuple[dict[str, Any], int]:
    frame = render(views, news)
    return frame, len(dump(frame).encode())


def _shown(answer: CaughtUp[dict[str, Any]]) -> dict[str, Any]:
    """The answer for one channel, as the reply shows it."""
    told: dict[str, Any] = {"status": answer.status}
    if answer.status != catching_up.GONE:
        told["seq"] = answer.seq
    if answer.status == catching_up.CHANGES:
        told |= {"more": answer.more, "events": list(answer.events)}
    return told


def _is_mark(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
