"""The configurations of the account and of a service: default roles, push notifications, webhooks.

https://www.twilio.com/docs/conversations/api/configuration-resource, /service-configuration-resource,
/service-notification-resource, /per-service-webhook-resource
"""

from __future__ import annotations

from typing import Any

from parley import errors
from parley.faces.conversations_events import OLDER_NAMES, SERVICE_FILTERS
from parley.faces.conversations_v1.face import FACE
from parley.faces.kinds import AnyCase, OrElse, Selected
from parley.faces.spec import Mount, View, pascal
from parley.records import ACCOUNT_CONFIGURATION, SERVICE
from parley.records.spec import RecordType

_ACCOUNT = "default_chat_service_sid default_messaging_service_sid default_inactive_timer default_closed_timer"
_EVENTS = Selected({name: (name,) for name in SERVICE_FILTERS}, errors.WEBHOOK_FILTER_INVALID, OLDER_NAMES)
_CONFIGURATION = "/Services/{sid}/Configuration"

# Conversations' names of a service's roles, and the stored names.
_ROLES = {
    "default_conversation_creator_role_sid": "default_channel_creator_role_sid",
    "default_conversation_role_sid": "default_channel_role_sid",
    "default_chat_service_role_sid": "default_service_role_sid",
}
# Conversations' names of the kinds of pushes, the settings of each, and the stored names.
_PUSHES = {
    "new_message": ("new_message", ("enabled", "template", "sound", "badge_count_enabled")),
    "new_message.with_media": ("new_message.with_media", ("enabled", "template")),
    "added_to_conversation": ("added_to_channel", ("enabled", "template", "sound")),
    "removed_from_conversation": ("removed_from_channel", ("enabled", "template", "sound")),
}


def _webhooks(record: RecordType[Any], within: str) -> tuple[str, str, dict[str, AnyCase | Selected]]:
    """The view, the form and the kinds of webhooks that a record stores in its field `within`."""
    stored = {"pre_webhook_url": "pre_webhook_url", "post_webhook_url": "post_webhook_url"}
    stored |= {"filters": "webhook_filters", "method": "webhook_method"}
    view = " ".join(f"{name}={within}{field}" for name, field in stored.items())
    form = " ".join(f"{pascal(name)}={within}{field}" for name, field in stored.items())
    method = record.by_name[f"{within}webhook_method"].kind
    return view, form, {f"{within}webhook_filters": _EVENTS, f"{within}webhook_method": AnyCase(method)}


def _pushes() -> tuple[str, str, dict[str, OrElse]]:
    """The view, the form and the kinds of pushes. A setting without a value is shown as false or "" (observed)."""
    view = (
        "log_enabled=notifications.log_enabled "
        "new_message=notifications.new_message(enabled template sound badge_count_enabled "
        "with_media(enabled template)) "
        "added_to_conversation=notifications.added_to_channel(enabled template sound) "
        "removed_from_conversation=notifications.removed_from_channel(enabled template sound)"
    )
    fields = {
        f"{pascal(shown)}.{pascal(part)}": f"notifications.{stored}.{part}"
        for shown, (stored, parts) in _PUSHES.items()
        for part in parts
    }
    form = " ".join(f"{name}={field}" for name, field in fields.items())
    kinds = {
        field: OrElse(SERVICE.by_name[field].kind, False if field.endswith("enabled") else "")
        for field in fields.values()
    }
    return view, f"LogEnabled=notifications.log_enabled {form}", kinds


_ACCOUNT_WEBHOOKS = _webhooks(ACCOUNT_CONFIGURATION, "")
_SERVICE_WEBHOOKS = _webhooks(SERVICE, "conversations.")
_SERVICE_PUSHES = _pushes()

MOUNTS = (
    Mount(
        FACE,
        ACCOUNT_CONFIGURATION,
        "/Configuration",
        View(
            f"account_sid {_ACCOUNT} url",
            links={"service": "^/Services/{default_chat_service_sid}/Configuration", "webhooks": "/Webhooks"},
        ),
        update=_ACCOUNT,
        verbs=("fetch", "update"),
    ),
    Mount(
        FACE,
        ACCOUNT_CONFIGURATION,
        "/Configuration/Webhooks",
        View(f"account_sid {_ACCOUNT_WEBHOOKS[0]} target=webhook_target url"),
        name="account_webhooks",
        update=f"{_ACCOUNT_WEBHOOKS[1]} Target=webhook_target",
        kinds=_ACCOUNT_WEBHOOKS[2],
        verbs=("fetch", "update"),
        about="The webhooks of all services that have none of their own "
        "(https://www.twilio.com/docs/conversations/api/webhook-configuration-resource).",
    ),
    Mount(
        FACE,
        SERVICE,
        _CONFIGURATION,
        View(
            f"chat_service_sid=sid {' '.join(f'{shown}={stored}' for shown, stored in _ROLES.items())} "
            "reachability_enabled url",
            links={"notifications": "/Notifications", "webhooks": "/Webhooks"},
        ),
        name="service_configuration",
        update=f"{' '.join(f'{pascal(shown)}={stored}' for shown, stored in _ROLES.items())} reachability_enabled",
        verbs=("fetch", "update"),
        about="The default roles of a service, and whether it tells who is online "
        "(https://www.twilio.com/docs/conversations/api/service-configuration-resource).",
    ),
    Mount(
        FACE,
        SERVICE,
        f"{_CONFIGURATION}/Notifications",
        View(f"account_sid chat_service_sid=sid {_SERVICE_PUSHES[0]} url"),
        name="service_notifications",
        update=_SERVICE_PUSHES[1],
        kinds=_SERVICE_PUSHES[2],
        verbs=("fetch", "update"),
        about="Which pushes a service sends, and with what text "
        "(https://www.twilio.com/docs/conversations/api/service-notification-resource).",
    ),
    Mount(
        FACE,
        SERVICE,
        f"{_CONFIGURATION}/Webhooks",
        View(f"account_sid chat_service_sid=sid {_SERVICE_WEBHOOKS[0]} url"),
        name="service_webhooks",
        update=_SERVICE_WEBHOOKS[1],
        kinds=_SERVICE_WEBHOOKS[2],
        verbs=("fetch", "update"),
        about="The webhooks of a service, which replace the account's "
        "(https://www.twilio.com/docs/conversations/api/per-service-webhook-resource).",
    ),
)
