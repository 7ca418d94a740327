"""AWS Signature Version 4 for many small requests to one host.

Everything that does not change from one request to the next is worked out once: the derived key once a day, the date,
the scope and the shape of the signed headers once a second. Each request then takes one SHA-256 and one HMAC. The
Authorization header is byte for byte the one botocore would have sent with the same signed headers (`host`,
`x-amz-date`, with temporary credentials `x-amz-security-token`, and those that the signer is given).
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    """What botocore's `get_frozen_credentials` answers with."""

    @property
    def access_key(self) -> str: ...

    @property
    def secret_key(self) -> str: ...

    @property
    def token(self) -> str | None: ...


class _Stamp(NamedTuple):
    """The parts of a signature that all requests of one second share."""

    second: int
    key: bytes
    canonical_headers: str
    to_sign: str
    headers: str


class Signer:
    """Sign requests to `host` with one set of credentials; make a new one when the credentials change.

    `headers` are the same in each request. They are sent and signed; their names are in lower case.
    """

    def __init__(
        self, credentials: Credentials, region: str, service: str, host: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.credentials = credentials
        self._region = region
        self._service = service
        self._fixed = {"host": host, **(headers or {})}
        self._day_key: tuple[str, bytes] = ("", b"")
        self._stamp: _Stamp | None = None

    def headers(self, method: str, canonical_path: str, body_hash: str, now: float) -> str:
        """Return the header lines, Host included and each ending in CRLF, that sign this request at `now`."""
        stamp = self._stamp
        if stamp is None or stamp.second != int(now):
            stamp = self._stamp = self._stamp_at(int(now))
        canonical = f"{method}\n{canonical_path}\n{stamp.canonical_headers}{body_hash}"
        to_sign = stamp.to_sign + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(stamp.key, to_sign.encode(), "sha256").hex()
        return f"{stamp.headers}{signature}\r\n"

    def _stamp_at(self, second: int) -> _Stamp:
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        day = date[:8]
        # Around midnight, another thread may set the key of another day.
        day_key = self._day_key
        if day_key[0] != day:
            day_key = self._day_key = (day, self._derive_key(day))
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        token = {"x-amz-security-token": self.credentials.token} if self.credentials.token else {}
        lines = sorted((self._fixed | {"x-amz-date": date} | token).items())
        names = ";".join(name for name, _ in lines)
        return _Stamp(
            second=second,
            key=day_key[1],
            # The empty line before the headers is the query string, the one after them ends the list.
            canonical_headers="\n" + "".join(f"{name}:{value}\n" for name, value in lines) + f"\n{names}\n",
            to_sign=f"{ALGORITHM}\n{date}\n{scope}\n",
            headers="".join(f"{name.title()}: {value}\r\n" for name, value in lines)
            + f"Authorization: {ALGORITHM} Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature=",
        )

    def _derive_key(self, day: str) -> bytes:
        key = ("AWS4" + self.credentials.secret_key).encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def canonical_path(path: str) -> str:
    """Encode an already encoded path once more, as every service but S3 wants it in the canonical request."""
    return quote(path, safe="/-_.~")
