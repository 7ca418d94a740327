"""A back end under load: plain HTTP with keep-alive from many threads, and what it was answered."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

ASKED = {"X-Twilio-Webhook-Enabled": "true"}
# These tests are about load above the limits: 30 actions a second in a channel, 50 requests a second on a socket.
UNLIMITED = {"PARLEY_ACTIONS_PER_SECOND": "0", "PARLEY_REQUESTS_PER_SECOND": "0"}


class BackEnd:
    """Requests with the account's credentials; each thread keeps a connection of its own."""

    def __init__(self, info: Mapping[str, Any]):
        self._netloc = urlsplit(info["rest_url"]).netloc
        token = base64.b64encode(f"{info['account_sid']}:{info['auth_token']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/x-www-form-urlencoded"}
        self._local = threading.local()

    def request(
        self, verb: str, path: str, form: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body; raises OSError or HTTPException when there is no answer."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._netloc, timeout=120)
        try:
            body = urlencode(form or {}, doseq=True)
            connection.request(verb, path, body, {**self._headers, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._local.connection = None
            raise
        return answer.status, json.loads(content) if content else None

    def post(self, path: str, form: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """The body of a POST that must succeed."""
        status, body = self.request("POST", path, form, headers)
        assert status in (200, 201), body
        return body

    def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        status, body = self.request("GET", path)
        assert status == 200, body
        return body

    def listed(self, path: str, key: str) -> list[Any]:
        """Every item of a list, page by page."""
        items: list[Any] = []
        following: str | None = f"{path}?PageSize=100"
        while following:
            page = self.get(following)
            items += page[key]
            url = page["meta"]["next_page_url"]
            parts = urlsplit(url) if url else None
            following = f"{parts.path}?{parts.query}" if parts else None
        return items


def all_at_once(actions: list[Callable[[], Any]]) -> list[Any]:
    """Do each of these in a thread of its own, started together; their results in order, or the first exception."""
    barrier = threading.Barrier(len(actions))

    def start(action: Callable[[], Any]) -> Any:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result() for future in [pool.submit(start, action) for action in actions]]
