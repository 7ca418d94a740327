"""Chat v2 (https://www.twilio.com/docs/chat/rest). The native sockets use the same views and forms."""

from __future__ import annotations

from parley import errors
from parley.domain.channel_webhooks import MOST as MOST_WEBHOOKS
from parley.domain.channels import PRIVATE, PUBLIC
from parley.domain.push import CREDENTIAL_TYPES
from parley.domain.roles import PERMISSIONS
from parley.faces.chat_events import CHANNEL_FILTERS, SERVICE_FILTERS
from parley.faces.kinds import FirstFile, OnlyThese, Selected
from parley.faces.spec import Face, Mount, View
from parley.records import (
    BINDING,
    CHANNEL,
    CHANNEL_WEBHOOK,
    CREDENTIAL,
    INVITE,
    MEMBER,
    MESSAGE,
    ROLE,
    SERVICE,
    USER,
)
from parley.records.kinds import Choice, Listed
from parley.records.spec import Field
from parley.store.items import Record

FACE = Face("chat_v2", "/chat/v2")

_SERVICE = "/Services/{service_sid}"
_CHANNEL = f"{_SERVICE}/Channels/{{channel_sid}}"
_PUSH = "enabled template sound"
_LIMITS = "limits(channel_members user_channels)"


def last_message(channel: Record) -> str | None:
    """The end of the link to a channel's newest message, which follows the channel's URL; None if there is none."""
    sid = channel.get("last_message_sid")
    return f"/Messages/{sid}" if sid else None


CHANNEL_NAMES = (
    "sid account_sid service_sid friendly_name unique_name attributes type date_created date_updated created_by "
    "members_count messages_count url"
)
USER_NAMES = (
    "sid account_sid service_sid attributes friendly_name role_sid identity is_online is_notifiable date_created "
    "date_updated joined_channels_count url"
)
EVENT_FILTERS = {"webhook_filters": Listed(SERVICE_FILTERS, errors.WEBHOOK_FILTER_INVALID)}
TYPE_FILTER = Field(
    "type",
    Listed((PUBLIC, PRIVATE), errors.CHANNEL_TYPE_INVALID),
    "Only channels of these types; without it, public ones.",
)
ORDER_FILTER = Field("order", Choice(("asc", "desc")), "Whether the oldest messages come first, or the newest.")
IDENTITY_FILTER = Field("identity", Listed(), "Only what belongs to these identities.")
_BINDING_FILTER = Field("binding_type", Listed(CREDENTIAL_TYPES), "Only devices that these push services reach.")
USER_CHANNEL_LINKS = {
    "channel": "^/Services/{service_sid}/Channels/{channel_sid}",
    "member": "^/Services/{service_sid}/Channels/{channel_sid}/Members/{member_address}",
}

SERVICES = Mount(
    FACE,
    SERVICE,
    "/Services/{sid}",
    View(
        "sid account_sid friendly_name date_created date_updated default_service_role_sid default_channel_role_sid "
        "default_channel_creator_role_sid read_status_enabled reachability_enabled typing_indicator_timeout "
        f"consumption_report_interval {_LIMITS} pre_webhook_url post_webhook_url webhook_method webhook_filters "
        "pre_webhook_retry_count post_webhook_retry_count "
        f"notifications(log_enabled new_message({_PUSH} badge_count_enabled) added_to_channel({_PUSH}) "
        f"removed_from_channel({_PUSH}) invited_to_channel({_PUSH})) media(size_limit_mb compatibility_message) url",
        links={"channels": "/Channels", "users": "/Users", "roles": "/Roles", "bindings": "/Bindings"},
    ),
    create="friendly_name!",
    update="friendly_name default_service_role_sid default_channel_role_sid default_channel_creator_role_sid "
    f"read_status_enabled reachability_enabled typing_indicator_timeout consumption_report_interval {_LIMITS} "
    "pre_webhook_url post_webhook_url webhook_method webhook_filters pre_webhook_retry_count post_webhook_retry_count "
    f"notifications(log_enabled new_message({_PUSH} badge_count_enabled) added_to_channel({_PUSH}) "
    f"removed_from_channel({_PUSH}) invited_to_channel({_PUSH})) media(compatibility_message)",
    kinds=EVENT_FILTERS,
)

ROLES = Mount(
    FACE,
    ROLE,
    f"{_SERVICE}/Roles/{{sid}}",
    View("sid account_sid service_sid friendly_name type permissions date_created date_updated url"),
    create="friendly_name! type! Permission=permissions!",
    update="Permission=permissions!",
    kinds={"permissions": OnlyThese(PERMISSIONS)},
)

USERS = Mount(
    FACE,
    USER,
    f"{_SERVICE}/Users/{{sid}}",
    View(USER_NAMES, links={"user_channels": "/Channels", "user_bindings": "/Bindings"}),
    create="identity! role_sid attributes friendly_name",
    update="role_sid attributes friendly_name",
    webhooks="create update",
)

