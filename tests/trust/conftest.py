"""A deployment with its webhooks function, and owners' web servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.template.template import Template
from tests.ports.fakes import FakeOutgoing
from tests.sockets.conftest import deployment, house  # noqa: F401  (fixtures)
from tests.sockets.deployment import Deployment, House
from tests.support.target import Target, serving
from tests.trust.hooks import Hooks, Owner


@pytest.fixture
def target() -> Iterator[Target]:
    with serving() as target:
        yield target


@pytest.fixture
def owner(house: House) -> Owner:  # noqa: F811
    return Owner(house)


@pytest.fixture
def hooks(deployment: Deployment, template: Template) -> Hooks:  # noqa: F811
    return Hooks(deployment, template)


@pytest.fixture
def silent(deployment: Deployment, template: Template) -> Hooks:  # noqa: F811
    """A function whose requests no network carries: answers are the test's."""
    return Hooks(deployment, template, FakeOutgoing())


@pytest.fixture
def asked(house: House) -> Owner:  # noqa: F811
    """An owner whose answers to pre-events are the test's, by no network."""
    return Owner(house, FakeOutgoing())
