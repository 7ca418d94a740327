"""A stack of its own for the stress tests, without the limits on actions per second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack.running import Stack, start_stack
from tests.stress.back_end import UNLIMITED, BackEnd


@pytest.fixture(scope="session")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack. Tests share it, so each makes a service of its own."""
    running = start_stack(tmp_path_factory.mktemp("stress") / "home", environment=UNLIMITED)
    yield running
    running.kill()


@pytest.fixture
def back_end(unlimited: Stack) -> BackEnd:
    return BackEnd(unlimited.info)


@pytest.fixture
def service_path(back_end: BackEnd) -> str:
    """The path of a new service."""
    return f"/chat/v2/Services/{back_end.post('/chat/v2/Services', {'FriendlyName': 'stress'})['sid']}"
