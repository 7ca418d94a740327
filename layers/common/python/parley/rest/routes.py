"""From faces to routes: one endpoint per mount and verb, all the same function closed over its mount."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parley.errors import INTERNAL, NOT_FOUND, UNAUTHENTICATED, Refusal
from parley.faces.errors import refuse, translate
from parley.faces.forms import parse
from parley.faces.registry import MOUNTS
from parley.faces.spec import Face, Mount
from parley.faces.views import fill_path, present
from parley.ids import is_sid
from parley.log import logger
from parley.operations import accounts
from parley.operations.context import Caller, Context
from parley.operations.paging import Listing
from parley.operations.table import Operation
from parley.records.spec import Path
from parley.rest import credentials, forms, paging
from parley.store.items import Record
from parley.version import VERSION

METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
BASE_PATH = "parley.base_path"
# Names the version of Parley that answered; `parley doctor` compares it with its own.
VERSION_HEADER = "parley-version"
_LONGEST_TOKEN = 256

MakeContext = Callable[[Caller], Context]
Endpoint = Callable[[Request], Awaitable[Response]]
# Answers a request, whose body has been read. A refusal is answered as the face does.
Answering = Callable[[Request, bytes, Context], Response]
# Answers a request to a mount, with the verb's operation.
Answer = Callable[[Mount, str, Operation, Request, bytes, Context, Path], Response]
# The context with its caller, and the path with its names, of a request that may go on.
Prepare = Callable[[Mount, Request, Context], tuple[Context, Path]]
Operations = Mapping[tuple[str, str], Operation]


class Route(NamedTuple):
    """A route that the app registers: a path template, its HTTP methods and the endpoint."""

    path: str
    methods: list[str]
    endpoint: Endpoint
    name: str


def routes(make_context: MakeContext, mounts: Iterable[Mount], operations: Operations) -> list[Route]:
    """Every route of some mounts, collections before items; those of the media face are in `parley/rest/media.py`."""
    return [
        _route(mount, verb, operations[mount.resource, verb], make_context)
        for mount in mounts
        for verb in sorted(mount.verbs, key=lambda verb: verb not in ("create", "list"))
    ]


def _route(mount: Mount, verb: str, operation: Operation, make_context: MakeContext) -> Route:
    return route(mount, verb, operation, make_context, answer_list if verb == "list" else answer_one, _prepared)


def route(
    mount: Mount, verb: str, operation: Operation, make_context: MakeContext, answer: Answer, prepare: Prepare
) -> Route:
    """The route of a verb, which `prepare` lets pass and `answer` answers."""

    def answering(request: Request, body: bytes, context: Context) -> Response:
        context, path = prepare(mount, request, context)
        return answer(mount, verb, operation, request, body, context, path)

    def context(request: Request) -> Context:
        return make_context(_caller(mount, verb, request))

    name = f"{mount.face.prefix}:{mount.resource}.{verb}"
    return route_to(mount, mount.route(verb), METHODS[verb], name, context, answering)


def route_to(
    mount: Mount, path: str, method: str, name: str, context: Callable[[Request], Context], answering: Answering
) -> Route:
    """The route of a path and a method whose refusals are answered as those of `mount`."""

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        told: dict[str, Any] = {}
        body = await request.body() if method == "POST" else b""
        try:
            response = answering(request, body, replace(context(request), perspective=mount.face.perspective))
            # Refusals do not tell the version: whoever has no credentials need not know it.
            response.headers[VERSION_HEADER] = VERSION
        except Refusal as refusal:
            response = refused(mount.face, refusal, request, mount.record.name)
            told = {
                "refusal": refusal.error.name,
                "code": translate(mount.face.errors, refusal, mount.record.name).code,
            }
        except Exception:
            logger.exception("request failed", extra={"route": name})
            response = refused(mount.face, INTERNAL(), request)
        elapsed = round((time.perf_counter() - started) * 1000, 1)
        logger.info("request", extra={"route": name, "status": response.status_code, "duration_ms": elapsed, **told})
        return response

    return Route(path, ["GET", "HEAD"] if method == "GET" else [method], endpoint, name)


def _caller(mount: Mount, verb: str, request: Request) -> Caller:
    wanted = verb in mount.webhooks.split() and request.headers.get("x-twilio-webhook-enabled", "").lower() == "true"
    return Caller(source="API", webhooks=wanted)


def path_of(request: Request) -> Path:
    """The names in a request's path and what stands in their places.

    Raises:
        Refusal: 20404 for what is not UTF-8.
    """
    try:
        return {name: unquote(value, errors="strict") for name, value in request.path_params.items()}
    except UnicodeDecodeError:
        raise NOT_FOUND() from None


def base_url(request: Request) -> str:
    """Scheme, host and stage as the client used them; every URL in an answer begins so."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{request.headers.get('host', '')}{request.scope.get(BASE_PATH, '')}"


