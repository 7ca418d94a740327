"""A scene for each run, since a fault leaves its mark on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.template.template import Template
from tests.faults.scene import Scene
from tests.sockets.deployment import Stream
from tests.support.lean import LeanClient


@pytest.fixture
def new_scene(lean: LeanClient, stream: Stream, template: Template) -> Callable[[], Scene]:
    """Makes a scene."""
    return lambda: Scene(lean, stream, template)
