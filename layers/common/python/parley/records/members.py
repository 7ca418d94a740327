"""Members of a channel (https://www.twilio.com/docs/chat/rest/member-resource).

A user channel (https://www.twilio.com/docs/chat/rest/user-channel-resource) is the same record from the user's side.
"""

from __future__ import annotations

from parley import errors
from parley.domain.participants import ADDRESS, PROJECTED, PROXY
from parley.domain.users import check_identity
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Choice, Moment, Sid, Stored, Whole
from parley.records.spec import FREELY, NO_REASON, Field, RecordType, own_only, own_or_any
from parley.store import keys

# Twilio names no figure for member attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES = Attributes(4 * 1024)
# Any index may be named, also one beyond the last message (unconfirmed).
_INDEX = Whole(0, 10**10, errors.CONSUMED_INDEX_INVALID, clearable=True)
NOTIFICATION_LEVELS = ("default", "muted")

MEMBER = RecordType(
    name="member",
    prefix="MB",
    parent="channel",
    key=lambda path: keys.member(path["channel_sid"], path["sid"]),
    range=lambda path: keys.members(path["channel_sid"]),
    fields=(
        Field("identity", Checked(check_identity), always=True, on_create=FREELY, reason=NO_REASON),
        Field("role_sid", Sid("RL"), reason="roleSid"),
        Field("last_consumed_message_index", _INDEX, on_update=own_only(), reason="lastConsumedMessageIndex"),
        Field(
            "last_consumption_timestamp",
            Moment(errors.CONSUMPTION_TIME_INVALID),
            on_update=own_only(),
            reason="lastConsumptionTimestamp",
        ),
        Field("date_created", Moment(errors.DATE_CREATED_INVALID), reason="dateCreated"),
        Field("date_updated", Moment(errors.DATE_UPDATED_INVALID), reason="dateUpdated"),
        Field(
            "attributes",
            _ATTRIBUTES,
            default=EMPTY_ATTRIBUTES,
            on_create=FREELY,
            on_update=own_or_any("MemberAttributes"),
            reason="attributes",
        ),
        Field("messaging_binding", Stored(), reason="bindings"),
        # A form gives its parts. `domain/participants.py` checks them together, and they are stored in this object.
        # A client may add a phone, but no number to a group.
        *(Field(name, Checked(str), on_create=FREELY, reason=NO_REASON) for name in (ADDRESS, PROXY)),
        Field(PROJECTED, Checked(str), reason=NO_REASON),
        Field(
            "notification_level",
            Choice(NOTIFICATION_LEVELS, errors.NOTIFICATION_LEVEL_INVALID),
            default="default",
            on_update=own_only("editNotificationLevel"),
            reason="notificationLevel",
        ),
    ),
    # The fields that a user channel shows in addition to the membership.
    computed="user_sid member_sid status unread_messages_count channel_friendly_name channel_unique_name "
    "channel_created_by channel_attributes channel_state channel_timers",
    remains="identity",
)
