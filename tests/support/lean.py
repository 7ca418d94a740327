"""A DynamoDB client with nothing in it but HTTP and JSON: tests with very many requests spend their time elsewhere."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from bench.meter import Meter

_SIGNED_BY_NOBODY = (
    "AWS4-HMAC-SHA256 Credential=local/20260115/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
)


class LeanClient:
    """Operations as boto3's client has them, sent to an emulator, which checks no signatures. Threads may share it."""

    def __init__(self, endpoint: str):
        self._host = urlsplit(endpoint).netloc
        self._local = threading.local()
        self._meter: Meter | None = None

    @contextmanager
    def metered(self) -> Iterator[Meter]:
        """Count what is done inside, by whichever thread."""
        self._meter = meter = Meter()
        try:
            yield meter
        finally:
            self._meter = None

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        target = "".join(part.title() for part in operation.split("_"))
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{target}",
            "X-Amz-Date": "20260115T120000Z",
            "Authorization": _SIGNED_BY_NOBODY,
        }

        def call(**request: Any) -> dict[str, Any]:
            meter = self._meter
            if meter:
                meter.ask(request)
            response = self._sent(json.dumps(request).encode(), headers)
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
            if meter:
                meter.note(answer, SimpleNamespace(name=target))
            if response.status >= 400:
                raise _failure(answer, response.status, target)
            return answer

        setattr(self, operation, call)
        return call

    def _sent(self, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            try:
                connection.request("POST", "/", body, headers)
                return connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError):
                # The emulator closes connections that were idle for long.
                connection.close()
        self._local.connection = connection = http.client.HTTPConnection(self._host, timeout=120)
        connection.request("POST", "/", body, headers)
        return connection.getresponse()


def _failure(answer: dict[str, Any], status: int, operation: str) -> ClientError:
    code = str(answer.pop("__type", status)).rpartition("#")[2]
    message = answer.pop("message", answer.pop("Message", ""))
    return ClientError({**answer, "Error": {"Code": code, "Message": message}}, operation)
