"""What uploads and links refuse: each bad input has its error, and leaves neither a record nor an object behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.template.template import Template
from tests.rest.files import PNG, Files, form
from tests.support.doors import Answer
from tests.support.lean import LeanClient
from tests.support.world import World

EMPTY = (400, 20001, "The request body could not be read: the file is empty")
TOO_LARGE = (
    413,
    50512,
    "Media size is not acceptable: at most 4500000 bytes in one request; for larger files POST to Uploads, which gives "
    "a link",
)
TYPE = (400, 50511, "Media content type is not valid: a type such as image/png is needed")
LONG_NAME = (400, 20001, "Invalid value for parameter Filename: over 255 characters")
LIMIT = 4_500_000


@pytest.fixture(scope="module")
def files(lean: LeanClient, template: Template) -> Files:
    """What is refused changes nothing, so all tests share a service; it has one file."""
    (table,) = template.tables()
    found = Files(World(lean, table.name))
    found.attached(found.channel(), found.sent())
    return found


@contextmanager
def nothing_left(files: Files) -> Iterator[None]:
    before = files.left()
    yield
    assert files.left() == before


def unreadable(reason: str) -> tuple[int, int, str]:
    return 400, 20001, f"The request body could not be read: {reason}"


def wrong(name: str, reason: str) -> tuple[int, int, str]:
    return 400, 20001, f"Invalid value for parameter {name}: {reason}"


# Files in requests


def test_an_empty_file_is_refused(files: Files):
    for content_type in ("image/png", ""):
        with nothing_left(files):
            assert files.send(b"", content_type).refusal() == EMPTY


def test_a_file_of_one_byte_more_than_fits_is_refused_and_names_the_other_way(files: Files):
    with nothing_left(files):
        assert files.send(b"x" * (LIMIT + 1)).refusal() == TOO_LARGE
        assert files.send(*form(("file", b"x" * (LIMIT + 1)))).refusal() == TOO_LARGE
        assert files.send(b"x" * (LIMIT + 100_000), "multipart/form-data; boundary=x").refusal() == TOO_LARGE


def test_the_largest_file_fits_into_a_request_and_into_a_form(files: Files):
    body = b"x" * LIMIT
    assert files.sent(body)["size"] == LIMIT
    assert files.sent(*form(("file", body)))["size"] == LIMIT


@pytest.mark.parametrize("content_type", ["text", "a/b/c", "text/plain\r\nX-Evil: 1", "text/", "é/x", "a/" + "b" * 300])
def test_a_type_that_is_none_is_refused(files: Files, content_type: str):
    with nothing_left(files):
        assert files.send(PNG, content_type).refusal() == TYPE
        assert files.ticket(ContentType=content_type).refusal() == TYPE


@pytest.mark.parametrize("name", ["x" * 256, "x" * 10_000])
def test_a_name_that_is_too_long_is_refused(files: Files, name: str):
    with nothing_left(files):
        assert files.send(Filename=name).refusal() == LONG_NAME
        assert files.ticket(Filename=name).refusal() == LONG_NAME
        assert files.send(*form((name[:3000], PNG))).refusal() == LONG_NAME


def test_a_category_that_is_none_is_refused(files: Files):
    expected = (400, 20001, "Parameter Category must be one of: media, body, history")
    with nothing_left(files):
        assert files.send(Category="picture").refusal() == expected
        assert files.ticket(Category="").refusal() == expected


# Forms


WHOLE = form(("cat.png", PNG))
FORMS: dict[str, tuple[bytes, str, tuple[int, int, str]]] = {
    "without a file": (*form((None, b"x")), unreadable("the form must have exactly one file, and it has 0")),
    "empty": (*form(), unreadable("the form must have exactly one file, and it has 0")),
    "with two files": (*form(("a", PNG), ("b", PNG)), unreadable("the form must have exactly one file, and it has 2")),
    "with an empty file": (*form(("cat.png", b"")), EMPTY),
    "with a boundary of 10 KB": (
        *form(("cat.png", PNG), boundary="b" * 10_240),
        unreadable("the boundary of a form has 1 to 70 characters"),
    ),
    "without a boundary": (
        WHOLE[0],
        "multipart/form-data",
        unreadable("the boundary of a form has 1 to 70 characters"),
    ),
    "with another boundary": (
        WHOLE[0],
        "multipart/form-data; boundary=other",
        unreadable("it is not a multipart form"),
    ),
    "truncated in the file": (WHOLE[0][:120], WHOLE[1], unreadable("the multipart form ends too early")),
    "truncated in a header": (WHOLE[0][:30], WHOLE[1], unreadable("the multipart form ends too early")),
    "without its last boundary": (WHOLE[0][:-14], WHOLE[1], unreadable("the multipart form ends too early")),
    "with too many parts": (
        *form(*[(None, b"x")] * 20, ("cat.png", PNG)),
        unreadable("the form has more than 20 parts"),
    ),
    "with a type that is none": (WHOLE[0].replace(b"image/png", b"image", 1), WHOLE[1], TYPE),
    "that is no form": (b"x" * 100, WHOLE[1], unreadable("it is not a multipart form")),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_refused(files: Files, name: str):
    body, content_type, expected = FORMS[name]
    with nothing_left(files):
        assert files.send(body, content_type).refusal() == expected


# Links for uploads

SIZE = "a whole number from 1 to 5368709120 is needed"
TICKETS: dict[str, tuple[dict[str, Any], tuple[int, int, str]]] = {
    "size 0": ({"Size": 0}, wrong("Size", SIZE)),
    "size negative": ({"Size": -1}, wrong("Size", SIZE)),
    "size no number": ({"Size": "much"}, wrong("Size", SIZE)),
    "size no whole number": ({"Size": "1.5"}, wrong("Size", SIZE)),
    "size empty": ({"Size": ""}, wrong("Size", SIZE)),
    "size endless": ({"Size": "9" * 30}, wrong("Size", SIZE)),
    "size over the limit": ({"Size": 150_000_001}, (413, 50512, "Media size is not acceptable: at most 150 MB")),
    "size missing": ({"Size": None}, (400, 20001, "Missing required parameter Size in the post body")),
    "digest missing": ({"Sha256": None}, (400, 20001, "Missing required parameter Sha256 in the post body")),
    "type missing": ({"ContentType": None}, (400, 20001, "Missing required parameter ContentType in the post body")),
    "digest too short": ({"Sha256": "0a" * 31}, wrong("Sha256", "64 hex digits are needed")),
    "digest no hex": ({"Sha256": "0g" * 32}, wrong("Sha256", "64 hex digits are needed")),
    "digest empty": ({"Sha256": ""}, wrong("Sha256", "64 hex digits are needed")),
    "digest in base64": (
        {"Sha256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="},
        wrong("Sha256", "64 hex digits are needed"),
    ),
}


@pytest.mark.parametrize("name", TICKETS)
def test_a_link_for_an_upload_is_refused(files: Files, name: str):
    changes, expected = TICKETS[name]
    with nothing_left(files):
        assert files.ticket(**changes).refusal() == expected


def test_a_link_is_given_for_the_largest_file_that_the_operator_allows(files: Files):
    assert files.ticket(Size=150_000_000).status == 201


def test_an_object_of_another_size_does_not_make_a_file_ready(files: Files):
    """S3 refuses such an upload; the store of these tests takes it."""
    ticket = files.ticket(PNG).json
    assert files.put(ticket, PNG + b"x") == 200
    assert files.raw.get(ticket["url"])["links"]["content_direct_temporary"] is None
    assert files.ask("GET", f"{ticket['url']}/Content").refusal()[:2] == (404, 20404)


# Sets

SETS: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "it is not JSON"),
    "not UTF-8": (b'"\xff"', "it is not JSON"),
    "a deep nest": (b"[" * 30_000, "it is not JSON"),
    "empty": (b"", "it is not JSON"),
    "null": (b"null", "an object with the command get and a list is needed"),
    "a list": (b"[]", "an object with the command get and a list is needed"),
    "another command": (b'{"command":"delete","list":[]}', "an object with the command get and a list is needed"),
    "another list": (b'{"command":"get","list":{}}', "an object with the command get and a list is needed"),
    "no list": (b'{"command":"get"}', "an object with the command get and a list is needed"),
    "no object in the list": (b'{"command":"get","list":["ME1"]}', "each entry of the list needs a media_sid"),
    "a SID that is no text": (
        b'{"command":"get","list":[{"media_sid":5}]}',
        "each entry of the list needs a media_sid",
    ),
    "a SID with half a character": (
        b'{"command":"get","list":[{"media_sid":"\\ud800"}]}',
        "each entry of the list needs a media_sid",
    ),
    "an entry without a SID": (b'{"command":"get","list":[{}]}', "each entry of the list needs a media_sid"),
    "too many": (
        json.dumps({"command": "get", "list": [{"media_sid": "ME" + "0" * 32}] * 101}).encode(),
        "the list has more than 100 files",
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_refused(files: Files, name: str):
    body, reason = SETS[name]
    assert files.ask("POST", "/MediaSet", body).refusal() == unreadable(reason)


def test_a_set_that_is_too_long_is_refused(files: Files):
    expected = (413, 20413, "The request body is too large: at most 65536 bytes")
    assert files.ask("POST", "/MediaSet", b" " * 65_537).refusal() == expected


# Credentials


def everywhere(files: Files, **options: Any) -> list[Answer]:
    """The answers of every path that needs credentials."""
    (record,) = [one for one in files.records() if "message_sid" in one]
    item = f"/Media/{record['sid']}"
    return [
        files.ask("POST", "/Media", PNG, **options),
        files.ask("GET", item, **options),
        files.ask("GET", f"{item}/Content", **options),
        files.ask("POST", "/Uploads", {"Size": "1", "ContentType": "image/png", "Sha256": "0a" * 32}, **options),
        files.ask("POST", "/MediaSet", b'{"command":"get","list":[]}', **options),
    ]


def test_without_credentials_nothing_is_told(files: Files):
    with nothing_left(files):
        for answer in everywhere(files, credentials=None):
            assert answer.refusal() == (401, 20003, "Authenticate")
            assert answer.headers["x-amzn-remapped-www-authenticate"] == 'Basic realm="Twilio API"'


def test_a_token_that_has_expired_is_refused(files: Files):
    token = files.token("alice", seconds=-1)
    with nothing_left(files):
        for answer in everywhere(files, token=token):
            expected = (401, 20104, "Access Token has expired or expiration date is invalid")
            assert answer.refusal() == expected


@pytest.mark.parametrize("token", ["x", "x.y.z", ""])
def test_a_token_that_is_none_is_refused(files: Files, token: str):
    with nothing_left(files):
        for answer in everywhere(files, credentials=None, headers={"X-Twilio-Token": token}):
            assert answer.refusal() == (401, 20101, "Invalid Access Token")


def test_a_bad_token_is_refused_even_with_good_credentials_beside_it(files: Files):
    for answer in everywhere(files, headers={"X-Twilio-Token": "x"}):
        assert answer.refusal() == (401, 20101, "Invalid Access Token")


def test_a_token_of_an_identity_without_a_user_is_refused(files: Files):
    with nothing_left(files):
        for answer in everywhere(files, token=files.token("nobody")):
            assert answer.refusal() == (404, 50200, "User not found")


def test_a_token_does_not_open_the_other_apis(files: Files):
    answer = files.raw("GET", files.chat, credentials=None, headers={"X-Twilio-Token": files.user("zoe")})
    assert answer.refusal() == (401, 20003, "Authenticate")


def test_a_service_that_is_not_there_takes_no_files(files: Files):
    path = f"/media/v1/Services/IS{'0' * 32}/Media"
    with nothing_left(files):
        assert files.raw("POST", path, PNG).refusal()[:2] == (404, 20404)
        by_client = {"credentials": None, "headers": {"X-Twilio-Token": files.user("yan")}}
        assert files.raw("POST", path, PNG, **by_client).refusal()[:2] == (404, 20404)
