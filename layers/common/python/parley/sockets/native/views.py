"""Records as pushes and replies show them: as Chat v2 does over REST, with a version that tells old from new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.domain.channels import with_counters
from parley.domain.messages import files_of
from parley.domain.states import state_of
from parley.faces.chat_v2 import MOUNTS
from parley.faces.views import present
from parley.sockets.media import media_url
from parley.store.items import Record
from parley.stored import Tail

_MOUNTS = {mount.resource: mount for mount in MOUNTS}
_VERSIONED = ("channel", "message", "member", "invite", "user")


class Views:
    """Shows records with URLs below `rest_url`."""

    def __init__(self, rest_url: str, account_sid: str):
        self._rest_url = rest_url
        self._account_sid = account_sid

    def show(self, kind: str, record: Record) -> dict[str, Any]:
        """The view of a record. Of two views of one record, the one with the higher `seq` is newer.

        A channel's `seq` also counts the changes of what is in it. Its `version` counts only its own changes.
        """
        shown = present(_MOUNTS[kind], record, self._rest_url, self._account_sid)
        if kind in _VERSIONED:
            shown["seq"] = record.get("seq", 0)
        if kind == "message" and (files := files_of(record)):
            # Chat's REST API shows the first one only.
            shown["medias"] = files
        if kind == "channel":
            shown["version"] = record.get("version", record.get("seq", 0))
            shown["last_message_index"] = record.get("last_message_index")
            shown["state"] = state_of(record)
        return shown

    def media_url(self, service_sid: str) -> str:
        """What the URLs of a service's files begin with."""
        return media_url(self._rest_url, service_sid)

    def channel(self, record: Mapping[str, Any], tail: Tail | None, seq: int) -> dict[str, Any]:
        """A stored channel with its present counters; `seq` is the number of the change that the push is about."""
        counted = with_counters(record, tail) if tail and "members_count" in tail else record
        return self.show("channel", {**counted, "seq": seq, "version": record.get("seq", 0)})

    def with_channel(self, user_channel: Record) -> dict[str, Any]:
        """A user channel and its channel, from the listing of a user's channels."""
        return {
            "channel": self.show("channel", user_channel["channel"]),
            "user_channel": self.show("user_channel", user_channel),
        }
