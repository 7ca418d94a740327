"""A hot channel: messages at random times, the stream's polls, and one container of fan-out that pushes batches.

The stream gives a channel's messages to one call of fan-out at a time. So if pushing takes longer than messages take to
come, batches grow. Sockets of the native protocol get a batch as one push; those of Twilio's SDKs get a push for each
message, and one more for the channel.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, field

from bench.model.simulation import Simulation

BATCH = 50
_READ_SECONDS = 0.006
# What fan-out computes before it pushes: as `bench growth` measures it in rooms of 10 and of 1,000.
_BESIDE_SECONDS, _BESIDE_SECONDS_PER_SOCKET = 0.001, 0.000032


@dataclass
class Room:
    """What became of the messages.

    Attributes:
        waited: The seconds from the write of each message until half of the sockets had it, in order.
        pushes: How many pushes were sent.
    """

    seconds: float
    waited: list[float] = field(default_factory=list)
    pushes: int = 0

    def percentile(self, part: float) -> float:
        """The wait that this part of the messages did not exceed."""
        return sorted(self.waited)[min(int(len(self.waited) * part), len(self.waited) - 1)]

    @property
    def pushes_a_second(self) -> float:
        return self.pushes / self.seconds

    @property
    def is_overloaded(self) -> bool:
        """Whether messages waited longer and longer."""
        tenth = max(len(self.waited) // 10, 1)
        first, last = self.waited[tenth : 2 * tenth], self.waited[-tenth:]
        return statistics.median(last) > 3 * statistics.median(first)


def room(
    sockets: int,
    messages_a_second: float,
    posts_a_second: float,
    *,
    is_sdk: bool = False,
    polls_a_second: float = 4,
    seconds: float = 120,
    seed: int = 1,
) -> Room:
    """Let people write in a room for some time."""
    simulation, chance = Simulation(), random.Random(seed)
    found = Room(seconds)
    waiting: list[float] = []
    reading = _READ_SECONDS * (1 + -(-sockets // 100)) + _BESIDE_SECONDS + sockets * _BESIDE_SECONDS_PER_SOCKET

    def write() -> None:
        waiting.append(simulation.now)
        if simulation.now < seconds:
            simulation.after(chance.expovariate(messages_a_second), write)

    def poll() -> None:
        batch, waiting[:] = waiting[:BATCH], waiting[BATCH:]
        if not batch:
            if simulation.now < seconds:
                simulation.after(1 / polls_a_second, poll)
            return
        pushes = sockets * (len(batch) + 1 if is_sdk else 1)
        found.pushes += pushes
        pushing = pushes / posts_a_second
        found.waited += [simulation.now + reading + pushing / 2 - at for at in batch]
        # Lambda asks the stream again when the call has returned, and at its next poll at the earliest.
        simulation.after(max(reading + pushing, 1 / polls_a_second), poll)

    simulation.after(0, write)
    simulation.after(chance.random() / polls_a_second, poll)
    simulation.run()
    found.seconds = simulation.now
    return found
