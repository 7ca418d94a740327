"""REST: turns HTTP requests into events of a REST API's Lambda proxy integration, and results into HTTP answers.

The stage is not part of the path here, as with a custom domain name.
"""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from local.http.server import Request, Response
from local.template.declared import ACCOUNT, GatewayResponse, RestApi

_NOT_PASSED_ON = {
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_REMAPPED = {
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "range",
    "referer",
    "server",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
    "via",
    "warn",
    "www-authenticate",
}
"""Headers of an integration's answer that API Gateway keeps for itself: they travel as `x-amzn-Remapped-…`."""

_DEFAULTS = {
    "REQUEST_TOO_LARGE": GatewayResponse(413, '{"message":"Request Too Long"}'),
    "INTEGRATION_FAILURE": GatewayResponse(504, '{"message":"Internal server error"}'),
    "INTEGRATION_TIMEOUT": GatewayResponse(504, '{"message":"Endpoint request timed out"}'),
    "MALFORMED_PROXY_RESPONSE": GatewayResponse(502, '{"message":"Internal server error"}'),
    "DEFAULT_4XX": GatewayResponse(400, '{"message":"Bad Request"}'),
}
"""The answers that API Gateway gives itself. The one to an exception or a malformed result has no name, so the
template's DEFAULT_5XX applies to it."""


def request_time(moment: float) -> str:
    """A time as API Gateway's access logs and events show it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def multi(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str] | None, dict[str, list[str]] | None]:
    """The two forms in which events hold names and values: with each name's last value, and with all. None if empty."""
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    if not every:
        return None, None
    return {name: values[-1] for name, values in every.items()}, every


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The decoded parameters of a query string, empty ones too."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def passed_on_headers(request: Request) -> list[tuple[str, str]]:
    """The client's headers as the function sees them, with what API Gateway adds."""
    kept = [(name, value) for name, value in request.headers if name.lower() not in _NOT_PASSED_ON]
    forwarded = request.header("x-forwarded-for")
    kept = [(name, value) for name, value in kept if not name.lower().startswith("x-forwarded-")]
    return [
        *kept,
        ("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"),
        ("X-Forwarded-For", f"{forwarded}, {request.client[0]}" if forwarded else request.client[0]),
        ("X-Forwarded-Port", str(request.server_port)),
        ("X-Forwarded-Proto", "http"),
    ]


def identity(request: Request) -> dict[str, Any]:
    return {
        "cognitoIdentityPoolId": None,
        "accountId": None,
        "cognitoIdentityId": None,
        "caller": None,
        "sourceIp": request.client[0],
        "principalOrgId": None,
        "accessKey": None,
        "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None,
        "userArn": None,
        "userAgent": request.header("user-agent") or None,
        "user": None,
    }


class RestFront:
    """Builds events and answers for one REST API."""

    def __init__(self, api: RestApi) -> None:
        self.api = api

    def event(self, request: Request) -> dict[str, Any]:
        """The proxy event of a request."""
        headers, every_header = multi(passed_on_headers(request))
        parameters, every_parameter = multi(query_pairs(request.query))
        body, is_base64 = self._body(request)
        is_root = request.path in ("", "/")
        now = time.time()
        resource = "/" if is_root else "/{proxy+}"
        return {
            "resource": resource,
            "path": request.path or "/",
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": every_header,
            "queryStringParameters": parameters,
            "multiValueQueryStringParameters": every_parameter,
            "pathParameters": None if is_root else {"proxy": unquote(request.path[1:])},
            "stageVariables": None,
            "requestContext": {
                "resourceId": "local",
                "resourcePath": resource,
                "httpMethod": request.method,
                "extendedRequestId": base64.b64encode(uuid.uuid4().bytes[:11]).decode(),
                "requestTime": request_time(now),
                "path": request.path or "/",
                "accountId": ACCOUNT,
                "protocol": "HTTP/1.1",
                "stage": self.api.stage,
                "domainPrefix": self.api.logical_id.lower(),
                "requestTimeEpoch": int(now * 1000),
                "requestId": str(uuid.uuid4()),
                "identity": identity(request),
                "domainName": request.header("host"),
                "deploymentId": "local",
                "apiId": self.api.logical_id.lower(),
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }

    def _body(self, request: Request) -> tuple[str | None, bool]:
        if not request.body:
            return None, False
        if self._is_binary(request.header("content-type")):
            return base64.b64encode(request.body).decode(), True
        return request.body.decode("utf-8", "replace"), False

    def _is_binary(self, media_type: str) -> bool:
        kind = media_type.partition(";")[0].strip().lower()
        return any(known in ("*/*", kind) for known in self.api.binary_media_types)

    def answer(self, request: Request, result: Any) -> Response:
        """The HTTP answer made from a function's result; 502 if the result is malformed."""
        try:
            status = int(result["statusCode"])
            headers = _answer_headers(result)
            body = result.get("body") or ""
            if not isinstance(body, str) or not 100 <= status <= 599:
                return self.failure("MALFORMED_PROXY_RESPONSE")
            content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
            if result.get("isBase64Encoded") and (
                self._is_binary(content_type) or self._is_binary(request.header("accept").partition(",")[0])
            ):
                data = base64.b64decode(body, validate=True)
            else:
                # If no binary media type matches, API Gateway does not decode base64 but sends it as text.
                data = body.encode()
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            return self.failure("MALFORMED_PROXY_RESPONSE")
        if not content_type:
            headers.append(("Content-Type", "application/json"))
        headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
        return Response(status, data, headers)

    def failure(self, kind: str) -> Response:
        """API Gateway's own answer of one kind, with the template's changes to it."""
        default = _DEFAULTS[kind]
        family = "DEFAULT_5XX" if default.status >= 500 else "DEFAULT_4XX"
        configured = self.api.responses.get(kind) or self.api.responses.get(family)
        chosen = configured or default
        headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", str(uuid.uuid4()))]
        headers += chosen.headers.items()
        return Response(chosen.status or default.status, (chosen.body or default.body).encode(), headers)


def _answer_headers(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers of a result. Those that can have several values win over those that cannot."""
    several = {name: values for name, values in (result.get("multiValueHeaders") or {}).items() if values}
    covered = {name.lower() for name in several}
    pairs = [(name, value) for name, value in (result.get("headers") or {}).items() if name.lower() not in covered]
    pairs += [(name, value) for name, values in several.items() for value in values]
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, _one_line(value))
        for name, value in pairs
        if name.lower() != "transfer-encoding"
    ]


def _one_line(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\r", " ").replace("\n", " ")
