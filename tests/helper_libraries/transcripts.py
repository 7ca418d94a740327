"""What programs with Twilio's helper libraries were told, with names in place of what differs by nature."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack
from tests.support.node_packages import environment, install

HERE = Path(__file__).resolve().parent
_SID = re.compile(r"\b([A-Z]{2})[0-9a-f]{32}\b")


def helper_library_for_node() -> Path:
    """Where the library is installed. The test is skipped and says so if it cannot be."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so the helper library for Node is NOT tested")
    return install(HERE, "node", "the helper library for Node is")


def variables(stack: Stack, **more: str) -> dict[str, str]:
    """The environment in which a program finds the stack and its account."""
    return environment(
        ACCOUNT_SID=stack.info["account_sid"],
        AUTH_TOKEN=stack.info["auth_token"],
        REST_URL=stack.info["rest_url"],
        PYTHONIOENCODING="utf-8",
        **more,
    )


def transcript(stack: Stack, command: list[str], **more: str) -> list[list[Any]]:
    """What a program printed against a stack, one line of JSON per call."""
    done = subprocess.run(
        command, env=variables(stack, **more), capture_output=True, encoding="utf-8", timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbered(calls: list[list[Any]]) -> list[list[Any]]:
    """The calls with SIDs replaced by the order in which they came up: `CH 1` is the first of a channel."""
    seen: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        known = sum(sid.startswith(found[1]) for sid in seen)
        return seen.setdefault(found[0], f"{found[1]} {known + 1}")

    return [json.loads(_SID.sub(name, json.dumps(call, sort_keys=True))) for call in calls]
