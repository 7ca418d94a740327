"""A proxy in front of a REST API that changes headers of its answers, for what no real service does on demand."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@contextmanager
def proxied(url: str, headers: Mapping[str, str]) -> Iterator[str]:
    """The URL of the proxy. An empty header is left out."""
    target = urlsplit(url).netloc
    changed = {name.lower(): value for name, value in headers.items()}

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            connection = http.client.HTTPConnection(target, timeout=20)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in changed}
            for name, value in {**kept, **{name: value for name, value in headers.items() if value}}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
