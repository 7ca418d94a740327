"""What operations may cost: a budget that is exceeded fails here, with what it costs now."""

from __future__ import annotations

from typing import Any

import pytest

from bench.budgets import Measurement
from bench.meter import Cost
from local.emulators.engine import Endpoints
from local.template.template import Template

BUDGETED = [
    "create message, REST",
    "create message, REST, with an author",
    "create message, every fiftieth",
    "fetch message",
    "fetch channel",
    "list 50 messages",
    "list 50 messages, newest first",
    "list 50 channels of a user",
    "join a channel",
    "add a phone to a conversation",
    "add a fiftieth phone to a conversation",
    "add a tenth participant to a group",
    "list 50 conversations of a person",
    "note what became of a message to a phone",
    "upload a file",
    "ask for a link to upload a file",
    "fetch a file that is still uploaded",
    "fetch a file that no message carries",
    "fetch the file of a message",
    "fetch the file of a message, by a client",
    "follow the temporary link of a file",
    "follow the link to the content of a file",
    "create message, REST, with a file",
    "create message, REST, with ten files",
    "delete message",
    "delete message with a file",
    "delete message with ten files",
    "sweep a channel of 300 messages",
    "sweep a channel of 300 messages, 30 with a file",
    "register a device",
    "register a device again",
    "register a device that another identity had",
    "register an eleventh device",
    "remove a device",
    "create a push credential",
    "rename a push credential",
    "add a chat participant, where there are senders",
    "add a phone to a conversation, from a sender",
    "create message with a template",
    "put a sender into a messaging service",
    "fetch a sender",
    "list 50 senders",
    "claim the receipt of a text",
    "send a text to a phone",
    "send a message on WhatsApp",
    "note that a text was sent and delivered",
    "take a text from a phone",
    "take a message from WhatsApp",
    "make a conversation of a text from a phone",
    "create message in a conversation",
    "create message in a conversation, with an author",
    "list 50 conversations",
    "list 50 conversations of a state",
    "a tick without a timer that runs out",
    "a timer that runs out, beside others",
    "connect",
    "create message, socket",
    "create message, socket, with a file",
    "create message, socket, with a token",
    "typing in a warm room",
    "disconnect",
    "connect, SDK",
    "create message, SDK",
    "create message, SDK of line 3 or 4",
    "start of an SDK, 1 channel",
    "reconnection of an SDK, 1 channel",
    "start of an SDK, 10 channels",
    "reconnection of an SDK, 10 channels",
    "start of an SDK, 100 channels",
    "reconnection of an SDK, 100 channels",
    "a batch of 20 messages, 250 members, 250 sockets",
    "a batch of 20 messages, 1000 members, 1000 sockets",
    "a batch of 20 messages, 1000 members, 10 sockets",
    "a batch of 20 messages, 250 members, 250 sockets, 3000 who left",
    "a batch of 20 messages, 250 members, 250 SDK sockets",
    "a batch of 20 messages, 50 members, 50 sockets, notified",
    "notify 50 members of a message",
    "a batch of 20 messages, 250 members, 250 sockets, notified",
    "notify 250 members of a message",
]


@pytest.fixture(scope="module")
def costs(aws: Endpoints, template: Template, dynamodb: Any) -> dict[str, Cost]:
    # A client of its own, so that nobody else's requests are counted.
    client = aws.client("dynamodb")
    return {cost.operation: cost for cost in Measurement(client, template.tables()[0].name).costs()}


def test_every_budget_is_measured(costs: dict[str, Cost]):
    assert list(costs) == BUDGETED


@pytest.mark.parametrize("operation", BUDGETED)
def test_an_operation_keeps_within_its_budget(costs: dict[str, Cost], operation: str):
    assert costs[operation].is_within_budget, costs[operation]


@pytest.mark.parametrize(
    "operation",
    [
        name
        for name in BUDGETED
        if name.startswith(
            (
                "create",
                "join",
                "add",
                "note",
                "connect",
                "disconnect",
                "upload",
                "delete",
                "register",
                "remove",
                "claim",
                "send ",
                "take ",
                "make ",
            )
        )
    ],
)
def test_the_meter_sees_writes(costs: dict[str, Cost], operation: str):
    assert costs[operation].write_units > 0
    assert costs[operation].requests > 0
