"""A deployment with its webhooks function, and owners' web servers."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.ports.fakes import FakeOutgoing
from tests.sockets.conftest import deployment, house  # noqa: F401  (fixtures)
from tests.sockets.deployment import Deployment, House
from tests.support.printed import printed  # noqa: F401  (fixture)
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner


@pytest.fixture
def owner(house: House) -> Owner:  # noqa: F811
    return Owner(house)


@pytest.fixture
def webhooks(deployment: Deployment, template: Template) -> WebhooksFunction:  # noqa: F811
    return WebhooksFunction(deployment, template)


@pytest.fixture
def silent(deployment: Deployment, template: Template) -> WebhooksFunction:  # noqa: F811
    """A function whose requests no network carries: answers are the test's."""
    return WebhooksFunction(deployment, template, FakeOutgoing())


@pytest.fixture
def asked(house: House) -> Owner:  # noqa: F811
    """An owner whose answers to pre-events are the test's, by no network."""
    return Owner(house, FakeOutgoing())
