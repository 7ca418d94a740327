"""Remembers the numbers that a follower has skipped, because their changes may still be written.

A function may be slow between taking a number and writing the change. For a minute, the server does not say that such
a number stays empty. If the change comes after all, its push reaches the client, unless it is lost with the socket. So
the follower asks again at three moments: at the end of that minute, after a reconnect, and if the server has given up
pushes.
"""

from __future__ import annotations

SETTLED_SECONDS = 60.0
"""How long the change of a number may still be written, as the server sees it."""


class Skipped:
    """A span of skipped numbers. Those in the middle may have been seen.

    Attributes:
        after: The number before the first one.
        upto: The last one; no number is skipped if `after` is not below.
        ask_at: When to ask about them; None if no number is skipped.
    """

    def __init__(self) -> None:
        self.after = self.upto = 0
        self.ask_at: float | None = None

    def add(self, after: int, upto: int, now: float) -> None:
        """The follower skips the numbers from `after` + 1 to `upto`."""
        if self.ask_at is None:
            self.after, self.ask_at = after, now + SETTLED_SECONDS
        self.upto = upto

    def see(self, seq: int) -> None:
        """The push of a number came after all. If only this number is skipped, nothing is left to ask."""
        if (self.after, self.upto) == (seq - 1, seq):
            self.ask_at = None

    def settle(self, seq: int, now: float, *, goes_on: bool) -> None:
        """An answer has covered the numbers up to `seq`; the server has more to say at once if it `goes_on`."""
        self.after = max(self.after, seq)
        if self.after >= self.upto:
            self.ask_at = None
        else:
            self.ask_at = now if goes_on else now + SETTLED_SECONDS

    def ask(self, ask_at: float, upto: float = float("inf")) -> None:
        """Ask at this time if one of the numbers up to `upto` is skipped."""
        if self.ask_at is not None and self.after < upto:
            self.ask_at = ask_at

    def refused(self, now: float) -> None:
        """The server refuses to answer: ask again later."""
        self.ask(now + SETTLED_SECONDS)

    def forget(self) -> None:
        """The application fetches everything again, or the user has left: there is nothing to ask."""
        self.ask_at = None
