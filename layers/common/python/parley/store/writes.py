"""The kinds of writes that a commit can make, with their conditions and the refusals that failed conditions lead to.

Each condition is declared once and evaluated twice. DynamoDB evaluates it first. If it fails, DynamoDB returns the
item, and `refusal` evaluates the condition on that item to find out why. So no read is made only to see whether a write
is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from parley.errors import Refusal
from parley.frozen import frozen
from parley.store.items import Record, to_attribute
from parley.store.keys import Key


@frozen
class Cause:
    """Who made a change, and how. It is stored in each announced record, so that a stream record explains itself.

    Attributes:
        id: New for every commit. A change is announced if and only if its id differs from the one in the old image. It
            begins with the id of the request that led to the commit (`tracing.py`), which costs no attribute.
        actor: The acting identity, or `system`.
        source: `SDK` (a client's socket) or `API` (REST).
        webhooks: Whether webhooks hear of it: always if a client did it, on request if REST did.
        request: A client's connection id and frame id with a blank between. The push to that connection names the
            frame id.
        at: Milliseconds since the epoch.
        fast: Whether the writer pushes the change itself, right after the commit (`sockets/fast_push.py`).
    """

    id: str
    actor: str
    source: str
    webhooks: bool
    request: str
    at: int
    fast: bool = False

    def record(self) -> Record:
        """The cause as it is stored."""
        stored: Record = {
            "id": self.id,
            "actor": self.actor,
            "source": self.source,
            "webhooks": self.webhooks,
            "request": self.request,
            "at": self.at,
        }
        return stored | {"fast": True} if self.fast else stored


@frozen
class Guard:
    """A condition: the test of `field` against `value` must hold, or else `refusal` is raised.

    Tests are `=`, `<`, `>`, `<>`, `missing`, `behind` (missing or `<`), and `below` (less than the field that `value`
    names).
    """

    field: str
    test: str
    value: Any
    refusal: Refusal

    def holds(self, stored: Record) -> bool:
        """Whether an item satisfies the guard."""
        present = stored.get(self.field)
        match self.test:
            case "missing":
                return present is None
            case "=":
                return bool(present == self.value)
            case "<>":
                return bool(present != self.value)
            case "<":
                return bool(present is not None and present < self.value)
            case ">":
                return bool(present is not None and present > self.value)
            case "behind":
                return bool(present is None or present < self.value)
            case "below":
                return bool(present is not None and present < stored.get(self.value, 0))
        raise ValueError(self.test)


# Numbers to add to attributes that are numbers, and sets of numbers to add to sets.
Additions = Mapping[str, int | frozenset[int]]


@frozen
class Create:
    """A new record. If its key holds a living one, `taken` is raised. A tombstone is replaced if `guards` hold.

    `taken` may be a function that makes the refusal from the living record.
    """

    key: Key[Any]
    record: Mapping[str, Any]
    taken: Refusal | Callable[[Record], Refusal]
    index: dict[str, str] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()


@frozen
class Put:
    """An item that needs no condition and is never announced (change entries, listing entries)."""

    key: Key[Any]
    record: Mapping[str, Any]


@frozen
class Update:
    """Changes to a living record: `set` (None removes the attribute) and `add` (numbers, to numbers or sets; atomic).

    `above` sets a field to the stored value of another one plus a number: `{"ceiling": ("seq", 75)}`.
    `announced=False` keeps the stored cause, so that nothing is announced: for counters and other bookkeeping.
    """

    key: Key[Any]
    missing: Refusal
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Additions = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    announced: bool = True
    above: dict[str, tuple[str, int]] = field(default_factory=dict)


@frozen
class Bury:
    """A tombstone in place of a living record: `record` is what remains, until `expires_at` (epoch seconds)."""

    key: Key[Any]
    missing: Refusal
    record: Mapping[str, Any]
    expires_at: int
    guards: tuple[Guard, ...] = ()


@frozen
class Erase:
    """Removal without a tombstone: pointers, listing entries, swept items.

    With `missing`, that is raised if there is no item. Only then may there be `guards`. They are evaluated on a
    tombstone too.
    """

    key: Key[Any]
    missing: Refusal | None = None
    guards: tuple[Guard, ...] = ()


@frozen
class Present:
    """No write, but a condition in a transaction: the key holds a living record, and `guards` hold for it."""

    key: Key[Any]
    missing: Refusal
    guards: tuple[Guard, ...] = ()


@frozen
class Absent:
    """No write, but a condition in a transaction: the key holds no living record."""

    key: Key[Any]
    taken: Refusal


Write = Create | Put | Update | Bury | Erase | Present | Absent


class Expression:
    """Placeholders of one DynamoDB expression."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        """A placeholder for an attribute name."""
        return self._place(self.names, "#", attribute)

    def value(self, value: Any) -> str:
        """A placeholder for a value."""
        return self._place(self.values, ":", to_attribute(value))

    @staticmethod
    def _place(table: dict[str, Any], sign: str, content: Any) -> str:
        for placeholder, known in table.items():
            if known == content:
                return placeholder
        placeholder = f"{sign}{len(table)}"
        table[placeholder] = content
        return placeholder

    def arguments(self) -> dict[str, Any]:
        """The request arguments that define the placeholders in use."""
        arguments: dict[str, Any] = {}
        if self.names:
            arguments["ExpressionAttributeNames"] = self.names
        if self.values:
            arguments["ExpressionAttributeValues"] = self.values
        return arguments


def condition(write: Write, expression: Expression) -> str:
    """The condition expression of a write; empty when it has none."""
    match write:
        case Put():
            return ""
        case Create() | Absent():
            guards = write.guards if isinstance(write, Create) else ()
            buried = [f"attribute_exists({expression.name('deleted_at')})"]
            buried += [_guard(guard, expression) for guard in guards]
            return f"attribute_not_exists({expression.name('pk')}) OR {' AND '.join(buried)}"
        case Erase(missing=None):
            return ""
        case Erase():
            exists = f"attribute_exists({expression.name('pk')})"
            return " AND ".join([exists, *(_guard(guard, expression) for guard in write.guards)])
    parts = [
        f"attribute_exists({expression.name('pk')})",
        f"attribute_not_exists({expression.name('deleted_at')})",
        *(_guard(guard, expression) for guard in write.guards),
    ]
    return " AND ".join(parts)


def _guard(guard: Guard, expression: Expression) -> str:
    name = expression.name(guard.field)
    if guard.test == "missing":
        return f"attribute_not_exists({name})"
    if guard.test == "<>":
        return f"(attribute_not_exists({name}) OR {name} <> {expression.value(guard.value)})"
    if guard.test == "below":
        return f"{name} < {expression.name(guard.value)}"
    if guard.test == "behind":
        return f"(attribute_not_exists({name}) OR {name} < {expression.value(guard.value)})"
    return f"{name} {guard.test} {expression.value(guard.value)}"


def refusal(write: Write, stored: Record | None) -> Refusal:
    """The refusal for a write whose condition failed; `stored` is the item that DynamoDB found, None if none."""
    match write:
        case Absent():
            return write.taken
        case Erase(missing=Refusal() as missing):
            return missing if stored is None else _unheld(write.guards, stored) or missing
        case Create():
            taken = write.taken if isinstance(write.taken, Refusal) else write.taken(stored or {})
            is_buried = stored is not None and "deleted_at" in stored
            return _unheld(write.guards, stored or {}) or taken if is_buried else taken
        case Update() | Bury() | Present():
            if stored is None or "deleted_at" in stored:
                return write.missing
            return _unheld(write.guards, stored) or write.missing
    raise AssertionError(f"{type(write).__name__} has no condition")


def _unheld(guards: tuple[Guard, ...], stored: Record) -> Refusal | None:
    return next((guard.refusal for guard in guards if not guard.holds(stored)), None)
