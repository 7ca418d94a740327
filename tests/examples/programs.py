"""Starts the examples as their READMEs say, and ends them as a person does, with Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.home import REPOSITORY
from tests.end_to_end.clients import access_token
from tests.support.node_packages import environment

EXAMPLES = REPOSITORY / "examples"
PYTHON_CLIENT = REPOSITORY / "clients" / "python"
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """Where a test's examples work.

    Attributes:
        info: What the stack has written to `local.json`.
        settings: The file that the examples read.
    """

    info: Mapping[str, Any]
    service_sid: str
    settings: Path

    def token(self, identity: str) -> str:
        return access_token(self.info, self.service_sid, identity)


def python(example: str) -> list[str]:
    """The command that starts an example in Python."""
    return [sys.executable, str(EXAMPLES / example)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@contextmanager
def running(command: list[str], place: Place, ready: str, **variables: str) -> Iterator[re.Match[str]]:
    """A program that has printed what matches `ready`. In the end it gets Ctrl-C, and must then end without a trace."""
    variables |= {"PARLEY_SETTINGS": str(place.settings), "PYTHONPATH": str(PYTHON_CLIENT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=_hear_ctrl_c,
    )
    printed: list[str] = []
    too_late = threading.Timer(_PATIENCE_SECONDS, process.kill)
    too_late.start()
    try:
        found = _first_match(process, ready, printed)
        too_late.cancel()
        yield found
        process.send_signal(signal.SIGINT)
        # The rest must be read, or a program that prints much would wait for its reader.
        printed.append(process.communicate(timeout=_PATIENCE_SECONDS)[0])
        assert "Traceback" not in "".join(printed), "".join(printed)
        assert process.returncode in (0, -signal.SIGINT)
    except BaseException:
        # With the programs that it has started itself.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        too_late.cancel()
        process.wait()


def _hear_ctrl_c() -> None:
    """Let a program hear Ctrl-C. A shell that runs tests in the background has them, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _first_match(process: subprocess.Popen[str], ready: str, printed: list[str]) -> re.Match[str]:
    assert process.stdout is not None
    for line in process.stdout:
        printed.append(line)
        if found := re.search(ready, line):
            return found
    raise AssertionError(f"it ended with {process.wait()} and has printed:\n{''.join(printed)}")
