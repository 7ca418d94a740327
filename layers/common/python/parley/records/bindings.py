"""Bindings: push registrations of devices (https://www.twilio.com/docs/chat/rest/binding-resource).

Clients register their own devices (`operations/bindings.py`); back ends list, fetch and delete.
"""

from __future__ import annotations

from parley.domain.push import CREDENTIAL_TYPES
from parley.records.kinds import Choice, Listed, Sid, Text
from parley.records.spec import Field, RecordType
from parley.store import keys

BINDING = RecordType(
    name="binding",
    prefix="BS",
    parent="service",
    key=lambda path: keys.binding(path["service_sid"], path["sid"]),
    range=lambda path: keys.bindings(path["service_sid"]),
    fields=(
        Field("endpoint", Text(512)),
        Field("identity", Text(256)),
        Field("user_sid", Sid("US")),
        Field("credential_sid", Sid("CR")),
        Field("binding_type", Choice(CREDENTIAL_TYPES)),
        Field("message_types", Listed(), default=[]),
    ),
    remains="identity",
)
