"""Webhooks of one channel (https://www.twilio.com/docs/chat/rest/channel-webhook-resource)."""

from __future__ import annotations

from parley import errors
from parley.domain import channel_webhooks
from parley.records.kinds import Choice, Listed, Text, Url, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys

CHANNEL_WEBHOOK = RecordType(
    name="channel_webhook",
    prefix="WH",
    parent="channel",
    key=lambda path: keys.channel_webhook(path["channel_sid"], path["sid"]),
    range=lambda path: keys.channel_webhooks(path["channel_sid"]),
    fields=(
        Field(
            "type",
            Choice(channel_webhooks.TYPES, errors.CHANNEL_WEBHOOK_TYPE_INVALID),
            always=True,
            missing=errors.CHANNEL_WEBHOOK_TYPE_MISSING,
        ),
        Field(
            "configuration.url",
            Url(errors.CHANNEL_WEBHOOK_URL_INVALID, channel_webhooks.LONGEST_URL, errors.CHANNEL_WEBHOOK_URL_TOO_LONG),
        ),
        Field("configuration.method", Choice(("GET", "POST"), errors.WEBHOOK_METHOD_INVALID)),
        Field("configuration.filters", Listed()),
        Field("configuration.triggers", Listed()),
        Field("configuration.flow_sid", Text(34, errors.CHANNEL_WEBHOOK_FLOW_INVALID)),
        Field("configuration.replay_after", Whole()),
        Field("configuration.retry_count", Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID), default=0),
    ),
    remains="type",
)
