"""Follows one channel: decides which pushes are delivered, which wait, and when the server has to be asked.

Guarantee: as long as its questions are answered, each change is delivered once and in the order of the channel's `seq`.
One exception: if a number is missing for so long that the follower passes over it, and its write lands after all, that
change comes after later ones. There is no I/O and no clock in here: the caller gives the time, and `due` says when to
call `question`.

    push = mark + 1  ----> delivered, with the held pushes that follow it
    push > mark + 1  ----> held: there is a hole, and after a quarter of a second `question` asks about it
    push <= mark     ----> delivered if its record is not known in this or a newer version

clients/vectors states the same rules as examples, which the tests of both clients run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from parley_client.payloads import CatchUpAnswer, Push

HOLE_SECONDS = 0.25
"""How long a hole may stay before the server is asked about it."""
LATER_SECONDS = 1.0
"""How long after an answer that did not help the next question comes."""
ASKS = 3
"""How many answers in a row that did not help make the follower pass over a number."""
MEMORY = 2000
"""How many records the follower remembers the version of."""
MOST_HELD = 1000
"""How many numbers are held. Pushes beyond are dropped, and asked for when the mark gets there."""
MOST_STALLS = 100
"""How many answers in a row may have no room for this channel, which says `more` and gets no further."""
_STEPS = 8
"""How many missing numbers in a row are passed over one by one, before the rest of the hole is at once."""

_ADDED = {"messageAdded": "messageUpdated", "memberJoined": "memberUpdated"}
_UPDATED = {updated: added for added, updated in _ADDED.items()}
_REMOVED = {"messageRemoved", "memberLeft"}
_FOR_MEMBERS = {*_ADDED, *_UPDATED, *_REMOVED, "channelAdvanced"}


class _Version(NamedTuple):
    seq: int
    is_removed: bool


def record_key(push: Push) -> str | None:
    """Which record a push is about; None if it only says that the channel took another number."""
    event = push["event"]
    if event == "channelAdvanced":
        return None
    if event.startswith("message") and "message" in push:
        return f"message {push['message']['sid']}"
    if event.startswith("member") and "member" in push:
        return f"member {push['member']['sid']}"
    return "own channel" if event == "channelUpdated" and "user_channel" in push else str(event)


def _index(push: Push) -> int:
    return push["message"]["index"] if push["event"] == "messageAdded" else -1


def _in_order(pushes: Iterable[Push]) -> list[Push]:
    """Sort by `seq`, but new messages by index.

    In an answer, a message that was written and edited has the `seq` of the edit. It still comes before the messages
    that were written after it.
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
        # The version of each record that was delivered or seen; the pushes beyond the mark, by `seq`.
        self._known: dict[str, _Version] = {}
        self._held: dict[int, list[Push]] = {}
        # The records that an answer has as new, with their `seq`, until they are delivered.
        self._arriving: dict[str, int] = {}
        # The mark at the beginning; pushes from before it (see `_come_late`), and those the open question covers.
        self._base = 0
        self._late: list[Push] = []
        self._asked_late: list[Push] = []
        # A number that the channel has reached, though no push of it is held; whether to ask without a hole.
        self._target = 0
        self._must_ask = False
        # The open question: the `seq` it starts from, the mark when it was asked, what has come of its answer.
        self._asked_from: int | None = None
        self._asked_at: int | None = None
        self._gathered: list[Push] = []
        self._gathered_to: int | None = None
        # The mark below the hole that is waited for; counts towards ASKS, _STEPS and MOST_STALLS.
        self._hole_at: int | None = None
        self._fruitless = self._steps = self._stalls = 0

    # What happens.

    def begin(self, seq: int, now: float) -> list[Push]:
        """The identity is a member from `seq` on; returns the held pushes that follow it."""
        self._forget_questions()
        self.mark = self._base = seq
        for early in [number for number in self._held if number < seq]:
            self._remember_all(self._held.pop(early))
        delivered = self._news(self._held.pop(seq, []))
        delivered += self._drain()
        self._look_again(now)
        return delivered

    def end(self) -> list[Push]:
        """The identity is no longer a member; returns the held pushes, whose holes nobody fills any more."""
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
        """Ask at once: the mark may be behind, or the channel gone."""
        if self.mark is None:
            return
        self._must_ask = True
        if self._asked_from is None:
            self.due = now

    def forget_early(self) -> None:
        """Drop the pushes of a channel in which the identity turned out to be no member."""
        if self.mark is None:
            self._held.clear()

    # Questions and answers.

    def question(self, now: float) -> int | None:
        """The `seq` to catch up from, if it is time to ask. `answer`, `refetch` or `unanswered` must follow."""
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

    def answer(self, answer: CatchUpAnswer, now: float) -> list[Push]:
        """An answer with status `changes`; returns what is delivered."""
        asked_from, self._asked_from = self._asked_from, None
        if self.mark is None or asked_from is None:
            return []
        self._gathered += answer["events"]
        self._stalls = 0 if answer["seq"] > asked_from else self._stalls + 1
        if answer.get("more") and self._stalls < MOST_STALLS:
            # Nothing is delivered before the last part: if an older message was edited, a later part has it.
            self._gathered_to, self.due = answer["seq"], now
            return []
        delivered = self._settle(answer["seq"])
        return delivered + self._after_answer(now)

    def refetch(self, seq: int, now: float) -> list[Push]:
        """An answer with status `refetch`: the mark is `seq` now; returns the held pushes that follow it."""
        if self.mark is not None and seq < self.mark:
            self._known.clear()
        return self.begin(seq, now)

    def unanswered(self, now: float) -> None:
        """The question failed: drop the parts of its answer that have come, and ask again later."""
        self._late, self._asked_late = self._asked_late + self._late, []
        self._asked_from, self._gathered, self._gathered_to = None, [], None
        self._must_ask = True
        self.due = now + LATER_SECONDS

    # How.

    def _come_late(self, push: Push, now: float) -> list[Push]:
        """Deliver a push at or below the mark, if it is news.

        A push from before the beginning is not delivered yet: its record may have been changed or removed before the
        beginning too, and no push will say so. The server is asked for what came after it first.
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
        """Deliver the gathered events and the held pushes up to where the answer goes; hold the rest."""
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
        """The late pushes that an answer covers; the rest is asked about again. If it covers none, all of them."""
        late, self._asked_late = self._asked_late, []
        covered = [push for push in late if push["seq"] <= answered_to]
        if not covered:
            return late
        left = [push for push in late if push["seq"] > answered_to]
        self._late = left + self._late
        self._must_ask = self._must_ask or bool(left)
        return covered

    def _after_answer(self, now: float) -> list[Push]:
        """Decide whether to ask again about a hole that is still there, or to pass over it."""
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
        """Pass over one number, under which nothing was written, and ask about the next.

        The push of the next number may have been lost, and an answer may have ended at the missing one. After so many
        steps, the whole hole is passed over.
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
        """Set when to ask about a hole, if there is one."""
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
        """Deliver these, and before them older new messages that are held only because an edit has a higher `seq`."""
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
        """The pushes that say something new; their events are renamed to fit what was delivered before."""
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
                # An answer has told that the record is new, in this or a later version, and that comes first.
                continue
            is_removed = push["event"] in _REMOVED
            self._remember(key, _Version(push["seq"], is_removed))
            if known is not None and known.seq < self._base and "member" in push:
                # The member may have left or come back before the beginning, and the application fetched it then.
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
        return push if name is None else {**push, "event": name}

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
