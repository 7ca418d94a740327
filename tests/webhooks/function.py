"""The webhooks function over a test's world: its inputs as invocations, its two queues in memory, real HTTP out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.pump.filters import passes
from local.template.template import Template
from parley.metrics import Metric
from parley.ports.http.outgoing import Outgoing
from tests.ports.fakes import FakeOutgoing, FakeQueue
from tests.sockets.deployment import Deployment, StreamRecord, load_function, patterns, sample
from tests.support.queued import received
from tests.support.world import World

# As the template has it.
LONGEST_AGE_SECONDS = 14_400
DELIVERIES, DEAD_LETTERS, WORK, TEXTS = "deliveries", "dead letters", "work", "texts"
STUDIO_URL = "https://flows.example.com/{flow_sid}/run"
CARRIER_URL = "https://carrier.example.com/messages"


class Remaining:
    """A Lambda context with so much time left."""

    def __init__(self, milliseconds: int = 60_000):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


# The jobs of conversations that timers or activity start.
TIMED = ("timers", "activity")


class WorkQueue(FakeQueue):
    """The work queue, with some kinds of jobs kept apart from the others.

    Attributes:
        burials: Jobs that erase tombstones; every deletion owes one.
        looks: Second looks of a channel's sweep; each such sweep owes one.
        timed: Jobs that timers and activity start.
        phones: Jobs that tell phones.
        discards: Jobs that delete objects.
    """

    def __init__(self) -> None:
        super().__init__()
        self.burials: list[dict[str, Any]] = []
        self.burial_delays: list[int] = []
        self.looks: list[dict[str, Any]] = []
        self.timed: list[dict[str, Any]] = []
        self.phones: list[dict[str, Any]] = []
        self.discards: list[dict[str, Any]] = []
        self.discard_delays: list[int] = []

    def send(self, entries: Sequence[Mapping[str, Any]], delay_seconds: int = 0) -> None:
        buried = [dict(entry) for entry in entries if entry.get("job") == "bury"]
        self.burials += buried
        self.burial_delays += [delay_seconds] * len(buried)
        self.timed += [dict(entry) for entry in entries if entry.get("job") in TIMED]
        self.phones += [dict(entry) for entry in entries if entry.get("job") == "phone"]
        discards = [dict(entry) for entry in entries if entry.get("job") == "discard"]
        self.discards += discards
        self.discard_delays += [delay_seconds] * len(discards)
        left = [entry for entry in entries if entry.get("job") not in ("bury", "phone", "discard", *TIMED)]
        if delay_seconds < 60:
            super().send(left, delay_seconds)
        else:
            self.looks += [dict(entry) for entry in left if entry["kind"] == "channel"]
            super().send([entry for entry in left if entry["kind"] != "channel"], delay_seconds)


def queued(delivery: dict[str, Any], receives: int = 1, receipt_handle: str = "") -> dict[str, Any]:
    """A delivery as SQS hands it to the function."""
    name, group = delivery["id"], delivery["group"]
    handle = receipt_handle or f"handle-{name}"
    job = {"job": "webhook", **delivery}
    return received(job, f"message-{name}", handle=handle, group=group, receives=receives, queue="deliveries.fifo")


class WebhooksFunction:
    """What reached the queues is in `deliveries`, `dead_letters`, `work` and `texts`; what was counted in `counted`.

    How long deliveries were put off is in `delays`, what was taken off the queue before its batch was done in
    `forgotten`; both name deliveries by their handle (`handle-<id>`).
    """

    def __init__(
        self,
        deployment: Deployment,
        template: Template,
        outgoing: Outgoing | FakeOutgoing | None = None,
        studio_url: str = STUDIO_URL,
        longest_age_seconds: int = LONGEST_AGE_SECONDS,
        phones: bool = False,
    ):
        self.deployment = deployment
        self.template = template
        self.clock = deployment.world.clock
        self.deliveries = FakeQueue(keeps_order=True)
        self.dead_letters = FakeQueue(keeps_order=True)
        self.work = WorkQueue()
        self.texts = FakeQueue(keeps_order=True)
        self.queues = {
            DELIVERIES: self.deliveries,
            DEAD_LETTERS: self.dead_letters,
            WORK: self.work,
            TEXTS: self.texts,
        }
        self.counted: list[tuple[str, float]] = []
        self.is_writing_metrics = False
        self.outgoing = outgoing or Outgoing(allow_loopback=True)
        self.settings = {
            "delivery_queue_url": DELIVERIES,
            "dead_letter_queue_url": DEAD_LETTERS,
            "work_queue_url": WORK,
            "studio_url": studio_url,
            "carrier_url": CARRIER_URL,
            "group_messages": True,
            "delivery_age_seconds": longest_age_seconds,
            **({"phones": True, "text_queue_url": TEXTS} if phones else {}),
        }
        self._patterns = patterns(template, "WebhooksFunction")
        self._planned = len(deployment.read_stream())
        self.start()

    def start(self, container: World | None = None) -> None:
        """Run in a container that remembers nothing."""
        self.container = container or self.deployment.world.another_container()
        self.runtime = self.container.wire(
            self.settings, outgoing=self.outgoing, queue=self.queues.__getitem__, count=self._count
        )
        self.handler = load_function("webhooks", self.runtime)

    def _count(self, metric: Metric, value: float, code: int) -> None:
        self.counted.append((metric.name, value))
        if self.is_writing_metrics:
            self.runtime.counts.add(metric, value, code)

    @property
    def delays(self) -> list[tuple[str, int]]:
        return self.deliveries.pauses

    @property
    def forgotten(self) -> list[str]:
        return self.deliveries.forgotten

    def plan(self) -> dict[str, Any]:
        """Hand the function what is new in the stream, filtered as the template says, in one batch."""
        return self.plan_records(self.new_changes())

    def new_changes(self) -> list[StreamRecord]:
        """What is new in the stream, filtered as the template says."""
        new = self.deployment.read_stream()[self._planned :]
        self._planned += len(new)
        return [record for record in new if passes(self._patterns, record)]

    def skip_stream(self) -> None:
        """Leave out what is new in the stream, and drop what is queued."""
        self._planned = len(self.deployment.read_stream())
        self.work.take()
        self.work.burials = []
        self.work.timed = []
        self.work.phones = []
        self.work.discards = []
        self.deliveries.take()

    def plan_records(self, records: list[StreamRecord]) -> dict[str, Any]:
        return self.handler({"Records": records}, Remaining()) if records else {"batchItemFailures": []}

    def planned(self, records: list[StreamRecord] | None = None) -> list[dict[str, Any]]:
        """The deliveries that changes owe, by default the latest ones; taken from their queue."""
        assert self.plan_records(self.new_changes() if records is None else records) == {"batchItemFailures": []}
        return self.deliveries.take()

    def deliver(self, *deliveries: dict[str, Any], receives: int = 1) -> list[str]:
        """One batch from the delivery queue; the ids of the deliveries that are to come back."""
        left = self._work_off([queued(one, receives) for one in deliveries], Remaining())
        return [name.removeprefix("message-") for name in left]

    def run(self) -> None:
        """Plan and deliver what is new; everything must be settled at once."""
        for delivery in self.planned():
            assert self.deliver(delivery) == []

    def sweep(self, job: dict[str, Any], remaining: Remaining | None = None) -> list[str]:
        """One entry of the work queue, while fan-out is up to date; the ids of those that are to come back."""
        self.deployment.announce()
        return self.sweep_untold(job, remaining)

    def sweep_untold(self, job: dict[str, Any], remaining: Remaining | None = None) -> list[str]:
        """One entry of the work queue, whatever fan-out has told."""
        return self.do_job({"job": "sweep", **job}, remaining)

    def phone_all(self) -> int:
        """Hand over what is new to the carrier, until that is done; how many turns that took."""
        self.plan()
        turns = 0
        while self.work.phones:
            todo, self.work.phones = self.work.phones, []
            for entry in todo:
                turns += 1
                assert self.do_job(entry) == []
        return turns

    def sweep_all(self) -> int:
        """Plan and sweep until nothing is left to do; how many steps that took."""
        self.plan()
        return self.sweep_all_of(self.work.take())

    def sweep_all_of(self, jobs: list[dict[str, Any]]) -> int:
        """Do these sweeps and those that they owe; how many steps that took."""
        steps = 0
        while jobs:
            for job in jobs:
                steps += 1
                assert self.sweep(job) == []
            self.plan()
            jobs = self.work.take()
        return steps

    def look_again(self) -> int:
        """Let a minute pass and the sweeps of channels look once more; how many of them do."""
        todo, self.work.looks = self.work.looks, []
        self.deployment.world.clock.advance(60)
        for job in todo:
            assert self.sweep(job) == []
        return len(todo)

    def bury_all(self) -> int:
        """Everything that the deletions so far owe to be erased; how many tombstones that is."""
        self.plan()
        todo, self.work.burials = self.work.burials, []
        for entry in todo:
            assert self.bury(entry) == []
        return sum(len(entry["tombstones"]) for entry in todo)

    def bury(self, entry: dict[str, Any]) -> list[str]:
        """One burial off the work queue; its id if it is to come back."""
        return self.do_job({"job": "bury", **entry})

    def discard(self, entry: dict[str, Any]) -> list[str]:
        """One job that deletes objects, off the work queue; its id if it is to come back."""
        return self.do_job({**entry, "job": "discard"})

    def discard_all(self) -> int:
        """Delete the objects of all files that are gone so far; how many objects that is."""
        self.plan()
        todo, self.work.discards = self.work.discards, []
        for entry in todo:
            assert self.discard(entry) == []
        return sum(len(entry["objects"]) for entry in todo)

    def tick(self) -> None:
        """A minute's tick."""
        assert self.handler(sample("webhooks_minute"), Remaining()) == {}

    def do_timed(self, remaining: Remaining | None = None) -> list[str]:
        """Do what timers and activity have started so far; the ids of the jobs that are to come back."""
        self.plan()
        todo, self.work.timed = self.work.timed, []
        return [left for job in todo for left in self.do_job(job, remaining)]

    def do_job(self, job: dict[str, Any], remaining: Remaining | None = None) -> list[str]:
        """One entry of the work queue; its id if it is to come back."""
        return self._work_off([received(job, "job", queue="work")], remaining or Remaining())

    def do_jobs(self, jobs: Sequence[dict[str, Any]]) -> list[str]:
        """A batch of the work queue, side by side; the ids of those that are to come back."""
        records = [received(job, f"job-{number}", queue="work") for number, job in enumerate(jobs)]
        return self._work_off(records, Remaining())

    def _work_off(self, records: list[dict[str, Any]], remaining: Remaining) -> list[str]:
        answer = self.handler({"Records": records}, remaining)
        assert set(answer) == {"batchItemFailures"}
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
