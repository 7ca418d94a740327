"""Addresses (https://www.twilio.com/docs/conversations/api/address-configuration-resource)."""

from __future__ import annotations

from parley import errors
from parley.faces.conversations_events import CONVERSATION_FILTERS, OLDER_NAMES
from parley.faces.conversations_v1.face import FACE
from parley.faces.kinds import AnyCase, Selected
from parley.faces.spec import Mount, View
from parley.records import ADDRESS_CONFIGURATION
from parley.records.kinds import Text
from parley.records.spec import Field

_AUTO_CREATION = (
    "auto_creation(enabled type conversation_service_sid webhook_url webhook_method webhook_filters studio_flow_sid "
    "studio_retry_count)"
)
# The webhook becomes one of the new conversation's own, so it selects from the same events.
_EVENTS = Selected({name: (name,) for name in CONVERSATION_FILTERS}, errors.CHANNEL_WEBHOOK_FILTER_INVALID, OLDER_NAMES)

MOUNTS = (
    Mount(
        FACE,
        ADDRESS_CONFIGURATION,
        "/Configuration/Addresses/{sid}",
        View(
            f"sid account_sid type address friendly_name {_AUTO_CREATION} date_created date_updated url address_country"
        ),
        create=f"type! address! friendly_name {_AUTO_CREATION} address_country",
        update=f"friendly_name {_AUTO_CREATION}",
        filters=(Field("type", Text(), "Only addresses of this kind."),),
        kinds={
            "auto_creation.webhook_method": AnyCase(ADDRESS_CONFIGURATION.by_name["auto_creation.webhook_method"].kind),
            "auto_creation.webhook_filters": _EVENTS,
        },
        plural="address_configurations",
        page_limits=(50, 50),
    ),
)
