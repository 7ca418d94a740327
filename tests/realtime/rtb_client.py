"""A DynamoDB client with nothing in it but HTTP and JSON: tests with very many requests spend their time elsewhere."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

_SIGNED_BY_NOBODY = (
    "AWS4-HMAC-SHA256 Credential=local/20260115/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
)


class LeanClient:
    """Operations as boto3's client has them, sent to an emulator, which checks no signatures."""

    def __init__(self, endpoint: str):
        self._connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=30)

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        target = "".join(part.title() for part in operation.split("_"))
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{target}",
            "X-Amz-Date": "20260115T120000Z",
            "Authorization": _SIGNED_BY_NOBODY,
        }

        def call(**request: Any) -> dict[str, Any]:
            self._connection.request("POST", "/", json.dumps(request).encode(), headers)
            response = self._connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
            if response.status >= 400:
                raise _failure(answer, response.status, target)
            return answer

        setattr(self, operation, call)
        return call


def _failure(answer: dict[str, Any], status: int, operation: str) -> ClientError:
    code = str(answer.pop("__type", status)).rpartition("#")[2]
    message = answer.pop("message", answer.pop("Message", ""))
    return ClientError({**answer, "Error": {"Code": code, "Message": message}}, operation)
