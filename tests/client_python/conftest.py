"""A fake service, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.client_python.fakes import Lab, serving


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come straight from loopback."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """A fake service and clients of it, closed when the test is over."""
    async with serving() as server:
        lab = Lab(server)
        yield lab
        await lab.close()
