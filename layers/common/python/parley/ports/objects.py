"""The object store port: files in one private S3 bucket, and links with which clients store and fetch them.

What a caller may rely on:

- A link is a URL that needs no credentials and works for so many seconds. Making one sends no request, and does not
  tell whether there is an object.
- An upload link binds size, type and content: S3 refuses everything else. It can be used more than once, always with
  the same bytes. It also works after the object was deleted, until it ends.
- Each request has a time limit. If no answer comes, or S3 answers that it cannot do it now, the request is repeated
  after pauses. In the end it is refused (`UNAVAILABLE`). All requests can be repeated without harm.
- Safe to use from several threads, which share kept connections.

botocore's client of S3 would cost each cold start a tenth of a second, mostly to read descriptions of operations that
nobody uses. This port uses only botocore's signer and HTTP connections.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionError as NotConnected
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from parley.clock import Clock
from parley.errors import UNAVAILABLE

CONNECT_SECONDS, READ_SECONDS = 1, 4
ATTEMPTS = 5
PATIENCE_SECONDS = 5
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0
# The longest that one request can take: the last attempt begins just in time, and gets no answer.
LONGEST_REQUEST_SECONDS = PATIENCE_SECONDS + LONGEST_PAUSE_SECONDS + CONNECT_SECONDS + READ_SECONDS

_BUSY = (429, 500, 502, 503, 504)
# S3 did not get the body in time, which it blames on the request.
_TOO_SLOW = (400, "RequestTimeout")
# Without the right to list the bucket, S3 says 403 of an object that is not there, and not 404.
_ABSENT = (403, 404)
_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")

Link = tuple[str, dict[str, str]]
"""A URL, and the headers with which it must be asked."""


class Facts(NamedTuple):
    """What is known of a stored object."""

    size: int
    content_type: str


class NotStored(Exception):
    """S3 refused a request that should be right: a missing permission, a missing bucket. `code` is S3's own."""

    def __init__(self, method: str, status: int, code: str) -> None:
        super().__init__(f"{method}: {status} {code}")
        self.status = status
        self.code = code


