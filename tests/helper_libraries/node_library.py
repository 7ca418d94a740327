"""Twilio's helper library for Node, called as the one for Python is, so that both run the same scenario."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from local.stack.running import Stack
from tests.helper_libraries.transcripts import HERE, helper_library_for_node, variables

# The library for Node has other names for these.
_METHODS = {"delete": "remove"}
# The library for Node has `messagingBinding.address` where the one for Python has `messaging_binding_address`.
_GROUPS = ("auto_creation", "messaging_binding")
_REQUESTS = ("create", "delete", "fetch", "list", "update")

Step = tuple[str, list[Any] | None]


class NodeLibrary:
    """What some steps from the client lead to; a request is sent when its method is called.

    `AssertionError` if the library fails or is refused.
    """

    def __init__(self, node: subprocess.Popen[str], *steps: Step) -> None:
        self._node, self._steps = node, steps

    def __getattr__(self, name: str) -> NodeLibrary:
        return NodeLibrary(self._node, *self._steps, (_camel(_METHODS.get(name, name)), None))

    def __call__(self, *sids: str, **parameters: Any) -> Any:
        *before, (name, _) = self._steps
        arguments = [*sids, {_parameter(key): value for key, value in parameters.items()}] if parameters else [*sids]
        steps = (*before, (name, arguments))
        if name not in {_METHODS.get(request, request) for request in _REQUESTS}:
            return NodeLibrary(self._node, *steps)
        return self._ask(steps)

    def _ask(self, steps: tuple[Step, ...]) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps(steps) + "\n")
        self._node.stdin.flush()
        told = json.loads(self._node.stdout.readline())
        assert "failure" not in told, f"{told['failure']} at {steps}"
        result = told.get("result")
        return [_resource(item) for item in result] if isinstance(result, list) else _resource(result)


@contextmanager
def node_library(stack: Stack) -> Iterator[NodeLibrary]:
    """The library's client for a stack. The test is skipped and says so if the library cannot be had."""
    modules = str(helper_library_for_node())
    command = ["node", str(HERE / "calls.cjs")]
    with subprocess.Popen(
        command,
        env=variables(stack, NODE_PATH=modules),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as node:
        yield NodeLibrary(node)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _parameter(name: str) -> str:
    group = next((group for group in _GROUPS if name.startswith(f"{group}_")), None)
    return f"{_camel(group)}.{_camel(name[len(group) + 1 :])}" if group else _camel(name)


def _resource(shown: Any) -> Any:
    """A resource with the names of the library for Python; what is below its fields has the names of the wire already."""
    if not isinstance(shown, dict):
        return shown
    return SimpleNamespace(
        **{re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name): value for name, value in shown.items()}
    )
