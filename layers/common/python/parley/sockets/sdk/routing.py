"""Routing: finds the handler of a request that came in a `message` packet, and puts its result into a reply.

A request names a host, which is ignored. Its path counts from the first part that one of the services begins with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from parley.errors import FRAME_INVALID, INVALID_BODY, INVALID_PARAMETER, MISSING_PARAMETER, NOT_FOUND, Refusal
from parley.frozen import frozen
from parley.operations.addressing import service
from parley.operations.context import CHAT, CONVERSATIONS, Context, Perspective
from parley.sockets.sdk.packets import Packet, read_object
from parley.sockets.typing_indicator import Typing
from parley.stored import Connection, Service

_BEGINNING = re.compile(r"/(?:Client/v[12]|v3|v4/Subscriptions|v1/registrations|v1/typing)(?=[/?]|$)")
_FORM = "application/x-www-form-urlencoded"
_MUTATION = "x-twilio-mutation-id"
_MOST_FIELDS = 100


class Answered(NamedTuple):
    """What a handler answers: a status, a JSON body (None for none), and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


@frozen
class Request:
    """A request in a packet, before a handler is found for it.

    Attributes:
        method: GET, POST or DELETE.
        segments: The parts of the path between the slashes, as they were sent.
        query: The decoded query parameters; of a repeated one, the last value.
        headers: The headers, with names in lower case.
        payload: The body as it was sent.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: bytes


@frozen
class Exchange:
    """What a handler gets: the request, and the connection that sent it.

    Attributes:
        context: Acts as the connection's user, with the perspective of the face that the path names.
        connection: The connection.
        typing: Tells others who is typing.
        rest_url: What the URLs of REST begin with.
        path: The decoded parameters in the path.
        query: The decoded query parameters.
        request: The request as it was sent.
    """

    context: Context
    connection: Connection
    typing: Typing
    rest_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    request: Request
    pushes_first: list[bytes] = field(default_factory=list)
    pushes_later: list[bytes] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """The identity that opened the connection."""
        return str(self.connection["identity"])

    @property
    def service_sid(self) -> str:
        """The service that the connection belongs to."""
        return str(self.connection["service_sid"])

    @property
    def user_sid(self) -> str:
        """The user of that identity."""
        return str(self.connection["user_sid"])

    @property
    def service(self) -> Service:
        """The record of the service, which is remembered for some seconds."""
        return service(self.context, self.service_sid)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in the body; {} if there is no body.

        Raises:
            Refusal: 20001 if the body is anything else.
        """
        if not self.request.payload.strip():
            return {}
        try:
            return read_object(self.request.payload)
        except Refusal:
            raise INVALID_BODY(reason="a JSON object is needed") from None

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form in the body.

        Raises:
            Refusal: 20001 if the body is no form.
        """
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise INVALID_BODY(reason="a form is needed")
        try:
            pairs = parse_qsl(self.request.payload.decode(), True, errors="strict", max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise INVALID_BODY(reason="it is not a form") from None
        return dict(pairs)

    @property
    def mutation(self) -> str:
        """The client's unique id for a change, with which it may repeat the request; empty if it gave none."""
        return self.request.headers.get(_MUTATION, "")

    def first(self, pushes: Iterable[bytes]) -> None:
        """Send these packets to the connection before the reply."""
        self.pushes_first.extend(pushes)

    def later(self, pushes: Iterable[bytes]) -> None:
        """Send these packets to the connection after the reply has reached it."""
        self.pushes_later.extend(pushes)


Handler = Callable[[Exchange], Answered]


class Route(NamedTuple):
    """One kind of request.

    Attributes:
        method: GET, POST or DELETE.
        template: The path. `{name}` stands for one part of it; `{name*}` at the end for all the rest, because some SDKs
            put identities into paths as they are, slashes included.
        handler: Answers the request.
    """

    method: str
    template: str
    handler: Handler


def read(packet: Packet) -> Request:
    """The request in a `message` packet.

    Raises:
        Refusal: 20001 if it has none.
    """
    request = packet.header.get("http_request")
    if not isinstance(request, dict):
        raise FRAME_INVALID()
    method, path, params, headers = (request.get(name) for name in ("method", "path", "params", "headers"))
    params, headers = params or {}, headers or {}
    if not isinstance(method, str) or not isinstance(path, str):
        raise FRAME_INVALID()
    if not isinstance(params, dict) or not isinstance(headers, dict):
        raise FRAME_INVALID()
    found = _BEGINNING.search(path)
    path, _, query = (path[found.start() :] if found else "").partition("?")
    asked = {name: _decoded(value) for part in query.split("&") if part for name, _, value in [part.partition("=")]}
    asked |= {name: _decoded(_last(value)) for name, value in params.items()}
    texts = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
    return Request(method, tuple(path.split("/")[1:]), asked, texts, packet.payload)


def text(body: Mapping[str, Any], member: str) -> str:
    """The text under a name in a JSON object.

    Raises:
        Refusal: 20001 if there is none.
    """
    value = body.get(member)
    if value is None:
        raise MISSING_PARAMETER(name=member)
    if not isinstance(value, str) or not value:
        raise INVALID_PARAMETER(name=member, reason="a text is needed")
    return value


def _last(value: Any) -> str:
    """One value of a query parameter as a text."""
    if isinstance(value, list):
        value = value[-1] if value else ""
    return value if isinstance(value, str) else str(value)


def _decoded(value: str) -> str:
    """A percent-encoded text, decoded. What does not decode is taken as it is."""
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value


class Routes:
    """A table of routes."""

    def __init__(self, rows: Iterable[Route]):
        self._rows = [(row, tuple(row.template.split("/")[1:])) for row in rows]

    def find(self, request: Request) -> tuple[Handler, dict[str, str]]:
        """The handler of a request, and the decoded parameters in its path.

        Raises:
            Refusal: 20404 if there is no such route.
        """
        for row, parts in self._rows:
            if row.method == request.method:
                path = _matched(parts, request.segments)
                if path is not None:
                    return row.handler, path
        raise NOT_FOUND()


def _matched(parts: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """The decoded parameters of a path that matches a template; None if it does not match."""
    if parts[-1].endswith("*}") and len(segments) >= len(parts):
        segments = (*segments[: len(parts) - 1], "/".join(segments[len(parts) - 1 :]))
    if len(parts) != len(segments):
        return None
    found = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            found[part.strip("{*}")] = _decoded(segment)
        elif part != segment:
            return None
    return found


def perspective(request: Request) -> Perspective:
    """The perspective of the face that a path names: `/Client/v2` is Conversations, all else is Chat."""
    return CONVERSATIONS if request.segments[:2] == ("Client", "v2") else CHAT
