"""The account's default service and one of its own, as the helper library sees them: the same resources in both."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client


@pytest.fixture
def service_sid(twilio: Client) -> str:
    return twilio.conversations.v1.services.create(friendly_name="a service").sid


@pytest.fixture
def scope(request: pytest.FixtureRequest, twilio: Client) -> Any:
    """Where conversations, users and roles are: the account's default service, or one that paths name."""
    api = twilio.conversations.v1
    return api if request.param == "default" else api.services(api.services.create(friendly_name="a service").sid)


@pytest.fixture
def conversation(scope: Any) -> Any:
    """A conversation, as the library addresses it."""
    return scope.conversations(scope.conversations.create(friendly_name="a conversation").sid)
