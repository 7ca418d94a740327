"""The client of DynamoDB, Secrets Manager, SQS and text messages: signed JSON over connections that are kept.

A function makes two or three requests to DynamoDB before it answers. With botocore, each of them takes more CPU than
the rest of the answer, and half of a cold start. So the functions make frequent requests, and those of a start, with
this client (docs/decisions/0033-aws-without-botocore.md).

What a caller may rely on:

- An operation is a method with botocore's name, arguments, answer and exceptions, so either client can be in the place
  of the other. There are only the operations that Parley uses.
- A request that got no answer raises `ConnectionError` or `HTTPClientError` of botocore. It may have been carried out.
- A request is attempted up to `attempts` times while AWS is busy or does not answer, with growing pauses.
- A connection is not used again if AWS has closed it, or if it rested for long: Lambda freezes a container between two
  invocations.
- Credentials are asked for with each request, so that what botocore refreshes is used.
- Safe to use from several threads. Each request has a connection of its own while it is under way.
"""

from __future__ import annotations

import hashlib
import json
import random
import select
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from io import BufferedReader
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NotConnected

from parley.clock import Clock
from parley.ports.sigv4 import Credentials, Signer
from parley.ports.tls import tls_context
from parley.version import VERSION

LOST = (NotConnected, HTTPClientError)
"""The exceptions of a request that got no answer."""
IDLE_SECONDS = 45
"""How long a connection may rest. Common servers and load balancers close idle ones after 60 s or more."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
# A connection rests in a list, and a burst of threads must not leave hundreds of them behind.
_MOST_RESTING = 64
_LONGEST_LINE, _MOST_LINES = 65_536, 200
# These say no more than that they were done, so their answer may be empty.
_WITHOUT_ANSWER = {"ChangeMessageVisibility", "DeleteMessage"}
_UNTRIED = {"ThrottlingException", "RequestThrottled", "RequestLimitExceeded"}


class Service(NamedTuple):
    """One service of AWS as its JSON protocol names it.

    Attributes:
        target: What stands before an operation's name.
        version: The protocol's version.
        operations: The operations that Parley uses.
        prefix: What its hosts begin with, and what signatures name, if that is not the service's name here.
    """

    target: str
    version: str
    operations: frozenset[str]
    prefix: str = ""


SERVICES = {
    "dynamodb": Service(
        "DynamoDB_20120810",
        "1.0",
        frozenset(
            (
                "batch_get_item",
                "batch_write_item",
                "delete_item",
                "get_item",
                "put_item",
                "query",
                "transact_write_items",
                "update_item",
            )
        ),
    ),
    "secretsmanager": Service("secretsmanager", "1.1", frozenset(("get_secret_value",))),
    "pinpoint-sms-voice-v2": Service(
        "PinpointSMSVoiceV2", "1.0", frozenset(("send_media_message", "send_text_message")), "sms-voice"
    ),
    "sqs": Service(
        "AmazonSQS", "1.0", frozenset(("change_message_visibility", "delete_message", "send_message_batch"))
    ),
}
_AGENT = f"User-Agent: parley/{VERSION}\r\n"
_NAMES = {
    name: "".join(part.title() for part in name.split("_"))
    for service in SERVICES.values()
    for name in service.operations
}
# The beginning of a Region -> what its hosts end with; all others are in the first partition of AWS.
_SUFFIXES = {"cn-": "amazonaws.com.cn", "eusc-": "amazonaws.eu", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov"}


def host_of(service: str, region: str) -> str:
    """The host of a service in a Region."""
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"{_prefix(service)}.{region}.{suffix}"


def _prefix(service: str) -> str:
    return SERVICES[service].prefix or service


class _Connection(NamedTuple):
    """A connection, the stream of what arrives on it, and since when it rests.

    The wall clock says so, because a monotonic one may stand still while the container is frozen.
    """

    socket: socket.socket
    arriving: BufferedReader
    rested_at: float = 0.0

    def is_usable(self, now: float) -> bool:
        """Whether it has not rested for long, and was not closed meanwhile."""
        if not 0 <= now - self.rested_at < IDLE_SECONDS:
            return False
        watch = select.poll()
        watch.register(self.socket, select.POLLIN)
        # Nothing was asked. So if there is something to read, it is the end, or what belongs to no request.
        return not watch.poll(0) and not self._has_more()

    def _has_more(self) -> bool:
        """Whether more has arrived than the last answer. What was read ahead, and what TLS holds, no `poll` sees."""
        patience = self.socket.gettimeout()
        self.socket.setblocking(False)
        try:
            return bool(self.arriving.peek(1))
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(patience)

    def close(self) -> None:
        self.arriving.close()
        self.socket.close()


class AwsClient:
    """A service in a Region, or at another `endpoint`.

    Args:
        service: One of `SERVICES`.
        credentials: Answers as botocore's `get_frozen_credentials` does.
        attempts: How often a request is sent at most.
    """

    def __init__(
        self,
        service: str,
        region: str,
        credentials: Callable[[], Credentials],
        *,
        endpoint: str = "",
        attempts: int = 4,
        connect_seconds: float = 2,
        read_seconds: float = 10,
        clock: Clock | None = None,
        ssl_context: ssl.SSLContext | None = None,
        wall_clock: Callable[[], float] = time.time,
    ):
        self.service = service
        self._region = region
        self._credentials = credentials
        self._url = endpoint.rstrip("/") or f"https://{host_of(service, region)}"
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the endpoint of {service} must be an absolute http or https URL")
        is_encrypted = parts.scheme == "https"
        self._host = parts.hostname
        self._address = parts.hostname, parts.port or (443 if is_encrypted else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._path = parts.path or "/"
        self._attempts = attempts
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._clock = clock or Clock()
        # Made while a container starts, and not with the first request: it takes long.
        self._context = (ssl_context or tls_context()) if is_encrypted else None
        self._wall_clock = wall_clock
        self._signers: dict[str, Signer] = {}
        self._resting: list[_Connection] = []

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name not in SERVICES[self.__dict__["service"]].operations:
            raise AttributeError(f"{name} is no operation that Parley uses")
        return partial(self.ask, _NAMES[name])

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """The answer to an operation, named as AWS names it.

        Raises:
            ClientError: AWS refused it.
            ConnectionError, HTTPClientError: those of botocore; no answer came.
        """
        body = json.dumps(request).encode()
        for attempt in range(1, self._attempts):
            try:
                return self._attempt(operation, body)
            except (ClientError, *LOST) as error:
                if not _may_pass(error):
                    raise
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            self._clock.sleep(pause * (0.5 + random.random() / 2))
        return self._attempt(operation, body)

    def _attempt(self, operation: str, body: bytes) -> dict[str, Any]:
        hashed = hashlib.sha256(body).hexdigest()
        signed = self._signer(operation).headers("POST", self._path, hashed, self._wall_clock())
        head = f"POST {self._path} HTTP/1.1\r\n{signed}{_AGENT}Content-Length: {len(body)}\r\n\r\n"
        connection = self._taken() or self._opened()
        try:
            connection.socket.sendall(head.encode() + body)
            status, stays, content = _answer(connection.arriving)
            answer = _told(operation, content) if status < 300 else {}
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from None
        except OSError as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from None
        except BaseException:
            connection.close()
            raise
        if stays and len(self._resting) < _MOST_RESTING:
            self._resting.append(connection._replace(rested_at=self._wall_clock()))
        else:
            connection.close()
        if status >= 300:
            raise _refusal(status, content, operation)
        return answer

    def _signer(self, operation: str) -> Signer:
        credentials, signer = self._credentials(), self._signers.get(operation)
        if signer is None or signer.credentials != credentials:
            target, version = SERVICES[self.service][:2]
            named = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{target}.{operation}"}
            signer = Signer(credentials, self._region, _prefix(self.service), self._authority, named)
            self._signers[operation] = signer
        return signer

    def _taken(self) -> _Connection | None:
        """A connection that rested and is still good, the one used last first."""
        while self._resting:
            try:
                connection = self._resting.pop()
            except IndexError:  # another thread took the last one
                break
            if connection.is_usable(self._wall_clock()):
                return connection
            connection.close()
        return None

    def _opened(self) -> _Connection:
        try:
            made = socket.create_connection(self._address, self._connect_seconds)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from None
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from None
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                made = self._context.wrap_socket(made, server_hostname=self._host)
            made.settimeout(self._read_seconds)
            return _Connection(made, made.makefile("rb"))
        except TimeoutError as error:
            made.close()
            raise ConnectTimeoutError(endpoint_url=self._url, error=error) from None
        except OSError as error:
            made.close()
            raise EndpointConnectionError(endpoint_url=self._url, error=error) from None


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may be answered better."""
    if not isinstance(error, ClientError):
        return True
    response = error.response
    return response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or response["Error"]["Code"] in _UNTRIED


