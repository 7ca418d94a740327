"""Conversations' words for values that are stored with Chat's words: types of roles, permissions, notifications.

https://www.twilio.com/docs/conversations/api/role-resource
"""

from __future__ import annotations

from parley.domain.push import MESSAGE_TYPES
from parley.domain.roles import CHANNEL, CONVERSATIONS_PERMISSIONS, DEPLOYMENT

ROLE_TYPES = {"service": DEPLOYMENT, "conversation": CHANNEL}
_PERMISSIONS = {
    "createChannel": "createConversation",
    "joinChannel": "joinConversation",
    "leaveChannel": "leaveConversation",
    "destroyChannel": "deleteConversation",
    "addMember": "addParticipant",
    "removeMember": "removeParticipant",
    "editChannelName": "editConversationName",
    "editChannelAttributes": "editConversationAttributes",
    "editOwnMemberAttributes": "editOwnParticipantAttributes",
    "editAnyMemberAttributes": "editAnyParticipantAttributes",
}
PERMISSIONS = {_PERMISSIONS.get(stored, stored): stored for stored in CONVERSATIONS_PERMISSIONS}
_NOTIFICATIONS = {
    "added_to_channel": "added_to_conversation",
    "removed_from_channel": "removed_from_conversation",
    "invited_to_channel": "",
}
NOTIFICATIONS = {word: stored for stored in MESSAGE_TYPES if (word := _NOTIFICATIONS.get(stored, stored))}
