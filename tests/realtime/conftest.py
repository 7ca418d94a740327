"""A deployment in memory but for its table, with a service in it."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulators import Endpoints
from local.template import Template
from tests.realtime.deployment import Deployment, Device, House, Room, Stream
from tests.world import World


@pytest.fixture(scope="session")
def stream(aws: Endpoints, dynamodb: Any, template: Template) -> Stream:
    (table,) = template.tables()
    description = dynamodb.describe_table(TableName=table.name)["Table"]
    return Stream(aws.dynamodb, description["LatestStreamArn"])


@pytest.fixture
def deployment(world: World, stream: Stream, template: Template) -> Deployment:
    return Deployment(world, stream, template)


@pytest.fixture
def house(deployment: Deployment) -> House:
    return House(deployment)


@pytest.fixture
def room(house: House) -> Room:
    """A public channel named `general` with alice and bob in it; alice wrote message 0, bob message 1."""
    room = house.channel("alice", "bob", UniqueName="general")
    room.post("from alice", From="alice")
    room.post("from bob", From="bob")
    return room


@pytest.fixture
def alice(house: House, room: Room) -> Device:
    return house.device("alice")
