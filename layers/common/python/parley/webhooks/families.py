"""The families of webhooks: Chat's and Conversations'. Each has its own events, and its own webhooks on a service.

An action or a change may concern both families. Then Parley asks or tells the webhooks of both, each with its own
names. Conversations knows private channels only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from parley.faces import chat_events, conversations_events
from parley.faces.events import Event, Events
from parley.frozen import frozen
from parley.operations.accounts import known_configuration
from parley.operations.context import CHAT, CONVERSATIONS, Context, Perspective
from parley.store.items import Record
from parley.stored import ChannelWebhook, Service


class Settings(NamedTuple):
    """The webhooks of one family on a service. To an empty URL, Parley sends nothing."""

    pre_url: str = ""
    post_url: str = ""
    method: str = "POST"
    filters: Collection[str] = ()
    pre_retries: int = 0
    post_retries: int = 0


# A URL and a method for one event alone.
OwnUrl = tuple[str, str]


@frozen
class Family:
    """One family.

    Attributes:
        perspective: Its faces' perspective, whose name channel webhooks carry.
        pre_events: Its events before an action.
        post_events: Its events after a change.
        service_parameter: Its parameter for the SID of the service.
        settings: Its webhooks on a service.
        own_url: The URL and method that a service has set for this one event, if any.
        answers: Older keys that an answer to a pre-event may use, and the fields that they replace.
    """

    perspective: Perspective
    pre_events: Events
    post_events: Events
    service_parameter: str
    settings: Callable[[Context, Service], Settings]
    own_url: Callable[[Service, Event], OwnUrl | None]
    answers: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name that channel webhooks carry."""
        return self.perspective.name

    def knows(self, channel: Mapping[str, Any] | None) -> bool:
        """Whether an action or a change concerns the family; `channel` is None if it happens outside of channels."""
        return channel is None or self.perspective.knows(channel)


def find(events: Events, kind: str, verb: str, record: Record) -> Event | None:
    """The event of an action or a change; None if it has no event. Messages with media may have rows of their own."""
    if record.get("type") == "media" and (event := events.get((f"media {kind}", verb))):
        return event
    return events.get((kind, verb))


def _in_chat(context: Context, service: Service) -> Settings:
    return Settings(
        service.get("pre_webhook_url") or "",
        service.get("post_webhook_url") or "",
        service.get("webhook_method") or "POST",
        service.get("webhook_filters") or (),
        service.get("pre_webhook_retry_count") or 0,
        service.get("post_webhook_retry_count") or 0,
    )


def _own_url_in_chat(service: Service, event: Event) -> OwnUrl | None:
    name = "webhooks.on_" + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event.name)[3:]
    settings: Mapping[str, Any] = service
    url = settings.get(f"{name}.url")
    return (url, settings.get(f"{name}.method") or "POST") if url else None


def _in_conversations(context: Context, service: Service) -> Settings:
    """The service's own webhooks, or the account's if it has none."""
    own = _stored(service, "conversations.")
    if own.pre_url or own.post_url:
        return own
    account = known_configuration(context) or {}
    # Twilio would ask and tell Flex. Parley has no Flex, so it sends nothing (unconfirmed).
    return Settings() if account.get("webhook_target") == "flex" else _stored(account, "")


def _stored(holder: Mapping[str, Any], within: str) -> Settings:
    return Settings(
        holder.get(f"{within}pre_webhook_url") or "",
        holder.get(f"{within}post_webhook_url") or "",
        holder.get(f"{within}webhook_method") or "POST",
        holder.get(f"{within}webhook_filters") or (),
    )


FAMILIES = (
    Family(
        CHAT,
        chat_events.PRE_EVENTS,
        chat_events.POST_EVENTS,
        "InstanceSid",
        _in_chat,
        _own_url_in_chat,
        {"from": "author"},
    ),
    Family(
        CONVERSATIONS,
        conversations_events.PRE_EVENTS,
        conversations_events.POST_EVENTS,
        "ChatServiceSid",
        _in_conversations,
        lambda service, event: None,
        {},
    ),
)
CHATS, CONVERSATIONS_FAMILY = FAMILIES
_BY_NAME = {family.name: family for family in FAMILIES}


def of_webhook(webhook: ChannelWebhook) -> Family:
    """The family of the face that made a channel's webhook."""
    return _BY_NAME[webhook.get("face") or CHAT.name]
