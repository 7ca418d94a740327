"""Roles (https://www.twilio.com/docs/chat/rest/role-resource): the permissions of users in a service or in a channel.

Permissions restrict what clients do over their sockets. Back ends with credentials of the account may do everything.
"""

from __future__ import annotations

from parley import errors
from parley.domain import roles
from parley.records.kinds import Choice, Listed, Text
from parley.records.spec import Field, RecordType
from parley.store import keys

ROLE = RecordType(
    name="role",
    prefix="RL",
    parent="service",
    key=lambda path: keys.role(path["service_sid"], path["sid"]),
    range=lambda path: keys.roles(path["service_sid"]),
    fields=(
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), "The name of the role.", always=True),
        Field(
            "type",
            Choice((roles.CHANNEL, roles.DEPLOYMENT), errors.ROLE_TYPE_INVALID),
            "Whether the role holds in one channel or in the whole service.",
            always=True,
        ),
        Field("permissions", Listed(), "What users or members with this role may do.", always=True),
    ),
    remains="type",
)
