"""The object store port: what operations and clients may rely on, on moto, on MiniStack, and through the local gateway.

moto does not judge links, so what is refused is asked of MiniStack only.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from local.emulators.engine import Endpoints
from local.emulators.provision import provision_buckets
from local.gateway.objects import ObjectsFront
from local.gateway.sockets import Limits
from local.template.template import Template
from parley.clock import Clock
from parley.errors import UNAVAILABLE, Refusal
from parley.ports.objects import ATTEMPTS, LONGEST_REQUEST_SECONDS, PATIENCE_SECONDS, Facts, NotStored, Objects
from parley.store import patience
from tests.local.conftest import RunningGateway
from tests.support.fakes import FakeClock
from tests.support.objects import CREDENTIALS, REGION, Answer, ObjectStore

KEY = "IS0123456789abcdef0123456789abcdef/ME0123456789abcdef0123456789abcdef"
BODY = b"a small picture"
SHA256 = hashlib.sha256(BODY).hexdigest()
PNG = "image/png"

Ask = Callable[..., Answer]


class Place:
    """An object store: the port to it, and the way in which clients follow links."""

    def __init__(self, make: Callable[..., Objects], ask: Ask) -> None:
        self.make = make
        self.port = make()
        self.ask = ask

    def upload(self, port: Objects | None = None, **deviating: Any) -> tuple[str, dict[str, str]]:
        """A link for the picture."""
        given = {"size": len(BODY), "content_type": PNG, "sha256": SHA256, "seconds": 900, **deviating}
        return (port or self.port).upload_link(KEY, **given)

    def download(self, port: Objects | None = None, **deviating: Any) -> str:
        """A link to the picture."""
        given = {"method": "GET", "content_type": PNG, "disposition": "inline", "seconds": 900, **deviating}
        return (port or self.port).download_link(KEY, **given)


def ask_over_http(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=20)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


@pytest.fixture(scope="session")
def bucket(aws: Endpoints, template: Template) -> str:
    """The template's bucket in MiniStack."""
    provision_buckets(template, aws)
    return template.buckets()[0].name


@pytest.fixture(scope="session")
def front(aws: Endpoints, bucket: str) -> Iterator[str]:
    """The URL under which a gateway passes links on to MiniStack."""
    with contextlib.closing(RunningGateway(Limits(), objects=ObjectsFront(aws.ministack, (bucket,)))) as running:
        yield f"http://127.0.0.1:{running.port}/_aws/s3"


def emulated(aws: Endpoints, bucket: str, **more: Any) -> Place:
    place = Place(lambda **other: objects(bucket, endpoint=aws.ministack, **more, **other), ask_over_http)
    place.port.delete(KEY)
    return place


