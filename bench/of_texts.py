"""What a text to a phone costs Parley, with AWS's reports about it, and what a text from a phone costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from bench.meter import Cost
from bench.of_service import OfService
from parley.operations import phones, receipts, senders, sessions
from parley.operations.inbound import Around, Inbound, receive
from parley.operations.receipts import Report
from parley.operations.texts import Texts
from tests.support.texting import FakeTexting

_BODY = "x" * 600
_NUMBER, _WHATSAPP = "+12025570501", "whatsapp:+12025570502"
_phones = itertools.count(100)


class OfTexts(OfService):
    """An account with numbers that AWS carries. Each cost is of a conversation with one phone, and of a new message."""

    phone = ""

    def costs(self) -> list[Cost]:
        """The costs of the parts of one text."""
        self.world.wire({"phones": True})
        for number in (_NUMBER, _WHATSAPP):
            senders.enable(self.world.context(), number, {"provider_id": "phone-0b"})
        found = [
            self.cost("claim the receipt of a text", (5, 1, 4), self._claim()),
            self.cost("send a text to a phone", (2, 1, 2), self._send(_NUMBER)),
            self.cost("send a message on WhatsApp", (4, 2, 3), self._send(_WHATSAPP)),
            self.cost("note that a text was sent and delivered", (3, 7, 3), self._report("sent", "delivered")),
            self.cost("take a text from a phone", (5, 5, 9), self._take(_NUMBER)),
            self.cost("take a message from WhatsApp", (6, 8, 9), self._take(_WHATSAPP)),
            self.cost("make a conversation of a text from a phone", (9, 22, 15), self._make()),
        ]
        self.world.wire({"phones": False})
        return found

    def _posted(self, number: str = _NUMBER) -> phones.Posted:
        """A message to one phone."""
        path = f"/conversations/v1/Services/{self.service_sid}/Conversations"
        conversation = self.raw.post(path)["sid"]
        phone = self.phone = f"{number.rpartition('+')[0]}+49172{next(_phones):07d}"
        pair = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": number}
        self.raw.post(f"{path}/{conversation}/Participants", pair)
        sessions.note(self.world.context(), phone, number, 0)
        self.raw.post(f"{path}/{conversation}/Messages", Body=_BODY)
        where = {"service_sid": self.service_sid, "channel_sid": conversation, "index": "0"}
        return phones.Posted(where, self.world.clock.now_ms())

    def _claim(self) -> Callable[[], Any]:
        posted, context = self._posted(), self.world.context()
        # The container remembers the sender.
        senders.sender(context, _NUMBER)
        return lambda: phones.queue_texts(context, posted, lambda made: None)

    def _claimed(self, number: str = _NUMBER) -> tuple[dict[str, str], int]:
        posted = self._posted(number)
        found: list[str] = []
        phones.queue_texts(self.world.context(), posted, lambda made: found.extend(one["sid"] for one in made))
        return {**posted.path, "sid": found[0]}, posted.at

    def _send(self, number: str) -> Callable[[], Any]:
        (path, at), context = self._claimed(number), self.world.context()
        texts = Texts(FakeTexting(), "media")
        return lambda: texts.hand_to_aws(context, path, at)

    def _take(self, number: str) -> Callable[[], Any]:
        self._posted(number)
        return self._received(self.phone, number)

    def _make(self) -> Callable[[], Any]:
        creation = {"Enabled": "true", "ConversationServiceSid": self.service_sid}
        form = {f"AutoCreation.{name}": value for name, value in creation.items()}
        self.raw.post("/conversations/v1/Configuration/Addresses", {"Type": "sms", "Address": _NUMBER, **form})
        return self._received(f"+49172{next(_phones):07d}", _NUMBER)

    def _received(self, phone: str, number: str) -> Callable[[], Any]:
        context, written = self.world.context(), Inbound(phone, (number,), "in-1", _BODY)
        return lambda: receive(context, written, Around({}, lambda _: None))

    def _report(self, *statuses: str) -> Callable[[], Any]:
        (path, _), context = self._claimed(), self.world.context()
        reports = [Report(path, status, channel_message_sid="sms-1") for status in statuses]
        return lambda: receipts.report(context, *reports)
