"""Subscriptions: an SDK names a hundred objects at a time that it listens to, and the last id that it knows of each.

The answer comes first, then what the client missed, then one outcome per object. The order matters: SDKs lose a
subscription whose outcome comes before the answer. After each reconnection, an SDK subscribes to everything again. The
answer also names a time to live. After that time, the SDK subscribes again too, which repairs lost pushes.

For a channel that the user is in, nothing is stored: members get its changes anyway. If a connection subscribes to
another user's info, or to the document of a channel that its user is not in, it follows that object until it cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

from parley.domain.channels import PUBLIC
from parley.domain.memberships import own
from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER
from parley.faces.errors import translate
from parley.frozen import frozen
from parley.operations.context import CHAT
from parley.operations.reachability import is_enabled
from parley.sockets import following
from parley.sockets.sdk import channel_objects, items, objects, packets, sessions, sync_events
from parley.sockets.sdk.channel_objects import Sight, asker
from parley.sockets.sdk.objects import SyncObject
from parley.sockets.sdk.replay import TTL_SECONDS, ChannelReplay, Replay, document, is_document_due, presence
from parley.sockets.sdk.routing import Answered, Exchange, Route
from parley.sockets.sdk.sync import NOT_FOUND, info_user, user_keys
from parley.sockets.sdk.sync_events import ADDED, REMOVED, REPLAYED, UPDATED, SyncEvent, changed_at
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records

MOST_AT_ONCE = 100
# An SDK asks again if it has heard nothing for so long.
_DELIVERY_MS = 10_000
# From this version on, an SDK takes several events of one type in one packet.
_SEVERAL_FROM = 4
_MOST_BYTES = 100_000
# How many new events one answer holds. For the objects that are left out, the SDK asks again at once.
_MOST_EVENTS = 500
# Clocks differ, and a membership is listed a moment after it was written.
_MARGIN_MS = 10_000
_HIGHEST_ID = 2**53
_ESTABLISH, _CANCEL = "establish", "cancel"


class Asked(NamedTuple):
    """One object in a request; `last` is the id that the client knows, None if it knows none."""

    sid: str
    type: str
    last: int | None


@frozen
class Subscribing:
    """A request: what to do, for which objects, and what every outcome must repeat."""

    action: str
    objects: list[Asked]
    correlation_id: int | str
    takes_several: bool


def subscribe(exchange: Exchange) -> Answered:
    """Establish or cancel subscriptions."""
    asked = _read(exchange.body)
    told = _cancelled(exchange, asked) if asked.action == _CANCEL else _Establishing(exchange, asked).told()
    exchange.later(_packed(told, asked))
    shown = {"max_batch_size": MOST_AT_ONCE, "ttl_in_s": TTL_SECONDS, "estimated_delivery_in_ms": _DELIVERY_MS}
    return Answered(200, shown)


def _read(body: Mapping[str, Any]) -> Subscribing:
    """The request in a body.

    Raises:
        Refusal: 20001.
    """
    for name in ("action", "requests", "correlation_id"):
        if body.get(name) is None:
            raise MISSING_PARAMETER(name=name)
    if body["action"] not in (_ESTABLISH, _CANCEL):
        raise INVALID_PARAMETER(name="action", reason=f"{_ESTABLISH} or {_CANCEL} is needed")
    requests, correlation_id = body["requests"], body["correlation_id"]
    if not isinstance(requests, list) or len(requests) > MOST_AT_ONCE:
        raise INVALID_PARAMETER(name="requests", reason=f"a list of up to {MOST_AT_ONCE} objects is needed")
    if not _is_whole(correlation_id) and not (isinstance(correlation_id, str) and len(correlation_id) <= 64):
        raise INVALID_PARAMETER(name="correlation_id", reason="a number is needed")
    version = body.get("event_protocol_version", 0)
    takes_several = _is_whole(version) and version >= _SEVERAL_FROM
    # An object that is named again brings nothing more, so it must not cost more either.
    named = {(asked.sid, asked.type): asked for asked in map(_asked, reversed(requests))}
    return Subscribing(body["action"], [*named.values()][::-1], correlation_id, takes_several)


def _asked(request: Any) -> Asked:
    if not isinstance(request, dict):
        raise INVALID_PARAMETER(name="requests", reason="each must be an object")
    sid, type_, last = (request.get(name) for name in ("object_sid", "object_type", "last_event_id"))
    if not isinstance(sid, str) or len(sid) > 64 or not isinstance(type_, str) or type_ not in NOT_FOUND:
        raise INVALID_PARAMETER(name="requests", reason="each must name the SID and the type of an object")
    if last is not None and not (_is_whole(last) and 0 <= last <= _HIGHEST_ID):
        raise INVALID_PARAMETER(name="requests", reason="last_event_id must be the id of an event")
    return Asked(sid, type_, last)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


# What a client is told: a type of event with its body. Outcomes repeat the correlation id.
Told = tuple[str, dict[str, Any]]
_OUTCOME = "subscription_"


def _established(asked: Asked, last: int, *, is_cut: bool = False) -> Told:
    status = "interrupted" if is_cut else "completed"
    return f"{_OUTCOME}established", {**_named(asked), "replay_status": status, "last_event_id": last}


def _failed(asked: Asked) -> Told:
    status, code, text = translate(CHAT.errors, NOT_FOUND[asked.type]())
    return f"{_OUTCOME}failed", {**_named(asked), "error": {"status": status, "code": code, "message": text}}


def _named(asked: Asked) -> dict[str, Any]:
    return {"object_sid": asked.sid, "object_type": asked.type}


def _cancelled(exchange: Exchange, asked: Subscribing) -> list[Told]:
    """Stop following what the client does not listen to any more."""
    named = [objects.parse(one.sid) for one in asked.objects]
    followed = [of.owner for of in named if of is not None and of.kind in ("document", "info")]
    # The connection in the exchange may be some seconds old, and the client may have begun to follow since.
    current = exchange.context.table.fetch(keys.connection(exchange.connection["id"])) if followed else None
    if current is not None and set(followed) & set(current.get("follows") or ()):
        following.ignore(exchange.context, current, followed)
    return [(f"{_OUTCOME}canceled", _named(one)) for one in asked.objects]


class _Establishing:
    """Establishes the subscriptions of one request."""

    def __init__(self, exchange: Exchange, asked: Subscribing):
        self._exchange = exchange
        self._context = exchange.context
        self._connection = exchange.connection
        self._now_ms = exchange.context.clock.now_ms()
        self._here = presence(exchange.connection, self._now_ms)
        self._room = _MOST_EVENTS
        self._asked = [(one, _object(one)) for one in asked.objects]
        self._channels = list(dict.fromkeys(of.owner for _, of in self._asked if of and of.owner.startswith("CH")))
        self._users = [of.owner for _, of in self._asked if of and of.kind == "info"]
        self._found = Records()
        self._seen: dict[str, Sight] = {}

    def told(self) -> list[Told]:
        """What the client missed, then the outcomes."""
        self._look()
        missed: list[Told] = []
        outcomes: list[Told] = []
        for asked, of in self._asked:
            events, outcome = self._one(asked, of)
            missed += events
            outcomes.append(outcome)
        return [*self._departures(), *missed, *outcomes]

    # Reading.

    def _look(self) -> None:
        """Read what tells who may see what, follow what must be followed, then read what is shown.

        What is followed is read afterwards, so that no change in between is missed. Of channels that the user is in and
        whose document has not changed, the counters and the membership are enough.
        """
        table, connection = self._context.table, self._connection
        wanted = [key for sid in self._channels for key in channel_objects.member_keys(connection, sid)]
        own = keys.connection(connection["id"])
        self._found = table.fetch_many([*wanted, *map(keys.user, self._users), own], buried=True)
        if wanted := channel_objects.alias_keys(connection, self._found, self._channels):
            self._found |= table.fetch_many(wanted)
        outside = []
        for sid in self._channels:
            member = channel_objects.membership(self._context, connection, self._found, sid)
            if member is None:
                outside.append(sid)
            else:
                self._seen[sid] = Sight({}, self._found[keys.tail(sid)], member, is_visible=True)
        has_new = self._follow(outside)
        changed = [of.owner for asked, of in self._asked if of and of.kind == "document" and self._is_due(asked, of)]
        users = self._users
        if not has_new:
            users = [of.owner for asked, of in self._asked if of and of.kind == "info" and self._is_user_due(asked, of)]
        more: list[Key[Any]] = [key for sid in outside for key in channel_objects.all_keys(connection, sid)]
        more += [*map(keys.channel, changed), *user_keys(self._exchange, users)]
        self._found |= table.fetch_many(more, buried=True)
        for sid in outside:
            self._seen[sid] = channel_objects.sight(self._context, connection, self._found, sid)

    def _is_due(self, asked: Asked, of: SyncObject) -> bool:
        seen = self._seen.get(of.owner)
        return seen is not None and is_document_due(_last(asked, seen.number), seen.tail, self._now_ms)

    def _is_user_due(self, asked: Asked, of: SyncObject) -> bool:
        """Whether the client needs a user's info: it does not know the user's latest change, or that was of late."""
        user = self._found.living().get(keys.user(of.owner))
        if user is None:
            return False
        last, changed = _last(asked, int(user.get("seq", 0))), changed_at(user)
        is_recent = not objects.is_from_descriptor(last) and changed >= self._here.reach(0, changed)
        return is_recent or objects.number_in(last) < user.get("seq", 0)

    def _follow(self, outside: list[str]) -> bool:
        """Follow other users, and channels whose document the client opens without being a member.

        Returns whether there are any that the connection has not followed before.
        """
        living = self._found.living()
        documents = {of.owner for _, of in self._asked if of and of.kind == "document"}
        channels = [sid for sid in outside if sid in documents]
        if channels:
            wanted = [key for sid in channels for key in channel_objects.all_keys(self._connection, sid)]
            found = self._context.table.fetch_many(wanted, buried=True)
            seen = {sid: channel_objects.sight(self._context, self._connection, found, sid) for sid in channels}
            channels = [sid for sid in channels if seen[sid].is_visible and not seen[sid].is_gone]
        own = self._exchange.user_sid
        users = [sid for sid in self._users if sid != own and self._is_of_service(living.get(keys.user(sid)))]
        # The connection in the exchange may be some seconds old, and the client may have ceased to follow since.
        current = living.get(keys.connection(self._connection["id"])) or self._connection
        return following.listen(self._context, current, [*channels, *users])

    def _is_of_service(self, user: Mapping[str, Any] | None) -> bool:
        return user is not None and user["service_sid"] == self._exchange.service_sid

    # One object.

    def _one(self, asked: Asked, of: SyncObject | None) -> tuple[list[Told], Told]:
        """What the client missed of an object, and the outcome of its subscription."""
        if sessions.is_session(asked.sid):
            known = asked.last or 0
            if not self._room:
                return [], _established(asked, known, is_cut=True)
            missed, last = sessions.missed(self._exchange, asked.sid, known)
            self._room = max(self._room - len(missed), 0)
            return [(one["event_type"], one["event"]) for one in missed], _established(asked, last)
        if of is None:
            return [], _failed(asked)
        match of.kind:
            case "channels":
                return self._own_channels(asked, of)
            case "info":
                return self._info(asked, of)
        seen = self._seen[of.owner]
        if seen.is_gone or not (seen.is_visible if of.kind == "document" else seen.is_readable):
            return [], _failed(asked)
        replayed = self._replayed(of, seen, _last(asked, seen.number)).fitting(self._room)
        self._room = max(self._room - len(replayed.events), 0)
        last = objects.established_id(seen.number)
        return _told(replayed.events), _established(asked, last, is_cut=replayed.is_cut)

    def _replayed(self, of: SyncObject, seen: Sight, last: int) -> Replay:
        if of.kind == "document":
            channel = self._found.living().get(keys.channel(of.owner))
            is_due = channel is not None and is_document_due(last, seen.tail, self._now_ms)
            # A document counts for nothing: it is one event at most.
            return Replay(repeated=[document(channel, seen.tail, last)] if channel is not None and is_due else ())
        assert seen.member is not None
        replay = ChannelReplay(self._context, of.owner, seen.tail, seen.member, self._here)
        if not replay.is_due(last):
            return Replay()
        # If the answer is full, nothing more is read.
        return replay.of(of, last) if self._room else Replay(is_cut=True)

    def _departures(self) -> list[Told]:
        """The removal of channels from the user's own ones, if pushes that told of it may have been lost.

        Only members listen to messages and rosters. Who knew the document of a public channel before may have been
        invited; to others, the removal says nothing new. Its id is one that the client knows, since the channel's own
        would tell a stranger that there is such a channel.
        """
        mine = objects.channels(self._exchange.user_sid)
        lost = [(of.owner, asked.last or 0) for asked, of in self._asked if of and self._may_have_lost(asked, of)]
        known = {sid: objects.number_in(last) for sid, last in sorted(lost)}
        return _told(sync_events.item(mine, REMOVED, sid, {"seq": number}) for sid, number in known.items())

    def _may_have_lost(self, asked: Asked, of: SyncObject) -> bool:
        seen = self._seen.get(of.owner)
        if seen is None or seen.member is not None:
            return False
        if of.kind in ("messages", "roster"):
            return True
        is_new = asked.last is None or objects.is_from_descriptor(asked.last)
        return seen.channel.get("type") == PUBLIC and seen.invite is None and not is_new

    def _own_channels(self, asked: Asked, of: SyncObject) -> tuple[list[Told], Told]:
        """The memberships and invites that changed since the client last subscribed; its id has that time."""
        if of.owner != self._exchange.user_sid:
            return [], _failed(asked)
        since = objects.number_in(_last(asked, self._now_ms)) - _MARGIN_MS
        table, position, more, listed = self._context.table, None, True, []
        while more:
            found, more = table.page(keys.user_channels(of.owner), 1000, after=position)
            position = found[-1].position if found else position
            listed += found
        self._found |= table.fetch_many((item.key for item in listed if item.key not in self._found), buried=True)
        changed = [item for item in listed if changed_at(self._found.get(item.key)) >= since]
        tails = [keys.tail(item.position) for item in changed]
        self._found |= table.fetch_many(key for key in tails if key not in self._found)
        events = [self._own_channel(of, item.position, self._found[item.key], since) for item in changed]
        return _told(filter(None, events)), _established(asked, objects.established_id(self._now_ms))

    def _own_channel(self, of: SyncObject, sid: str, held: Mapping[str, Any], since: int) -> SyncEvent | None:
        tail = self._found.living().get(keys.tail(sid))
        if tail is not None and not channel_objects.is_known(self._connection, held, tail):
            return None
        if "deleted_at" in held or tail is None:
            return sync_events.item(of, REMOVED, sid, held)
        if own(held, asker(self._connection)) is None:
            return None
        verb = ADDED if held.get("date_created", 0) >= since else UPDATED
        return sync_events.item(of, verb, sid, held, items.membership_item(held, tail["type"])).repeated()

    def _info(self, asked: Asked, of: SyncObject) -> tuple[list[Told], Told]:
        """All items of a user's info, if the user has changed; nothing says which of them have."""
        user = info_user(self._exchange, self._found.living(), of.owner)
        if user is None:
            return [], _failed(asked)
        events: list[SyncEvent] = []
        if self._is_user_due(asked, of):
            data = items.user_items(user, is_enabled(self._exchange.service))
            events = [sync_events.item(of, UPDATED, key, user, value) for key, value in data.items()]
        return _told(events), _established(asked, objects.established_id(int(user.get("seq", 0))))


