"""Pages, https://www.twilio.com/docs/usage/twilios-response#pagination: every list is cut and linked alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import sids
from tests.support.doors import Door, Raw

BAD_SIZE = (400, 20007, "Page size must be a number from 1 to 1000")
FOREIGN_TOKEN = (400, 20001, "Invalid value for parameter PageToken: not a token of this list")
LISTS = ["roles", "users", "channels", "members", "messages"]


@dataclass
class Collection:
    """A list that a test can fill: where it is, what it is called, and how one more item gets into it."""

    path: str
    key: str
    create: Callable[[], dict[str, Any]]

    def filled(self, count: int) -> list[dict[str, Any]]:
        return [self.create() for _ in range(count)]


@pytest.fixture
def collections(raw: Raw, service_path: str, channel_path: str) -> dict[str, Collection]:
    numbers = iter(range(1000))
    forms: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
        "roles": (
            f"{service_path}/Roles",
            lambda: {"FriendlyName": "x", "Type": "channel", "Permission": "sendMessage"},
        ),
        "users": (f"{service_path}/Users", lambda: {"Identity": f"user {next(numbers)}"}),
        "channels": (f"{service_path}/Channels", lambda: {"UniqueName": f"channel {next(numbers)}"}),
        "members": (f"{channel_path}/Members", lambda: {"Identity": f"user {next(numbers)}"}),
        "messages": (f"{channel_path}/Messages", lambda: {"Body": f"message {next(numbers)}"}),
    }

    def collection(key: str, path: str, form: Callable[[], dict[str, Any]]) -> Collection:
        return Collection(path, key, lambda: raw.post(path, form()))

    return {key: collection(key, path, form) for key, (path, form) in forms.items()}


def pages(raw: Raw, url: str, key: str, link: str = "next_page_url") -> list[list[str]]:
    """The SIDs on each page from `url` on, following one link until it is null."""
    found = []
    following: str | None = url
    while following:
        assert len(found) < 100, "the pages have no end"
        body = raw.get(following)
        found.append([item["sid"] for item in body[key]])
        following = body["meta"][link]
    return found


@pytest.mark.parametrize("key", LISTS)
def test_the_envelope_of_a_first_page(raw: Raw, door: Door, collections: dict[str, Collection], key: str):
    collection = collections[key]
    collection.filled(1)
    body = raw.get(collection.path)
    url = f"{door.base_url}{collection.path}?PageSize=50&Page=0"
    assert set(body) == {"meta", key}
    assert body["meta"] == {
        "page": 0,
        "page_size": 50,
        "first_page_url": url,
        "previous_page_url": None,
        "url": url,
        "next_page_url": None,
        "key": key,
    }


@pytest.mark.parametrize("key", LISTS)
def test_pages_show_every_item_once_in_order_and_lead_back_as_they_led_on(
    raw: Raw, collections: dict[str, Collection], key: str
):
    collection = collections[key]
    collection.filled(7)
    every = [item["sid"] for item in raw.get(collection.path)[key]]
    for size in (1, 3, 7, 100):
        found = pages(raw, f"{collection.path}?PageSize={size}", key)
        assert [sid for page in found for sid in page] == every
        assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
        assert 0 < len(found[-1]) <= size
    first = raw.get(f"{collection.path}?PageSize=3")
    last = second = raw.get(first["meta"]["next_page_url"])
    while last["meta"]["next_page_url"]:
        last = raw.get(last["meta"]["next_page_url"])
    forward = pages(raw, first["meta"]["url"], key)
    assert pages(raw, last["meta"]["url"], key, "previous_page_url") == forward[::-1]
    # A page that was gone back to leads on again.
    back = raw.get(second["meta"]["previous_page_url"])
    assert back[key] == first[key]
    assert raw.get(back["meta"]["next_page_url"])[key] == second[key]


@pytest.mark.parametrize("key", LISTS)
def test_pages_number_and_name_themselves(raw: Raw, door: Door, collections: dict[str, Collection], key: str):
    collection = collections[key]
    collection.filled(5)
    first = raw.get(f"{collection.path}?PageSize=2")
    second = raw.get(first["meta"]["next_page_url"])
    third = raw.get(second["meta"]["next_page_url"])
    assert [page["meta"]["page"] for page in (first, second, third)] == [0, 1, 2]
    assert first["meta"]["next_page_url"] == second["meta"]["url"]
    assert second["meta"]["next_page_url"] == third["meta"]["url"]
    assert {page["meta"]["first_page_url"] for page in (first, second, third)} == {first["meta"]["url"]}
    assert raw.get(third["meta"]["url"]) == third
    query = parse_qs(urlsplit(second["meta"]["url"]).query)
    assert (query["PageSize"], query["Page"], len(query["PageToken"])) == (["2"], ["1"], 1)


@pytest.mark.parametrize("key", LISTS)
def test_items_that_arrive_meanwhile_shift_no_page(raw: Raw, collections: dict[str, Collection], key: str):
    collection = collections[key]
    collection.filled(4)
    before = [item["sid"] for item in raw.get(collection.path)[key]]
    page = raw.get(f"{collection.path}?PageSize=2")
    arrived = collection.filled(3)
    found = pages(raw, page["meta"]["next_page_url"], key)
    assert [sid for part in found for sid in part] == before[2:] + [item["sid"] for item in arrived]
    second = raw.get(page["meta"]["next_page_url"])
    assert raw.get(second["meta"]["previous_page_url"])[key] == page[key]


@pytest.mark.parametrize("key", LISTS)
def test_items_that_are_deleted_meanwhile_shift_no_page(raw: Raw, collections: dict[str, Collection], key: str):
    collection = collections[key]
    collection.filled(6)
    before = [item["sid"] for item in raw.get(collection.path)[key]]
    page = raw.get(f"{collection.path}?PageSize=3")
    # The last one seen is the one that the link goes on from, and the first unseen one is where it goes to.
    for sid in (before[2], before[3]):
        assert raw("DELETE", f"{collection.path}/{sid}").status in (204, 409)
    gone = {before[2], before[3]} if raw("GET", f"{collection.path}/{before[2]}").status == 404 else set()
    found = pages(raw, page["meta"]["next_page_url"], key)
    assert [sid for part in found for sid in part] == [sid for sid in before[3:] if sid not in gone]


@pytest.mark.parametrize("key", LISTS)
def test_an_empty_page_has_no_links_on(raw: Raw, collections: dict[str, Collection], key: str):
    collection = collections[key]
    items = collection.filled(4)
    page = raw.get(f"{collection.path}?PageSize=100")
    assert page["meta"]["next_page_url"] is None
    if key not in ("roles", "channels"):
        for item in items:
            raw("DELETE", f"{collection.path}/{item['sid']}")
        assert raw.get(collection.path)[key] == []


@pytest.mark.inferred
@pytest.mark.parametrize(("key", "order"), [*((key, "") for key in LISTS), ("messages", "&Order=desc")])
def test_a_page_on_which_everything_was_deleted_leads_back_to_the_previous_page(
    raw: Raw, collections: dict[str, Collection], key: str, order: str
):
    collection = collections[key]
    collection.filled(4)
    every = [item["sid"] for item in raw.get(f"{collection.path}?PageSize=100{order}")[key]]
    first = raw.get(f"{collection.path}?PageSize={len(every) - 2}{order}")
    for sid in every[-2:]:
        assert raw("DELETE", f"{collection.path}/{sid}").status == 204
    empty = raw.get(first["meta"]["next_page_url"])
    assert (empty[key], empty["meta"]["next_page_url"]) == ([], None)
    assert raw.get(empty["meta"]["previous_page_url"])[key] == first[key]


@pytest.mark.inferred
@pytest.mark.parametrize(("key", "order"), [("members", ""), ("messages", ""), ("messages", "&Order=desc")])
def test_an_empty_previous_page_leads_on_to_the_next_page(
    raw: Raw, collections: dict[str, Collection], key: str, order: str
):
    collection = collections[key]
    collection.filled(4)
    first = raw.get(f"{collection.path}?PageSize=2{order}")
    second = raw.get(first["meta"]["next_page_url"])
    for item in first[key]:
        assert raw("DELETE", f"{collection.path}/{item['sid']}").status == 204
    empty = raw.get(second["meta"]["previous_page_url"])
    assert (empty[key], empty["meta"]["previous_page_url"]) == ([], None)
    assert raw.get(empty["meta"]["next_page_url"])[key] == second[key]


@pytest.mark.parametrize("key", LISTS)
def test_a_page_size_must_be_a_number_up_to_1000(raw: Raw, collections: dict[str, Collection], key: str):
    for size in ("0", "-1", "1001", "many", "1.5", "9" * 12, "٣"):
        assert raw("GET", collections[key].path, query={"PageSize": size}).refusal() == BAD_SIZE, size


@pytest.mark.inferred
@pytest.mark.parametrize("key", LISTS)
def test_a_page_size_above_the_maximum_is_cut_to_it(raw: Raw, collections: dict[str, Collection], key: str):
    for size, used in (("101", 100), ("1000", 100), ("100", 100), ("1", 1), ("", 50)):
        assert raw.get(collections[key].path, PageSize=size)["meta"]["page_size"] == used


@pytest.mark.parametrize("key", [name for name in LISTS if name != "messages"])
def test_a_forged_token_is_refused(raw: Raw, collections: dict[str, Collection], key: str):
    collection = collections[key]
    collection.filled(3)
    url = raw.get(f"{collection.path}?PageSize=2")["meta"]["next_page_url"]
    token = parse_qs(urlsplit(url).query)["PageToken"][0]
    flipped = "0" if token[-1] != "0" else "1"
    forged = [
        "x",
        "0",
        "-1",
        "PT",
        "PT" + "0" * 34,
        token[:-1] + flipped,
        "PB" + token[2:],
        token[:4] + "f" + token[5:],
        token + "0",
        "ż" * 40,
    ]
    for text in forged:
        if text != token:
            answer = raw("GET", collection.path, query={"PageSize": 2, "PageToken": text})
            assert answer.refusal() == FOREIGN_TOKEN, text


@pytest.mark.parametrize("key", [name for name in LISTS if name != "messages"])
def test_a_token_of_another_list_is_refused(raw: Raw, collections: dict[str, Collection], key: str):
    other = collections["roles" if key != "roles" else "users"]
    other.filled(3)
    url = raw.get(f"{other.path}?PageSize=2")["meta"]["next_page_url"]
    token = parse_qs(urlsplit(url).query)["PageToken"][0]
    assert raw("GET", collections[key].path, query={"PageToken": token}).refusal() == FOREIGN_TOKEN


def test_a_token_of_another_service_is_refused(raw: Raw, twilio: Client, service_path: str):
    other = twilio.chat.v2.services.create(friendly_name="other").sid
    url = raw.get(f"/chat/v2/Services/{other}/Roles?PageSize=2")["meta"]["next_page_url"]
    token = parse_qs(urlsplit(url).query)["PageToken"][0]
    assert raw("GET", f"{service_path}/Roles", query={"PageToken": token}).refusal() == FOREIGN_TOKEN


def test_a_token_counts_with_its_filters_only(raw: Raw, service: ServiceContext, service_path: str):
    for kind in ("private", "private", "public"):
        service.channels.create(type=kind)
    url = raw.get(f"{service_path}/Channels?Type=private&PageSize=1")["meta"]["next_page_url"]
    assert parse_qs(urlsplit(url).query)["Type"] == ["private"]
    assert len(raw.get(url)["channels"]) == 1
    answer = raw("GET", url.replace("Type=private&", ""))
    assert answer.refusal() == FOREIGN_TOKEN


def test_links_repeat_filters_before_the_page(raw: Raw, door: Door, service_path: str):
    meta = raw.get(f"{service_path}/Channels?PageSize=5&Type=private&Type=public")["meta"]
    assert meta["url"] == f"{door.base_url}{service_path}/Channels?Type=private&Type=public&PageSize=5&Page=0"


def test_a_page_number_alone_moves_nothing(raw: Raw, collections: dict[str, Collection]):
    collection = collections["users"]
    collection.filled(3)
    first = raw.get(f"{collection.path}?PageSize=2")
    assert raw.get(f"{collection.path}?PageSize=2&Page=1")["users"] == first["users"]


def test_a_page_number_must_be_a_number(raw: Raw, service_path: str):
    expected = (400, 20001, "Invalid value for parameter Page: a number is needed")
    assert raw("GET", f"{service_path}/Users?Page=two").refusal() == expected


def test_messages_are_paged_by_index(raw: Raw, channel: ChannelContext, channel_path: str):
    created = sids(channel.messages.create(body="x") for _ in range(6))
    page = raw.get(f"{channel_path}/Messages?PageSize=2&PageToken=3")
    assert [message["sid"] for message in page["messages"]] == created[3:5]
    query = parse_qs(urlsplit(page["meta"]["next_page_url"]).query)
    assert query["PageToken"] == ["5"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_messages_are_paged_in_either_order_and_over_gaps(
    raw: Raw, channel: ChannelContext, channel_path: str, order: str
):
    messages = [channel.messages.create(body="x") for _ in range(9)]
    for deleted in (1, 4, 5, 8):
        messages[deleted].delete()
    kept = [message.sid for number, message in enumerate(messages) if number not in (1, 4, 5, 8)]
    expected = kept if order == "asc" else kept[::-1]
    found = pages(raw, f"{channel_path}/Messages?PageSize=2&Order={order}", "messages")
    assert found == [expected[:2], expected[2:4], expected[4:]]
    assert sids(channel.messages.list(order=order, page_size=2, limit=100)) == expected


def test_messages_that_arrive_do_not_disturb_a_walk_backwards(raw: Raw, channel: ChannelContext, channel_path: str):
    created = sids(channel.messages.create(body="x") for _ in range(5))
    page = raw.get(f"{channel_path}/Messages?PageSize=2&Order=desc")
    channel.messages.create(body="new")
    found = pages(raw, page["meta"]["next_page_url"], "messages")
    assert [sid for part in found for sid in part] == created[2::-1]


@pytest.mark.parametrize("token", ["-1", "x", "1.5", "٣", "PT1", "9" * 30, str(10**11)])
def test_a_message_token_must_be_an_index(raw: Raw, channel_path: str, token: str):
    expected = (400, 19038, "Invalid value for parameter PageToken: a message index, 0 or more")
    assert raw("GET", f"{channel_path}/Messages", query={"PageToken": token}).refusal() == expected


def test_a_message_token_beyond_the_last_index_shows_nothing(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.messages.create(body="x")
    page = raw.get(f"{channel_path}/Messages?PageToken=1000")
    assert (page["messages"], page["meta"]["next_page_url"]) == ([], None)


def test_the_library_walks_pages_back_and_forth(service: ServiceContext):
    created = sids(service.users.create(identity=f"user {number}") for number in range(5))
    first = service.users.page(page_size=2)
    assert sids(first) == created[:2]
    second = first.next_page()
    assert second is not None
    assert sids(second) == created[2:4]
    back = second.previous_page()
    assert back is not None
    assert sids(back) == created[:2]
    assert second.next_page().next_page() is None


def test_services_are_paged_too(raw: Raw, twilio: Client, world: Any):
    created = sids(twilio.chat.v2.services.create(friendly_name="x") for _ in range(5))
    assert pages(raw, "/chat/v2/Services?PageSize=2", "services") == [created[:2], created[2:4], created[4:]]


def test_a_list_longer_than_a_megabyte_is_shown_whole(raw: Raw, channel: ChannelContext, channel_path: str):
    created = sids(channel.messages.create(body="x" * 32_000) for _ in range(40))
    assert [message["sid"] for message in raw.get(f"{channel_path}/Messages")["messages"]] == created