@pytest.fixture(params=["moto", "ministack", "gateway"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each object store in turn, without the picture."""
    if request.param == "moto":
        store = ObjectStore(f"media-{hashlib.sha1(request.node.nodeid.encode()).hexdigest()}")
        store.port.delete(KEY)
        return Place(lambda **other: objects(store.bucket, session=store.session, **other), store.ask)
    aws, bucket = request.getfixturevalue("aws"), request.getfixturevalue("bucket")
    links = {"links": request.getfixturevalue("front")} if request.param == "gateway" else {}
    return emulated(aws, bucket, **links)


@pytest.fixture(params=["ministack", "gateway"])
def judge(request: pytest.FixtureRequest, aws: Endpoints, bucket: str) -> Place:
    """An object store that judges links."""
    links = {"links": request.getfixturevalue("front")} if request.param == "gateway" else {}
    return emulated(aws, bucket, **links)


def objects(bucket: str = "files", **more: Any) -> Objects:
    return Objects(bucket, REGION, lambda: CREDENTIALS, **more)


# Requests.


def test_a_stored_object_is_known_by_its_size_and_type(place: Place):
    place.port.put(KEY, BODY, PNG)
    assert place.port.look(KEY) == Facts(len(BODY), PNG)


def test_an_object_that_was_never_stored_is_not_known(place: Place):
    assert place.port.look(KEY) is None
    assert place.port.tags(KEY) == {}


def test_storing_twice_leaves_the_later_object(place: Place):
    place.port.put(KEY, b"before", "text/plain")
    place.port.put(KEY, BODY, PNG)
    assert place.port.look(KEY) == Facts(len(BODY), PNG)


def test_a_deleted_object_is_gone_and_can_be_deleted_again(place: Place):
    place.port.put(KEY, BODY, PNG)
    place.port.delete(KEY)
    place.port.delete(KEY)
    assert place.port.look(KEY) is None
    # S3 says 403 if the signer may not list the bucket.
    assert place.ask("GET", place.download()).status in (403, 404)


def test_an_object_is_found_by_the_beginning_of_its_key(place: Place):
    place.port.put("inbound/ME1/785.jpeg", BODY, PNG)
    place.port.put("inbound/ME2/786 &+.ogg", BODY, PNG)
    assert place.port.find("inbound/ME1/") == "inbound/ME1/785.jpeg"
    assert place.port.find("inbound/ME2/") == "inbound/ME2/786 &+.ogg"
    assert place.port.find("inbound/ME3/") is None


def test_a_copied_object_is_there_twice_with_a_type_of_its_own(place: Place):
    source = "inbound/ME1/786 &+.ogg"
    place.port.put(source, BODY, "audio/ogg")
    place.port.copy(source, KEY, PNG)
    assert place.port.look(KEY) == Facts(len(BODY), PNG)
    assert place.port.look(source) == Facts(len(BODY), "audio/ogg")
    assert place.ask("GET", place.download()).body == BODY


def test_a_copy_leaves_the_tags_of_a_scanner_behind():
    store = ObjectStore("media-tagged")
    store.port.put("inbound/ME1/785", BODY, PNG)
    store.tag("inbound/ME1/785", {"GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"})
    store.port.copy("inbound/ME1/785", KEY, PNG)
    assert store.port.tags(KEY) == {}


def test_an_object_that_is_not_there_cannot_be_copied(place: Place):
    with pytest.raises(NotStored):
        place.port.copy("inbound/ME9/785", KEY, PNG)


def test_a_copy_that_failed_behind_a_good_status_is_an_error():
    port = objects(session=Scripted((200, b"<Error><Code>AccessDenied</Code></Error>")))
    with pytest.raises(NotStored) as error:
        port.copy("inbound/ME1/785", KEY, PNG)
    assert error.value.code == "AccessDenied"


def test_a_new_object_has_no_tags(place: Place):
    place.port.put(KEY, BODY, PNG)
    assert place.port.tags(KEY) == {}


def test_tags_that_a_scanner_gave_are_read():
    store = ObjectStore("media-tagged")
    store.port.put(KEY, BODY, PNG)
    store.tag(KEY, {"GuardDutyMalwareScanStatus": "NO_THREATS_FOUND", "other": "a+b"})
    assert store.port.tags(KEY) == {"GuardDutyMalwareScanStatus": "NO_THREATS_FOUND", "other": "a+b"}


# Links.


def test_a_client_stores_with_a_link(place: Place):
    url, headers = place.upload()
    assert place.ask("PUT", url, headers, BODY).status == 200
    assert place.port.look(KEY) == Facts(len(BODY), PNG)


def test_a_link_can_be_used_again_with_the_same_file(place: Place):
    url, headers = place.upload()
    assert [place.ask("PUT", url, headers, BODY).status for _ in range(2)] == [200, 200]
    assert place.port.look(KEY) == Facts(len(BODY), PNG)


def test_a_client_fetches_with_a_link_and_is_told_the_type_and_what_to_do(place: Place):
    place.port.put(KEY, BODY, "application/octet-stream")
    disposition = "attachment; filename=\"b c.png\"; filename*=UTF-8''b%20c.png"
    answer = place.ask("GET", place.download(disposition=disposition))
    assert (answer.status, answer.body) == (200, BODY)
    assert (answer.headers["content-type"], answer.headers["content-disposition"]) == (PNG, disposition)


def test_a_client_looks_with_a_link_made_for_that(place: Place):
    place.port.put(KEY, BODY, PNG)
    answer = place.ask("HEAD", place.download(method="HEAD"))
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(BODY)))


def test_a_client_fetches_a_part(place: Place):
    place.port.put(KEY, BODY, PNG)
    answer = place.ask("GET", place.download(), {"Range": "bytes=2-6"})
    assert (answer.status, answer.body) == (206, BODY[2:7])
    assert answer.headers["content-range"] == f"bytes 2-6/{len(BODY)}"


def test_a_part_behind_the_end_is_refused(place: Place):
    place.port.put(KEY, BODY, PNG)
    assert place.ask("GET", place.download(), {"Range": "bytes=99-"}).status == 416


def refused(place: Place, status: int, *request: Any) -> None:
    """Check that a request is refused and stores nothing."""
    assert place.ask(*request).status == status
    assert place.port.look(KEY) is None


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b"!", b""])
def test_an_upload_of_another_length_is_refused(judge: Place, body: bytes):
    url, headers = judge.upload()
    refused(judge, 403, "PUT", url, headers, body)


FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("announced", "sent"), [(PNG, "text/html"), (PNG, f"{PNG}; charset=utf-8"), (PNG, FORM), (FORM, "text/html")]
)
def test_an_upload_of_another_type_is_refused(judge: Place, announced: str, sent: str):
    url, headers = judge.upload(content_type=announced)
    refused(judge, 403, "PUT", url, {**headers, "Content-Type": sent}, BODY)


@pytest.mark.parametrize("content_type", [FORM, 'text/plain; charset="utf-8";  format=flowed', "a/b"])
def test_any_type_can_be_announced(place: Place, content_type: str):
    url, headers = place.upload(content_type=content_type)
    assert place.ask("PUT", url, headers, BODY).status == 200


def test_an_upload_of_other_bytes_is_refused(judge: Place):
    url, headers = judge.upload()
    refused(judge, 400, "PUT", url, headers, BODY[::-1])


def test_an_upload_that_claims_another_digest_is_refused(judge: Place):
    url, headers = judge.upload()
    other = judge.upload(sha256=hashlib.sha256(BODY[::-1]).hexdigest())[1]
    refused(judge, 403, "PUT", url, headers | other, BODY[::-1])


@pytest.mark.parametrize("header", ["Content-Type", "x-amz-checksum-sha256"])
def test_an_upload_without_one_of_the_headers_is_refused(judge: Place, header: str):
    url, headers = judge.upload()
    refused(judge, 403, "PUT", url, {name: value for name, value in headers.items() if name != header}, BODY)


def test_a_link_to_store_is_refused_when_its_time_is_over(judge: Place):
    url, headers = judge.upload(judge.make(clock=FakeClock(Clock().now_ms() - 901_000)))
    refused(judge, 403, "PUT", url, headers, BODY)


def test_a_link_to_fetch_is_refused_when_its_time_is_over(judge: Place):
    judge.port.put(KEY, BODY, PNG)
    over, not_yet = (judge.make(clock=FakeClock(Clock().now_ms() - ago)) for ago in (61_000, 30_000))
    assert judge.ask("GET", judge.download(over, seconds=60)).status == 403
    assert judge.ask("GET", judge.download(not_yet, seconds=60)).status == 200


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/ME0", "/ME1"),
        ("X-Amz-Expires=900", "X-Amz-Expires=9000"),
        ("image%2Fpng", "text%2Fhtml"),
        ("=inline", "=attachment"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_link_that_was_changed_is_refused(judge: Place, before: str, after: str):
    for key in (KEY, KEY.replace("/ME0", "/ME1")):
        judge.port.put(key, BODY, PNG)
    link = judge.download()
    assert judge.ask("GET", link).status == 200
    assert judge.ask("GET", link.replace(before, after)).status == 403


def test_a_link_to_fetch_is_for_nothing_else(judge: Place):
    link = judge.download()
    for method in ("PUT", "HEAD"):
        refused(judge, 403, method, link, {}, BODY if method == "PUT" else b"")


def test_a_link_of_others_is_refused(judge: Place):
    stranger = SimpleNamespace(access_key="test", secret_key="guessed", token=None)
    bucket = urlsplit(judge.download()).path.split("/")[-3]
    forged = urlsplit(
        Objects(bucket, REGION, lambda: stranger, endpoint="http://x").download_link(
            KEY, method="GET", content_type=PNG, disposition="inline", seconds=900
        )
    ).query
    judge.port.put(KEY, BODY, PNG)
    assert judge.ask("GET", f"{judge.download().partition('?')[0]}?{forged}").status == 403


# Addresses.


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "files.s3.eu-central-1.amazonaws.com"),
        ("cn-north-1", "files.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_on_aws_the_bucket_is_the_first_part_of_the_host(region: str, host: str):
    port = Objects("files", region, lambda: CREDENTIALS)
    link = urlsplit(port.download_link(KEY, method="GET", content_type=PNG, disposition="inline", seconds=60))
    assert (link.scheme, link.netloc, link.path) == ("https", host, f"/{KEY}")
    assert parse_qs(link.query)["X-Amz-Credential"][0].endswith(f"/{region}/s3/aws4_request")


def test_a_link_carries_the_token_of_temporary_credentials():
    temporary = SimpleNamespace(access_key="test", secret_key="test", token="a token/+=")
    port = Objects("files", REGION, lambda: temporary)
    link = port.download_link(KEY, method="GET", content_type=PNG, disposition="inline", seconds=60)
    assert parse_qs(urlsplit(link).query)["X-Amz-Security-Token"] == ["a token/+="]


def test_a_link_begins_at_the_ports_time_and_lasts_as_long_as_was_asked():
    port = objects(clock=FakeClock(1_768_478_400_000))
    link = port.download_link(KEY, method="GET", content_type=PNG, disposition="inline", seconds=321)
    parameters = parse_qs(urlsplit(link).query)
    assert (parameters["X-Amz-Date"], parameters["X-Amz-Expires"]) == (["20260115T120000Z"], ["321"])


def test_the_headers_of_an_upload_are_those_that_a_page_may_set():
    _, headers = objects().upload_link(KEY, size=1, content_type=PNG, sha256="00" * 32, seconds=60)
    assert headers == {"Content-Type": PNG, "x-amz-checksum-sha256": "A" * 43 + "="}


# Answers that do not come, and those that S3 gives when it cannot.


class Scripted:
    """Sends nothing; `script` holds what each request meets: a status with a body, or an exception."""

    def __init__(self, *script: tuple[int, bytes] | Exception) -> None:
        self.script = list(script)
        self.sent = 0

    def send(self, request: Any) -> Any:
        self.sent += 1
        met = self.script.pop(0)
        if isinstance(met, Exception):
            raise met
        status, body = met
        raw = SimpleNamespace(stream=lambda: iter([body]))
        return AWSResponse(request.url, status, http.client.HTTPMessage(), raw)


NO_ANSWER = ReadTimeoutError(endpoint_url="http://x")
SLOW_DOWN = (503, b"<Error><Code>SlowDown</Code></Error>")


@pytest.mark.parametrize(
    "trouble",
    [
        NO_ANSWER,
        EndpointConnectionError(endpoint_url="http://x"),
        SLOW_DOWN,
        (500, b""),
        (429, b""),
        (400, b"<Error><Code>RequestTimeout</Code></Error>"),
    ],
)
def test_a_request_is_repeated_after_a_pause_if_s3_cannot_answer(trouble: Any):
    session, clock = Scripted(trouble, trouble, (204, b"")), FakeClock()
    objects(session=session, clock=clock, jitter=lambda: 1.0).delete(KEY)
    assert session.sent == 3
    assert clock.slept == [0.1, 0.2]


def test_pauses_are_of_random_length():
    session, clock = Scripted(SLOW_DOWN, (204, b"")), FakeClock()
    objects(session=session, clock=clock, jitter=lambda: 0.0).delete(KEY)
    assert clock.slept == [0.05]


@pytest.mark.parametrize("trouble", [NO_ANSWER, SLOW_DOWN])
@pytest.mark.parametrize("act", ["put", "look", "tags", "find", "delete"])
def test_an_object_store_that_stays_silent_is_a_refusal(trouble: Any, act: str):
    session = Scripted(*[trouble] * ATTEMPTS)
    port = objects(session=session, clock=FakeClock())
    arguments = (BODY, PNG) if act == "put" else ()
    with pytest.raises(Refusal) as refusal:
        getattr(port, act)(KEY, *arguments)
    assert refusal.value.error is UNAVAILABLE
    assert session.sent == ATTEMPTS


def test_no_further_attempt_begins_when_patience_is_over():
    clock = FakeClock()

    class Slow(Scripted):
        def send(self, request: Any) -> Any:
            clock.advance(PATIENCE_SECONDS)
            return super().send(request)

    session = Slow(*[SLOW_DOWN] * ATTEMPTS)
    with pytest.raises(Refusal):
        objects(session=session, clock=clock).look(KEY)
    assert session.sent == 1


def test_a_request_without_any_answer_ends_in_time_for_the_rest_function_to_say_so():
    rest_function_seconds = 28
    writes_of_an_upload = 2
    assert LONGEST_REQUEST_SECONDS + writes_of_an_upload * patience.LONGEST_REQUEST_SECONDS < rest_function_seconds


def test_an_unreachable_object_store_is_a_refusal():
    with pytest.raises(Refusal) as refusal:
        objects(endpoint="http://127.0.0.1:1", clock=FakeClock()).look(KEY)
    assert refusal.value.error is UNAVAILABLE


@pytest.mark.parametrize("status", [403, 404])
def test_an_object_that_is_not_there_may_be_called_forbidden(status: int):
    """S3 says so to whoever may not list the bucket."""
    port = objects(session=Scripted((status, b""), (status, b"")))
    assert port.look(KEY) is None
    assert port.tags(KEY) == {}


@pytest.mark.parametrize("act", ["put", "delete"])
def test_a_missing_permission_is_an_error_that_names_s3s_code(act: str):
    port = objects(session=Scripted((403, b"<Error><Code>AccessDenied</Code></Error>")))
    with pytest.raises(NotStored) as error:
        getattr(port, act)(KEY, *((BODY, PNG) if act == "put" else ()))
    assert (error.value.status, error.value.code) == (403, "AccessDenied")


@pytest.mark.parametrize("act", ["look", "tags", "find"])
def test_an_answer_that_nobody_expects_is_an_error(act: str):
    with pytest.raises(NotStored):
        getattr(objects(session=Scripted((301, b""))), act)(KEY)


def test_requests_share_one_connection():
    connections: list[object] = []

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connections.append(self)
            super().setup()

        def do_DELETE(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    port = objects(endpoint=f"http://127.0.0.1:{server.server_address[1]}")
    try:
        for _ in range(3):
            port.delete(KEY)
    finally:
        server.shutdown()
        server.server_close()
    assert len(connections) == 1
