"""Users (https://www.twilio.com/docs/chat/rest/user-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain.users import check_identity
from parley.records.kinds import EMPTY_ATTRIBUTES, Attributes, Checked, Flag, Sid, Text, Whole
from parley.records.spec import NO_REASON, Field, RecordType, own_or_any
from parley.store import keys

# Twilio names no figure for user attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES = Attributes(4 * 1024)
_INFO = own_or_any("UserInfo")

USER = RecordType(
    name="user",
    prefix="US",
    parent="service",
    key=lambda path: keys.user(path["sid"]),
    range=lambda path: keys.users(path["service_sid"]),
    fields=(
        Field("identity", Checked(check_identity), always=True, reason=NO_REASON),
        Field("role_sid", Sid("RL"), reason=NO_REASON),
        Field("attributes", _ATTRIBUTES, default=EMPTY_ATTRIBUTES, on_update=_INFO, reason="attributes"),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on_update=_INFO, reason="friendlyName"),
        Field("joined_channels_count", Whole(), default=0, reason=NO_REASON),
        Field("is_online", Flag(), reason="online"),
        # How many push registrations there are. Clients are told only whether there are any.
        Field("bindings_count", Whole(), default=0, reason="notifiable"),
    ),
    computed="is_notifiable",
    remains="identity birth seq",
)
