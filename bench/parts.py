"""The parts of `make bench`, in the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part: a module `bench.<name>` with `measure(quick) -> Findings`.

    Attributes:
        says: What it measures.
        counted: Whether it only counts, so that any machine finds the same; `make bench-counts` runs these.
    """

    name: str
    says: str
    counted: bool = False


PARTS = (
    Part("budgets", "DynamoDB requests and write units of each operation", counted=True),
    Part("posts", "posts a second to sockets, beside boto3"),
)
