"""From faces to routes: one endpoint per mount and verb, all the same function closed over its mount."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parley.errors import INTERNAL, NOT_FOUND, UNAUTHENTICATED, Refusal
from parley.faces.errors import translate
from parley.faces.forms import parse
from parley.faces.registry import MOUNTS
from parley.faces.spec import Face, Mount
from parley.faces.views import fill_path, present
from parley.ids import is_sid
from parley.log import logger
from parley.operations import Operation, accounts
from parley.operations.context import Caller, Context
from parley.operations.paging import Listing
from parley.records.spec import Path
from parley.rest import credentials, forms, paging

METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
BASE_PATH = "parley.base_path"

MakeContext = Callable[[Caller], Context]
Endpoint = Callable[[Request], Awaitable[Response]]
Operations = Mapping[tuple[str, str], Operation]


class Route(NamedTuple):
    """A route that the app registers: a path template, its HTTP methods and the endpoint."""

    path: str
    methods: list[str]
    endpoint: Endpoint
    name: str


def routes(make_context: MakeContext, mounts: Iterable[Mount], operations: Operations) -> list[Route]:
    """Every route of some mounts, collections before items."""
    return [
        _route(mount, verb, operations[mount.resource, verb], make_context)
        for mount in mounts
        for verb in sorted(mount.verbs, key=lambda verb: verb not in ("create", "list"))
    ]


def _route(mount: Mount, verb: str, operation: Operation, make_context: MakeContext) -> Route:
    method = METHODS[verb]
    name = f"{mount.face.prefix}:{mount.resource}.{verb}"
    answer = _answer_list if verb == "list" else _answer_one

    def context(request: Request) -> Context:
        return replace(make_context(_caller(mount, verb, request)), perspective=mount.face.perspective)

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        told: dict[str, Any] = {}
        body = await request.body() if method == "POST" else b""
        try:
            response = answer(mount, verb, operation, request, body, context(request))
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

    methods = ["GET", "HEAD"] if method == "GET" else [method]
    return Route(mount.route(verb), methods, endpoint, name)


def _caller(mount: Mount, verb: str, request: Request) -> Caller:
    wanted = verb in mount.webhooks.split() and request.headers.get("x-twilio-webhook-enabled", "").lower() == "true"
    return Caller(source="API", webhooks=wanted)


def _path(request: Request) -> Path:
    try:
        return {name: unquote(value, errors="strict") for name, value in request.path_params.items()}
    except UnicodeDecodeError:
        raise NOT_FOUND() from None


def base_url(request: Request) -> str:
    """Scheme, host and stage as the client used them; every URL in an answer begins so."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{request.headers.get('host', '')}{request.scope.get(BASE_PATH, '')}"


def _prepared(mount: Mount, request: Request, context: Context) -> Path:
    credentials.authenticate(context, request.headers.get("authorization", ""), mount.record)
    path = _path(request)
    if any(name in path and not is_sid(prefix, path[name]) for name, prefix in mount.by_sid):
        raise NOT_FOUND()
    if mount.is_in_default_service:
        path["service_sid"] = accounts.default_service_sid(context)
    return path


def _answer_one(
    mount: Mount, verb: str, operation: Operation, request: Request, body: bytes, context: Context
) -> Response:
    path = _prepared(mount, request, context)
    parameters: dict[str, Any] = {}
    if verb in ("create", "update"):
        given = forms.read_body(body, request.headers.get("content-type", ""))
        parameters = parse(mount, verb, given)
    more: dict[str, Any] = {}
    if (mount.record.name, verb) == ("message", "create"):
        more["token"] = _idempotency_token(request)
    record = operation(context, path, parameters, **more)
    if record is None:
        return Response(status_code=mount.status(verb))
    shown = present(mount, record, base_url(request), context.account_sid)
    if verb == "create" and mount.once:
        shown[mount.once] = record[mount.once]
    return JSONResponse(shown, mount.status(verb, record))


def _idempotency_token(request: Request) -> str:
    headers = request.headers
    return (headers.get("i-twilio-idempotency-token") or headers.get("x-twilio-mutation-id") or "")[:256]


def _answer_list(
    mount: Mount, verb: str, operation: Operation, request: Request, body: bytes, context: Context
) -> Response:
    path = _prepared(mount, request, context)
    query = forms.read_query(request.scope["query_string"].decode("latin-1"))
    list_path = mount.face.prefix + fill_path(mount, {**path, "account_sid": context.account_sid}, item=False)
    seal = context.keyring.page_seal
    asked = paging.read(mount, query, list_path, seal)
    listing = operation(context, path, parse(mount, verb, query), asked.request)
    base = base_url(request)

    def answer(listing: Listing) -> tuple[list[dict[str, Any]], Response]:
        shown = [present(mount, record, base, context.account_sid, listed=True) for record in listing.records]
        return shown, JSONResponse(paging.envelope(mount, asked, listing, shown, base, list_path, seal))

    shown, response = answer(listing)
    fitting = paging.cut(listing, shown, asked.request, len(response.body))
    return response if fitting is listing else answer(fitting)[1]


def refused(face: Face, refusal: Refusal, request: Request, record: str = "") -> JSONResponse:
    """Twilio's error body; a 404 names the path from `/Services` on, without version."""
    status, code, text = translate(face.errors, refusal, record)
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
