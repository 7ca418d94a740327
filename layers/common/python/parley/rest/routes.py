"""From rows to routes: one endpoint per mount and verb, all the same function closed over its row."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parley.errors import INTERNAL, MISSING_PARAMETER, NOT_FOUND, UNAUTHENTICATED, Error, Refusal
from parley.ids import is_sid
from parley.log import logger
from parley.operations import OPERATIONS
from parley.operations.context import Caller, Context
from parley.records import REGISTRY
from parley.records.parameters import parse
from parley.records.spec import Mount, Path, Resource
from parley.records.views import fill_path, present
from parley.rest import credentials, forms, paging

METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
_STATUS = {"create": 201, "delete": 204}
BASE_PATH = "parley.base_path"

MakeContext = Callable[[Caller], Context]
Endpoint = Callable[[Request], Awaitable[Response]]


class Route(NamedTuple):
    """What the app registers: a path template, its HTTP methods and the endpoint."""

    path: str
    methods: list[str]
    endpoint: Endpoint
    name: str


def routes(make_context: MakeContext) -> list[Route]:
    """Every route of every row, collections before items."""
    return [
        _route(row, mount, verb, make_context)
        for row in REGISTRY
        for mount in row.mounts
        for verb in sorted(mount.verbs, key=lambda verb: verb not in ("create", "list"))
    ]


def _route(row: Resource, mount: Mount, verb: str, make_context: MakeContext) -> Route:
    method = METHODS[verb]
    path = mount.collection if verb in ("create", "list") else mount.path
    name = f"{mount.api}:{row.name}.{verb}"
    answer = _ANSWERS[verb]

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        body = await request.body() if method == "POST" else b""
        try:
            response = answer(row, mount, verb, request, body, make_context(_caller(mount, verb, request)))
        except Refusal as refusal:
            response = refused(refusal.error, str(refusal), request)
        except Exception:
            logger.exception("request failed", extra={"route": name})
            response = refused(INTERNAL, INTERNAL.text, request)
        elapsed = round((time.perf_counter() - started) * 1000, 1)
        logger.info("request", extra={"route": name, "status": response.status_code, "duration_ms": elapsed})
        return response

    methods = ["GET", "HEAD"] if method == "GET" else [method]
    return Route(mount.api + path + mount.suffix, methods, endpoint, name)


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


def _prepared(row: Resource, mount: Mount, request: Request, context: Context) -> Path:
    credentials.authenticate(context, request.headers.get("authorization", ""), row)
    path = _path(request)
    if any(name in path and not is_sid(prefix, path[name]) for name, prefix in mount.by_sid):
        raise NOT_FOUND()
    return path


def _answer_one(row: Resource, mount: Mount, verb: str, request: Request, body: bytes, context: Context) -> Response:
    path = _prepared(row, mount, request, context)
    parameters: dict[str, Any] = {}
    if verb in ("create", "update"):
        given = forms.read_body(body, request.headers.get("content-type", ""))
        parameters = parse(row, verb, _known(mount, verb, given))
    more: dict[str, Any] = {}
    if (row.name, verb) == ("message", "create"):
        more["token"] = _idempotency_token(request)
    record = OPERATIONS[row.name, verb](context, path, parameters, **more)
    if record is None:
        return Response(status_code=_STATUS[verb])
    shown = present(row, mount, record, base_url(request), context.account_sid)
    if verb == "create" and mount.creates:
        shown[mount.creates] = record[mount.creates]
    return JSONResponse(shown, _STATUS.get(verb, 200))


def _known(mount: Mount, verb: str, given: dict[str, list[str]]) -> dict[str, list[str]]:
    """What this version of the API takes of a form."""
    for name in mount.requires.split() if verb == "create" else ():
        if not given.get(name):
            raise MISSING_PARAMETER(name=name)
    return {name: values for name, values in given.items() if mount.knows(verb, name)}


def _idempotency_token(request: Request) -> str:
    headers = request.headers
    return (headers.get("i-twilio-idempotency-token") or headers.get("x-twilio-mutation-id") or "")[:256]


def _answer_list(row: Resource, mount: Mount, verb: str, request: Request, body: bytes, context: Context) -> Response:
    path = _prepared(row, mount, request, context)
    query = forms.read_query(request.scope["query_string"].decode("latin-1"))
    list_path = mount.api + fill_path(mount, {**path, "account_sid": context.account_sid}, item=False)
    seal = context.keyring.page_seal
    asked = paging.read(row, mount, query, list_path, seal)
    listing = OPERATIONS[row.name, verb](context, path, parse(row, verb, query), asked.request)
    base = base_url(request)
    shown = [present(row, mount, record, base, context.account_sid, listed=True) for record in listing.records]
    return JSONResponse(paging.envelope(row, mount, asked, listing, shown, base, list_path, seal))


_ANSWERS = {
    "create": _answer_one,
    "fetch": _answer_one,
    "update": _answer_one,
    "delete": _answer_one,
    "list": _answer_list,
}


def refused(error: Error, text: str, request: Request) -> JSONResponse:
    """The vendor's error body; a 404 names the path from `/Services` on, without version."""
    if error is NOT_FOUND:
        text = f"The requested resource {_named_path(request.scope['path'])} was not found"
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if error is UNAUTHENTICATED else None
    body = {
        "code": error.code,
        "message": text,
        "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
        "status": error.status,
    }
    return JSONResponse(body, error.status, headers)


def _named_path(path: str) -> str:
    for mount in (mount for row in REGISTRY for mount in row.mounts):
        if mount.style != "2010" and path.startswith(mount.api + "/"):
            return path[len(mount.api) :]
    return path
