"""Handsets: the phones of a local run, whichever carrier brings their messages.

A handset is named by its address. It keeps a thread of messages, oldest first, and two switches:

    airplane mode    messages to it wait. When it is switched off, they arrive in their order.
    read receipts    on: a WhatsApp message is read as soon as it has arrived. Off: it is read when the owner says so.

Handsets live in memory, within limits of number. Opt-out lists and settings of numbers are AWS's
(`phones/account.py`).
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

ADDRESS = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}")
WHATSAPP_PREFIX = "whatsapp:"
KEPT, HANDSETS = 200, 500
WAITING, DELIVERED, READ, UNDELIVERED, EXPIRED = "waiting", "delivered", "read", "undelivered", "expired"

Entry = dict[str, Any]
Told = Callable[[Sequence[str]], None]
"""Takes what has become of a message, in the order in which it happened: `delivered`, `read` or `expired`."""


class InAirplaneMode(Exception):
    """The phone cannot send now."""


@dataclass
class Handset:
    """A phone.

    Attributes:
        thread: The messages that it got and wrote, oldest first, each with its `status` if the phone got it.
        told: What to call when a message has waited or was read, by the message's place in the thread.
        version: The number of its changes. Whoever has seen it has seen this handset as it is.
    """

    address: str
    airplane: bool = False
    receipts: bool = True
    thread: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    told: dict[int, Told] = field(default_factory=dict)
    version: int = 0

    @property
    def is_whatsapp(self) -> bool:
        return self.address.startswith(WHATSAPP_PREFIX)

    def shown(self) -> dict[str, Any]:
        """The state of the handset and the size of its thread."""
        states = [one.get("status") for one in self.thread]
        return {
            "address": self.address,
            "messages": len(self.thread),
            "airplane": self.airplane,
            "receipts": self.receipts,
            "waiting": states.count(WAITING),
            "unread": states.count(DELIVERED) if self.is_whatsapp else 0,
            "version": self.version,
        }


class Handsets:
    """The handsets of a run. Safe to use from several threads.

    A callback that is told what becomes of a message is called without a lock, so it may take its time.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._handsets: OrderedDict[str, Handset] = OrderedDict()

    def all(self) -> list[dict[str, Any]]:
        """The state of each handset; the one that changed last comes last."""
        with self._lock:
            return [handset.shown() for handset in self._handsets.values()]

    def one(self, address: str) -> dict[str, Any]:
        """A handset with its thread, oldest message first; an address without messages has an empty one."""
        with self._lock:
            handset = self._handsets.get(address) or Handset(address)
            return handset.shown() | {"messages": [dict(entry) for entry in handset.thread]}

    def bring(self, address: str, entry: Entry, told: Told) -> None:
        """Put a message into a handset's thread, and tell what becomes of it.

        If telling fails, the message is not there, and whoever brought it may bring it again.
        """
        with self._lock:
            handset = self._at(address)
            reached = [] if handset.airplane else self._reached(handset)
        if reached:
            told(reached)
        with self._lock:
            handset = self._at(address)
            self._keep(handset, {"direction": "in", **entry, "status": reached[-1] if reached else WAITING}, told)

    def fail(self, address: str, entry: Entry) -> None:
        """Show a message that the carrier has not brought to this handset."""
        with self._lock:
            self._keep(self._at(address), {"direction": "in", **entry, "status": UNDELIVERED}, None)

    def waits(self, address: str, sid: str) -> bool:
        """Whether a message waits for its handset."""
        with self._lock:
            thread = self._handsets[address].thread if address in self._handsets else ()
            return any(one.get("sid") == sid and one.get("status") == WAITING for one in thread)

    def last_from(self, address: str, number: str) -> str:
        """The id of the last message from a number in a handset's thread; empty if there is none."""
        with self._lock:
            thread = self._handsets[address].thread if address in self._handsets else ()
            found = (one["sid"] for one in reversed(thread) if one["direction"] == "in" and one.get("from") == number)
            return next(found, "")

    def expire(self, address: str, sid: str) -> None:
        """Give up a message that still waits for its handset."""
        with self._lock:
            changes = self._change(address, WAITING, EXPIRED, sid)
        _tell(changes, [EXPIRED])

    def write(self, address: str, entry: Entry) -> None:
        """Put a message that the phone has written into its thread."""
        with self._lock:
            self._keep(self._at(address), {"direction": "out", **entry}, None)

    def check(self, address: str) -> None:
        """Raise `InAirplaneMode` if the phone cannot send."""
        with self._lock:
            if address in self._handsets and self._handsets[address].airplane:
                raise InAirplaneMode(address)

    def turn(self, address: str, *, airplane: bool | None = None, receipts: bool | None = None) -> None:
        """Set the switches that are given. What waited arrives when airplane mode ends."""
        with self._lock:
            handset = self._at(address)
            handset.receipts = handset.receipts if receipts is None else receipts
            handset.airplane = handset.airplane if airplane is None else airplane
            reached = self._reached(handset)
            changes = [] if handset.airplane else self._change(address, WAITING, reached[-1])
        _tell(changes, reached)

    def read(self, address: str) -> None:
        """Look at the thread of a WhatsApp handset: what has arrived is read now."""
        with self._lock:
            handset = self._at(address)
            changes = self._change(address, DELIVERED, READ) if handset.is_whatsapp else []
        _tell(changes, [READ])

    # With the lock held.

    def _at(self, address: str) -> Handset:
        handset = self._handsets.setdefault(address, Handset(address))
        handset.version += 1
        self._handsets.move_to_end(address)
        while len(self._handsets) > HANDSETS:
            self._handsets.popitem(last=False)
        return handset

    @staticmethod
    def _reached(handset: Handset) -> list[str]:
        return [DELIVERED, READ] if handset.is_whatsapp and handset.receipts else [DELIVERED]

    def _keep(self, handset: Handset, entry: Entry, told: Told | None) -> None:
        # The phone's messages are in the order in which it got them. Its clock may stand still between two.
        entry = {**entry, "at": round(self._now() * 1000)}
        handset.thread.append(entry)
        if told is not None:
            kept = {id(one) for one in handset.thread}
            handset.told = {at: one for at, one in handset.told.items() if at in kept} | {id(entry): told}

    def _change(self, address: str, before: str, after: str, sid: str | None = None) -> list[Told]:
        """Set another status for the messages with one status; returns who is to be told, in the thread's order."""
        handset = self._at(address)
        found = [one for one in handset.thread if one.get("status") == before and sid in (None, one.get("sid"))]
        for entry in found:
            entry["status"] = after
        return [handset.told[id(entry)] for entry in found if id(entry) in handset.told]


def _tell(told: Sequence[Told], statuses: Sequence[str]) -> None:
    for one in told:
        one(statuses)
