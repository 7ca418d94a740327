"""Thousands of generated requests at every operation: never a 5xx, always a documented answer, and no state changed by
a request that was refused.

`PARLEY_FUZZ` is how many requests are sent in all. What is generated is the same in each run.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.template.template import Template
from parley.operations import bindings
from tests.rest.everything import OPERATIONS, Operation, make
from tests.rest.requests import Generator, Request, requests
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World

REQUESTS = int(os.environ.get("PARLEY_FUZZ", "600"))
# Where there are no parameters there is less to try. Lists come first, while they are short.
SHARES = {"list": 3, "fetch": 1, "delete": 1, "update": 4, "create": 4}
SHARE = REQUESTS / sum(SHARES[operation.verb] for operation in OPERATIONS)
IN_ORDER = sorted(OPERATIONS, key=lambda operation: list(SHARES).index(operation.verb))
# Between two looks at the whole table after a refusal; every refused request's writes are watched besides.
LOOK_EVERY = 400
ASKED_AT_MOST = 3_000
WRITES = ("put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item")
# What a refused request may have moved: a seq is taken before the write that may then fail, and so are numbers of the
# counters of actions per second, with the ceilings above them. In the log, the number stands for nothing.
_NUMBERS = {"seq", "seq_at", "seq_ceiling", "seq_ceiling_at", "commit_id"}
# A fetch corrects the counters of messages if they are ahead of what is stored.
_COUNTED = {"counted_index", "counted", "removed", "last_index", "last_message_index", "activity_at"}
MAY_MOVE = {"TAIL": _NUMBERS | _COUNTED, "RATE": _NUMBERS}


class WatchedClient:
    """A DynamoDB client that remembers which writes succeeded."""

    def __init__(self, client: Any):
        self._client = client
        self.written: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        carry_out = getattr(self._client, operation)
        if operation not in WRITES:
            return carry_out

        def call(**request: Any) -> Any:
            answer = carry_out(**request)
            self.written.append((operation, request))
            return answer

        return call


def is_bookkeeping(operation: str, request: dict[str, Any]) -> bool:
    """Whether a write touches nothing but what a refused request may move."""
    if operation == "put_item":
        return stands_for_nothing(request["Item"])
    if operation != "update_item":
        return False
    # Its conditions name more: the key, the tombstone's mark, the service, the conversation's state.
    changing = set(re.findall(r"#\w+", request["UpdateExpression"]))
    changed = {name for placeholder, name in request["ExpressionAttributeNames"].items() if placeholder in changing}
    return changed <= MAY_MOVE.get(request["Key"]["sk"]["S"], set())


def stands_for_nothing(item: dict[str, Any]) -> bool:
    """Whether an item is an entry in a channel's log about a number that was taken for a refused change."""
    return item["sk"]["S"].startswith("CHG#") and item["verb"]["S"] == "refused"


# What is made so that there is an item of a resource that stores nothing itself.
_MADE_AS = {"user_channel": "channel", "user_conversation": "channel"}


