"""A stack of its own for the stress tests, without the limits on actions per second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack.running import Stack, start_stack
from local.template.template import Template
from tests.stress.back_end import UNLIMITED, BackEnd
from tests.stress.checking import require_consistency
from tests.support.invariants import contradictions, everything


@pytest.fixture(scope="session")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack. Tests share it, so each makes a service of its own."""
    running = start_stack(tmp_path_factory.mktemp("stress") / "home", environment=UNLIMITED)
    yield running
    running.kill()


@pytest.fixture
def table_name(template: Template) -> str:
    (table,) = template.tables()
    return table.name


@pytest.fixture(autouse=True)
def consistent(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, all stored items agree: in the stack that tests share, and in the test's own world."""
    named = {name: request.getfixturevalue(name) for name in ("unlimited", "world") if name in request.fixturenames}
    yield
    if stack := named.get("unlimited"):
        # Clients whose sockets were broken may be gone before the stack has noticed.
        require_consistency(stack, deaths=True)
    if world := named.get("world"):
        items = everything(world._client, world._table_name, world.account_sid)
        # No sweeps run in such a world.
        assert contradictions(items, swept=False, now_ms=world.clock.now_ms(), deaths=True) == []


@pytest.fixture
def back_end(unlimited: Stack) -> BackEnd:
    return BackEnd(unlimited.info)


@pytest.fixture
def service_path(back_end: BackEnd) -> str:
    """The path of a new service."""
    return f"/chat/v2/Services/{back_end.post('/chat/v2/Services', {'FriendlyName': 'stress'})['sid']}"
