"""A running stack, Twilio's library for it, and a channel to talk in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.rest import Client

from local.stack.running import Stack, start_stack
from tests.end_to_end.clients import helper_library


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a home of its own; tests share it and make services of their own."""
    stack = start_stack(tmp_path_factory.mktemp("story") / "home")
    yield stack
    stack.kill()


@pytest.fixture
def twilio(running: Stack) -> Client:
    return helper_library(running.info)


@pytest.fixture
def service(twilio: Client) -> Any:
    return twilio.chat.v2.services.create(friendly_name="story")


@pytest.fixture
def room(twilio: Client, service: Any) -> Any:
    """A private channel named `general` with alice and bob in it."""
    channel = twilio.chat.v2.services(service.sid).channels.create(unique_name="general", type="private")
    for identity in ("alice", "bob"):
        channel.members.create(identity=identity)
    return channel
