"""How long files and their links live, what a scanner holds back, and what an operator sets."""

from __future__ import annotations

import json

import pytest

from parley.store import keys
from tests.rest.files import PNG, Files
from tests.rest.support import at_once
from tests.support.doors import Raw
from tests.support.fakes import NOON_MS
from tests.support.world import World


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
