"""The page of frames: complete, and what the service says today."""

from __future__ import annotations

import re

from local.template.template import Template
from parley.sockets.native.actions import ACTIONS
from parley.sockets.native.rendering import PUSHES
from tests.sockets.deployment import Stream
from tests.support.world import World
from tools.api import frames
from tools.socket_frames import PAGE, written

# What connections are told that is no change: typing, what they missed, and how they end.
OF_CONNECTIONS = {"typingStarted", "pushesMissed", "tokenAboutToExpire", "tokenExpired", "connectionError"}


def test_the_page_of_frames_is_what_the_conversation_gives_today(world: World, stream: Stream, template: Template):
    assert PAGE.read_text(encoding="utf-8") == written(world, stream, template), "run `make reference`"


def test_the_page_of_frames_has_every_action_and_every_event():
    titles = set(re.findall(r"^### (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    events = {push.name for push in PUSHES.values()} | OF_CONNECTIONS
    assert set(frames.ACTIONS) == set(ACTIONS)
    assert set(frames.EVENTS) == events
    missing = (set(ACTIONS) | events) - titles
    assert missing == set(), "tools/socket_frames.py does not do or hear these"
