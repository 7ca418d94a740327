"""The Service row (https://www.twilio.com/docs/chat/rest/service-resource)."""

from __future__ import annotations

from typing import Any

from parley import errors
from parley.domain.events import POST_EVENTS, PRE_EVENTS
from parley.records.kinds import Choice, Flag, Listed, Sid, Text, Url, Whole
from parley.records.spec import Field, Mount, Resource, View
from parley.store import keys
from parley.store.items import Record

_MOST_LIMIT = 1000
_TEMPLATE = Text(2048, errors.TEMPLATE_TOO_LONG)
_SOUND = Text(256, errors.SOUND_TOO_LONG)
_RETRIES = Whole(0, 3, errors.WEBHOOK_RETRY_COUNT_INVALID)


_METHOD = Choice(("GET", "POST"), errors.WEBHOOK_METHOD_INVALID)


def _form_name(name: str) -> str:
    return ".".join("".join(word.capitalize() for word in part.split("_")) for part in name.split("."))


def _pushes(event: str) -> tuple[Field, ...]:
    return (
        Field(f"notifications.{event}.enabled", Flag(), on="update", default=False),
        Field(f"notifications.{event}.template", _TEMPLATE, on="update"),
        Field(f"notifications.{event}.sound", _SOUND, on="update"),
    )


# v1 alone has a URL and method per event, for these sixteen.
_EVENT_WEBHOOKS = tuple(
    Field(f"webhooks.on_{event}.{part}", kind, on="update", form=f"Webhooks.On{_form_name(event)}.{part.capitalize()}")
    for event in [
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
    ]
    for part, kind in (("url", Url(errors.POST_WEBHOOK_URL_INVALID)), ("method", _METHOD))
)
_UNKNOWN_TO_V1 = " ".join(
    [
        "notifications.log_enabled notifications.new_message.badge_count_enabled",
        *(
            f"notifications.{event}.sound"
            for event in ("new_message", "added_to_channel", "removed_from_channel", "invited_to_channel")
        ),
    ]
)

SERVICE = Resource(
    name="service",
    plural="services",
    prefix="IS",
    key=lambda path: keys.service(path["account_sid"], path["sid"]),
    range=lambda path: keys.services(path["account_sid"]),
    fields=(
        Field("friendly_name", Text(256, errors.FRIENDLY_NAME_TOO_LONG), on="create update", required="create"),
        Field("default_service_role_sid", Sid("RL"), on="update"),
        Field("default_channel_role_sid", Sid("RL"), on="update"),
        Field("default_channel_creator_role_sid", Sid("RL"), on="update"),
        Field("read_status_enabled", Flag(), on="update", default=True),
        Field("reachability_enabled", Flag(), on="update", default=False),
        Field("typing_indicator_timeout", Whole(error=errors.TYPING_TIMEOUT_INVALID), on="update", default=5),
        Field("consumption_report_interval", Whole(error=errors.CONSUMPTION_INTERVAL_INVALID), on="update", default=10),
        Field(
            "limits.channel_members",
            Whole(1, _MOST_LIMIT, errors.CHANNEL_MEMBERS_LIMIT_INVALID),
            on="update",
            default=100,
        ),
        Field(
            "limits.user_channels", Whole(1, _MOST_LIMIT, errors.USER_CHANNELS_LIMIT_INVALID), on="update", default=250
        ),
        Field("pre_webhook_url", Url(errors.PRE_WEBHOOK_URL_INVALID), on="update"),
        Field("post_webhook_url", Url(errors.POST_WEBHOOK_URL_INVALID), on="update"),
        Field("webhook_method", _METHOD, on="update"),
        Field("webhook_filters", Listed(PRE_EVENTS + POST_EVENTS, errors.WEBHOOK_FILTER_INVALID), on="update"),
        Field("pre_webhook_retry_count", _RETRIES, on="update", default=0),
        Field("post_webhook_retry_count", _RETRIES, on="update", default=0),
        Field("notifications.log_enabled", Flag(), on="update", default=False),
        *_pushes("new_message"),
        Field("notifications.new_message.badge_count_enabled", Flag(), on="update"),
        *_pushes("added_to_channel"),
        *_pushes("removed_from_channel"),
        *_pushes("invited_to_channel"),
        # Media of up to this size; not settable (https://www.twilio.com/docs/chat/rest/media).
        Field("media.size_limit_mb", Whole(), default=150),
        Field(
            "media.compatibility_message",
            Text(2048),
            on="update",
            default="Media messages are not supported by your client",
        ),
        *_EVENT_WEBHOOKS,
    ),
    mounts=(
        Mount(
            "/chat/v2",
            "/Services/{sid}",
            View(
                "sid account_sid friendly_name date_created date_updated default_service_role_sid "
                "default_channel_role_sid default_channel_creator_role_sid read_status_enabled reachability_enabled "
                "typing_indicator_timeout consumption_report_interval limits pre_webhook_url post_webhook_url "
                "webhook_method webhook_filters pre_webhook_retry_count post_webhook_retry_count notifications media "
                "url",
                links={"channels": "/Channels", "users": "/Users", "roles": "/Roles", "bindings": "/Bindings"},
            ),
            without=" ".join(field.form_name for field in _EVENT_WEBHOOKS),
        ),
        Mount(
            "/chat/v1",
            "/Services/{sid}",
            View(
                "sid account_sid friendly_name date_created date_updated default_service_role_sid "
                "default_channel_role_sid default_channel_creator_role_sid read_status_enabled reachability_enabled "
                "typing_indicator_timeout consumption_report_interval limits webhooks pre_webhook_url "
                "post_webhook_url webhook_method webhook_filters notifications url",
                links={"channels": "/Channels", "users": "/Users", "roles": "/Roles"},
                hidden=_UNKNOWN_TO_V1,
            ),
            without=" ".join(_form_name(name) for name in _UNKNOWN_TO_V1.split())
            + " PreWebhookRetryCount PostWebhookRetryCount Media.CompatibilityMessage",
        ),
    ),
)


def setting(service: Record, name: str) -> Any:
    """What a service has set, or the default where it has set nothing."""
    value = service.get(name)
    return SERVICE.by_name[name].default if value is None else value
