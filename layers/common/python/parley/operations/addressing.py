"""Addressing: turns SIDs, identities and unique names in a path into SIDs, and checks that the item's parents exist.

A record of another service or account than the path names is not found. Nor is a channel of a type that the caller's
face does not show. So an operation that reads a channel or its counters passes them through `shown`. An operation that
writes without reading either puts the guards of `only_shown` on its write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from parley.errors import NOT_FOUND, SERVICE_NOT_FOUND, Refusal
from parley.ids import address_sid, is_sid, member_sid, message_index, user_sid
from parley.operations.context import Context
from parley.records.spec import Path, RecordType
from parley.store import keys
from parley.store.writes import Guard
from parley.stored import Channel, Service

C = TypeVar("C", bound=Mapping[str, object])


def service(context: Context, service_sid: str) -> Service:
    """The service, from memory if it was read within the last seconds."""
    if not is_sid("IS", service_sid):
        raise NOT_FOUND()
    record = context.configuration.fetch(keys.service(context.account_sid, service_sid))
    if record is None:
        raise NOT_FOUND()
    return record


def named_service(context: Context, service_sid: str) -> Service:
    """The service that a parameter names, and not the path.

    Raises:
        Refusal: 50050.
    """
    try:
        return service(context, service_sid)
    except Refusal as refusal:
        if refusal.error is not NOT_FOUND:
            raise
        raise SERVICE_NOT_FOUND(sid=service_sid) from None


def channel_sid(context: Context, service_sid: str, address: str) -> str:
    """The SID of the channel with this SID or unique name; a SID is not looked up."""
    if is_sid("CH", address):
        return address
    if not address or len(address) > 256:
        raise NOT_FOUND()
    pointer = context.table.fetch(keys.unique_name(service_sid, address))
    if pointer is None:
        raise NOT_FOUND()
    return pointer["channel_sid"]


def shown(context: Context, service_sid: str, found: C | None) -> C:
    """`found`, a channel or its counters, if it is in the service and the caller's face shows its type.

    Raises:
        Refusal: 20404.
    """
    if found is None or found["service_sid"] != service_sid or not context.perspective.knows(found):
        raise NOT_FOUND()
    return found


def only_shown(context: Context) -> tuple[Guard, ...]:
    """The conditions on a channel's counters under which the caller's face shows it; none if it shows all types."""
    return tuple(Guard("type", "<>", channel_type, NOT_FOUND()) for channel_type in context.perspective.hides)


def channel(context: Context, service_sid: str, address: str) -> Channel:
    """The channel, from memory if it was read within the last seconds."""
    sid = channel_sid(context, service_sid, address)
    return shown(context, service_sid, context.configuration.fetch(keys.channel(sid)))


def user_address(service_sid: str, address: str) -> str:
    """The SID of the user with this SID or identity."""
    return address if is_sid("US", address) else user_sid(service_sid, address)


def resolve(context: Context, record_type: RecordType[Any], path: Path, *, opened: bool = True) -> Path:
    """The path with every address turned into a SID, after checking that the item's parents exist.

    With `opened=False` the channel is not read. That is for writes whose own condition requires that it exists.

    Raises:
        Refusal: 20404 if a parent does not exist or is of another service, or if an address has the wrong form.
    """
    resolved = dict(path)
    if record_type.parent == "account":
        if path.get("account_sid", context.account_sid) != context.account_sid:
            raise NOT_FOUND()
        resolved["account_sid"] = context.account_sid
    else:
        service(context, path["service_sid"])
    if "channel_sid" in path:
        where = context, path["service_sid"], path["channel_sid"]
        resolved["channel_sid"] = channel(*where)["sid"] if opened else channel_sid(*where)
    if "member_identity" in path:
        # A client's own identity, which is never read as a SID.
        resolved["sid"] = member_sid(resolved["channel_sid"], path["member_identity"])
    if "sid" in path:
        _resolve_item(context, record_type, path["sid"], resolved)
    return resolved


def _resolve_item(context: Context, record_type: RecordType[Any], address: str, resolved: Path) -> None:
    match record_type.prefix:
        case "US":
            resolved["sid"] = user_address(resolved["service_sid"], address)
        case "CH":
            resolved["sid"] = channel_sid(context, resolved["service_sid"], address)
        case "MB" if not is_sid("MB", address):
            resolved["sid"] = member_sid(resolved["channel_sid"], address)
        case "IG" if not is_sid("IG", address):
            resolved["sid"] = address_sid(context.account_sid, address)
        case "IM":
            index = message_index(resolved["channel_sid"], address)
            if index is None:
                raise NOT_FOUND()
            resolved["index"] = str(index)
        case _ if not is_sid(record_type.prefix, address):
            raise NOT_FOUND()
