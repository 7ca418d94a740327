"""The fast path as operations see it: the function that writes a message also pushes it, before it replies.

An operation asks for an announcement before it reads, and pushes after its commit. The work is done in
`sockets/fast_push.py`.
"""

from __future__ import annotations

from typing import Protocol

from parley.stored import Message, Tail


class Announcement(Protocol):
    """What pushes one new message of a channel."""

    def is_promised(self, tail: Tail) -> bool:
        """Whether `push` will push the message that took its index with these counters.

        The message's cause then says so, and fan-out waits a moment for the marker.
        """

    def push(self, message: Message) -> None:
        """Push a message whose commit has succeeded; nothing happens unless that was promised. It raises nothing."""

    def repeat(self, message: Message) -> None:
        """Push a message that an earlier call wrote, to the asking connection alone."""


class Nobody:
    """The announcement of a function without a fast path: fan-out pushes everything."""

    def is_promised(self, tail: Tail) -> bool:
        return False

    def push(self, message: Message) -> None:
        pass

    def repeat(self, message: Message) -> None:
        pass


NOBODY = Nobody()
