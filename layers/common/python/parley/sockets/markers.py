"""Markers: they say which connections got a change from the function that wrote it.

A writer that has promised to push a change leaves a marker when it has done so. Fan-out reads the markers of its batch
and serves the other connections. If a promise is young and has no marker yet, fan-out waits a moment for it. Without a
marker it serves everybody: then the writer has died, or was too slow, and a client may get the change twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from parley.operations.context import Context
from parley.store import keys
from parley.store.changes import Change
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Marker

BUDGET_MS = 150
"""How long the writer may take for its pushes and the marker, from its commit on."""
# Clocks of two machines differ, and the marker takes a moment to be written.
_LATE_MS = 100
# How long fan-out pauses before it looks again.
_PAUSES_MS = (15, 25, 40, 70, 100)
# The stream keeps a change for a day.
_KEPT_SECONDS = 26 * 3600


def write(context: Context, channel_sid: str, seq: int, connection_ids: Collection[str]) -> None:
    """Leave the marker of the change with this number; one write unit for fifty connections."""
    expires_at = context.clock.now_ms() // 1000 + _KEPT_SECONDS
    marker = Marker(to=" ".join(connection_ids), expires_at=expires_at)
    context.table.touch(keys.marker(channel_sid, seq), {**marker})


def wanted(changes: Sequence[Change]) -> list[Key[Marker]]:
    """The keys of the markers that the writers of these changes have promised."""
    return [_key(change) for change in changes if _is_promised(change)]


def served(context: Context, changes: Sequence[Change], found: Records) -> dict[str, frozenset[str]]:
    """The connections that got a change already, by the change's position.

    `found` has those of the `wanted` records that were there. This waits for those that are missing, for as long as
    their writers may still be at work, and reads them again.
    """
    found = Records(found)
    promised = {_key(change): change for change in changes if _is_promised(change)}
    for pause in _PAUSES_MS:
        now = context.clock.now_ms()
        young = [key for key, change in promised.items() if key not in found and now - change.cause["at"] < _LAST_MS]
        if not young:
            break
        context.clock.sleep(pause / 1000)
        found |= context.table.fetch_many(young)
    return {change.position: frozenset(found[key]["to"].split()) for key, change in promised.items() if key in found}


_LAST_MS = BUDGET_MS + _LATE_MS


def _is_promised(change: Change) -> bool:
    # A record without a number is broken, and must not hold up the others.
    is_numbered = isinstance(change.record.get("seq"), int)
    return bool(change.cause.get("fast")) and change.verb == "created" and is_numbered


def _key(change: Change) -> Key[Marker]:
    return keys.marker(change.channel_sid, change.record["seq"])
