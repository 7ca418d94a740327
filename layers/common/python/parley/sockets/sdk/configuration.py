"""The configuration: the first thing for which `twilio-chat` 6 and `@twilio/conversations` 2 and 3 ask.

It names the client's identity, its Sync objects and the links to everything else.
"""

from __future__ import annotations

from typing import Any

from parley.domain.messages import MOST_FILES
from parley.records.services import setting
from parley.sockets.following import MOST_FOLLOWED
from parley.sockets.media import media_url
from parley.sockets.sdk import objects
from parley.sockets.sdk.links import link
from parley.sockets.sdk.routing import Answered, Exchange, Route

_MEDIA_MIME_TYPES = ["text/plain"]
_PAGE_SIZE = 100


def fetch(exchange: Exchange) -> Answered:
    """The configuration of the client's user."""
    version = exchange.request.segments[1]
    owner = exchange.service
    media = media_url(exchange.rest_url, exchange.service_sid)
    megabytes = exchange.context.media.limit_mb

    def below(*segments: str) -> str:
        return link("Client", version, *segments)

    shown: dict[str, Any] = {
        "identity": exchange.identity,
        "url": below("Configuration"),
        "sync_objects": {
            "my_conversations": objects.channels(exchange.user_sid).unique_name,
            "my_user_info": objects.info(exchange.user_sid).unique_name,
        },
        "links": {
            "my_conversations": below("MyConversations"),
            "conversations": below("Conversations"),
            "users": below("Users"),
            "current_user": below("Users", exchange.identity),
            "typing": below("Typing"),
            "media_service": f"{media}/Media",
            "media_set_service": f"{media}/MediaSet",
            "messages_receipts": f"{below('Conversations')}/%s/Messages/%s/Receipts",
        },
        "options": {
            "reachability_enabled": setting(owner, "reachability_enabled"),
            "user_infos_to_subscribe": MOST_FOLLOWED,
            "http_cache_interval": "PT5S",
            "consumption_report_interval": f"PT{setting(owner, 'consumption_report_interval')}S",
            "my_conversations_page_size": _PAGE_SIZE,
            "media_attachments_count_limit": MOST_FILES,
            "media_attachment_size_limit_in_mb": megabytes,
            "media_attachments_total_size_limit_in_mb": megabytes,
            "email_histories_allowed_mime_types": _MEDIA_MIME_TYPES,
            "email_bodies_allowed_mime_types": _MEDIA_MIME_TYPES,
        },
    }
    return Answered(200, shown)


ROUTES = tuple(Route("GET", f"/Client/{version}/Configuration", fetch) for version in ("v1", "v2"))
