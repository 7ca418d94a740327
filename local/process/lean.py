"""Keeps the processes of a stack small."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import botocore.session
from botocore.loaders import Loader

_ARENA_MAX = -8
"""The name of this setting in `malloc.h`."""

_ENDPOINTS = ("dynamodb", "s3", "secretsmanager", "sns", "sqs", "streams.dynamodb")
"""The services of which clients are made here, by the names of their endpoints."""


class _LeanLoader(Loader):  # type: ignore[misc]
    """Reads what botocore knows of AWS, but keeps the endpoints of a few services only."""

    def load_data_with_path(self, name: str) -> Any:
        data, path = super().load_data_with_path(name)
        if name == "endpoints":
            for partition in data["partitions"]:
                known = partition["services"]
                partition["services"] = {name: known[name] for name in _ENDPOINTS if name in known}
        return data, path


@cache
def _loader(_: str | None) -> Loader:
    return _LeanLoader()


def keep_small() -> None:
    """Set this process up. Call it before the first session of botocore and the first thread.

    All sessions of botocore share what they read from files; each would keep it for itself, up to 10 MB. The C library
    takes memory from one place; otherwise each thread gets a place of its own, and keeps it.
    """
    botocore.session.create_loader = _loader
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_ARENA_MAX, 1)