def _answer(arriving: BinaryIO) -> tuple[int, bool, bytes]:
    """The next answer: its status, whether the connection stays open, and its content.

    Raises:
        OSError: something else arrived, or the end, or a damaged answer.
    """
    version, _, rest = _line(arriving).partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise OSError("no answer in HTTP/1")
    headers: dict[bytes, bytes] = {}
    for _ in range(_MOST_LINES):
        if not (line := _line(arriving)):
            break
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    else:
        raise OSError("too many headers")
    stays = version == b"HTTP/1.1" and headers.get(b"connection", b"").lower() != b"close"
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        content = b"".join(_chunks(arriving))
    elif (length := headers.get(b"content-length", b"")).isdigit():
        content = _exactly(arriving, int(length))
    else:
        stays, content = False, arriving.read()
    # DynamoDB tells the checksum of each answer.
    if (told := headers.get(b"x-amz-crc32", b"")).isdigit() and crc32(content) != int(told):
        raise OSError("the answer was damaged on its way")
    return int(status), stays, content


def _chunks(arriving: BinaryIO) -> list[bytes]:
    chunks = []
    while True:
        try:
            size = int(_line(arriving).partition(b";")[0], 16)
        except ValueError:
            raise OSError("a chunk without a size") from None
        if size == 0:
            break
        chunks.append(_exactly(arriving, size))
        _line(arriving)
    while _line(arriving):
        pass
    return chunks


def _line(arriving: BinaryIO) -> bytes:
    line = arriving.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise OSError("the connection was closed, or a line is too long")
    return line.rstrip(b"\r\n")


def _exactly(arriving: BinaryIO, size: int) -> bytes:
    content = arriving.read(size)
    if len(content) < size:
        raise OSError("the connection was closed")
    return content


def _told(operation: str, content: bytes) -> dict[str, Any]:
    """What the content of an answer tells.

    Raises:
        OSError: it is not what a service tells. An empty answer must not pass for "there is no such item".
    """
    if not content and operation in _WITHOUT_ANSWER:
        return {}
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise OSError("the answer is no object in JSON")
    return told


def _refusal(status: int, content: bytes, operation: str) -> ClientError:
    """What botocore raises for such an answer."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    answer: dict[str, Any] = told if isinstance(told, dict) else {}
    # Something in front of the service answers without a code.
    unnamed = "ServiceUnavailable" if status >= 500 else str(status)
    code = str(answer.pop("__type", "") or unnamed).rpartition("#")[2]
    message = answer.pop("message", "") or answer.pop("Message", "")
    metadata = {"HTTPStatusCode": status}
    response: Any = {**answer, "Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(response, operation)
