"""Serves `/console`: the files of `local/console/page/`, the JavaScript client, and `config.json`.

The page is static. `config.json` tells it the addresses of the APIs, relative to its own. If that file is missing, the
page asks for them. Nothing served here is secret: the person who opens the page brings the account's credentials.
"""

from __future__ import annotations

import json
import mimetypes
import re
from pathlib import Path

from local.home import REPOSITORY
from local.http.server import Request, Response

CONSOLE_PATH = "/console"
CONSOLE_FILES = Path(__file__).resolve().parent / "page"
_CLIENT_FILES = REPOSITORY / "clients" / "js"
_CLIENT_MODULE = re.compile(r"parley(/[a-z_]+)?\.js")
_CONFIG = {"rest_url": "/", "ws_url": "/ws", "webhook_inbox": "webhooks/"}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")
_TYPES = {".js": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml"}


class ConsoleFiles:
    """Serves the console from a folder, and the modules of the JavaScript client from theirs."""

    def __init__(self, folder: Path = CONSOLE_FILES, client: Path = _CLIENT_FILES) -> None:
        self._folder = folder.resolve()
        self._client = client.resolve()

    def respond(self, request: Request) -> Response:
        """Answer a request to `CONSOLE_PATH` or a path below."""
        if request.path == CONSOLE_PATH:
            return Response(301, b"", [("Location", f"{CONSOLE_PATH}/")])
        name = request.path.removeprefix(f"{CONSOLE_PATH}/") or "index.html"
        if name == "config.json":
            return self._answer(request, ".json", json.dumps(_CONFIG).encode())
        folder = self._client if _CLIENT_MODULE.fullmatch(name) else self._folder
        target = (folder / name).resolve()
        if not target.is_relative_to(folder) or not target.is_file():
            return Response(404, b"There is no such page.\n", [("Content-Type", "text/plain; charset=utf-8")])
        return self._answer(request, target.suffix, target.read_bytes())

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


def _policy(host: str) -> str:
    """Allow this origin only. Its sockets are named because some browsers do not count them as `'self'`."""
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
