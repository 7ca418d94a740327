"""The REST API as the commands use it: a request, and its answer as JSON.

`urllib` is enough for a few requests, and honours the settings of a proxy.
"""

from __future__ import annotations

import base64
import email.utils
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from cli.trouble import Trouble

VERSION_HEADER = "Parley-Version"
_SECONDS = 20


class Refused(Trouble):
    """The REST API answered with an error: its status, and Twilio's code."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"the REST API refused that with {status} ({code}): {message}")
        self.status = status
        self.code = code


class Unreachable(Trouble):
    """There was no answer."""


class Answer(NamedTuple):
    """An answer.

    Attributes:
        date: The server's time in seconds since the epoch; None if it did not tell.
        version: The version of Parley that answered; empty if it did not tell.
    """

    body: dict[str, Any]
    date: float | None
    version: str


class Rest:
    """The REST API at a URL, with credentials for it."""

    def __init__(self, url: str, name: str, secret: str) -> None:
        self.url = url.rstrip("/")
        self._authorization = f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"
        self._account_sid = name
        handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str) -> dict[str, Any]:
        """The JSON under a path."""
        return self.ask("GET", path).body

    def post(self, path: str, **fields: object) -> dict[str, Any]:
        """The JSON that answers a form."""
        return self.ask("POST", path, fields).body

    def delete(self, path: str) -> None:
        """Delete what is under a path. It may be gone already."""
        try:
            self.ask("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    def listed(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        """The records of a list of Chat, page by page."""
        url = f"{path}?PageSize=100"
        while url:
            page = self.get(url)
            yield from page[name]
            following = page["meta"]["next_page_url"]
            url = f"{path}?{urlsplit(following).query}" if following else ""

    def ask(self, method: str, path: str, fields: dict[str, object] | None = None, *, webhooks: bool = False) -> Answer:
        """Make a request; with `webhooks`, the service's webhooks fire for what it changes.

        Raises:
            Refused: with what the API says; its credentials, if that is the reason.
            Unreachable: nothing answers there.
        """
        data = urlencode(fields, doseq=True).encode() if fields is not None else None
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Authorization", self._authorization)
        if webhooks:
            request.add_header("X-Twilio-Webhook-Enabled", "true")
        try:
            with self._opener.open(request, timeout=_SECONDS) as response:
                return Answer(_document(response.read()), _date(response), response.headers.get(VERSION_HEADER, ""))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, _document(error.read())) from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise Unreachable(f"nothing answers at {self.url}: {reason_of(error)}") from None

    def new_key(self, name: str, seconds: int) -> dict[str, Any]:
        """A new API key that ends by itself after so many seconds."""
        return self.post(f"/2010-04-01/Accounts/{self._account_sid}/Keys.json", FriendlyName=name, Ttl=seconds)

    def delete_key(self, sid: str) -> None:
        """Delete an API key."""
        self.delete(f"/2010-04-01/Accounts/{self._account_sid}/Keys/{sid}.json")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _refusal(status: int, body: dict[str, Any]) -> Refused:
    code = body.get("code")
    message = " ".join(str(body.get("message") or "it did not say why").split())
    return Refused(status, code if isinstance(code, int) else 0, message)


def _date(response: http.client.HTTPResponse) -> float | None:
    text = response.headers.get("Date")
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None
