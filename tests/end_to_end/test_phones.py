"""A person by SMS, one on WhatsApp and one in chat talk on a running stack, through Twilio's libraries and AWS's events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest
import requests
from twilio.rest import Client

from local.stack.running import Stack
from tests.end_to_end.clients import Socket, access_token
from tests.helper_libraries.node_library import node_library
from tests.support.doors import HttpDoor, Raw
from tests.support.handset import Handset
from tests.support.waiting import until

# Other tests share the stack, so each has phones of its own.
_numbers = count(14155550600)
_NUMBER = "+12025550143"


def handset(http_door: HttpDoor, prefix: str = "") -> Handset:
    """A new handset; on WhatsApp with the prefix."""
    return Handset(Raw(http_door), f"{prefix}+{next(_numbers)}", prefix + _NUMBER)


@pytest.fixture(params=["python", "node"])
def api(request: pytest.FixtureRequest, stack: Stack, twilio: Client) -> Iterator[Any]:
    """Twilio's library for Python, and the one for Node."""
    with ExitStack() as open_library:
        client = twilio if request.param == "python" else open_library.enter_context(node_library(stack))
        yield client.conversations.v1


@pytest.fixture
def service_sid(api: Any) -> Iterator[str]:
    """A service in which messages to the number make conversations."""
    sid = api.services.create(friendly_name="front desk").sid
    # Other tests of this stack may have configured the number, and it can have one configuration.
    for other in api.address_configurations.list():
        if other.address == _NUMBER:
            api.address_configurations(other.sid).delete()
    address = api.address_configurations.create(
        type="sms",
        address=_NUMBER,
        auto_creation_enabled=True,
        auto_creation_type="default",
        auto_creation_conversation_service_sid=sid,
    )
    yield sid
    api.address_configurations(address.sid).delete()


def test_a_text_makes_a_conversation_in_which_sms_whatsapp_and_chat_talk_to_one_another(
    stack: Stack, http_door: HttpDoor, api: Any, service_sid: str
) -> None:
    customer, friend = handset(http_door), handset(http_door, "whatsapp:")
    customer.write("hello")
    service = api.services(service_sid)
    made = until(lambda: service.conversations.list(), 30)
    conversation = service.conversations(made[0].sid)
    conversation.participants.create(identity="alice")
    conversation.participants.create(
        messaging_binding_address=friend.address, messaging_binding_proxy_address=friend.number
    )
    with Socket(stack.info, access_token(stack.info, service_sid, "alice")) as alice:
        # Nobody may write freely to a person on WhatsApp who has not written.
        friend.write("here I am")
        alice.push("messageAdded", message={"body": "here I am", "from": friend.address})
        until(lambda: customer.got == ["here I am"], 30)
        customer.write("who is there?")
        until(lambda: friend.got == ["who is there?"], 30)
        alice.push("messageAdded", message={"body": "who is there?", "from": customer.address})
        alice.ask("sendMessage", channel=made[0].sid, body="all of us")
        asked = alice.push("messageAdded", message={"body": "all of us"})["message"]["sid"]
    until(lambda: customer.got[1:] == friend.got[1:] == ["all of us"], 30)
    friend.look()
    message = conversation.messages(asked)
    until(lambda: sorted(one.status for one in message.delivery_receipts.list()) == ["delivered", "read"], 30)
    assert message.fetch().delivery == {
        "total": 2,
        "sent": "all",
        "delivered": "all",
        "read": "some",
        "failed": "none",
        "undelivered": "none",
    }

    def horizons() -> dict[str, int | None]:
        return {
            (one.messaging_binding or {}).get("type", "chat"): one.last_read_message_index
            for one in conversation.participants.list()
        }

    # The horizon moves after the receipt has changed.
    until(lambda: horizons() == {"chat": None, "sms": None, "whatsapp": 3}, 30)
    assert [one.body for one in conversation.messages.list()] == ["hello", "here I am", "who is there?", "all of us"]


def test_a_picture_from_whatsapp_is_a_file_of_its_message(
    stack: Stack, http_door: HttpDoor, api: Any, service_sid: str
) -> None:
    friend, conversations = handset(http_door, "whatsapp:"), api.services(service_sid).conversations
    conversation = conversations(conversations.create().sid)
    conversation.participants.create(
        messaging_binding_address=friend.address, messaging_binding_proxy_address=friend.number
    )
    picture = b"\x89PNG\r\n\x1a\n and so on"
    friend.send("look", picture, "image/png")
    (message,) = until(lambda: conversation.messages.list(), 30)
    (file,) = message.media
    assert (message.body, file["content_type"], file["size"]) == ("look", "image/png", len(picture))
    owner = (str(stack.info["account_sid"]), str(stack.info["auth_token"]))
    url = f"{stack.info['rest_url']}/media/v1/Services/{service_sid}/Media/{file['sid']}/Content"
    assert requests.get(url, auth=owner, timeout=120).content == picture
