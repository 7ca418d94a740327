"""The five verbs for every type of record without rules of its own, and the parts that special operations share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from parley.errors import NOT_FOUND, Error, Refusal
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_of
from parley.records.spec import Path, RecordType
from parley.store.items import Record
from parley.store.keys import Range
from parley.store.writes import Bury, Create, Guard, Update

T = TypeVar("T")
R = TypeVar("R", bound=Mapping[str, Any])

FUNCTIONS = {"create": "create", "fetch": "fetch", "list": "list_", "update": "update", "delete": "delete"}

# Long enough for any stream reader, retry or replay to see what a tombstone stood for.
TOMBSTONE_SECONDS = 7 * 86_400


def fetch(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The record at a path.

    Raises:
        Refusal: 20404.
    """
    return load(context, record_type, resolve(context, record_type, path))


def list_(
    record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any], page: PageRequest
) -> Listing:
    """One page of a collection, oldest first."""
    resolved = resolve(context, record_type, path)
    assert record_type.range is not None
    return read_page(context, record_type.range(resolved), page)


def update(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The record after the given fields have changed."""
    resolved = resolve(context, record_type, path)
    load(context, record_type, resolved)
    write = Update(record_type.key(resolved), NOT_FOUND(), set=changed(context, parameters))
    return context.table.commit(context.cause(), [write])[0]


def create(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new record of a type whose key needs nothing but a new SID."""
    resolved = resolve(context, record_type, path)
    record = {**new_record(context, record_type, path), **parameters}
    write = Create(record_type.key({**resolved, "sid": record["sid"]}), record, taken=NOT_FOUND())
    return context.table.commit(context.cause(), [write])[0]


def delete(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Delete the record and leave a tombstone in its place."""
    resolved = resolve(context, record_type, path)
    record = load(context, record_type, resolved)
    context.table.commit(context.cause(), [bury(context, record_type, resolved, record)])


def load(context: Context, record_type: RecordType[R], resolved: Path) -> R:
    """The record at a resolved path, if it is of the service and channel in that path."""
    record = context.table.fetch(record_type.key(resolved))
    return belonging(record, resolved)


def belonging(record: R | None, resolved: Path) -> R:
    """The record, if there is one and it is of the service in the path."""
    if record is None or record.get("service_sid", resolved.get("service_sid")) != resolved.get("service_sid"):
        raise NOT_FOUND()
    return record


def new_record(context: Context, record_type: RecordType[Any], path: Path) -> Record:
    """A new record with its SID, its dates and its service."""
    now = context.clock.now_ms()
    record: Record = {"sid": context.ids.sid(record_type.prefix), "date_created": now, "date_updated": now}
    return {**record, "service_sid": path["service_sid"]} if "service_sid" in path else record


def dated(record: Record, parameters: dict[str, Any]) -> Record:
    """The record with the dates that the request named. Without `DateUpdated`, that is the date of creation."""
    created = parameters.get("date_created") or record["date_created"]
    return {**record, "date_created": created, "date_updated": parameters.get("date_updated") or created}


def changed(context: Context, parameters: dict[str, Any]) -> dict[str, Any]:
    """The fields of an update, with the date that the request named, or now. An empty date changes nothing."""
    fields = {name: value for name, value in parameters.items() if value is not None or name not in _KEPT_DATES}
    return {"date_updated": context.clock.now_ms(), **fields}


def retried(context: Context, attempt: Callable[[Context], T], *retryable: Error, attempts: int = 3) -> T:
    """Call `attempt` and return its result. If another request has changed what `attempt` read, it is called again.

    `retryable` are the errors with which `attempt` says so. All attempts together get the time that one request to the
    table may take (`store/patience.py`).

    Raises:
        Refusal: that of the last attempt; any error that is not `retryable`, at once.
    """
    context = context.sharing_patience()
    patience = context.table.patience()
    for number in range(attempts):
        try:
            return attempt(context)
        except Refusal as refusal:
            if refusal.error not in retryable or number == attempts - 1 or patience.is_over:
                raise
    raise AssertionError("unreachable")


def same_user(birth: str, gone: Refusal) -> Guard:
    """The guard that a user, or a record that belongs to one, has this birth; `gone` is the refusal if it has not."""
    return Guard("birth", "=" if birth else "missing", birth or None, gone)


def non_null(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters that are not None. None would clear a field, but a new record has nothing to clear."""
    return {name: value for name, value in parameters.items() if value is not None}


_KEPT_DATES = ("date_created", "date_updated")


_SIDS = ("sid", "service_sid", "channel_sid")


def bury(
    context: Context,
    record_type: RecordType[Any],
    resolved: Path,
    record: Mapping[str, Any],
    *guards: Guard,
    **more: Any,
) -> Bury:
    """The write that turns a record into its tombstone, which keeps the SIDs and the fields that its type names."""
    names = (*_SIDS, *record_type.remains.split())
    remains = {name: record[name] for name in names if name in record}
    expires_at = context.clock.now_ms() // 1000 + TOMBSTONE_SECONDS
    return Bury(record_type.key(resolved), NOT_FOUND(), {**remains, **more}, expires_at, guards)


def read_page(
    context: Context, where: Range[Any], page: PageRequest, *, matching: dict[str, list[str]] | None = None
) -> Listing:
    """One page of a range of the table, by position: records that arrive meanwhile shift nothing.

    Paging back reads downwards from the page that was seen and turns the result around. `matching` narrows it to
    records whose fields have one of some values.
    """
    found, more = context.table.page(
        where, page.size, after=page.after, before=page.before, descending=page.is_back, matching=matching
    )
    listing = page_of([(item.position, item.record) for item in found], page, more=more)
    if not where.index:
        return listing
    stored = context.table.fetch_many(item.key for item in found)
    return listing.showing({item.position: stored[item.key] for item in found if item.key in stored})
