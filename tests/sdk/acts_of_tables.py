"""Every act of the SDKs' tables, with the version whose face it asks."""

from __future__ import annotations

from typing import NamedTuple

from parley.faces.spec import Mount
from parley.operations.table import OPERATIONS, Operation
from parley.sockets.sdk import upstream
from parley.sockets.sdk.acts import MOUNTS, Act
from parley.sockets.sdk.commands import COMMANDS, Command
from parley.sockets.sdk.upstream_views import V1


class Listed(NamedTuple):
    """One act of one version."""

    name: str
    version: str
    act: Act

    @property
    def mount(self) -> Mount:
        return MOUNTS[self.version][self.act.resource]

    @property
    def operation(self) -> Operation:
        return self.act.operation or OPERATIONS[self.mount.resource, self.act.verb]

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


ACTS = [
    *(
        Listed(f"{row.method} {row.template}", version, row.act)
        for row in upstream.ROWS
        if isinstance(row, upstream.Row)
        for version in row.versions
    ),
    *(Listed("sending", version, act) for version, act in upstream.SENDING.items()),
    *(Listed("moving", version, act) for version, act in upstream.MOVING.items()),
    *(Listed("muting", version, upstream.MUTING) for version in upstream.MOVING),
    *(Listed(name, V1, command.act) for name, command in COMMANDS.items() if isinstance(command, Command)),
]
