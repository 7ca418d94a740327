"""Fan-out: a batch of changes to pushes on every socket that should have them.

Per batch and channel the audience is read once: members with one query, presence with one batch read per hundred.
The stream is followed in order. A record that cannot be rendered stops the batch there; what came before it is
delivered, and the event source isolates the record and sends it to the failure queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from parley.clock import Clock
from parley.domain.channels import with_counters
from parley.gateway import Outcome, SocketGateway
from parley.log import logger
from parley.realtime.actions import show
from parley.realtime.events import MEMBERS, Push, audience, pushes
from parley.realtime.frames import dump
from parley.realtime.presence import forget, is_opening, live_connections
from parley.resources import REGISTRY
from parley.store import keys
from parley.store.changes import Change, decode
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Table

_ROWS = {row.name: row for row in REGISTRY}


class FanOut:
    """Delivers stream batches. `rest_url` is what URLs in the pushed views begin with."""

    def __init__(self, table: Table, gateway: SocketGateway, clock: Clock, rest_url: str, account_sid: str):
        self._table = table
        self._gateway = gateway
        self._clock = clock
        self._rest_url = rest_url
        self._account_sid = account_sid

    def deliver(self, stream_records: Sequence[dict[str, Any]], deadline_seconds: float = 20.0) -> str | None:
        """Push what a batch announces; returns the sequence number of the first record that failed, if one did."""
        planned, failed = self._plan(stream_records)
        if planned:
            audiences = self._audiences(planned)
            found = self._read(planned, set().union(*audiences))
            self._send(self._posts(planned, audiences, found), found, deadline_seconds)
        return failed

    def _plan(self, stream_records: Sequence[dict[str, Any]]) -> tuple[list[tuple[Change, Push, Record]], str | None]:
        planned = []
        for stream_record in stream_records:
            try:
                if change := decode(stream_record):
                    planned += [(change, push, self._frame(change, push)) for push in pushes(change)]
            except Exception:
                position = stream_record["dynamodb"]["SequenceNumber"]
                logger.exception("change cannot be announced", extra={"sequence_number": position})
                return planned, position
        return planned, None

    def _frame(self, change: Change, push: Push) -> Record:
        frame: Record = {"event": push.event}
        if change.channel_sid:
            frame |= {"channel_sid": change.channel_sid, "seq": change.record.get("seq", 0)}
        return {**frame, change.kind: show(_ROWS[change.kind], change.record, self._rest_url, self._account_sid)}

    def _audiences(self, planned: list[tuple[Change, Push, Record]]) -> list[set[str]]:
        channel_sids = {change.channel_sid for change, push, _ in planned if push.audience == MEMBERS}
        members = {sid: self._table.every(keys.members(sid)) for sid in channel_sids}
        return [audience(change, push, members.get(change.channel_sid, ())) for change, push, _ in planned]

    def _read(self, planned: list[tuple[Change, Push, Record]], users: Iterable[str]) -> dict[Key, Record]:
        """Who is online, and the counters that channel views show, in the same requests."""
        counters = {keys.tail(change.channel_sid) for change, _, _ in planned if change.kind == "channel"}
        return self._table.fetch_many([*(keys.presence(sid) for sid in users), *counters])

    def _posts(
        self,
        planned: list[tuple[Change, Push, Record]],
        audiences: list[set[str]],
        found: dict[Key, Record],
    ) -> list[tuple[str, str, bytes]]:
        now = self._clock.now_ms() // 1000
        online = {sid: live_connections(found.get(keys.presence(sid)), now) for sid in set().union(*audiences)}
        posts = []
        for (change, _, frame), recipients in zip(planned, audiences, strict=True):
            if change.kind == "channel" and (tail := found.get(keys.tail(change.channel_sid))):
                channel = with_counters(change.record, tail)
                frame = {**frame, "channel": show(_ROWS["channel"], channel, self._rest_url, self._account_sid)}
            body = dump(frame).encode()
            sender, _, request = change.cause.get("request", "").partition(" ")
            marked = dump({**frame, "request": request}).encode() if request else body
            posts += [
                (sid, connection_id, marked if connection_id == sender else body)
                for sid in sorted(recipients)
                for connection_id in online[sid]
            ]
        return posts

    def _send(self, posts: list[tuple[str, str, bytes]], found: dict[Key, Record], deadline_seconds: float) -> None:
        outcomes = self._gateway.post([(connection_id, body) for _, connection_id, body in posts], deadline_seconds)
        owners = {connection_id: sid for sid, connection_id, _ in posts}
        gone = [connection_id for connection_id, outcome in outcomes.items() if outcome is Outcome.GONE]
        now = self._clock.now_ms() // 1000
        for connection_id in gone:
            owner = owners[connection_id]
            if not is_opening(found.get(keys.presence(owner)), connection_id, now):
                forget(self._table, owner, connection_id)
        dropped = sum(outcome is Outcome.DROPPED for outcome in outcomes.values())
        logger.info("pushed", extra={"pushes": len(posts), "gone": len(gone), "dropped": dropped})
