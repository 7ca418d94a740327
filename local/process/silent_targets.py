"""Tells at the terminal which webhook targets do not answer.

The functions log each attempt of a webhook. A target that gives no answer is shown once, and again only after it has
answered in between.
"""

from __future__ import annotations

import logging
import sys
import threading

from local.process.report import problem


class SilentTargets(logging.Handler):
    """Reads the functions' log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._silent: set[str] = set()
        self._changing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg != "webhook":
            return
        facts = vars(record)
        host = str(facts.get("host"))
        with self._changing:
            was_silent = host in self._silent
            if facts.get("outcome") != "unreachable":
                self._silent.discard(host)
                return
            self._silent.add(host)
        if not was_silent:
            problem(f"webhook {facts.get('EventType')}: {host} does not answer ({facts.get('reason')})")


def watch_targets() -> None:
    """Follow the log of the functions that this process has loaded, if they are Parley's."""
    if log := sys.modules.get("parley.log"):
        log.logger.addHandler(SilentTargets())
