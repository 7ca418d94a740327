"""What AWS bills, counted while the functions of a stack run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

REQUESTS = "DynamoDB requests"
WRITES = "write units"
READS = "read units"
FRAMES_IN = "socket messages in"
FRAMES_OUT = "socket messages out"
REST = "REST requests"
INVOCATIONS = "invocations"
QUEUED = "SQS requests"
TOLD = "notifications"
LOGGED = "bytes logged"
SENT = "bytes to the internet"
METERS = (FRAMES_IN, FRAMES_OUT, REST, INVOCATIONS, REQUESTS, WRITES, READS, QUEUED, TOLD, LOGGED, SENT)
"""Everything that is counted. DynamoDB requests are not billed; they are what a function waits for."""


@dataclass
class Usage:
    """What some work used.

    Attributes:
        counted: By meter.
        invocations: By function.
        waits: How often each function waited for AWS, by function.
        cpu_seconds: What each function computed, by function.
    """

    counted: Counter[str] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    def add(self, meter: str, number: float = 1) -> None:
        """Count something."""
        self.counted[meter] += number  # type: ignore[assignment]

    def of(self, meter: str) -> float:
        """How much of something was used."""
        return float(self.invocations.total() if meter == INVOCATIONS else self.counted[meter])

    def divided(self, number: int) -> Usage:
        """The share of each of so many equal pieces of work."""
        return Usage(
            Counter({name: value / number for name, value in self.counted.items()}),  # type: ignore[arg-type]
            Counter({name: value / number for name, value in self.invocations.items()}),  # type: ignore[arg-type]
            Counter({name: value / number for name, value in self.waits.items()}),  # type: ignore[arg-type]
            {name: value / number for name, value in self.cpu_seconds.items()},
        )

    def least_of(self, earlier: Usage | None) -> Usage:
        """The same counts, and of both times that it was measured, what each function computed least."""
        if earlier is None:
            return self
        seconds = {name: min(spent, earlier.cpu_seconds[name]) for name, spent in self.cpu_seconds.items()}
        return Usage(earlier.counted, earlier.invocations, earlier.waits, seconds)
