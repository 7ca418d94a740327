"""The five verbs for every type of record that lives in a channel and has no rules of its own.

Each write requires that the channel exists, takes its next change number and leaves an entry in its log. When the
channel is deleted, a sweep erases the records (`sweeps.py`). Clients have no events for such records: they hear only of
the change number.

A client must be a member. It may set the fields whose rights allow it. It may delete nothing here.
"""

from __future__ import annotations

from typing import Any

from parley.errors import FORBIDDEN, NOT_FOUND
from parley.operations import authority, channel_log, verbs
from parley.operations.addressing import resolve
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.spec import Path, RecordType
from parley.store.items import Record
from parley.store.writes import Create, Update
from parley.stored import Tail


def create(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new record of the channel.

    Raises:
        Refusal: 20404 if the channel is gone, or is deleted meanwhile.
    """
    resolved = resolve(context, record_type, path, opened=False)
    _may_set(context, record_type, "create", resolved, parameters)
    record = {**verbs.new_record(context, record_type, path), "channel_sid": resolved["channel_sid"]}
    record |= verbs.non_null(parameters)
    write = Create(record_type.key({**resolved, "sid": record["sid"]}), record, taken=NOT_FOUND())
    return channel_log.change(context, record_type.name, "created", record, lambda *_: Decision(write))[0]


def _may_set(
    context: Context, record_type: RecordType[Any], verb: str, resolved: Path, parameters: dict[str, Any]
) -> None:
    where = resolved["service_sid"], resolved["channel_sid"]
    authority.require(context, *where, ())
    authority.require_to_set(context, record_type, verb, parameters, *where)


def fetch(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The record at a path.

    Raises:
        Refusal: 20404.
    """
    resolved = resolve(context, record_type, path)
    authority.require(context, resolved["service_sid"], resolved["channel_sid"], ())
    return verbs.load(context, record_type, resolved)


def list_(
    record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any], page: PageRequest
) -> Listing:
    """One page of the channel's records, oldest first."""
    resolved = resolve(context, record_type, path)
    authority.require(context, resolved["service_sid"], resolved["channel_sid"], ())
    assert record_type.range is not None
    return verbs.read_page(context, record_type.range(resolved), page)


def update(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The record after the given fields have changed."""
    resolved = resolve(context, record_type, path, opened=False)
    _may_set(context, record_type, "update", resolved, parameters)
    record = verbs.load(context, record_type, resolved)
    write = Update(record_type.key(resolved), NOT_FOUND(), set=verbs.changed(context, parameters))
    changed: Record = channel_log.change(context, record_type.name, "updated", record, lambda *_: Decision(write))[0]
    return changed


def delete(record_type: RecordType[Any], context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Delete the record and leave a tombstone in its place; clients may not."""
    resolved = resolve(context, record_type, path, opened=False)
    if context.caller.identity is not None:
        authority.require(context, resolved["service_sid"], resolved["channel_sid"], ())
        raise FORBIDDEN()
    record = verbs.load(context, record_type, resolved)

    def decide(current: Record, _: Tail) -> Decision:
        return Decision(verbs.bury(context, record_type, resolved, current))

    channel_log.change(context, record_type.name, "deleted", record, decide)
