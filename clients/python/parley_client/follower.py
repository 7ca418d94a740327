"""Follows one channel: decides which pushes to deliver, which to hold back, and when to ask the server.

Guarantee: as long as the server answers, each change is delivered once and in the order of the channel's `seq`. There
is one exception: if the follower has skipped a number and its change is written after all, that change comes after
later ones. The follower does no I/O and has no clock: the caller gives the time, and `due` says when to call
`question`.

    push = mark + 1  ----> delivered, with the held pushes that follow it
    push > mark + 1  ----> held: this is a gap, and after GAP_SECONDS `question` asks about it
    push <= mark     ----> delivered, unless this or a newer version of its record is known

The rules are those of "Missing nothing" in docs/sockets.md. clients/vectors has an example of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from parley_client.news import News, record_key
from parley_client.payloads import CatchUpAnswer, Push
from parley_client.skipped import Skipped

GAP_SECONDS = 0.6
"""How long a gap may last before the follower asks the server about it.

Pushes of two senders often overtake each other, and some changes come later than others. Whoever writes a message
pushes it at once; other changes wait for the stream, which Lambda reads every quarter of a second. Then fan-out may
wait another quarter of a second for a writer. The rest is for reading and posting.
"""
LATER_SECONDS = 1.0
"""How long the follower waits to ask again after an answer that did not help."""
ASKS = 3
"""After so many answers in a row that did not help, the follower skips a number."""
_STEPS = 8
"""How many missing numbers in a row the follower skips one by one, before it skips the rest of the gap."""
_COVERED_SPANS = 20
"""Of how many answers the follower remembers which numbers they covered."""
# Pushes that only members hear. The follower holds them back until the client knows that its user is a member.
_FOR_MEMBERS = {
    *("messageAdded", "messageUpdated", "messageRemoved"),
    *("memberJoined", "memberUpdated", "memberLeft"),
    "channelAdvanced",
}


@dataclass(frozen=True)
class Limits:
    """How much a follower remembers.

    Attributes:
        memory: How many records it remembers the version of.
        held: Under how many numbers it holds pushes. It drops further pushes, and asks for them when their turn comes.
        stalls: How many answers in a row may say `more` and get no further, because they have no room for this channel.
    """

    memory: int = 2000
    held: int = 1000
    stalls: int = 100


class Follower:
    """Follows the changes of one channel.

    Attributes:
        mark: The `seq` up to which everything has been seen or skipped; None while the user is not a member.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.mark: int | None = None
        # When to ask from the mark, or about late pushes.
        self._due: float | None = None
        self._news = News(self._limits.memory)
        # The pushes beyond the mark, by `seq`.
        self._held: dict[int, list[Push]] = {}
        # The first mark; the older pushes (see `_receive_late`), and those of them that the open question is about.
        self._base = 0
        self._late: list[Push] = []
        self._asked_late: list[Push] = []
        # The spans of numbers that answers have covered.
        self._covered: deque[tuple[int, int]] = deque(maxlen=_COVERED_SPANS)
        # The highest number that the channel is known to have reached; whether to ask even without a gap.
        self._target = 0
        self._must_ask = False
        # Where the open question starts, and the mark at that time; where the next question continues below the mark.
        self._asked_from: int | None = None
        self._asked_at: int | None = None
        self._goes_on_from: int | None = None
        # The mark before the gap that the follower waits for; the counts towards ASKS, _STEPS and `Limits.stalls`.
        self._gap_at: int | None = None
        self._tries = self._steps = self._stalls = 0
        # The skipped numbers, and whether the open question is about them.
        self._skipped = Skipped()
        self._asks_about_skipped = False

    @property
    def due(self) -> float | None:
        """When `question` has something to ask; None for never."""
        if self._asked_from is not None:
            return None
        return min((at for at in (self._due, self._skipped.ask_at) if at is not None), default=None)

    # Inputs.

    def begin(self, seq: int, now: float) -> list[Push]:
        """The user is a member from `seq` on; returns the held pushes that follow."""
        return self._begin(seq, seq, now)

    def end(self) -> list[Push]:
        """The user is no longer a member; returns the held pushes, although their gaps were never filled."""
        held = [push for number in sorted(self._held) for push in self._held[number]]
        reached = max(self._held, default=0)
        self._held.clear()
        delivered = [] if self.mark is None else self._news.select(held, max(self.mark, reached), self._base)
        self._forget_questions()
        self.mark = None
        return delivered

    def push(self, push: Push, now: float) -> list[Push]:
        """A push has come; returns the pushes to deliver."""
        if self.mark is None:
            if push["event"] not in _FOR_MEMBERS:
                return self._deliver([push])
            if len(self._held) < self._limits.held:
                self._hold(push)
            return []
        if push["seq"] <= self.mark:
            return self._receive_late(push, now)
        if len(self._held) < self._limits.held or push["seq"] == self.mark + 1:
            self._hold(push)
        else:
            self._target = max(self._target, push["seq"])
        delivered = self._drain()
        self._watch_gap(now)
        return delivered

    def listed(self, seq: int, now: float) -> None:
        """A list of channels says that this one has reached `seq`: ask at once if anything is missing."""
        # If nothing is held, no push was dropped either, so the list is newer than the number known before.
        self._target = max(self._target, seq) if self._held else seq
        if seq != self.mark or self._held or self._late or self._goes_on_from is not None:
            self.doubt(now)
        else:
            self._must_ask = False
            self._watch_gap(now)
        # The push of a skipped number may have been lost with the connection.
        self._skipped.ask(now)

    def doubt(self, now: float) -> None:
        """Ask at once: the mark may be behind, or the channel may be gone."""
        if self.mark is None:
            return
        self._must_ask = True
        if self._asked_from is None:
            self._due = now

    def missed(self, seq: int, now: float) -> None:
        """The server says that it gave up pushes up to `seq`: ask at once if any of them is missing."""
        if self.mark is not None and self.mark < seq:
            self._target = max(self._target, seq)
            self.doubt(now)
        self._skipped.ask(now, upto=seq)

    def forget_early(self) -> None:
        """Drop the held pushes, because the user turned out not to be a member."""
        if self.mark is None:
            self._held.clear()

    # Questions and answers.

    def question(self, now: float) -> int | None:
        """The `seq` to catch up from, if it is time to ask. The caller must then call one of the methods below."""
        due = self.due
        if self.mark is None or due is None or due > now:
            return None
        if due != self._due:
            self._asks_about_skipped = True
            self._asked_from = self._skipped.after
            return self._asked_from
        self._due = None
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
        """An answer with status `changes` has come; returns the pushes to deliver."""
        asked_from, self._asked_from = self._asked_from, None
        if self.mark is None or asked_from is None:
            return []
        seq = answer["seq"]
        self._stalls = 0 if seq > asked_from else self._stalls + 1
        goes_on = bool(answer.get("more")) and self._stalls < self._limits.stalls
        if self._asks_about_skipped:
            return self._answer_about_skipped(answer, asked_from, goes_on, now)
        delivered = [*self._take(answer["events"], asked_from, seq), *self._settle_late(seq, goes_on)]
        self._goes_on_from = seq if goes_on and seq < self.mark else None
        if goes_on or self._late:
            self._must_ask = True
        if self._must_ask:
            self._due = now
        elif not self._has_gap():
            self._watch_gap(now)
        elif self._is_last_try():
            delivered += self._skip(now)
        else:
            self._gap_at, self._due = self.mark, now + LATER_SECONDS
        return delivered

    def refetch(self, seq: int, now: float) -> list[Push]:
        """An answer with status `refetch` has come: the mark is `seq` now. Returns the held pushes that follow."""
        if self.mark is not None and seq < self.mark:
            self._news.forget()
        return self._begin(seq, seq + 1, now)

    def refused(self, now: float) -> list[Push] | None:
        """The server refused to answer: ask again later, and return None.

        After the third refusal in a row, skip the gap and return the held pushes. The application must then fetch the
        channel again.
        """
        if self._asks_about_skipped:
            self._withdraw()
            self._skipped.refused(now)
            return None
        self._withdraw()
        if not self._is_last_try():
            self._ask_again(now)
            return None
        self._late, self._goes_on_from, self._must_ask = [], None, False
        if self._has_gap():
            self.mark = self._gap_ends()
        delivered = self._drain()
        self._watch_gap(now)
        return delivered

    def unanswered(self, now: float) -> None:
        """The question or its answer was lost: ask again later."""
        if self._asks_about_skipped:
            self._withdraw()
            self._skipped.ask(now + LATER_SECONDS)
            return
        self._withdraw()
        self._ask_again(now)

    # Rules.

    def _begin(self, seq: int, unseen_from: int, now: float) -> list[Push]:
        """Begin with the mark `seq`. The application fetches the changes below `unseen_from` by itself."""
        self._forget_questions()
        self.mark = self._base = self._target = seq
        for number in sorted(number for number in self._held if number < unseen_from):
            self._news.remember(self._held.pop(number))
        delivered = self._drain(self._held.pop(seq, []))
        self._watch_gap(now)
        return delivered

    def _receive_late(self, push: Push, now: float) -> list[Push]:
        """Deliver a push at or below the mark, if it says something new.

        A push from before the first mark must wait. Its record may have been changed or removed before that mark too,
        and no push would say so. So the follower first asks the server what came after this push.
        """
        self._skipped.see(push["seq"])
        if self._is_covered(push):
            return []
        if push["seq"] >= self._base or record_key(push) is None or push["event"] == "messageRemoved":
            return self._deliver([push])
        if not self._news.is_known(push):
            self._late.append(push)
            self.doubt(now)
        return []

    def _take(self, events: Iterable[Push], asked_from: int, seq: int) -> list[Push]:
        """Deliver the events of an answer up to its `seq`, and hold those beyond."""
        assert self.mark is not None
        fresh = [push for push in events if not self._is_covered(push)]
        self._covered.append((asked_from, seq))
        self.mark = max(self.mark, seq)
        for number in [number for number in self._held if number <= self.mark]:
            # The answer has covered these numbers.
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
        """The answer covers the late pushes up to `seq`. Ask about the rest again, or deliver it if that is no use."""
        left = [push for push in self._asked_late if push["seq"] > seq]
        got_further = len(left) < len(self._asked_late)
        self._asked_late = []
        if not goes_on and not got_further:
            return self._deliver(left)
        self._late = left + self._late
        return []

    def _is_covered(self, push: Push) -> bool:
        """Whether an answer has covered the number of a push."""
        return any(after < push["seq"] <= upto for after, upto in self._covered)

    def _answer_about_skipped(self, answer: CatchUpAnswer, asked_from: int, goes_on: bool, now: float) -> list[Push]:
        """An answer about skipped numbers has come. Those that it covers are settled, written or not."""
        assert self.mark is not None
        self._asks_about_skipped = False
        # The follower has seen everything between the skipped numbers and the mark.
        fresh = [push for push in answer["events"] if not self._skipped.upto < push["seq"] <= self.mark]
        delivered = self._take(fresh, asked_from, answer["seq"])
        self._skipped.settle(answer["seq"], now, goes_on=goes_on)
        if self._must_ask:
            self._due = now
        else:
            self._watch_gap(now)
        return delivered

    def _withdraw(self) -> None:
        self._asks_about_skipped = False
        self._asked_from = None
        self._late, self._asked_late = self._asked_late + self._late, []

    def _ask_again(self, now: float) -> None:
        self._must_ask = True
        self._due = now + LATER_SECONDS

    def _is_last_try(self) -> bool:
        """Count a question that did not help; returns whether it was the last attempt."""
        if self._asked_at != self.mark:
            self._tries = self._steps = 0
        self._tries += 1
        return self._tries >= ASKS

    def _skip(self, now: float) -> list[Push]:
        """Skip one number, under which nothing was written, and ask about the next one.

        The push of the next number may have been lost, and an answer may have ended before the missing number. After
        `_STEPS` numbers, skip the rest of the gap.
        """
        assert self.mark is not None
        self._steps += 1
        skipped_to = self.mark + 1 if self._steps <= _STEPS else self._gap_ends()
        self._skipped.add(self.mark, skipped_to, now)
        self.mark = skipped_to
        delivered = self._drain()
        if self._has_gap() and self.mark == skipped_to:
            self._gap_at, self._tries, self._due = skipped_to, ASKS - 1, now
        else:
            self._watch_gap(now)
        return delivered

    def _watch_gap(self, now: float) -> None:
        """Set the time to ask about a gap, if there is one."""
        if self._asked_from is not None or self._must_ask:
            return
        gap_at = self.mark if self._has_gap() else None
        if gap_at is None or gap_at != self._gap_at:
            self._gap_at = gap_at
            self._due = None if gap_at is None else now + GAP_SECONDS
            self._tries = self._steps = 0

    def _has_gap(self) -> bool:
        return self.mark is not None and (bool(self._held) or self._target > self.mark)

    def _gap_ends(self) -> int:
        ends = [number - 1 for number in self._held]
        if self.mark is not None and self._target > self.mark:
            ends.append(self._target)
        return min(ends)

    def _hold(self, push: Push) -> None:
        self._held.setdefault(push["seq"], []).append(push)

    def _drain(self, reached: Iterable[Push] = ()) -> list[Push]:
        """Deliver these and the held pushes that follow the mark; move the mark to the last of them."""
        assert self.mark is not None
        pushes = list(reached)
        while (held := self._held.pop(self.mark + 1, None)) is not None:
            self.mark += 1
            pushes += held
        return self._deliver(pushes)

    def _deliver(self, pushes: Iterable[Push]) -> list[Push]:
        return self._news.select(pushes, -1 if self.mark is None else self.mark, self._base)

    def _forget_questions(self) -> None:
        self._due = self._gap_at = self._asked_from = self._goes_on_from = None
        self._skipped.forget()
        self._asks_about_skipped = False
        self._late, self._asked_late = [], []
        self._covered.clear()
        self._target = self._tries = self._steps = self._stalls = 0
        self._must_ask = False
        self._news.expect_nothing()
