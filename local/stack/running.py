"""A whole local stack as an object, for tests: started as a process of its own, stopped, or killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.home import REPOSITORY, Home, read_json

_START_SECONDS = 90
_STOP_SECONDS = 30


class StackFailed(Exception):
    """The stack did not come up; the text is what it printed."""


class Stack:
    """A running stack. `info` is the content of its `local.json`."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes], output: Path, info: dict[str, Any]) -> None:
        self.home = home
        self.process = process
        self.info = info
        self._output = output

    @property
    def printed(self) -> str:
        """The text that it has printed so far."""
        return self._output.read_text(errors="replace")

    @property
    def pids(self) -> dict[str, int]:
        """Its processes by name: supervisor, gateway, pump, ministack, dynoxide."""
        return {name: entry["pid"] for name, entry in (read_json(self.home.processes) or {}).items()}

    def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(_STOP_SECONDS)

    def kill(self, *names: str) -> None:
        """Kill -9 the named processes; without names, all of them at one moment."""
        pids = self.pids
        chosen = {name: pids[name] for name in (names or pids)}
        if "supervisor" in chosen:
            # A paused supervisor restarts nothing. As long as it exists, the others do not end by themselves.
            os.kill(chosen["supervisor"], signal.SIGSTOP)
        for name in sorted(chosen, key=lambda name: name == "supervisor"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(chosen[name], signal.SIGKILL)
        if "supervisor" in chosen:
            self.process.wait(_STOP_SECONDS)


def start_stack(
    home: Path,
    port: int = 0,
    engine: str | None = None,
    template: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Stack:
    """Start a stack on a home of its own and wait until it is ready; raises `StackFailed`."""
    home.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, **(environment or {}), "PARLEY_HOME": str(home), "PARLEY_PORT": str(port)}
    if engine:
        variables["PARLEY_ENGINE"] = engine
    if template:
        variables["PARLEY_TEMPLATE"] = str(template)
    descriptor, output = tempfile.mkstemp(prefix="printed-", suffix=".log", dir=home)
    with os.fdopen(descriptor, "wb") as target:
        process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            cwd=REPOSITORY,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    kept = Home(home)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while time.monotonic() < deadline and process.poll() is None:
            info = read_json(kept.info)
            if info is not None and info["pid"] == process.pid:
                return Stack(kept, process, Path(output), info)
            time.sleep(0.02)
        raise StackFailed(Path(output).read_text(errors="replace"))
    except BaseException:
        # Also after Ctrl-C, which does not reach it: it is in a session of its own.
        process.kill()
        process.wait()
        raise
