"""A fresh service, and a channel in it, as the helper library sees them and as paths, also by way of v1."""

from __future__ import annotations

import pytest
from twilio.rest import Client
from twilio.rest.chat.v1.service import ServiceContext as ServiceContextV1
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.everything import OPERATIONS, Operation
from tests.rest.files import Files
from tests.support.world import World

# One operation of each face and verb.
_OVER_HTTP = set({(operation.mount.face.name, operation.verb): operation.name for operation in OPERATIONS}.values())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What holds for every operation is tested over HTTP with a few: what the gateway adds is the same for all."""
    items[:] = [item for item in items if not _is_the_same_over_http(item)]


def _is_the_same_over_http(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    operation = parameters.get("operation")
    is_left_out = isinstance(operation, Operation) and operation.name not in _OVER_HTTP
    return is_left_out and parameters.get("target") == "http"


@pytest.fixture
def service_sid(twilio: Client) -> str:
    return twilio.chat.v2.services.create(friendly_name="a service").sid


@pytest.fixture
def service(twilio: Client, service_sid: str) -> ServiceContext:
    return twilio.chat.v2.services(service_sid)


@pytest.fixture
def service_path(service_sid: str) -> str:
    return f"/chat/v2/Services/{service_sid}"


@pytest.fixture
def channel_sid(service: ServiceContext) -> str:
    return service.channels.create().sid


@pytest.fixture
def channel(service: ServiceContext, channel_sid: str) -> ChannelContext:
    return service.channels(channel_sid)


@pytest.fixture
def channel_path(service_path: str, channel_sid: str) -> str:
    return f"{service_path}/Channels/{channel_sid}"


@pytest.fixture
def service_v1(twilio: Client, service_sid: str) -> ServiceContextV1:
    return twilio.chat.v1.services(service_sid)


@pytest.fixture
def v1_path(service_sid: str) -> str:
    return f"/chat/v1/Services/{service_sid}"


@pytest.fixture
def files(world: World) -> Files:
    """Files of a service, in a world of their own."""
    return Files(world)
