"""The service that `make run` started, as its home describes it (`local/home.py`)."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cli.place import ApiKey, LogLine, LogQuery, Place, tokens_in
from cli.rest import Rest
from cli.trouble import Trouble
from local.home import AUTH_TOKEN, REPOSITORY, Home, read_json, write_json
from parley.clock import parse_iso
from parley.keyring import AuthTokens

_NOTHING = "nothing runs here: start `make run`, or name a stack with --stack"
_LOOK_SECONDS = 0.2
_KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
_PARTS = ("gateway", "pump")
# Services that the gateway stands in for (`local/phones`), by the paths of their doors.
_ON_GATEWAY = {"pinpoint-sms-voice-v2": "/_texts/sms-voice", "socialmessaging": "/_texts/social-messaging"}


class LocalStack(Place):
    """A running local stack."""

    is_local = True
    name = "local"

    def __init__(self, home: Home, info: dict[str, Any]) -> None:
        self.home = home
        self.info = info
        try:
            self.rest_url = str(info["rest_url"])
            self.socket_url = str(info["ws_url"])
            self.account_sid = str(info["account_sid"])
            self.own_key = self._key = ApiKey(str(info["api_key_sid"]), str(info["api_key_secret"]))
            self.console_url = f"{str(info['console_url']).rstrip('/')}/"
        except KeyError as missing:
            raise Trouble(f"{home.info} lacks {missing}: start `make run` again") from None
        # A profile that is set for AWS, and may not exist here, says nothing about the emulators.
        for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            os.environ.pop(variable, None)

    @classmethod
    def found(cls) -> LocalStack:
        """The stack whose home is named by `PARLEY_HOME`, or lies in this directory or above it, or in the clone.

        Raises:
            Trouble: nothing runs there.
        """
        home = _home()
        info = read_json(home.info)
        if not isinstance(info, dict):
            raise Trouble(_NOTHING)
        if not _is_alive(info.get("pid")):
            raise Trouble(f"{home.info} names a service that has died: start `make run` again")
        return cls(home, info)

    @cached_property
    def _plan(self) -> dict[str, Any]:
        plan = read_json(self.home.plan)
        if not isinstance(plan, dict):
            raise Trouble(f"{self.home.plan} cannot be read: start `make run` again")
        return plan

    def auth_token_text(self) -> str:
        """The secret as the emulator has it, which is what the functions read."""
        found = self.client("secretsmanager").get_secret_value(SecretId=self._auth_token_secret)
        return str(found["SecretString"])

    def auth_tokens(self) -> AuthTokens:
        """The tokens that the home keeps for the next start too. It never tells of one that is not valid."""
        return tokens_in(str(self.home.recall(AUTH_TOKEN) or self.info["auth_token"]))

    def replace_auth_tokens(self, before: str, tokens: AuthTokens) -> None:
        """Replace the secret in the home and in the emulator.

        The emulator takes a new token before the home tells of it, and loses the old one after the home has forgotten
        that. So a crash in between leaves every token valid that the home tells of.
        """
        with self._alone():
            if self.auth_token_text() != before:
                raise Trouble("the auth token has just been changed by somebody else: look again")
            if tokens.next:
                self._put(tokens)
                self.home.remember(AUTH_TOKEN, tokens.text())
                return
            info, plan = read_json(self.home.info), read_json(self.home.plan)
            for path, content in ((self.home.info, info), (self.home.plan, plan)):
                if isinstance(content, dict):
                    write_json(path, {**content, "auth_token": tokens.token})
            self.home.remember(AUTH_TOKEN, tokens.text())
            self._put(tokens)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home.path / "auth-token.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _put(self, tokens: AuthTokens) -> None:
        client = self.client("secretsmanager")
        client.put_secret_value(SecretId=self._auth_token_secret, SecretString=tokens.text())

    @property
    def _auth_token_secret(self) -> str:
        return str(self._plan["physical"]["AuthToken"]["ref"])

    def api_key(self, rest: Rest, purpose: str, seconds: int) -> ApiKey:
        """The API key of this home."""
        return self._key

    def client(self, service: str) -> Any:
        """A client of the emulator of a service."""
        import boto3
        from botocore.config import Config

        if service in _ON_GATEWAY:
            url = self.rest_url + _ON_GATEWAY[service]
        else:
            url = self._plan["dynamodb" if service == "dynamodb" else "ministack"]
        # On this machine an emulator that does not answer at once is not running, so few attempts are enough.
        config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=10)
        return boto3.client(service, endpoint_url=url, config=config, **_KEYS)

    def has_queue(self, logical_id: str) -> bool:
        """Whether the run has the queue."""
        return logical_id in self._plan["physical"]

    def queue_url(self, logical_id: str) -> str:
        """The queue's URL in the emulator."""
        return str(self._plan["physical"][logical_id]["ref"])

    def table_name(self) -> str:
        """The table's name in the emulator."""
        return str(self._plan["physical"]["Table"]["ref"])

    def output(self, name: str) -> str:
        """One of the outputs of the run."""
        return str(self._plan.get("outputs", {}).get(name, ""))

    def parameter(self, name: str) -> str:
        """One of the parameters of the run."""
        return str(self._plan.get("parameters", {}).get(name, ""))

    def status(self) -> dict[str, Any]:
        """The processes."""
        processes = read_json(self.home.processes, {})
        parts = [
            {"name": name, "state": f"process {entry['pid']}" if alive else "has died", "well": alive}
            for name, entry in processes.items()
            for alive in [_is_alive(entry["pid"])]
        ]
        parts += [{"name": name, "state": "does not run", "well": False} for name in _PARTS if name not in processes]
        return {"home": str(self.home.path), "engine": self._plan["engine"], "parts": parts}

    # Logs.

    def log(self, query: LogQuery, follow: bool) -> Iterator[LogLine]:
        """The lines of `logs/`, file by file in the order of their times, and then those that come."""
        readers: dict[Path, _LogReader] = {}
        found = [line for line in self._new_lines(readers) if _is_wanted(line, query)]
        yield from sorted(found, key=lambda line: line.at_ms)
        while follow:
            time.sleep(_LOOK_SECONDS)
            yield from (line for line in self._new_lines(readers) if _is_wanted(line, query))

    def _new_lines(self, readers: dict[Path, _LogReader]) -> Iterator[LogLine]:
        for path in sorted(self.home.logs.glob("*.log")):
            yield from readers.setdefault(path, _LogReader(path)).new()


