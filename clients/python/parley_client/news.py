"""Picks the pushes of a channel that say something new, puts them in order, and gives each the right event name."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from parley_client.payloads import MEMBER_REASONS, MESSAGE_REASONS, Push

_OF_MESSAGES = {"messageAdded", "messageUpdated", "messageRemoved"}
_OF_MEMBERS = {"memberJoined", "memberUpdated", "memberLeft"}
_REMOVED = {"messageRemoved", "memberLeft"}
# The event for an addition whose record is known already. Nobody knows what has changed, so it names every reason.
_AS_UPDATE = {
    "messageAdded": ("messageUpdated", [*MESSAGE_REASONS.values()]),
    "memberJoined": ("memberUpdated", [*MEMBER_REASONS.values()]),
}


class _Version(NamedTuple):
    seq: int
    is_removed: bool


def record_key(push: Push) -> str | None:
    """Names the record that a push is about; None if the push only takes a number."""
    event = push["event"]
    if event in _OF_MESSAGES and "message" in push:
        return f"message {push['message']['sid']}"
    if event in _OF_MEMBERS and "member" in push:
        return f"member {push['member']['sid']}"
    if event == "channelUpdated":
        return "own channel" if "user_channel" in push else "channel"
    return event if event == "channelAdded" else None


def _version(push: Push) -> int:
    # A push may show a channel as it was after later changes, so for channels only the push's own `seq` counts.
    return max(push["seq"], push.get("message", {}).get("seq", 0), push.get("member", {}).get("seq", 0))


def _is_addition(push: Push) -> bool:
    return push["event"] in _AS_UPDATE


def _index(push: Push) -> int:
    return push["message"]["index"] if push["event"] == "messageAdded" else -1


def _in_order(pushes: Iterable[Push]) -> list[Push]:
    """Sort by `seq`, but new messages by index.

    In an answer, a message that was written and then edited has the `seq` of the edit. It must still come before the
    messages that were written after it.
    """
    ordered = sorted(pushes, key=lambda push: (push["seq"], not _is_addition(push)))
    messages = deque(sorted((push for push in ordered if _index(push) >= 0), key=_index))
    arranged: list[Push] = []
    for push in ordered:
        if _index(push) < 0:
            arranged.append(push)
        while messages and _index(messages[0]) <= _index(push):
            arranged.append(messages.popleft())
    return arranged


class News:
    """Remembers which version of each record was delivered.

    Args:
        memory: How many records it remembers.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._known: dict[str, _Version] = {}
        # Additions from answers that are not delivered yet. No other push of the record is delivered before.
        self._arriving: dict[str, Push] = {}

    def is_known(self, push: Push) -> bool:
        """Whether this or a newer version of the push's record is known."""
        known = self._known.get(record_key(push) or "")
        return known is not None and known.seq >= _version(push)

    def remember(self, pushes: Iterable[Push]) -> None:
        """Remember pushes as delivered."""
        for push in pushes:
            key = record_key(push)
            if key is not None and not self.is_known(push):
                self._remember(key, push)

    def expect(self, push: Push) -> bool:
        """Keep an addition from an answer until `select` delivers it; returns False for any other push."""
        key = record_key(push)
        if key is None or not _is_addition(push):
            return False
        self._arriving[key] = push
        return True

    def expect_nothing(self) -> None:
        """Drop the additions that are not delivered yet."""
        self._arriving.clear()

    def forget(self) -> None:
        """Forget all records: the channel has started counting again."""
        self._known.clear()

    def select(self, pushes: Iterable[Push], mark: int, base: int) -> list[Push]:
        """The pushes to deliver, in order, when the turn of `pushes` has come and the mark is `mark`.

        They include the expected additions up to `mark`, and expected messages that are older than one of these pushes.
        Versions of members from before `base` do not count: the member may have left or come back since.
        """
        arriving = list(self._arriving.values())
        reached = [*pushes, *(push for push in arriving if push["seq"] <= mark)]
        newest = max((_index(push) for push in reached), default=-1)
        older = [push for push in arriving if push["seq"] > mark and 0 <= _index(push) < newest]
        news = (self._as_news(push, base) for push in _in_order([*reached, *older]))
        return [push for push in news if push is not None]

    def _as_news(self, push: Push, base: int) -> Push | None:
        key = record_key(push)
        if key is None:
            return None
        arriving = self._arriving.get(key)
        if arriving is push:
            del self._arriving[key]
        elif arriving is not None and arriving["seq"] >= push["seq"]:
            return None
        if self.is_known(push):
            return None
        known = self._known.get(key)
        self._remember(key, push)
        if known is None or ("member" in push and known.seq < base):
            return push
        if known.is_removed:
            return None if push["event"] in _REMOVED else _as_addition(push)
        return _as_update(push)

    def _remember(self, key: str, push: Push) -> None:
        self._known.pop(key, None)
        self._known[key] = _Version(_version(push), push["event"] in _REMOVED)
        if len(self._known) > self._memory:
            del self._known[next(iter(self._known))]


def _as_update(push: Push) -> Push:
    if push["event"] not in _AS_UPDATE:
        return push
    event, reasons = _AS_UPDATE[push["event"]]
    return {**push, "event": event, "updateReasons": reasons}


def _as_addition(push: Push) -> Push:
    """If a member who had left is updated, the member has come back. Messages do not come back."""
    return {**push, "event": "memberJoined"} if push["event"] == "memberUpdated" else push
