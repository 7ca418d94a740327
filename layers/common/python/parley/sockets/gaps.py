"""Tells clients that pushes to them were given up, so that they catch up although no further push comes.

Fan-out notes each such connection under the minute in which it happened, with the channels and their change numbers. If
everything arrives, it writes nothing. The next tick tells the clients. Some clients cannot be told: their protocol has
no such push, or they missed something that no change number reveals. The tick closes their sockets, because every
client catches up when it connects again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from parley.domain.presence import LONGEST_LIFE_SECONDS
from parley.log import logger
from parley.metrics import GAPS_TOLD, PUSHES_DROPPED, count
from parley.operations import due
from parley.operations.context import Context
from parley.ports.sockets.gateway import Outcome, SocketGateway
from parley.sockets.codec import News
from parley.sockets.connections import DUE
from parley.sockets.presence import Listener
from parley.sockets.protocols import Protocols, protocol_of
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Due

# How many sockets a tick closes. They all come back at once, and an account may open 500 in a second.
MOST_CLOSED = 1000


class Missed(NamedTuple):
    """What a connection missed: by channel, the highest change number; nothing if its client must connect again."""

    connection_id: str
    channels: Mapping[str, int]


class Told(NamedTuple):
    """An event of a change, and the connections of one protocol that are told of it."""

    news: News
    protocol: str
    to: list[Listener]


def missed(protocols: Protocols, told: Iterable[Told], dropped: set[str]) -> list[Missed]:
    """What the connections missed to which pushes were dropped."""
    channels: dict[str, dict[str, int]] = {one: {} for one in dropped}
    must_connect_again = set()
    for news, protocol, to in told if dropped else ():
        reveals = protocols.codec(protocol).reveals(news.event)
        for id_ in dropped.intersection(listener.id for listener in to):
            if reveals:
                highest = channels[id_].get(news.channel_sid, 0)
                channels[id_][news.channel_sid] = max(highest, news.record.get("seq", 0))
            else:
                must_connect_again.add(id_)
    return [Missed(one, {} if one in must_connect_again else channels[one]) for one in sorted(dropped)]


def note(context: Context, missed: Iterable[Missed]) -> None:
    """Note which connections missed pushes; the next tick tells them."""
    noted: dict[Key[Due], Due] = {}
    now = context.clock.now_ms() // 1000
    for one in missed:
        count(PUSHES_DROPPED)
        # A connection may miss pushes of several batches within a minute.
        noted |= _entry(context, f"{one.connection_id}#{context.ids.unique()}", one, now)
    context.table.put_many(noted)


def _entry(context: Context, id_: str, missed: Missed, due_seconds: int) -> dict[Key[Due], Due]:
    facts: Due = {"connection_id": missed.connection_id, "missed": dict(missed.channels)}
    return due.entry(context, DUE, due_seconds, id_, due_seconds + LONGEST_LIFE_SECONDS, facts)


class Gaps:
    """Tells the clients of one tick."""

    def __init__(self, sockets: SocketGateway, protocols: Protocols):
        self._sockets = sockets
        self._protocols = protocols
        self._left_to_close = MOST_CLOSED

    def tell(self, context: Context, found: list[Due]) -> set[str]:
        """Tell the clients of these connections; returns the ids of the entries, which are all done.

        Whoever cannot be told is noted under the next minute.
        """
        if not found:
            return set()
        connections = context.table.fetch_many(keys.connection(one["connection_id"]) for one in found)
        pushes: list[tuple[Due, bytes]] = []
        to_close: list[Due] = []
        for one in found:
            connection = connections.get(keys.connection(one["connection_id"]))
            if connection is None:
                continue
            codec = self._protocols.codec(protocol_of(connection))
            push = codec.missed(one["missed"]) if one["missed"] else None
            if push is None:
                to_close.append(one)
            else:
                pushes.append((one, push))
        outcomes = self._sockets.post((one["connection_id"], push) for one, push in pushes)
        later = [one for one, _ in pushes if outcomes[one["connection_id"]] is Outcome.DROPPED]
        closed, waiting = to_close[: self._left_to_close], to_close[self._left_to_close :]
        self._left_to_close -= len(closed)
        self._sockets.disconnect(*{one["connection_id"] for one in closed})
        self._note_again(context, [*later, *waiting])
        facts = {"told": len(pushes) - len(later), "closed": len(closed), "left": len(later) + len(waiting)}
        if told := facts["told"] + facts["closed"]:
            count(GAPS_TOLD, told)
        if any(facts.values()):
            logger.info("clients were told of gaps", extra=facts)
        return {one["id"] for one in found}

    @staticmethod
    def _note_again(context: Context, later: list[Due]) -> None:
        next_minute = context.clock.now_ms() // 1000 + 60
        noted: dict[Key[Due], Due] = {}
        for one in later:
            noted |= _entry(context, one["id"], Missed(one["connection_id"], one["missed"]), next_minute)
        context.table.put_many(noted)
