"""Follows one channel: which pushes are delivered, which wait, and when something has to be asked.

Guarantee: as long as what it asks is answered, each change is delivered once, and in the order of the channel's `seq`;
only a write that was overtaken by later ones and passed over comes after them. There is no I/O and no clock in here:
times are given, and `due` says when to look again.

    push = mark + 1  ----> delivered, and the held ones that follow
    push > mark + 1  ----> held; a hole: after a quarter of a second `question` asks for it
    push <= mark     ----> delivered if its record is not known in this or a newer version
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

Push = dict[str, Any]
Answer = dict[str, Any]

HOLE_SECONDS = 0.25
"""How long a hole may fill itself before it is asked about."""
LATER_SECONDS = 1.0
"""How long after a fruitless answer the next question comes."""
ASKS = 3
"""How many fruitless answers there are before a number is passed over."""
MEMORY = 2000
"""Of how many records versions are remembered."""
MOST_HELD = 1000
"""How many numbers are held; more are asked for again when they are reached."""
MOST_STALLS = 100
"""How many answers in a row may say that there is more and get no further: their room went to other channels."""
_STEPS = 8

_ADDED = {"messageAdded": "messageUpdated", "memberJoined": "memberUpdated"}
_UPDATED = {updated: added for added, updated in _ADDED.items()}
_REMOVED = {"messageRemoved", "memberLeft"}
_FOR_MEMBERS = {*_ADDED, *_UPDATED, *_REMOVED, "channelAdvanced"}


class _Version(NamedTuple):
    seq: int
    is_removed: bool


def record_key(push: Push) -> str | None:
    """Which record a push is about; None if it only says that the channel went on."""
    event = push["event"]
    if event == "channelAdvanced":
        return None
    for kind in ("message", "member"):
        if event.startswith(kind) and kind in push:
            return f"{kind} {push[kind]['sid']}"
    return "own channel" if event == "channelUpdated" and "user_channel" in push else str(event)


def _index(push: Push) -> int:
    return int(push["message"]["index"]) if push["event"] == "messageAdded" else -1


def _in_order(pushes: Iterable[Push]) -> list[Push]:
    """By `seq`, but new messages by index.

    In an answer, a message that was edited since has the `seq` of the edit. It still comes before those written later.
    """
    ordered = sorted(pushes, key=lambda push: (push["seq"], push["event"] not in _ADDED))
    older = deque(sorted((push for push in ordered if push["event"] == "messageAdded"), key=_index))
    arranged: list[Push] = []
    for push in ordered:
        if push["event"] != "messageAdded":
            arranged.append(push)
        while older and _index(older[0]) <= _index(push):
            arranged.append(older.popleft())
    return arranged


class Follower:
    """What is known of one channel's changes.

    Attributes:
        mark: The last `seq` up to which everything has been seen; None while the identity is not a member.
        due: When `question` has something to ask; None for never.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self.mark: int | None = None
        self.due: float | None = None
        self._memory = memory
        self._known: dict[str, _Version] = {}
        self._held: dict[int, list[Push]] = {}
        self._arriving: dict[str, int] = {}
        self._base = 0
        self._late: list[Push] = []
        self._asked_late: list[Push] = []
        self._target = 0
        self._must_ask = False
        self._asked_from: int | None = None
        self._asked_at: int | None = None
        self._gathered: list[Push] = []
        self._gathered_to: int | None = None
        self._hole_at: int | None = None
        self._fruitless = 0
        self._steps = 0
        self._stalls = 0

    # What happens.

    def begin(self, seq: int, now: float) -> list[Push]:
        """Everything up to `seq` is seen; returns what had come too early and follows now."""
        self._forget_questions()
        self.mark = self._base = seq
        for early in [number for number in self._held if number < seq]:
            self._remember_all(self._held.pop(early))
        delivered = self._news(self._held.pop(seq, []))
        delivered += self._drain()
        self._look_again(now)
        return delivered

    def end(self) -> list[Push]:
        """The identity is no member any more; returns what was held and will never be complete."""
        delivered = self._news(_in_order(self._take_held())) if self.mark is not None else []
        self._held.clear()
        self._forget_questions()
        self.mark = None
        return delivered

    def push(self, push: Push, now: float) -> list[Push]:
        """A push has come; returns what is delivered."""
        if self.mark is None:
            if push["event"] not in _FOR_MEMBERS:
                return self._news([push])
            if len(self._held) < MOST_HELD:
                self._hold(push)
            return []
        if push["seq"] <= self.mark:
            return self._come_late(push, now)
        if len(self._held) < MOST_HELD or push["seq"] == self.mark + 1:
            self._hold(push)
        else:
            self._target = max(self._target, push["seq"])
        delivered = self._drain()
        self._look_again(now)
        return delivered

    def listed(self, seq: int, now: float) -> None:
        """A list of channels says that this one has come to `seq`."""
        if seq != self.mark:
            self._target = max(self._target, seq)
            self.doubt(now)

    def doubt(self, now: float) -> None:
        """Whether the mark is right, or the channel still there, is to be asked at once."""
        if self.mark is None:
            return
        self._must_ask = True
        if self._asked_from is None:
            self.due = now

    def forget_early(self) -> None:
        """Drop what came for a channel of which the identity turned out to be no member."""
        if self.mark is None:
            self._held.clear()

    # Questions and answers.

    def question(self, now: float) -> int | None:
        """The `seq` to catch up from, if it is time to ask; `answer`, `refetch` or `unanswered` must follow."""
        if self.mark is None or self._asked_from is not None or self.due is None or self.due > now:
            return None
        self.due = None
        self._must_ask = False
        self._asked_at = self.mark
        if self._gathered_to is not None:
            self._asked_from = self._gathered_to
        else:
            self._asked_from = min([self.mark, *(push["seq"] - 1 for push in self._late)])
            self._asked_late, self._late = self._late, []
        return self._asked_from

    def answer(self, answer: Answer, now: float) -> list[Push]:
        """An answer with status `changes`; returns what is delivered."""
        asked_from, self._asked_from = self._asked_from, None
        if self.mark is None or asked_from is None:
            return []
        self._gathered += answer["events"]
        self._stalls = 0 if answer["seq"] > asked_from else self._stalls + 1
        if answer.get("more") and self._stalls < MOST_STALLS:
            # Delivered when it is complete: a later page may have the older message, if that was edited since.
            self._gathered_to, self.due = answer["seq"], now
            return []
        delivered = self._settle(answer["seq"])
        return delivered + self._after_answer(now)

    def refetch(self, seq: int, now: float) -> list[Push]:
        """An answer with status `refetch`: the mark is `seq`; returns what is delivered beyond it."""
        if self.mark is not None and seq < self.mark:
            self._known.clear()
        return self.begin(seq, now)

    def unanswered(self, now: float) -> None:
        """The question failed: ask again later, from the start."""
        self._late, self._asked_late = self._asked_late + self._late, []
        self._asked_from, self._gathered, self._gathered_to = None, [], None
        self._must_ask = True
        self.due = now + LATER_SECONDS

    # How.

    def _come_late(self, push: Push, now: float) -> list[Push]:
        """Deliver a push at or below the mark, if it is news.

        One from before the beginning may be about a record that has been removed or changed since, of which nothing
        more will be heard. So what came after it is asked for first.
        """
        key = record_key(push)
        if push["seq"] >= self._base or key is None or push["event"] == "messageRemoved":
            return self._news([push])
        known = self._known.get(key)
        if known is None or known.seq < push["seq"]:
            self._late.append(push)
            self.doubt(now)
        return []

    def _settle(self, answered_to: int) -> list[Push]:
        """Deliver what was gathered and held up to where the answer goes, hold the rest."""
        assert self.mark is not None
        self.mark = max(self.mark, answered_to)
        gathered, self._gathered, self._gathered_to = self._gathered, [], None
        self._note_arriving(gathered)
        reached = [push for push in gathered if push["seq"] <= self.mark]
        for number in [number for number in self._held if number <= self.mark]:
            reached += self._held.pop(number)
        for push in gathered:
            if push["seq"] > self.mark:
                self._hold(push)
        return self._reached(reached) + self._news(_in_order(self._late_until(answered_to))) + self._drain()

    def _late_until(self, answered_to: int) -> list[Push]:
        """The late pushes that an answer has covered; the others are asked about again, if that gets any further."""
        late, self._asked_late = self._asked_late, []
        covered = [push for push in late if push["seq"] <= answered_to]
        if not covered:
            return late
        left = [push for push in late if push["seq"] > answered_to]
        self._late = left + self._late
        self._must_ask = self._must_ask or bool(left)
        return covered

    def _after_answer(self, now: float) -> list[Push]:
        """Decide whether a hole that is still there is asked about again or passed over."""
        if self._must_ask:
            self.due = now
            return []
        if not self._has_hole():
            self._look_again(now)
            return []
        if self._asked_at == self.mark:
            self._fruitless += 1
        else:
            self._fruitless, self._steps = 1, 0
        if self._fruitless >= ASKS:
            return self._pass_over(now)
        self._hole_at, self.due = self.mark, now + LATER_SECONDS
        return []

    def _pass_over(self, now: float) -> list[Push]:
        """Step over one number that nothing was written under.

        What comes after it may have been lost too, and an answer may end where a number is missing. So it is one step
        and one more question at a time, but only so often.
        """
        assert self.mark is not None
        self._steps += 1
        self.mark = self.mark + 1 if self._steps <= _STEPS else self._hole_ends()
        delivered = self._drain()
        self._look_again(now)
        if self._has_hole():
            self._hole_at, self._fruitless, self.due = self.mark, ASKS - 1, now
        return delivered

    def _look_again(self, now: float) -> None:
        """Ask about a hole when it has been there for a while; forget the question when there is none."""
        if self._asked_from is not None or self._must_ask:
            return
        if not self._has_hole():
            self.due = self._hole_at = None
            self._fruitless = self._steps = 0
        elif self._hole_at != self.mark:
            self._hole_at, self.due = self.mark, now + HOLE_SECONDS
            self._fruitless = 0

    def _has_hole(self) -> bool:
        return self.mark is not None and (bool(self._held) or self._target > self.mark)

    def _hole_ends(self) -> int:
        ends = [number - 1 for number in self._held]
        if self.mark is not None and self._target > self.mark:
            ends.append(self._target)
        return min(ends)

    def _drain(self) -> list[Push]:
        reached: list[Push] = []
        assert self.mark is not None
        while pushes := self._held.pop(self.mark + 1, None):
            self.mark += 1
            reached += pushes
        return self._reached(reached)

    def _reached(self, pushes: list[Push]) -> list[Push]:
        """What is delivered of these, with older messages that were held only because they were edited since."""
        newest = max((_index(push) for push in pushes), default=-1)
        for held in self._held.values():
            for position, push in enumerate(held):
                if 0 <= _index(push) < newest:
                    pushes.append(push)
                    held[position] = {**push, "event": "channelAdvanced"}
        return self._news(_in_order(pushes))

    def _note_arriving(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            key = record_key(push)
            if key is not None and push["event"] in _ADDED:
                self._arriving[key] = push["seq"]

    def _hold(self, push: Push) -> None:
        pushes = self._held.setdefault(push["seq"], [])
        for position, other in enumerate(pushes):
            if record_key(other) == record_key(push):
                if push["event"] in _ADDED:
                    pushes[position] = push
                return
        pushes.append(push)

    def _take_held(self) -> list[Push]:
        taken = [push for pushes in self._held.values() for push in pushes]
        self._held.clear()
        return taken

    def _forget_questions(self) -> None:
        self.due = self._hole_at = self._asked_from = self._gathered_to = None
        self._gathered = []
        self._arriving = {}
        self._late, self._asked_late = [], []
        self._target = self._fruitless = self._steps = self._stalls = 0
        self._must_ask = False

    def _news(self, pushes: Iterable[Push]) -> list[Push]:
        """Those of the pushes that say something new, named for what they mean to whoever knows the former ones."""
        news = []
        for push in pushes:
            key = record_key(push)
            if key is None:
                continue
            known = self._known.get(key)
            if known is not None and known.seq >= push["seq"]:
                continue
            if push["event"] in _ADDED:
                self._arriving.pop(key, None)
            elif push["seq"] <= self._arriving.get(key, -1):
                # An answer has the record as new in this or a later version.
                continue
            is_removed = push["event"] in _REMOVED
            self._remember(key, _Version(push["seq"], push["event"] in _REMOVED))
            if known is not None and known.seq < self._base and "member" in push:
                # It may have left or come back while nobody told; the application has seen that when it fetched.
                known = None
            if known is not None and known.is_removed and is_removed:
                continue
            news.append(self._renamed(push, known))
        return news

    @staticmethod
    def _renamed(push: Push, known: _Version | None) -> Push:
        if known is None:
            return push
        names = _UPDATED if known.is_removed else _ADDED
        name = names.get(push["event"])
        return {**push, "event": name} if name else push

    def _remember_all(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            key = record_key(push)
            known = self._known.get(key or "")
            if key is not None and (known is None or known.seq < push["seq"]):
                self._remember(key, _Version(push["seq"], push["event"] in _REMOVED))

    def _remember(self, key: str, version: _Version) -> None:
        self._known.pop(key, None)
        self._known[key] = version
        if len(self._known) > self._memory:
            del self._known[next(iter(self._known))]
