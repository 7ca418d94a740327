"""Acts with phones: their participants, the numbers that reach them, and the jobs between the two."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from parley.errors import Refusal
from parley.faces.errors import answer
from parley.ids import receipt_sid, sender_address
from parley.operations import messaging_services, senders
from parley.operations.context import Context
from tests.faults.act import DONE, Act, raw_of
from tests.faults.acts_in_background import carry_out_one
from tests.faults.scene import Scene
from tests.rest import everything
from tests.support.world import PHONE_NUMBERS, WHATSAPP_SENDERS, World

_FREE, _TAKEN = "+491721234567", "+491727654321"
_PARTICIPANT = f"/Participants/%2B{_TAKEN[1:]}"


def _pair(address: str) -> dict[str, str]:
    return {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": PHONE_NUMBERS[0]}


# A chat participant and the same phone, as participants of a conversation that is made with them.
_TOGETHER = [
    json.dumps({"identity": "zed"}),
    json.dumps({"messaging_binding": {"address": _FREE, "proxy_address": PHONE_NUMBERS[0]}}),
]
# Requests about a conversation with a phone, about another one, about one of another service, about a thread of phones, or
# about their service: verb, path, form.
PHONES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "participant.create": ("POST", "{thread}/Participants", _pair(_FREE)),
    "participant.create elsewhere": ("POST", "{other}/Participants", _pair(_FREE)),
    "participant.update": ("POST", "{thread}" + _PARTICIPANT, {"MessagingBinding.ProxyAddress": PHONE_NUMBERS[1]}),
    "participant.delete": ("DELETE", "{thread}" + _PARTICIPANT, {}),
    "channel.close": ("POST", "{thread}", {"State": "closed"}),
    "channel.delete": ("DELETE", "{thread}", {}),
    "service.delete": ("DELETE", "{service}", {}),
    "participant.create in another service": ("POST", "{foreign}/Participants", _pair(_FREE)),
    "conversation with participants": ("POST", "{service}/ConversationWithParticipants", {"Participant": _TOGETHER}),
    "group.create": ("POST", "{group}/Participants", {"MessagingBinding.Address": "+14155550103"}),
    "group.delete": ("DELETE", "{group}/Participants/%2B14155550101", {}),
    "group.hand over": ("POST", "{group}/Participants/agent", {"Identity": "bob"}),
    "group.agent deleted": ("DELETE", "{service}/Users/agent", {}),
}


_OF_AWS = {"provider_id": "phone-0a"}
# What the operator does with senders: one that is new, one in no messaging service, and one that is in a service.
SENDERS: dict[str, Callable[[Context, Scene], object]] = {
    "enable": lambda context, scene: senders.enable(context, "+12025550191", _OF_AWS),
    "enable one that is free": lambda context, scene: senders.enable(
        context, everything.FREE, {**_OF_AWS, "messaging_service_sid": scene.items.items["messaging_service"]}
    ),
    "move": lambda context, scene: senders.enable(
        context, _own_sender(scene), {**_OF_AWS, "messaging_service_sid": messaging_services.default_sid(context)}
    ),
    "disable": lambda context, scene: senders.disable(context, _own_sender(scene)),
}


def _own_sender(scene: Scene) -> str:
    return sender_address(scene.items.items["sender"]) or ""


def by_operator(name: str) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        try:
            SENDERS[name](container.context(), scene)
        except Refusal as refused:
            return answer("account", refused.error, **refused.details).status
        return DONE

    return Act(f"senders:{name}", do)


def with_phones(name: str) -> Act:
    verb, path, form = PHONES[name]

    def do(scene: Scene, container: World, prepared: Any) -> int:
        return raw_of(scene, container)(verb, path.format(**scene.phones), form).status

    return Act(f"phones:{name}", do)


_READER = f"whatsapp:{_TAKEN}"


def _posted(scene: Scene) -> dict[str, Any]:
    """The job that hands a message over for two phones, one of them on WhatsApp."""
    path = scene.phones["thread"]
    pair = {"MessagingBinding.Address": _READER, "MessagingBinding.ProxyAddress": WHATSAPP_SENDERS[0]}
    scene.rest.post(f"{path}/Participants", pair)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{path}/Messages", Body="hello")
    scene.webhooks.plan()
    (job,) = scene.webhooks.work.phones
    return job


def _read(scene: Scene) -> dict[str, Any]:
    """The job that notes that the message was read on WhatsApp."""
    assert scene.webhooks.do_job(_posted(scene)) == []
    path = scene.phones["thread"]
    (message,) = scene.rest.get(f"{path}/Messages")["messages"]
    reader = scene.rest.get(f"{path}/Participants/{quote(_READER)}")["sid"]
    channel, receipt = message["conversation_sid"], receipt_sid(message["sid"], reader)
    reference = f"{scene.house.sid}.{channel}.{message['index']}.{receipt}"
    return {"job": "phone_status", "reference": reference, "status": "read", "error_code": 0, "sid": "WA1"}


def _written(scene: Scene) -> dict[str, Any]:
    """The job that brings a message from a phone to a conversation that is inactive."""
    scene.rest.post(scene.phones["thread"], State="inactive")
    return {"job": "phone_inbound", "from": _TAKEN, "to": PHONE_NUMBERS[0], "sid": "SM1", "body": "hello"}


# Jobs between conversations and phones.
CARRIED = [
    Act("job:phone", carry_out_one, _posted, is_repeated=True),
    Act("job:phone_status", carry_out_one, _read, is_repeated=True),
    Act("job:phone_inbound", carry_out_one, _written, is_repeated=True),
]
