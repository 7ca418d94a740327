"""The Sync objects that SDKs read: documents, lists and maps, all of them views of records.

An SDK opens an object by its unique name or its SID, reads pages of its items, and subscribes to it
(`subscriptions.py`). If a user may not see an object, the answer is the same as if the object did not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.clock import iso_millis
from parley.domain.memberships import birth_of, own
from parley.domain.presence import live_connections, reachability
from parley.errors import DOCUMENT_NOT_FOUND, INVALID_PARAMETER, LIST_NOT_FOUND, MAP_NOT_FOUND, OBJECT_DENIED, Error
from parley.ids import is_sid
from parley.operations.reachability import is_enabled
from parley.sockets.sdk import channel_objects, items, objects, pages
from parley.sockets.sdk.channel_objects import Sight, asker
from parley.sockets.sdk.objects import DOCUMENT, LIST, MAP, SyncObject
from parley.sockets.sdk.routing import Answered, Exchange, Route
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Found, Records
from parley.stored import Message

NOT_FOUND: Mapping[str, Error] = {
    DOCUMENT: DOCUMENT_NOT_FOUND,
    LIST: LIST_NOT_FOUND,
    MAP: MAP_NOT_FOUND,
}
_LONGEST_INDEX = 12
_EMPTY = pages.Items[Any]([], False, False)


def fetch_document(exchange: Exchange) -> Answered:
    """A channel's document."""
    of = _named(exchange, DOCUMENT)
    seen = _seen(exchange, of)
    described = _described(of, seen.number, seen.channel)
    return Answered(200, {**described, "data": items.channel_data(seen.channel, seen.tail)})


def fetch_list(exchange: Exchange) -> Answered:
    """A channel's messages, without the messages."""
    of = _named(exchange, LIST)
    seen = _readable(exchange, of)
    return Answered(200, _described(of, seen.number, seen.channel))


def fetch_map(exchange: Exchange) -> Answered:
    """A map; with `Include=items`, the first of its items too."""
    of = _named(exchange, MAP)
    described = _MAPS[of.kind](exchange, of)
    if exchange.query.get("Include") == "items":
        described |= list_map(exchange).body
    return Answered(200, described)


