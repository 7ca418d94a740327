"""Refusals against the reference: an operation refuses nothing for a reason that its page does not name.

Tests that act at random, or from several threads at once, may be refused for a reason that nobody has seen before. They
must not fail by chance, so their refusals are not checked.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import currently_in_test_context

from parley.errors import VERB_NOT_ALLOWED
from tools.api import refusals

# Where tests write what they have provoked, for `python -m tools.api.refusals`.
_FOLDER = os.environ.get("PARLEY_REFUSALS", "")


class NotInReference(AssertionError):
    """A refusal that the reference does not name."""


def check(base_url: str, method: str, url: str, status: int, text: str) -> None:
    """Check an answer, if it is a refusal of one of the operations.

    Raises:
        NotInReference: see the class.
    """
    if status < 400 or not text.startswith("{") or method == "HEAD":
        return
    offered = refusals.offered_at(method, urlsplit(url.removeprefix(base_url)).path)
    told = json.loads(text)
    if offered is None or "code" not in told:
        return
    column = offered.mount.face.errors
    error = refusals.error_of(column, status, told["code"], told["message"])
    if error is VERB_NOT_ALLOWED or (error is not None and error in refusals.of(offered.mount, offered.verb)):
        return
    where = refusals.asked(offered.mount, offered.verb)
    if not _FOLDER and _is_by_chance():
        return
    if not _FOLDER or error is None:
        raise NotInReference(f"{where} answered {status} {text}: tools/api/refusals.py says how to declare that")
    with (Path(_FOLDER) / f"{os.getpid()}.txt").open("a", encoding="utf-8") as file:
        file.write(f"{where} {error.name}\n")


def _is_by_chance() -> bool:
    """Whether another run of the same test may ask for something else, or at another moment."""
    return currently_in_test_context() or threading.current_thread() is not threading.main_thread()
