"""The Binding rows: push registrations of a service, and of one of its users.

https://www.twilio.com/docs/chat/rest/binding-resource. Clients register; REST lists, fetches and deletes.
"""

from __future__ import annotations

from parley.domain.push import CREDENTIAL_TYPES
from parley.records.kinds import Choice, Listed, Sid, Text
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

_FIELDS = (
    Field("endpoint", Text(512)),
    Field("identity", Text(256)),
    Field("credential_sid", Sid("CR")),
    Field("binding_type", Choice(CREDENTIAL_TYPES)),
    Field("message_types", Listed(), default=[]),
)
_TYPE_FILTER = Field("binding_type", Listed(CREDENTIAL_TYPES))
_VERBS = ("fetch", "list", "delete")
_LIMITS = (50, 50)

BINDING = Resource(
    name="binding",
    plural="bindings",
    prefix="BS",
    key=lambda path: keys.binding(path["service_sid"], path["sid"]),
    range=lambda path: keys.bindings(path["service_sid"]),
    fields=_FIELDS,
    filters=(_TYPE_FILTER, Field("identity", Listed())),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Bindings/{sid}",
            View(
                "sid account_sid service_sid date_created date_updated endpoint identity credential_sid binding_type "
                "message_types url",
                links={"user": "^/Services/{service_sid}/Users/{identity}"},
            ),
            verbs=_VERBS,
            page_limits=_LIMITS,
        ),
    ),
)

USER_BINDING = Resource(
    name="user_binding",
    plural="bindings",
    prefix="BS",
    key=lambda path: keys.binding(path["service_sid"], path["sid"]),
    range=None,
    fields=_FIELDS,
    filters=(_TYPE_FILTER,),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Users/{user_sid}/Bindings/{sid}",
            View(
                "sid account_sid service_sid date_created date_updated endpoint identity user_sid credential_sid "
                "binding_type message_types url"
            ),
            verbs=_VERBS,
            page_limits=_LIMITS,
        ),
    ),
)
