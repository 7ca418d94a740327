"""Buckets in moto, in this process: the object store of worlds, and what a test may see and do beside the port.

moto stores and serves as S3 does, and does not judge: it takes links that are forged or over. The port's own suite asks
MiniStack for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

from botocore.awsrequest import AWSRequest, HeadersDict

from parley.clock import Clock
from parley.ports.objects import Objects

CREDENTIALS = SimpleNamespace(access_key="test", secret_key="test", token=None)
REGION = "us-east-1"


class Answer(NamedTuple):
    status: int
    headers: HeadersDict
    body: bytes


class MotoSession:
    """Sends prepared requests to moto, in the place of botocore's `URLLib3Session`; `sent` remembers them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, request: Any) -> Any:
        self.sent.append((request.method, request.url))
        return _moto()("before-send.s3", request)


class ObjectStore:
    """One bucket of moto. It is made when it is first needed, since importing moto takes a while."""

    def __init__(self, bucket: str, clock: Clock | None = None) -> None:
        self.bucket = bucket
        self._clock = clock
        self.session = MotoSession()

    @cached_property
    def port(self) -> Objects:
        """The port, as operations see it."""
        return Objects(self._bucket.name, REGION, lambda: CREDENTIALS, session=self.session, clock=self._clock)

    @cached_property
    def _bucket(self) -> Any:
        if self.bucket not in _backend().buckets:
            _backend().create_bucket(self.bucket, REGION)
        return _backend().buckets[self.bucket]

    def keys(self) -> list[str]:
        """The keys of all objects."""
        return sorted(self._bucket.keys)

    def body(self, key: str) -> bytes:
        """What an object holds."""
        return bytes(self._bucket.keys[key].value)

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        """Give an object these tags, as a scanner does."""
        _backend().put_object_tagging(self._bucket.keys[key], dict(tags))

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """The answer to a client that follows a link."""
        answer = MotoSession().send(AWSRequest(method, url, dict(headers or {}), body).prepare())
        return Answer(answer.status_code, answer.headers, answer.content)


def _backend() -> Any:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _moto() -> Any:
    from moto.core.botocore_stubber import BotocoreStubber

    stubber = BotocoreStubber()
    stubber.enabled = True
    return stubber
