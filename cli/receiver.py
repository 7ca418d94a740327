"""A webhook server for `parley doctor`, and a signed sample for somebody else's."""

from __future__ import annotations

import hmac
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from cli.rest import is_loopback
from parley.webhooks.signing import signature

# As long as Parley waits.
WEBHOOK_SECONDS = 5
_LONGEST_BODY = 65_536


class Received(NamedTuple):
    """A webhook that came.

    Attributes:
        at: When it came, by the clock that never jumps.
    """

    url: str
    form: dict[str, str]
    signature: str
    at: float

    def is_signed_with(self, tokens: Sequence[str]) -> bool:
        """Whether one of the auth tokens has signed it."""
        return any(hmac.compare_digest(signature(token, self.url, self.form), self.signature) for token in tokens)


class Receiver:
    """Takes webhooks on a free port of this machine and keeps them."""

    def __init__(self) -> None:
        self._received: list[Received] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), _LONGEST_BODY)
                form = dict(parse_qsl(self.rfile.read(length).decode(errors="replace"), keep_blank_values=True))
                url = f"http://{self.headers.get('Host')}{self.path}"
                received.append(Received(url, form, self.headers.get("X-Twilio-Signature") or "", time.monotonic()))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it takes webhooks."""
        return f"http://127.0.0.1:{self._server.server_port}/parley-doctor"

    def received(self) -> list[Received]:
        """What has come so far."""
        return list(self._received)

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        return None  # Parley does not follow them either


def sample(url: str, auth_token: str, message: dict[str, Any], seconds: float) -> int:
    """Send the webhook of a message to a URL, as Parley would; returns the status of the answer.

    Raises:
        ValueError: it is no URL of a web server.
        OSError: there is no answer.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must begin with http:// or https://")
    form = {
        "AccountSid": message["account_sid"],
        "InstanceSid": message["service_sid"],
        "EventType": "onMessageSent",
        "Source": "API",
        "ChannelSid": message["channel_sid"],
        "MessageSid": message["sid"],
        "Index": str(message["index"]),
        "DateCreated": message["date_created"],
        "Body": message["body"],
        "Attributes": message["attributes"],
        "From": message["from"],
        "To": message["channel_sid"],
        "RetryCount": "0",
    }
    seen = parts._replace(path=parts.path or "/", fragment="").geturl()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": signature(auth_token, seen, form),
        "I-Twilio-Idempotency-Token": message["sid"][2:],
        "User-Agent": "Parley",
        "Accept": "*/*",
    }
    request = urllib.request.Request(seen, urlencode(form).encode(), headers, method="POST")
    proxies = [urllib.request.ProxyHandler({})] if is_loopback(seen) else []
    opener = urllib.request.build_opener(_NoRedirects(), *proxies)
    try:
        with opener.open(request, timeout=seconds) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
