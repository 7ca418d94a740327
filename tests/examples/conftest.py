"""Settings for the examples: those of the shared stack, with a service of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from local.stack.running import Stack
from tests.console.browser import installed_chromium
from tests.end_to_end.clients import helper_library
from tests.examples.programs import Place


def made(stack: Stack, folder: Path) -> Place:
    service: Any = helper_library(stack.info).chat.v2.services.create(friendly_name="examples")
    settings = folder / "settings.json"
    settings.write_text(json.dumps({**stack.info, "service_sid": service.sid}))
    return Place(stack.info, service.sid, settings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with installed_chromium("the pages of the examples are") as running:
        yield running


@pytest.fixture
def place(stack: Stack, tmp_path: Path) -> Place:
    return made(stack, tmp_path)


@pytest.fixture(scope="module")
def shared_place(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """For tests that change nothing."""
    return made(stack, tmp_path_factory.mktemp("place"))
