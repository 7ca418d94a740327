"""The REST application and its Lambda handler."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from mangum.handlers import APIGateway
from mangum.types import Scope
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from parley.errors import NOT_FOUND, VERB_NOT_ALLOWED
from parley.faces import media as media_face
from parley.faces.chat_v2 import FACE
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount
from parley.metrics import REQUESTS, count
from parley.operations.table import OPERATIONS
from parley.rest import greeting, media
from parley.rest.routes import BASE_PATH, MakeContext, Operations, refused, routes
from parley.tracing import HEADER, request_id

_OWN_PATHS = ("/", greeting.HEALTH)
_API_PREFIXES = tuple({f"{mount.face.prefix}/" for mount in MOUNTS})


def create_app(
    make_context: MakeContext,
    mounts: tuple[Mount, ...] = MOUNTS,
    operations: Operations = OPERATIONS,
    console_url: str = "",
) -> FastAPI:
    """The application that offers these mounts; `make_context` makes the context of a request.

    `console_url` is where the console is, empty if there is none.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    rows = [mount for mount in mounts if mount.face is not media_face.FACE]
    files = [mount for mount in mounts if mount.face is media_face.FACE]
    for route in (
        *routes(make_context, rows, operations),
        *media.routes(make_context, files, operations),
        *greeting.routes(make_context, console_url),
    ):
        # Plain routes, since the mount already says it all: FastAPI's own take longer to make and to match.
        app.router.add_route(route.path, route.endpoint, route.methods, route.name, include_in_schema=False)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "DELETE"],
        allow_headers=["*"],
        max_age=86_400,
    )
    app.add_exception_handler(HTTPException, _unrouted)
    return app


async def _unrouted(request: Request, exception: Exception) -> Response:
    error = VERB_NOT_ALLOWED if getattr(exception, "status_code", 404) == 405 else NOT_FOUND
    response = refused(FACE, error(), request)
    if error is VERB_NOT_ALLOWED:
        # Each verb is a route of its own, so the framework would name the verbs of the first one only.
        matching = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        response.headers["Allow"] = ", ".join(sorted({method for route in matching for method in route.methods}))
    return response


class _EncodedPath(APIGateway):
    """Keeps an event's path percent-encoded, as API Gateway passes it, until it is split: identities may hold slashes.

    The part before the API's own prefix (the stage, or a custom domain's base path) is kept for the URLs in answers.
    """

    @property
    def scope(self) -> Scope:
        scope = super().scope
        scope["path"], _ = _split(self.event["path"])
        whole = self.event["requestContext"].get("path") or self.event["path"]
        _, scope[BASE_PATH] = _split(whole)
        if scope["path"] in _OWN_PATHS:
            scope[BASE_PATH] = whole.removesuffix(scope["path"])
        return scope


def _split(path: str) -> tuple[str, str]:
    found = [at for prefix in _API_PREFIXES if (at := path.find(prefix)) >= 0]
    return (path[min(found) :], path[: min(found)]) if found else (path, "")


def lambda_handler(app: FastAPI) -> Any:
    """The function's entry: API Gateway REST events in and out."""
    adapter = Mangum(app, lifespan="off", custom_handlers=[_EncodedPath])

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        _provide_event_loop()
        answer = adapter(event, context)
        count(REQUESTS)
        answer["headers"] = {**(answer.get("headers") or {}), HEADER: request_id()}
        return answer

    return handler


def _provide_event_loop() -> None:
    # Mangum runs the application on its thread's event loop. Only the main thread has one, and it loses that as soon as
    # any code in the process calls asyncio.run().
    try:
        usable = not asyncio.get_event_loop().is_closed()
    except RuntimeError:
        usable = False
    if not usable:
        asyncio.set_event_loop(asyncio.new_event_loop())
