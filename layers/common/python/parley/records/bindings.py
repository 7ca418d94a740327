"""Bindings: push registrations of devices (https://www.twilio.com/docs/chat/rest/binding-resource).

Clients register their own devices. Back ends list, fetch and delete the registrations (`operations/bindings.py`).
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
        Field("endpoint", Text(512), "The name that the client gave the device."),
        Field("identity", Text(256), "The identity of the user whose device it is."),
        Field("user_sid", Sid("US"), "The user whose device it is."),
        Field("credential_sid", Sid("CR"), "The credential with which the device is notified."),
        Field("binding_type", Choice(CREDENTIAL_TYPES), "The push service that reaches the device."),
        Field("message_types", Listed(), "The kinds of notifications that the device wants.", default=[]),
    ),
    remains="identity",
)
