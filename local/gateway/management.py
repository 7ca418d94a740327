"""`@connections`: the requests with which back ends push to sockets, look at them and close them.

A request without a signature is refused, so code that forgets to sign fails here too. The signature is not checked.
"""

from __future__ import annotations

import json
import uuid
from urllib.parse import unquote

from local.gateway.sockets import MESSAGE_LIMIT, SocketHub
from local.http.server import Request, Response

MARK = "/@connections/"
_BY_REQUEST = 1000


def respond(hub: SocketHub, request: Request) -> Response:
    """Answer `POST`, `GET` or `DELETE` of `…/@connections/{id}` under any stage or prefix."""
    if not request.header("authorization").startswith("AWS4-HMAC-SHA256 "):
        return _refuse(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    connection_id = unquote(request.path.rpartition(MARK)[2])
    if request.method == "POST" and len(request.body) > MESSAGE_LIMIT:
        return _refuse(413, "PayloadTooLargeException", "Message too long")
    socket = hub.open.get(connection_id)
    if socket is None:
        return _refuse(410, "GoneException", "")
    if request.method == "GET":
        return _accept(200, json.dumps(socket.described()).encode())
    if request.method == "DELETE":
        socket.end(_BY_REQUEST, "")
        return _accept(204)
    if request.method != "POST":
        return _refuse(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    if socket.is_full:
        return _refuse(429, "LimitExceededException", "The client is not reading")
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return _refuse(400, "BadRequestException", "Only text can be sent")
    return _accept(200) if socket.send(request.body) else _refuse(410, "GoneException", "")


def _accept(status: int, body: bytes = b"") -> Response:
    headers = [("x-amzn-RequestId", str(uuid.uuid4()))]
    return Response(status, body, [*headers, ("Content-Type", "application/json")] if body else headers)


def _refuse(status: int, kind: str, message: str) -> Response:
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
        ("x-amzn-ErrorType", kind),
    ]
    return Response(status, json.dumps({"message": message}).encode(), headers)
