"""Two ways into the REST API, for tests that must pass through both.

`LambdaDoor` turns a request into the event that API Gateway would send and calls the handler, with the world's fake
clock. `HttpDoor` sends it over HTTP to a running local stack. Both answer with what a client of API Gateway would see;
whoever asks through `Raw` or `Library` has every answer checked against the published contract.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import requests
from requests.adapters import BaseAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from parley.rest.app import create_app, lambda_handler
from tests.published import checker, refused
from tests.support.fakes import AUTH_TOKEN
from tests.support.world import World

_SAMPLE = (Path(__file__).resolve().parents[2] / "events" / "rest_api.json").read_text(encoding="utf-8")
# API Gateway keeps this one for itself and passes the function's on under another name.
_REMAPPED = {"www-authenticate": "x-amzn-remapped-www-authenticate"}
FORM = "application/x-www-form-urlencoded"

Headers = list[tuple[str, str]]
Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def refusal(self) -> tuple[int, int, str]:
        """Status, code and text of an error."""
        return self.status, self.json["code"], self.json["message"]


class Door(Protocol):
    """What both doors offer."""

    base_url: str
    account_sid: str
    auth_token: str

    def send(self, verb: str, url: str, headers: Headers, body: bytes) -> Answer: ...


# Making the application takes a hundred times as long as a request, so all worlds share one.
_asked: ContextVar[World] = ContextVar("asked")
_numbers = itertools.count(1)


@cache
def _handler() -> Any:
    return lambda_handler(create_app(lambda caller: _asked.get().context(caller)))


class LambdaDoor:
    """The REST function's handler over one world."""

    base_url = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"
    auth_token = AUTH_TOKEN

    def __init__(self, world: World, handler: Any = None):
        """`handler` is another application's than the function's own."""
        self.world = world
        self.account_sid = world.account_sid
        self._handler = handler or _handler()

    def send(self, verb: str, url: str, headers: Headers, body: bytes) -> Answer:
        # Requests take time, so that what comes later is stored later.
        self.world.clock.advance(0.001)
        _asked.set(self.world)
        made = event(verb, url, headers, body)
        with self.world.runtime.invocation(made, None):
            result = self._handler(made, None)
        several = result.get("multiValueHeaders") or {}
        pairs = {**(result.get("headers") or {}), **{name: ", ".join(values) for name, values in several.items()}}
        answered = {_REMAPPED.get(name.lower(), name.lower()): value for name, value in pairs.items()}
        assert not result.get("isBase64Encoded"), "files are fetched elsewhere"
        # API Gateway reads what a function says to HEAD, and sends none of it.
        text = "" if verb == "HEAD" else result.get("body") or ""
        return Answer(result["statusCode"], answered, text.encode())


def event(verb: str, url: str, headers: Headers, body: bytes) -> dict[str, Any]:
    """The proxy event of a request to a REST API's stage `prod`: the path still percent-encoded, the query decoded."""
    parts = urlsplit(url)
    path = parts.path.removeprefix("/prod")
    made = json.loads(_SAMPLE)
    made |= {"path": path, "httpMethod": verb, "pathParameters": {"proxy": unquote(path[1:])}}
    made |= _in_two_forms("headers", "multiValueHeaders", [*headers, ("Host", parts.netloc), *_added(made)])
    query = parse_qsl(parts.query, keep_blank_values=True)
    made |= _in_two_forms("queryStringParameters", "multiValueQueryStringParameters", query)
    made["requestContext"] |= {"path": parts.path, "httpMethod": verb, "domainName": parts.netloc}
    made["requestContext"]["extendedRequestId"] = f"request-{next(_numbers)}="
    # The API declares that all bodies may be binary.
    made["body"] = base64.b64encode(body).decode() if body else None
    made["isBase64Encoded"] = bool(body)
    return made


def _added(sample: dict[str, Any]) -> Headers:
    return [(name, value) for name, value in sample["headers"].items() if name.startswith(("X-Amzn-", "X-Forwarded-"))]


def _in_two_forms(single: str, several: str, pairs: Headers) -> dict[str, Any]:
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return {single: {name: values[-1] for name, values in every.items()} or None, several: every or None}


