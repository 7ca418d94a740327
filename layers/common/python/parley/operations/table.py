"""The table of operations: one per resource and verb, which REST and sockets both call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from parley.operations import (
    accounts,
    address_configurations,
    api_keys,
    bindings,
    channel_lists,
    channel_webhooks,
    channels,
    credentials,
    in_channels,
    invites,
    joining,
    media,
    members,
    messages,
    messaging_services,
    participant_conversations,
    participants,
    receipts,
    roles,
    senders,
    services,
    user_channels,
    user_conversations,
    users,
    verbs,
    with_participants,
)
from parley.records import RECORDS, SERVICE
from parley.records.spec import VERBS, Registry

Operation = Callable[..., Any]

_SPECIALS: dict[tuple[str, str], Operation] = {
    ("service", "create"): services.create,
    ("service", "update"): services.update,
    ("service", "delete"): services.delete,
    **{
        (name, verb): operation
        for name in ("service_configuration", "service_notifications", "service_webhooks")
        for verb, operation in (("fetch", partial(verbs.fetch, SERVICE)), ("update", services.update))
    },
    ("role", "create"): roles.create,
    ("role", "update"): roles.update,
    ("role", "delete"): roles.delete,
    ("user", "create"): users.create,
    ("user", "fetch"): users.fetch,
    ("user", "list"): users.list_,
    ("user", "update"): users.update,
    ("user", "delete"): users.delete,
    ("channel", "create"): channels.create,
    ("channel", "fetch"): channels.fetch,
    ("channel", "list"): channel_lists.list_,
    ("channel", "update"): channels.update,
    ("channel", "delete"): channels.delete,
    ("member", "create"): joining.create,
    ("member", "fetch"): members.fetch,
    ("member", "list"): members.list_,
    ("member", "update"): members.update,
    ("member", "delete"): members.delete,
    ("conversation_with_participants", "create"): with_participants.create,
    ("participant_conversation", "list"): participant_conversations.list_,
    ("address_configuration", "create"): address_configurations.create,
    ("address_configuration", "list"): address_configurations.list_,
    ("address_configuration", "update"): address_configurations.update,
    ("participant", "create"): participants.create,
    ("participant", "fetch"): members.fetch,
    ("participant", "list"): members.list_,
    ("participant", "update"): participants.update,
    ("participant", "delete"): participants.delete,
    ("message", "create"): messages.create,
    ("message", "fetch"): messages.fetch,
    ("message", "list"): messages.list_,
    ("message", "update"): messages.update,
    ("message", "delete"): messages.delete,
    ("media", "create"): media.create,
    ("media", "fetch"): media.fetch,
    ("media_upload", "create"): media.create_upload,
    ("receipt", "fetch"): receipts.fetch,
    ("receipt", "list"): receipts.list_,
    ("invite", "create"): invites.create,
    ("invite", "list"): invites.list_,
    ("invite", "delete"): invites.delete,
    ("channel_webhook", "create"): channel_webhooks.create,
    ("channel_webhook", "update"): channel_webhooks.update,
    ("channel_webhook", "delete"): channel_webhooks.delete,
    ("channel_migration", "update"): channels.migrate,
    ("credential", "create"): credentials.create,
    ("credential", "fetch"): credentials.fetch,
    ("credential", "list"): credentials.list_,
    ("credential", "update"): credentials.update,
    ("credential", "delete"): credentials.delete,
    ("binding", "list"): bindings.list_,
    ("binding", "delete"): bindings.delete,
    ("user_binding", "list"): bindings.list_of_user,
    ("user_binding", "fetch"): bindings.fetch_of_user,
    ("user_binding", "delete"): bindings.delete,
    ("user_channel", "fetch"): user_channels.fetch,
    ("user_channel", "list"): user_channels.list_,
    ("user_channel", "update"): user_channels.update,
    ("user_channel", "delete"): user_channels.delete,
    ("user_conversation", "fetch"): user_conversations.fetch,
    ("user_conversation", "list"): user_conversations.list_,
    ("user_conversation", "update"): user_conversations.update,
    ("user_conversation", "delete"): user_conversations.delete,
    ("account", "fetch"): accounts.fetch,
    ("account_configuration", "fetch"): accounts.fetch_configuration,
    ("account_configuration", "update"): accounts.update_configuration,
    ("account_webhooks", "fetch"): accounts.fetch_configuration,
    ("account_webhooks", "update"): accounts.update_configuration,
    ("messaging_service", "create"): messaging_services.create,
    ("messaging_service", "fetch"): messaging_services.fetch,
    ("messaging_service", "list"): messaging_services.list_,
    ("messaging_service", "update"): messaging_services.update,
    ("messaging_service", "delete"): messaging_services.delete,
    ("sender", "create"): senders.create,
    ("sender", "fetch"): senders.fetch,
    ("sender", "list"): senders.list_,
    ("sender", "delete"): senders.delete,
    ("api_key", "create"): api_keys.create,
    ("api_key", "fetch"): api_keys.fetch,
    ("api_key", "list"): api_keys.list_,
    ("api_key", "update"): api_keys.update,
    ("api_key", "delete"): api_keys.delete,
}


def table(records: Registry) -> dict[tuple[str, str], Operation]:
    """(resource, verb) -> operation(context, path, parameters); list operations take a PageRequest as well.

    A resource is a type of record, or a mount with its own name. A resource without an operation of its own uses the
    generic verbs.
    """
    generic = {
        (record.name, verb): partial(
            getattr(in_channels if record.parent == "channel" else verbs, verbs.FUNCTIONS[verb]), record
        )
        for record in records
        for verb in VERBS
    }
    return {**generic, **_SPECIALS}


OPERATIONS = table(RECORDS)
