"""URLs in answers: absolute, with the host, stage and prefix that were asked, and good to be followed as they are."""

from __future__ import annotations

from urllib.parse import quote

from twilio.rest.chat.v2.service import ServiceContext

from tests.support.doors import Door, LambdaDoor, Raw
from tests.support.fakes import FakeClock


def every_url(value: object) -> list[str]:
    """All texts in an answer that look like absolute URLs."""
    if isinstance(value, dict):
        return [url for part in value.values() for url in every_url(part)]
    if isinstance(value, list):
        return [url for part in value for url in every_url(part)]
    return [value] if isinstance(value, str) and value.startswith("http") else []


def test_every_url_in_an_answer_leads_somewhere(raw: Raw, door: Door, service: ServiceContext, service_path: str):
    channel = service.channels.create(unique_name="a/b ż")
    service.channels(channel.sid).members.create(identity="alice/ż")
    service.channels(channel.sid).messages.create(body="x")
    paths = [
        "",
        "/Roles",
        "/Users",
        "/Channels",
        f"/Channels/{channel.sid}/Members",
        f"/Channels/{channel.sid}/Messages",
    ]
    found = {url for path in paths for url in every_url(raw.get(service_path + path))}
    assert len(found) > 20
    for url in found:
        assert url.startswith(door.base_url + "/chat/v2/")
        assert raw("GET", url).status == 200, url


def test_urls_name_the_channel_by_sid_however_it_was_addressed(raw: Raw, service: ServiceContext, service_path: str):
    channel = service.channels.create(unique_name="a/b ż")
    by_sid = f"{service_path}/Channels/{channel.sid}"
    by_name = f"{service_path}/Channels/{quote('a/b ż', safe='')}"
    assert raw.get(by_name)["url"].endswith(by_sid)
    assert by_sid in raw.post(f"{by_name}/Messages", Body="x")["url"]


def test_page_links_keep_the_address_that_was_asked(raw: Raw, door: Door, service: ServiceContext, service_path: str):
    service.channels.create(unique_name="a/b ż")
    for number in range(3):
        service.channels(quote("a/b ż", safe="")).messages.create(body=str(number))
    path = f"{service_path}/Channels/{quote('a/b ż', safe='')}/Messages"
    page = raw.get(f"{path}?PageSize=2")
    assert page["meta"]["url"] == f"{door.base_url}{path}?PageSize=2&Page=0"
    assert [message["body"] for message in raw.get(page["meta"]["next_page_url"])["messages"]] == ["2"]


def test_urls_carry_the_host_that_was_asked(door: LambdaDoor, clock: FakeClock):
    elsewhere = LambdaDoor(door.world)
    elsewhere.base_url = "https://chat.example.com/prod"
    service = Raw(elsewhere).post("/chat/v2/Services", FriendlyName="x")
    assert service["url"] == f"https://chat.example.com/prod/chat/v2/Services/{service['sid']}"


def test_a_custom_domain_has_no_stage_in_its_urls(door: LambdaDoor, clock: FakeClock):
    elsewhere = LambdaDoor(door.world)
    elsewhere.base_url = "https://chat.example.com"
    service = Raw(elsewhere).post("/chat/v2/Services", FriendlyName="x")
    assert service["url"] == f"https://chat.example.com/chat/v2/Services/{service['sid']}"


def test_a_custom_domain_may_have_a_base_path(door: LambdaDoor, clock: FakeClock):
    elsewhere = LambdaDoor(door.world)
    elsewhere.base_url = "https://api.example.com/talk"
    raw = Raw(elsewhere)
    service = raw.post("/chat/v2/Services", FriendlyName="x")
    assert service["url"] == f"https://api.example.com/talk/chat/v2/Services/{service['sid']}"
    assert raw.get(service["url"]) == service


def test_a_sid_in_a_unique_name_or_identity_is_only_a_text(service: ServiceContext):
    channel = service.channels.create(unique_name="CH" + "0" * 31)
    assert service.channels("CH" + "0" * 31).fetch().sid == channel.sid
    user = service.users.create(identity="US" + "0" * 33)
    assert service.users("US" + "0" * 33).fetch().sid == user.sid
