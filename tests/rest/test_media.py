"""Files: uploads in one request and by link, and what is shown of them.

https://www.twilio.com/docs/chat/rest/media
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.rest.files import PNG, Files, form
from tests.rest.support import DATE, Matching, sid

LINK = r"\?expires=[0-9]{10}&signature=[0-9a-f]{32}"


def shown(files: Files, **fields: object) -> dict[str, object]:
    """A file as it is shown after a back end has uploaded it."""
    url = Matching(rf"{files.door.base_url}{files.path}/Media/ME[0-9a-f]{{32}}")
    return {
        "sid": sid("ME"),
        "account_sid": files.world.account_sid,
        "service_sid": files.sid,
        "channel_sid": None,
        "message_sid": None,
        "date_created": DATE,
        "date_upload_updated": DATE,
        "date_updated": None,
        "size": len(PNG),
        "content_type": "image/png",
        "filename": None,
        "file_name": None,
        "author": "sender",
        "category": "media",
        "is_multipart_upstream": False,
        "url": url,
        "links": {
            "content": Matching(rf"{files.door.base_url}{files.path}/Media/ME[0-9a-f]{{32}}/Content"),
            "content_direct_temporary": Matching(
                rf"{files.door.base_url}{files.path}/Media/ME[0-9a-f]{{32}}/Temporary{LINK}"
            ),
        },
        **fields,
    }


@pytest.mark.proves("media:CreateMedia", "media:FetchMedia")
def test_a_file_in_a_request_is_shown_whole(files: Files):
    made = files.sent(PNG, "image/png")
    assert made == shown(files)
    fetched = files.raw.get(made["url"])
    assert {**fetched, "links": made["links"]} == made
    assert files.world.store.keys() == [f"{files.sid}/{made['sid']}"]
    assert files.world.store.body(files.world.store.keys()[0]) == PNG


def test_a_file_takes_its_name_and_its_category_from_the_query(files: Files):
    made = files.sent(PNG, Filename="Übersicht.png", Category="body")
    assert (made["filename"], made["file_name"], made["category"]) == ("Übersicht.png", "Übersicht.png", "body")


@pytest.mark.proves("media:CreateMediaUpload", "media:FetchMedia")
def test_a_large_file_goes_to_the_store_by_a_link(files: Files):
    body = PNG * 3
    answer = files.ticket(body, Filename="film.mp4", ContentType="video/mp4")
    assert answer.status == 201
    ticket = answer.json
    assert ticket == {"sid": sid("ME"), "url": f"{files.door.base_url}{files.path}/Media/{ticket['sid']}"} | {
        "upload": {
            "method": "PUT",
            "url": Matching(r"https://.*X-Amz-Signature=[0-9a-f]{64}"),
            "headers": ticket["upload"]["headers"],
            "expires_at": "2026-01-15T12:15:00Z",
        }
    }
    assert set(ticket["upload"]["headers"]) == {"Content-Type", "x-amz-checksum-sha256"}
    before = files.raw.get(ticket["url"])
    assert (before["date_upload_updated"], before["links"]["content_direct_temporary"]) == (None, None)
    assert files.put(ticket, body) == 200
    after = files.raw.get(ticket["url"])
    assert after == shown(files, filename="film.mp4", file_name="film.mp4", content_type="video/mp4", size=len(body))
    assert files.followed(after["links"]["content_direct_temporary"])[:2] == (200, body)


def test_the_digest_of_a_file_is_stored(files: Files):
    files.sent(PNG)
    (record,) = files.records()
    assert record["sha256"] == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(
    "content_type", ["", "application/x-www-form-urlencoded", "APPLICATION/X-WWW-FORM-URLENCODED; charset=x"]
)
def test_a_body_that_is_called_a_form_is_the_file_all_the_same(files: Files, content_type: str):
    """The curl command in Twilio's documentation names no type, and then curl says that it sends a form."""
    picture, text = files.sent(PNG, content_type), files.sent(b"a=1&b=%ff", content_type)
    assert (picture["content_type"], picture["size"]) == ("image/png", len(PNG))
    assert (text["content_type"], text["size"]) == ("text/plain", 9)
    assert files.followed(text["links"]["content_direct_temporary"])[1] == b"a=1&b=%ff"


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "Text/Plain; charset=utf-8", "x/y"])
def test_the_type_of_a_file_is_believed(files: Files, content_type: str):
    made = files.sent(PNG, content_type)
    assert made["content_type"] == content_type
    _, _, headers = files.followed(made["links"]["content_direct_temporary"])
    assert headers["content-type"] == content_type


