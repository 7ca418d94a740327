"""Makes a conversation of a message from a phone, if the configuration of the number says so.

    onConversationAdd --> conversation, participant, pair and webhook in one transaction --> the message is added

No other pre-event is asked about such a message. A refusal loses the message; without an answer the conversation is
made (https://www.twilio.com/docs/conversations/inbound-autocreation). If two messages of one phone come at once, one of
them makes the conversation, and both are added to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from parley.domain.address_configurations import STUDIO, WEBHOOK
from parley.domain.addresses import channel_of
from parley.domain.channels import PRIVATE
from parley.errors import NOT_FOUND, Refusal
from parley.ids import address_sid
from parley.log import logger
from parley.operations import accounts, senders, verbs, with_participants
from parley.operations.addressing import service
from parley.operations.context import Context
from parley.records import CHANNEL_WEBHOOK
from parley.store import keys
from parley.store.items import Record
from parley.stored import AddressConfiguration, MessagingBinding, Service

# Conversations' names of events, and those under which webhooks of channels store them.
Names = Mapping[str, Sequence[str]]


class Creation(NamedTuple):
    """How conversations are made of messages to an address: its configuration, and the service of the conversations."""

    configuration: AddressConfiguration
    owner: Service


class First(NamedTuple):
    """The message that makes a conversation.

    Attributes:
        sender: The phone's address.
        to: The number that received it.
        token: Names the message; the conversation keeps it.
        body: Its text.
        files: Its files, in the form in which webhooks show them.
    """

    sender: str
    to: str
    token: str
    body: str | None
    files: Sequence[Mapping[str, Any]]


def creation(context: Context, address: str) -> Creation | None:
    """How conversations are made of messages to an address; None if they make none."""
    key = keys.address_configuration(context.account_sid, address_sid(context.account_sid, address))
    configuration = context.table.fetch(key)
    if configuration is None or not configuration.get("auto_creation.enabled"):
        return None
    service_sid = configuration.get("auto_creation.conversation_service_sid")
    try:
        return Creation(configuration, service(context, service_sid or accounts.default_service_sid(context)))
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise
        logger.warning("address configured with a service that does not exist", extra={"sid": configuration["sid"]})
        return None


def make(context: Context, made: Creation, first: First, names: Names) -> None:
    """Make a conversation of a message. The message is not added yet.

    `context` is that of the phone. Four write requests in one transaction of some twenty units.

    Raises:
        Refusal: 50056 if a webhook refuses; 50416 if the phone has a conversation by now; 20409 if others changed what
            was read.
    """
    owner = made.owner
    kind = channel_of(first.sender)
    binding: MessagingBinding = {"type": kind or "", "address": first.sender, "proxy_address": first.to}
    messaging = senders.messaging_service_sid(context, senders.sender(context, first.to))
    fields = {"messaging_service_sid": messaging, "messaging_binding": binding}
    preview = {**fields, "type": PRIVATE, "service_sid": owner["sid"]}
    told = {"message_body": first.body, "media": [*first.files] or None}
    answered = context.consult("channel", "create", verbs.non_null({**preview, **told}), {}, lambda fresh: None)
    with_participants.found(
        context,
        owner,
        {"service_sid": owner["sid"]},
        {**answered, **fields, "made_for": first.token},
        [({}, binding)],
        is_initializing=False,
        webhooks=lambda sid: _webhooks(context, made, sid, names),
    )


def _webhooks(context: Context, made: Creation, channel_sid: str, names: Names) -> list[Record]:
    fields = _webhook(made.configuration, names)
    if fields is None:
        return []
    place = {"service_sid": made.owner["sid"], "channel_sid": channel_sid}
    new = verbs.new_record(context, CHANNEL_WEBHOOK, place)
    return [{**new, **place, "face": context.perspective.name, **fields}]


def _webhook(configuration: AddressConfiguration, names: Names) -> Record | None:
    """The fields of the webhook that the conversation gets; None if it gets none."""
    match configuration.get("auto_creation.type"):
        case "webhook":
            selected = configuration.get("auto_creation.webhook_filters") or ()
            return {
                "type": WEBHOOK,
                "configuration.url": configuration["auto_creation.webhook_url"],
                "configuration.method": configuration.get("auto_creation.webhook_method") or "POST",
                "configuration.filters": [stored for name in selected for stored in names.get(name, (name,))],
            }
        case "studio":
            return {
                "type": STUDIO,
                "configuration.flow_sid": configuration["auto_creation.studio_flow_sid"],
                "configuration.retry_count": configuration.get("auto_creation.studio_retry_count") or 0,
            }
    return None
