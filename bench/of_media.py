"""What files cost: uploads, records and links, of a back end and of a client."""

from __future__ import annotations

from typing import Any

from bench.meter import Cost
from bench.of_service import Measure
from tests.support.doors import Raw

_BODY = b"x" * 1024
_TYPE = {"Content-Type": "application/octet-stream"}


class OfMedia:
    """Files of one service, measured one request at a time."""

    def __init__(self, raw: Raw, service_sid: str, token: str, cost: Measure):
        """`token` is that of a member of the channel whose messages carry files."""
        self._raw = raw
        self._path = f"/media/v1/Services/{service_sid}"
        self._by_client = {"credentials": None, "headers": {"X-Twilio-Token": token}}
        self._cost = cost

    def costs(self, messages: str) -> list[Cost]:
        """The costs of files, some of which are carried by messages below a path."""
        unsent, sent, ticket = self._upload(), self._upload(), self._ticket()
        self._raw.post(messages, MediaSid=sent["sid"])
        link = sent["links"]["content_direct_temporary"]
        for client in (False, True):
            # The container then remembers the channel and the member's roles.
            self._get(sent["url"], client=client)
        return [
            # One unit is for the index in which a sweep of the service finds files that wait for a message.
            self._cost("upload a file", (2, 3, 0), self._upload),
            self._cost("ask for a link to upload a file", (1, 2, 0), self._ticket),
            self._cost("fetch a file that is still uploaded", (1, 0, 1), lambda: self._get(ticket["url"])),
            self._cost("fetch a file that no message carries", (1, 0, 1), lambda: self._get(unsent["url"])),
            self._cost("fetch the file of a message", (2, 0, 2), lambda: self._get(sent["url"])),
            self._cost(
                "fetch the file of a message, by a client", (3, 0, 5), lambda: self._get(sent["url"], client=True)
            ),
            self._cost("follow the temporary link of a file", (2, 0, 2), lambda: self._get(link, 307)),
            self._cost(
                "follow the link to the content of a file", (2, 0, 2), lambda: self._get(f"{sent['url']}/Content", 307)
            ),
        ]

    def _upload(self) -> Any:
        return self._posted("Media", _BODY, headers=_TYPE)

    def _ticket(self) -> Any:
        return self._posted("Uploads", {"ContentType": "text/plain", "Size": len(_BODY), "Sha256": "0a" * 32})

    def _posted(self, what: str, body: Any, **options: Any) -> Any:
        answer = self._raw("POST", f"{self._path}/{what}", body, **options)
        assert answer.status == 201, answer.text
        return answer.json

    def _get(self, url: str, status: int = 200, *, client: bool = False) -> None:
        answer = self._raw("GET", url, **(self._by_client if client else {}))
        assert answer.status == status, answer.text
