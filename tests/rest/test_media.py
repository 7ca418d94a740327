"""Files: uploads in one request and by link, what is shown of them, and how long they live.

https://www.twilio.com/docs/chat/rest/media
"""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from parley.store import keys
from tests.rest.files import PNG, Files, form
from tests.rest.support import DATE, Matching, at_once, sid
from tests.support.doors import Raw
from tests.support.fakes import NOON_MS
from tests.support.world import World

LINK = r"\?expires=[0-9]{10}&signature=[0-9a-f]{32}"


@pytest.fixture
def files(world: World) -> Files:
    return Files(world)


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


# What comes in


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


# Fetching


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


# How long a file lives


def at(files: Files, seconds: float) -> None:
    """Set the clock to so many seconds after noon."""
    files.world.clock.advance((NOON_MS - files.world.clock.now_ms()) / 1000 + seconds)


def test_a_file_that_no_message_carries_lives_for_300_seconds(files: Files):
    at(files, 10)
    # The request itself takes a millisecond, and lives are counted in whole seconds.
    made = files.sent()
    at(files, 10 + 300.9)
    assert files.ask("GET", made["url"]).status == 200
    at(files, 10 + 301)
    for path in (made["url"], made["links"]["content"], made["links"]["content_direct_temporary"]):
        assert files.ask("GET", path).refusal()[:2] == (404, 20404)
    asked = json.dumps({"command": "get", "list": [{"media_sid": made["sid"]}]}).encode()
    assert files.ask("POST", "/MediaSet", asked).json == [{"code": 404, "media_record": {"sid": made["sid"]}}]
    assert files.records() != [], "the record is still stored: DynamoDB removes it later"


def test_a_file_that_a_message_carries_does_not_die(files: Files):
    made = files.sent()
    files.attached(files.channel(), made)
    at(files, 100 * 86_400)
    assert files.followed(files.temporary(made))[1] == PNG


def test_an_upload_that_never_comes_dies_after_an_hour(files: Files):
    at(files, 10)
    ticket = files.ticket().json
    at(files, 10 + 3600.9)
    assert files.ask("GET", ticket["url"]).status == 200
    at(files, 10 + 3601)
    assert files.ask("GET", ticket["url"]).refusal()[:2] == (404, 20404)


def test_the_300_seconds_of_a_large_file_begin_when_its_bytes_are_there(files: Files):
    at(files, 10)
    ticket = files.ticket().json
    files.put(ticket, PNG)
    at(files, 3000)
    assert files.raw.get(ticket["url"])["date_upload_updated"] == "2026-01-15T12:50:00Z"
    at(files, 3300.9)
    assert files.ask("GET", ticket["url"]).status == 200
    at(files, 3301)
    assert files.ask("GET", ticket["url"]).refusal()[:2] == (404, 20404)


def test_the_operator_sets_how_long_a_file_lives(files: Files):
    files.world.wire({"media_unattached_seconds": 7})
    at(files, 10)
    made = files.sent()
    at(files, 17.9)
    assert files.ask("GET", made["url"]).status == 200
    at(files, 18)
    assert files.ask("GET", made["url"]).status == 404


def test_the_store_is_asked_once_for_a_file_until_it_is_ready(files: Files):
    ticket = files.ticket().json
    files.put(ticket, PNG)
    sent = files.world.store.session.sent
    before = len(sent)
    for _ in range(3):
        files.raw.get(ticket["url"])
    assert [method for method, _ in sent[before:]] == ["HEAD"]


def test_the_store_gets_one_request_for_an_upload_and_none_for_links(files: Files):
    sent = files.world.store.session.sent
    made = files.sent()
    assert [method for method, _ in sent] == ["PUT"]
    for link in (made["url"], *made["links"].values()):
        assert files.ask("GET", link).status in (200, 307)
    assert files.ticket().status == 201
    assert len(sent) == 1


def test_two_who_find_the_bytes_of_a_file_at_once_both_get_its_link(files: Files):
    ticket = files.ticket().json
    files.put(ticket, PNG)
    found = at_once(4, lambda _: files.ask("GET", ticket["url"]).json["links"]["content_direct_temporary"])
    assert None not in found


def test_the_record_is_written_before_the_object(files: Files):
    """If the store cannot be reached, what is left is a record that dies by itself."""
    files.world.store.session.send = lambda request: None  # type: ignore[method-assign]
    raw = Raw(files.door, checked=False)
    answer = raw("POST", f"{files.path}/Media", PNG, headers={"Content-Type": "image/png"})
    assert answer.refusal() == (503, 20503, "The service is too busy; try again in a moment")
    (record,) = files.records()
    assert (record["state"], files.world.store.keys()) == ("uploading", [])
    assert record["expires_at"] - record["date_created"] // 1000 in (3600, 3601)


# Links


def test_a_temporary_link_works_for_300_seconds(files: Files):
    made = files.sent()
    files.attached(files.channel(), made)
    at(files, 100)
    link = files.temporary(made)
    at(files, 100 + 300.9)
    assert files.followed(link, credentials=None)[1] == PNG
    at(files, 100 + 301)
    assert files.ask("GET", link, credentials=None).refusal()[:2] == (404, 20404)


