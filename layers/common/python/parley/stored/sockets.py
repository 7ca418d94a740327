"""Records of sockets: connections, presence, followers, markers, and results that an SDK may need again."""

from __future__ import annotations

from typing import Any, TypedDict


class Connection(TypedDict, total=False):
    """An open socket.

    `codec` names its protocol unless that is the native one. `noted` says that its user was set online when it opened.
    `renewals` counts the tokens that followed the first one. `closing` says that it is being removed. If the token came
    in a frame, `came_at` is when it came, and `resumes` when the token of the client's connection before came, if the
    client says so; both are milliseconds.
    """

    id: str
    identity: str
    birth: str
    service_sid: str
    user_sid: str
    key_sid: str
    codec: str
    noted: bool
    closing: bool
    token_expires_at: int
    renewals: int
    endpoint_id: str
    push_credential_sid: str
    opened_at: int
    came_at: int
    resumes: int
    expires_at: int
    warned_of: int
    follows: list[str]


class Follower(TypedDict, total=False):
    """A connection that hears of the changes of a user, or of a channel's document, until `until`."""

    id: str
    key: str
    user_sid: str
    birth: str
    codec: str
    until: int
    expires_at: int


class Marker(TypedDict, total=False):
    """The connections that got the change `seq` from its writer; their ids have blanks between them."""

    seq: int
    to: str
    expires_at: int


# A user's presence has an attribute per connection, so its names are not known beforehand.
Presence = dict[str, Any]


class SessionResult(TypedDict, total=False):
    """The result of a command of an SDK. `birth` is that of the user who gave it; `at` is when, in milliseconds."""

    birth: str
    command_id: str
    response: dict[str, Any]
    at: int
    expires_at: int
