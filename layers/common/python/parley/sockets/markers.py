"""Markers: they say which connections got a change from the function that wrote it.

A writer that has promised to push a change leaves a marker when it has done so. Fan-out reads the markers of its batch
and serves the other connections. If a promise is young and has no marker yet, fan-out waits a moment for it. Without a
marker it serves everybody: then the writer has died, or was too slow, and a client may get the change twice.

Markers lie between the invites and the members of their channel, which fan-out reads with one query, so reading them
costs nothing more. A channel has places for a few. A later change overwrites a marker that fan-out no longer needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from parley.operations.context import Context
from parley.store import keys
from parley.store.changes import Change
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Marker

BUDGET_MS = 150
"""How long the writer may take for its pushes and the marker, from its commit on."""
PLACES = 20
"""A channel has places for so many markers.

The fast path takes so many changes in two seconds at most, so fan-out has two seconds to read a marker. Fan-out reads
them all with the members. In a room of two people, markers and members together have less than 4 KB: one read unit.
"""
# Clocks of two machines differ, and the marker takes a moment to be written.
_LATE_MS = 100
# How long fan-out pauses before it looks again.
_PAUSES_MS = (15, 25, 40, 70, 100)
# The stream keeps a change for a day.
_KEPT_SECONDS = 26 * 3600


def write(context: Context, channel_sid: str, seq: int, connection_ids: Collection[str]) -> None:
    """Leave the marker of the change with this number; one write unit for fifty connections."""
    expires_at = context.clock.now_ms() // 1000 + _KEPT_SECONDS
    marker = Marker(seq=seq, to=" ".join(connection_ids), expires_at=expires_at)
    context.table.touch(key(channel_sid, seq), {**marker})


def key(channel_sid: str, seq: int) -> Key[Marker]:
    """Where the marker of the change with this number stands, until a later change takes its place."""
    return keys.marker(channel_sid, seq % PLACES)


def served(context: Context, changes: Sequence[Change], hearers: Mapping[str, Records]) -> dict[str, frozenset[str]]:
    """The connections that got a change already, by the change's position.

    `hearers` has what was read of each channel, with the markers that were there. This waits for those that are
    missing, for as long as their writers may still be at work, and reads them again.
    """
    promised = [change for change in changes if _is_promised(change)]
    told: dict[str, frozenset[str]] = {}
    for channel_sid, found in hearers.items():
        told |= _named([change for change in promised if change.channel_sid == channel_sid], found)
    for pause in _PAUSES_MS:
        now = context.clock.now_ms()
        unnamed = [change for change in promised if change.position not in told]
        young = [change for change in unnamed if now - change.cause["at"] < _LAST_MS]
        if not young:
            break
        context.clock.sleep(pause / 1000)
        told |= _named(young, context.table.fetch_many(map(_key, young)))
    return told


_LAST_MS = BUDGET_MS + _LATE_MS


def _is_promised(change: Change) -> bool:
    # A record without a number is broken, and must not hold up the others.
    is_numbered = isinstance(change.record.get("seq"), int)
    return bool(change.cause.get("fast")) and change.verb == "created" and is_numbered


def _named(changes: Sequence[Change], found: Records) -> dict[str, frozenset[str]]:
    """The connections that the markers of some changes name, by the change's position.

    The place of a marker may hold none, or that of another change.
    """
    markers = {change.position: (found.get(_key(change)), change.record["seq"]) for change in changes}
    return {
        position: frozenset(marker["to"].split())
        for position, (marker, seq) in markers.items()
        if marker is not None and marker["seq"] == seq
    }


def _key(change: Change) -> Key[Marker]:
    return key(change.channel_sid, change.record["seq"])
