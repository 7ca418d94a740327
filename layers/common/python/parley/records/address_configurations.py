"""Address configurations: what happens with a message to one of the account's addresses if it has no conversation yet.

https://www.twilio.com/docs/conversations/api/address-configuration-resource
"""

from __future__ import annotations

from parley import errors
from parley.domain.address_configurations import CREATIONS, DEFAULT, TYPES
from parley.records.kinds import Choice, Flag, Listed, Sid, Text, Url, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

ADDRESS_CONFIGURATION = RecordType(
    name="address_configuration",
    prefix="IG",
    parent="account",
    key=lambda path: keys.address_configuration(path["account_sid"], path["sid"]),
    range=lambda path: keys.address_configurations(path["account_sid"]),
    fields=(
        Field("type", Choice(TYPES), always=True),
        Field("address", Text(256), always=True),
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG)),
        Field("address_country", Text(2)),
        Field("auto_creation.enabled", Flag(), default=False),
        Field("auto_creation.type", Choice(CREATIONS), default=DEFAULT),
        Field("auto_creation.conversation_service_sid", Sid("IS")),
        Field("auto_creation.webhook_url", Url(errors.AUTO_CREATION_URL_INVALID)),
        Field("auto_creation.webhook_method", Choice(("GET", "POST"), errors.WEBHOOK_METHOD_INVALID)),
        Field("auto_creation.webhook_filters", Listed()),
        Field("auto_creation.studio_flow_sid", Sid("FW")),
        Field("auto_creation.studio_retry_count", Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID)),
    ),
    remains="address",
)
