"""Address configurations: what becomes of a message to an address if no conversation has it yet.

https://www.twilio.com/docs/conversations/api/address-configuration-resource
"""

from __future__ import annotations

from parley import errors
from parley.domain.address_configurations import CREATIONS, DEFAULT, TYPES
from parley.records.kinds import WEBHOOK_METHOD, Choice, Flag, Listed, Sid, Text, Url, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

ADDRESS_CONFIGURATION = RecordType(
    name="address_configuration",
    prefix="IG",
    parent="account",
    key=lambda path: keys.address_configuration(path["account_sid"], path["sid"]),
    range=lambda path: keys.address_configurations(path["account_sid"]),
    fields=(
        Field("type", Choice(TYPES), "The kind of address.", always=True),
        Field("address", Text(256), "The address of the account to which people write.", always=True),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), "The name that people see."),
        Field("address_country", Text(2), "The country of the address, in two letters."),
        Field(
            "auto_creation.enabled",
            Flag(),
            "Whether a message from somebody who has no conversation with the address makes one.",
            default=False,
        ),
        Field(
            "auto_creation.type",
            Choice(CREATIONS),
            "What the new conversation is connected to: a webhook, a Studio flow or nothing.",
            default=DEFAULT,
        ),
        Field("auto_creation.conversation_service_sid", Sid("IS"), "The service in which the conversation is created."),
        Field(
            "auto_creation.webhook_url",
            Url(errors.AUTO_CREATION_URL_INVALID),
            "The URL of the webhook that the conversation gets.",
        ),
        Field(
            "auto_creation.webhook_method",
            WEBHOOK_METHOD,
            "The method of requests to that webhook.",
        ),
        Field("auto_creation.webhook_filters", Listed(), "The events for which that webhook is called."),
        Field("auto_creation.studio_flow_sid", Sid("FW"), "The Studio flow that the conversation gets."),
        Field(
            "auto_creation.studio_retry_count",
            Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID),
            "How often a failed call of the flow is repeated.",
        ),
    ),
    remains="address",
)
