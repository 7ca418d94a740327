"""Turns writes into DynamoDB requests, and into the records that they store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.store.items import Record, to_item
from parley.store.keys import Key
from parley.store.writes import (
    Absent,
    Additions,
    Bury,
    Cause,
    Create,
    Erase,
    Expression,
    Present,
    Put,
    Update,
    Write,
    condition,
)

# The attribute that holds the id of the commit that last added to an item. An announced item has it in its cause.
_COMMIT_ID = "commit_id"
# A request's name as an action of a transaction.
ACTIONS = {"put_item": "Put", "update_item": "Update", "delete_item": "Delete", "check": "ConditionCheck"}


def attributes(key: Key[Any]) -> dict[str, Any]:
    """A key as DynamoDB takes it."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def request(table: str, cause: Cause, write: Write, *, alone: bool) -> tuple[str, dict[str, Any]]:
    """The DynamoDB operation that makes a write, and its arguments; `alone` says that it is not in a transaction.

    A write that adds to numbers, and is alone, also stores the commit's id and requires that the item does not hold it
    yet. So if the answer is lost, the repetition adds nothing. A transaction has a token for that.
    """
    expression = Expression()
    arguments: dict[str, Any] = {"TableName": table}
    match write:
        case Create():
            operation = "put_item"
            arguments["Item"] = to_item({**write.key._asdict(), **write.index, **outcome(cause, write)})
        case Put() | Bury():
            operation = "put_item"
            arguments["Item"] = to_item({**write.key._asdict(), **outcome(cause, write)})
        case Update():
            operation = "update_item"
            arguments["Key"] = attributes(write.key)
            is_marked = alone and write.add and not write.announced
            set_ = outcome(cause, write) | ({_COMMIT_ID: cause.id} if is_marked else {})
            arguments["UpdateExpression"] = update_expression(set_, expression, write.add, write.above)
        case Erase():
            operation = "delete_item"
            arguments["Key"] = attributes(write.key)
        case Present() | Absent():
            operation = "check"
            arguments["Key"] = attributes(write.key)
    condition_expression = condition(write, expression)
    if alone and isinstance(write, Update) and write.add:
        condition_expression += f" AND NOT {_holds_id(cause, write, expression)}"
    if condition_expression:
        arguments["ConditionExpression"] = condition_expression
        arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return operation, arguments | expression.arguments()


def outcome(cause: Cause, write: Write) -> Record:
    """The record that a write stores, without keys and without the numbers that it adds."""
    match write:
        case Create():
            return {**write.record, "cause": cause.record()}
        case Put():
            return dict(write.record)
        case Update():
            return {**write.set, "cause": cause.record()} if write.announced else dict(write.set)
        case Bury():
            return {**write.record, "cause": cause.record(), "deleted_at": cause.at, "expires_at": write.expires_at}
        case Erase() | Present() | Absent():
            return {}


def is_done_already(cause: Cause, write: Write, stored: Record | None) -> bool:
    """Whether `stored`, the item for which a repeated write was refused, was stored by the first try of this write.

    Then the first try was carried out, and only its answer was lost.
    """
    if not stored or not isinstance(write, Create | Bury | Update):
        return False
    if isinstance(write, Update) and not write.announced:
        return bool(write.add) and bool(stored.get(_COMMIT_ID) == cause.id)
    return bool(stored.get("cause", {}).get("id") == cause.id)


def _holds_id(cause: Cause, write: Update, expression: Expression) -> str:
    path = f"{expression.name('cause')}.{expression.name('id')}" if write.announced else expression.name(_COMMIT_ID)
    return f"(attribute_exists({path}) AND {path} = {expression.value(cause.id)})"


def update_expression(
    set_: Mapping[str, Any],
    expression: Expression,
    add: Additions | None = None,
    above: Mapping[str, tuple[str, int]] | None = None,
) -> str:
    """An UpdateExpression: values to set (None removes), numbers to add, and fields to set above other fields."""
    clauses = []
    sets = [f"{expression.name(name)} = {expression.value(v)}" for name, v in set_.items() if v is not None]
    for name, (other, number) in (above or {}).items():
        sets.append(f"{expression.name(name)} = {expression.name(other)} + {expression.value(number)}")
    if sets:
        clauses.append("SET " + ", ".join(sets))
    if removes := [expression.name(name) for name, v in set_.items() if v is None]:
        clauses.append("REMOVE " + ", ".join(removes))
    if adds := [f"{expression.name(name)} {expression.value(number)}" for name, number in (add or {}).items()]:
        clauses.append("ADD " + ", ".join(adds))
    return " ".join(clauses)
