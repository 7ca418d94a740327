"""A deployment with its webhooks function, and an owner's web server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.template.template import Template
from tests.sockets.conftest import deployment, house  # noqa: F401  (fixtures)
from tests.sockets.deployment import Deployment
from tests.support.target import Target, serving
from tests.webhooks.function import WebhooksFunction


@pytest.fixture
def owner() -> Iterator[Target]:
    with serving() as target:
        yield target


@pytest.fixture
def webhooks(deployment: Deployment, template: Template) -> WebhooksFunction:  # noqa: F811
    return WebhooksFunction(deployment, template)
