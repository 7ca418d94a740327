"""Starts a local stack, watches over its processes, and stops it so that nothing is left behind.

    emulators -> resources -> gateway and pump -> API key -> ready
    gateway or pump dies: it is started again; an emulator dies: everything is stopped, since its state may be gone
    stopping: gateway, pump, emulators, in this order, so that each still finds what it needs to finish

The supervisor listens on the port and lends the socket to the gateway. While the gateway is started again, clients wait
instead of being refused.
"""

from __future__ import annotations

import http.client
import importlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local.emulators.engine import EmulatorFailed, Endpoints, start_engine
from local.emulators.provision import provision, provision_buckets, secret_text
from local.home import Home, InUse, write_json
from local.phones.push_door import SNS_PATH
from local.process import processes
from local.process.functions import FunctionError
from local.process.lean import keep_small
from local.process.plan import (
    CONNECTIONS_PATH,
    HEALTH_PATH,
    SMS_VOICE_PATH,
    SOCIAL_MESSAGING_PATH,
    Descriptors,
    Plan,
    aws_numbers,
    carriers_numbers,
    given_parameters,
    read_template,
)
from local.pump import progress
from local.stack import seed
from local.stack.numbers import enable as enable_numbers
from local.template.bound import BoundTemplate
from local.template.intrinsics import Physical, TemplateError
from local.template.template import Template
from parley.keyring import AuthTokens

_READY_SECONDS = 40
_CHILD_STOP_SECONDS = 6.0
_LOOK_SECONDS = 0.2
_RESTARTS = 5
_RESTART_WINDOW_SECONDS = 60.0
_LOG_TAIL = 3
_BACKLOG = 1024
_PIPE_BYTES = 65_536
_MODULES = {"gateway": "local.gateway.server", "pump": "local.pump.pump"}


class StartFailed(Exception):
    """The stack could not be started, or could not be kept running; the text is printed at the terminal."""


