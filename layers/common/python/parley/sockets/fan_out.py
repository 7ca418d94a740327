"""Fan-out: it pushes a batch of changes to every connection that should hear of them.

It reads the audience of a channel once per batch: members, invited users and followers with one query, their presence
with one batch read per hundred. It renders an event once for each protocol that a listener speaks. The codec packs the
pieces for one connection into as few frames as it can, and connections with the same pieces share the same bytes.
Changes are pushed in the order of the stream.

Notifications for phones and browsers are queued when all pushes have been sent, and while their answers are still out.
So no push waits for them. If they cannot be queued, Lambda brings their records again, and this container does not push
these a second time.

If a record cannot be rendered, fan-out delivers the records before it and stops there. The event source mapping then
isolates the record and sends it to the failure queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from parley.domain.memberships import Person, user_of
from parley.domain.presence import is_opening
from parley.errors import Refusal
from parley.log import logger
from parley.metrics import FAN_OUT_LAG, count
from parley.operations.context import Context
from parley.operations.reachability import is_enabled
from parley.ports.sockets.gateway import Outcome, SocketGateway
from parley.sockets import audiences, gaps, markers
from parley.sockets.audiences import Addressed, Delivery, Groups, Hearers
from parley.sockets.closing import close
from parley.sockets.codec import CannotShow, Codec, News, Piece
from parley.sockets.events import EVENTS, FOLLOWERS, INVITED, Event, reasons
from parley.sockets.gaps import Told
from parley.sockets.meanwhile import Meanwhile
from parley.sockets.notifying import Asked, Notifier
from parley.sockets.presence import Listener, forget, gone, listeners
from parley.sockets.protocols import Protocols
from parley.store import keys
from parley.store.changes import Change, decode, request_id_in
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Follower, Presence, Service
from parley.tracing import working_for

_DEADLINE_SECONDS = 20.0
# How long one batch may spend on forgetting gone connections. The next push finds the rest of them.
_FORGETTING_MS = 10_000
# How many records this container knows whose notifications are still to be queued.
_MOST_POSTED = 1_000


@dataclass
class _Plan:
    """What to send to each connection, in order, and which connections to close.

    `served` has the connections that got a change from its writer, by its position. `told` says who hears which event;
    `failed` is the sequence number of the record at which the plan stops.
    """

    served: Mapping[str, frozenset[str]]
    listeners: dict[str, Listener] = field(default_factory=dict)
    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    ending: dict[str, Refusal] = field(default_factory=dict)
    failed: str | None = None


class FanOut:
    """Pushes the batches of the stream to sockets; for phones and browsers, a notifier queues them."""

    def __init__(self, context: Context, gateway: SocketGateway, protocols: Protocols, notifier: Notifier):
        self._context = context
        self._gateway = gateway
        self._protocols = protocols
        self._notifier = notifier
        # The changes that sockets have heard of, and whose notifications could not be queued.
        self._posted: dict[tuple[Key[Any], str], None] = {}

    def deliver(self, stream_records: Sequence[dict[str, Any]]) -> str | None:
        """Push the changes of a batch; returns the sequence number of the first record that failed, if one did."""
        changes, failed = _decoded(stream_records)
        if not changes:
            return failed
        hearers = audiences.hearers_of(self._context, changes)
        addressed, unaddressed = _addressed(changes, hearers)
        online, services = self._online(addressed, changes)
        open_ = listeners(self._context, online)
        following = audiences.open_followers(self._context, hearers.followers)
        served = markers.served(self._context, changes, hearers.records)
        unheard = [one for one in addressed if _id(one.change) not in self._posted]
        deliveries = audiences.deliveries(unheard, open_, following)
        plan = self._planned(deliveries, self._channels_needed(deliveries), hearers, served)
        for group in (*following.values(), *open_.values()):
            plan.listeners |= {listener.id: listener for listener in group}
        plan.failed = plan.failed or unaddressed or failed
        told = _before(changes, plan.failed)
        asked = self._notifier.asked(told, services)
        with Meanwhile(lambda: self._notify(asked, hearers, open_)) as notifying:
            # Only who wants notifications pays for the thread.
            self._send(plan, changes, online, hearers.followers, notifying.start if asked else None)
            for connection_id, refusal in plan.ending.items():
                listener = plan.listeners[connection_id]
                codec = self._protocols.codec(listener.protocol)
                close(self._context, self._gateway, connection_id, codec.ended(refusal), user_sid=listener.user_sid)
            self._note_told(changes, plan.failed)
            return self._noted(told, notifying.result()) or plan.failed

    def _notify(self, asked: list[Asked], hearers: Hearers, open_: Groups) -> str | None:
        """Queue notifications; returns the position of the first change that has to come again for them, if any."""
        if not asked:
            return None
        connected = frozenset(Person(one.user_sid, one.birth) for group in open_.values() for one in group)
        return self._notifier.queue(asked, hearers.records, connected)

    def _noted(self, changes: list[Change], failed: str | None) -> str | None:
        """Remember which changes come again for their notifications only, as sockets have heard of them."""
        for change in _before(changes, failed):
            self._posted.pop(_id(change), None)
        if failed:
            again = [_id(change) for change in changes[len(_before(changes, failed)) :]]
            self._posted = dict(list({**self._posted, **dict.fromkeys(again)}.items())[-_MOST_POSTED:])
        return failed

    def _online(
        self, addressed: list[Addressed], changes: list[Change]
    ) -> tuple[dict[str, Presence], dict[Key[Service], Service]]:
        """The presence of every user in the audiences, by user SID, and the services that decide about notifications.

        Services that are not remembered are read with the presence. They are handed on, since sockets may take so long
        that they would be forgotten.
        """
        users = {person.user_sid for persons in {one.persons for one in addressed} for person in persons}
        configuration = self._context.configuration
        wanted = self._notifier.services(changes) if users else set()
        services = {key: known for key in wanted if (known := configuration.remembered(key)) is not None}
        unknown = wanted - services.keys()
        found = self._context.table.fetch_many([*unknown, *(keys.presence(sid) for sid in users)])
        for key in unknown & found.keys():
            configuration.remember(key, found[key])
            services[key] = found[key]
        online = {sid: found[keys.presence(sid)] for sid in users if keys.presence(sid) in found}
        return online, services

    def _channels_needed(self, deliveries: list[Delivery]) -> Records:
        """The channels and counters that the events show, or that their `when` needs."""
        wanted: list[Key[Any]] = []
        for change, event, to in deliveries:
            codecs = [self._protocols.codec(name) for name in to]
            is_shown = any(codec.shows_channel(change.kind, change.verb) for codec in codecs)
            is_asked = change.kind != "channel" and any(self._protocols.row(name).perspective.hides for name in to)
            if to and change.channel_sid and (event.asks_channel or is_shown or is_asked):
                wanted += [keys.channel(change.channel_sid), keys.tail(change.channel_sid)]
        return self._context.table.fetch_many(wanted, buried=True) if wanted else Records()

    def _planned(
        self, deliveries: list[Delivery], shown: Records, hearers: Hearers, served: dict[str, frozenset[str]]
    ) -> _Plan:
        plan = _Plan(served=served)
        for delivery in deliveries:
            change = delivery.change
            try:
                self._add(plan, delivery, shown, hearers)
            except Exception:
                _log_failure(change.position, change.request_id)
                plan.failed = change.position
                break
        return plan

    def _add(self, plan: _Plan, delivery: Delivery, shown: Records, hearers: Hearers) -> None:
        change, event, to = delivery
        news = self._news(change, event, shown)
        if not event.when(change, news.channel or {}):
            return
        for protocol, group in to.items():
            if event.ends:
                plan.ending |= {listener.id: event.ends() for listener in group}
                continue
            perspective = self._protocols.row(protocol).perspective
            if audiences.is_hidden(perspective, change, news):
                continue
            is_filtered = FOLLOWERS in event.audience or (INVITED in event.audience and not perspective.has_invites)
            if change.channel_sid and is_filtered:
                group = audiences.seeing(group, news, hearers, perspective)
            try:
                if event.name == "channel_updated" and change.old.get("type") in perspective.hides:
                    self._introduce(plan, news, protocol, group, hearers)
                self._render(plan, change, news, protocol, group)
            except CannotShow:
                # The channel has been deleted since. Its deletion is a later change of the stream.
                continue

    def _render(self, plan: _Plan, change: Change, news: News, protocol: str, group: list[Listener]) -> None:
        sender, _, request = change.cause.get("request", "").partition(" ")
        codec = self._protocols.codec(protocol)
        is_personal = codec.is_personal(news.event)
        pieces = () if is_personal else codec.render(news, "")
        if is_personal or pieces:
            plan.told.append(Told(news, protocol, group))
        served = plan.served.get(change.position, frozenset())
        slow = [piece for piece in pieces if not codec.is_fast(piece)] if served else []
        for listener in group:
            if is_personal:
                pieces = codec.render(news, listener.user_sid)
            is_sender = listener.id == sender and request
            told = slow if listener.id in served else pieces
            if told:
                plan.pieces.setdefault(listener.id, []).extend(
                    [codec.marked(piece, request) for piece in told] if is_sender else told
                )

    def _introduce(self, plan: _Plan, news: News, protocol: str, group: list[Listener], hearers: Hearers) -> None:
        """Tell of a channel that the protocol did not show until now: its members hear what they hear after joining."""
        records, codec = hearers.records[news.channel_sid], self._protocols.codec(protocol)
        held = {user_of(record): record for record in records.below(keys.members(news.channel_sid))}
        at = {name: news.record[name] for name in ("seq", "cause")}
        for listener in group:
            if member := held.get(Person(listener.user_sid, listener.birth)):
                own = replace(news, event="channel_joined", kind="member", verb="created", record={**member, **at})
                plan.pieces.setdefault(listener.id, []).extend(codec.render(own, listener.user_sid))

    def _news(self, change: Change, event: Event, shown: Records) -> News:
        service = None
        if change.kind == "user":
            key = keys.service(self._context.account_sid, change.record["service_sid"])
            service = self._context.configuration.fetch(key)
        return News(
            event.name,
            change.kind,
            change.verb,
            change.record,
            change.channel_sid,
            shown.get(keys.channel(change.channel_sid)) or {},
            shown.get(keys.tail(change.channel_sid)),
            reasons(change),
            is_enabled(service),
        )

    def _send(
        self,
        plan: _Plan,
        changes: list[Change],
        online: dict[str, Presence],
        followers: dict[str, list[Follower]],
        when_sent: Callable[[], None] | None,
    ) -> None:
        posts = self._posts(plan)
        if not posts:
            return
        outcomes = self._gateway.post(posts, _DEADLINE_SECONDS, when_sent)
        posted_at = self._context.clock.now_ms()
        for change in changes:
            count(FAN_OUT_LAG, max(posted_at - change.cause["at"], 0))
        missing = gone(outcomes)
        now, enough_ms = self._context.clock.now_ms() // 1000, self._context.clock.now_ms() + _FORGETTING_MS
        for connection_id in missing:
            if self._context.clock.now_ms() > enough_ms:
                break
            owner = plan.listeners[connection_id].user_sid
            if not is_opening(online.get(owner), connection_id, now):
                forget(self._context, connection_id, owner)
        # If a connection was forgotten while it began to follow, its items are left: pushes to it would fail for hours.
        stale = [
            keys.follower(sid, record["id"])
            for sid, found in followers.items()
            for record in found
            if record["id"] in missing
        ]
        self._context.table.erase_many(stale)
        dropped = {connection_id for connection_id, outcome in outcomes.items() if outcome is Outcome.DROPPED}
        gaps.note(self._context, gaps.missed(self._protocols, plan.told, dropped))
        facts = {"connections": len(outcomes), "gone": len(missing), "dropped": len(dropped)}
        logger.info("pushed", extra={**facts, "request_ids": _request_ids(changes)})

    def _posts(self, plan: _Plan) -> list[tuple[str, bytes]]:
        bodies: dict[tuple[Codec, tuple[Piece, ...]], list[bytes]] = {}
        posts = []
        for connection_id, pieces in plan.pieces.items():
            protocol = plan.listeners[connection_id].protocol
            codec = self._protocols.codec(protocol)
            news = codec, tuple(pieces)
            if news not in bodies:
                bodies[news] = codec.packed(pieces)
            posts += [(connection_id, body) for body in bodies[news]]
        return posts

    def _note_told(self, changes: list[Change], failed: str | None) -> None:
        """Note in the counters of deleted channels that their members have been told, so that the sweeps may begin."""
        for change in changes:
            if change.position == failed:
                break
            if (change.kind, change.verb) == ("channel", "deleted"):
                self._context.table.annotate(keys.tail(change.channel_sid), {"told_at": self._context.clock.now_ms()})


def _log_failure(position: str, request_id: str | None) -> None:
    """Log the exception that is being handled, for the request that led to the change."""
    with working_for(request_id):
        logger.exception("change cannot be pushed", extra={"sequence_number": position})


def _id(change: Change) -> tuple[Key[Any], str]:
    """What tells a change from all others."""
    return change.key, change.position


def _before(changes: list[Change], position: str | None) -> list[Change]:
    """The changes before a position; all if there is none."""
    places = [place for place, change in enumerate(changes) if change.position == position]
    return changes[: places[0]] if places else changes


def _request_ids(changes: list[Change]) -> list[str]:
    """The ids of the requests that led to some changes, each once."""
    return list(dict.fromkeys(change.request_id for change in changes if change.request_id))


def _decoded(stream_records: Sequence[dict[str, Any]]) -> tuple[list[Change], str | None]:
    changes: list[Change] = []
    for stream_record in stream_records:
        try:
            if (change := decode(stream_record)) and (change.kind, change.verb) in EVENTS:
                changes.append(change)
        except Exception:
            position = stream_record["dynamodb"]["SequenceNumber"]
            _log_failure(position, request_id_in(stream_record))
            return changes, position
    return changes, None


def _addressed(changes: list[Change], hearers: Hearers) -> tuple[list[Addressed], str | None]:
    """The events of the changes with their audiences, up to the first change that cannot be handled."""
    found: list[Addressed] = []
    for change in changes:
        try:
            found += audiences.addressed_events(change, hearers)
        except Exception:
            _log_failure(change.position, change.request_id)
            return found, change.position
    return found, None