def test_a_forged_or_foreign_signature_opens_nothing(files: Files):
    made, other = files.sent(), files.sent(b"hello", "text/plain")
    link, of_other = (record["links"]["content_direct_temporary"] for record in (made, other))
    place, _, query = link.partition("?")
    expires, _, signature = query.partition("&")
    later = f"expires={int(expires[8:]) + 1}"
    forged = [
        "",
        expires,
        signature,
        f"{later}&{signature}",
        f"{expires}&signature={'0' * 32}",
        f"{expires}&{signature[:-1]}",
        f"{expires}&{signature.upper()}",
        f"expires={'9' * 400}&{signature}",
        f"expires=+{expires[8:]}&{signature}",
        f"expires=x&{signature}",
        f"{expires}&signature=%C3%BC",
        of_other.partition("?")[2],
    ]
    for query in forged:
        answer = files.ask("GET", f"{place}?{query}", credentials=None)
        assert answer.refusal()[:2] == (404, 20404), query
    assert files.followed(link, credentials=None)[1] == PNG


def test_a_link_of_another_service_or_account_opens_nothing(files: Files):
    made = files.sent()
    link = made["links"]["content_direct_temporary"]
    other = Files(files.world)
    assert other.ask("GET", link.replace(files.sid, other.sid), credentials=None).refusal()[:2] == (404, 20404)
    stranger = Files(World(files.world._client, files.world._table_name))
    assert stranger.ask("GET", link, credentials=None).refusal()[:2] == (404, 20404)


@pytest.mark.parametrize("what", ["message", "channel", "service"])
def test_links_die_with_what_carries_the_file(files: Files, what: str):
    made, channel = files.sent(), files.channel()
    message = files.attached(channel, made)
    links = [files.temporary(made), made["url"], made["links"]["content"]]
    assert [files.ask("GET", link).status for link in links] == [307, 200, 307]
    gone = {"message": f"{channel}/Messages/{message['sid']}", "channel": channel, "service": files.chat}[what]
    assert files.raw("DELETE", gone).status == 204
    # What a container remembers of a channel or a service may be ten seconds old.
    files.world.configuration.forget_all()
    for link in links:
        assert files.ask("GET", link).refusal()[:2] == (404, 20404), link


def test_a_file_whose_message_is_gone_is_gone_before_its_own_record(files: Files):
    """A sweep erases a channel's messages and their files one after the other."""
    made, channel = files.sent(), files.channel()
    message = files.attached(channel, made)
    files.world.table.erase_many([keys.message(channel.rpartition("/")[2], message["index"])])
    for link in (made["url"], *made["links"].values()):
        assert files.ask("GET", link).refusal()[:2] == (404, 20404), link


# Scanning


def test_with_scanning_a_file_is_closed_until_nothing_was_found_in_it(files: Files, caplog: pytest.LogCaptureFixture):
    files.world.wire({"media_scan": "guardduty"})
    made = files.sent()
    (key,) = files.world.store.keys()
    links = [made["links"][name] for name in ("content", "content_direct_temporary")]

    def answers() -> list[int]:
        return [files.ask("GET", link).status for link in links]

    assert answers() == [404, 404]
    assert "stays closed" not in caplog.text
    for result in ("THREATS_FOUND", "UNSUPPORTED", "ACCESS_DENIED", "FAILED"):
        files.world.store.tag(key, {"GuardDutyMalwareScanStatus": result})
        assert answers() == [404, 404]
    assert caplog.text.count("a file stays closed") == 8
    files.world.store.tag(key, {"GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"})
    assert answers() == [307, 307]


def test_without_scanning_nobody_asks_for_tags(files: Files):
    made = files.sent()
    before = len(files.world.store.session.sent)
    assert files.ask("GET", made["links"]["content"]).status == 307
    assert len(files.world.store.session.sent) == before


# What the operator sets


def test_a_service_shows_the_largest_size_that_the_operator_allows(files: Files):
    def shown_sizes() -> list[int]:
        listed = files.raw.get("/chat/v2/Services")["services"]
        made = files.raw.post("/chat/v2/Services", FriendlyName="x")
        changed = files.raw.post(files.chat, FriendlyName="y")
        return [one["media"]["size_limit_mb"] for one in (files.raw.get(files.chat), *listed, made, changed)]

    assert set(shown_sizes()) == {150}
    files.world.wire({"media_limit_mb": 25})
    assert set(shown_sizes()) == {25}
    refused = (413, 50512, "Media size is not acceptable: at most 25 MB")
    assert files.ticket(Size=25_000_001).refusal() == refused
    assert files.ticket(Size=25_000_000).status == 201


def test_a_link_is_given_for_as_much_as_an_operator_may_allow(files: Files):
    """Four gigabytes are more than a number of 32 bits can say."""
    files.world.wire({"media_limit_mb": 4999})
    assert files.ticket(Size=4_999_000_000).status == 201
    refused = (413, 50512, "Media size is not acceptable: at most 4999 MB")
    assert files.ticket(Size=4_999_000_001).refusal() == refused