def _object(asked: Asked) -> SyncObject | None:
    """The object that a client names by its SID, if there can be one of this type."""
    of = objects.parse(asked.sid)
    return of if of is not None and of.sid == asked.sid and of.type == asked.type else None


def _last(asked: Asked, number: int) -> int:
    """The id that the client knows. If it knows none, it gets nothing but what comes from now on."""
    return objects.described_id(number) if asked.last is None else asked.last


def _told(events: Iterable[SyncEvent]) -> list[Told]:
    return [(event.name, event.body) for event in events]


# Packets.


def _packed(told: list[Told], asked: Subscribing) -> Iterable[bytes]:
    """The packets that tell all this, in order. If the client takes several events at once, they share packets."""
    for name, bodies in _grouped(told, takes_several=asked.takes_several):
        body: dict[str, Any] = {"event_type": name}
        body |= {"events": bodies} if asked.takes_several else {"event": bodies[0]}
        if name.startswith(_OUTCOME):
            body["correlation_id"] = asked.correlation_id
        yield packets.notification(REPLAYED, body)


def _grouped(told: list[Told], *, takes_several: bool) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Successive events of one type that fit into a packet together."""
    group: list[dict[str, Any]] = []
    name, size = "", 0
    for type_, body in told:
        length = len(packets.dump(body))
        if group and (not takes_several or type_ != name or size + length > _MOST_BYTES):
            yield name, group
            group, size = [], 0
        name, size = type_, size + length
        group.append(body)
    if group:
        yield name, group


ROUTES = (Route("POST", "/v4/Subscriptions", subscribe),)
