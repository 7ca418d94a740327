"""Messages of SQS, as Lambda hands them to a function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def received(
    body: Mapping[str, Any] | str,
    name: str,
    *,
    handle: str = "",
    group: str = "",
    receives: int = 1,
    queue: str = "queue",
) -> dict[str, Any]:
    """The record of a message that was received so many times.

    `name` is the message's id, and its receipt handle too if no other is given. In a queue that keeps an order, the
    message has a group.
    """
    return {
        "messageId": name,
        "receiptHandle": handle or name,
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": "1768478405300",
            **({"MessageGroupId": group} if group else {}),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
        "awsRegion": "us-east-1",
    }
