"""Picks the pushes of a channel that say something new, puts them in order, and names them for what they mean."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from parley_client.payloads import MEMBER_REASONS, MESSAGE_REASONS, Push

_OF_MESSAGES = {"messageAdded", "messageUpdated", "messageRemoved"}
_OF_MEMBERS = {"memberJoined", "memberUpdated", "memberLeft"}
_REMOVED = {"messageRemoved", "memberLeft"}
# How an addition is told if the record is known already. What has changed is not known, so every reason is named.
_AS_UPDATE = {
    "messageAdded": ("messageUpdated", [*MESSAGE_REASONS.values()]),
    "memberJoined": ("memberUpdated", [*MEMBER_REASONS.values()]),
}


class _Version(NamedTuple):
    seq: int
    is_removed: bool


def record_key(push: Push) -> str | None:
    """Which record a push is about; None if it only says that the channel took another number."""
    event = push["event"]
    if event in _OF_MESSAGES and "message" in push:
        return f"message {push['message']['sid']}"
    if event in _OF_MEMBERS and "member" in push:
        return f"member {push['member']['sid']}"
    if event == "channelUpdated":
        return "own channel" if "user_channel" in push else "channel"
    return event if event == "channelAdded" else None


def _version(push: Push) -> int:
    # A channel's record may be newer than the change for which it is pushed, so there only the push tells the version.
    return max(push["seq"], push.get("message", {}).get("seq", 0), push.get("member", {}).get("seq", 0))


def _is_addition(push: Push) -> bool:
    return push["event"] in _AS_UPDATE


def _index(push: Push) -> int:
    return push["message"]["index"] if push["event"] == "messageAdded" else -1


def _in_order(pushes: Iterable[Push]) -> list[Push]:
    """Sort by `seq`, but new messages by index.

    In an answer, a message that was written and edited has the `seq` of the edit. It still comes before the messages
    that were written after it.
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
    """Remembers in which version each record was told.

    Args:
        memory: How many records are remembered.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._known: dict[str, _Version] = {}
        # Additions that an answer has and that were not told yet. Until then nothing else is told of the record.
        self._arriving: dict[str, Push] = {}

    def is_known(self, push: Push) -> bool:
        """Whether the record of a push is known in its version or a newer one."""
        known = self._known.get(record_key(push) or "")
        return known is not None and known.seq >= _version(push)

    def remember(self, pushes: Iterable[Push]) -> None:
        """Take pushes for told."""
        for push in pushes:
            key = record_key(push)
            if key is not None and not self.is_known(push):
                self._remember(key, push)

    def expect(self, push: Push) -> bool:
        """Keep an addition from an answer until `select` reaches it; returns False for any other push."""
        key = record_key(push)
        if key is None or not _is_addition(push):
            return False
        self._arriving[key] = push
        return True

    def expect_nothing(self) -> None:
        """Drop the additions that were not told yet."""
        self._arriving.clear()

    def forget(self) -> None:
        """Forget all records: the channel has begun to count anew."""
        self._known.clear()

    def select(self, pushes: Iterable[Push], mark: int, base: int) -> list[Push]:
        """What is told when these pushes have their turn and everything up to `mark` has been seen.

        The expected additions up to `mark` are told too, and expected messages that are older than one of these.
        What is known of a member from before `base` does not count: the member may have left or come back since.
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
    """A member who had left and is updated has come back. Messages do not come back."""
    return {**push, "event": "memberJoined"} if push["event"] == "memberUpdated" else push
