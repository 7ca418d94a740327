"""The carriers function in a bad week: its queues as SQS keeps them, AWS as the stand-in plays it, and deaths."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.phones.account import number_id, sender_id
from local.phones.handsets import WHATSAPP_PREFIX
from local.phones.schedule import Disorder
from local.template.template import Template
from parley.operations import senders
from parley.ports.texting import AwsTexting, Silent, Text
from tests.conversations.carriers_function import carriers_function
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Deployment
from tests.support.handsets import OWN, AtOnce, Stage
from tests.support.killing import Killed, killed_at
from tests.support.queued import received
from tests.support.stream import Stream
from tests.support.world import World
from tests.webhooks.function import Remaining, WebhooksFunction

# None of the numbers in the settings, which go to a carrier's URL.
NUMBER, OTHER_NUMBER, SENDER = "+12065550111", "+12065550122", "whatsapp:+12065550133"
VISIBILITY_SECONDS, BATCH = 180, 10
_REMEMBERED_SECONDS = 300
# Requests to the table of one batch after which the function may die.
_REQUESTS = 6


@dataclass
class Held:
    """A message in a queue."""

    body: dict[str, Any]
    number: int
    receives: int = 0
    visible_at: float = 0.0


@dataclass
class Queue:
    """SQS: a message that nobody has deleted comes back. With groups, those behind one that is away wait."""

    groups: dict[str, deque[Held]] = field(default_factory=dict)
    named: dict[str, float] = field(default_factory=dict)
    numbers: int = 0

    def put(self, group: str, body: dict[str, Any], at: float, once: str = "") -> None:
        if once:
            if at - self.named.get(once, -_REMEMBERED_SECONDS) < _REMEMBERED_SECONDS:
                return
            self.named[once] = at
        self.numbers += 1
        self.groups.setdefault(group, deque()).append(Held(body, self.numbers, visible_at=at))

    def receive(self, now: float, chance: random.Random) -> list[tuple[str, Held]]:
        """A batch of what is visible, several of a group in their order."""
        free = [group for group, held in self.groups.items() if held and max(one.visible_at for one in held) <= now]
        chance.shuffle(free)
        found = [(group, one) for group in free[:BATCH] for one in list(self.groups[group])[: chance.randint(1, 3)]]
        for _, one in found[:BATCH]:
            one.receives += 1
        return found[:BATCH]

    def settle(self, group: str, one: Held, back_at: float | None) -> None:
        """Delete a message, or let it come back at some time."""
        if back_at is None:
            self.groups[group].remove(one)
            if not self.groups[group]:
                del self.groups[group]
        else:
            one.visible_at = back_at

    def next_at(self) -> float | None:
        return min((max(one.visible_at for one in held) for held in self.groups.values()), default=None)


class Troubled(AwsTexting):
    """AWS that sometimes gives no answer, whether it has taken the text or not; the function may die waiting for one.

    `unsure` counts how often it happened to each text, by phone and text, that AWS took it and nobody noted that.
    """

    def __init__(self, stage: Stage, chance: random.Random, silence: float) -> None:
        super().__init__(stage.client, configuration_set=OWN.configuration_set)
        self._chance = chance
        self._silence = silence
        self.unsure: Counter[tuple[str, str]] = Counter()
        self.dies = False

    def send_text(self, text: Text) -> str:
        self._may_not_arrive()
        return self._answer(super().send_text(text), text.to, text.body)

    def send_whatsapp(self, sender: str, message: Mapping[str, Any]) -> str:
        self._may_not_arrive()
        taken = super().send_whatsapp(sender, message)
        return self._answer(taken, f"{WHATSAPP_PREFIX}+{str(message['to']).removeprefix('+')}", message["text"]["body"])

    def _may_not_arrive(self) -> None:
        if self._chance.random() < self._silence:
            raise Silent("ConnectTimeoutError")

    def _answer(self, taken: str, phone: str, body: str) -> str:
        if self.dies:
            self.dies = False
            self.unsure[phone, body] += 1
            raise Killed
        if self._chance.random() < self._silence:
            self.unsure[phone, body] += 1
            raise Silent("ReadTimeoutError")
        return taken


class Carriers:
    """A deployment whose numbers the stand-in of AWS carries.

    Attributes:
        stage: The handsets.
        aws: AWS, in trouble.
        deaths: How often the function has died.
    """

    def __init__(self, world: World, stream: Stream, template: Template, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        disorder = Disorder(seed=chance.randrange(1000), duplicate=0.1, throttle=0.05)
        own = replace(OWN, numbers=(NUMBER, OTHER_NUMBER), senders=(SENDER,))
        self.stage = Stage(own, disorder, now=lambda: world.clock.now_ms() / 1000, kind=AtOnce)
        world.wire({"phones": True})
        (sender,) = self.stage.account.whatsapp_senders()
        for address, id_ in (
            (NUMBER, number_id(NUMBER)),
            (OTHER_NUMBER, number_id(OTHER_NUMBER)),
            (SENDER, sender_id(sender)),
        ):
            senders.enable(world.context(), address, {"provider_id": id_})
        self.aws = Troubled(self.stage, chance, silence=0.01)
        deployment = Deployment(world, stream, template)
        self.webhooks = WebhooksFunction(deployment, template, FakeOutgoing(), phones=True)
        self.texts, self.events = Queue(), Queue()
        self.deaths = 0
        self._dooms: deque[str] = deque()
        self._start()

    def _start(self) -> None:
        self._handler = carriers_function(self.world.another_container(), self.aws, self.webhooks.queues)

    def doom(self, how: str) -> None:
        """Let the function die soon: while AWS answers (`sending`), or after a request to the table in a batch of
        `texts` or `events`.
        """
        self._dooms.append(how)
        self.aws.dies = self.aws.dies or how == "sending"

    @property
    def is_doomed(self) -> bool:
        return bool(self._dooms)

    # What happens.

    def turn(self) -> bool:
        """Pass on what is new, and work off a batch of each queue; whether there was anything."""
        self._pass_on()
        return self._work_off(self.texts, "texts") | self._work_off(self.events, "events")

    def settle(self) -> None:
        """Let time pass until nothing is left in any queue."""
        while True:
            while self.turn():
                pass
            due = [at for at in (self.texts.next_at(), self.events.next_at()) if at is not None]
            if not due:
                return
            self.world.clock.advance(max(0.001, min(due) - self._now()))

    def _now(self) -> float:
        return self.world.clock.now_ms() / 1000

    def _pass_on(self) -> None:
        """Functions queue texts for new messages, and AWS's events come into their queue, late and in any order."""
        self.webhooks.plan()
        for job in self.webhooks.deliveries.take():
            assert self.webhooks.do_job(job) == []
        now = self._now()
        for text in self.webhooks.texts.take():
            self.texts.put(text["group"], text, now, text["id"])
        published, self.stage.published[:] = list(self.stage.published), []
        for _, event in published:
            self.events.put(str(self.events.numbers), event, now + self.chance.choice([0, 0, 1, 10, 200]))

    def _work_off(self, queue: Queue, kind: str) -> bool:
        batch = queue.receive(self._now(), self.chance)
        if not batch:
            return False
        records = [_record(kind, group, one) for group, one in batch]
        doomed = bool(self._dooms) and self._dooms[0] == kind
        try:
            with killed_at(self.chance.randint(1, _REQUESTS) if doomed else 0):
                answer = self._handler({"Records": records}, Remaining(30_000))
        except Killed:
            self._die(queue, batch, kind)
            return True
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        pauses = dict(self.webhooks.texts.pauses)
        for record, (group, one) in zip(records, batch, strict=True):
            is_back = record["messageId"] in failed
            pause = pauses.get(record["receiptHandle"], VISIBILITY_SECONDS)
            queue.settle(group, one, self._now() + pause if is_back else None)
        return True

    def _die(self, queue: Queue, batch: list[tuple[str, Held]], kind: str) -> None:
        """The function died before its answer, so SQS knows only what was deleted at once. A new container goes on."""
        self.deaths += 1
        if kind == "events" or self._dooms[0] == "texts":
            self._dooms.popleft()
        else:
            self._dooms.remove("sending")
        for group, one in batch:
            is_gone = f"handle-{kind}-{one.number}-{one.receives}" in self.webhooks.texts.forgotten
            queue.settle(group, one, None if is_gone else self._now() + VISIBILITY_SECONDS)
        self._start()


def _record(kind: str, group: str, one: Held) -> dict[str, Any]:
    name = f"{kind}-{one.number}"
    handle = f"handle-{name}-{one.receives}"
    if kind == "texts":
        return received(one.body, name, handle=handle, group=group, receives=one.receives, queue="texts.fifo")
    return received(one.body, name, handle=handle, receives=one.receives)
