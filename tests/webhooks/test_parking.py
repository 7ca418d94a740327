"""From an owner's outage to the last delivery, over a running stack: tried, parked, listed, replayed, delivered.

The stack gives deliveries up after seconds instead of hours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack.running import Stack, start_stack
from tests.stress.back_end import ASKED, UNLIMITED, BackEnd
from tests.support.commands import printed_by
from tests.support.target import Reply, Target

AGE_SECONDS = 3
_PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {**UNLIMITED, "PARLEY_DELIVERY_AGE_SECONDS": str(AGE_SECONDS)}
    stack = start_stack(tmp_path_factory.mktemp("parking") / "home", environment=environment)
    yield stack
    stack.kill()


def parked(stack: Stack, url: str) -> list[dict[str, Any]]:
    """What is parked for one target; others may have left theirs."""
    lines = printed_by(stack.home, "webhooks", "list", "--json").splitlines()
    return [one for one in map(json.loads, lines) if one["url"] == url]


class Service:
    """A service with a channel whose messages an owner is told of."""

    def __init__(self, stack: Stack, url: str):
        self.back_end = BackEnd(stack.info)
        path = f"/chat/v2/Services/{self.back_end.post('/chat/v2/Services', {'FriendlyName': 'parking'})['sid']}"
        self.back_end.post(path, {"PostWebhookUrl": url, "WebhookFilters": "onMessageSent"})
        self.messages = f"{path}/Channels/{self.back_end.post(f'{path}/Channels')['sid']}/Messages"

    def say(self, body: str) -> str:
        return self.back_end.post(self.messages, {"Body": body}, ASKED)["sid"]


def test_events_of_an_outage_are_parked_and_replayed_under_their_tokens(impatient: Stack, target: Target) -> None:
    target.answer = lambda received: Reply(500)
    service = Service(impatient, target.url)
    sids = [service.say(f"{number}") for number in range(5)]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(given_up := parked(impatient, target.url)) < len(sids):
        assert time.monotonic() < deadline, given_up
    assert [one["parameters"]["MessageSid"] for one in given_up] == sids
    tokens = {one["parameters"]["MessageSid"]: one["id"] for one in given_up}
    tried = {received.message_sid: received.token for received in target.take()}
    target.recover()
    assert printed_by(impatient.home, "webhooks", "replay", "--url", target.url) == "5 replayed\n"
    target.wait(lambda received: {one.message_sid for one in received} == set(sids), _PATIENCE_SECONDS)
    arrived = {received.message_sid: received.token for received in target.take()}
    assert arrived == tokens
    assert tried.items() <= tokens.items()
    assert parked(impatient, target.url) == []
