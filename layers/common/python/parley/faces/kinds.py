"""Kinds of values that only a face knows: how it shows what is stored in another form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parley.errors import INVALID_PARAMETER


@dataclass(frozen=True)
class InList:
    """One object, shown as a list with that object; nothing stays null."""

    def parse(self, name: str, values: Sequence[str]) -> Any:
        raise INVALID_PARAMETER(name=name, reason="it cannot be set")

    def show(self, value: Any) -> Any:
        return None if value is None else [value]
