"""A reconnect storm: all sockets break at one moment, and all clients come back with the pauses of our own clients.

    pause --> $connect --> fetchSession, listMyChannels, catchUp --> connected
      ^          | refused      | refused: the socket is of no use
      +----------+--------------+

The simulation has 2,000 clients. If there are more people, each client stands for some of them, and every limit is
divided by that number. If a limit is smaller than that number, there are more clients.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.model.demand import SESSION_FRAMES
from bench.model.quotas import Limit
from bench.model.simulation import Bucket, Environments, Simulation
from parley_client.pauses import Pauses

CLIENTS = 2_000
LONGEST_STORM_SECONDS = 3 * 3600
_COLD_SECONDS = 0.6
_CONNECT_SECONDS, _FRAME_SECONDS = 0.04, 0.03
# From an answer to the next request of a client.
_ROUND_TRIP_SECONDS = 0.05


@dataclass
class Storm:
    """What became of a storm.

    Attributes:
        clients: How many were simulated.
        back: When each simulated client was connected again, in order, in seconds.
        attempts: How often clients tried to connect.
        refused: By limit, how often it refused.
        environments: The most executions at a time.
    """

    users: int
    clients: int
    back: list[float] = field(default_factory=list)
    attempts: float = 0
    refused: dict[str, float] = field(default_factory=dict)
    environments: float = 0

    def seconds_until(self, part: float) -> float:
        """How long it took until this part of all clients was back; infinite if that did not happen in time."""
        place = min(int(self.clients * part), self.clients - 1)
        return self.back[place] if place < len(self.back) else float("inf")

    def curve(self, points: int) -> list[tuple[float, float]]:
        """The part of all clients that was back, over time."""
        end = self.back[-1] if self.back else LONGEST_STORM_SECONDS
        times = [end * number / points for number in range(points + 1)]
        return [(at, sum(one <= at for one in self.back) / self.clients) for at in times]


def storm(users: int, limits: Mapping[str, Limit], due_shards: int, seed: int = 1) -> Storm:
    """Let everybody come back."""
    rate = {key: limits[key].value for key in ("connections", "gateway", "stage", "partition writes")}
    smallest = min(*rate.values(), limits["concurrency"].value)
    # Nobody may stand for more people than a limit lets in.
    clients = min(users, max(CLIENTS, math.ceil(users / smallest)))
    weight = users / clients
    simulation, chance = Simulation(), random.Random(seed)

    def bucket(rate: float, burst: float) -> Bucket:
        return Bucket(simulation, rate / weight, max(burst / weight, 1))

    gates = {
        "connections": bucket(rate["connections"], rate["connections"]),
        "stage": bucket(rate["stage"], rate["stage"]),
        "gateway": bucket(rate["gateway"], min(limits["gateway burst"].value, rate["gateway"])),
        "partition writes": bucket(rate["partition writes"] * due_shards, rate["partition writes"] * due_shards),
    }
    most = max(round(limits["concurrency"].value / weight), 1)
    # Each function starts environments at its own rate.
    starts = [bucket(limits["starts"].value, 10 * limits["starts"].value) for _ in range(2)]
    connects = Environments(simulation, most, starts[0], _COLD_SECONDS, lambda: frames.running)
    frames = Environments(simulation, most, starts[1], _COLD_SECONDS, lambda: connects.running)
    found = Storm(users, clients)

    def admitted(*keys: str) -> bool:
        return all(gates[key].take() for key in keys)

    class Client:
        def __init__(self) -> None:
            self._pauses = Pauses()
            self._pauses.session_began(-3600.0)
            self._sent = 0
            self.come_later()

        def come_later(self) -> None:
            simulation.after(self._pauses.seconds(simulation.now, chance.random()), self._connect)

        def _connect(self) -> None:
            found.attempts += weight
            is_in = admitted("connections", "stage", "gateway", "partition writes")
            if not (is_in and connects.call(_CONNECT_SECONDS, self._opened)):
                self.come_later()

        def _opened(self) -> None:
            self._sent = 0
            simulation.after(_ROUND_TRIP_SECONDS, self._ask)

        def _ask(self) -> None:
            if not (admitted("stage", "gateway") and frames.call(_FRAME_SECONDS, self._answered)):
                self.come_later()

        def _answered(self) -> None:
            self._sent += 1
            if self._sent < SESSION_FRAMES:
                simulation.after(_ROUND_TRIP_SECONDS, self._ask)
            else:
                found.back.append(simulation.now)

    for _ in range(clients):
        Client()
    simulation.run(until=LONGEST_STORM_SECONDS)
    found.refused = {key: gate.refused * weight for key, gate in gates.items()}
    found.refused["concurrency"] = (connects.refused + frames.refused) * weight
    found.environments = (connects.highest + frames.highest) * weight
    return found
