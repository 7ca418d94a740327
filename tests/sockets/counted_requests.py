"""Sockets under limits: a deployment that counts requests, and clients that send many."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.sockets.deployment import Deployment, Device, load_function, sample

RATE = 50
BURST = 100
PATIENCE = 100


def count_requests(deployment: Deployment, rate: int = RATE) -> None:
    """Let `ws_message` allow only so many requests a second per connection."""
    runtime = deployment.new_runtime()
    runtime.settings = replace(runtime.settings, requests_per_second=rate)
    deployment.message_handler = load_function("ws_message", runtime)


def at_once(deployment: Deployment, device: Device, texts: list[str]) -> list[Any]:
    """The replies to frames that come at the same moment; None for one that was not answered this way."""
    event = sample("ws_message")
    event["requestContext"] |= {"connectionId": device.connection_id}
    answers = [deployment.message_handler({**event, "body": text}) for text in texts]
    assert all(answer["statusCode"] == 200 for answer in answers)
    return [json.loads(answer["body"]) if "body" in answer else None for answer in answers]


def requests(count: int, action: str = "unfollowUsers", first: int = 0, **members: Any) -> list[str]:
    """Frames that ask for the same thing, with ids that count upwards."""
    members = members or {"identities": ["bob"]}
    return [json.dumps({"id": f"n{first + number}", "action": action, **members}) for number in range(count)]
