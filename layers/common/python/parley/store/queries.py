"""Queries: the requests that read a range of the table, and how many items each of them looks at.

DynamoDB counts an item against a request's limit before the filter drops it. So if a filter drops items, the next
request looks at more of them. If that one drops items too, the next has no limit and reads a megabyte. So reading past
deleted items costs two or three requests, plus one for each further megabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from parley.store.keys import Range
from parley.store.writes import Expression

_LAST = "\U0010ffff"


class Query(NamedTuple):
    """Which items of a range are wanted: those after the position `after`, and those before the position `before`.

    Tombstones are left out unless `buried`. `matching` keeps only items whose fields have one of some values.
    """

    where: Range[Any]
    after: str | None = None
    before: str | None = None
    descending: bool = False
    buried: bool = False
    matching: Mapping[str, list[str]] | None = None

    def request(self) -> dict[str, Any]:
        """The arguments of DynamoDB's Query, without the table, the limit and the start key."""
        expression = Expression()
        request: dict[str, Any] = {"ScanIndexForward": not self.descending}
        filters = [
            f"{expression.name(name)} IN ({', '.join(expression.value(value) for value in values)})"
            for name, values in (self.matching or {}).items()
        ]
        if self.where.index:
            request["IndexName"] = self.where.index
        else:
            request["ConsistentRead"] = True
            if not self.buried:
                filters.append(f"attribute_not_exists({expression.name('deleted_at')})")
        if filters:
            request["FilterExpression"] = " AND ".join(filters)
        request["KeyConditionExpression"] = _condition(self, expression)
        return request | expression.arguments()


def items(query: Query, size: int | None, ask: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items that a query finds, at least `size` if there are that many; `ask` sends one request."""
    request = query.request()
    limit, found, dropped = size, 0, 0
    while True:
        if limit is None:
            request.pop("Limit", None)
        else:
            request["Limit"] = limit
        answer = ask(request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        found += len(answer["Items"])
        newly_dropped = answer.get("ScannedCount", len(answer["Items"])) - len(answer["Items"])
        limit = _next_limit(size, found, dropped, newly_dropped)
        dropped += newly_dropped


def _next_limit(size: int | None, found: int, dropped: int, newly_dropped: int) -> int | None:
    """How many items the next request looks at; None for no limit, after two requests dropped some."""
    if size is None or (dropped and newly_dropped):
        return None
    return max(size - found, 1) + newly_dropped**2


def _condition(query: Query, expression: Expression) -> str:
    where, after, before = query.where, query.after, query.before
    partition = f"{expression.name(f'{where.index}pk' if where.index else 'pk')} = {expression.value(where.pk)}"
    if after is None and before is None and not where.prefix:
        return partition
    sort = expression.name(f"{where.index}sk" if where.index else "sk")
    if after is None and before is None:
        return f"{partition} AND begins_with({sort}, {expression.value(where.prefix)})"
    # BETWEEN is inclusive. Positions are plain ASCII, so a trailing blank is just above one, and the code point below
    # its last character followed by the highest one is just beneath it.
    low = where.prefix if after is None else f"{where.prefix}{after} "
    high = where.prefix + _LAST
    if before is not None:
        high = f"{where.prefix}{before[:-1]}{chr(ord(before[-1]) - 1)}{_LAST}"
    if not low:
        return f"{partition} AND {sort} <= {expression.value(high)}"
    return f"{partition} AND {sort} BETWEEN {expression.value(low)} AND {expression.value(high)}"
