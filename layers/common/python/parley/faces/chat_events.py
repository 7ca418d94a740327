"""Chat's webhook events: one row each, with the name and parameters that Twilio sends, and what may be answered.

Parameter sets: https://www.twilio.com/docs/chat/webhook-events and recorded requests; where only Conversations' table
is known they follow that, with names mapped back (unconfirmed).
"""

from __future__ import annotations

from parley.faces.events import Event, names

_CHANNEL = "ChannelSid FriendlyName UniqueName Attributes ChannelType DateCreated DateUpdated CreatedBy"
_NEW_CHANNEL = "FriendlyName UniqueName Attributes ChannelType"
_NEW_MESSAGE = "ChannelSid Body Attributes From"
_OLD_MESSAGE = "ChannelSid MessageSid Index DateCreated DateUpdated Body Attributes From"
_SENT = "ChannelSid MessageSid Index DateCreated Body Attributes From To"
_MEDIA = " MediaSid MediaFilename MediaContentType MediaSize"
_MEMBER = "ChannelSid MemberSid Identity RoleSid"
_USER = "UserSid Identity RoleSid FriendlyName Attributes DateCreated"

# The fields that an answer may replace; `from` is the older key for the author (unconfirmed beyond body, author,
# attributes and friendly_name).
_MESSAGE_ANSWERS = "body author from attributes"
_MEDIA_ANSWERS = "author from attributes"
_CHANNEL_ANSWERS = "friendly_name unique_name attributes"

# The events before a client's action, which the webhook may change or refuse.
PRE_EVENTS = {
    ("message", "create"): Event("onMessageSend", _NEW_MESSAGE, _MESSAGE_ANSWERS),
    ("media message", "create"): Event("onMediaMessageSend", _NEW_MESSAGE + _MEDIA, _MEDIA_ANSWERS),
    ("message", "update"): Event("onMessageUpdate", _OLD_MESSAGE + " ModifiedBy", _MESSAGE_ANSWERS),
    ("media message", "update"): Event("onMessageUpdate", _OLD_MESSAGE + " ModifiedBy", _MEDIA_ANSWERS),
    ("message", "delete"): Event("onMessageRemove", _OLD_MESSAGE),
    ("channel", "create"): Event("onChannelAdd", _NEW_CHANNEL, _CHANNEL_ANSWERS),
    ("channel", "update"): Event("onChannelUpdate", _CHANNEL, _CHANNEL_ANSWERS),
    ("channel", "delete"): Event("onChannelDestroy", _CHANNEL),
    ("member", "create"): Event("onMemberAdd", "ChannelSid Identity RoleSid Attributes", "role_sid attributes"),
    ("member", "update"): Event(
        "onMemberUpdate",
        _MEMBER + " Attributes LastConsumedMessageIndex DateCreated DateUpdated",
        "role_sid attributes",
    ),
    ("member", "delete"): Event("onMemberRemove", _MEMBER + " Attributes DateCreated DateUpdated"),
    ("user", "update"): Event("onUserUpdate", _USER + " DateUpdated", "friendly_name attributes role_sid"),
}

# The events after a change was stored.
POST_EVENTS = {
    ("message", "created"): Event("onMessageSent", _SENT),
    ("media message", "created"): Event("onMediaMessageSent", _SENT + _MEDIA),
    ("message", "updated"): Event("onMessageUpdated", _SENT + " DateUpdated ModifiedBy"),
    ("message", "deleted"): Event("onMessageRemoved", _SENT + " DateUpdated DateRemoved"),
    ("channel", "created"): Event("onChannelAdded", _CHANNEL),
    ("channel", "updated"): Event("onChannelUpdated", _CHANNEL),
    ("channel", "deleted"): Event("onChannelDestroyed", _CHANNEL + " DateRemoved"),
    ("member", "created"): Event("onMemberAdded", _MEMBER + " DateCreated Attributes"),
    ("member", "updated"): Event(
        "onMemberUpdated", _MEMBER + " LastConsumedMessageIndex DateCreated DateUpdated Attributes"
    ),
    ("member", "deleted"): Event("onMemberRemoved", _MEMBER + " DateCreated DateRemoved LastConsumedMessageIndex"),
    ("user", "created"): Event("onUserAdded", _USER),
    ("user", "updated"): Event("onUserUpdated", _USER + " DateUpdated IsOnline IsNotifiable"),
}

# The events that a service and a channel's own webhook may select. Which of them Chat took for channels is not recorded
# in full (unconfirmed).
SERVICE_FILTERS = names(PRE_EVENTS) + names(POST_EVENTS)
CHANNEL_FILTERS = names(POST_EVENTS, without=["user"])
