"""The queue port: planned work onto SQS.

Guarantee: `send` returns when SQS has taken every entry, or raises; nothing is lost in silence. After an exception
some entries may have been taken already, so a caller that tries again may queue them twice (SQS itself delivers at
least once). In a FIFO queue, entries of one `group` keep their order. Of entries with the same `once` (or, without
that, the same `id`), SQS drops all but the first for five minutes. Other queues keep no order.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import random
from typing import Any

from parley.clock import Clock

ENTRIES_PER_BATCH = 10
BATCH_BYTES = 256 * 1024 - 1024
"""SQS takes 1 MiB since 2026, but queues, emulators and consumers with the older 256 KiB limit are still about."""
ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


Body = tuple[str, Mapping[str, Any]]
"""An entry as it is sent, and as it was given."""


class NotQueued(Exception):
    """`count` entries could not be queued; `codes` are the reasons that SQS gave."""

    def __init__(self, count: int, codes: set[str]) -> None:
        super().__init__(f"{count} not queued: {', '.join(sorted(codes))}")
        self.count = count
        self.codes = codes


class Queue:
    """One SQS queue, through a low-level client."""

    def __init__(
        self,
        url: str,
        client: Any,
        *,
        clock: Clock | None = None,
        randomness: Callable[[], float] = random,
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock or Clock()
        self._randomness = randomness

    @property
    def keeps_order(self) -> bool:
        """Whether entries of one group stay in order: SQS's FIFO queues do, and their names say so."""
        return self._url.endswith(".fifo")

    def put_off(self, receipt_handle: str, seconds: int) -> None:
        """Let an entry that was received be received again after some seconds."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def forget(self, receipt_handle: str) -> None:
        """Take an entry off the queue before the batch that it came in is done."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def send(self, entries: Sequence[Mapping[str, Any]], delay_seconds: int = 0) -> None:
        """Queue each entry as JSON, hidden for `delay_seconds` (0 to 900) at first.

        In a FIFO queue each entry needs a `group` and an `id`, and nothing is hidden. If some entries cannot be queued,
        `NotQueued` is raised after all others are queued. An entry above the size limit is refused before anything is
        sent. Errors of boto3 (no permission, no such queue) are passed on.
        """
        bodies = [(_encode(entry), entry) for entry in entries]
        too_long = sum(len(body) > BATCH_BYTES for body, _ in bodies)
        if too_long:
            raise NotQueued(too_long, {"TooLong"})
        count, codes = 0, set[str]()
        for batch in _batches(bodies):
            failed = self._send_batch(batch, delay_seconds)
            count += len(failed)
            codes.update(failed)
        if count:
            raise NotQueued(count, codes)

    def _send_batch(self, bodies: list[Body], delay_seconds: int) -> list[str]:
        """Send up to ten, repeat what SQS could not take; return the codes of those that it never took."""
        left = {str(number): body for number, body in enumerate(bodies)}
        refused: list[str] = []
        failed: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            if attempt:
                wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
                self._clock.sleep(wait * (0.5 + self._randomness() / 2))
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": number, "MessageBody": body, **self._placing(entry, delay_seconds)}
                    for number, (body, entry) in left.items()
                ],
            )
            taken = {entry["Id"] for entry in answer.get("Successful", ())}
            reports = {entry["Id"]: entry for entry in answer.get("Failed", ())}
            # If SQS says that the fault is the sender's, repeating does not help.
            refused += [report["Code"] for report in reports.values() if report.get("SenderFault")]
            left = {
                number: body
                for number, body in left.items()
                if number not in taken and not reports.get(number, {}).get("SenderFault")
            }
            failed = {number: reports.get(number, {}).get("Code", "NoReport") for number in left}
            if not left:
                break
        return refused + list(failed.values())

    def _placing(self, entry: Mapping[str, Any], delay_seconds: int) -> dict[str, Any]:
        if self.keeps_order:
            return {"MessageGroupId": entry["group"], "MessageDeduplicationId": entry.get("once") or entry["id"]}
        return {"DelaySeconds": delay_seconds}


def _encode(entry: Mapping[str, Any]) -> str:
    # Escaped to ASCII: SQS refuses some characters that chat messages may contain (U+FFFE, most control characters).
    return json.dumps(entry, separators=(",", ":"))


def _batches(bodies: list[Body]) -> Iterator[list[Body]]:
    batch: list[Body] = []
    size = 0
    for body, entry in bodies:
        if batch and (len(batch) == ENTRIES_PER_BATCH or size + len(body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((body, entry))
        size += len(body)
    if batch:
        yield batch
