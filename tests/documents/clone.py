"""The folder in which a reader follows a page: it looks like a clone beside a running stack, and the blocks run in it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import inspect
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twilio.base.exceptions import TwilioRestException
from twilio.jwt.access_token.grants import ChatGrant

import parley_client
from local.home import REPOSITORY
from local.stack.running import Stack
from parley_client import Client, File
from tests.documents.blocks import ENDLESS, Block
from tests.end_to_end.clients import access_token, helper_library
from tests.support import node_packages
from tests.support.push import CERTIFICATE, PRIVATE_KEY, SERVICE_ACCOUNT
from tests.support.waiting import until

_PATIENCE_SECONDS = 120
# Programs that go on until the reader ends them, and the port at which each answers; None if it only prints.
LASTING = (
    (re.compile(r"echo_bot\.py"), None),
    (re.compile(r"moderator\.py"), "8091"),
    (re.compile(r"hooks\.(py|mjs)"), "8092"),
    (re.compile(r"server\.(py|mjs)"), "8090"),
)
_INSTALLS = re.compile(r"(?:\.venv/bin/)?(pip|npm) install (.*)")
_PORT = re.compile(r"\b(809\d)\b")
# Answers that are refusals end the block.
_SHELL = (
    'set -eu -o pipefail\ncurl() { command curl --silent --show-error --fail-with-body --noproxy "*" "$@"; echo; }\n'
)
# The reader has one service, and the stack that tests share has many.
_PROGRAM = """#!/bin/sh
case " $* " in *" --service "*) ;; *" token "*|*" push "*|*" console "*) set -- "$@" --service {service} ;; esac
cd "{repository}" && PYTHONPATH=layers/common/python:. exec "{python}" -m cli "$@"
"""
# As much of jq as the pages use: `jq -r .name`.
_JQ = "import json, sys\nprint(json.load(sys.stdin)[sys.argv[2].removeprefix('.')])\n"


class Failed(Exception):
    """A block failed; the text is what it printed."""


class Clone:
    """A folder like a clone, beside a stack whose default service has a channel `general` with alice, bob and a message."""

    def __init__(self, folder: Path, stack: Stack, modules: Path) -> None:
        self.folder = folder
        self._stack = stack
        self._modules = modules
        self._ports: dict[str, int] = {}
        self._lasting: dict[str, subprocess.Popen[str]] = {}
        self._printed = ""
        self._started = 0
        self._python: dict[str, Any] = {}
        self._client: Client | None = None
        self._loop = asyncio.Runner()
        self._twilio = helper_library(stack.info)
        self.service_sid = self._twilio.conversations.v1.configuration().fetch().default_chat_service_sid
        self._credential = self._twilio.chat.v2.credentials.create(type="fcm", secret=SERVICE_ACCOUNT).sid
        self._open_general()
        self._settle()

    def _open_general(self) -> None:
        service = self._twilio.chat.v2.services(self.service_sid)
        with contextlib.suppress(TwilioRestException):  # the pages before have made it
            service.channels.create(unique_name="general")
        for identity in ("alice", "bob"):
            with contextlib.suppress(TwilioRestException):
                service.channels("general").members.create(identity=identity)
        service.channels("general").messages.create(from_="alice", body="Hello")

    def _settle(self) -> None:
        """Put in place what a reader has who has cloned the repository and started the stack."""
        kept = self.folder / ".parley"
        kept.mkdir()
        (kept / "local.json").write_text(json.dumps(self._stack.info))
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        program = _PROGRAM.format(repository=REPOSITORY, python=sys.executable, service=self.service_sid)
        # A link would take the folder's packages for those of Python.
        for path in (programs / "python", self.folder / "parley", programs / "parley"):
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n' if path.name == "python" else program)
            path.chmod(0o755)
        if not shutil.which("jq"):  # not every machine has it
            (programs / "jq").write_text(f"#!{sys.executable}\n{_JQ}")
            (programs / "jq").chmod(0o755)
        for name in ("clients", "local"):
            (self.folder / name).symlink_to(REPOSITORY / name)
        if (REPOSITORY / "examples").exists():
            shutil.copytree(
                REPOSITORY / "examples", self.folder / "examples", ignore=shutil.ignore_patterns("node_modules")
            )
        (self.folder / "node_modules").symlink_to(self._modules)
        for name, content in (
            *(("cat.png", "a picture"), ("film.mp4", "a film")),
            *(("service-account.json", SERVICE_ACCOUNT), ("cert.pem", CERTIFICATE)),
            *(("key.pem", PRIVATE_KEY), ("AuthKey.p8", PRIVATE_KEY)),
            *(("holiday/beach.jpg", "a picture"), ("holiday/film.mp4", "a film")),
        ):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        for folder in ("downloads", ".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
            (self.folder / folder).mkdir(parents=True)

    def token(self, identity: str) -> str:
        grant = ChatGrant(service_sid=self.service_sid, push_credential_sid=self._credential)
        return access_token(self._stack.info, self.service_sid, identity, grants=[grant])

    def _here(self, text: str) -> str:
        """A text of a page with this stack's addresses, with free ports for the page's, and with what its reader fills in."""
        info = self._stack.info
        text = text.replace("http://127.0.0.1:8080", info["rest_url"]).replace("ws://127.0.0.1:8080/ws", info["ws_url"])
        text = _PORT.sub(lambda found: str(self._port(found[1])), text)
        text = text.replace("IS…", self.service_sid).replace("<id>", self._last(r'"id": ?"([^"]+)"'))
        return re.sub(r"\b([A-Z]{2})…", lambda found: self._last(rf"\b({found[1]}[0-9a-f]{{32}})\b"), text)

    def _last(self, pattern: str) -> str:
        """What a block printed last that looks so; empty if none has."""
        return (re.findall(pattern, self._printed) or [""])[-1]

    def _port(self, shown: str) -> int:
        if shown not in self._ports:
            self._ports[shown] = _free_port()
        return self._ports[shown]

    @property
    def _environment(self) -> dict[str, str]:
        info = self._stack.info
        programs = self.folder / ".venv" / "bin"
        return node_packages.environment(
            ACCOUNT_SID=info["account_sid"],
            AUTH_TOKEN=info["auth_token"],
            REST_URL=info["rest_url"],
            SERVICE_SID=self.service_sid,
            SERVICE=self.service_sid,
            HOME=str(self.folder),
            PARLEY_HOME=str(self._stack.home.path),
            PATH=f"{programs}:{os.environ['PATH']}",
            PYTHONPATH=f"{REPOSITORY / 'clients' / 'python'}",
            PYTHONUNBUFFERED="1",
        )

    def save(self, block: Block) -> None:
        """Write the file that a block shows."""
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._here(block.text), encoding="utf-8")

    def shell(self, block: Block) -> None:
        """Run the commands of a block. A server among them goes on beside, until the page ends."""
        lines = self._here(block.text).splitlines()
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        lines = [line for line in lines if line.partition("#")[0].strip() not in ENDLESS]
        commands: list[str] = []
        for line in lines:
            command = line.partition("#")[0].strip()
            lasting = next((port for name, port in LASTING if name.search(command)), "none")
            if installs := _INSTALLS.fullmatch(command):
                self._check_installed(*installs.groups())
            elif lasting != "none" and not command.startswith("curl"):
                self._start(command, lasting)
            else:
                commands.append(line)
        self._printed += self._run(["bash", "-c", _SHELL + "\n".join(commands)])

    def _check_installed(self, program: str, names: str) -> None:
        """What a page installs is here already, in the version that the tests pin."""
        for name in names.split():
            if (self.folder / name).exists() or name.startswith("-"):
                continue
            if program == "pip":
                importlib.metadata.version(name)
            else:
                assert (self._modules / name).is_dir(), name

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Failed(done.stdout[-4000:])
        return done.stdout

    def expect(self, block: Block) -> None:
        """Wait until each line of a block was printed by what the page has run so far."""
        for line in block.text.strip().splitlines():
            until(
                lambda line=line: line.strip() in self._all_printed, _PATIENCE_SECONDS, f"{line}\n{self._all_printed}"
            )

    @property
    def _all_printed(self) -> str:
        return self._printed + "".join(path.read_text() for path in self.folder.glob("printed-*.log"))

    def _start(self, command: str, shown_port: str | None) -> None:
        """Start a program and wait for its port, or for its first line."""
        if earlier := self._lasting.pop(shown_port or command, None):
            _end(earlier)
        port = self._port(shown_port) if shown_port else 0
        self._started += 1
        printed = self.folder / f"printed-{self._started}.log"
        program = subprocess.Popen(
            ["bash", "-c", f"export PORT={port}; {command}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=printed.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lasting[shown_port or command] = program

        def is_ready() -> bool:
            if program.poll() is not None:
                raise Failed(printed.read_text())
            if not port:
                return printed.stat().st_size > 0
            with contextlib.closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(is_ready, what=f"{command} is ready")

    def python(self, block: Block) -> None:
        """Run Python of a page. All of the page's Python shares one namespace, and may await."""
        with contextlib.chdir(self.folder):
            if not self._python:
                self._python = self._loop.run(self._readers_names())
            code = compile(self._here(block.text), str(block), "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT)
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                told = eval(code, self._python)
                if inspect.iscoroutine(told):
                    self._loop.run(told)
            self._printed += printed.getvalue()

    async def _readers_names(self) -> dict[str, Any]:
        """What the fragments of a page take for granted."""
        info = self._stack.info
        self._client = client = await Client.create(info["ws_url"], lambda: self.token("alice"))
        channel = await client.get_channel_by_unique_name("general")
        await channel.send_media(File(b"a picture", "cat.png"))
        message = (await channel.get_messages(1)).items[0]
        return {
            **{name: value for name, value in vars(parley_client).items() if not name.startswith("_")},
            "__name__": "page",
            "local": info,
            "rest_url": info["rest_url"],
            "url": info["ws_url"],
            "account_sid": info["account_sid"],
            "auth_token": info["auth_token"],
            "service_sid": self.service_sid,
            "make_token": lambda: self.token("alice"),
            "client": client,
            "channel": channel,
            "message": message,
            "picture_bytes": b"a picture",
            "token_of_the_device": "a-token-of-firebase",
            "payload": {"data": {"twi_message_type": "twilio.channel.new_message", "twi_message_id": "RU1"}},
            "show": lambda *told: None,
        }

    def javascript(self, fragments: list[Block], sdk: Path) -> None:
        """Run a page's JavaScript, each block on its own, in one process."""
        if not fragments:
            return
        given = {
            "info": self._stack.info,
            "service_sid": self.service_sid,
            "tokens": [self.token("alice")],
            "node_modules": str(self._modules),
            "sdk": str(sdk),
            "fragments": [{"name": str(block), "text": self._here(block.text)} for block in fragments],
        }
        path = self.folder / "fragments.json"
        path.write_text(json.dumps(given))
        self._run(["node", str(Path(__file__).with_name("reader.mjs")), str(path)])

    def close(self) -> None:
        for program in self._lasting.values():
            _end(program)
        if self._client:
            self._loop.run(self._client.shutdown())
        self._loop.close()


def _free_port() -> int:
    """A free port that the system gives to no connection until the program listens on it."""
    while True:
        port = random.randrange(20_000, 30_000)  # systems take theirs from above
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _end(program: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    program.wait(30)


@contextlib.contextmanager
def clone(folder: Path, stack: Stack, modules: Path) -> Iterator[Clone]:
    made = Clone(folder, stack, modules)
    try:
        yield made
    finally:
        made.close()
