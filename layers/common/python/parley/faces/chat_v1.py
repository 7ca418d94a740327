"""Chat v1 (https://www.twilio.com/docs/chat/rest/v1): fewer fields, larger pages, and a webhook for each event."""

from __future__ import annotations

from dataclasses import replace

from parley import errors
from parley.faces import chat_v2
from parley.faces.spec import Face, Mount, View
from parley.records import CHANNEL, MEMBER, MESSAGE, SERVICE, USER
from parley.records.services import EVENTS_WITH_WEBHOOKS

FACE = Face("chat_v1", "/chat/v1")

_SERVICE = "/Services/{service_sid}"
_CHANNEL = f"{_SERVICE}/Channels/{{channel_sid}}"
_PAGES = (50, 1000)
_CHANNEL_BY_SID = ("channel_sid", "CH")
_PUSH = "enabled template"
_LIMITS = "limits(channel_members user_channels)"
_NOTIFICATIONS = (
    f"notifications(new_message({_PUSH}) added_to_channel({_PUSH}) removed_from_channel({_PUSH}) "
    f"invited_to_channel({_PUSH}))"
)
_WEBHOOKS = f"webhooks({' '.join(f'on_{event}(url method)' for event in EVENTS_WITH_WEBHOOKS)})"

MOUNTS = (
    Mount(
        FACE,
        SERVICE,
        "/Services/{sid}",
        View(
            "sid account_sid friendly_name date_created date_updated default_service_role_sid "
            "default_channel_role_sid default_channel_creator_role_sid read_status_enabled reachability_enabled "
            f"typing_indicator_timeout consumption_report_interval {_LIMITS} {_WEBHOOKS} pre_webhook_url "
            f"post_webhook_url webhook_method webhook_filters {_NOTIFICATIONS} url",
            links={"channels": "/Channels", "users": "/Users", "roles": "/Roles"},
        ),
        create="friendly_name!",
        update="friendly_name default_service_role_sid default_channel_role_sid default_channel_creator_role_sid "
        f"read_status_enabled reachability_enabled typing_indicator_timeout consumption_report_interval {_LIMITS} "
        f"pre_webhook_url post_webhook_url webhook_method webhook_filters {_NOTIFICATIONS} {_WEBHOOKS}",
        kinds=chat_v2.EVENT_FILTERS,
    ),
    replace(chat_v2.ROLES, face=FACE, page_limits=_PAGES),
    Mount(
        FACE,
        USER,
        f"{_SERVICE}/Users/{{sid}}",
        View(chat_v2.USER_NAMES, links={"user_channels": "/Channels"}, absent_from_lists="attributes"),
        create="identity! role_sid attributes friendly_name",
        update="role_sid attributes friendly_name",
        page_limits=_PAGES,
    ),
    Mount(
        FACE,
        MEMBER,
        f"{_SERVICE}/Users/{{user_sid}}/Channels/{{channel_sid}}",
        View(
            "account_sid service_sid channel_sid member_sid status last_consumed_message_index unread_messages_count",
            links=chat_v2.USER_CHANNEL_LINKS,
        ),
        name="user_channel",
        verbs=("list",),
        page_limits=_PAGES,
    ),
    Mount(
        FACE,
        CHANNEL,
        f"{_SERVICE}/Channels/{{sid}}",
        View(
            chat_v2.CHANNEL_NAMES,
            links={
                "members": "/Members",
                "messages": "/Messages",
                "invites": "/Invites",
                "last_message": chat_v2.last_message,
            },
            absent_from_lists="attributes",
        ),
        create="friendly_name unique_name attributes type",
        update="friendly_name unique_name attributes",
        filters=(chat_v2.TYPE_FILTER,),
        page_limits=_PAGES,
        empty_update=errors.EMPTY_CHANNEL_UPDATE,
    ),
    Mount(
        FACE,
        MEMBER,
        f"{_CHANNEL}/Members/{{sid}}",
        View(
            "sid account_sid channel_sid service_sid identity date_created date_updated role_sid "
            "last_consumed_message_index last_consumption_timestamp url"
        ),
        create="identity! role_sid",
        update="role_sid last_consumed_message_index",
        filters=(chat_v2.IDENTITY_FILTER,),
        page_limits=_PAGES,
        by_sid=(_CHANNEL_BY_SID, ("sid", "MB")),
    ),
    Mount(
        FACE,
        MESSAGE,
        f"{_CHANNEL}/Messages/{{sid}}",
        View(
            "sid account_sid attributes service_sid to=channel_sid channel_sid date_created date_updated was_edited "
            "from=author body index url",
            absent_from_lists="attributes",
        ),
        create="From=author attributes body!",
        update="attributes body",
        filters=(chat_v2.ORDER_FILTER,),
        by_index=errors.MESSAGE_PAGE_TOKEN_INVALID,
        page_limits=_PAGES,
        by_sid=(_CHANNEL_BY_SID,),
    ),
    replace(chat_v2.INVITES, face=FACE, page_limits=_PAGES, by_sid=(_CHANNEL_BY_SID,)),
    replace(chat_v2.CREDENTIALS, face=FACE),
)
