"""The account's default service and one of its own, as the helper library sees them: the same resources in both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.rest import Client

from local.template.template import Template
from tests.conversations.carrier import ScriptedCarrier
from tests.conversations.phones import Thread, opened
from tests.conversations.texting import Texting
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Deployment
from tests.support.doors import Raw
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.printed import printed  # noqa: F401  (fixture)
from tests.support.stream import Stream
from tests.support.world import World
from tests.webhooks.conftest import asked, deployment, house, owner, silent, webhooks  # noqa: F401  (fixtures)
from tests.webhooks.function import WebhooksFunction


@pytest.fixture
def service_sid(twilio: Client) -> str:
    return twilio.conversations.v1.services.create(friendly_name="a service").sid


@pytest.fixture
def account(twilio: Client) -> Iterator[Any]:
    """The account's configuration. Afterwards it has no webhooks again: tests over HTTP share one account."""
    configuration = twilio.conversations.v1.configuration
    yield configuration
    nothing = {"pre_webhook_url": "", "post_webhook_url": "", "filters": [""], "method": "POST", "target": "webhook"}
    configuration.webhooks().update(**nothing)


@pytest.fixture
def scope(request: pytest.FixtureRequest, twilio: Client) -> Any:
    """Where conversations, users and roles are: the account's default service, or one that paths name."""
    api = twilio.conversations.v1
    return api if request.param == "default" else api.services(api.services.create(friendly_name="a service").sid)


@pytest.fixture
def conversation(scope: Any) -> Any:
    """A conversation, as the library addresses it."""
    return scope.conversations(scope.conversations.create(friendly_name="a conversation").sid)


@pytest.fixture
def thread(world: World, raw: Raw, lean: LeanClient) -> Thread:
    """A conversation of the default service, over plain requests."""
    return opened(raw, lean)


@pytest.fixture
def carrier(world: World, stream: Stream, template: Template) -> ScriptedCarrier:
    """What takes messages to phones, and reports."""
    outgoing = FakeOutgoing()
    return ScriptedCarrier(WebhooksFunction(Deployment(world, stream, template), template, outgoing), outgoing)


@pytest.fixture
def agreed(world: World, lean: LeanClient) -> Iterator[None]:
    """Afterwards, nothing that is stored contradicts anything else."""
    yield
    items = everything(lean, world.table._name, world.account_sid)
    assert contradictions(items, swept=False, now_ms=world.clock.now_ms()) == []


@pytest.fixture
def background(world: World, stream: Stream, template: Template) -> WebhooksFunction:
    """What carries out the background work of this world."""
    return WebhooksFunction(Deployment(world, stream, template), template, FakeOutgoing())


@pytest.fixture
def texting(world: World, stream: Stream, template: Template) -> Texting:
    """A deployment whose numbers AWS carries."""
    return Texting(world, stream, template)
