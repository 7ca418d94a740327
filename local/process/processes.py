"""Starts child processes that end with their parent, and stops those that an earlier run left behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, Protocol

from local.home import REPOSITORY, Home, read_json, write_json

_PR_SET_PDEATHSIG = 1
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 18
"""The place of the time in `/proc/<pid>/stat`, counted from behind the state."""
_ENDED = ("Z", "X")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CAN_FORK = sys.platform == "linux"
"""On macOS, libraries of the system break in a forked process."""
_C_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child(Protocol):
    """A child process, as `subprocess.Popen` has it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


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


def fork(
    main: Callable[[], None], log: Path, environment: Mapping[str, str] | None = None, keep: Sequence[int] = ()
) -> Child:
    """Start a child process that has this one's memory, and calls `main`; otherwise like `spawn`.

    Both share what neither changes: modules, and the descriptions of AWS's services. Call this from the only thread,
    because a lock that another thread holds would stay locked in the child.
    """
    gc.collect()
    # Both keep what is there now. Collecting it later would write to every object, so no page would stay shared. In the
    # child it would also end objects whose descriptors are closed below.
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal that came now would be handled by the parent's handlers, in the child too.
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    pid = os.fork()
    if pid == 0:
        _be_child(main, log, environment, keep)
    signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    return _Forked(pid)


def _be_child(
    main: Callable[[], None], log: Path, environment: Mapping[str, str] | None, keep: Sequence[int]
) -> NoReturn:
    status = 1
    try:
        _die_with_parent()
        os.setsid()
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        assert isinstance(sys.stdout, TextIOWrapper)
        sys.stdout.reconfigure(write_through=True)
        _close_all_but({0, 1, 2, *keep})
        if environment is not None:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(REPOSITORY)
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else status
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing of the parent's is cleaned up here.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _close_all_but(kept: set[int]) -> None:
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in kept:
            with contextlib.suppress(OSError):  # the list itself was read through one
                os.close(int(path.name))


class _Forked:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # it has ended, and whoever started this process has SIGCHLD ignored
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked child", timeout or 0)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def stop(process: Child, patience_seconds: float) -> bool:
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
    write_json(home.processes, {name: {"pid": pid, "identity": identity(pid)} for name, pid in processes.items()})


def stop_leftovers(home: Home) -> list[str]:
    """Stop the processes that a killed run left behind; returns their names.

    By now the system may have given a recorded id to another process. So a process is stopped only if it has the
    recorded identity.
    """
    found = []
    for name, entry in (read_json(home.processes) or {}).items():
        pid, recorded = entry["pid"], entry.get("identity")
        is_known = bool(recorded) and (sys.platform == "linux" or str(home.path) in recorded)
        if name == "supervisor" or not is_known or identity(pid) != recorded:
            continue
        found.append(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            _await_end(pid, recorded)
    home.processes.unlink(missing_ok=True)
    return found


def _await_end(pid: int, recorded: str) -> None:
    deadline = time.monotonic() + 5
    while identity(pid) == recorded:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def identity(pid: int) -> str:
    """What tells a running process from those that have had its id before; empty if there is none.

    On Linux it is when the process was started, and by which start of the machine. Elsewhere it is the command line.
    """
    if sys.platform == "linux":
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if state in _ENDED else f"{_BOOT.read_text().strip()} {fields[_STARTED]}"
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()
