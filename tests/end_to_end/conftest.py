"""Twilio's library for the stack that all tests share, and a channel to talk in."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from local.stack.running import Stack
from tests.end_to_end.clients import helper_library


@pytest.fixture
def twilio(stack: Stack) -> Client:
    return helper_library(stack.info)


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
