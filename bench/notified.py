"""Whether notifications make sockets slower: the same talk in a service without notifications and in one with them.

    python -m bench.notified          (five minutes, loopback only; starts two stacks of its own)

Alice and bob talk in both services by turns. In the second one each has three devices, and each message is told to the
three of the other. First they send ten messages a second. Then each message follows at once upon the one before, so
that it also waits until notifications of that one are queued: a shard's changes are worked off one after the other.

In AWS, `push` and SNS have machines of their own. In a local stack, they share processes with what sockets wait for. So
in the first stack nobody takes the entries off the queue. In the second one `push` does.

The ratio is that of all messages of one kind to all of the other, since rounds differ more on a shared machine. The
last ratio is the middle one of all rounds, each against the round beside it.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from bench.latency import Stage, alone, on_a_stack
from local.home import REPOSITORY
from local.stack.running import Stack

ROUNDS, MESSAGES, DEVICES = 16, 40, 3
_TAKES = "            Queue: !GetAtt PushQueue.Arn\n"
Rounds = dict[str, list[list[float]]]


async def _run(stack: Stack) -> None:
    without, with_devices = Stage(stack.info), Stage(stack.info)
    with_devices.notifying()
    for identity in ("alice", "bob"):
        with_devices.devices(identity, DEVICES)
    for pause, pace in ((0.1, "ten messages a second"), (0, "one upon the other")):
        taken: Rounds = {"without": [], "with": []}
        for number in range(ROUNDS):
            pair = [("without", without), ("with", with_devices)]
            for name, stage in pair if number % 2 else reversed(pair):
                taken[name].append(await alone(stage, MESSAGES, pause))
        _report(pace, taken)


def _report(pace: str, taken: Rounds) -> None:
    shown = {name: _half_and_most([one for of_round in rounds for one in of_round]) for name, rounds in taken.items()}
    for name, (half, most) in shown.items():
        print(f"{pace}, {name + ' notifications':<24} p50 {half * 1000:6.1f} ms   p95 {most * 1000:6.1f} ms")
    pairs = [
        (_half_and_most(of_with), _half_and_most(of_without))
        for of_with, of_without in zip(taken["with"], taken["without"], strict=True)
    ]
    for name, ratios in (
        ("with to without", [(shown["with"], shown["without"])]),
        ("the middle of the rounds", pairs),
    ):
        half, most = (statistics.median(after[at] / before[at] for after, before in ratios) for at in (0, 1))
        print(f"{pace}, {name:<24}               p50 {half:6.2f}      p95 {most:6.2f}", flush=True)


def _half_and_most(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


def _without_push(folder: Path) -> Path:
    """The template with `push` switched off, beside everything that it names."""
    for name in ("functions", "layers", "templates"):
        (folder / name).symlink_to(REPOSITORY / name)
    text = (REPOSITORY / "template.yaml").read_text()
    assert text.count(_TAKES) == 1
    changed = folder / "template.yaml"
    changed.write_text(text.replace(_TAKES, _TAKES + "            Enabled: false\n"))
    return changed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print("Nobody takes the entries:")
        on_a_stack(_run, _without_push(Path(folder)))
    print("push takes the entries, on the same machine:")
    on_a_stack(_run)
