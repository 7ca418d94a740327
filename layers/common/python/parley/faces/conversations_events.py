"""Conversations' webhook events: one row each, with Twilio's name, its parameters and the fields an answer may replace.

https://www.twilio.com/docs/conversations/conversations-webhooks
"""

from __future__ import annotations

from parley.faces import chat_events
from parley.faces.events import Event, names

_CONVERSATION = "ConversationSid FriendlyName UniqueName Attributes MessagingServiceSid State DateCreated DateUpdated"
_PHONE = "MessagingBinding.ProxyAddress MessagingBinding.Address MessagingBinding.ProjectedAddress"
_SENDER = f" {_PHONE} MessagingBinding.AuthorAddress"
_MESSAGE = "ConversationSid Body Author ParticipantSid Attributes Media"
_OLD_MESSAGE = f"{_MESSAGE} MessageSid Index DateCreated DateUpdated"
_PARTICIPANT = f"ConversationSid Identity RoleSid Attributes {_PHONE} MessagingBinding.Type"
_OLD_PARTICIPANT = f"{_PARTICIPANT} ParticipantSid DateCreated DateUpdated"
_USER = "UserSid Identity RoleSid Attributes FriendlyName"

_TEXT_ANSWERS = "body author attributes"
# The body of a message with media is fixed.
_MEDIA_ANSWERS = "author attributes"

# The events before an action of a client or a phone, which the webhook may change or refuse.
PRE_EVENTS = {
    ("message", "create"): Event("onMessageAdd", _MESSAGE, _TEXT_ANSWERS),
    ("media message", "create"): Event("onMessageAdd", _MESSAGE, _MEDIA_ANSWERS),
    ("message", "update"): Event("onMessageUpdate", _OLD_MESSAGE, _TEXT_ANSWERS),
    ("media message", "update"): Event("onMessageUpdate", _OLD_MESSAGE, _MEDIA_ANSWERS),
    ("message", "delete"): Event("onMessageRemove", _OLD_MESSAGE),
    ("channel", "create"): Event(
        "onConversationAdd",
        f"FriendlyName UniqueName Attributes MessagingServiceSid State{_SENDER} MessageBody Media",
        "friendly_name",
    ),
    ("channel", "update"): Event("onConversationUpdate", _CONVERSATION, "friendly_name"),
    ("channel", "delete"): Event("onConversationRemove", _CONVERSATION),
    ("member", "create"): Event("onParticipantAdd", _PARTICIPANT),
    ("member", "update"): Event("onParticipantUpdate", _OLD_PARTICIPANT),
    ("member", "delete"): Event("onParticipantRemove", _OLD_PARTICIPANT),
    ("user", "update"): Event("onUserUpdate", f"{_USER} DateUpdated"),
}

# The events after a change was stored.
POST_EVENTS = {
    ("message", "created"): Event("onMessageAdded", f"{_MESSAGE} MessageSid Index DateCreated MessagingServiceSid"),
    ("message", "updated"): Event("onMessageUpdated", _OLD_MESSAGE),
    ("message", "deleted"): Event("onMessageRemoved", f"{_OLD_MESSAGE} DateRemoved"),
    ("channel", "created"): Event("onConversationAdded", f"{_CONVERSATION}{_SENDER}"),
    ("channel", "updated"): Event("onConversationUpdated", _CONVERSATION),
    ("channel", "deleted"): Event("onConversationRemoved", f"{_CONVERSATION} DateRemoved"),
    ("state", "updated"): Event(
        "onConversationStateUpdated", "ConversationSid MessagingServiceSid StateUpdated StateFrom StateTo Reason"
    ),
    ("member", "created"): Event("onParticipantAdded", f"{_PARTICIPANT} ParticipantSid DateCreated"),
    ("member", "updated"): Event("onParticipantUpdated", f"{_OLD_PARTICIPANT} LastReadMessageIndex"),
    ("member", "deleted"): Event("onParticipantRemoved", f"{_OLD_PARTICIPANT} DateRemoved"),
    ("receipt", "updated"): Event(
        "onDeliveryUpdated",
        "ConversationSid MessageSid DeliveryReceiptSid ChannelMessageSid ParticipantSid Status ErrorCode DateCreated "
        "DateUpdated",
    ),
    ("user", "created"): Event("onUserAdded", f"{_USER} DateCreated"),
    ("user", "updated"): Event("onUserUpdated", f"{_USER} DateCreated DateUpdated isOnline isNotifiable"),
}

# Published examples still name some events as Chat does.
OLDER_NAMES = {"onMessageSent": "onMessageAdded", "onConversationDestroyed": "onConversationRemoved"}
SERVICE_FILTERS = names(PRE_EVENTS) + names(POST_EVENTS)
# The events that a conversation's own webhook may select.
CONVERSATION_FILTERS = tuple(
    name for name in names(POST_EVENTS, without=["user"]) if name != POST_EVENTS["channel", "created"].name
)


def _stored_as(name: str) -> tuple[str, ...]:
    rows = [row for row, event in POST_EVENTS.items() if event.name == name]
    chat = [chat_events.POST_EVENTS.get((f"{more}{kind}", verb)) for kind, verb in rows for more in ("", "media ")]
    return tuple(dict.fromkeys(event.name for event in chat if event)) or (name,)


# Webhooks of channels are stored with Chat's names. Chat has two names for a message, with media and without. It has
# none for states and receipts.
STORED_AS = {name: _stored_as(name) for name in CONVERSATION_FILTERS}
