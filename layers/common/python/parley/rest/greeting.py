"""Two paths that belong to no API: `/` shows where everything is, `/health` whether the service works.

Neither needs credentials. A browser gets `/` as a page, everything else as JSON.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from parley.faces.registry import MOUNTS
from parley.log import logger
from parley.operations.context import Caller
from parley.rest.routes import Endpoint, MakeContext, Route, base_url
from parley.store import keys

HEALTH = "/health"
_DOCUMENTATION = "https://www.twilio.com/docs/chat/rest"


def routes(make_context: MakeContext, console_url: str) -> list[Route]:
    """Both routes. `console_url` may be empty."""
    return [
        Route("/", ["GET", "HEAD"], _greeting(console_url), "greeting"),
        Route(HEALTH, ["GET", "HEAD"], _health(make_context), "health"),
    ]


def _greeting(console_url: str) -> Endpoint:
    prefixes = dict.fromkeys(mount.face.prefix for mount in MOUNTS)

    async def greet(request: Request) -> Response:
        base = base_url(request)
        links = {
            **({"console": console_url} if console_url else {}),
            "health": base + HEALTH,
            "documentation": _DOCUMENTATION,
        }
        apis = [base + prefix for prefix in prefixes]
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"name": "Parley", "apis": apis, "links": links})
        shown = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in links.items())
        roots = "".join(f"<li><code>{escape(url)}</code></li>" for url in apis)
        return HTMLResponse(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Parley</title><h1>Parley</h1>'
            f"<p>Programmable Chat and Conversations. The APIs, which need credentials:</p><ul>{roots}</ul>"
            f"<p>Links:</p><ul>{shown}</ul></html>"
        )

    return greet


def _health(make_context: MakeContext) -> Endpoint:
    async def health(request: Request) -> Response:
        context = make_context(Caller())
        try:
            # One read in ten seconds at most, from each container, however often somebody asks.
            context.configuration.present([keys.account_configuration(context.account_sid)])
        except Exception:
            logger.exception("health")
            return JSONResponse({"status": "unavailable", "reason": "the table does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    return health
