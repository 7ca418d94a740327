"""Roles and permissions: which names exist, where they may stand, what a new service comes with, who may do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from parley.errors import MISSING_PARAMETER, UNKNOWN_PERMISSION

DEPLOYMENT, CHANNEL = "deployment", "channel"

# Permission name -> the role types it may stand in (https://www.twilio.com/docs/chat/permissions).
PERMISSIONS: dict[str, frozenset[str]] = {
    "createChannel": frozenset({DEPLOYMENT}),
    "joinChannel": frozenset({DEPLOYMENT}),
    "addMember": frozenset({DEPLOYMENT, CHANNEL}),
    "inviteMember": frozenset({DEPLOYMENT, CHANNEL}),
    "removeMember": frozenset({DEPLOYMENT, CHANNEL}),
    "leaveChannel": frozenset({CHANNEL}),
    "destroyChannel": frozenset({DEPLOYMENT, CHANNEL}),
    "editChannelName": frozenset({DEPLOYMENT, CHANNEL}),
    "editChannelAttributes": frozenset({DEPLOYMENT, CHANNEL}),
    "sendMessage": frozenset({CHANNEL}),
    "sendMediaMessage": frozenset({CHANNEL}),
    "editAnyMessage": frozenset({DEPLOYMENT, CHANNEL}),
    "editOwnMessage": frozenset({DEPLOYMENT, CHANNEL}),
    "editAnyMessageAttributes": frozenset({DEPLOYMENT, CHANNEL}),
    "editOwnMessageAttributes": frozenset({DEPLOYMENT, CHANNEL}),
    "deleteAnyMessage": frozenset({DEPLOYMENT, CHANNEL}),
    "deleteOwnMessage": frozenset({CHANNEL}),
    "editAnyUserInfo": frozenset({DEPLOYMENT, CHANNEL}),
    "editOwnUserInfo": frozenset({DEPLOYMENT, CHANNEL}),
    "editAnyMemberAttributes": frozenset({DEPLOYMENT, CHANNEL}),
    "editOwnMemberAttributes": frozenset({DEPLOYMENT, CHANNEL}),
    "editNotificationLevel": frozenset({CHANNEL}),
}
# Only Conversations has the permission to add phones (https://www.twilio.com/docs/conversations/api/role-resource).
# Twilio accepts it, though its tables leave it out. Only Chat has the permission to invite.
_ONLY_IN_CONVERSATIONS = {"addNonChatParticipant": frozenset({DEPLOYMENT, CHANNEL})}
_ONLY_IN_CHAT = frozenset({"inviteMember"})
CONVERSATIONS_PERMISSIONS: dict[str, frozenset[str]] = {
    **{name: types for name, types in PERMISSIONS.items() if name not in _ONLY_IN_CHAT},
    **_ONLY_IN_CONVERSATIONS,
}


class GeneratedRole(NamedTuple):
    """A role that every new service starts with; `default_for` names the service field that points to it."""

    friendly_name: str
    type: str
    permissions: tuple[str, ...]
    default_for: str | None


# Names and deployment sets as recorded from new services. The channel sets are inferred from Twilio's console
# defaults of the last years; early services had fewer (unconfirmed). That both admins may add phones is inferred: in
# Conversations, admins have all rights (unconfirmed).
GENERATED: tuple[GeneratedRole, ...] = (
    GeneratedRole(
        "service admin",
        DEPLOYMENT,
        (
            "addMember",
            "addNonChatParticipant",
            "createChannel",
            "deleteAnyMessage",
            "destroyChannel",
            "editAnyMessage",
            "editAnyMessageAttributes",
            "editAnyUserInfo",
            "editChannelAttributes",
            "editChannelName",
            "inviteMember",
            "joinChannel",
            "removeMember",
        ),
        None,
    ),
    GeneratedRole(
        "service user", DEPLOYMENT, ("createChannel", "joinChannel", "editOwnUserInfo"), "default_service_role_sid"
    ),
    GeneratedRole(
        "channel admin",
        CHANNEL,
        (
            "sendMessage",
            "sendMediaMessage",
            "leaveChannel",
            "editNotificationLevel",
            "destroyChannel",
            "inviteMember",
            "removeMember",
            "editChannelName",
            "editChannelAttributes",
            "addMember",
            "addNonChatParticipant",
            "editAnyMemberAttributes",
            "editAnyMessage",
            "editAnyMessageAttributes",
            "deleteAnyMessage",
        ),
        "default_channel_creator_role_sid",
    ),
    GeneratedRole(
        "channel user",
        CHANNEL,
        (
            "sendMessage",
            "sendMediaMessage",
            "leaveChannel",
            "editNotificationLevel",
            "editOwnMemberAttributes",
            "editOwnMessage",
            "editOwnMessageAttributes",
            "deleteOwnMessage",
        ),
        "default_channel_role_sid",
    ),
)


def check_permissions(
    role_type: str, names: Iterable[str], known: Mapping[str, frozenset[str]] = PERMISSIONS
) -> list[str]:
    """The permissions of a role, each once, in the order given. `known` are all permissions, with their types.

    Raises:
        Refusal: 20001 when there is none; 50104 for a name that does not exist or cannot stand in this type of role.
    """
    permissions = list(dict.fromkeys(names))
    if not permissions:
        raise MISSING_PARAMETER(name="Permission")
    for name in permissions:
        if role_type not in known.get(name, ()):
            raise UNKNOWN_PERMISSION(type=role_type, name=name)
    return permissions


def is_allowed(permission: str, deployment_permissions: Iterable[str], channel_permissions: Iterable[str]) -> bool:
    """Whether a client has a permission, through its deployment role or through its role in the channel."""
    return permission in deployment_permissions or permission in channel_permissions
