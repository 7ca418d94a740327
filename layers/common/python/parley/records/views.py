"""Records as JSON: one function for every resource, API version and door."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from parley.clock import iso_seconds
from parley.records.spec import Mount, Resource
from parley.store.items import Record

_DATES = ("date_created", "date_updated")


def present(
    row: Resource, mount: Mount, record: Record, base_url: str, account_sid: str, *, listed: bool = False
) -> dict[str, Any]:
    """The view of a record that `mount` gives, with absolute URLs below `base_url` (scheme, host and stage)."""
    values = {**record, "account_sid": account_sid}
    root = base_url + mount.api
    url = root + _fill(mount.path, values) + mount.suffix
    shown: dict[str, Any] = {}
    for name in mount.view.names.split():
        json_name, _, stored_name = name.partition("=")
        shown[json_name] = _value(row, mount, stored_name or json_name, values, url)
    if mount.view.links is not None:
        shown["links"] = {name: _link(root, url, link, values) for name, link in mount.view.links.items()}
    if listed:
        shown |= dict.fromkeys(mount.view.absent_from_lists.split())
    return shown


def _value(row: Resource, mount: Mount, name: str, values: Record, url: str) -> Any:
    if name == "url":
        return url
    if name == "uri":
        return mount.api + _fill(mount.path, values) + mount.suffix
    if name in _DATES:
        return _date(values.get(name), mount)
    if field := row.by_name.get(name):
        value = values.get(name)
        return field.kind.show(field.default if value is None else value)
    hidden = mount.view.hidden.split()
    family = [field for field in row.fields if field.name.startswith(name + ".") and field.name not in hidden]
    if not family:
        return values.get(name)
    nested: dict[str, Any] = {}
    for field in family:
        value = values.get(field.name)
        if value is None:
            value = field.default
        if value is not None:
            *parents, last = field.name.split(".")[1:]
            place = nested
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = field.kind.show(value)
    return nested


def _date(milliseconds: int | None, mount: Mount) -> str | None:
    if milliseconds is None:
        return None
    if mount.style == "2010":
        return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC))
    return iso_seconds(milliseconds)


def _link(root: str, url: str, link: Any, values: Record) -> str | None:
    if isinstance(link, str) and link.startswith("^"):
        return root + _fill(link[1:], values)
    rest = link(values) if callable(link) else link
    return None if rest is None else url + rest


def fill_path(mount: Mount, values: Record, *, item: bool) -> str:
    """The path of an item or of its collection below the API's prefix."""
    return _fill(mount.path if item else mount.collection, values) + mount.suffix


def _fill(path: str, values: Record) -> str:
    segments = path.split("/")
    return "/".join(quote(str(values[part[1:-1]]), safe="") if part.startswith("{") else part for part in segments)