class _LogReader:
    """Reads one file as it grows. A process that starts again begins its file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._identity: tuple[int, int] | None = None
        self._last_ms = 0
        self._rest = b""

    def new(self) -> Iterator[LogLine]:
        """The whole lines that have come since the last call."""
        try:
            with self._path.open("rb") as file:
                state = os.fstat(file.fileno())
                identity = state.st_dev, state.st_ino
                if identity != self._identity or state.st_size < self._read:
                    self._identity, self._read, self._rest = identity, 0, b""
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return
        self._read += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace")
            source, at_ms = _origin(text)
            # A line without a time, as in a traceback, goes with the line before it.
            self._last_ms = at_ms or self._last_ms
            yield LogLine(source or self._path.stem, self._last_ms, text)


# As Python's logging writes local times, and as hypercorn does.
_LOCAL_TIME = re.compile(r"\[?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:,(\d{3}))?")


def _origin(text: str) -> tuple[str, int]:
    """The function that wrote a line, and when; empty and 0 if the line does not say so."""
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            return "", 0
        at_ms = parse_iso(str(fields.get("timestamp", ""))) or int(fields.get("_aws", {}).get("Timestamp", 0))
        return str(fields.get("service", "")), at_ms
    if match := _LOCAL_TIME.match(text):
        moment = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").astimezone(UTC)
        return "", int(moment.timestamp()) * 1000 + int(match[2] or 0)
    return "", 0


def _is_wanted(line: LogLine, query: LogQuery) -> bool:
    if query.sources and line.source not in query.sources:
        return False
    return line.at_ms >= query.since_ms and all(text in line.text for text in query.holding)


def _home() -> Home:
    if os.environ.get("PARLEY_HOME"):
        return Home.from_environment()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ".parley" / "local.json").is_file():
            return Home(folder / ".parley")
    return Home(REPOSITORY / ".parley")


def _is_alive(pid: Any) -> bool:
    if type(pid) is not int or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
