"""A fresh service and a channel in it, as in the specification's tests, also by way of v1."""

from __future__ import annotations

import pytest
from twilio.rest import Client
from twilio.rest.chat.v1.service import ServiceContext as ServiceContextV1

from tests.spec.conftest import (  # noqa: F401
    channel,
    channel_path,
    channel_sid,
    service,
    service_path,
    service_sid,
)


@pytest.fixture
def service_v1(twilio: Client, service_sid: str) -> ServiceContextV1:  # noqa: F811
    return twilio.chat.v1.services(service_sid)


@pytest.fixture
def v1_path(service_sid: str) -> str:  # noqa: F811
    return f"/chat/v1/Services/{service_sid}"
