"""A deployment in memory but for its table, with its webhooks function: what people are in, what they leave behind."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.sockets.conftest import deployment, house, meddled, meddling  # noqa: F401  (fixtures)
from tests.sockets.deployment import Deployment
from tests.webhooks.function import WebhooksFunction


@pytest.fixture
def webhooks(deployment: Deployment, template: Template) -> WebhooksFunction:  # noqa: F811
    return WebhooksFunction(deployment, template)
