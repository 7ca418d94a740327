"""Frozen classes: their objects hold fields, are equal if all fields are equal, and nobody changes them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

C = TypeVar("C", bound=type[Any])


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: C) -> C:
    """Make a class that is used as a `dataclass(frozen=True)` is, in a third of the time.

    A dataclass writes and compiles six methods of its own. A function has some sixty such classes, and they were a
    fifth of a cold start. Here each class compiles `__init__` alone and shares the others. Only mypy checks that
    nobody sets a field.
    """
    made: Any = dataclass(eq=False, repr=False)(cls)
    declared = fields(made)
    made.__compared__ = tuple(one.name for one in declared if one.compare)
    made.__hashed__ = tuple(one.name for one in declared if (one.compare if one.hash is None else one.hash))
    made.__eq__, made.__hash__, made.__repr__ = _equals, _hash, _repr
    return cls


def _equals(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self.__compared__)


def _hash(self: Any) -> int:
    return hash(tuple(getattr(self, name) for name in self.__hashed__))


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
