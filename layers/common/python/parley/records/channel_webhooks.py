"""The channel Webhook row (https://www.twilio.com/docs/chat/rest/channel-webhook-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain import channel_webhooks
from parley.records.kinds import Choice, Listed, Text, Url, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys

CHANNEL_WEBHOOK = Resource(
    name="channel_webhook",
    plural="webhooks",
    prefix="WH",
    key=lambda path: keys.channel_webhook(path["channel_sid"], path["sid"]),
    range=lambda path: keys.channel_webhooks(path["channel_sid"]),
    fields=(
        Field(
            "type",
            Choice(channel_webhooks.TYPES, errors.CHANNEL_WEBHOOK_TYPE_INVALID),
            on="create",
            required="create",
            missing=errors.CHANNEL_WEBHOOK_TYPE_MISSING,
        ),
        Field(
            "configuration.url",
            Url(errors.CHANNEL_WEBHOOK_URL_INVALID, channel_webhooks.LONGEST_URL, errors.CHANNEL_WEBHOOK_URL_TOO_LONG),
            on="create update",
        ),
        Field("configuration.method", Choice(("GET", "POST"), errors.WEBHOOK_METHOD_INVALID), on="create update"),
        Field(
            "configuration.filters",
            Listed(channel_webhooks.FILTERS, errors.CHANNEL_WEBHOOK_FILTER_INVALID),
            on="create update",
        ),
        Field("configuration.triggers", Listed(), on="create update"),
        Field("configuration.flow_sid", Text(34, errors.CHANNEL_WEBHOOK_FLOW_INVALID), on="create update"),
        Field(
            "configuration.retry_count", Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID), on="create update", default=0
        ),
    ),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{service_sid}/Channels/{channel_sid}/Webhooks/{sid}",
            View("sid account_sid service_sid channel_sid type url configuration date_created date_updated"),
            page_limits=(channel_webhooks.MOST, channel_webhooks.MOST),
        ),
    ),
)
