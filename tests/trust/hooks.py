"""The webhooks function over a test's deployment: the table's stream in, queues in memory, real or fake HTTP out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from local.pump.filters import passes
from local.template.template import Template
from parley.ports.http.outgoing import Outgoing
from parley.rest.app import create_app, lambda_handler
from parley.store import keys
from parley.store.writes import Put
from tests.ports.fakes import FakeOutgoing, FakeQueue
from tests.sockets.deployment import Deployment, House, StreamRecord, load_function, patterns

DELIVERIES, PARKED, WORK = "deliveries", "parked", "work"
STUDIO_URL = "https://flows.example.com/{flow_sid}/run"
LONGEST_AGE_SECONDS = 4 * 3600
HEADER = {"X-Twilio-Webhook-Enabled": "true"}


class Remaining:
    """A Lambda context with a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def queued(delivery: dict[str, Any], receives: int = 1, receipt_handle: str = "") -> dict[str, Any]:
    """A delivery as SQS hands it to the function."""
    return {
        "messageId": f"message-{delivery['id']}",
        "receiptHandle": receipt_handle or f"handle-{delivery['id']}",
        "body": json.dumps({"job": "webhook", **delivery}),
        "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": delivery["group"]},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:parley-Deliveries.fifo",
    }


class Hooks:
    """What the function queued is in `deliveries`, what it parked in `parked`, what it counted in `counted`."""

    def __init__(
        self,
        deployment: Deployment,
        template: Template,
        outgoing: Outgoing | FakeOutgoing | None = None,
        studio_url: str = STUDIO_URL,
        longest_age_seconds: int = LONGEST_AGE_SECONDS,
    ):
        self.deployment = deployment
        self.clock = deployment.world.clock
        self.deliveries, self.parked, self.work = FakeQueue(keeps_order=True), FakeQueue(keeps_order=True), FakeQueue()
        self.counted: list[tuple[str, float]] = []
        self.counts_too: Callable[[str, float], None] = lambda name, value: None
        self.outgoing = outgoing or Outgoing(allow_loopback=True)
        self.studio_url = studio_url
        self.longest_age_seconds = longest_age_seconds
        self._patterns = patterns(template, "WebhooksFunction")
        self._planned = len(deployment.read_stream())
        self.start()

    def start(self) -> None:
        """A container that remembers nothing."""
        container = self.deployment.world.another_container()
        self.container = container
        queues = {DELIVERIES: self.deliveries, PARKED: self.parked, WORK: self.work}
        self.runtime = container.wire(
            {
                "delivery_queue_url": DELIVERIES,
                "dead_letter_queue_url": PARKED,
                "work_queue_url": WORK,
                "studio_url": self.studio_url,
                "delivery_age_seconds": self.longest_age_seconds,
            },
            outgoing=self.outgoing,
            queue=queues.__getitem__,
            count=self._count,
        )
        self.handler = load_function("webhooks", self.runtime)

    def _count(self, name: str, value: float) -> None:
        self.counted.append((name, value))
        self.counts_too(name, value)

    def new_changes(self) -> list[StreamRecord]:
        """What is new in the stream, filtered as the template says."""
        new = self.deployment.read_stream()[self._planned :]
        self._planned += len(new)
        return [record for record in new if passes(self._patterns, record)]

    def plan(self, records: list[StreamRecord] | None = None) -> list[dict[str, Any]]:
        """The deliveries that changes owe, by default those that are new in the stream; taken from their queue."""
        batch = self.new_changes() if records is None else records
        if batch:
            assert self.handler({"Records": batch}, Remaining()) == {"batchItemFailures": []}
        return self.deliveries.take()

    def deliver(self, *deliveries: dict[str, Any], receives: int = 1) -> list[str]:
        """One batch from the delivery queue; the ids of the deliveries that are to come back."""
        answer = self.handler({"Records": [queued(one, receives) for one in deliveries]}, Remaining())
        assert set(answer) == {"batchItemFailures"}
        return [failure["itemIdentifier"].removeprefix("message-") for failure in answer["batchItemFailures"]]

    def run(self) -> None:
        """Plan and deliver what is new; everything must be settled at once."""
        for delivery in self.plan():
            assert self.deliver(delivery) == []


class Owner:
    """A service whose owner wants webhooks: REST and sockets both go through doors that ask him first."""

    def __init__(self, house: House, outgoing: Outgoing | FakeOutgoing | None = None):
        self.house = house
        self.deployment = house.deployment
        self.sid, self.path = house.sid, house.path
        self.clock = self.deployment.world.clock
        runtime = self.deployment.runtime
        runtime.outgoing = outgoing or Outgoing(allow_loopback=True)  # type: ignore[assignment]
        self.deployment.door.handler = lambda_handler(create_app(runtime.context))
        self._numbers = itertools.count(1)

    def configure(self, **fields: Any) -> None:
        """Change the service, and let every container forget how it was."""
        self.house.rest.post(self.path, fields)
        self.clock.advance(11)

    def post(self, path: str, *, enabled: bool = True, **fields: Any) -> Any:
        """The body of a successful POST below the service, with the header that lets webhooks fire."""
        answer = self.house.rest("POST", self.path + path, fields, headers=HEADER if enabled else {})
        assert answer.status in (200, 201), answer.text
        return answer.json

    def delete(self, path: str, *, enabled: bool = True) -> None:
        answer = self.house.rest("DELETE", self.path + path, headers=HEADER if enabled else {})
        assert answer.status == 204, answer.text

    def channel(self, *identities: str, **fields: Any) -> str:
        """The SID of a new channel with these members, made in silence."""
        return self.house.channel(*identities, **fields).sid

    def webhook(self, channel_sid: str, type_: str = "webhook", **configuration: Any) -> Any:
        """A new webhook of a channel; `filters` and so on may be lists."""
        names = {name: "Configuration." + "".join(map(str.capitalize, name.split("_"))) for name in configuration}
        fields = {"Type": type_} | {names[name]: value for name, value in configuration.items()}
        return self.house.rest.post(f"{self.path}/Channels/{channel_sid}/Webhooks", fields)

    def media(self, **fields: Any) -> str:
        """The SID of media that a message may carry, stored as an upload would store it."""
        sid = f"ME{next(self._numbers):02x}{self.sid[4:]}"
        world = self.deployment.world
        record = {"sid": sid, "service_sid": self.sid, **fields}
        world.table.commit(world.context().cause(), [Put(keys.media(sid), record)])
        return sid

    def stored_messages(self, channel_sid: str) -> list[dict[str, Any]]:
        """What the channel holds."""
        return self.house.rest.get(f"{self.path}/Channels/{channel_sid}/Messages")["messages"]
