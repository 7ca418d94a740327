"""Records as JSON: one function for every record, face and door."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from parley.clock import iso_seconds
from parley.faces.names import Name
from parley.faces.spec import Link, Mount
from parley.store.items import Record

_DATES = ("date_created", "date_updated")


def present(mount: Mount, record: Record, base_url: str, account_sid: str, *, listed: bool = False) -> dict[str, Any]:
    """A record as `mount` shows it, with absolute URLs below `base_url` (scheme, host and stage)."""
    values = {**record, "account_sid": account_sid}
    root = base_url + mount.face.prefix
    url = root + fill_path(mount, values, item=True)
    shown: dict[str, Any] = {name.shown: _value(mount, name, values, url) for name in mount.view.shown}
    if mount.view.links is not None:
        shown["links"] = {name: _link(root, url, link, values) for name, link in mount.view.links.items()}
    if listed:
        shown |= dict.fromkeys(mount.view.absent_from_lists.split())
    return shown


def _value(mount: Mount, name: Name, values: Record, url: str) -> Any:
    stored = name.field
    if stored == "url":
        return url
    if stored == "uri":
        return mount.face.prefix + fill_path(mount, values, item=True)
    if stored in _DATES:
        return _date(values.get(stored), mount)
    field = mount.record.by_name.get(stored)
    if name.parts and field is None:
        return _parts(mount, name.parts, values, f"{stored}.")
    value = values.get(stored)
    if field is None:
        return value
    shown = mount.kind(field).show(field.default if value is None else value)
    return _picked(name, shown) if name.parts else shown


def _parts(mount: Mount, parts: tuple[Name, ...], values: Record, within: str) -> dict[str, Any]:
    """An object made of fields; those without a value or a default are left out."""
    shown: dict[str, Any] = {}
    for part in parts:
        path = within + part.field
        if part.parts:
            if inner := _parts(mount, part.parts, values, f"{path}."):
                shown[part.shown] = inner
            continue
        field = mount.record.by_name[path]
        value = values.get(path)
        value = mount.kind(field).show(field.default if value is None else value)
        if value is not None:
            shown[part.shown] = value
    return shown


def _picked(name: Name, value: Any) -> Any:
    """The named parts of an object that is stored as one, or of each object of a list."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_picked(name, one) for one in value]
    return {part.shown: value[part.field] for part in name.parts if part.field in value}


def _date(milliseconds: int | None, mount: Mount) -> str | None:
    if milliseconds is None:
        return None
    if mount.face.style == "2010":
        return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC))
    return iso_seconds(milliseconds)


def _link(root: str, url: str, link: Link, values: Record) -> str | None:
    if isinstance(link, str) and link.startswith("^"):
        return root + _fill(link[1:], values)
    rest = link(values) if callable(link) else link
    return None if rest is None else url + rest


def fill_path(mount: Mount, values: Record, *, item: bool) -> str:
    """The path of an item or of its collection below the face's prefix."""
    return _fill((mount.home or mount.path) if item else mount.collection, values) + mount.face.suffix


def _fill(path: str, values: Record) -> str:
    segments = path.split("/")
    return "/".join(quote(str(values[part[1:-1]]), safe="") if part.startswith("{") else part for part in segments)