def test_bytes_of_every_value_arrive_as_they_are(files: Files):
    body = bytes(range(256)) * 64 + b"\r\n--b0undary\r\n"
    for made in (files.sent(body), files.sent(*form(("a", body), boundary="other"))):
        assert files.followed(made["links"]["content_direct_temporary"])[:2] == (200, body)


def test_a_form_gives_a_file_its_name_and_its_type(files: Files):
    made = files.sent(*form((None, b"a field"), ("Übersicht.png", PNG)))
    assert (made["filename"], made["content_type"], made["size"]) == ("Übersicht.png", "image/png", len(PNG))
    assert made["is_multipart_upstream"] is True


def test_the_name_in_the_query_wins_over_the_name_in_the_form(files: Files):
    assert files.sent(*form(("cat.png", PNG)), Filename="dog.png")["filename"] == "dog.png"


def test_an_empty_name_in_the_query_leaves_the_name_in_the_form(files: Files):
    assert files.sent(*form(("cat.png", PNG)), Filename="")["filename"] == "cat.png"


def test_a_file_in_a_form_without_a_type_tells_it_by_its_beginning(files: Files):
    body, content_type = form(("cat", PNG))
    assert files.sent(body.replace(b"Content-Type: image/png\r\n", b""), content_type)["content_type"] == "image/png"


@pytest.mark.parametrize(
    ("given", "kept"), [("../../etc/passwd", "passwd"), ("a\x00b.png", "ab.png"), ("\u202egnp.exe", "gnp.exe")]
)
def test_a_name_is_stored_without_folders_and_control_characters(files: Files, given: str, kept: str):
    assert files.sent(Filename=given)["filename"] == kept
    assert files.raw.get(files.ticket(Filename=given).json["url"])["filename"] == kept


def test_a_client_is_the_author_of_its_file(files: Files):
    alice = files.user("alice")
    made = files.sent(PNG, token=alice)
    assert made["author"] == "alice"
    ticket = files.ticket(token=alice).json
    assert files.ask("GET", ticket["url"], token=alice).json["author"] == "alice"


def test_an_api_key_uploads_as_the_account_does(files: Files):
    assert files.send(credentials=files.key).json["author"] == "sender"


@pytest.mark.parametrize("link", ["content", "content_direct_temporary"])
def test_a_link_leads_to_the_bytes_with_their_type_and_name(files: Files, link: str):
    made = files.sent(PNG, Filename="Übersicht.png")
    options = {} if link == "content" else {"credentials": None}
    for verb, body in (("GET", PNG), ("HEAD", b"")):
        status, found, headers = files.followed(made["links"][link], verb, **options)
        assert (status, found, headers["content-type"]) == (200, body, "image/png")
        said = "inline; filename=\"_bersicht.png\"; filename*=UTF-8''%C3%9Cbersicht.png"
        # The store of these tests answers HEAD without it.
        assert headers.get("content-disposition", said) == said
        location = files.ask(verb, made["links"][link], **options).headers["location"]
        assert dict(parse_qsl(urlsplit(location).query))["response-content-disposition"] == said


def test_a_redirect_keeps_the_method_and_is_not_to_be_remembered(files: Files):
    made = files.sent()
    answer = files.ask("GET", made["links"]["content_direct_temporary"], credentials=None)
    assert (answer.status, answer.body) == (307, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert "X-Amz-Expires=900" in answer.headers["location"]


def test_the_temporary_link_works_with_credentials_beside_it(files: Files):
    made = files.sent()
    assert files.followed(made["links"]["content_direct_temporary"])[:2] == (200, PNG)
    assert files.followed(made["links"]["content_direct_temporary"], token="x")[:2] == (200, PNG)


def test_a_page_of_another_origin_may_upload_and_fetch(files: Files):
    made = files.sent()
    item = f"/Media/{made['sid']}"
    origin = {"Origin": "https://app.example.com"}
    for method, path in (
        ("POST", "/Media"),
        ("POST", "/MediaSet"),
        ("POST", "/Uploads"),
        ("GET", item),
        ("GET", f"{item}/Content"),
    ):
        asked = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "x-twilio-token, content-type",
        }
        answer = files.ask("OPTIONS", path, headers={**origin, **asked}, credentials=None)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert method in answer.headers["access-control-allow-methods"]
        assert {"x-twilio-token", "content-type"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    answer = files.ask("GET", made["links"]["content_direct_temporary"], headers=origin, credentials=None)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (307, "*")
