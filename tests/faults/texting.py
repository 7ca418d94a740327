"""Acts with texts that AWS carries: a function claims their receipts, and asks AWS to send them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parley.operations import senders, sessions
from tests.conversations.carriers_function import carriers_function
from tests.faults.scene import Scene
from tests.ports.fakes import FakeOutgoing, FakeQueue
from tests.support.queued import received
from tests.support.texting import FakeTexting
from tests.support.world import World
from tests.webhooks.function import DELIVERIES, TEXTS, Remaining, WebhooksFunction

NUMBER, WHATSAPP_NUMBER = "+12025550195", "whatsapp:+12025550196"
PHONE = "+491727654399"


def empty_queues() -> dict[str, FakeQueue]:
    """New queues of texts and of deliveries."""
    return {name: FakeQueue(keeps_order=True) for name in (TEXTS, DELIVERIES)}


@contextmanager
def with_aws(world: World) -> Iterator[None]:
    """Inside, AWS carries numbers of the account."""
    world.wire({"phones": True})
    try:
        yield
    finally:
        world.wire({"phones": False, "text_queue_url": ""})


def _function(scene: Scene) -> WebhooksFunction:
    function = WebhooksFunction(scene.deployment, scene.webhooks.template, FakeOutgoing(), phones=True)
    function.skip_stream()
    return function


def posted(scene: Scene) -> dict[str, Any]:
    """The job that claims the receipts of a message to two phones, one of them on WhatsApp."""
    with with_aws(scene.world):
        path = scene.phones["thread"]
        for address, number in ((PHONE, NUMBER), (f"whatsapp:{PHONE}", WHATSAPP_NUMBER)):
            senders.enable(scene.world.context(), number, {"provider_id": "phone-0a"})
            pair = {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": number}
            scene.rest.post(f"{path}/Participants", pair)
            sessions.note(scene.world.context(), address, number, 0)
        scene.webhooks.skip_stream()
        function = _function(scene)
        scene.rest.post(f"{path}/Messages", Body="hello")
        (job,) = [job for job in function.planned() if job["job"] == "phones"]
        scene.webhooks.skip_stream()
    return job


def claim(scene: Scene, container: World, job: dict[str, Any]) -> int:
    """Claim the receipts; the texts that are queued for them are in no queue afterwards."""
    with with_aws(container):
        function = _function(scene)
        function.start(container)
        return 500 if function.do_job(job) else 200


def texts_of(scene: Scene) -> list[dict[str, Any]]:
    """The texts of a message to two phones, the one on WhatsApp last."""
    job = posted(scene)
    with with_aws(scene.world):
        function = _function(scene)
        function.start(scene.world)
        # The other phone of the conversation has a number of another carrier.
        assert function.do_job(job) == []
    return sorted(function.texts.take(), key=lambda text: str(text["group"]))


def carry(container: World, text: dict[str, Any], aws: FakeTexting) -> int:
    """Have AWS send a text."""
    with with_aws(container):
        handler = carriers_function(container, aws, empty_queues())
        record = received(text, "text", group=text["group"], queue="texts.fifo")
        answer = handler({"Records": [record]}, Remaining(30_000))
        return 500 if answer["batchItemFailures"] else 200


def send_one(number: int) -> Any:
    """A preparation and an act: the text to one of the two phones is sent."""

    def prepare(scene: Scene) -> tuple[dict[str, Any], FakeTexting]:
        return texts_of(scene)[number], FakeTexting()

    def do(scene: Scene, container: World, prepared: tuple[dict[str, Any], FakeTexting]) -> int:
        return carry(container, *prepared)

    return do, prepare