def _prepared(mount: Mount, request: Request, context: Context) -> tuple[Context, Path]:
    credentials.authenticate(context, request.headers.get("authorization", ""), mount.record)
    path = path_of(request)
    if any(name in path and not is_sid(prefix, path[name]) for name, prefix in mount.by_sid):
        raise NOT_FOUND()
    if mount.is_in_default_service:
        path["service_sid"] = accounts.default_service_sid(context)
    return context, path


def answer_one(
    mount: Mount, verb: str, operation: Operation, request: Request, body: bytes, context: Context, path: Path
) -> Response:
    parameters: dict[str, Any] = {}
    if verb in ("create", "update"):
        given = forms.read_body(body, request.headers.get("content-type", ""))
        parameters = parse(mount, verb, given)
    more: dict[str, Any] = {}
    if (mount.record.name, verb) == ("message", "create"):
        more["token"] = _idempotency_token(request)
        # The message is pushed as the answer shows it.
        context = replace(context, rest_url=base_url(request))
    record = operation(context, path, parameters, **more)
    if record is None:
        return Response(status_code=mount.status(verb))
    return showing(mount, verb, record, request, context)


def showing(mount: Mount, verb: str, record: Record, request: Request, context: Context) -> Response:
    """The answer that shows a record."""
    shown = present(mount, {**context.settings, **record}, base_url(request), context.account_sid)
    if verb == "create" and mount.once:
        shown[mount.once] = record[mount.once]
    return JSONResponse(shown, mount.status(verb, record))


def _idempotency_token(request: Request) -> str:
    headers = request.headers
    token = headers.get("i-twilio-idempotency-token") or headers.get("x-twilio-mutation-id") or ""
    # A key has room for so much. Two long tokens that begin alike are two tokens.
    return token if len(token) <= _LONGEST_TOKEN else sha256(token.encode()).hexdigest()


def answer_list(
    mount: Mount, verb: str, operation: Operation, request: Request, body: bytes, context: Context, path: Path
) -> Response:
    query = query_of(request)
    list_path = mount.face.prefix + fill_path(mount, {**path, "account_sid": context.account_sid}, item=False)
    seal = context.keyring.page_seal
    asked = paging.read(mount, query, list_path, seal)
    listing = operation(context, path, parse(mount, verb, query), asked.request)
    base = base_url(request)

    def answer(listing: Listing) -> tuple[list[dict[str, Any]], Response]:
        records = [{**context.settings, **record} for record in listing.records]
        shown = [present(mount, record, base, context.account_sid, listed=True) for record in records]
        return shown, JSONResponse(paging.envelope(mount, asked, listing, shown, base, list_path, seal))

    shown, response = answer(listing)
    fitting = paging.cut(listing, shown, asked.request, len(response.body))
    return response if fitting is listing else answer(fitting)[1]


def query_of(request: Request) -> dict[str, list[str]]:
    """The values in a request's query string, by name.

    Raises:
        Refusal: 20001.
    """
    return forms.read_query(request.scope["query_string"].decode("latin-1"))


def refused(face: Face, refusal: Refusal, request: Request, record: str = "") -> JSONResponse:
    """Twilio's error body; a 404 names the path from `/Services` on, without version."""
    status, code, text = refuse(face.errors, refusal, record)
    if refusal.error is NOT_FOUND:
        text = f"The requested resource {_named_path(request.scope['path'])} was not found"
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.error is UNAUTHENTICATED else None
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": text, "more_info": more, "status": status}, status, headers)


def _named_path(path: str) -> str:
    for face in {mount.face for mount in MOUNTS}:
        if face.style != "2010" and path.startswith(face.prefix + "/"):
            return path[len(face.prefix) :]
    return path
