"""How many messages a channel has, from counters that may be ahead of the messages for a while.

An index is taken before its message is written. If the sender dies in between, the index stays a hole that was counted.
So the counters say up to which index the messages were looked at, and how many were there; above it, every index counts
but for those that are known to be removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.stored import Message, Tail

# What was begun this long ago is done or dead: no function runs longer.
SETTLED_MS = 60_000


def messages_count(tail: Mapping[str, Any]) -> int:
    """The number of messages, with those that are perhaps being written at this moment."""
    above = int(tail["last_index"]) - int(tail["counted_index"])
    return max(int(tail["counted"]) + above - len(tail.get("removed", ())), 0)


def is_due(tail: Tail, now_ms: int) -> bool:
    """Whether indexes were not looked at although everything begun in the channel is over."""
    return tail["counted_index"] < tail["last_index"] and _is_quiet(tail, now_ms)


def final_index(tail: Tail, stored: Sequence[Message], more: bool, now_ms: int) -> int:
    """Up to which index nothing will be written any more, as far as can be seen.

    `stored` are the messages above the counted index, tombstones too; `more` says that there are others above those.
    """
    if not more and _is_quiet(tail, now_ms):
        return tail["last_index"]
    settled = [message["index"] for message in stored if message["cause"]["at"] <= now_ms - SETTLED_MS]
    return max(settled, default=tail["counted_index"])


def _is_quiet(tail: Tail, now_ms: int) -> bool:
    return tail.get("seq_at", 0) <= now_ms - SETTLED_MS
