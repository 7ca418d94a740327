"""Starts child processes that end with their parent, and stops those that an earlier run left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.home import REPOSITORY, Home, read_json, write_json

_PR_SET_PDEATHSIG = 1
_C_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    # SIGTERM, not SIGKILL: an emulator that keeps its state in memory saves it on SIGTERM.
    if _C_LIBRARY is not None:
        _C_LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process that writes to `log`, inherits the descriptors in `keep`, and gets no signals from the terminal.

    On Linux it gets SIGTERM when the calling *thread* ends. So call this from a thread that lasts.
    """
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def stop(process: subprocess.Popen[bytes], patience_seconds: float) -> bool:
    """Ask a process to end, and kill it if it does not; returns whether it ended without being killed."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def record(home: Home, processes: Mapping[str, int]) -> None:
    """Write down the processes of this run, so that a later run can stop those that are left."""
    write_json(home.processes, {name: {"pid": pid, "command": _command(pid)} for name, pid in processes.items()})


def stop_leftovers(home: Home) -> list[str]:
    """Stop the processes that a killed run left behind; returns their names.

    By now the system may have given a recorded id to another process. So a process is stopped only if it runs the
    recorded command and that command names this home.
    """
    found = []
    for name, entry in (read_json(home.processes) or {}).items():
        pid, command = entry["pid"], entry["command"]
        if name == "supervisor" or not command or str(home.path) not in command or _command(pid) != command:
            continue
        found.append(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            _await_end(pid, command)
    home.processes.unlink(missing_ok=True)
    return found


def _await_end(pid: int, command: str) -> None:
    deadline = time.monotonic() + 5
    while _command(pid) == command:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _command(pid: int) -> str:
    """The command line of a running process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except FileNotFoundError:
        pass
    if sys.platform == "linux":
        return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()
