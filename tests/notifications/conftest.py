"""Scenes with phones."""

from __future__ import annotations

import pytest

from local.template.template import Template
from tests.notifications.scene import Scene
from tests.support.printed import printed  # noqa: F401  (fixture)
from tests.support.stream import Stream
from tests.support.world import World


@pytest.fixture
def quiet(world: World, stream: Stream, template: Template) -> Scene:
    """A service that has switched no notification on."""
    return Scene(world, stream, template)


@pytest.fixture
def scene(quiet: Scene) -> Scene:
    """A service that has switched on all of them."""
    quiet.switch_on()
    return quiet
