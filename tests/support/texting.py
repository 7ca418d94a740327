"""AWS End User Messaging without AWS: a port in memory, and a server that checks requests against botocore's models."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from botocore.validate import ParamValidator

from parley.ports.aws import AwsClient
from parley.ports.texting import SMS_SERVICE, WHATSAPP_SERVICE, Fetched, Text
from parley.settings import Credentials

REGION = "us-east-1"
KEYS = Credentials("AKID", "secret")

Meddle = Callable[["Sent"], Exception | None]


class Sent(NamedTuple):
    """A request as the port was asked: `how` is the port's method, `what` the message of WhatsApp."""

    how: str
    sender: str
    to: str
    body: str = ""
    context: Mapping[str, str] = {}
    file: str = ""
    what: Mapping[str, Any] = {}


@dataclass
class FakeTexting:
    """The port in memory. It counts ids up; `meddle` may name an exception to raise in place of an answer.

    If the exception is raised after AWS has taken the text, the text is in `sent` all the same: `is_lost` says so.
    """

    sent: list[Sent] = field(default_factory=list)
    meddle: Meddle = lambda sent: None
    is_lost: bool = False
    files: dict[str, Fetched] = field(default_factory=dict)

    def _take(self, sent: Sent, prefix: str) -> str:
        error = self.meddle(sent)
        if error is None or self.is_lost:
            self.sent.append(sent)
        if error is not None:
            raise error
        return f"{prefix}{len(self.sent)}"

    def send_text(self, text: Text) -> str:
        return self._take(Sent("send_text", *text), "sms-")

    def send_media(self, text: Text, url: str) -> str:
        return self._take(Sent("send_media", *text, url), "mms-")

    def send_whatsapp(self, sender: str, message: Mapping[str, Any]) -> str:
        return self._take(Sent("send_whatsapp", sender, str(message["to"]), what=message), "wamid.")

    def upload_media(self, sender: str, bucket: str, key: str) -> str:
        return self._take(Sent("upload_media", sender, "", file=f"s3://{bucket}/{key}"), "media")

    def look_at_media(self, sender: str, media_id: str) -> Fetched:
        return self.files[media_id]

    def fetch_media(self, sender: str, media_id: str, bucket: str, prefix: str) -> Fetched:
        self._take(Sent("fetch_media", sender, "", file=f"s3://{bucket}/{prefix}"), "")
        return self.files[media_id]


@dataclass
class Wire:
    """A server that answers as AWS's two services do. A request that does not fit botocore's models fails the test.

    `refusals` are answered first: status, exception, reason. A status of 0 closes the connection without an answer.
    """

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)

    def make_client(self, service: str) -> Any:
        if service == SMS_SERVICE:
            return AwsClient(service, REGION, lambda: KEYS, endpoint=self.url, attempts=1)
        from botocore.config import Config

        from parley.ports.texting import CLIENT_CONFIG

        config = Config(parameter_validation=False, **CLIENT_CONFIG)
        return _session().create_client(service, REGION, None, True, None, self.url, *KEYS, config=config)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        given = json.loads(body)
        service, operation = _operation(path, headers)
        if operation == "SendWhatsAppMessage":
            given["message"] = base64.b64decode(given["message"])
        self.wrong += _faults(service, operation, given)
        self.asked.append((operation, given))
        if self.refusals:
            status, exception, reason = self.refusals.pop(0)
            told = {"__type": exception, "Message": "words", **({"Reason": reason} if reason else {})}
            return status, {"x-amzn-errortype": exception}, told
        return 200, {}, _ANSWERS[operation]


_PATHS = {
    "/v1/whatsapp/send": "SendWhatsAppMessage",
    "/v1/whatsapp/media": "PostWhatsAppMessageMedia",
    "/v1/whatsapp/media/get": "GetWhatsAppMessageMedia",
}
_ANSWERS: dict[str, dict[str, Any]] = {
    "SendTextMessage": {"MessageId": "sms-1"},
    "SendMediaMessage": {"MessageId": "mms-1"},
    "SendWhatsAppMessage": {"messageId": "wamid.1"},
    "PostWhatsAppMessageMedia": {"mediaId": "media1"},
    "GetWhatsAppMessageMedia": {"mimeType": "image/jpeg", "fileSize": 78144},
}


def _operation(path: str, headers: Mapping[str, str]) -> tuple[str, str]:
    if path in _PATHS:
        return WHATSAPP_SERVICE, _PATHS[path]
    target, _, operation = headers["X-Amz-Target"].partition(".")
    assert target == "PinpointSMSVoiceV2", target
    return SMS_SERVICE, operation


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


def _faults(service: str, operation: str, given: dict[str, Any]) -> list[str]:
    """What is wrong with a request: members, types, lengths, and the patterns that botocore itself does not check."""
    shape = _model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(given, shape)
    found = [report.generate_report()] if report.has_errors() else []
    unknown = [f"{name} is no member" for name in given if name not in shape.members]
    return (
        found + unknown + [fault for name in given if name in shape.members for fault in _strange(name, given, shape)]
    )


def _strange(name: str, given: dict[str, Any], shape: Any) -> Iterator[str]:
    member, value = shape.members[name], given[name]
    pattern, longest = member.metadata.get("pattern"), member.metadata.get("max")
    if pattern and not re.fullmatch(pattern, value):
        yield f"{name}: {value!r} does not match {pattern}"
    if longest is not None and isinstance(value, str | list | dict) and len(value) > longest:
        yield f"{name}: longer than {longest}"
    listed = getattr(member, "enum", None)
    if listed and value not in listed:
        yield f"{name}: {value!r} is none of {listed}"


@contextmanager
def wire() -> Iterator[Wire]:
    """AWS's two services on a port of loopback; afterwards no request may have been wrong."""
    made = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, told = made.answer(self.path, self.headers, body)
            if not status:
                self.close_connection = True
                return
            content = json.dumps(told).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
        assert made.wrong == []
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