USER_CHANNELS = Mount(
    FACE,
    MEMBER,
    f"{_SERVICE}/Users/{{user_sid}}/Channels/{{channel_sid}}",
    View(
        "account_sid service_sid channel_sid user_sid member_sid status last_consumed_message_index "
        "unread_messages_count notification_level url",
        links=USER_CHANNEL_LINKS,
    ),
    name="user_channel",
    update="notification_level last_consumed_message_index last_consumption_timestamp",
    verbs=("fetch", "list", "update", "delete"),
    page_limits=(50, 50),
    webhooks="delete",
    about="A channel as one user sees it (https://www.twilio.com/docs/chat/rest/user-channel-resource): the user's "
    "membership or invite, and how many messages are unread.",
)

USER_BINDINGS = Mount(
    FACE,
    BINDING,
    f"{_SERVICE}/Users/{{user_sid}}/Bindings/{{sid}}",
    View(
        "sid account_sid service_sid date_created date_updated endpoint identity user_sid credential_sid binding_type "
        "message_types url"
    ),
    name="user_binding",
    filters=(_BINDING_FILTER,),
    verbs=("fetch", "list", "delete"),
    page_limits=(50, 50),
    about="The push registrations of one user (https://www.twilio.com/docs/chat/rest/user-binding-resource).",
)

BINDINGS = Mount(
    FACE,
    BINDING,
    f"{_SERVICE}/Bindings/{{sid}}",
    View(
        "sid account_sid service_sid date_created date_updated endpoint identity credential_sid binding_type "
        "message_types url",
        links={"user": "^/Services/{service_sid}/Users/{identity}"},
    ),
    filters=(_BINDING_FILTER, IDENTITY_FILTER),
    verbs=("fetch", "list", "delete"),
    page_limits=(50, 50),
)

CHANNELS = Mount(
    FACE,
    CHANNEL,
    f"{_SERVICE}/Channels/{{sid}}",
    View(
        CHANNEL_NAMES,
        links={
            "members": "/Members",
            "messages": "/Messages",
            "invites": "/Invites",
            "webhooks": "/Webhooks",
            "last_message": last_message,
        },
    ),
    create="friendly_name unique_name attributes type date_created date_updated created_by",
    update="friendly_name unique_name attributes date_created date_updated created_by",
    filters=(TYPE_FILTER,),
    webhooks="create update delete",
    empty_update=errors.EMPTY_CHANNEL_UPDATE,
)

_CONFIGURATION = "configuration(url method filters triggers flow_sid retry_count)"
CHANNEL_WEBHOOKS = Mount(
    FACE,
    CHANNEL_WEBHOOK,
    f"{_CHANNEL}/Webhooks/{{sid}}",
    View(f"sid account_sid service_sid channel_sid type url {_CONFIGURATION} date_created date_updated"),
    create=f"type! {_CONFIGURATION}",
    update=_CONFIGURATION,
    kinds={
        "configuration.filters": Selected(
            {name: (name,) for name in CHANNEL_FILTERS}, errors.CHANNEL_WEBHOOK_FILTER_INVALID
        )
    },
    page_limits=(MOST_WEBHOOKS, MOST_WEBHOOKS),
)

MEMBERS = Mount(
    FACE,
    MEMBER,
    f"{_CHANNEL}/Members/{{sid}}",
    View(
        "sid account_sid channel_sid service_sid identity date_created date_updated role_sid "
        "last_consumed_message_index last_consumption_timestamp url attributes"
    ),
    create="identity! role_sid last_consumed_message_index last_consumption_timestamp date_created date_updated "
    "attributes",
    update="role_sid last_consumed_message_index last_consumption_timestamp date_created date_updated attributes",
    filters=(IDENTITY_FILTER,),
    webhooks="create update delete",
)

MESSAGES = Mount(
    FACE,
    MESSAGE,
    f"{_CHANNEL}/Messages/{{sid}}",
    View(
        "sid account_sid attributes service_sid to=channel_sid channel_sid date_created date_updated last_updated_by "
        "was_edited from=author body index type media(sid size content_type filename) url"
    ),
    create="From=author attributes date_created date_updated last_updated_by body media_sid",
    kinds={"media": FirstFile()},
    update="From=author attributes date_created date_updated last_updated_by body",
    filters=(ORDER_FILTER,),
    by_index=errors.MESSAGE_PAGE_TOKEN_INVALID,
    webhooks="create update delete",
)

INVITES = Mount(
    FACE,
    INVITE,
    f"{_CHANNEL}/Invites/{{sid}}",
    View("sid account_sid channel_sid service_sid identity date_created date_updated role_sid created_by url"),
    create="identity! role_sid",
    filters=(IDENTITY_FILTER,),
    verbs=("create", "fetch", "list", "delete"),
)

CREDENTIALS = Mount(
    FACE,
    CREDENTIAL,
    "/Credentials/{sid}",
    View("sid account_sid friendly_name type sandbox date_created date_updated url"),
    create="type! friendly_name certificate private_key sandbox api_key secret key_id team_id bundle_id",
    update="friendly_name certificate private_key sandbox api_key secret key_id team_id bundle_id",
    page_limits=(50, 1000),
)

MOUNTS = (
    SERVICES,
    ROLES,
    USERS,
    USER_CHANNELS,
    USER_BINDINGS,
    BINDINGS,
    CHANNELS,
    CHANNEL_WEBHOOKS,
    MEMBERS,
    MESSAGES,
    INVITES,
    CREDENTIALS,
)
