"""Members of a channel (https://www.twilio.com/docs/chat/rest/member-resource): who is in it, with which role, and how
far each has read.

A user channel (https://www.twilio.com/docs/chat/rest/user-channel-resource) is the same record from the user's side.
"""

from __future__ import annotations

from parley import errors
from parley.domain.addresses import EMAIL, RCS, SMS, WHATSAPP
from parley.domain.participants import ADDRESS, PROJECTED, PROXY
from parley.domain.states import STATES
from parley.domain.users import check_identity
from parley.records.kinds import Attributes, Checked, Choice, Moment, Sid, Stored, Text, Whole
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, attributes, dates, own_only, own_or_any
from parley.store import keys

# Twilio names no figure for member attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES_BYTES = 4 * 1024
# Any index may be named, also one beyond the last message (unconfirmed).
_INDEX = Whole(0, 10**10, errors.CONSUMED_INDEX_INVALID, clearable=True)
NOTIFICATION_LEVELS = ("default", "muted")
_BINDING = (
    Field("type", Choice((SMS, WHATSAPP, RCS, EMAIL)), "The kind of phone or app that the address belongs to."),
    Field("address", Text(), "The address of the person."),
    Field("proxy_address", Text(), "The number of the account that writes to the address."),
    Field(
        "projected_address", Text(), "The number of the account that stands for a user of chat in a group of phones."
    ),
    Field("name", Text(), "The name of the sender of mail; Parley sends none."),
    Field("level", Text(), "The place of the address in mail; Parley sends none."),
)
_TIMERS = (
    Field("date_inactive", Moment(), "When the conversation becomes inactive if nothing happens before."),
    Field("date_closed", Moment(), "When the conversation is closed if nothing happens before."),
)

MEMBER = RecordType(
    name="member",
    prefix="MB",
    parent="channel",
    key=lambda path: keys.member(path["channel_sid"], path["sid"]),
    range=lambda path: keys.members(path["channel_sid"]),
    fields=(
        Field(
            "identity",
            Checked(check_identity),
            "The identity of the user who is the member; null for a phone.",
            always=True,
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field("role_sid", Sid("RL"), "The role that says what the member may do in the channel.", reason="roleSid"),
        Field(
            "last_consumed_message_index",
            _INDEX,
            "The index of the last message that the member has read; null until the member reports one.",
            on_update=own_only(),
            reason="lastConsumedMessageIndex",
        ),
        Field(
            "last_consumption_timestamp",
            Moment(errors.CONSUMPTION_TIME_INVALID),
            "When the member last reported what it has read.",
            on_update=own_only(),
            reason="lastConsumptionTimestamp",
        ),
        *dates("member", "joined"),
        attributes(_ATTRIBUTES_BYTES, on_create=FREELY, on_update=own_or_any("MemberAttributes")),
        Field(
            "messaging_binding",
            Stored(_BINDING),
            "The addresses of a participant who takes part by phone; null for a user of chat.",
            reason="bindings",
        ),
        # A form gives its parts. `domain/participants.py` checks them together, and they are stored in this object.
        # A client may add a phone, but no number to a group.
        Field(
            ADDRESS,
            Checked(str),
            "The address of the person, such as a phone number.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            PROXY,
            Checked(str),
            "The number of the account that writes to the address.",
            on_create=FREELY,
            reason=NO_REASON,
        ),
        Field(
            PROJECTED,
            Checked(str),
            "The number of the account that stands for a user of chat in a group of phones.",
            reason=NO_REASON,
        ),
        Field(
            "notification_level",
            Choice(NOTIFICATION_LEVELS, errors.NOTIFICATION_LEVEL_INVALID),
            "Whether the user is notified of new messages in the channel.",
            default="default",
            on_update=own_only("editNotificationLevel"),
            reason="notificationLevel",
        ),
    ),
    # The fields that a user channel shows in addition to the membership.
    computed=(
        Field("user_sid", Sid("US"), "The user whose membership it is."),
        Field("member_sid", Sid("MB"), "The member; null while the user is only invited."),
        Field("status", Choice(("joined", "invited", "notParticipating")), "Whether the user is a member or invited."),
        Field(
            "unread_messages_count",
            Whole(),
            "How many messages the user has not read; null until the user reports one.",
        ),
        Field("channel_friendly_name", Text(), "The name of the channel that people see."),
        Field("channel_unique_name", Text(), "The unique name of the channel."),
        Field("channel_created_by", Text(), "The identity of the user who created the channel, or `system`."),
        Field(
            "channel_attributes",
            Attributes(_ATTRIBUTES_BYTES),
            "The attributes of the channel: a JSON document, as text.",
        ),
        Field("channel_state", Choice(STATES), "The state of the conversation."),
        Field("channel_timers", Stored(_TIMERS), "When the conversation changes its state if nothing happens before."),
    ),
    remains="identity",
)
