"""The parts of `make bench`, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part: a module `bench.<name>` with `measure(quick) -> Findings`.

    Attributes:
        says: What it measures.
        counted: Whether it only counts, so that any machine finds the same; `make bench-counts` runs these.
        quick: Whether `--quick` runs it too, if it is not named.
        unnamed: Whether it runs if no part is named.
    """

    name: str
    says: str
    counted: bool = False
    quick: bool = True
    unnamed: bool = True


PARTS = (
    Part("budgets", "DynamoDB requests, write units and read units of each operation", counted=True),
    Part("counts", "everything that AWS bills for one message", counted=True),
    Part("cost", "dollars for a million messages, and for a month", counted=True),
    Part("texts", "dollars for a million texts to phones, for AWS's reports about them, and for answers", counted=True),
    Part("cold", "cold starts of each function, beside its libraries alone"),
    Part("hot", "CPU of an operation in a warm function, beside botocore asking AWS the same"),
    Part("posts", "posts a second to sockets, beside boto3"),
    Part("latency", "how long a message takes, with Lambda's polling and without, by the fast path and without"),
    Part("deliveries", "webhooks a second of one worker, beside a loop with requests", quick=False),
    Part("batches", "what notifications add to a batch of fan-out", unnamed=False),
    Part("notified", "what notifications add to a message, through whole stacks", unnamed=False),
    Part("synapse", "the local stack beside Matrix Synapse", quick=False),
    Part("growth", "what operations cost in small and in large places"),
    Part("scale", "what breaks first when more people are connected", counted=True),
)
