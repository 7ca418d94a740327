"""Parked deliveries: lists them without removing them, and sends them again without losing one.

A delivery is queued again before it is taken off the dead letters. If the command is stopped in between, the delivery
stays parked too, and the next replay sends it a second time under the same idempotency token. If that happens within
five minutes, SQS drops the repeat.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from cli.trouble import Trouble
from parley.ports.queue import Queue

# SQS hides a message while it is looked at. At the end it is shown again, even if the end is Ctrl-C.
_HIDDEN_SECONDS = 300
_BATCH = 10


class Parked(NamedTuple):
    """One parked delivery as it was received."""

    handle: str
    message_id: str
    delivery: dict[str, Any]


@contextmanager
def _undivided() -> Iterator[None]:
    """Hold Ctrl-C back until this is done. Otherwise SQS might hide messages whose handles nobody has."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if pressed:
        raise KeyboardInterrupt


class ParkedDeliveries:
    """The dead-letter queue of webhook deliveries. Messages that cannot be read stay there; `unreadable` counts them.

    A receive that does not wait may find nothing although there are messages, so each waits for `wait_seconds`.
    """

    def __init__(self, sqs: Any, deliveries: str, dead_letters: str, wait_seconds: int = 1):
        self._sqs = sqs
        self._deliveries = deliveries
        self._dead_letters = dead_letters
        self._wait_seconds = wait_seconds
        self._held: dict[str, str] = {}
        self.unreadable = 0

    def list(self) -> list[dict[str, Any]]:
        """All of them, oldest first; they stay where they are."""
        try:
            found = [parked.delivery for batch in self._receive() for parked in batch]
        finally:
            self._show_again()
        return sorted(found, key=lambda delivery: delivery["planned_at"])

    def replay(self, wanted: Callable[[dict[str, Any]], bool], progress: Callable[[int, int], None]) -> int:
        """Queue the wanted ones again, about oldest first; `progress` gets how many are done and how many left."""
        done, looked_at, waiting = 0, 0, self._waiting()
        try:
            for batch in self._receive():
                looked_at += len(batch)
                if chosen := [parked for parked in batch if wanted(parked.delivery)]:
                    self._queue(chosen)
                    self._forget(chosen)
                    done += len(chosen)
                progress(done, max(waiting - looked_at, 0))
        finally:
            self._show_again()
        return done

    def _waiting(self) -> int:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _queue(self, chosen: Sequence[Parked]) -> None:
        now = int(time.time() * 1000)
        Queue(self._deliveries, self._sqs).send([_replayed(parked, now) for parked in chosen])

    def _forget(self, chosen: Sequence[Parked]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": parked.handle} for number, parked in enumerate(chosen)]
        answer = self._sqs.delete_message_batch(QueueUrl=self._dead_letters, Entries=entries)
        for parked in chosen:
            self._held.pop(parked.message_id, None)
        if failed := answer.get("Failed"):
            count, code = len(failed), failed[0]["Code"]
            raise Trouble(f"{count} are queued again but still parked ({code}): another replay would send them twice")

    def _receive(self) -> Iterator[Sequence[Parked]]:
        seen: set[str] = set()
        while True:
            with _undivided():
                answer = self._sqs.receive_message(
                    QueueUrl=self._dead_letters,
                    MaxNumberOfMessages=_BATCH,
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    WaitTimeSeconds=self._wait_seconds,
                )
                new = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
                self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in new}
            if not new:
                return
            seen.update(message["MessageId"] for message in new)
            yield list(self._read(new))

    def _read(self, messages: Sequence[dict[str, Any]]) -> Iterator[Parked]:
        for message in messages:
            try:
                delivery = json.loads(message["Body"])
                _ = delivery["id"], delivery["group"], delivery["url"], delivery["planned_at"], delivery["parameters"]
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
                continue
            yield Parked(message["ReceiptHandle"], message["MessageId"], delivery)

    def _show_again(self) -> None:
        handles = list(self._held.values())
        self._held.clear()
        for start in range(0, len(handles), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + _BATCH])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._dead_letters, Entries=entries)


def _replayed(parked: Parked, now_ms: int) -> dict[str, Any]:
    """The delivery as if it had been planned now: its age starts anew, its idempotency token stays."""
    delivery = dict(parked.delivery)
    group = delivery.pop("ordered_with", delivery["group"])
    return {**delivery, "group": group, "planned_at": now_ms, "once": f"{delivery['id']}-{parked.message_id}"}
