"""Files: uploads in one request and by link, what is shown of them, and how long they live.

https://www.twilio.com/docs/chat/rest/media
"""

from __future__ import annotations

import hashlib

import pytest

from tests.rest.files import PNG, Files
from tests.rest.support import DATE, Matching, sid
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