class Supervisor:
    def __init__(self, home: Home, template: Path, host: str, port: int, say: Callable[[str], None]) -> None:
        self.home = home
        self.info: dict[str, str | int | list[str]] = {}
        self._template_path = template
        self._host, self._port = host, port
        self._say = say
        self._endpoints: Endpoints | None = None
        self._children: dict[str, processes.Child] = {}
        self._restarts: list[float] = []
        self._environment: dict[str, str] = {}
        self._has_restored = False
        self._unprinted = b""
        self._pump_ready = home.pump_ready

    # Starting.

    def start(self) -> None:
        """Bring the stack up; raises `StartFailed`."""
        keep_small()
        self.home.create()
        try:
            self.home.lock()
        except InUse as holder:
            raise StartFailed(f"{self.home.path} is in use by another Parley, process {holder}") from None
        self._listening = self._listen()
        address = self._listening.getsockname()
        shown = "127.0.0.1" if address[0] == "0.0.0.0" else address[0]
        rest_url = f"http://{shown}:{address[1]}"
        for name in processes.stop_leftovers(self.home):
            self._say(f"stopped a {name} that an earlier run left behind")
        self.home.info.unlink(missing_ok=True)
        try:
            self._start_parts(rest_url)
        except (EmulatorFailed, FunctionError, TemplateError, seed.SeedFailed) as error:
            raise StartFailed(str(error)) from error

    def _start_parts(self, rest_url: str) -> None:
        template = read_template(self._template_path, self.home, given_parameters())
        if processes.CAN_FORK:
            # Whatever is imported before the first fork, all processes share.
            for module in _MODULES.values():
                importlib.import_module(module)
        self._endpoints = start_engine(self.home, report=self._say, forks=processes.CAN_FORK)
        if self._endpoints.note:
            self._say(self._endpoints.note)
        self._record()
        sqs = self._endpoints.client("sqs")
        progress.discard_queues(self.home, sqs)
        physical = provision(template, self._endpoints, self.home)
        if restored := progress.restore_queues(self.home, sqs):
            self._say(f"the last run was killed: {restored} queued messages are back in their queues")
        self._has_restored = True
        self._account_sid = f"AC{self.home.stack_uuid().replace('-', '')}"
        held = next(secret_text(self.home, secret) for secret in template.secrets() if secret.logical_id == "AuthToken")
        self._auth_token = AuthTokens.read(held).token
        self._prepare_children(template, physical, rest_url)
        for name in _MODULES:
            self._spawn(name)
        # While these import their modules, MiniStack has time for its first bucket.
        provision_buckets(template, self._endpoints)
        self._await_ready(rest_url)
        self._complete(rest_url)

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self._host, self._port))
            listening.listen(_BACKLOG)
        except OSError as error:
            listening.close()
            raise StartFailed(
                f"{self._host}:{self._port} cannot be listened on ({error.strerror}); PARLEY_PORT chooses another port"
            ) from None
        return listening

    def _prepare_children(self, template: Template, physical: dict[str, Physical], rest_url: str) -> None:
        assert self._endpoints is not None
        bound = BoundTemplate(template, physical)
        sockets = bound.socket_api()
        management = f"{rest_url}{CONNECTIONS_PATH}/{sockets.logical_id.lower()}/{sockets.stage}"
        unwanted = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in unwanted},
            **self._endpoints.environment(),
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": management,
            "AWS_ENDPOINT_URL_SNS": rest_url + SNS_PATH,
            "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": rest_url + SMS_VOICE_PATH,
            "AWS_ENDPOINT_URL_SOCIALMESSAGING": rest_url + SOCIAL_MESSAGING_PATH,
            "PYTHONUNBUFFERED": "1",
        }
        Plan(
            home=str(self.home.path),
            template=str(self._template_path),
            parameters=template.parameters,
            outputs=bound.outputs(),
            physical={name: {"ref": one.ref, "attributes": dict(one.attributes)} for name, one in physical.items()},
            engine=self._endpoints.engine,
            dynamodb=self._endpoints.dynamodb,
            ministack=self._endpoints.ministack,
            rest_url=rest_url,
            ws_url=f"{rest_url.replace('http', 'ws', 1)}/ws",
            account_sid=self._account_sid,
            auth_token=self._auth_token,
        ).save()
        lifeline, self._life = os.pipe()
        self._problems, self._problem_end = os.pipe()
        wake_read, wake_write = os.pipe()
        self._descriptors = Descriptors(lifeline, self._problem_end, wake_read, wake_write)
        # While this process is busy with something else, children must not wait until it reads.
        os.set_blocking(self._problem_end, False)

    def _relay(self, seconds: float) -> None:
        """For so long, print the problems that children report. A thread would be in the way of forking."""
        until = time.monotonic() + seconds
        while select.select([self._problems], [], [], max(0.0, until - time.monotonic()))[0]:
            *lines, self._unprinted = (self._unprinted + os.read(self._problems, _PIPE_BYTES)).split(b"\n")
            for line in lines:
                self._say(f"! {line.decode(errors='replace').strip()}")

    def _spawn(self, name: str) -> None:
        if name == "pump":
            self._pump_ready.unlink(missing_ok=True)
        descriptors = self._descriptors.all()
        arguments = [str(self.home.plan), *self._descriptors.arguments()]
        if name == "gateway":
            descriptors += (self._listening.fileno(),)
            arguments.append(str(self._listening.fileno()))
        log = self.home.logs / f"{name}.log"
        if processes.CAN_FORK:
            main = partial(importlib.import_module(_MODULES[name]).main, arguments)
            self._children[name] = processes.fork(main, log, self._environment, descriptors)
        else:
            command = [sys.executable, "-m", _MODULES[name], *arguments]
            self._children[name] = processes.spawn(command, log, self._environment, descriptors)
        self._record()

    def _record(self) -> None:
        assert self._endpoints is not None
        running = {**self._endpoints.children, **self._children}
        processes.record(self.home, {name: child.pid for name, child in running.items()} | {"supervisor": os.getpid()})

    def _await_ready(self, rest_url: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise StartFailed(f"the {name} did not start: {self._tail(name)}")
            if self._pump_ready.exists() and self._is_answering(rest_url):
                return
            self._relay(0.02)
        raise StartFailed(f"the gateway and the pump were not ready within {_READY_SECONDS} s; see {self.home.logs}")

    def _is_answering(self, rest_url: str) -> bool:
        # The supervisor listens already, so a request waits until the gateway answers it.
        connection = http.client.HTTPConnection(rest_url.removeprefix("http://"), timeout=_LOOK_SECONDS)
        try:
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tail(self, name: str) -> str:
        lines = (self.home.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-_LOG_TAIL:]) or "it printed nothing"

    def _complete(self, rest_url: str) -> None:
        key_sid, key_secret = seed.api_key(self.home, rest_url, self._account_sid, self._auth_token)
        parameters = given_parameters()
        numbers, senders = aws_numbers(parameters)
        carriers = [carriers_numbers(parameters, name) for name in ("PhoneNumbers", "WhatsAppSenders")]
        if numbers or senders:
            plan = Plan.load(self.home.plan)
            enable_numbers(plan, plan.bound())
        self.info = {
            "account_sid": self._account_sid,
            "auth_token": self._auth_token,
            "api_key_sid": key_sid,
            "api_key_secret": key_secret,
            "rest_url": rest_url,
            "ws_url": f"{rest_url.replace('http', 'ws', 1)}/ws",
            "sdk_url": f"{rest_url.replace('http', 'ws', 1)}/ws?protocol=twilsock",
            "console_url": f"{rest_url}/console",
            "phone_numbers": [*numbers, *carriers[0]],
            "whatsapp_senders": [*senders, *carriers[1]],
            "carrier_numbers": [*carriers[0], *carriers[1]],
            "pid": os.getpid(),
        }
        write_json(self.home.info, self.info)

    @property
    def engine(self) -> str:
        return self._endpoints.engine if self._endpoints else ""

    # Watching.

    def watch(self) -> None:
        """Watch the processes until interrupted, and restart gateway and pump; raises `StartFailed` if that fails."""
        assert self._endpoints is not None
        while True:
            self._relay(_LOOK_SECONDS)
            for name, child in self._endpoints.children.items():
                if child.poll() is not None:
                    raise StartFailed(f"{name} ended ({_ending(child)}); see {self.home.logs / name}.log")
            for name, started in list(self._children.items()):
                if started.poll() is not None:
                    self._restart(name, started)

    def _restart(self, name: str, child: processes.Child) -> None:
        now = time.monotonic()
        self._restarts = [moment for moment in self._restarts if now - moment < _RESTART_WINDOW_SECONDS] + [now]
        if len(self._restarts) > _RESTARTS:
            raise StartFailed(f"the {name} keeps dying: {self._tail(name)}")
        self._say(f"! the {name} died ({_ending(child)}) and is started again")
        log = self.home.logs / f"{name}.log"
        log.replace(log.with_suffix(".log.previous"))
        self._spawn(name)

    # Stopping.

    def stop(self) -> None:
        """Stop every process. Safe to call at any stage of starting."""
        if not self.home.is_held:
            return  # another Parley uses this home
        self.home.info.unlink(missing_ok=True)
        for name in _MODULES:
            if child := self._children.pop(name, None):
                processes.stop(child, _CHILD_STOP_SECONDS)
                self._relay(0)
        if self._endpoints is not None and self._endpoints.stop() and self._has_restored:
            progress.mark_clean(self.home)
        self.home.processes.unlink(missing_ok=True)
        self._pump_ready.unlink(missing_ok=True)


def _ending(child: processes.Child) -> str:
    code = child.returncode
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit {code}"
