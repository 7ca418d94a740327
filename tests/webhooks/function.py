"""The webhooks function over a test's world: its inputs as invocations, its two queues in memory, real HTTP out."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.pump.filters import passes
from local.template.template import Template
from parley.ports.http.outgoing import Outgoing
from tests.ports.fakes import FakeOutgoing, FakeQueue
from tests.sockets.deployment import Deployment, StreamRecord, load_function, patterns, sample

# As the template has it.
LONGEST_AGE_SECONDS = 14_400
DELIVERIES, DEAD_LETTERS, WORK = "deliveries", "dead letters", "work"


class Remaining:
    """A Lambda context with so much time left."""

    def __init__(self, milliseconds: int = 60_000):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class WorkQueue(FakeQueue):
    """The work queue. What erases tombstones is kept apart in `burials`, since every deletion owes that."""

    def __init__(self) -> None:
        super().__init__()
        self.burials: list[dict[str, Any]] = []
        self.burial_delays: list[int] = []

    def send(self, entries: Sequence[Mapping[str, Any]], delay_seconds: int = 0) -> None:
        buried = [dict(entry) for entry in entries if entry.get("job") == "bury"]
        self.burials += buried
        self.burial_delays += [delay_seconds] * len(buried)
        super().send([entry for entry in entries if entry.get("job") != "bury"], delay_seconds)


class WebhooksFunction:
    """What reached the queues is in `deliveries`, `dead_letters` and `work`.

    How long deliveries were put off is in `delays`, what was taken off the queue before its batch was done in
    `forgotten`; both name deliveries by their handle (`handle-0`).
    """

    def __init__(self, deployment: Deployment, template: Template, outgoing: Outgoing | FakeOutgoing | None = None):
        self.deployment = deployment
        self.deliveries = FakeQueue(keeps_order=True)
        self.dead_letters = FakeQueue(keeps_order=True)
        self.work = WorkQueue()
        self.outgoing = outgoing or Outgoing(allow_loopback=True)
        self._patterns = patterns(template, "WebhooksFunction")
        self._planned = len(deployment.read_stream())
        self._delivery_sample = sample("webhooks_deliveries")["Records"][0]
        self._work_sample = sample("webhooks_work")["Records"][0]
        self.start()

    def start(self) -> None:
        """A container that remembers nothing."""
        container = self.deployment.world.another_container()
        queues = {DELIVERIES: self.deliveries, DEAD_LETTERS: self.dead_letters, WORK: self.work}
        urls = {"delivery_queue_url": DELIVERIES, "dead_letter_queue_url": DEAD_LETTERS, "work_queue_url": WORK}
        runtime = container.wire(urls, outgoing=self.outgoing, queue=queues.__getitem__)
        self.handler = load_function("webhooks", runtime)

    @property
    def delays(self) -> list[tuple[str, int]]:
        return self.deliveries.pauses

    @property
    def forgotten(self) -> list[str]:
        return self.deliveries.forgotten

    def plan(self) -> dict[str, Any]:
        """Hand the function what is new in the stream, filtered as the template says, in one batch."""
        new = self.deployment.read_stream()[self._planned :]
        self._planned += len(new)
        return self.plan_records([record for record in new if passes(self._patterns, record)])

    def skip_stream(self) -> None:
        """Leave out what is new in the stream, and drop what is queued."""
        self._planned = len(self.deployment.read_stream())
        self.work.take()
        self.deliveries.take()

    def plan_records(self, records: list[StreamRecord]) -> dict[str, Any]:
        return self.handler({"Records": records}, Remaining()) if records else {"batchItemFailures": []}

    def planned(self) -> list[dict[str, Any]]:
        """The deliveries that the latest changes owe, taken from their queue."""
        assert self.plan() == {"batchItemFailures": []}
        return self.deliveries.take()

    def deliver(self, *deliveries: dict[str, Any], attempt: int = 0) -> list[str]:
        """One batch from the delivery queue; the ids of those that are to come back, by their place (`message-0`)."""
        return self._work_off("webhook", self._delivery_sample, deliveries, attempt, Remaining())

    def sweep(self, job: dict[str, Any], remaining: Remaining | None = None) -> list[str]:
        """One entry of the work queue, while fan-out is up to date."""
        self.deployment.announce()
        return self.sweep_untold(job, remaining)

    def sweep_untold(self, job: dict[str, Any], remaining: Remaining | None = None) -> list[str]:
        """One entry of the work queue, whatever fan-out has told."""
        return self._work_off("sweep", self._work_sample, [job], 0, remaining or Remaining())

    def sweep_all(self) -> int:
        """Plan and sweep until nothing is left to do; how many steps that took."""
        steps = 0
        while self.plan() and (jobs := self.work.take()):
            for job in jobs:
                steps += 1
                assert self.sweep(job) == []
        return steps

    def bury_all(self) -> int:
        """Everything that the deletions so far owe to be erased; how many tombstones that is."""
        self.plan()
        todo, self.work.burials = self.work.burials, []
        assert self._work_off("bury", self._work_sample, todo, 0, Remaining()) == []
        return sum(len(entry["tombstones"]) for entry in todo)

    def _work_off(
        self, name: str, shape: dict[str, Any], entries: Any, attempt: int, remaining: Remaining
    ) -> list[str]:
        records = []
        for place, entry in enumerate(entries):
            record = copy.deepcopy(shape)
            queued = {"job": name, **entry} if isinstance(entry, dict) else entry
            record |= {
                "messageId": f"message-{place}",
                "receiptHandle": f"handle-{place}",
                "body": json.dumps(queued),
            }
            record["attributes"]["ApproximateReceiveCount"] = str(attempt + 1)
            if "group" in entry:
                record["attributes"]["MessageGroupId"] = entry["group"]
            records.append(record)
        answer = self.handler({"Records": records}, remaining)
        assert set(answer) == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