class Laboratory:
    """A table of its own with an account, a second service in it, and a stranger's account."""

    def __init__(self, client: Any, table_name: str):
        self.client = WatchedClient(client)
        self._plain, self._table_name = client, table_name
        self.world = World(self.client, table_name)
        self.world.actions_per_second = 30
        stranger = World(client, table_name)
        self.raw = Raw(LambdaDoor(self.world))
        self.own = make(self.raw, self.world.context(), default=True)
        self.others = [
            make(self.raw, self.world.context(), " else"),
            make(Raw(LambdaDoor(stranger)), stranger.context()),
        ]
        self.tokens = self._page_tokens()
        self.asked = 0
        self._numbers = itertools.count()
        service = f"/chat/v2/Services/{self.own.items['service']}"
        self.raw.post(service, {"Limits.ChannelMembers": 1000, "Limits.UserChannels": 1000})

    def _page_tokens(self) -> list[str]:
        path = f"/chat/v2/Services/{self.own.items['service']}"
        urls = [self.raw.get(path + kind, PageSize=1)["meta"]["next_page_url"] for kind in ("/Users", "/Roles")]
        return [url.partition("PageToken=")[2] for url in urls if url] + [
            "0",
            "1",
            "-1",
            "9" * 11,
            "0" * 4500,
            "PT",
            "PB",
            "PTx",
        ]

    def ask(self, request: Request) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
        """Send a generated request; its status, and the writes that were made."""
        # One a second, so that no rate is exceeded.
        self.world.clock.advance(1)
        self.asked += 1
        self.client.written.clear()
        body = request.body if isinstance(request.body, bytes) else list(request.body)
        answer = self.raw(request.verb, request.path, body, query=list(request.query), headers=dict(request.headers))
        return answer.status, list(self.client.written)

    def digest(self) -> str:
        """A digest of all that is stored, apart from what a refused request may move."""
        items = []
        for page in self._plain.get_paginator("scan").paginate(TableName=self._table_name, ConsistentRead=True):
            for item in page["Items"]:
                if stands_for_nothing(item):
                    continue
                moving = MAY_MOVE.get(item["sk"]["S"], set())
                items.append(
                    json.dumps({name: value for name, value in item.items() if name not in moving}, sort_keys=True)
                )
        return hashlib.sha256("\n".join(sorted(items)).encode()).hexdigest()

    def number(self) -> int:
        """Another number each time."""
        return next(self._numbers)

    def make_room(self, operation: Operation) -> None:
        """Remove what a creation made where there may be only a few."""
        if operation.resource == "channel_webhook":
            webhooks = operation.path(self.own.of(operation))
            for webhook in self.raw.get(webhooks)["webhooks"][1:]:
                assert self.raw("DELETE", webhook["url"]).status == 204
        if operation.resource == "address_configuration":
            addresses = operation.path({})
            for configuration in self.raw.get(addresses)["address_configurations"]:
                if configuration["sid"] != self.own.of(operation)["sid"]:
                    assert self.raw("DELETE", f"{addresses}/{configuration['sid']}").status == 204
        if operation.resource == "sender":
            for place in (self.own, *self.others):
                holder = place.of(operation)["messaging_service_sid"]
                self.raw("DELETE", f"/messaging/v1/Services/{holder}/PhoneNumbers/{operation.form['PhoneNumberSid']}")

    def victim(self, operation: Operation) -> str:
        """A new item for an operation that deletes one, so that the others stay."""
        number = self.number()
        if operation.resource in ("binding", "user_binding"):
            return self._binding(number)
        creation = next(
            each
            for each in OPERATIONS
            if (each.mount.face, each.scope, each.resource, each.verb)
            == (operation.mount.face, operation.scope, _MADE_AS.get(operation.resource, operation.resource), "create")
        )
        form = creation.form
        form = {**form, "Identity": f"victim {number}"} if "Identity" in form else form
        path = creation.path(self.own.of(creation))
        # There can be one of some things, and the last victim may have been spared.
        self.make_room(creation)
        made = self.raw.post(path, form)["sid"]
        if operation.resource in _MADE_AS:
            members = "Members" if operation.scope == "chat" else "Participants"
            self.raw.post(f"{path}/{made}/{members}", Identity="alice")
        return made

    def _binding(self, number: int) -> str:
        place = {"endpoint": f"phone {number}", "binding_type": "fcm", "address": f"x{number}", "message_types": []}
        context, service = self.world.context(), self.own.items["service"]
        return bindings.register(context, service, "alice", credential_sid=self.own.items["credential"], **place)["sid"]


@pytest.fixture(scope="module")
def laboratories(dynamodb: Any, template: Template) -> Iterator[Iterator[Laboratory]]:
    """The laboratory to use next: another one when much is stored in the last, which makes looks at all of it slow."""
    (table,) = template.tables()

    def make_them() -> Iterator[Laboratory]:
        for number in itertools.count():
            name = f"fuzz-{number}"
            dynamodb.create_table(**{**table.definition, "TableName": name})
            laboratory = Laboratory(dynamodb, name)
            while laboratory.asked < ASKED_AT_MOST:
                yield laboratory
            dynamodb.delete_table(TableName=name)

    yield make_them()


def may_close(operation: Operation) -> bool:
    """Whether an operation may close a conversation, in which nothing can be done then."""
    return operation.scope != "chat" and (operation.resource, operation.verb) == ("channel", "update")


@pytest.mark.parametrize("operation", IN_ORDER, ids=lambda operation: operation.name)
def test_generated_requests_are_answered_as_documented_and_change_nothing_when_refused(
    laboratories: Iterator[Laboratory], operation: Operation
) -> None:
    laboratory = next(laboratories)
    generator = Generator(operation, laboratory.own, laboratory.others, laboratory.tokens)
    uses_up = operation.verb == "delete" or may_close(operation)
    alive = laboratory.victim(operation) if uses_up else ""
    if operation.verb == "create":
        # The last victim of a deletion may have been spared.
        laboratory.make_room(operation)
    count, sent = math.ceil(SHARES[operation.verb] * SHARE), Counter[int]()

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        nonlocal alive
        request = data.draw(requests(generator, laboratory.number(), alive))
        is_looked_at = laboratory.asked % LOOK_EVERY == 0
        before = laboratory.digest() if is_looked_at else ""
        status, written = laboratory.ask(request)
        sent[status] += 1
        if status >= 400 or request.verb == "GET":
            assert all(is_bookkeeping(*write) for write in written), written
            assert not is_looked_at or laboratory.digest() == before
        elif uses_up:
            alive = laboratory.victim(operation)
        elif operation.verb == "create":
            laboratory.make_room(operation)

    send()
    assert sent.total() >= count
    # The requests are no mere noise: some of them are what a program would send.
    assert count < 50 or sum(number for status, number in sent.items() if status < 300) >= count // 20, sent
