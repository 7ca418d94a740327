"""Follows one channel: decides which pushes are delivered, which wait, and when the server has to be asked.

Guarantee: as long as its questions are answered, each change is delivered once and in the order of the channel's `seq`.
One exception: if a number is missing for so long that the follower passes over it, and its write lands after all, that
change comes after later ones. There is no I/O and no clock in here: the caller gives the time, and `due` says when to
call `question`.

    push = mark + 1  ----> delivered, with the held pushes that follow it
    push > mark + 1  ----> held: there is a hole, and after a quarter of a second `question` asks about it
    push <= mark     ----> delivered if its record is not known in this or a newer version

The rules are those of "Missing nothing" in docs/sockets.md. clients/vectors has an example of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from parley_client.news import News, record_key
from parley_client.payloads import CatchUpAnswer, Push

HOLE_SECONDS = 0.25
"""How long a hole may stay before the server is asked about it."""
LATER_SECONDS = 1.0
"""How long after an answer that did not help the next question comes."""
ASKS = 3
"""How many answers in a row that did not help make the follower pass over a number."""
_STEPS = 8
"""How many missing numbers in a row are passed over one by one, before the rest of the hole is at once."""
_TOLD_SPANS = 20
"""How many answers are remembered as having told everything of their time."""
# Pushes that only members hear; before the client knows of a membership they are held.
_FOR_MEMBERS = {
    *("messageAdded", "messageUpdated", "messageRemoved"),
    *("memberJoined", "memberUpdated", "memberLeft"),
    "channelAdvanced",
}


@dataclass(frozen=True)
class Limits:
    """How much a follower keeps.

    Attributes:
        memory: Of how many records the version is remembered.
        held: How many numbers are held. Pushes beyond are dropped, and asked for when the mark gets there.
        stalls: How many answers in a row may have no room for this channel: they say `more` and get no further.
    """

    memory: int = 2000
    held: int = 1000
    stalls: int = 100


class Follower:
    """What is known of one channel's changes.

    Attributes:
        mark: The last `seq` up to which everything has been seen; None while the identity is not a member.
        due: When `question` has something to ask; None for never.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.mark: int | None = None
        self.due: float | None = None
        self._news = News(self._limits.memory)
        # The pushes beyond the mark, by `seq`.
        self._held: dict[int, list[Push]] = {}
        # The mark at the beginning; pushes from before it (see `_come_late`), and those the open question covers.
        self._base = 0
        self._late: list[Push] = []
        self._asked_late: list[Push] = []
        # The spans of numbers about which answers have told everything.
        self._told: deque[tuple[int, int]] = deque(maxlen=_TOLD_SPANS)
        # How far the channel is known to have come; whether to ask without a hole.
        self._target = 0
        self._must_ask = False
        # Where the open question starts and what the mark was then; where the next one goes on below the mark.
        self._asked_from: int | None = None
        self._asked_at: int | None = None
        self._goes_on_from: int | None = None
        # The mark below the hole that is waited for; counts towards ASKS, _STEPS and the stalls.
        self._hole_at: int | None = None
        self._tries = self._steps = self._stalls = 0

    # What happens.

    def begin(self, seq: int, now: float) -> list[Push]:
        """The identity is a member from `seq` on; returns the held pushes that follow it."""
        return self._begin(seq, seq, now)

    def end(self) -> list[Push]:
        """The identity is no longer a member; returns the held pushes, although their holes were never filled."""
        held = [push for number in sorted(self._held) for push in self._held[number]]
        reached = max(self._held, default=0)
        self._held.clear()
        delivered = [] if self.mark is None else self._news.select(held, max(self.mark, reached), self._base)
        self._forget_questions()
        self.mark = None
        return delivered

    def push(self, push: Push, now: float) -> list[Push]:
        """A push has come; returns what is delivered."""
        if self.mark is None:
            if push["event"] not in _FOR_MEMBERS:
                return self._tell([push])
            if len(self._held) < self._limits.held:
                self._hold(push)
            return []
        if push["seq"] <= self.mark:
            return self._come_late(push, now)
        if len(self._held) < self._limits.held or push["seq"] == self.mark + 1:
            self._hold(push)
        else:
            self._target = max(self._target, push["seq"])
        delivered = self._drain()
        self._look_again(now)
        return delivered

    def listed(self, seq: int, now: float) -> None:
        """A list of channels says that this one has come to `seq`: ask at once if anything is missing."""
        # While nothing is held, no push was dropped either, and the list is newer than what was known before.
        self._target = max(self._target, seq) if self._held else seq
        if seq != self.mark or self._held or self._late or self._goes_on_from is not None:
            self.doubt(now)
        else:
            self._must_ask = False
            self._look_again(now)

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
        """The `seq` to catch up from, if it is time to ask. One of the methods below must follow."""
        if self.mark is None or self._asked_from is not None or self.due is None or self.due > now:
            return None
        self.due = None
        self._must_ask = False
        self._asked_at = self.mark
        asked_from = self._goes_on_from
        if asked_from is None:
            asked_from = min([self.mark, *(push["seq"] - 1 for push in self._late)])
        self._asked_from = asked_from
        self._asked_late = [push for push in self._late if push["seq"] > asked_from]
        self._late = [push for push in self._late if push["seq"] <= asked_from]
        return asked_from

    def answer(self, answer: CatchUpAnswer, now: float) -> list[Push]:
        """An answer with status `changes`; returns what is delivered."""
        asked_from, self._asked_from = self._asked_from, None
        if self.mark is None or asked_from is None:
            return []
        seq = answer["seq"]
        self._stalls = 0 if seq > asked_from else self._stalls + 1
        goes_on = bool(answer.get("more")) and self._stalls < self._limits.stalls
        delivered = [*self._take(answer["events"], asked_from, seq), *self._settle_late(seq, goes_on)]
        self._goes_on_from = seq if goes_on and seq < self.mark else None
        if goes_on or self._late:
            self._must_ask = True
        if self._must_ask:
            self.due = now
        elif not self._has_hole():
            self._look_again(now)
        elif self._is_last_try():
            delivered += self._pass_over(now)
        else:
            self._hole_at, self.due = self.mark, now + LATER_SECONDS
        return delivered

    def refetch(self, seq: int, now: float) -> list[Push]:
        """An answer with status `refetch`: the mark is `seq` now; returns the held pushes that follow it."""
        if self.mark is not None and seq < self.mark:
            self._news.forget()
        return self._begin(seq, seq + 1, now)

    def refused(self, now: float) -> list[Push] | None:
        """The server refused to answer: ask again later.

        After the third time in a row the application has to fetch the channel again. Then this returns the held pushes,
        and None before.
        """
        self._withdraw()
        if not self._is_last_try():
            self._ask_again(now)
            return None
        self._late, self._goes_on_from, self._must_ask = [], None, False
        if self._has_hole():
            self.mark = self._hole_ends()
        delivered = self._drain()
        self._look_again(now)
        return delivered

    def unanswered(self, now: float) -> None:
        """The question or its answer was lost: ask again later."""
        self._withdraw()
        self._ask_again(now)

    # How.

    def _begin(self, seq: int, unseen_from: int, now: float) -> list[Push]:
        """The mark is `seq`. Held pushes below `unseen_from` are in what the application fetches."""
        self._forget_questions()
        self.mark = self._base = self._target = seq
        for number in sorted(number for number in self._held if number < unseen_from):
            self._news.remember(self._held.pop(number))
        delivered = self._drain(self._held.pop(seq, []))
        self._look_again(now)
        return delivered

    def _come_late(self, push: Push, now: float) -> list[Push]:
        """Deliver a push at or below the mark, if it is news.

        A push from before the beginning is not delivered yet: its record may have been changed or removed before the
        beginning too, and no push will say so. The server is asked for what came after it first.
        """
        if self._is_told(push):
            return []
        if push["seq"] >= self._base or record_key(push) is None or push["event"] == "messageRemoved":
            return self._tell([push])
        if not self._news.is_known(push):
            self._late.append(push)
            self.doubt(now)
        return []

    def _take(self, events: Iterable[Push], asked_from: int, seq: int) -> list[Push]:
        """Deliver what an answer tells up to its `seq`, and hold what it tells beyond."""
        assert self.mark is not None
        fresh = [push for push in events if not self._is_told(push)]
        self._told.append((asked_from, seq))
        self.mark = max(self.mark, seq)
        for number in [number for number in self._held if number <= self.mark]:
            # The answer has told what there is to tell of these.
            del self._held[number]
        reached: list[Push] = []
        for push in fresh:
            is_expected = self._news.expect(push)
            if push["seq"] > self.mark:
                self._held.setdefault(push["seq"], []).extend([] if is_expected else [push])
            elif not is_expected:
                reached.append(push)
        return self._drain(reached)

    def _settle_late(self, seq: int, goes_on: bool) -> list[Push]:
        """The answer covers the late pushes up to `seq`. The rest is asked about again, or told if that is no use."""
        left = [push for push in self._asked_late if push["seq"] > seq]
        got_further = len(left) < len(self._asked_late)
        self._asked_late = []
        if not goes_on and not got_further:
            return self._tell(left)
        self._late = left + self._late
        return []

    def _is_told(self, push: Push) -> bool:
        """Whether an answer has told everything about the time of a push."""
        return any(after < push["seq"] <= upto for after, upto in self._told)

    def _withdraw(self) -> None:
        self._asked_from = None
        self._late, self._asked_late = self._asked_late + self._late, []

    def _ask_again(self, now: float) -> None:
        self._must_ask = True
        self.due = now + LATER_SECONDS

    def _is_last_try(self) -> bool:
        """Count a question that did not help; whether it was the last one to be asked."""
        if self._asked_at != self.mark:
            self._tries = self._steps = 0
        self._tries += 1
        return self._tries >= ASKS

    def _pass_over(self, now: float) -> list[Push]:
        """Pass over one number, under which nothing was written, and ask about the next.

        The push of the next number may have been lost, and an answer may have ended at the missing one. After so many
        steps, the whole hole is passed over.
        """
        assert self.mark is not None
        self._steps += 1
        passed = self.mark = self.mark + 1 if self._steps <= _STEPS else self._hole_ends()
        delivered = self._drain()
        if self._has_hole() and self.mark == passed:
            self._hole_at, self._tries, self.due = passed, ASKS - 1, now
        else:
            self._look_again(now)
        return delivered

    def _look_again(self, now: float) -> None:
        """Set when to ask about a hole, if there is one."""
        if self._asked_from is not None or self._must_ask:
            return
        hole_at = self.mark if self._has_hole() else None
        if hole_at is None or hole_at != self._hole_at:
            self._hole_at = hole_at
            self.due = None if hole_at is None else now + HOLE_SECONDS
            self._tries = self._steps = 0

    def _has_hole(self) -> bool:
        return self.mark is not None and (bool(self._held) or self._target > self.mark)

    def _hole_ends(self) -> int:
        ends = [number - 1 for number in self._held]
        if self.mark is not None and self._target > self.mark:
            ends.append(self._target)
        return min(ends)

    def _hold(self, push: Push) -> None:
        self._held.setdefault(push["seq"], []).append(push)

    def _drain(self, reached: Iterable[Push] = ()) -> list[Push]:
        """Deliver these and the held pushes that follow the mark, which moves on to the last of them."""
        assert self.mark is not None
        pushes = list(reached)
        while (held := self._held.pop(self.mark + 1, None)) is not None:
            self.mark += 1
            pushes += held
        return self._tell(pushes)

    def _tell(self, pushes: Iterable[Push]) -> list[Push]:
        return self._news.select(pushes, -1 if self.mark is None else self.mark, self._base)

    def _forget_questions(self) -> None:
        self.due = self._hole_at = self._asked_from = self._goes_on_from = None
        self._late, self._asked_late = [], []
        self._told.clear()
        self._target = self._tries = self._steps = self._stalls = 0
        self._must_ask = False
        self._news.expect_nothing()
