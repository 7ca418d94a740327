"""What `repr` shows of an object: some of its properties, the long ones cut."""

from __future__ import annotations

from collections.abc import Iterable
from reprlib import Repr

_SHORTENED = Repr()
_SHORTENED.maxstring = 60
_SHORTENED.maxother = 120
_SHORTENED.maxlist = 3


def described(thing: object, names: Iterable[str]) -> str:
    """The object's class, and these properties with their values."""
    return f"<{' '.join([type(thing).__name__, *(f'{name}={shortened(getattr(thing, name))}' for name in names)])}>"


def shortened(value: object) -> str:
    """The `repr` of a value, cut in the middle if it is long."""
    return _SHORTENED.repr(value)
