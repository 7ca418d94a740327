"""What AWS brings: texts and pictures from phones, and reports about texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.operations import receipts, senders
from parley.store import keys
from tests.conversations.aws import Handing, text_event, text_from, whatsapp_from
from tests.conversations.aws import status as whatsapp_status
from tests.conversations.carriers_function import carriers_function
from tests.faults.scene import Scene
from tests.faults.texting import NUMBER, PHONE, WHATSAPP_NUMBER, carry, empty_queues, texts_of, with_aws
from tests.ports.fakes import FakeOutgoing
from tests.support.queued import received
from tests.support.texting import FakeTexting
from tests.support.world import World
from tests.webhooks.function import Remaining

UNKNOWN, OTHER_UNKNOWN = "+491727654388", "+491727654377"
_ADDRESSES = "/conversations/v1/Configuration/Addresses"
PICTURE = {"id": "785", "mime_type": "image/png", "caption": "look"}

Events = list[dict[str, Any]]


def hear(scene: Scene, container: World, events: Events) -> int:
    """Hand events to the function in one batch."""
    with with_aws(container):
        aws = Handing(store=scene.world.store, bodies={"785": b"a picture"})
        handler = carriers_function(container, aws, empty_queues(), outgoing=FakeOutgoing())
        records = [received(event, f"event-{number}") for number, event in enumerate(events)]
        answer = handler({"Records": records}, Remaining(30_000))
        return 500 if answer["batchItemFailures"] else 200


def _numbers(scene: Scene, url: str = "") -> None:
    """Two numbers that AWS carries; texts to the first one make conversations, which get a webhook."""
    with with_aws(scene.world):
        for number in (NUMBER, WHATSAPP_NUMBER):
            senders.enable(scene.world.context(), number, {"provider_id": "phone-number-id-0a"})
        if url:
            sid = scene.rest.get("/conversations/v1/Configuration")["default_messaging_service_sid"]
            scene.rest.post(f"/messaging/v1/Services/{sid}", InboundRequestUrl=url)
            return
        creation = {"Enabled": "true", "Type": "webhook", "WebhookUrl": "https://hooks.example.com/"}
        form = {f"AutoCreation.{name}": value for name, value in creation.items()}
        scene.rest.post(_ADDRESSES, {"Type": "sms", "Address": NUMBER, **form})
    scene.webhooks.skip_stream()


def unknown(scene: Scene) -> Events:
    """A text that makes a conversation."""
    _numbers(scene)
    return [text_from(UNKNOWN, NUMBER, "hello")]


def unclaimed(scene: Scene) -> Events:
    """A text that a URL is told of."""
    _numbers(scene, "https://hooks.example.com/inbound")
    return [text_from(UNKNOWN, NUMBER, "hello")]


def pictured(scene: Scene) -> Events:
    """A picture of a person who has a conversation."""
    _numbers(scene)
    with with_aws(scene.world):
        pair = {"MessagingBinding.Address": f"whatsapp:{PHONE}", "MessagingBinding.ProxyAddress": WHATSAPP_NUMBER}
        scene.rest.post(f"{scene.phones['thread']}/Participants", pair)
    scene.webhooks.skip_stream()
    return [whatsapp_from(PHONE, WHATSAPP_NUMBER, image=PICTURE)]


def reported(scene: Scene) -> Events:
    """Reports about one message to two phones: one got it, and the other one has read it."""
    texts = texts_of(scene)
    for text in texts:
        assert carry(scene.world, text, FakeTexting()) == 200
    found = scene.world.table.every(keys.receipts(str(texts[0]["channel_sid"]), int(str(texts[0]["index"]))))
    by_phone = {one["to_address"]: receipts.reference(one) for one in found}
    return [
        text_event(by_phone[PHONE], "TEXT_DELIVERED"),
        whatsapp_status("wamid.faults", "read", by_phone[f"whatsapp:{PHONE}"]),
        text_event(by_phone[PHONE], "TEXT_SENT"),
    ]


# What AWS brings, and what prepares it.
BROUGHT: dict[str, Callable[[Scene], Events]] = {
    "text of an unknown phone": unknown,
    "text that nobody claims": unclaimed,
    "picture": pictured,
    "reports": reported,
}


def bodies(scene: Scene, address: str) -> list[list[str]]:
    """The texts in each conversation that a phone is in, in the default service or in the scene's."""
    found = []
    for path in ("/conversations/v1", scene.phones["service"]):
        for one in scene.rest.get(f"{path}/ParticipantConversations", Address=address)["conversations"]:
            listed = scene.rest.get(f"{path}/Conversations/{one['conversation_sid']}/Messages")["messages"]
            found.append(sorted(message["body"] for message in listed))
    return sorted(found)
