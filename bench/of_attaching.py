"""What messages with files cost, beside those without: to send, to delete and to sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.meter import Cost
from bench.of_service import OfService
from parley.operations import sweeps
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from tests.support.files import upload

_BODY = "x" * 600
_SWEPT = 300


class OfAttaching(OfService):
    """Messages of one service, measured one request at a time."""

    def costs(self) -> list[Cost]:
        """The costs of messages with no file, with one, and with as many as a message takes."""
        raw = self.raw
        plain, carrying, tenfold = (self._posted(number) for number in (0, 1, 10))
        messages, one, ten = f"{self._conversation()}/Messages", self._named(1), self._named(10)
        return [
            self.cost("create message, REST, with a file", (3, 6, 1), lambda: raw.post(messages, one)),
            self.cost("create message, REST, with ten files", (3, 35, 10), lambda: raw.post(messages, ten)),
            self.cost("delete message", (3, 7, 1), lambda: raw("DELETE", plain)),
            # With a file, the message is larger than a kilobyte.
            self.cost("delete message with a file", (3, 11, 1), lambda: raw("DELETE", carrying)),
            self.cost("delete message with ten files", (3, 29, 1), lambda: raw("DELETE", tenfold)),
            self.cost(f"sweep a channel of {_SWEPT} messages", (18, _SWEPT, 53), self._sweep(0)),
            self.cost(f"sweep a channel of {_SWEPT} messages, 30 with a file", (20, _SWEPT + 30, 53), self._sweep(30)),
        ]

    def _conversation(self) -> str:
        return str(self.raw.post(f"/conversations/v1/Services/{self.service_sid}/Conversations")["url"])

    def _named(self, files: int) -> list[tuple[str, str]]:
        """The parameters that name so many new files."""
        return [("MediaSid", upload(self.world, self.service_sid)) for _ in range(files)]

    def _posted(self, files: int) -> str:
        """The URL of a message with so many files, behind which there is another."""
        messages = f"{self._conversation()}/Messages"
        made = self.raw.post(messages, [("Body", _BODY), *self._named(files)])["url"]
        self.raw.post(messages, Body=_BODY)
        return str(made)

    def _sweep(self, files: int) -> Callable[[], object]:
        """Sweep a channel, some of whose messages carry a file."""
        path = f"/chat/v2/Services/{self.service_sid}/Channels"
        channel = self.raw.post(path)["sid"]
        made: dict[Key[Any], Record] = {}
        for index in range(_SWEPT):
            media = [{"sid": f"ME{index:08d}{channel[10:]}"}] if index < files else None
            made[keys.message(channel, index)] = {"index": index, "body": _BODY, "media": media}
        self.world.table.put_many(made)
        assert self.raw("DELETE", f"{path}/{channel}").status == 204
        context, job = self.world.context(), {"kind": "channel", "sid": channel, "at": self.world.clock.now_ms()}
        return lambda: sweeps.sweep(context, job, lambda: False)
