"""The queue port: planned work onto SQS.

Guarantee: `send` returns when SQS has taken every entry, or raises; nothing is lost in silence. After an exception
some entries may have been taken already, so whoever tries again may queue them twice (SQS itself delivers at least
once). Entries keep no order.
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


class NotQueued(Exception):
    """`count` entries could not be queued; `codes` are the reasons that SQS gave."""

    def __init__(self, count: int, codes: set[str]) -> None:
        super().__init__(f"{count} not queued: {', '.join(sorted(codes))}")
        self.count = count
        self.codes = codes


class Queue:
    """One SQS queue; `client_factory` makes the boto3 client when it is first needed."""

    def __init__(
        self,
        url: str,
        client_factory: Callable[[], Any],
        *,
        clock: Clock | None = None,
        randomness: Callable[[], float] = random,
    ) -> None:
        self._url = url
        self._client_factory = client_factory
        self._client: Any = None
        self._clock = clock or Clock()
        self._randomness = randomness

    def send(self, entries: Sequence[Mapping[str, Any]], delay_seconds: int = 0) -> None:
        """Queue each entry as JSON, hidden for `delay_seconds` (0 to 900) at first.

        Raises `NotQueued` after all that can be queued is queued; an entry above the size limit is refused
        before anything is sent. What boto3 raises (no permission, no such queue) rises as it is.
        """
        bodies = [_encode(entry) for entry in entries]
        too_long = sum(len(body) > BATCH_BYTES for body in bodies)
        if too_long:
            raise NotQueued(too_long, {"TooLong"})
        count, codes = 0, set[str]()
        for batch in _batches(bodies):
            failed = self._send_batch(batch, delay_seconds)
            count += len(failed)
            codes.update(failed)
        if count:
            raise NotQueued(count, codes)

    def _send_batch(self, bodies: list[str], delay_seconds: int) -> list[str]:
        """Send up to ten, repeat what SQS could not take; return the codes of those that it never took."""
        if self._client is None:
            self._client = self._client_factory()
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
                    {"Id": number, "MessageBody": body, "DelaySeconds": delay_seconds} for number, body in left.items()
                ],
            )
            taken = {entry["Id"] for entry in answer.get("Successful", ())}
            reports = {entry["Id"]: entry for entry in answer.get("Failed", ())}
            # What SQS calls the sender's fault will not get better by repeating it.
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


def _encode(entry: Mapping[str, Any]) -> str:
    # Escaped to ASCII: SQS refuses some characters that chat messages may contain (U+FFFE, most control characters).
    return json.dumps(entry, separators=(",", ":"))


def _batches(bodies: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == ENTRIES_PER_BATCH or size + len(body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch
