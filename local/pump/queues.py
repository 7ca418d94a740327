"""One event source mapping from a queue: receives messages, calls a function with batches, deletes those that are done.

If a message is not deleted, the emulator makes it visible again after the queue's visibility timeout. After as many
receives as the redrive policy allows, the emulator moves it to the dead-letter queue.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.process.functions import FunctionError, PayloadTooLarge
from local.process.report import problem
from local.pump.filters import passes
from local.template.declared import REGION, QueueMapping

logger = logging.getLogger("local.queues")

_WAIT_SECONDS = 1
_MOST_RECEIVED = 10
Message = dict[str, Any]


class QueuePump:
    """Carries out one queue mapping. Each `step` receives a batch and starts a thread that delivers it."""

    def __init__(self, mapping: QueueMapping, sqs: Any, url: str, call: Callable[[str, dict[str, Any]], Any]) -> None:
        self.mapping = mapping
        self._sqs = sqs
        self._url = url
        self._call = call
        self._slots = threading.BoundedSemaphore(mapping.maximum_concurrency)

    def step(self) -> bool:
        """Wait a second for a batch and start its delivery; returns whether there was one."""
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            return False
        messages: list[Message] = []
        try:
            messages = self._receive(_WAIT_SECONDS)
        finally:
            if not messages:
                self._slots.release()
        if messages:
            threading.Thread(target=self._work_off, args=(messages,), daemon=True).start()
        return bool(messages)

    def drain(self) -> bool:
        """Wait a moment for the batches under way; returns whether all are done."""
        taken = 0
        while taken < self.mapping.maximum_concurrency and self._slots.acquire(timeout=0.2):
            taken += 1
        for _ in range(taken):
            self._slots.release()
        return taken == self.mapping.maximum_concurrency

    def _receive(self, wait_seconds: int) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self.mapping.batch_size, _MOST_RECEIVED),
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _work_off(self, messages: list[Message]) -> None:
        try:
            records = [self._presented(message) for message in messages]
            wanted = [record for record in records if passes(self.mapping.patterns, _filterable(record))]
            done = {record["messageId"] for record in records}
            if wanted:
                done -= self._failed(wanted)
            handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            for message_id in done:
                self._delete(handles[message_id])
        except Exception:
            logger.exception("%s: the batch comes back after its visibility timeout", self.mapping.name)
        finally:
            self._slots.release()

    def _delete(self, handle: str) -> None:
        try:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)
        except ClientError as error:
            # The function may have deleted the message itself. SQS accepts a second delete, MiniStack does not.
            if error.response["Error"]["Code"] not in ("ReceiptHandleIsInvalid", "InvalidParameterValue"):
                raise

    def _failed(self, records: list[Message]) -> set[str]:
        """Call the function; returns the ids of the messages that are not done."""
        everything = {record["messageId"] for record in records}
        try:
            answer = self._call(self.mapping.function, {"Records": records})
        except (FunctionError, PayloadTooLarge) as error:
            problem(f"{self.mapping.name}: {error}")
            return everything
        if not self.mapping.reports_failures or not isinstance(answer, dict):
            return set()
        failed = {failure.get("itemIdentifier") for failure in answer.get("batchItemFailures") or []}
        # An empty or unknown identifier fails the whole batch, as on AWS.
        return failed if failed <= everything else everything

    def _presented(self, message: Message) -> Message:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {f"{key[0].lower()}{key[1:]}": value for key, value in attribute.items()}
                | {"stringListValues": [], "binaryListValues": []}
                for name, attribute in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.mapping.queue_arn,
            "awsRegion": REGION,
        }


def _filterable(record: Message) -> Message:
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return record
