"""Records to DynamoDB items and back: strings, whole numbers and sets of them, booleans, None, lists, maps.

Items have a format. An item without the attribute `format` has format 1, so format 1 costs nothing. A release that
writes another format says so in each such item. An older release then refuses the item, instead of misreading it
(docs/decisions/0027-records-have-a-format.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.errors import UNAVAILABLE
from parley.log import logger

Record = dict[str, Any]
FORMAT = 1
"""The latest format of items that this release reads. It writes no other."""
_FORMAT = "format"
_KEY_ATTRIBUTES = ("pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk")


def to_attribute(value: Any) -> dict[str, Any]:
    """The typed DynamoDB form of one value."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, frozenset):
        return {"NS": [str(number) for number in sorted(value)]}
    if isinstance(value, dict):
        return {"M": {name: to_attribute(part) for name, part in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(part) for part in value]}
    raise TypeError(f"cannot store a {type(value).__name__}")


def from_attribute(attribute: dict[str, Any]) -> Any:
    """The plain value of a typed attribute."""
    kind, value = next(iter(attribute.items()))
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return int(value)
    if kind == "NULL":
        return None
    if kind == "NS":
        return frozenset(map(int, value))
    if kind == "M":
        return {name: from_attribute(part) for name, part in value.items()}
    if kind == "L":
        return [from_attribute(part) for part in value]
    raise TypeError(f"cannot read a DynamoDB {kind}")


def to_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as an item; None values are left out, since a missing attribute reads as None."""
    return {name: to_attribute(value) for name, value in record.items() if value is not None}


def _require_known(item: Mapping[str, Any]) -> None:
    """Check that this release can read an item.

    Raises:
        Refusal: 20503 if a later release wrote it, in a format that this one does not know.
    """
    if int(item[_FORMAT]["N"]) > FORMAT:
        logger.error("record of a later release", extra={"kind": item["sk"]["S"].partition("#")[0]})
        raise UNAVAILABLE()


def from_item(item: dict[str, Any]) -> Record:
    """An item as a record, without the key attributes.

    Raises:
        Refusal: 20503 if a later release wrote it, in a format that this one does not know.
    """
    if _FORMAT in item:
        _require_known(item)
    return {name: from_attribute(value) for name, value in item.items() if name not in _KEY_ATTRIBUTES}
