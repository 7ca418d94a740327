"""Services (https://www.twilio.com/docs/chat/rest/service-resource): each has its own users, channels and settings.

Nothing in one service can be seen from another one.
"""

from __future__ import annotations

from typing import Any

from parley import errors
from parley.records.kinds import WEBHOOK_METHOD, Flag, Listed, Sid, Text, Url, Whole
from parley.records.spec import Field, RecordType
from parley.store import keys
from parley.stored import Service

_MOST_LIMIT = 1000
_TEMPLATE = Text(2048, errors.TEMPLATE_TOO_LONG)
_SOUND = Text(256, errors.SOUND_TOO_LONG)
_RETRIES = Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID)


def _pushes(event: str, what: str) -> tuple[Field, ...]:
    return (
        Field(f"notifications.{event}.enabled", Flag(), f"Whether users are notified of {what}.", default=False),
        Field(f"notifications.{event}.template", _TEMPLATE, f"The text of the notification of {what}."),
        Field(f"notifications.{event}.sound", _SOUND, f"The sound of the notification of {what}."),
    )


def _webhook_urls(prefix: str = "") -> tuple[Field, ...]:
    pre, post = Url(errors.PRE_WEBHOOK_URL_INVALID), Url(errors.POST_WEBHOOK_URL_INVALID)
    return (
        Field(f"{prefix}pre_webhook_url", pre, "The URL that Parley asks before it makes a change."),
        Field(f"{prefix}post_webhook_url", post, "The URL that Parley calls after it has made a change."),
    )


def conversations_webhooks(prefix: str = "") -> tuple[Field, ...]:
    """The webhooks of Conversations, of the account or of a service; names of the fields begin with `prefix`."""
    method, filters = "The method of requests to the webhooks.", "The events for which the webhooks are called."
    return (
        *_webhook_urls(prefix),
        Field(f"{prefix}webhook_method", WEBHOOK_METHOD, method, default="POST"),
        Field(f"{prefix}webhook_filters", Listed(), filters, default=()),
    )


# The events for which a service may have a URL and a method of their own, which Chat v1 sets.
EVENTS_WITH_WEBHOOKS = (
    "message_send",
    "message_update",
    "message_remove",
    "channel_add",
    "channel_destroy",
    "channel_update",
    "member_add",
    "member_remove",
    "message_sent",
    "message_updated",
    "message_removed",
    "channel_added",
    "channel_destroyed",
    "channel_updated",
    "member_added",
    "member_removed",
)
_EVENT_WEBHOOKS = tuple(
    Field(f"webhooks.on_{event}.{part}", kind, f"{what} for the event `{event}`.")
    for event in EVENTS_WITH_WEBHOOKS
    for part, kind, what in (
        ("url", Url(errors.POST_WEBHOOK_URL_INVALID), "The URL that is called"),
        ("method", WEBHOOK_METHOD, "The method of the requests"),
    )
)

SERVICE = RecordType(
    name="service",
    prefix="IS",
    parent="account",
    key=lambda path: keys.service(path["account_sid"], path["sid"]),
    range=lambda path: keys.services(path["account_sid"]),
    fields=(
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), "The name of the service.", always=True),
        Field("default_service_role_sid", Sid("RL"), "The role in the service that new users get."),
        Field("default_channel_role_sid", Sid("RL"), "The role that members get in a channel."),
        Field("default_channel_creator_role_sid", Sid("RL"), "The role that users get in a channel that they create."),
        Field("read_status_enabled", Flag(), "Whether members report what they have read.", default=True),
        Field(
            "reachability_enabled", Flag(), "Whether users see who is online and who can be notified.", default=False
        ),
        Field(
            "typing_indicator_timeout",
            Whole(error=errors.TYPING_TIMEOUT_INVALID),
            "For how many seconds somebody is shown as typing.",
            default=5,
        ),
        Field(
            "consumption_report_interval",
            Whole(error=errors.CONSUMPTION_INTERVAL_INVALID),
            "How many seconds clients wait before they report again what was read.",
            default=10,
        ),
        Field(
            "limits.channel_members",
            Whole(1, _MOST_LIMIT, errors.CHANNEL_MEMBERS_LIMIT_INVALID),
            "How many members a channel may have.",
            default=100,
        ),
        Field(
            "limits.user_channels",
            Whole(1, _MOST_LIMIT, errors.USER_CHANNELS_LIMIT_INVALID),
            "How many channels a user may be a member of.",
            default=250,
        ),
        *_webhook_urls(),
        Field("webhook_method", WEBHOOK_METHOD, "The method of requests to the webhooks; null means POST."),
        Field("webhook_filters", Listed(), "The events for which the webhooks are called."),
        Field(
            "pre_webhook_retry_count", _RETRIES, "How often a failed request to `PreWebhookUrl` is repeated.", default=0
        ),
        Field(
            "post_webhook_retry_count",
            _RETRIES,
            "How often a failed request to `PostWebhookUrl` is repeated.",
            default=0,
        ),
        Field("notifications.log_enabled", Flag(), "Whether sent notifications are logged.", default=False),
        *_pushes("new_message", "a new message"),
        Field(
            "notifications.new_message.badge_count_enabled",
            Flag(),
            "Whether the notification brings the number for the icon of the app.",
        ),
        Field(
            "notifications.new_message.with_media.enabled",
            Flag(),
            "Whether a new message with a file has a text of its own.",
            default=False,
        ),
        Field(
            "notifications.new_message.with_media.template",
            _TEMPLATE,
            "The text of the notification of a message with a file.",
        ),
        *_pushes("added_to_channel", "being added to a channel"),
        *_pushes("removed_from_channel", "being removed from a channel"),
        *_pushes("invited_to_channel", "being invited to a channel"),
        # Media of up to this size; not settable (https://www.twilio.com/docs/chat/rest/media).
        Field("media.size_limit_mb", Whole(), "How large a file may be, in megabytes.", default=150),
        Field(
            "media.compatibility_message",
            Text(2048),
            "The text that old clients show in place of a file.",
            default="Media messages are not supported by your client",
        ),
        *_EVENT_WEBHOOKS,
        # Conversations' webhooks stand beside Chat's (https://www.twilio.com/docs/conversations/api/per-service-webhook-resource).
        *conversations_webhooks("conversations."),
    ),
)


def setting(service: Service, name: str) -> Any:
    """A setting of a service, or its default if the service has not set it."""
    value = service.get(name)
    return SERVICE.by_name[name].default if value is None else value
