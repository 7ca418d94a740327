"""Every operation on a conversation, and on what is in one, in every state: allowed or refused, and then nothing changes."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from parley.store import keys
from tests.conversations.phones import unchanged
from tests.rest.everything import OPERATIONS, Operation, make
from tests.support.doors import Raw
from tests.support.lean import LeanClient
from tests.support.world import World

# https://www.twilio.com/docs/conversations/states-timers. Twilio says nothing of a conversation's webhooks, which can be
# changed in every state, and of deletions while a conversation is being made (unconfirmed).
REFUSED: dict[str, tuple[tuple[str, ...], int]] = {
    "active": ((), 0),
    "inactive": ((), 0),
    "initializing": (("create", "update"), 50386),
    "closed": (("create", "update"), 50377),
}
DONE = {"create": 201, "fetch": 200, "list": 200, "update": 200, "delete": 204}
# What is deleted later may be in what is deleted earlier only if it has been deleted before.
ORDER = ("fetch", "list", "update", "create", "delete")
_IN_CONVERSATIONS = [one for one in OPERATIONS if one.scope == "conversations"]
INSIDE = sorted(
    (
        one
        for one in _IN_CONVERSATIONS
        if "channel_sid" in one.names or (one.resource in ("channel", "user_conversation") and "sid" in one.names)
    ),
    key=lambda one: (ORDER.index(one.verb), one.resource == "channel"),
)
# Who leaves by this is the participant that the others need.
LEAVING = [one for one in INSIDE if (one.resource, one.verb) == ("user_conversation", "delete")]


def test_every_operation_on_a_conversation_is_among_them():
    assert {(one.resource, one.verb) for one in INSIDE} == {
        *((name, verb) for name in ("participant", "message", "channel_webhook") for verb in DONE),
        *((name, verb) for name in ("channel", "user_conversation") for verb in ("fetch", "update", "delete")),
        *(("receipt", verb) for verb in ("fetch", "list")),
    }


@pytest.mark.parametrize("state", REFUSED)
@pytest.mark.parametrize("leaving", [False, True], ids=["most", "leaving"])
def test_a_state_allows_what_it_allows_and_what_it_refuses_changes_nothing(
    raw: Raw, world: World, lean: LeanClient, state: str, leaving: bool
):
    items = make(raw, world.context())
    verbs, code = REFUSED[state]
    (some,) = {items.of(one)["channel_sid"] for one in INSIDE}
    conversation = (
        f"/conversations/v1/Services/{items.within('conversations').addresses['service_sid']}/Conversations/{some}"
    )
    if state == "initializing":
        world.table.touch(keys.tail(some), {"state": state})
    else:
        raw.post(conversation, State=state)

    def outcome(operation: Operation) -> tuple[int, int]:
        answer = operation.ask(raw, items.of(operation))
        return answer.status, answer.json["code"] if answer.status >= 400 else 0

    chosen = LEAVING if leaving else [one for one in INSIDE if one not in LEAVING]
    refused = [one for one in chosen if one.verb in verbs and one.resource != "channel_webhook"]
    with unchanged(world, lean) if refused else nullcontext():
        found = {one.name: outcome(one) for one in refused}
    assert found == {one.name: (400, code) for one in refused}
    allowed = [one for one in chosen if one not in refused]
    assert {one.name: outcome(one) for one in allowed} == {one.name: (DONE[one.verb], 0) for one in allowed}
