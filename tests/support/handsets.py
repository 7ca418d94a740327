"""The phones of a local run without a run: botocore's real clients on one side, handsets' owner on the other."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from local.http.server import Request, Response
from local.phones.account import Account, Own
from local.phones.carrier import PHONES_PATH
from local.phones.pictures import Picture
from local.phones.run import put_together
from local.phones.schedule import Disorder, Schedule
from local.process.plan import SMS_VOICE_PATH as SMS_PATH
from local.process.plan import SOCIAL_MESSAGING_PATH as WHATSAPP_PATH
from tests.support.fakes import AUTH_TOKEN
from tests.support.waiting import until

OWNER = "AC" + "a" * 32
NUMBER, OTHER_NUMBER, SENDER = "+12025550143", "+12025550178", "whatsapp:+12025550143"
INBOUND, RECEIPTS = "arn:aws:sns:us-east-1:000000000000:Inbound", "arn:aws:sns:us-east-1:000000000000:Receipts"
ROLE = "arn:aws:iam::000000000000:role/TwoWay"
OWN = Own(
    numbers=(NUMBER, OTHER_NUMBER),
    senders=(SENDER,),
    inbound=INBOUND,
    role=ROLE,
    receipts=RECEIPTS,
    configuration_set="set",
    protection="protect-1",
    countries=frozenset({"US", "CA", "DE"}),
)
BOUNDARY = 1_760_000_000.0
_PATHS = {"pinpoint-sms-voice-v2": SMS_PATH, "socialmessaging": WHATSAPP_PATH}


class BucketsInMemory:
    """S3 as a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Picture] = {}

    def fetch(self, bucket: str, key: str) -> Picture | None:
        return self.objects.get((bucket, key))

    def put(self, bucket: str, key: str, picture: Picture) -> bool:
        self.objects[bucket, key] = picture
        return bucket != "closed"


class AtOnce(Schedule):
    """Tells everything as soon as it is planned, in the thread that plans it."""

    def after(self, delay: float, act: Callable[[], None]) -> None:
        act()


class Stage:
    """The phones of a run. AWS's events are in `published`, the simulated carrier's reports in `queued`."""

    def __init__(
        self,
        own: Own = OWN,
        disorder: Disorder | None = None,
        file: Path | None = None,
        now: Callable[[], float] | None = None,
        kind: type[Schedule] = Schedule,
    ) -> None:
        self.queued: list[tuple[dict[str, Any], int]] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.buckets = BucketsInMemory()
        self.now = BOUNDARY
        self.account = Account(own, file, now or (lambda: self.now))
        self.phones = put_together(
            OWNER,
            lambda: (AUTH_TOKEN,),
            lambda entry, delay: self.queued.append((entry, delay)),
            kind(lambda topic, document: self.published.append((topic, document)), disorder),
            self.buckets,
            self.account,
            step=0.0,
        )

    # As Parley.

    def client(self, service: str) -> Any:
        """botocore's client of a service, whose requests the stand-in answers."""
        made = _session().create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            endpoint_url=f"http://127.0.0.1{_PATHS[service]}",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        made.meta.events.register("before-send", self._answer)
        return made

    @property
    def sms(self) -> Any:
        return self.client("pinpoint-sms-voice-v2")

    @property
    def social(self) -> Any:
        return self.client("socialmessaging")

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        parts, body = urlsplit(request.url), request.body or b""
        headers = [(name, _text(value)) for name, value in request.headers.items()]
        body = body.encode() if isinstance(body, str) else bytes(body)
        answer = self.phones.aws.answer(
            Request(request.method, parts.path, parts.query, headers, body, ("127.0.0.1", 1), 1)
        )
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(answer.body))

    # As the owner.

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] = b"",
        kind: str = "application/json",
        query: Mapping[str, str] | None = None,
        password: str = AUTH_TOKEN,
    ) -> Response:
        """Ask for a path below `/_phones/`, as whoever has the password."""
        basic = base64.b64encode(f"{OWNER}:{password}".encode()).decode()
        headers = [("Authorization", f"Basic {basic}"), ("Content-Type", kind), ("Host", "127.0.0.1:8080")]
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        whole = PHONES_PATH + quote(path)
        asked = Request(method, whole, urlencode(query or {}), headers, sent, ("127.0.0.1", 1), 8080)
        return answered(self.phones.owner.respond(asked))

    def handset(self, address: str) -> dict[str, Any]:
        """A handset as its owner sees it."""
        shown: dict[str, Any] = json.loads(self.ask("GET", address).body)
        return shown

    def thread(self, address: str) -> list[tuple[Any, ...]]:
        """A handset's messages: direction, text and status."""
        return [(one["direction"], one["body"], one.get("status")) for one in self.handset(address)["messages"]]

    def write(self, phone: str, to: str, body: str) -> dict[str, Any]:
        """Write as a phone."""
        answer = self.ask("POST", phone, {"To": to, "Body": body})
        assert answer.status == 201, answer.body
        written: dict[str, Any] = json.loads(answer.body)
        return written

    def switch(self, phone: str, **switches: bool) -> None:
        assert self.ask("POST", f"{phone}/switches", switches).status == 200

    def heard(self, count: int) -> list[dict[str, Any]]:
        """All events so far, once there are so many."""
        until(lambda: len(self.published) >= count)
        return [document for _, document in self.published]

    def statuses(self, count: int) -> list[str]:
        """What AWS has told of texts, once it has told so much."""
        return [event["eventType"] for event in self.heard(count)]

    def whatsapp(self, count: int) -> list[dict[str, Any]]:
        """What Meta has told, once it has told so much."""
        entries = [json.loads(event["whatsAppWebhookEntry"]) for event in self.heard(count)]
        found: list[dict[str, Any]] = [entry["changes"][0]["value"] for entry in entries]
        return found


@contextmanager
def refused(name: str, reason: str | None = None) -> Iterator[None]:
    """Inside, AWS refuses the request with this error."""
    with pytest.raises(ClientError) as found:
        yield
    told = found.value.response
    assert (told["Error"]["Code"], told.get("Reason")) == (name, reason)


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body


def answered(answer: Any) -> Response:
    """A door's answer, awaited if it comes later."""
    if inspect.isawaitable(answer):

        async def awaited() -> Any:
            return await answer

        answer = asyncio.run(awaited())
    assert isinstance(answer, Response)
    return answer


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()
