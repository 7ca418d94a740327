"""A handset of a running stack, in the hands of its owner."""

from __future__ import annotations

from urllib.parse import quote

from local.phones.carrier import PHONES_PATH
from tests.support.doors import Raw


class Handset:
    """A phone with an address, whose owner writes to one number. On WhatsApp, address and number begin with its prefix."""

    def __init__(self, raw: Raw, address: str, number: str) -> None:
        self.address, self.number = address, number
        self._raw = raw
        self._path = PHONES_PATH + quote(address, safe="")

    def write(self, body: str) -> None:
        self._raw.post(self._path, To=self.number, Body=body)

    def send(self, body: str, file: bytes, content_type: str) -> None:
        """A file with a caption."""
        query, headers = {"To": self.number, "Body": body}, {"Content-Type": content_type}
        answer = self._raw("POST", self._path, file, query=query, headers=headers)
        assert answer.status == 201, answer.text

    @property
    def thread(self) -> list[tuple[str, str]]:
        """The messages: `in` or `out`, and the text."""
        return [(one["direction"], one["body"]) for one in self._raw.get(self._path)["messages"]]

    @property
    def got(self) -> list[str]:
        """The texts that have come."""
        return [body for direction, body in self.thread if direction == "in"]

    def look(self) -> None:
        """Read what has come."""
        self._raw.post(f"{self._path}/read")
