"""The base of channels, members, messages and users: each shows the newest version of a server's record."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from parley_client.emitter import Emitter, Event
from parley_client.files import Files
from parley_client.reprs import described
from parley_client.timing import Timing

Attributes = Any
"""Any JSON value; an object unless somebody stored something else."""


@dataclass(eq=False)
class Hub:
    """What the objects of a client share.

    Attributes:
        request: Sends a request for an action, with its members as keywords, and returns the result.
        tell: Passes an event to the client's callbacks and streams.
        files: Uploads and fetches files.
        kept: Objects that must not be forgotten, because they have callbacks.
        typing_seconds: How long a member counts as typing in this service.
    """

    request: Callable[..., Awaitable[Any]]
    tell: Callable[[Event], None]
    timing: Timing
    files: Files
    kept: set[Emitter] = field(default_factory=set)
    typing_seconds: float = 5.0


def moment(text: str | None) -> datetime | None:
    """Read a date of the server's."""
    return None if text is None else datetime.fromisoformat(text)


class RecordObject(Emitter):
    """An object that shows a record of the server and stays up to date."""

    REASONS: ClassVar[Mapping[str, str]] = {}
    """Twilio's names for changes, by field."""

    SHOWN: ClassVar[tuple[str, ...]] = ()
    """The properties that `repr` shows."""

    def __init__(self, hub: Hub, record: Mapping[str, object]) -> None:
        super().__init__(hub.kept)
        self._hub = hub
        self._record: dict[str, Any] = dict(record)

    def __repr__(self) -> str:
        return described(self, self.SHOWN)

    def apply(self, record: Mapping[str, object]) -> tuple[str, ...]:
        """Show this version unless it is older; returns Twilio's names for what has changed."""
        given: dict[str, Any] = dict(record)
        seq = given.get("seq", 0)
        # A channel's `seq` counts the changes of everything in it; its `version` counts only the channel's own.
        version, own = given.get("version", seq), self._record.get("version", self.seq)
        if (version, seq) < (own, self.seq):
            return ()
        before = {name: self._record.get(name) for name in self.REASONS}
        self._record.update(given, seq=max(seq, self.seq))
        changed = [reason for name, reason in self.REASONS.items() if self._record.get(name) != before[name]]
        return tuple(changed)

    @property
    def seq(self) -> int:
        """The number of the last change that this version includes."""
        return int(self._record.get("seq") or 0)

    @property
    def sid(self) -> str:
        """The SID."""
        return str(self._record.get("sid") or "")

    @property
    def attributes(self) -> Attributes:
        """The attributes, decoded."""
        text = self._record.get("attributes")
        return json.loads(text) if text else {}

    @property
    def date_created(self) -> datetime | None:
        """When it was made."""
        return moment(self._record.get("date_created"))

    @property
    def date_updated(self) -> datetime | None:
        """When it was last changed."""
        return moment(self._record.get("date_updated"))

    def _text(self, field: str) -> str | None:
        value = self._record.get(field)
        return None if value is None else str(value)

    def _number(self, field: str) -> int | None:
        value = self._record.get(field)
        return None if value is None else int(value)
