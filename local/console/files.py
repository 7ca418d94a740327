"""Serves `/console`: the files of `local/console/page/`, the JavaScript client, `config.json`, and Twilio's SDKs.

The page is static. `config.json` tells it the addresses of the APIs, relative to its own. If that file is missing, the
page asks for them. Nothing served here is secret: the person who opens the page brings the account's credentials.

`sdk/packages.json` lists Twilio's SDKs; `sdk/NAME.js` is the bundle of one. npm fetches it when it is first
asked for.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
from collections.abc import Awaitable
from pathlib import Path

from local import npm
from local.home import REPOSITORY
from local.http.server import Request, Response
from local.sdk.packages import BY_NAME, PACKAGES, SdkPackage

CONSOLE_PATH = "/console"
CONSOLE_FILES = Path(__file__).resolve().parent / "page"
_CLIENT_FILES = REPOSITORY / "clients" / "js"
_CLIENT_MODULE = re.compile(r"(parley(/[a-z0-9_]+)?|twilio-sdk)\.js")
_BUNDLE = re.compile(r"sdk/([a-z0-9.-]+)\.js")
_CONFIG = {"rest_url": "/", "ws_url": "/ws", "webhook_inbox": "webhooks/", "usage": "usage"}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")
_TYPES = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}


class ConsoleFiles:
    """Serves the console from a folder, and the modules of the JavaScript client from theirs."""

    def __init__(self, folder: Path = CONSOLE_FILES, client: Path = _CLIENT_FILES) -> None:
        self._folder = folder.resolve()
        self._client = client.resolve()

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a request to `CONSOLE_PATH` or a path below."""
        if request.path == CONSOLE_PATH:
            return Response(301, b"", [("Location", f"{CONSOLE_PATH}/")])
        name = request.path.removeprefix(f"{CONSOLE_PATH}/") or "index.html"
        if name == "config.json":
            return self._answer(request, ".json", json.dumps(_CONFIG).encode())
        if name == "sdk/packages.json":
            return self._answer(request, ".json", json.dumps([_listed(package) for package in PACKAGES]).encode())
        if (bundle := _BUNDLE.fullmatch(name)) and bundle[1] in BY_NAME:
            return self._bundle(request, BY_NAME[bundle[1]])
        is_client = _CLIENT_MODULE.fullmatch(name) is not None
        folder = self._client if is_client else self._folder
        target = (folder / name).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            return _plain(404, "There is no such page.")
        answer = self._answer(request, target.suffix, target.read_bytes())
        if is_client:
            # A page from elsewhere may import the client.
            answer.headers.append(("Access-Control-Allow-Origin", "*"))
        return answer

    async def _bundle(self, request: Request, package: SdkPackage) -> Response:
        try:
            folder = await asyncio.to_thread(package.fetch)
        except npm.NpmMissing:
            return _plain(503, f"npm is needed to fetch {package.package}.")
        except npm.NpmFailed as failure:
            return _plain(503, f"npm could not fetch {package.package}: {failure}")
        return self._answer(request, ".js", (folder / package.bundle).read_bytes())

    def _answer(self, request: Request, suffix: str, body: bytes) -> Response:
        kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        if kind.startswith("text/") or suffix in _TYPES:
            kind += "; charset=utf-8"
        headers = [
            ("Content-Type", kind),
            ("Cache-Control", "no-cache"),
            ("Content-Security-Policy", _policy(request.header("host"))),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ]
        return Response(200, body, headers)


def _listed(package: SdkPackage) -> dict[str, str]:
    return {"name": package.name, "title": f"{package.package} {package.version}", "global": package.place}


def _plain(status: int, text: str) -> Response:
    return Response(status, f"{text}\n".encode(), [("Content-Type", "text/plain; charset=utf-8")])


def _policy(host: str) -> str:
    """Allow this origin only. Its sockets are named because some browsers do not count them as `'self'`."""
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
