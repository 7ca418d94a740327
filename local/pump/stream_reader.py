"""Reads a table's stream over HTTP, as JSON: Lambda passes records to functions in the same form.

boto3 would turn binary attributes, numbers and times into Python objects, and the pump would have to turn them back.
That makes a poll five times as expensive, and nearly all polls find nothing.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from local.template.declared import REGION

_SHARDS_SECONDS = 10
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    # Emulators route by the credential's scope and check nothing.
    "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/dynamodb/aws4_request,"
    " SignedHeaders=host, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
}


class StreamError(Exception):
    """The emulator refused a request; `kind` is the name of AWS's exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class StreamReader:
    """Reads one stream, in one thread."""

    def __init__(self, endpoint: str, stream_arn: str) -> None:
        self._host = urlsplit(endpoint).netloc
        self._stream_arn = stream_arn
        self._connection: http.client.HTTPConnection | None = None
        self._iterators: dict[str, tuple[str | None, str]] = {}
        self._shards: list[str] = []
        self._shards_until = 0.0

    def shards(self) -> list[str]:
        """The stream's shards, parents before children."""
        if time.monotonic() > self._shards_until or not self._shards:
            description = self._request("DescribeStream", StreamArn=self._stream_arn)["StreamDescription"]
            self._shards = [shard["ShardId"] for shard in description["Shards"]]
            self._shards_until = time.monotonic() + _SHARDS_SECONDS
        return self._shards

    def read(self, shard_id: str, position: str | None, from_now_on: bool, limit: int) -> list[dict[str, Any]]:
        """Up to `limit` records after `position`. If that is None: from the shard's start, or from now on."""
        known = self._iterators.get(shard_id)
        if known is None or known[0] != position:
            known = (position, self._iterator(shard_id, position, from_now_on))
        try:
            answer = self._request("GetRecords", ShardIterator=known[1], Limit=limit)
        except StreamError as error:
            if error.kind not in ("ExpiredIteratorException", "TrimmedDataAccessException"):
                raise
            self._iterators.pop(shard_id, None)
            return []
        records: list[dict[str, Any]] = answer["Records"]
        after = records[-1]["dynamodb"]["SequenceNumber"] if records else position
        if "NextShardIterator" in answer:
            self._iterators[shard_id] = (after, answer["NextShardIterator"])
        else:
            self._iterators.pop(shard_id, None)
        return records

    def _iterator(self, shard_id: str, position: str | None, from_now_on: bool) -> str:
        arguments = {"StreamArn": self._stream_arn, "ShardId": shard_id}
        if position is not None:
            try:
                found = self._request(
                    "GetShardIterator",
                    **arguments,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    SequenceNumber=position,
                )
                return str(found["ShardIterator"])
            except StreamError as error:
                # The stream no longer holds the record at this position, so all that it holds is new.
                if error.kind != "TrimmedDataAccessException":
                    raise
        kind = "LATEST" if from_now_on and position is None else "TRIM_HORIZON"
        return str(self._request("GetShardIterator", **arguments, ShardIteratorType=kind)["ShardIterator"])

    def _request(self, operation: str, **arguments: Any) -> dict[str, Any]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=30)
        headers = {**_HEADERS, "X-Amz-Target": f"DynamoDBStreams_20120810.{operation}"}
        try:
            self._connection.request("POST", "/", json.dumps(arguments), headers)
            response = self._connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise
        if response.status != 200:
            raise StreamError(str(answer.get("__type", "")).rsplit("#", 1)[-1], str(answer.get("message", answer)))
        return answer
