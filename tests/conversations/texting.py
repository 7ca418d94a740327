"""The way of a message to phones through AWS: the functions on it, with AWS in memory and queues that keep an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.template.template import Template
from parley.operations import senders
from parley.ports.texting import Refused, Silent
from tests.conversations.carriers_function import carriers_function
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Deployment
from tests.support.queued import received
from tests.support.stream import Stream
from tests.support.texting import FakeTexting, Sent
from tests.support.world import World
from tests.webhooks.function import Remaining, WebhooksFunction

NUMBER, OTHER_NUMBER = "+12065550111", "+12065550122"
WHATSAPP_NUMBER = "whatsapp:+12065550133"
PHONE_ID, WHATSAPP_ID = "phone-" + "1" * 32, "phone-number-id-" + "3" * 32


class Texting:
    """A deployment whose numbers AWS carries.

    Attributes:
        aws: What AWS was asked.
        webhooks: The function that claims receipts and queues texts.
        waiting: The texts in the queue.
    """

    def __init__(self, world: World, stream: Stream, template: Template):
        self.world = world
        world.wire({"phones": True})
        self.enable(NUMBER, PHONE_ID)
        self.enable(OTHER_NUMBER, "phone-" + "2" * 32)
        self.enable(WHATSAPP_NUMBER, WHATSAPP_ID)
        self.aws = FakeTexting()
        self.outgoing = FakeOutgoing()
        self.webhooks = WebhooksFunction(Deployment(world, stream, template), template, self.outgoing, phones=True)
        self.start()

    def enable(self, address: str, provider_id: str) -> None:
        senders.enable(self.world.context(), address, {"provider_id": provider_id})

    def start(self, settings: Mapping[str, Any] | None = None) -> None:
        """Run the carriers function in a container that remembers nothing, with more settings."""
        self.container = self.world.another_container()
        self.handler = carriers_function(self.container, self.aws, self.webhooks.queues, settings)

    @property
    def waiting(self) -> list[dict[str, Any]]:
        return self.webhooks.texts.entries

    @property
    def pauses(self) -> list[int]:
        """How long texts were put off, in the order in which that happened."""
        return [seconds for _, seconds in self.webhooks.texts.pauses]

    def claim(self) -> None:
        """Claim the receipts of what is new, and queue the texts."""
        self.webhooks.plan()
        self.do(self.webhooks.deliveries.take())

    def do(self, jobs: Iterable[dict[str, Any]]) -> None:
        for job in jobs:
            if job["job"] == "phones":
                assert self.webhooks.do_job(job) == []

    def carry(self, *texts: dict[str, Any], receives: int = 1, remaining: Remaining | None = None) -> list[str]:
        """One batch of the queue of texts; the SIDs of the receipts whose texts are to come back."""
        records = [
            received(text, f"text-{number}-{text['sid']}", group=text["group"], receives=receives, queue="texts.fifo")
            for number, text in enumerate(texts)
        ]
        answer = self.handler({"Records": records}, remaining or Remaining(30_000))
        return [failure["itemIdentifier"].split("-", 2)[2] for failure in answer["batchItemFailures"]]

    def send(self) -> list[Sent]:
        """Send everything that is new; what AWS was asked for it, by phone."""
        before = len(self.aws.sent)
        self.claim()
        texts = self.webhooks.texts.take()
        for first in range(0, len(texts), 10):
            assert self.carry(*texts[first : first + 10]) == []
        return sorted(self.aws.sent[before:], key=lambda sent: sent.to)

    def refuse(self, exception: str, reason: str = "") -> None:
        """Have AWS refuse everything from now on."""
        self.aws.meddle = lambda _: Refused(exception, reason, "words of AWS")

    def keep_silent(self, *, is_lost: bool = False) -> None:
        """Have AWS give no answer from now on. With `is_lost`, it takes the texts all the same."""
        self.aws.meddle = lambda _: Silent("ReadTimeoutError")
        self.aws.is_lost = is_lost

    def answer(self) -> None:
        """Have AWS answer again."""
        self.aws.meddle = _nothing
        self.aws.is_lost = False


_nothing: Callable[[Sent], Exception | None] = lambda _: None  # noqa: E731
