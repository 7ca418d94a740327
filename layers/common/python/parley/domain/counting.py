"""How many messages a channel has, from counters that may count messages which were never written.

A send takes an index before it writes the message. If it dies in between, the index stays empty. So the counters hold
the index up to which the stored messages were counted (`counted_index`), and how many there were (`counted`). Every
index above that counts as a message, unless it is in `removed`.
"""

from __future__ import annotations

from collections.abc import Sequence

from parley.stored import Message, Tail

# No function runs longer than a minute, so a write that began earlier is done or dead.
SETTLED_MS = 60_000


def messages_count(tail: Tail) -> int:
    """The number of messages, including those that a send may still be writing."""
    above = int(tail["last_index"]) - int(tail["counted_index"])
    return max(int(tail["counted"]) + above - len(tail.get("removed", ())), 0)


def is_due(tail: Tail, now_ms: int) -> bool:
    """Whether some indexes were not checked yet, and no write in the channel can still be under way."""
    return tail["counted_index"] < tail["last_index"] and _is_quiet(tail, now_ms)


def final_index(tail: Tail, stored: Sequence[Message], more: bool, now_ms: int) -> int:
    """The index up to which messages may be counted, since no message that is missing there will still be written.

    `stored` are the messages above `counted_index`, tombstones too. `more` says that there are others above them.
    """
    if not more and _is_quiet(tail, now_ms):
        return tail["last_index"]
    settled = [message["index"] for message in stored if message["cause"]["at"] <= now_ms - SETTLED_MS]
    return max(settled, default=tail["counted_index"])


def newest_uncounted(tail: Tail, below: int) -> int | None:
    """The newest index above `counted_index` and below the given one that counts as a message; None if none does.

    A send may still be writing its message there. When it is done, it does not name its message as the newest.
    """
    removed = tail.get("removed", ())
    return next((index for index in range(below - 1, tail["counted_index"], -1) if index not in removed), None)


def _is_quiet(tail: Tail, now_ms: int) -> bool:
    return tail.get("seq_at", 0) <= now_ms - SETTLED_MS
