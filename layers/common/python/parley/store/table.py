"""The table port: every DynamoDB request Parley makes, and the one door through which it writes.

Reads are strongly consistent, except through indexes, where DynamoDB offers none, and where a caller asks for less.
`commit` is all or nothing, whatever the number of writes.
"""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from botocore.exceptions import ClientError

from parley.clock import Clock
from parley.errors import UNAVAILABLE
from parley.metrics import TABLE_THROTTLES, count
from parley.store.items import Record, from_item, to_item
from parley.store.keys import Key, Range, Span
from parley.store.patience import LOST, Patience, is_throttled, refusal_after_repeats
from parley.store.queries import Query, items
from parley.store.requests import ACTIONS, attributes, is_done_already, outcome, request, update_expression
from parley.store.writes import Cause, Expression, Write, refusal

_BATCH_GET_KEYS = 100
_BATCH_WRITE_ITEMS = 25
# Lambda allows answers of 6 MB. So it would be in vain to read a thousand messages of 36 KB for one page. This counts
# characters, which is fast, and some of them are not shown.
_LONGEST_PAGE = 8 * 1024 * 1024

R = TypeVar("R", bound=Mapping[str, Any])


class Found(NamedTuple, Generic[R]):
    """One item of a range: its position, its key and, unless an index was read, its record."""

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
        record: Any = super().__getitem__(key)
        return cast(R, record)

    @overload  # type: ignore[override]
    def get(self, key: Key[R]) -> R | None: ...
    @overload
    def get(self, key: Key[R], default: R) -> R: ...
    def get(self, key: Key[R], default: R | None = None) -> R | None:
        # The type of dict takes any key, and does not connect a key with its kind of record.
        return cast("R | None", super().get(key, default))

    def below(self, where: Range[R]) -> list[R]:
        """The records of a range of the base table, in the order in which they were read."""
        return [
            cast(R, record) for key, record in self.items() if key.pk == where.pk and key.sk.startswith(where.prefix)
        ]

    def living(self) -> Records:
        """The records that are not tombstones."""
        return Records({key: record for key, record in self.items() if "deleted_at" not in record})


