"""The events of a WebSocket API's Lambda proxy integration, and the value of a route selection expression."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from typing import Any

from local.gateway.rest import multi, passed_on_headers, query_pairs, request_time
from local.http.server import Request
from local.template.declared import SocketApi


def new_id() -> str:
    """A connection or message id, of the length and alphabet that API Gateway's have."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def context(
    api: SocketApi, request: Request, connection_id: str, connected_at: float, route_key: str, kind: str
) -> dict[str, Any]:
    """The `requestContext` of an event; `request` is the handshake that opened the connection."""
    now = time.time()
    described: dict[str, Any] = {
        "routeKey": route_key,
        "eventType": kind,
        "extendedRequestId": base64.b64encode(secrets.token_bytes(11)).decode(),
        "requestTime": request_time(now),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": int(connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": {"sourceIp": request.client[0]},
        "requestId": str(uuid.uuid4()),
        "domainName": request.header("host"),
        "connectionId": connection_id,
        "apiId": api.logical_id.lower(),
    }
    if user_agent := request.header("user-agent"):
        described["identity"]["userAgent"] = user_agent
    if kind == "MESSAGE":
        described["messageId"] = new_id()
    return described


def connect_event(request: Request, described: dict[str, Any]) -> dict[str, Any]:
    """The event of `$connect`, the only one with the client's headers and query string."""
    headers, every_header = multi(passed_on_headers(request))
    parameters, every_parameter = multi(query_pairs(request.query))
    event: dict[str, Any] = {"headers": headers, "multiValueHeaders": every_header}
    if parameters is not None:
        event |= {"queryStringParameters": parameters, "multiValueQueryStringParameters": every_parameter}
    return event | {"requestContext": described, "isBase64Encoded": False}


def message_event(text: str, described: dict[str, Any]) -> dict[str, Any]:
    """The event of a message."""
    return {"requestContext": described, "body": text, "isBase64Encoded": False}


def disconnect_event(request: Request, described: dict[str, Any], code: int, reason: str) -> dict[str, Any]:
    """The event of `$disconnect`, with how the connection ended."""
    described = described | {"disconnectStatusCode": code, "disconnectReason": reason}
    host = request.header("host")
    headers, every_header = multi([("Host", host), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")])
    event: dict[str, Any] = {"headers": headers, "multiValueHeaders": every_header}
    return event | {"requestContext": described, "isBase64Encoded": False}


def selected(expression: str, text: str) -> str:
    """The value that an expression like `$request.body.a.b` selects; empty if it is not a string or number."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    for name in expression.removeprefix("$request.body.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