class HttpDoor:
    """A running local stack."""

    def __init__(self, info: Mapping[str, str]):
        self.base_url = info["rest_url"]
        self.account_sid = info["account_sid"]
        self.auth_token = info["auth_token"]
        self._connection: http.client.HTTPConnection | None = None

    def send(self, verb: str, url: str, headers: Headers, body: bytes) -> Answer:
        parts = urlsplit(url)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # putrequest and not request: the path goes out as it is, also a malformed one.
        self._connection.putrequest(verb, target, skip_accept_encoding=True)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self._connection.putheader(name, value)
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Raw:
    """Requests that the helper library cannot make, and answers as they came.

    Each answer is checked against the contract, unless the test makes the service fail (`checked=False`).
    """

    def __init__(self, door: Door, *, checked: bool = True):
        self._door = door
        self._checked = checked

    def __call__(
        self,
        verb: str,
        path: str,
        form: Fields | bytes | None = None,
        *,
        query: Fields = (),
        headers: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | str | None = "account",
    ) -> Answer:
        """Send a request to a path below the REST URL, or to an absolute URL of an earlier answer.

        `form` is encoded unless it is bytes. `credentials` are the account's, a name and a secret, or None.
        """
        url = path if path.startswith(self._door.base_url) else self._door.base_url + path
        if pairs := _pairs(query):
            url += ("&" if "?" in url else "?") + urlencode(pairs)
        body = form if isinstance(form, bytes) else urlencode(_pairs(form or ())).encode()
        sent = {"Accept": "application/json", **({"Content-Type": FORM} if body else {}), **(headers or {})}
        if credentials == "account":
            credentials = (self._door.account_sid, self._door.auth_token)
        if credentials:
            sent["Authorization"] = basic(*credentials)
        answer = self._door.send(verb, url, list(sent.items()), body)
        if self._checked:
            checker.check(self._door.base_url, verb, url, answer.status, answer.text)
            refused.check(self._door.base_url, verb, url, answer.status, answer.text)
        return answer

    def get(self, path: str, **query: Any) -> Any:
        """The body of a successful GET."""
        answer = self("GET", path, query=query)
        assert answer.status == 200, answer.text
        return answer.json

    def post(self, path: str, form: Fields = (), /, **fields: Any) -> Any:
        """The body of a successful POST; fields with dots in their names go into `form`."""
        answer = self("POST", path, [*_pairs(form), *_pairs(fields)])
        assert answer.status in (200, 201), answer.text
        return answer.json


def basic(name: str, secret: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _pairs(fields: Fields) -> list[tuple[str, str]]:
    items = fields.items() if isinstance(fields, Mapping) else fields
    return [(name, str(part)) for name, value in items for part in (value if isinstance(value, list) else [value])]


class _ToDoor(BaseAdapter):
    """Carries what the `requests` library sends to a door that is no server."""

    def __init__(self, door: Door):
        super().__init__()
        self._door = door

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body or b""
        headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
        answer = self._door.send(
            request.method or "", request.url or "", headers, body.encode() if isinstance(body, str) else body
        )
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = answer.body
        response.url, response.request, response.encoding = request.url or "", request, "utf-8"
        return response

    def close(self) -> None:
        pass


class Library:
    """Makes Twilio's helper library talk to a door, unchanged but for its base URLs."""

    def __init__(self, door: Door):
        self._door = door

    def client(self, name: str = "", secret: str = "") -> Client:
        """A client with the account's credentials, or with an API key's."""
        http_client = TwilioHttpClient(request_hooks={"response": [self._check]})
        if isinstance(self._door, LambdaDoor):
            http_client.session.mount(self._door.base_url, _ToDoor(self._door))
        client = Client(
            name or self._door.account_sid,
            secret or self._door.auth_token,
            self._door.account_sid,
            http_client=http_client,
        )
        client.chat.base_url = f"{self._door.base_url}/chat"
        client.conversations.base_url = f"{self._door.base_url}/conversations"
        client.messaging.base_url = f"{self._door.base_url}/messaging"
        client.api.base_url = self._door.base_url
        return client

    def _check(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        request = response.request
        for check in (checker.check, refused.check):
            check(self._door.base_url, request.method or "", request.url or "", response.status_code, response.text)