class Table:
    """The one table, through a low-level DynamoDB client that is made when it is first needed."""

    def __init__(self, name: str, client: Callable[[], Any], clock: Clock, jitter: Callable[[], float] = random.random):
        self._name = name
        self._make_client = client
        self._made_client: Any = None
        self._clock = clock
        self._jitter = jitter
        self._until_ms: int | None = None

    @property
    def _client(self) -> Any:
        if self._made_client is None:
            self._made_client = self._make_client()
        return self._made_client

    def fetch(self, key: Key[R]) -> R | None:
        """The living record under a key; None if there is none or only its tombstone."""
        item = self._ask("get_item", TableName=self._name, Key=attributes(key), ConsistentRead=True).get("Item")
        return cast("R | None", _living(item))

    def fetch_many(self, keys: Iterable[Key[Any]], *, buried: bool = False, eventual: bool = False) -> Records:
        """The living records among `keys`, one request per hundred; tombstones too if `buried`.

        If `eventual`, it costs half, and changes of the last moments may be missing.
        """
        wanted = list(dict.fromkeys(keys))
        records = Records()
        for start in range(0, len(wanted), _BATCH_GET_KEYS):
            pending = [attributes(key) for key in wanted[start : start + _BATCH_GET_KEYS]]
            patience = self.patience()
            while pending:
                asked = {self._name: {"Keys": pending, "ConsistentRead": not eventual}}
                answer = self._ask("batch_get_item", RequestItems=asked)
                for item in answer["Responses"].get(self._name, []):
                    if record := _found(item) if buried else _living(item):
                        records[Key(item["pk"]["S"], item["sk"]["S"])] = record
                pending = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                if pending:
                    self._wait_for_room(patience)
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

        A page ends earlier once the texts of its items are longer than any answer. An index yields keys alone (its
        records are empty). Tombstones are passed over unless `buried`; `matching` keeps only items whose fields have
        one of the given values.
        """
        query = Query(where, after, before, descending, buried, matching)
        found: list[Found[R]] = []
        length = 0
        for item in self._items(query, limit + 1):
            if len(found) == limit or length > _LONGEST_PAGE:
                return Page(found, True)
            length += _length(item)
            sort_key = item[f"{where.index}sk" if where.index else "sk"]["S"]
            record = cast(R, {} if where.index else from_item(item))
            found.append(Found(sort_key[len(where.prefix) :], Key(item["pk"]["S"], item["sk"]["S"]), record))
        return Page(found, False)

    def every(self, where: Range[R]) -> list[R]:
        """All living records of a range of the base table, a megabyte a request."""
        return [cast(R, from_item(item)) for item in self._items(Query(where), None)]

    def spanned(self, where: Span) -> Records:
        """All living records of a span, by key, a megabyte a request."""
        found = self._items(Query(where, where.after, where.before), None)
        return Records({Key(item["pk"]["S"], item["sk"]["S"]): from_item(item) for item in found})

    def _items(self, query: Query, size: int | None) -> Iterator[dict[str, Any]]:
        return items(query, size, lambda request: self._ask("query", TableName=self._name, **request))

    def commit(self, cause: Cause, writes: Sequence[Write]) -> list[Record]:
        """Carry out all writes or none, each announced record stamped with `cause`.

        Returns the stored records, in the order of `writes`; for an Update among several writes, only what it set. A
        single write is one plain request, several are one transaction. An Absent or a Present cannot be the only write.
        A request that collides with another transaction, is throttled or gets no answer is repeated after a pause. If
        it was carried out although its answer was lost, the repetition notices that and counts as done.

        Raises:
            Refusal: that of the first condition that failed, and nothing was written; 20409 if other
                transactions were in the way every time; 20503 if the table was too busy, and then it is not known
                whether anything was written.
        """
        return [self._write(cause, writes[0])] if len(writes) == 1 else self._transact(cause, writes)

    def _write(self, cause: Cause, write: Write) -> Record:
        operation, arguments = request(self._name, cause, write, alone=True)
        if operation == "update_item":
            arguments["ReturnValues"] = "ALL_NEW"
        try:
            answer = self._ask(operation, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            stored = _found(error.response.get("Item"))
            if not is_done_already(cause, write, stored):
                raise refusal(write, stored) from None
            return stored or {}
        return from_item(answer["Attributes"]) if operation == "update_item" else outcome(cause, write)

    def _transact(self, cause: Cause, writes: Sequence[Write]) -> list[Record]:
        requests = [request(self._name, cause, write, alone=False) for write in writes]
        actions = [{ACTIONS[operation]: arguments} for operation, arguments in requests]
        try:
            # DynamoDB recognises a repetition by the token, and answers it as it did the first time.
            self._ask(
                "transact_write_items",
                TransactItems=actions,
                ClientRequestToken=uuid.uuid4().hex,
            )
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            failed = [
                (write, _found(reason.get("Item")))
                for write, reason in zip(writes, reasons, strict=False)
                if reason.get("Code") == "ConditionalCheckFailed"
            ]
            if not failed:
                raise
            if not any(is_done_already(cause, write, stored) for write, stored in failed):
                raise refusal(*failed[0]) from None
        return [outcome(cause, write) for write in writes]

    def touch(self, key: Key[Any], set_: Record) -> Record:
        """Set attributes of an item outside all channels, such as presence; create the item if there is none."""
        expression = Expression()
        update = update_expression(set_, expression)
        return self._bookkeep(key, update, expression)

    def annotate(self, key: Key[Any], set_: Mapping[str, Any]) -> None:
        """Set attributes of an item, tombstone or not, without announcing it; nothing happens if there is none."""
        expression = Expression()
        update = update_expression(set_, expression)
        try:
            self._bookkeep(key, update, expression, f"attribute_exists({expression.name('pk')})")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def detach(self, key: Key[Any], names: Sequence[str]) -> Record | None:
        """Remove attributes of an item, without announcing it; None if there is no item."""
        expression = Expression()
        update = update_expression(dict.fromkeys(names), expression)
        try:
            return self._bookkeep(key, update, expression, f"attribute_exists({expression.name('pk')})")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None

    def _bookkeep(self, key: Key[Any], update: str, expression: Expression, condition: str = "") -> Record:
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        answer = self._ask(
            "update_item",
            TableName=self._name,
            Key=attributes(key),
            UpdateExpression=update,
            ReturnValues="ALL_NEW",
            **request,
            **expression.arguments(),
        )
        return from_item(answer.get("Attributes", {}))

    def take(self, key: Key[R], *, unless: str = "") -> tuple[R | None, bool]:
        """Delete an item. Returns its record (None if there was none), and whether it is gone now.

        An item that has the attribute `unless` is left where it is.
        """
        request: dict[str, Any] = {"ReturnValues": "ALL_OLD"}
        if unless:
            expression = Expression()
            request["ConditionExpression"] = f"attribute_not_exists({expression.name(unless)})"
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
            request |= expression.arguments()
        try:
            answer = self._ask("delete_item", TableName=self._name, Key=attributes(key), **request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return cast("R | None", _found(error.response.get("Item"))), False
        return cast("R | None", _found(answer.get("Attributes"))), True

    def erase_many(self, keys: Iterable[Key[Any]]) -> None:
        """Delete items without conditions or announcement, 25 a request; used by sweeps."""
        self._write_many([{"DeleteRequest": {"Key": attributes(key)}} for key in keys])

    def put_many(self, records: Mapping[Key[Any], Mapping[str, Any]], *, erasing: Iterable[Key[Any]] = ()) -> None:
        """Store items without conditions, and replace items with the same keys; 25 a request.

        Items under the keys `erasing` are deleted with the same requests.
        """
        puts = [{"PutRequest": {"Item": to_item({**key._asdict(), **record})}} for key, record in records.items()]
        self._write_many([*puts, *({"DeleteRequest": {"Key": attributes(key)}} for key in erasing)])

    def _write_many(self, writes: list[dict[str, Any]]) -> None:
        for start in range(0, len(writes), _BATCH_WRITE_ITEMS):
            pending = writes[start : start + _BATCH_WRITE_ITEMS]
            patience = self.patience()
            while pending:
                answer = self._ask("batch_write_item", RequestItems={self._name: pending})
                pending = answer.get("UnprocessedItems", {}).get(self._name, [])
                if pending:
                    self._wait_for_room(patience)

    @staticmethod
    def _wait_for_room(patience: Patience) -> None:
        """Pause, because DynamoDB was too busy for a part of a batch.

        Raises:
            Refusal: 20503 when time or attempts have run out.
        """
        count(TABLE_THROTTLES)
        if not patience.wait():
            raise UNAVAILABLE()

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a request, which is repeated as long as that may help.

        Raises:
            Refusal: 20503 or 20409 when time or attempts have run out.
            ClientError: an error that repeating cannot help.
        """
        patience = self.patience()
        while True:
            try:
                return self._call(operation, **arguments)
            except (ClientError, *LOST) as error:
                if is_throttled(error):
                    count(TABLE_THROTTLES)
                refused = refusal_after_repeats(error)
                if refused is None:
                    raise
                if not patience.wait():
                    raise refused from error

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        return answer

    def patience(self) -> Patience:
        """A fresh allowance of attempts; of time too, unless the requests of this table share theirs."""
        return Patience(self._clock, self._jitter, self._until_ms)

    def sharing_patience(self) -> Table:
        """This table with one allowance of time for all requests together, beginning now unless it has begun."""
        if self._until_ms is not None:
            return self
        shared = copy.copy(self)
        shared._make_client = lambda: self._client
        shared._until_ms = self.patience().until_ms
        return shared


def _found(item: dict[str, Any] | None) -> Record | None:
    return from_item(item) if item else None


def _living(item: dict[str, Any] | None) -> Record | None:
    return from_item(item) if item and "deleted_at" not in item else None


def _length(item: dict[str, Any]) -> int:
    """About how long the texts of an item are."""
    return sum(len(value.get("S", "")) for value in item.values())
