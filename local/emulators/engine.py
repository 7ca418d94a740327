"""AWS on loopback: MiniStack for queues, files and secrets, Dynoxide or MiniStack for the table and its stream.

Both keep their state in the home. Dynoxide writes every change to disk before it answers, and so does MiniStack with
files. MiniStack writes all other state when it is asked to stop, so a killed one comes back as it was when it last
stopped cleanly.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

from local.emulators import dynoxide
from local.home import Home
from local.process import processes
from local.template.declared import REGION

_START_SECONDS = 20
_STOP_SECONDS = 10
_SERVICES = "dynamodb,dynamodbstreams,s3,secretsmanager,sns,sqs"
# MiniStack checks presigned links, which must be signed with these; nothing else is checked.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


# botocore alone: importing boto3 takes each process of a stack another 0.15 s and offers nothing that is used here.
# A session reads the descriptions of services once. Only one thread at a time may make clients from it.
_session = cache(Session)
_making_clients = threading.Lock()


class EmulatorFailed(Exception):
    """An emulator did not start."""


@dataclass
class Endpoints:
    """Running emulators, and where to reach them."""

    engine: str
    dynamodb: str
    ministack: str
    children: dict[str, processes.Child] = field(default_factory=dict)
    note: str = ""

    def environment(self) -> dict[str, str]:
        """The variables with which any AWS client finds the emulators, and nothing but them."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.dynamodb,
            "AWS_ENDPOINT_URL_S3": self.ministack,
            "AWS_ENDPOINT_URL_SQS": self.ministack,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.ministack,
            # A request to any other service fails at once instead of going to the real AWS.
            "AWS_ENDPOINT_URL": self.ministack,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **CREDENTIALS,
        }

    def client(self, service: str) -> Any:
        """A botocore client for one of the emulated services."""
        with _making_clients:
            return _session().create_client(
                service,
                endpoint_url=self.dynamodb if service.startswith("dynamodb") else self.ministack,
                region_name=REGION,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                config=Config(parameter_validation=False, account_id_endpoint_mode="disabled", max_pool_connections=32),
            )

    def stop(self) -> bool:
        """Stop the emulators; returns whether all of them saved their state and ended without being killed."""
        ended = [processes.stop(child, _STOP_SECONDS) for child in self.children.values()]
        return all(ended)


def start_engine(
    home: Home,
    engine: str | None = None,
    report: Callable[[str], None] = lambda line: None,
    *,
    forks: bool = False,
) -> Endpoints:
    """Start the emulators with the state that `home` holds.

    `engine` is `dynoxide` or `ministack`; by default `PARLEY_ENGINE`, else Dynoxide if it is found or can be fetched.
    With `forks`, MiniStack is a fork of this process; `processes.fork` says what that demands.
    Call `stop` on the result. On Linux the emulators also end with the calling thread.
    """
    home.create()
    wanted = engine or os.environ.get("PARLEY_ENGINE") or ""
    if wanted not in ("", "dynoxide", "ministack"):
        raise EmulatorFailed(f"PARLEY_ENGINE must be dynoxide or ministack, not {wanted!r}")
    binary, reason = (None, "") if wanted == "ministack" else dynoxide.find(report)
    if binary is None and wanted == "dynoxide":
        raise EmulatorFailed(f"Dynoxide is not available: {reason}")
    children: dict[str, processes.Child] = {}
    try:
        ministack = _start_ministack(home, children, forks=forks)
        if binary is None:
            note = "MiniStack keeps the table in memory: after a kill it comes back as of the last clean stop"
            endpoints = Endpoints("ministack", ministack, ministack, children, f"{note}{reason and f' ({reason})'}.")
        else:
            endpoints = Endpoints("dynoxide", _start_dynoxide(home, binary, children), ministack, children)
    except BaseException:
        for child in children.values():
            processes.stop(child, _STOP_SECONDS)
        raise
    before = home.recall("engine")
    if before not in (None, endpoints.engine):
        endpoints.note += f" Earlier runs stored their data with {before}; PARLEY_ENGINE={before} uses it again."
    home.remember("engine", endpoints.engine)
    return endpoints


def _start_ministack(home: Home, children: dict[str, processes.Child], *, forks: bool) -> str:
    # The same port each time, because MiniStack keeps the addresses of its queues with their messages.
    port = free_port(home.recall("ministack_port"))
    home.remember("ministack_port", port)
    folder = home.path / "ministack"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": _SERVICES,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # MiniStack would look for containers to tidy up, and they would not be its own.
        "DOCKER_HOST": f"unix://{folder}/no-docker",
    }
    log = home.logs / "ministack.log"
    if forks:
        children["ministack"] = processes.fork(_run_ministack, log, environment)
    else:
        children["ministack"] = processes.spawn(_ministack_command(home), log, environment)
    # MiniStack loads two more services to answer for its health.
    wait_for_answer(children["ministack"], port, "/_ministack/ready", log)
    return f"http://127.0.0.1:{port}"


def _ministack_command(home: Home) -> list[str]:
    # The option only puts the home into the command line, so that a later start recognises a leftover.
    return [sys.executable, "-X", f"parley_home={home.path}", "-m", "ministack"]


def _run_ministack() -> None:
    sys.argv = ["ministack"]
    from ministack.app import main

    main()


def _start_dynoxide(home: Home, binary: Path, children: dict[str, processes.Child]) -> str:
    port = free_port(None)
    folder = home.path / "dynoxide"
    folder.mkdir(exist_ok=True)
    database = folder / "table.sqlite"
    log = home.logs / "dynoxide.log"
    children["dynoxide"] = processes.spawn(dynoxide.command(binary, port, database), log)
    wait_for_answer(children["dynoxide"], port, "/", log)
    dynoxide.index_stream(database)
    return f"http://127.0.0.1:{port}"


def free_port(preferred: int | None = None) -> int:
    for candidate in (preferred, 0):
        if candidate is not None:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", candidate))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
    raise EmulatorFailed("no free port on 127.0.0.1")


def wait_for_answer(child: processes.Child, port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise EmulatorFailed(f"{log.stem} ended at once (exit {child.returncode}); see {log}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
        finally:
            connection.close()
    raise EmulatorFailed(f"{log.stem} did not answer within {_START_SECONDS} s; see {log}")
