"""The directory in which a local stack keeps everything: state, secrets, logs, and the processes that run.

One process at a time holds a home (`Home.lock`); the kernel gives the lock up when that process dies, however it dies.
Files are replaced as a whole. So nobody ever reads half a file, not even the next start after a kill.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from pathlib import Path
from typing import IO, Any

from parley.keyring import AuthTokens

REPOSITORY = Path(__file__).resolve().parent.parent
AUTH_TOKEN = "secret AuthToken"
"""The name under which the text of the auth token's secret is remembered."""


class InUse(Exception):
    """Another process holds the home."""


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._held: IO[str] | None = None

    @classmethod
    def from_environment(cls) -> Home:
        """`PARLEY_HOME`, or `.parley` in the repository."""
        return cls(Path(os.environ.get("PARLEY_HOME") or REPOSITORY / ".parley"))

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def info(self) -> Path:
        """Addresses and credentials of a running stack, for programs; see `docs/local.md`."""
        return self.path / "local.json"

    @property
    def plan(self) -> Path:
        """The plan of the run, for the gateway and the pump (`process/plan.py`)."""
        return self.path / "plan.json"

    @property
    def push(self) -> Path:
        """The applications and endpoints of push services (`phones/push.py`)."""
        return self.path / "push.json"

    @property
    def texts(self) -> Path:
        """What AWS End User Messaging keeps of the account (`phones/account.py`)."""
        return self.path / "texts.json"

    @property
    def progress(self) -> Path:
        """The pump's positions and the queued messages (`pump/progress.py`)."""
        return self.path / "progress.json"

    @property
    def processes(self) -> Path:
        """The processes of the running stack, by name."""
        return self.path / "processes.json"

    @property
    def pump_ready(self) -> Path:
        """An empty file that the pump makes when it is ready."""
        return self.path / "pump.ready"

    def create(self) -> None:
        """Make the directory. It holds secrets, so only its owner may look inside."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self.logs.mkdir(exist_ok=True)

    @property
    def is_held(self) -> bool:
        """Whether this process has taken hold of the home."""
        return self._held is not None

    def lock(self) -> None:
        """Take hold of the home until this process ends; raises `InUse` with the holder's process id."""
        handle = (self.path / "lock").open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            handle.close()
            raise InUse(holder) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._held = handle

    def remembered(self, name: str, make: Any) -> Any:
        """A value made once by `make()` and kept, readable by its owner only."""
        path = self.path / "kept.json"
        kept = read_json(path, {})
        if name not in kept:
            kept[name] = make()
            write_json(path, kept)
        return kept[name]

    def remember(self, name: str, value: Any) -> None:
        """Keep `value`, in place of what was remembered under that name."""
        path = self.path / "kept.json"
        write_json(path, {**read_json(path, {}), name: value})

    def recall(self, name: str) -> Any:
        """What is remembered under that name, or None."""
        return read_json(self.path / "kept.json", {}).get(name)

    def auth_tokens(self) -> tuple[str, ...]:
        """The account's valid auth tokens; none if the template, and not this home, says what they are."""
        text = self.recall(AUTH_TOKEN)
        return AuthTokens.read(text).valid if text else ()

    def stack_uuid(self) -> str:
        """The UUID in the stack's id, from which the account SID comes."""
        return str(self.remembered("stack_uuid", lambda: str(uuid.uuid4())))


def read_json(path: Path, default: Any = None) -> Any:
    """The content of a JSON file; `default` if it is missing or, after a crash of the machine, unreadable."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return default


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file as a whole; only its owner may read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
