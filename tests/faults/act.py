"""An act: somebody does something to a scene, in a container, and gets a status as the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.scene import Scene
from tests.sockets.deployment import load_function
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World

# The status of an act whose connection was closed instead of being answered.
ENDED = 401
DONE, FAILED = 200, 500


@dataclass(frozen=True)
class Act:
    """One thing that somebody does.

    Attributes:
        name: What it is called in tests.
        do_over: Does it in a container, given what `prepare` made; returns the status with which it was answered.
        prepare: What happens before, without any fault.
        is_repeated: Whether AWS invokes the function again if it fails, with the same event.
    """

    name: str
    do_over: Callable[[Scene, World, Any], int]
    prepare: Callable[[Scene], Any] = lambda scene: None
    is_repeated: bool = False

    def do(self, scene: Scene, prepared: Any) -> int:
        """Do it in the container that the scene keeps warm."""
        return self.do_over(scene, scene.world, prepared)

    def do_elsewhere(self, scene: Scene, prepared: Any) -> int:
        """Do it in a container that remembers nothing, even while another is in the middle of something."""
        container = scene.world.another_container()
        return scene.apart(lambda: self.do_over(scene, container, prepared))

    def __str__(self) -> str:
        return self.name


def status_of(body: str) -> int:
    """The status of a reply, with which a push may come."""
    frame = json.loads(body)
    return int((frame[0] if isinstance(frame, list) else frame)["status"])


def handler_of(scene: Scene, name: str, container: World) -> Callable[..., Any]:
    """A function's handler in a container."""
    deployment = scene.deployment
    if container is scene.world:
        return getattr(deployment, f"{name.removeprefix('ws_')}_handler")  # type: ignore[no-any-return]
    return load_function(name, deployment.new_runtime(container))


def raw_of(scene: Scene, container: World) -> Raw:
    """The REST API of a container. It does not compare answers with what is published."""
    return scene.unchecked if container is scene.world else Raw(LambdaDoor(container), checked=False)