def _fetch_roster(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    seen = _readable(exchange, of)
    return _described(of, seen.number, seen.channel)


def _fetch_channels(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    _require_own(exchange, of)
    return _described(of, exchange.context.clock.now_ms(), {})


def _fetch_info(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    user = info_user(exchange, exchange.context.table.fetch_many(user_keys(exchange, [of.owner])), of.owner)
    if user is None:
        raise MAP_NOT_FOUND()
    return _described(of, user.get("seq", 0), user)


def list_list(exchange: Exchange) -> Answered:
    """One page of a channel's messages, or the message at an index."""
    of = _named(exchange, LIST)
    seen = _readable(exchange, of)
    where = keys.messages(of.owner)
    if "Index" in exchange.query:
        index = int(_index(exchange.query["Index"], "Index"))
        found = None if seen.is_gone else exchange.context.table.fetch(keys.message(of.owner, index))
        one = [(keys.padded(index), _message(of, found))] if found else []
        return Answered(200, pages.shown(pages.Asked(), _EMPTY, one))
    page = pages.asked(exchange.query, lambda text: _index(text, "From"))
    read = _EMPTY if seen.is_gone else pages.read(exchange.context.table, where, page)
    return Answered(200, pages.shown(page, read, [(item.position, _message(of, item.record)) for item in read.found]))


def _index(text: str, name: str) -> str:
    """The position of the message with an index.

    Raises:
        Refusal: 20001 if the text is no index.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_INDEX):
        raise INVALID_PARAMETER(name=name, reason="an index is needed")
    return keys.padded(int(text))


def _message(of: SyncObject, message: Message) -> dict[str, Any]:
    return _item(of, message["index"], message, items.message_item(message))


def list_map(exchange: Exchange) -> Answered:
    """One page of a map, or the item with a key."""
    of = _named(exchange, MAP)
    return Answered(200, _ITEMS[of.kind](exchange, of))


def _list_roster(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    seen, page = _readable(exchange, of), _asked(exchange)
    if (key := exchange.query.get("Key")) is not None:
        is_there = is_sid("MB", key) and not seen.is_gone
        member = exchange.context.table.fetch(keys.member(of.owner, key)) if is_there else None
        return pages.shown(page, _EMPTY, [(key, _member(of, member))] if member else [])
    read = _EMPTY if seen.is_gone else pages.read(exchange.context.table, keys.members(of.owner), page)
    return pages.shown(page, read, [(item.position, _member(of, item.record)) for item in read.found])


def _member(of: SyncObject, member: Mapping[str, Any]) -> dict[str, Any]:
    return _item(of, member["sid"], member, items.roster_item(member))


def _list_channels(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    _require_own(exchange, of)
    page = _asked(exchange)
    if (key := exchange.query.get("Key")) is not None:
        return pages.shown(page, _EMPTY, _held_in(exchange, of, key))
    table, where = exchange.context.table, keys.user_channels(of.owner)
    read = pages.read(table, where, page)
    held = _held(exchange, of, read.found)
    # SDKs take an empty page for the end of the map.
    while not held and (more := pages.following(page, read)):
        read = pages.read_on(table, where, more, read)
        held = _held(exchange, of, read.found)
    return pages.shown(page, read, held)


def _held(exchange: Exchange, of: SyncObject, listed: list[Found[Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The items of those of the listed memberships and invites that are the user's and whose channel its SDK knows."""
    wanted: list[Key[Any]] = [key for item in listed for key in (item.key, keys.tail(item.position))]
    found = exchange.context.table.fetch_many(wanted)
    both = [(item.position, found.get(item.key), found.get(keys.tail(item.position))) for item in listed]
    return [
        (sid, _item(of, sid, held, items.membership_item(held, tail["type"])))
        for sid, held, tail in both
        if tail is not None and held is not None and channel_objects.is_known(exchange.connection, held, tail)
        if own(held, asker(exchange.connection))
    ]


def _held_in(exchange: Exchange, of: SyncObject, sid: str) -> list[tuple[str, dict[str, Any]]]:
    """The item of one channel; nothing if the user is neither in it nor invited."""
    if not is_sid("CH", sid):
        return []
    seen = channel_sight(exchange, sid)
    held = seen.member or seen.invite
    if held is None:
        return []
    return [(sid, _item(of, sid, held, items.membership_item(held, seen.tail["type"])))]


def _list_info(exchange: Exchange, of: SyncObject) -> dict[str, Any]:
    user = info_user(exchange, exchange.context.table.fetch_many(user_keys(exchange, [of.owner])), of.owner)
    if user is None:
        raise MAP_NOT_FOUND()
    page = _asked(exchange)
    data = items.user_items(user, is_enabled(exchange.service))
    wanted = [exchange.query["Key"]] if "Key" in exchange.query else sorted(data, reverse=page.descending)
    return pages.shown(page, _EMPTY, [(key, _item(of, key, user, data[key])) for key in wanted if key in data])


_MAPS = {"roster": _fetch_roster, "channels": _fetch_channels, "info": _fetch_info}
_ITEMS = {"roster": _list_roster, "channels": _list_channels, "info": _list_info}


def _asked(exchange: Exchange) -> pages.Asked:
    return pages.asked(exchange.query, lambda key: key)


def _named(exchange: Exchange, of_type: str) -> SyncObject:
    """The object in the path.

    Raises:
        Refusal: 54100, 54150 or 54200 if there can be none with this name.
    """
    found = objects.parse(exchange.path["object"])
    if found is None or found.type != of_type:
        raise NOT_FOUND[of_type]()
    return found


def channel_sight(exchange: Exchange, channel_sid: str) -> Sight:
    """What the user sees of a channel, in one request; one more if the channel has aliases."""
    wanted = channel_objects.all_keys(exchange.connection, channel_sid)
    found = exchange.context.table.fetch_many(wanted, buried=True)
    return channel_objects.sight(exchange.context, exchange.connection, found, channel_sid)


def _seen(exchange: Exchange, of: SyncObject) -> Sight:
    seen = channel_sight(exchange, of.owner)
    if not seen.is_visible:
        raise NOT_FOUND[of.type]()
    return seen


def _readable(exchange: Exchange, of: SyncObject) -> Sight:
    """What the user sees of the channel of an object that only members see.

    Raises:
        Refusal: 54150 or 54200 if the user does not see the channel; 54007 if it is no member.
    """
    seen = _seen(exchange, of)
    if not seen.is_readable:
        raise OBJECT_DENIED()
    return seen


def _require_own(exchange: Exchange, of: SyncObject) -> None:
    if of.owner != exchange.user_sid:
        raise MAP_NOT_FOUND()


def user_keys(exchange: Exchange, user_sids: list[str]) -> list[Key[Any]]:
    """The keys of users and, if the service shows who is online, of their presence."""
    wanted: list[Key[Any]] = [keys.user(sid) for sid in user_sids]
    if is_enabled(exchange.service):
        wanted += [keys.presence(sid) for sid in user_sids]
    return wanted


def info_user(exchange: Exchange, found: Records, user_sid: str) -> dict[str, Any] | None:
    """A user of the service as others see it; None if there is none. `found` holds what has the `user_keys`."""
    user = found.get(keys.user(user_sid))
    if user is None or user["service_sid"] != exchange.service_sid:
        return None
    now = exchange.context.clock.now_ms() // 1000
    live = live_connections(found.get(keys.presence(user_sid)), now, birth_of(user))
    enabled = is_enabled(exchange.service)
    return reachability(user, enabled, bool(live)) | {"bindings_count": user.get("bindings_count", 0)}


def _described(of: SyncObject, number: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """The descriptor of an object whose newest change has a number; `record` has its dates."""
    shown = {
        "sid": of.sid,
        "unique_name": of.unique_name,
        "url": of.url,
        "revision": str(number),
        "last_event_id": objects.described_id(number),
        **_dates(record),
    }
    return shown if of.type == DOCUMENT else {**shown, "links": {"items": of.items_url}}


def _item(of: SyncObject, key: int | str, record: Mapping[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    number = int(record.get("seq", 0))
    return {
        ("index" if of.type == LIST else "key"): key,
        "url": f"{of.items_url}/{key}",
        "revision": str(number),
        "last_event_id": objects.event_id(number),
        "data": data,
        **_dates(record),
    }


def _dates(record: Mapping[str, Any]) -> dict[str, Any]:
    created, updated = int(record.get("date_created") or 0), int(record.get("date_updated") or 0)
    return {
        "date_created": iso_millis(created),
        "date_updated": iso_millis(updated or created),
        "date_expires": None,
        "created_by": "system",
    }


ROUTES = (
    Route("GET", "/v3/Documents/{object}", fetch_document),
    Route("GET", "/v3/Lists/{object}", fetch_list),
    Route("GET", "/v3/Lists/{object}/Items", list_list),
    Route("GET", "/v3/Maps/{object}", fetch_map),
    Route("GET", "/v3/Maps/{object}/Items", list_map),
)
