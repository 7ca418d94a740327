"""Whether notifications make sockets slower: the same talk in a service without notifications and in one with them.

    python -m bench.notified          (two minutes, loopback only; starts a stack of its own)

Alice and bob talk in both services by turns. In the second one each has three devices, and each message is told to the
three of the other. First they send ten messages a second. Then each message follows at once upon the one before, so
that it also waits until notifications of that one are queued: a shard's changes are worked off one after the other.
The ratio is that of all messages of one kind to all of the other, since rounds differ more on a shared machine.
"""

from __future__ import annotations

import statistics

from bench.latency import Stage, alone, on_a_stack
from local.stack.running import Stack

ROUNDS, MESSAGES, DEVICES = 8, 60, 3


async def _run(stack: Stack) -> None:
    without, with_devices = Stage(stack.info), Stage(stack.info)
    with_devices.notifying()
    for identity in ("alice", "bob"):
        with_devices.devices(identity, DEVICES)
    for pause, pace in ((0.1, "ten messages a second"), (0, "one upon the other")):
        taken: dict[str, list[float]] = {"without": [], "with": []}
        for number in range(ROUNDS):
            pair = [("without", without), ("with", with_devices)]
            for name, stage in pair if number % 2 else reversed(pair):
                taken[name] += await alone(stage, MESSAGES, pause)
        _report(pace, taken)


def _report(pace: str, taken: dict[str, list[float]]) -> None:
    shown = {name: (statistics.median(times), statistics.quantiles(times, n=20)[18]) for name, times in taken.items()}
    for name, (half, most) in shown.items():
        print(f"{pace}, {name + ' notifications':<24} p50 {half * 1000:6.1f} ms   p95 {most * 1000:6.1f} ms")
    half, most = (after / before for before, after in zip(shown["without"], shown["with"], strict=True))
    print(f"{pace}, with to without          p50 {half:6.2f}      p95 {most:6.2f}")


if __name__ == "__main__":
    on_a_stack(_run)
