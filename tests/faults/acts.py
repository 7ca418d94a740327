"""Everything that can be done to a scene: operations, actions, opening and closing sockets, and background work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parley.sockets.native.actions import ACTIONS
from tests.faults import receiving, texting
from tests.faults.act import Act, raw_of
from tests.faults.acts_in_background import CONVERSATIONS, DELIVERIES, PLANNING, SWEEPS
from tests.faults.acts_on_sockets import CONNECTIONS, SENT_BY_SDKS, action, by_sdk
from tests.faults.acts_with_files import FILES
from tests.faults.acts_with_phones import CARRIED, PHONES, SENDERS, by_operator, with_phones
from tests.faults.receiving import BROUGHT
from tests.faults.scene import Scene
from tests.rest import everything
from tests.support.world import World


def _request(operation: everything.Operation) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        return operation.ask(raw_of(scene, container), scene.items.of(operation)).status

    return Act(operation.name, do)


def _send_with_token(scene: Scene, container: World, prepared: Any) -> int:
    headers = {"I-Twilio-Idempotency-Token": "a token"}
    return raw_of(scene, container)("POST", f"{scene.room.path}/Messages", {"Body": SENT_ONCE}, headers=headers).status


# The body of the message that is sent with a token.
SENT_ONCE = "sent once"
WITH_TOKEN = Act("/chat/v2:messages.create with a token", _send_with_token)


def acts() -> Iterator[Act]:
    """An operation once per record and verb, every action, and every other event that a function takes."""
    known: set[tuple[str, str]] = set()
    for operation in everything.OPERATIONS:
        # In the default service the same operations are carried out.
        if (operation.resource, operation.verb) not in known and operation.scope != "default":
            known.add((operation.resource, operation.verb))
            yield _request(operation)
    yield WITH_TOKEN
    for name in ACTIONS:
        yield action(name)
    yield from map(by_sdk, SENT_BY_SDKS)
    yield from CONNECTIONS
    yield from DELIVERIES
    yield from CARRIED
    yield Act("job:phones", texting.claim, texting.posted, is_repeated=True)
    for number, channel in enumerate(("sms", "whatsapp")):
        yield Act(f"job:text {channel}", *texting.send_one(number), is_repeated=True)
    yield from (Act(f"brought:{name}", receiving.hear, brings, is_repeated=True) for name, brings in BROUGHT.items())
    yield from map(with_phones, PHONES)
    yield from map(by_operator, SENDERS)
    yield PLANNING
    yield from SWEEPS
    yield from CONVERSATIONS
    yield from FILES


ACTS = list(acts())
