"""What texts to and from phones cost at AWS, in addition to the price of each text.

    python -m bench texts          (half a minute, loopback only)

A message goes from a back end to a person's phone, over REST, in a conversation in which nobody has a socket. All
containers are warm, and each text, report and answer comes alone. That is the dearest case.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from bench import prices
from bench.cost import table, total
from bench.figures import COUNT, Figure, Findings
from bench.prices import MILLION
from bench.scene import Scene, scene
from bench.usage import Usage
from parley.operations import senders
from tests.conversations.aws import status, text_event, text_from, whatsapp_from

NUMBER, WHATSAPP = "+12065550111", "whatsapp:+12065550133"
_BODY = "x" * 120
_RECEIPTS, _INBOUND = "CarrierReceipts", "CarrierInbound"
# Containers know their settings still, and a new conversation is not too young for anything.
_QUIET_SECONDS, _A_MOMENT = 130, 1


class _Phone:
    """A conversation with one person, who is reached from one of the account's numbers."""

    def __init__(self, at: Scene, number: str, phone: str):
        self._at = at
        self._number, self._phone = number, phone
        self._ids = itertools.count(1)
        conversation = at.rest.post("/conversations/v1/Conversations")["sid"]
        self._path = f"/conversations/v1/Conversations/{conversation}"
        binding = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": number}
        at.rest.post(f"{self._path}/Participants", binding)

    @property
    def is_on_whatsapp(self) -> bool:
        return self._number == WHATSAPP

    def write(self) -> None:
        """The back end writes a message, and AWS takes it for the phone."""
        self._at.rest.post(f"{self._path}/Messages", {"Body": _BODY})
        self._at.pump()

    def report(self, *words: str) -> None:
        """AWS reports about the last text, all in one batch."""
        sent = self._at.texting.sent[-1]
        if self.is_on_whatsapp:
            reference, id_ = str(sent.what["biz_opaque_callback_data"]), f"wamid.{len(self._at.texting.sent)}"
            self._at.hear(_INBOUND, *(status(id_, word, reference) for word in words))
        else:
            events = (text_event(sent.context["reference"], f"TEXT_{word.upper()}") for word in words)
            self._at.hear(_RECEIPTS, *events)
        self._at.pump()

    def answer(self) -> None:
        """The person writes."""
        now, id_ = self._at.world.clock.now_ms() // 1000, f"in-{self._phone}-{next(self._ids)}"
        if self.is_on_whatsapp:
            told = whatsapp_from(self._phone, self._number, f"wamid.{id_}", at=now, text={"body": _BODY})
        else:
            told = text_from(self._phone, self._number, _BODY, id_)
        self._at.hear(_INBOUND, told)
        self._at.pump()


def counted() -> dict[str, Usage]:
    """What each step of a text uses."""
    with scene(fast=True, phones=True) as at:
        context = at.world.context()
        for address, provider_id in ((NUMBER, "phone-1"), (WHATSAPP, "phone-number-id-1")):
            senders.enable(context, address, {"provider_id": provider_id})
        return {**_by_sms(at), **_on_whatsapp(at)}


def _by_sms(at: Scene) -> dict[str, Usage]:
    phone = _known(at, _Phone(at, NUMBER, "+12065550999"))
    found = {
        "a message by REST, to one phone as a text": _used(at, phone.write),
        "AWS's report that the text was sent": _used(at, lambda: phone.report("sent")),
        "AWS's report that the text was delivered": _used(at, lambda: phone.report("delivered")),
    }
    phone.write()
    found["both of these reports, in one batch"] = _used(at, lambda: phone.report("sent", "delivered"))
    return {**found, "a text from a phone": _used(at, phone.answer)}


def _on_whatsapp(at: Scene) -> dict[str, Usage]:
    phone = _known(at, _Phone(at, WHATSAPP, "whatsapp:+12065550999"))
    return {
        "a message by REST, to one phone on WhatsApp": _used(at, phone.write),
        "Meta's report that the message was sent": _used(at, lambda: phone.report("sent")),
        "Meta's report that the message was delivered": _used(at, lambda: phone.report("delivered")),
        "Meta's report that the message was read": _used(at, lambda: phone.report("read")),
        "a message from WhatsApp": _used(at, phone.answer),
    }


def _known(at: Scene, phone: _Phone) -> _Phone:
    """A phone about which every container knows everything. On WhatsApp the person must write first."""
    at.world.clock.advance(_QUIET_SECONDS)
    phone.answer()
    phone.write()
    phone.report("sent", "delivered")
    return phone


def _used(at: Scene, step: Callable[[], None]) -> Usage:
    at.world.clock.advance(_A_MOMENT)
    with at.measured() as used:
        step()
    return used


def measure(quick: bool) -> Findings:
    found = counted()
    figures = [Figure(name, round(MILLION * total(used), 2), "$ a million", COUNT) for name, used in found.items()]
    carriers = [
        ["What", "Price", "Published at"],
        *([price.what, f"${price.dollars:g} per {price.per}", f"<{price.source}>"] for price in prices.OF_CARRIERS),
    ]
    return Findings(figures, tables={"texts": table(found, "A million of each"), "carriers": carriers})
