"""Push registrations: an SDK names its device, Parley keeps a binding, as the native protocol and REST know it.

An SDK does not name a credential. It is the one in the client's token, if that names one.
"""

from __future__ import annotations

from typing import Any

from parley.domain.notifications import CHAT, CONVERSATIONS
from parley.errors import INVALID_PARAMETER
from parley.operations import bindings
from parley.sockets.sdk.acts import Act, perform
from parley.sockets.sdk.routing import Answered, Exchange, Route, text
from parley.sockets.sdk.upstream_views import V1

# What each SDK calls the notifications that Parley has. It also asks for some that are no push: those are left out.
MESSAGE_TYPES = {
    "twilio.channel.new_message": "new_message",
    "twilio.channel.added_to_channel": "added_to_channel",
    "twilio.channel.invited_to_channel": "invited_to_channel",
    "twilio.channel.removed_from_channel": "removed_from_channel",
    "twilio.conversations.new_message": "new_message",
    "twilio.conversations.added_to_conversation": "added_to_channel",
    "twilio.conversations.removed_from_conversation": "removed_from_channel",
}
_OF_CONVERSATIONS = "twilio.conversations."
_MOST_TYPES = 20


def register(exchange: Exchange) -> Answered:
    """Register the client's device.

    Raises:
        Refusal: 20001; as `bindings.register`.
    """
    body, connection = exchange.body, exchange.connection
    data = body.get("data")
    address = text(data if isinstance(data, dict) else {}, "registration_id")
    binding = bindings.register(
        exchange.context,
        exchange.service_sid,
        exchange.identity,
        endpoint=connection.get("endpoint_id") or "",
        binding_type=text(body, "channel_type"),
        address=address,
        credential_sid=connection.get("push_credential_sid") or "",
        message_types=_message_types(body.get("message_types")),
        face=_face(body["message_types"]),
    )
    return Answered(201, {"id": binding["sid"]})


def _message_types(given: Any) -> list[str]:
    """Parley's names of the notifications that are wanted; without any, a binding would want all."""
    if not isinstance(given, list) or len(given) > _MOST_TYPES or not all(isinstance(name, str) for name in given):
        raise INVALID_PARAMETER(name="message_types", reason="a list of texts is needed")
    wanted = list(dict.fromkeys(MESSAGE_TYPES[name] for name in given if name in MESSAGE_TYPES))
    if not wanted:
        raise INVALID_PARAMETER(name="message_types", reason="a type that is pushed is needed")
    return wanted


def _face(given: list[str]) -> str:
    """Whose notifications the SDK understands: it asks for them by the names that it knows."""
    return CONVERSATIONS if any(name.startswith(_OF_CONVERSATIONS) for name in given) else CHAT


def remove(exchange: Exchange) -> Answered:
    """Remove one registration of the client's user."""
    perform(
        exchange, V1, Act("user_binding", "delete"), {"user_sid": exchange.identity, "sid": exchange.path["sid"]}, {}
    )
    return Answered(204)


def remove_device(exchange: Exchange) -> Answered:
    """Remove the registrations of one device of the client's user."""
    kind, address = text(exchange.body, "binding_type"), text(exchange.body, "address")
    bindings.delete_device(exchange.context, exchange.service_sid, exchange.identity, kind, address)
    return Answered(204)


ROUTES = (
    Route("POST", "/v1/registrations", register),
    Route("DELETE", "/v1/registrations", remove_device),
    Route("DELETE", "/v1/registrations/{sid}", remove),
)
