"""The delivery queue on a fake clock: FIFO with groups and visibility, as SQS, handing batches to the real function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.webhooks.function import Remaining, WebhooksFunction, queued

VISIBILITY_SECONDS = 360
_BATCH = 10


@dataclass
class Entry:
    delivery: dict[str, Any]
    receives: int = 0
    visible_at: int = 0

    @property
    def handle(self) -> str:
        return f"{self.delivery['id']}/{self.receives}"


class Line:
    """Deliveries under way; those that are settled or parked leave it."""

    def __init__(self, webhooks: WebhooksFunction, deliveries: Iterable[dict[str, Any]] = ()):
        self.webhooks = webhooks
        self.clock = webhooks.clock
        self.entries = [Entry(delivery) for delivery in deliveries]
        webhooks.deliveries.put_off = self._put_off  # type: ignore[method-assign]
        webhooks.deliveries.forget = self._forget  # type: ignore[method-assign]

    def _put_off(self, receipt_handle: str, seconds: int) -> None:
        (entry,) = [entry for entry in self.entries if entry.handle == receipt_handle]
        entry.visible_at = self.clock.now_ms() + seconds * 1000

    def _forget(self, receipt_handle: str) -> None:
        self.entries = [entry for entry in self.entries if entry.handle != receipt_handle]

    def receive(self) -> list[Entry]:
        """The next batch: nothing of a group of which something is out or put off."""
        now = self.clock.now_ms()
        busy = {entry.delivery["group"] for entry in self.entries if entry.receives and entry.visible_at > now}
        free = [entry for entry in self.entries if entry.delivery["group"] not in busy]
        batch = free[:_BATCH]
        for entry in batch:
            entry.receives += 1
            entry.visible_at = now + VISIBILITY_SECONDS * 1000
        return batch

    def step(self) -> bool:
        """Hand over one batch, at the moment at which there is one; False if nothing is left."""
        if not self.entries:
            return False
        while not (batch := self.receive()):
            now = self.clock.now_ms()
            earliest = min(entry.visible_at for entry in self.entries if entry.visible_at > now)
            self.clock.advance((earliest - now) / 1000)
        records = [queued(entry.delivery, entry.receives, entry.handle) for entry in batch]
        answer = self.webhooks.handler({"Records": records}, Remaining())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in failed:
                self._forget(record["receiptHandle"])
        return True

    def run(self, seconds: float = float("inf")) -> None:
        """Go on until nothing is left, or so much time has passed."""
        end = self.clock.now_ms() + seconds * 1000
        while self.clock.now_ms() < end and self.step():
            pass
