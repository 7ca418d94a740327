"""Parked deliveries: looking at them without taking them away, and sending them again without losing one.

A delivery is queued again before it is taken off the dead letters. Stopped in between, it is delivered twice at most,
under the same idempotency token; done again within five minutes, SQS drops the repeat.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from cli.places import Place

_LOOK_SECONDS = 30


class ParkedDeliveries:
    """The dead-letter queue of webhook deliveries."""

    def __init__(self, place: Place):
        self._place = place

    def list(self) -> list[dict[str, Any]]:
        """All of them, oldest first; they stay where they are."""
        received = list(self._receive())
        for handle, _, _ in received:
            self._show_again(handle)
        return sorted((delivery for _, _, delivery in received), key=lambda delivery: delivery["planned_at"])

    def replay(self, wanted: Callable[[dict[str, Any]], bool], progress: Callable[[int, int], None]) -> int:
        """Queue the wanted ones again, about oldest first; `progress` gets how many are done and how many left."""
        done, passed_over, waiting = 0, [], self._waiting()
        for handle, message_id, delivery in self._receive():
            if not wanted(delivery):
                passed_over.append(handle)
                continue
            self._queue(delivery, message_id)
            self._place.sqs.delete_message(QueueUrl=self._place.dead_letters, ReceiptHandle=handle)
            done += 1
            progress(done, max(waiting - done - len(passed_over), 0))
        for handle in passed_over:
            self._show_again(handle)
        return done

    def _waiting(self) -> int:
        answer = self._place.sqs.get_queue_attributes(
            QueueUrl=self._place.dead_letters, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _queue(self, delivery: dict[str, Any], message_id: str) -> None:
        group = delivery.pop("ordered_with", delivery["group"])
        entry = {**delivery, "group": group, "planned_at": int(time.time() * 1000)}
        self._place.sqs.send_message(
            QueueUrl=self._place.deliveries,
            MessageBody=json.dumps(entry, separators=(",", ":")),
            MessageGroupId=group,
            MessageDeduplicationId=f"{delivery['id']}-{message_id}",
        )

    def _receive(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Receipt handle, message id and delivery of each, hidden from others for a while."""
        seen: set[str] = set()
        while True:
            answer = self._place.sqs.receive_message(
                QueueUrl=self._place.dead_letters,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_LOOK_SECONDS + len(seen) // 10,
                WaitTimeSeconds=1,
            )
            new = [message for message in answer.get("Messages", []) if message["MessageId"] not in seen]
            if not new:
                return
            for message in new:
                seen.add(message["MessageId"])
                yield message["ReceiptHandle"], message["MessageId"], json.loads(message["Body"])

    def _show_again(self, handle: str) -> None:
        self._place.sqs.change_message_visibility(
            QueueUrl=self._place.dead_letters, ReceiptHandle=handle, VisibilityTimeout=0
        )
