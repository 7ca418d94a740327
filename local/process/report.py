"""Shows a problem at the terminal in one line, from any process of the stack.

Child processes write problems to a pipe, and the supervisor prints them. All their other output goes to their logs.
"""

from __future__ import annotations

import contextlib
import logging
import os

_LONGEST = 400
_target: int | None = None
logger = logging.getLogger("local")


def report_to(descriptor: int) -> None:
    """Write problems to this file descriptor, in addition to the log."""
    global _target
    _target = descriptor


def problem(text: str) -> None:
    """Report a problem."""
    logger.warning("%s", text)
    if _target is not None:
        line = " ".join(text.split())[:_LONGEST]
        with contextlib.suppress(OSError):
            os.write(_target, f"{line}\n".encode())  # below PIPE_BUF, hence never mixed with another process's line
