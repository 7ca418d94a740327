"""The tick of sockets: once a minute it does what is due for connections, and warns clients whose tokens end soon."""

from __future__ import annotations

from parley.operations import due
from parley.operations.context import Context
from parley.ports.sockets.gateway import SocketGateway
from parley.sockets.connections import DUE
from parley.sockets.expiry import Expiry
from parley.sockets.gaps import Gaps
from parley.sockets.protocols import Protocols
from parley.stored import Due


def tick(context: Context, sockets: SocketGateway, protocols: Protocols, until_ms: int) -> None:
    """Do what is due, until `until_ms` by the context's clock; the next tick goes on from there."""
    expiry, gaps = Expiry(sockets, protocols), Gaps(sockets, protocols)

    def connections(context: Context, found: list[Due], minute: int) -> set[str]:
        ends = [one["id"] for one in found if "missed" not in one]
        return gaps.tell(context, [one for one in found if "missed" in one]) | expiry.end(context, ends, minute)

    # One row per kind of due work.
    due.work_off(context, {DUE: connections}, until_ms)
    expiry.warn(context, until_ms)
