"""The functions of the template, loaded into this process and called as Lambda would call them.

Each `app.py` is imported once, under a name of its own, while the environment holds that function's variables:
settings are read at import. Calls may come from many threads at once. Events and results are turned into JSON and
back, so a handler can neither change its caller's data nor return what Lambda could not carry.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from local.template.declared import Function

PAYLOAD_LIMIT = 6 * 1024 * 1024
_SERVICE = "POWERTOOLS_SERVICE_NAME"
logger = logging.getLogger("local.functions")
_importing = threading.Lock()
# The name under which the function that runs here logs. In Lambda each function has a logger of its own.
_service: ContextVar[str] = ContextVar("service", default="")


class FunctionError(Exception):
    """The handler raised, ran out of time, or returned what is not JSON."""


class PayloadTooLarge(Exception):
    """The invocation is larger than the 6 MB that Lambda takes."""


class Context:
    """The second argument of a handler."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, function: Function, deadline: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self.function_name = function.name
        self.memory_limit_in_mb = str(function.memory_megabytes)
        self.invoked_function_arn = function.arn
        self.log_group_name = f"/local/{function.name}"
        self.log_stream_name = str(os.getpid())
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class LoadedFunction:
    """One function, ready to be called."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self._handler = _load(function)

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Call the handler in this thread; returns its result or raises `FunctionError`. It has no time limit here."""
        payload = json.dumps(event)
        if len(payload) > PAYLOAD_LIMIT:
            raise PayloadTooLarge(f"{self.function.name}: an invocation of {len(payload)} bytes")
        context = Context(self.function, time.monotonic() + self.function.timeout_seconds)
        named = _service.set(self.function.environment.get(_SERVICE, self.function.name))
        try:
            result = json.dumps(self._handler(json.loads(payload), context))
        except (Exception, SystemExit) as error:
            logger.exception("%s raised, request %s", self.function.name, context.aws_request_id)
            raise FunctionError(f"{type(error).__name__} in {self.function.name}") from error
        finally:
            _service.reset(named)
        if len(result) > PAYLOAD_LIMIT:
            raise FunctionError(f"{self.function.name} returned {len(result)} bytes, Lambda takes {PAYLOAD_LIMIT}")
        return json.loads(result)


class Invoker:
    """Calls functions in worker threads. Each has an event loop, as the main thread of a Lambda function has."""

    def __init__(self, functions: Mapping[str, Function], wanted: Iterator[str], threads: int) -> None:
        self._loaded = {name: LoadedFunction(functions[name]) for name in wanted}
        _share_logger()
        # What was loaded stays. Looking at all of it again takes the collector 20 ms, in which every call waits.
        gc.collect()
        gc.freeze()
        self._threads = ThreadPoolExecutor(threads, "invoke", initializer=_set_event_loop)

    def submit(self, name: str, event: Mapping[str, Any]) -> Future[Any]:
        """Start a call; the future brings its result or `FunctionError`."""
        return self._threads.submit(self._loaded[name].invoke, event)

    def call(self, name: str, event: Mapping[str, Any]) -> Any:
        """Call a function and wait, at most for its time-out. A call that takes longer runs on without being heard."""
        future = self.submit(name, event)
        timeout = self.timeout_seconds(name)
        try:
            return future.result(timeout)
        except TimeoutError:
            logger.error("%s took longer than its %s s", self._loaded[name].function.name, timeout)
            raise FunctionError(f"{name} timed out after {timeout} s") from None

    def timeout_seconds(self, name: str) -> int:
        return self._loaded[name].function.timeout_seconds

    def close(self) -> None:
        """Take no more calls. Calls that are running go on until they return or the process ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _share_logger() -> None:
    """Let each line of the logger that all functions share here name the function that logs it."""
    if (module := sys.modules.get("parley.log")) is None:
        return
    handler = module.logger.registered_handler
    if not any(isinstance(known, _Named) for known in handler.filters):
        handler.addFilter(_Named(str(module.logger.service)))
        module.logger.remove_keys(["service"])


class _Named(logging.Filter):
    def __init__(self, otherwise: str) -> None:
        super().__init__()
        self._otherwise = otherwise

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__["service"] = _service.get() or self._otherwise
        return True


def _set_event_loop() -> None:
    # Mangum asks for the thread's event loop, and Python makes one for the main thread only.
    asyncio.set_event_loop(asyncio.new_event_loop())


def _load(function: Function) -> Any:
    module_name, attribute = function.handler.rsplit(".", 1)
    path = function.directory.joinpath(*module_name.split(".")).with_suffix(".py")
    for library in function.libraries:
        if str(library) not in sys.path:
            sys.path.insert(0, str(library))
    specification = importlib.util.spec_from_file_location(f"function_{function.logical_id}", path)
    if specification is None or specification.loader is None or not path.is_file():
        raise FunctionError(f"{function.logical_id}: there is no {path}")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    with _importing, _environment(function):
        specification.loader.exec_module(module)
    return getattr(module, attribute)


@contextmanager
def _environment(function: Function) -> Iterator[None]:
    """The environment with this function's variables and without those of other functions."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("PARLEY_", "POWERTOOLS_"))]:
        del os.environ[name]
    os.environ.update(
        function.environment,
        AWS_LAMBDA_FUNCTION_NAME=function.name,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(function.memory_megabytes),
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
