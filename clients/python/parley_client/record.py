"""What objects have in common: a record of the server's, of which the newest version counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from parley_client.emitter import Emitter

if TYPE_CHECKING:
    from parley_client.client import Client

Attributes = Any
"""Any JSON value; an object unless somebody stored something else."""


def moment(text: str | None) -> datetime | None:
    """A date of the server's."""
    return None if text is None else datetime.fromisoformat(text)


class RecordObject(Emitter):
    """An object that shows a record of the server's and is kept up to date."""

    REASONS: ClassVar[Mapping[str, str]] = {}
    """The vendor's names for what may change, by field."""

    def __init__(self, client: Client, record: dict[str, Any]) -> None:
        super().__init__(client.kept)
        self._client = client
        self._record: dict[str, Any] = dict(record)

    def apply(self, record: dict[str, Any]) -> tuple[str, ...]:
        """Take over a version unless it is an older one; returns the vendor's names for what is different."""
        seq = record.get("seq", 0)
        # A channel's `seq` is that of all that is in it, so its own versions have another number.
        version, own = record.get("version", seq), self._record.get("version", self.seq)
        if (version, seq) < (own, self.seq):
            return ()
        before = {field: self._record.get(field) for field in self.REASONS}
        self._record.update(record, seq=max(seq, self.seq))
        changed = [name for field, name in self.REASONS.items() if self._record.get(field) != before[field]]
        return tuple(dict.fromkeys(changed))

    @property
    def seq(self) -> int:
        """The count of changes at this version."""
        return int(self._record.get("seq") or 0)

    @property
    def sid(self) -> str:
        """The SID; empty for a member of whom only typing was heard."""
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
