"""Frozen classes behave as frozen dataclasses do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from parley.frozen import frozen


def _classes(decorate: Callable[[type], type]) -> tuple[Any, Any, Any]:
    """A class with fields of each sort, one that inherits from it, and one without fields."""

    @decorate
    class Point:
        """Where something is."""

        x: int
        y: int = 0
        seen: list[str] = field(default_factory=list, hash=False)
        note: str = field(default="", compare=False)
        secret: str = field(default="", repr=False)

    @decorate
    class Spot(Point):
        """A point with a name."""

        name: str = "spot"

    @decorate
    class Nothing:
        """No fields."""

    return Point, Spot, Nothing


OURS = _classes(frozen)
THEIRS = _classes(dataclass(frozen=True))


@pytest.mark.parametrize(
    "say",
    [
        lambda point, spot, nothing: point(1) == point(1),
        lambda point, spot, nothing: point(1) == point(2),
        lambda point, spot, nothing: point(1, seen=["a"]) == point(1, seen=["b"]),
        lambda point, spot, nothing: point(1, note="a") == point(1, note="b"),
        lambda point, spot, nothing: point(1, secret="a") == point(1, secret="b"),
        lambda point, spot, nothing: point(1) == spot(1),
        lambda point, spot, nothing: spot(1, name="a") == spot(1, name="b"),
        lambda point, spot, nothing: point(1) == (1, 0, [], "", ""),
        lambda point, spot, nothing: point(1) != point(1),
        lambda point, spot, nothing: nothing() == nothing(),
        lambda point, spot, nothing: hash(point(1, 2, ["a"], "note", "secret")),
        lambda point, spot, nothing: hash(spot(1, name="a")),
        lambda point, spot, nothing: hash(nothing()),
        lambda point, spot, nothing: len({point(1), point(1), point(1, seen=["a"]), point(2)}),
        lambda point, spot, nothing: repr(point(1, seen=["a"], note="n", secret="do not show")),
        lambda point, spot, nothing: repr(replace(spot(1), y=5, name="b")),
        lambda point, spot, nothing: (point.__match_args__, spot.__match_args__),
        lambda point, spot, nothing: point(1).seen is point(1).seen,
    ],
)
def test_a_frozen_class_compares_hashes_and_shows_its_objects_as_a_frozen_dataclass_does(say: Callable[..., Any]):
    assert say(*OURS) == say(*THEIRS)


@pytest.mark.parametrize("classes", [OURS, THEIRS], ids=["frozen", "dataclass"])
def test_a_field_without_a_default_must_be_given(classes: tuple[Any, Any, Any]):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        classes[0]()
