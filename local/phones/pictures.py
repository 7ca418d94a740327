"""The files of phones and of WhatsApp, in memory, and the way to the account's buckets."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Any, NamedTuple, Protocol

_MOST_BYTES = 64 * 1024 * 1024


class Picture(NamedTuple):
    """A file and its type."""

    data: bytes
    content_type: str


class Buckets(Protocol):
    """S3, as AWS's services use it for the account."""

    def fetch(self, bucket: str, key: str) -> Picture | None:
        """An object; None if it cannot be read."""

    def put(self, bucket: str, key: str, picture: Picture) -> bool:
        """Store an object; False if that is not possible."""


class S3Buckets:
    """The buckets of an emulator; `make_client` makes botocore's client of S3."""

    def __init__(self, make_client: Any) -> None:
        self._make_client = make_client

    def fetch(self, bucket: str, key: str) -> Picture | None:
        s3 = self._make_client()
        try:
            answer = s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.ClientError:
            return None
        return Picture(answer["Body"].read(), answer.get("ContentType", "application/octet-stream"))

    def put(self, bucket: str, key: str, picture: Picture) -> bool:
        s3 = self._make_client()
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=picture.data, ContentType=picture.content_type)
        except s3.exceptions.ClientError:
            return False
        return True


class Pictures:
    """Files by their ids. If they are too many, the oldest ones go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Picture] = OrderedDict()
        self._bytes = 0

    def add(self, picture: Picture) -> str:
        """Keep a file; returns its id, which is a number as Meta's are."""
        id_ = str(10**14 + secrets.randbelow(9 * 10**14))
        with self._lock:
            self._held[id_] = picture
            self._bytes += len(picture.data)
            while self._bytes > _MOST_BYTES:
                _, gone = self._held.popitem(last=False)
                self._bytes -= len(gone.data)
        return id_

    def get(self, id_: str) -> Picture | None:
        return self._held.get(id_)


def described(id_: str, picture: Picture) -> dict[str, Any]:
    """What a handset's thread shows of a file."""
    return {"id": id_, "content_type": picture.content_type, "size": len(picture.data)}