class Objects:
    """One bucket. Keys are made of letters, digits and slashes."""

    def __init__(
        self,
        bucket: str,
        region: str,
        credentials: Callable[[], Any],
        *,
        endpoint: str = "",
        links: str = "",
        session: Any = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Reach `bucket` in a Region of AWS, or at another server.

        Args:
            credentials: Answers as botocore's `get_frozen_credentials` does.
            endpoint: The URL of another server, which finds the bucket's name in the path.
            links: The URL under which others reach that server through a proxy. The proxy passes on the host, and takes
                this URL's path away. So signatures do not cover that path.
            session: Sends prepared requests, as botocore's `URLLib3Session` does.
        """
        self._region = region
        self._credentials = credentials
        self._session = session
        self._clock = clock or Clock()
        self._jitter = jitter
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self.bucket = bucket
        self._url = f"{endpoint}/{bucket}/" if endpoint else f"https://{bucket}.s3.{region}.{suffix}/"
        self._link_url = self._signed_url = self._url
        if links:
            self._link_url = f"{links}/{bucket}/"
            self._signed_url = "{0.scheme}://{0.netloc}/{1}/".format(urlsplit(links), bucket)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store an object in place of one that may be there."""
        answer = self._ask("PUT", key, body=body, headers={"Content-Type": content_type})
        if answer.status_code != 200:
            raise _failed("PUT", answer)

    def look(self, key: str) -> Facts | None:
        """What is known of an object; None if there is none."""
        answer = self._ask("HEAD", key)
        if answer.status_code in _ABSENT:
            return None
        if answer.status_code != 200:
            raise _failed("HEAD", answer)
        return Facts(int(answer.headers["content-length"]), answer.headers.get("content-type", ""))

    def tags(self, key: str) -> Mapping[str, str]:
        """An object's tags by name; an object that is not there has none."""
        answer = self._ask("GET", f"{key}?tagging")
        if answer.status_code in _ABSENT:
            return {}
        if answer.status_code != 200:
            raise _failed("GET", answer)
        return {
            tag.findtext("{*}Key", ""): tag.findtext("{*}Value", "")
            # S3 itself wrote it.
            for tag in ElementTree.fromstring(answer.content).iter()  # nosec B314
            if tag.tag.endswith("Tag")
        }

    def find(self, prefix: str) -> str | None:
        """The key of the first object whose key begins with a prefix; None if there is none."""
        answer = self._ask("GET", f"?list-type=2&max-keys=1&prefix={quote(prefix, safe='')}")
        if answer.status_code != 200:
            raise _failed("GET", answer)
        # S3 itself wrote it.
        return ElementTree.fromstring(answer.content).findtext("{*}Contents/{*}Key")  # nosec B314

    def copy(self, source: str, key: str, content_type: str) -> None:
        """Store an object of the bucket under another key too, without its tags; it has at most 5 GB."""
        headers = {
            "Content-Type": content_type,
            "x-amz-copy-source": f"/{self.bucket}/{_quoted(source)}",
            "x-amz-metadata-directive": "REPLACE",
            "x-amz-tagging-directive": "REPLACE",
        }
        answer = self._ask("PUT", key, headers=headers)
        # S3 may say in the body only that it has failed.
        if answer.status_code != 200 or b"CopyObjectResult" not in (answer.content or b""):
            raise _failed("PUT", answer)

    def delete(self, key: str) -> None:
        """Delete an object; it is no error if there is none."""
        answer = self._ask("DELETE", key)
        if answer.status_code not in (200, 204, 404):
            raise _failed("DELETE", answer)

    def upload_link(self, key: str, *, size: int, content_type: str, sha256: str, seconds: int) -> Link:
        """The link to which a client PUTs exactly these bytes, and the headers that it must send.

        `sha256` is the digest as 64 hex digits. HTTP clients send `Content-Length` unasked: it is left out here.
        """
        headers = {
            "Content-Type": content_type,
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        # botocore does not sign one spelling of a form's type, because requests have it by default. The blank in front
        # makes it another spelling, and is not signed itself.
        signed = {**headers, "Content-Type": f" {content_type}", "Content-Length": str(size)}
        return self._link("PUT", key, signed, {}, seconds), headers

    def download_link(
        self, key: str, *, method: Literal["GET", "HEAD"], content_type: str, disposition: str, seconds: int
    ) -> str:
        """The link to an object, which is answered with this type and this `Content-Disposition`."""
        told = {"response-content-disposition": disposition, "response-content-type": content_type}
        return self._link(method, key, {}, told, seconds)

    def _link(
        self, method: str, key: str, headers: Mapping[str, str], parameters: Mapping[str, str], seconds: int
    ) -> str:
        request = AWSRequest(method, self._signed_url + _quoted(key), dict(headers), params=dict(parameters))
        self._sign(S3SigV4QueryAuth(self._credentials(), "s3", self._region, seconds), request)
        return self._link_url + str(request.url).removeprefix(self._signed_url)

    def _ask(self, method: str, key: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """S3's answer to a request, which is repeated while S3 cannot answer."""
        over_ms = self._clock.now_ms() + PATIENCE_SECONDS * 1000
        for attempt in range(ATTEMPTS):
            answer = self._attempt(method, key, body, headers or {})
            if answer is not None and not _is_busy(answer):
                return answer
            if self._clock.now_ms() >= over_ms:
                break
            if attempt < ATTEMPTS - 1:
                pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
                self._clock.sleep(pause * (0.5 + self._jitter() / 2))
        raise UNAVAILABLE()

    def _attempt(self, method: str, key: str, body: bytes, headers: Mapping[str, str]) -> Any:
        """One answer; None if there was none."""
        if self._session is None:
            self._session = URLLib3Session(timeout=(CONNECT_SECONDS, READ_SECONDS))
        path, _, query = key.partition("?")
        request = AWSRequest(method, self._url + _quoted(path) + (query and f"?{query}"), dict(headers), body)
        self._sign(S3SigV4Auth(self._credentials(), "s3", self._region), request)
        try:
            return self._session.send(request.prepare())
        except (NotConnected, HTTPClientError):
            return None

    def _sign(self, auth: Any, request: AWSRequest) -> None:
        """What the signer's `add_auth` does, at this port's time: that would ask the system for it."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
        auth._modify_request_before_signing(request)
        to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        auth._inject_signature_to_request(request, auth.signature(to_sign, request))


def _quoted(key: str) -> str:
    return quote(key, safe="/-_.~")


def _is_busy(answer: Any) -> bool:
    return answer.status_code in _BUSY or (answer.status_code, _code(answer)) == _TOO_SLOW


def _failed(method: str, answer: Any) -> NotStored:
    return NotStored(method, answer.status_code, _code(answer))


def _code(answer: Any) -> str:
    found = _CODE.search(answer.content or b"")
    return found[1].decode() if found else ""
