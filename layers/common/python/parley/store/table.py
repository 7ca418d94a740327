"""The table port: every DynamoDB request Parley makes, and the one door through which it writes.

Reads are strongly consistent except through indexes, where DynamoDB offers none. `commit` is all or nothing, whatever
the number of writes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from botocore.exceptions import ClientError

from parley.clock import Clock
from parley.errors import CONCURRENT_UPDATE, UNAVAILABLE
from parley.store.items import Record, from_item, to_item
from parley.store.keys import Key, Range
from parley.store.writes import (
    Absent,
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
    refusal,
)

_BATCH_GET_KEYS = 100
_BATCH_WRITE_ITEMS = 25
_ATTEMPTS = 10
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.5
_BUSY = {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingError"}
_CONFLICT = {"TransactionConflictException", "TransactionInProgressException", "TransactionConflict"}
_ACTIONS = {"put_item": "Put", "update_item": "Update", "delete_item": "Delete", "check": "ConditionCheck"}
_LAST = "\U0010ffff"

R = TypeVar("R", bound=Mapping[str, Any])


class Found(NamedTuple, Generic[R]):
    """One item of a range: where it stands, its key and, from the base table, its record."""

    position: str
    key: Key[R]
    record: R


class Page(NamedTuple, Generic[R]):
    """Some items of a range in the order asked for, and whether there are more beyond them."""

    found: list[Found[R]]
    more: bool


class Records(dict[Key[Any], Any]):
    """Records by their keys, each of the kind that its key says."""

    def __getitem__(self, key: Key[R]) -> R:
        return cast(R, super().__getitem__(key))

    @overload  # type: ignore[override]
    def get(self, key: Key[R]) -> R | None: ...
    @overload
    def get(self, key: Key[R], default: R) -> R: ...
    def get(self, key: Key[R], default: R | None = None) -> R | None:
        # A dict would take anything for a key, and say nothing of what comes back.
        return cast("R | None", super().get(key, default))


class Table:
    """The one table, through a low-level DynamoDB client that is made when it is first needed."""

    def __init__(self, name: str, client: Callable[[], Any], clock: Clock, jitter: Callable[[], float] = random.random):
        self._name = name
        self._make_client = client
        self._made_client: Any = None
        self._clock = clock
        self._jitter = jitter

    @property
    def _client(self) -> Any:
        if self._made_client is None:
            self._made_client = self._make_client()
        return self._made_client

    def fetch(self, key: Key[R]) -> R | None:
        """The living record under a key; None if there is none or only its tombstone."""
        item = self._call("get_item", TableName=self._name, Key=_key(key), ConsistentRead=True).get("Item")
        return cast("R | None", _living(item))

    def fetch_many(self, keys: Iterable[Key[Any]], *, buried: bool = False) -> Records:
        """The living records among `keys`, one request per hundred; tombstones too if `buried`."""
        wanted = list(dict.fromkeys(keys))
        records = Records()
        for start in range(0, len(wanted), _BATCH_GET_KEYS):
            pending = [_key(key) for key in wanted[start : start + _BATCH_GET_KEYS]]
            for pause in self.pauses():
                answer = self._call(
                    "batch_get_item", RequestItems={self._name: {"Keys": pending, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self._name, []):
                    if record := _found(item) if buried else _living(item):
                        records[Key(item["pk"]["S"], item["sk"]["S"])] = record
                pending = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                if not pending:
                    break
                self._clock.sleep(pause)
            else:
                raise UNAVAILABLE()
        return records

    def page(
        self,
        where: Range[R],
        limit: int,
        *,
        after: str | None = None,
        before: str | None = None,
        descending: bool = False,
        buried: bool = False,
        matching: dict[str, list[str]] | None = None,
    ) -> Page[R]:
        """Up to `limit` items of a range beyond the position `after`, or below `before`, in sort-key order.

        An index yields keys alone (its records are empty). Tombstones are passed over unless `buried`; `matching` keeps
        only items whose fields have one of the given values.
        """
        found: list[Found[R]] = []
        for item in self._items(where, limit + 1, after, before, descending, buried, matching):
            if len(found) == limit:
                return Page(found, True)
            sort_key = item[f"{where.index}sk" if where.index else "sk"]["S"]
            record = cast(R, {} if where.index else from_item(item))
            found.append(Found(sort_key[len(where.prefix) :], Key(item["pk"]["S"], item["sk"]["S"]), record))
        return Page(found, False)

    def every(self, where: Range[R]) -> list[R]:
        """All living records of a range of the base table, a megabyte a request."""
        return [cast(R, from_item(item)) for item in self._items(where, None, None, None, False, False, None)]

    def _items(
        self,
        where: Range[Any],
        size: int | None,
        after: str | None,
        before: str | None,
        descending: bool,
        buried: bool,
        matching: dict[str, list[str]] | None,
    ) -> Iterator[dict[str, Any]]:
        expression = Expression()
        request: dict[str, Any] = {"TableName": self._name, "ScanIndexForward": not descending}
        filters = []
        for name, values in (matching or {}).items():
            filters.append(f"{expression.name(name)} IN ({', '.join(expression.value(value) for value in values)})")
        if where.index:
            request["IndexName"] = where.index
        else:
            request["ConsistentRead"] = True
            if not buried:
                filters.append(f"attribute_not_exists({expression.name('deleted_at')})")
        if filters:
            request["FilterExpression"] = " AND ".join(filters)
        request["KeyConditionExpression"] = _range_condition(where, after, before, expression)
        request |= expression.arguments()
        seen = 0
        while True:
            if size is not None:
                request["Limit"] = max(size - seen, 1)
            answer = self._call("query", **request)
            seen += len(answer["Items"])
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def commit(self, cause: Cause, writes: Sequence[Write]) -> list[Record]:
        """Carry out all writes or none, each announced record stamped with `cause`.

        Returns the records as stored, in the order of `writes`; for an Update that is one of several, what it set.
        A single write costs one plain request, more are one transaction (an Absent or Present needs company).
        Collisions with other transactions and throttling are retried with jitter; a repeat of our own write that did
        arrive counts as done.

        Raises:
            Refusal: what the first failed condition stands for; nothing was written.
        """
        for pause in self.pauses():
            try:
                return [self._write(cause, writes[0])] if len(writes) == 1 else self._transact(cause, writes)
            except ClientError as error:
                if not _is_conflict(error):
                    raise
                self._clock.sleep(pause)
        raise CONCURRENT_UPDATE()

    def _write(self, cause: Cause, write: Write) -> Record:
        operation, request = self._request(cause, write)
        if "ConditionExpression" in request:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if operation == "update_item":
            request["ReturnValues"] = "ALL_NEW"
        try:
            answer = self._call(operation, **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            stored = _found(error.response.get("Item"))
            if not _is_ours(cause, write, stored):
                raise refusal(write, stored) from None
            return stored or {}
        return from_item(answer["Attributes"]) if operation == "update_item" else _outcome(cause, write)

    def _transact(self, cause: Cause, writes: Sequence[Write]) -> list[Record]:
        actions = []
        for write in writes:
            operation, request = self._request(cause, write)
            if "ConditionExpression" in request:
                request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            actions.append({_ACTIONS[operation]: request})
        try:
            self._call("transact_write_items", TransactItems=actions)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            failed = [
                (write, _found(reason.get("Item")))
                for write, reason in zip(writes, reasons, strict=False)
                if reason.get("Code") == "ConditionalCheckFailed"
            ]
            if not failed:
                raise
            if not any(_is_ours(cause, write, stored) for write, stored in failed):
                raise refusal(*failed[0]) from None
        return [_outcome(cause, write) for write in writes]

    def _request(self, cause: Cause, write: Write) -> tuple[str, dict[str, Any]]:
        expression = Expression()
        request: dict[str, Any] = {"TableName": self._name}
        match write:
            case Create():
                operation = "put_item"
                request["Item"] = to_item({**write.key._asdict(), **write.index, **_outcome(cause, write)})
            case Put() | Bury():
                operation = "put_item"
                request["Item"] = to_item({**write.key._asdict(), **_outcome(cause, write)})
            case Update():
                operation = "update_item"
                request["Key"] = _key(write.key)
                outcome = _outcome(cause, write)
                request["UpdateExpression"] = _update_expression(outcome, write.add, expression, write.above)
            case Erase():
                operation = "delete_item"
                request["Key"] = _key(write.key)
            case Present() | Absent():
                operation = "check"
                request["Key"] = _key(write.key)
        if condition_expression := condition(write, expression):
            request["ConditionExpression"] = condition_expression
        return operation, request | expression.arguments()

    def touch(self, key: Key[Any], set_: Record) -> Record:
        """Set attributes of an item that may not exist yet and is no part of a conversation: presence, connections."""
        expression = Expression()
        update = _update_expression(set_, {}, expression)
        return self._bookkeep(key, update, expression)

    def detach(self, key: Key[Any], names: Sequence[str]) -> Record | None:
        """Remove attributes of such an item; None if there is no item."""
        expression = Expression()
        update = _update_expression(dict.fromkeys(names), {}, expression)
        try:
            return self._bookkeep(key, update, expression, f"attribute_exists({expression.name('pk')})")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None

    def _bookkeep(self, key: Key[Any], update: str, expression: Expression, condition: str = "") -> Record:
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        answer = self._call(
            "update_item",
            TableName=self._name,
            Key=_key(key),
            UpdateExpression=update,
            ReturnValues="ALL_NEW",
            **request,
            **expression.arguments(),
        )
        return from_item(answer.get("Attributes", {}))

    def take(self, key: Key[R]) -> R | None:
        """Delete an item and return what it was; None if it was not there."""
        answer = self._call("delete_item", TableName=self._name, Key=_key(key), ReturnValues="ALL_OLD")
        return cast("R | None", _found(answer.get("Attributes")))

    def erase_many(self, keys: Iterable[Key[Any]]) -> None:
        """Delete items without conditions or announcement, 25 a request; used by sweeps."""
        self._write_many([{"DeleteRequest": {"Key": _key(key)}} for key in keys])

    def put_many(self, records: Mapping[Key[Any], Mapping[str, Any]]) -> None:
        """Store items that are no part of a conversation, in place of what there was, 25 a request."""
        self._write_many(
            [{"PutRequest": {"Item": to_item({**key._asdict(), **record})}} for key, record in records.items()]
        )

    def _write_many(self, writes: list[dict[str, Any]]) -> None:
        for start in range(0, len(writes), _BATCH_WRITE_ITEMS):
            pending = writes[start : start + _BATCH_WRITE_ITEMS]
            for pause in self.pauses():
                answer = self._call("batch_write_item", RequestItems={self._name: pending})
                pending = answer.get("UnprocessedItems", {}).get(self._name, [])
                if not pending:
                    break
                self._clock.sleep(pause)
            else:
                raise UNAVAILABLE()

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, operation)(**request)
        return answer

    def pauses(self) -> Iterator[float]:
        """How long to wait after each of some attempts, in seconds; there are no more attempts than pauses."""
        for attempt in range(_ATTEMPTS):
            yield min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt) * (0.5 + self._jitter())


def _key(key: Key[Any]) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _found(item: dict[str, Any] | None) -> Record | None:
    return from_item(item) if item else None


def _living(item: dict[str, Any] | None) -> Record | None:
    return from_item(item) if item and "deleted_at" not in item else None


def _outcome(cause: Cause, write: Write) -> Record:
    """What a write stores, apart from keys and counters."""
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


def _range_condition(where: Range[Any], after: str | None, before: str | None, expression: Expression) -> str:
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


def _update_expression(
    set_: Record,
    add: dict[str, int],
    expression: Expression,
    above: dict[str, tuple[str, int]] | None = None,
) -> str:
    clauses = []
    sets = [f"{expression.name(name)} = {expression.value(v)}" for name, v in set_.items() if v is not None]
    for name, (other, number) in (above or {}).items():
        sets.append(f"{expression.name(name)} = {expression.name(other)} + {expression.value(number)}")
    if sets:
        clauses.append("SET " + ", ".join(sets))
    if removes := [expression.name(name) for name, v in set_.items() if v is None]:
        clauses.append("REMOVE " + ", ".join(removes))
    if adds := [f"{expression.name(name)} {expression.value(number)}" for name, number in add.items()]:
        clauses.append("ADD " + ", ".join(adds))
    return " ".join(clauses)


def _is_conflict(error: ClientError) -> bool:
    """Whether trying again can help: another transaction was in the way, or capacity was short for a moment."""
    codes = {error.response["Error"]["Code"]}
    codes |= {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])}
    return bool(codes & (_BUSY | _CONFLICT))


def _is_ours(cause: Cause, write: Write, stored: Record | None) -> bool:
    """Whether the item in the way is this very write, which arrived although its answer was lost."""
    is_stamped = isinstance(write, Create | Bury | Update)
    return is_stamped and bool(stored) and (stored or {}).get("cause", {}).get("id") == cause.id
