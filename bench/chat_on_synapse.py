"""Matrix Synapse as a chat server: people who poll `/sync` for as long as it takes, and messages by PUT.

Synapse runs as a small installation would: one process, SQLite, its own defaults. Its rate limits are lifted.
Federation and presence are switched off.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.chat import Http, Listening
from local.emulators.engine import free_port
from local.home import REPOSITORY

PYTHON = REPOSITORY / ".venv-synapse" / "bin" / "python"
_MODULE = "synapse.app.homeserver"
_START_SECONDS = 60
_CLIENT = "/_matrix/client/v3"
_FILTER = json.dumps({"presence": {"not_types": ["*"]}, "room": {"ephemeral": {"not_types": ["*"]}}})
_UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}
_SECRET = "bench"
_SETTINGS: Mapping[str, Any] = {
    "server_name": "bench.test",
    "report_stats": False,
    "suppress_key_server_warning": True,
    "trusted_key_servers": [],
    "federation_domain_whitelist": [],
    "presence": {"enabled": False},
    "enable_registration": False,
    "registration_shared_secret": _SECRET,
    "macaroon_secret_key": _SECRET,
    "form_secret": _SECRET,
    **{
        f"rc_{name}": _UNLIMITED
        for name in ("message", "registration", "joins_per_room", "room_creation", "user_directory", "key_requests")
    },
    "rc_login": {"address": _UNLIMITED, "account": _UNLIMITED, "failed_attempts": _UNLIMITED},
    "rc_joins": {"local": _UNLIMITED, "remote": _UNLIMITED},
    "rc_invites": {"per_room": _UNLIMITED, "per_user": _UNLIMITED, "per_issuer": _UNLIMITED},
}


class NotInstalled(Exception):
    """`make synapse-environment` has not been run, or could not install Synapse."""


class SyncingPerson:
    """Somebody whose client polls `/sync`."""

    def __init__(self, http: Http, token: str, since: str) -> None:
        self.listening = Listening()
        self._http = http
        self._token = token
        self._numbers = count()
        self._polling = asyncio.create_task(self._poll(since))

    async def _poll(self, since: str) -> None:
        while True:
            query = {"since": since, "timeout": "30000", "filter": _FILTER}
            answer = await self._http.ask("GET", f"{_CLIENT}/sync", token=self._token, query=query)
            since = answer["next_batch"]
            for room in answer.get("rooms", {}).get("join", {}).values():
                events = room.get("timeline", {}).get("events", [])
                bodies = [event["content"]["body"] for event in events if event["type"] == "m.room.message"]
                self.listening.note(*bodies)

    async def send(self, room: str, body: str) -> None:
        await _put(self._http, self._token, room, f"s{next(self._numbers)}", body)

    async def close(self) -> None:
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)


class SynapseServer:
    """A Synapse of its own in `home`."""

    def __init__(self, process: subprocess.Popen[bytes], http: Http) -> None:
        self.pid = process.pid
        self._process = process
        self._http = http
        self._tokens: dict[str, str] = {}
        self._numbers = count()

    @classmethod
    async def start(cls, home: Path) -> SynapseServer:
        """Start it and wait until it answers; raises `NotInstalled`."""
        if not PYTHON.exists():
            raise NotInstalled("Synapse is not installed: make synapse-environment installs it")
        port = free_port()
        process = await asyncio.to_thread(_spawn, home, port)
        http = Http(f"http://127.0.0.1:{port}")
        try:
            await _await_answer(process, http, home)
        except BaseException:
            await http.close()
            process.kill()
            process.wait()
            raise
        return cls(process, http)

    async def _token(self, name: str) -> str:
        """The access token of a user, who is registered when first asked for."""
        if name not in self._tokens:
            path = "/_synapse/admin/v1/register"
            nonce = (await self._http.ask("GET", path))["nonce"]
            localpart = name.replace(" ", "_")
            signed = "\0".join((nonce, localpart, _SECRET, "notadmin")).encode()
            user = {"nonce": nonce, "username": localpart, "password": _SECRET, "admin": False}
            mac = hmac.new(_SECRET.encode(), signed, hashlib.sha1).hexdigest()
            self._tokens[name] = (await self._http.ask("POST", path, json={**user, "mac": mac}))["access_token"]
        return self._tokens[name]

    async def room(self, *names: str) -> str:
        first, *others = [await self._token(name) for name in names]
        settings = {"preset": "public_chat", "visibility": "private"}
        created = await self._http.ask("POST", f"{_CLIENT}/createRoom", token=first, json=settings)
        for token in others:
            await self._http.ask("POST", f"{_CLIENT}/join/{quote(created['room_id'])}", token=token, json={})
        return str(created["room_id"])

    async def person(self, name: str) -> SyncingPerson:
        token = await self._token(name)
        answer = await self._http.ask("GET", f"{_CLIENT}/sync", token=token, query={"filter": _FILTER})
        return SyncingPerson(self._http, token, answer["next_batch"])

    async def post(self, room: str, author: str, body: str) -> None:
        await _put(self._http, await self._token(author), room, f"p{next(self._numbers)}", body)

    async def close(self) -> None:
        await self._http.close()
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 30)


async def _put(http: Http, token: str, room: str, number: str, body: str) -> None:
    path = f"{_CLIENT}/rooms/{quote(room)}/send/m.room.message/{number}"
    await http.ask("PUT", path, token=token, json={"msgtype": "m.text", "body": body})


def _spawn(home: Path, port: int) -> subprocess.Popen[bytes]:
    home.mkdir(parents=True)
    settings = {
        **_SETTINGS,
        "listeners": [
            {
                "type": "http",
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "tls": False,
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(home / "synapse.db")}},
        "media_store_path": str(home / "media"),
        "signing_key_path": str(home / "signing.key"),
        "pid_file": str(home / "pid"),
        "log_config": str(home / "log.yaml"),
    }
    # JSON is YAML too.
    (home / "synapse.yaml").write_text(json.dumps(settings))
    handler = {"class": "logging.FileHandler", "filename": str(home / "synapse.log")}
    log = {"version": 1, "handlers": {"file": handler}, "root": {"level": "WARNING", "handlers": ["file"]}}
    (home / "log.yaml").write_text(json.dumps({**log, "disable_existing_loggers": False}))
    command = [str(PYTHON), "-m", _MODULE, "-c", str(home / "synapse.yaml")]
    with (home / "printed.log").open("wb") as printed:
        subprocess.run([*command, "--generate-keys"], cwd=home, stdout=printed, stderr=printed, check=True)
        return subprocess.Popen(command, cwd=home, stdout=printed, stderr=printed)


async def _await_answer(process: subprocess.Popen[bytes], http: Http, home: Path) -> None:
    for _ in range(_START_SECONDS * 10):
        if process.poll() is not None:
            raise NotInstalled(f"Synapse did not start: {(home / 'printed.log').read_text()[-1000:]}")
        try:
            await http.ask("GET", "/_matrix/client/versions")
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise NotInstalled(f"Synapse did not answer within {_START_SECONDS} s")
