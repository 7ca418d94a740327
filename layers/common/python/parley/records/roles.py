"""The Role row (https://www.twilio.com/docs/chat/rest/role-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain import roles
from parley.records.kinds import Choice, Listed, Text
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

_VIEW = View("sid account_sid service_sid friendly_name type permissions date_created date_updated url")

ROLE = Resource(
    name="role",
    plural="roles",
    prefix="RL",
    key=lambda path: keys.role(path["service_sid"], path["sid"]),
    range=lambda path: keys.roles(path["service_sid"]),
    fields=(
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on="create", required="create"),
        Field(
            "type", Choice((roles.CHANNEL, roles.DEPLOYMENT), errors.ROLE_TYPE_INVALID), on="create", required="create"
        ),
        Field("permissions", Listed(), on="create update", required="create update", form="Permission"),
    ),
    mounts=(
        Mount("/chat/v2", "/Services/{service_sid}/Roles/{sid}", _VIEW),
        Mount("/chat/v1", "/Services/{service_sid}/Roles/{sid}", _VIEW, page_limits=(50, 1000)),
    ),
)
