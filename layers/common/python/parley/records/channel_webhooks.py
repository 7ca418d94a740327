"""Webhooks of one channel (https://www.twilio.com/docs/chat/rest/channel-webhook-resource): URLs to which
Parley sends what happens in the channel. The webhooks of the service fire too.
"""

from __future__ import annotations

from parley import errors
from parley.domain import channel_webhooks
from parley.records.kinds import WEBHOOK_METHOD, Choice, Listed, Text, Url, Whole
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
            "What the webhook does: call a URL for events or for messages with certain words, or start a Studio flow.",
            always=True,
            missing=errors.CHANNEL_WEBHOOK_TYPE_MISSING,
        ),
        Field(
            "configuration.url",
            Url(errors.CHANNEL_WEBHOOK_URL_INVALID, channel_webhooks.LONGEST_URL, errors.CHANNEL_WEBHOOK_URL_TOO_LONG),
            "The URL that is called.",
        ),
        Field("configuration.method", WEBHOOK_METHOD, "The method of the calls."),
        Field("configuration.filters", Listed(), "The events for which the URL is called."),
        Field("configuration.triggers", Listed(), "Parley calls the URL if a message contains one of these texts."),
        Field(
            "configuration.flow_sid", Text(34, errors.CHANNEL_WEBHOOK_FLOW_INVALID), "The Studio flow that is started."
        ),
        Field(
            "configuration.replay_after",
            Whole(),
            "Parley first sends the webhook the messages that exist already, from this index on.",
        ),
        Field(
            "configuration.retry_count",
            Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID),
            "How often a failed call is repeated.",
            default=0,
        ),
    ),
    remains="type",
)
