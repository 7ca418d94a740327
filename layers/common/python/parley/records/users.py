"""Users (https://www.twilio.com/docs/chat/rest/user-resource): the people and programs of a service, known by identity.

A user exists as soon as somebody connects with the identity, adds the identity to a channel, or creates the user.
"""

from __future__ import annotations

from parley import errors
from parley.domain.users import check_identity
from parley.records.kinds import Checked, Flag, Sid, Text, Whole
from parley.records.spec import NO_REASON, Field, RecordType, attributes, own_or_any
from parley.store import keys

# Twilio names no figure for user attributes; 4 KB is its figure for message attributes (unconfirmed).
_ATTRIBUTES_BYTES = 4 * 1024
_INFO = own_or_any("UserInfo")

USER = RecordType(
    name="user",
    prefix="US",
    parent="service",
    key=lambda path: keys.user(path["sid"]),
    range=lambda path: keys.users(path["service_sid"]),
    fields=(
        Field(
            "identity",
            Checked(check_identity),
            "The name by which the application knows the user, unique in the service.",
            always=True,
            reason=NO_REASON,
        ),
        Field("role_sid", Sid("RL"), "The role that says what the user may do in the service.", reason=NO_REASON),
        attributes(_ATTRIBUTES_BYTES, on_create=None, on_update=_INFO),
        Field(
            "friendly_name",
            Text(256, errors.FRIENDLY_NAME_TOO_LONG),
            "The name that people see.",
            on_update=_INFO,
            reason="friendlyName",
        ),
        Field(
            "joined_channels_count", Whole(), "How many channels the user is a member of.", default=0, reason=NO_REASON
        ),
        Field(
            "is_online",
            Flag(),
            "Whether the user has a connection; null unless the service's reachability is enabled.",
            reason="online",
        ),
        # How many push registrations there are. Clients are told only whether there are any.
        Field(
            "bindings_count",
            Whole(),
            "How many devices of the user are registered for notifications.",
            default=0,
            reason="notifiable",
        ),
    ),
    computed=(
        Field(
            "is_notifiable",
            Flag(),
            "Whether a device of the user can be notified; null unless the service's reachability is enabled.",
        ),
    ),
    remains="identity birth seq",
)
