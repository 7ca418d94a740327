"""Work that is done while the caller waits for something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Meanwhile(Generic[T]):
    """A piece of work that a thread of its own does once `start` is called.

    As a context manager, it waits at the end for the thread: Lambda freezes what still runs when a function returns.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        # The thread counts and logs for this invocation.
        self._context = copy_context()
        self._work = work
        self._done: Future[T] = Future()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = Thread(target=self._context.run, args=(self._do,), daemon=True)
            self._thread.start()

    def result(self) -> T:
        """Wait for the outcome, or raise what the work raised. Work that was not started is done in this thread."""
        return self._work() if self._thread is None else self._done.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def _do(self) -> None:
        try:
            self._done.set_result(self._work())
        except BaseException as error:
            self._done.set_exception(error)
