"""Channels that a face does not show, for every verb below a channel: an invented face knows private channels only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from parley.domain.channels import PRIVATE
from parley.faces.registry import MOUNTS
from parley.operations.context import Perspective
from parley.operations.table import OPERATIONS
from parley.rest.app import create_app, lambda_handler
from tests.rest.everything import FORMS, Everything, Operation, make
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World

PRIVATE_ONLY = Perspective("invented", "chat", shows=(PRIVATE,), creates=PRIVATE, lists=(PRIVATE,))
HIDING = tuple(
    replace(mount, face=replace(mount.face, perspective=PRIVATE_ONLY))
    for mount in MOUNTS
    if mount.face.prefix.startswith("/chat")
)
# What names one channel, or something in it.
BELOW = [
    Operation(mount, verb)
    for mount in HIDING
    for verb in mount.verbs
    if "{channel_sid}" in mount.route(verb) or (mount.record.name == "channel" and "{sid}" in mount.route(verb))
]


class Shown(NamedTuple):
    """A service seen through Chat and through the invented face."""

    chat: Raw
    hiding: Raw
    everything: Everything
    world: World


@pytest.fixture
def shown(world: World) -> Iterator[Shown]:
    chat = Raw(LambdaDoor(world))
    handler = lambda_handler(create_app(lambda caller: world.context(caller), HIDING, OPERATIONS))
    yield Shown(chat, Raw(LambdaDoor(world, handler)), make(chat, world.context()), world)


def stored(world: World, everything: Everything) -> list[dict[str, Any]]:
    """All items of the channel."""
    partition = f"CHANNEL#{everything.addresses['channel_sid']}"
    request = {
        "TableName": world._table_name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition}},
        "ConsistentRead": True,
    }
    return world._client.query(**request)["Items"]


def test_a_public_channel_is_not_found_by_any_verb_of_any_record_below_it(shown: Shown):
    before = stored(shown.world, shown.everything)
    for operation in BELOW:
        answer = operation.ask(shown.hiding, shown.everything.of(operation))
        assert (answer.status, answer.json["code"]) == (404, 20404), operation.name
    assert stored(shown.world, shown.everything) == before
    # A container that remembers nothing answers the same.
    answer = shown.chat("GET", f"/chat/v2/Services/{shown.everything.addresses['service_sid']}/Channels/team")
    assert answer.status == 200


def test_the_same_requests_are_carried_out_once_the_channel_is_private(shown: Shown):
    service, channel = shown.everything.addresses["service_sid"], shown.everything.addresses["channel_sid"]
    shown.chat.post(f"/chat/v3/Services/{service}/Channels/{channel}", Type="private")
    order = {"create": 0, "fetch": 1, "list": 2, "update": 3, "delete": 4}
    once: set[tuple[str, str]] = set()
    # The channel itself goes last, and what is deleted through one face is gone in the others.
    for operation in sorted(BELOW, key=lambda each: (order[each.verb], each.mount.record.name == "channel")):
        what = (operation.mount.record.name, operation.verb)
        if operation.verb in ("create", "delete") and what in once:
            continue
        once.add(what)
        path = operation.path(shown.everything.of(operation))
        form = {"Identity": "dave"} if what == ("invite", "create") else operation.form
        answer = shown.hiding(operation.method, path, form)
        assert answer.status in (200, 201, 204), (operation.name, answer.text)


def test_lists_hold_no_public_channels_also_when_they_are_asked_for(shown: Shown):
    service, user = shown.everything.addresses["service_sid"], shown.everything.addresses["user_sid"]
    public = shown.everything.items["channel"]
    for path in ("Channels", "Channels?Type=public", f"Users/{user}/Channels"):
        shown_in = [
            [
                channel.get("sid") or channel["channel_sid"]
                for channel in raw.get(f"/chat/v2/Services/{service}/{path}")["channels"]
            ]
            for raw in (shown.chat, shown.hiding)
        ]
        assert [public in sids for sids in shown_in] == [True, False], path


def test_a_new_channel_is_of_the_type_that_the_face_creates(shown: Shown):
    path = f"/chat/v2/Services/{shown.everything.addresses['service_sid']}/Channels"
    made = shown.hiding.post(path, FORMS["channel", "create"])
    assert made["type"] == "private"
    assert made["sid"] in [channel["sid"] for channel in shown.hiding.get(path)["channels"]]
    assert shown.chat.post(path, FORMS["channel", "create"])["type"] == "public"
