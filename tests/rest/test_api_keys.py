"""API keys, https://www.twilio.com/docs/iam/api-keys: made with the account's token, used in its place."""

from __future__ import annotations

import re

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.rest.support import Matching, refused, sid, sids
from tests.support.doors import Door, LambdaDoor, Library, Raw
from tests.support.fakes import FakeClock
from tests.support.world import World

RFC_2822 = Matching(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
NO_KEYS_WITH_KEYS = (403, 20006, "Access denied: API keys are managed with the account's auth token")
KINDS = ["Keys", "SigningKeys"]


@pytest.fixture
def keys_path(door: Door) -> str:
    return f"/2010-04-01/Accounts/{door.account_sid}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_key_shows_its_secret_once(raw: Raw, keys_path: str, kind: str):
    body = raw.post(f"{keys_path}/{kind}.json", FriendlyName="the phone app")
    assert body == {
        "sid": sid("SK"),
        "friendly_name": "the phone app",
        "date_created": RFC_2822,
        "date_updated": body["date_created"],
        "secret": Matching("[A-Za-z0-9]{32}"),
    }
    del body["secret"]
    assert raw.get(f"{keys_path}/{kind}/{body['sid']}.json") == body
    listed = raw.get(f"{keys_path}/{kind}.json", PageSize=1000)[{"Keys": "keys", "SigningKeys": "signing_keys"}[kind]]
    assert body in listed
    assert not any("secret" in key for key in listed)


def test_a_key_is_a_signing_key_too(twilio: Client):
    key = twilio.new_signing_keys.create(friendly_name="x")
    assert re.fullmatch("[A-Za-z0-9]{32}", key.secret)
    assert twilio.keys(key.sid).fetch().friendly_name == "x"
    assert twilio.signing_keys(key.sid).fetch().friendly_name == "x"


@pytest.mark.inferred
def test_a_key_needs_no_name(twilio: Client):
    assert twilio.new_keys.create().friendly_name == ""


def test_secrets_are_all_different(twilio: Client):
    assert len({twilio.new_keys.create().secret for _ in range(5)}) == 5


def test_a_key_can_be_renamed_and_keeps_its_secret(twilio: Client, library: Library, clock: FakeClock):
    key = twilio.new_keys.create(friendly_name="x")
    clock.advance(60)
    updated = twilio.keys(key.sid).update(friendly_name="y")
    assert updated.friendly_name == "y"
    assert (updated.date_updated - updated.date_created).total_seconds() == 60
    assert library.client(key.sid, key.secret).chat.v2.services.list() == []


def test_keys_are_listed_oldest_first_in_the_style_of_the_account_api(raw: Raw, keys_path: str, clock: FakeClock):
    created = [raw.post(f"{keys_path}/Keys.json", FriendlyName=name)["sid"] for name in "cab"]
    path = f"{keys_path}/Keys.json"
    body = raw.get(path, PageSize=2)
    following = body.pop("next_page_uri")
    assert [key["sid"] for key in body.pop("keys")] == created[:2]
    assert body == {
        "page": 0,
        "page_size": 2,
        "start": 0,
        "end": 1,
        "first_page_uri": f"{path}?PageSize=2&Page=0",
        "previous_page_uri": None,
        "uri": f"{path}?PageSize=2&Page=0",
    }
    last = raw.get(following)
    assert [key["sid"] for key in last["keys"]] == created[2:]
    assert (last["page"], last["start"], last["end"], last["next_page_uri"]) == (1, 2, 2, None)
    assert [key["sid"] for key in raw.get(last["previous_page_uri"])["keys"]] == created[:2]


def test_the_library_follows_pages_of_keys(twilio: Client, clock: FakeClock):
    created = sids(twilio.new_keys.create(friendly_name=str(number)) for number in range(5))
    assert sids(twilio.keys.list(page_size=2, limit=100)) == created
    assert sids(twilio.signing_keys.list(page_size=2, limit=100)) == created


def test_a_key_stands_for_the_account(twilio: Client, library: Library):
    key = twilio.new_keys.create()
    with_key = library.client(key.sid, key.secret)
    service = with_key.chat.v2.services.create(friendly_name="x")
    assert twilio.chat.v2.services(service.sid).fetch().friendly_name == "x"


def test_a_key_cannot_manage_keys(twilio: Client, library: Library, raw: Raw, keys_path: str):
    key = twilio.new_keys.create()
    with_key = library.client(key.sid, key.secret)
    with refused(*NO_KEYS_WITH_KEYS):
        with_key.new_keys.create()
    with refused(*NO_KEYS_WITH_KEYS):
        with_key.keys(key.sid).delete()
    with refused(*NO_KEYS_WITH_KEYS):
        with_key.signing_keys(key.sid).fetch()
    assert raw("GET", f"{keys_path}/Keys.json", credentials=(key.sid, key.secret)).refusal() == NO_KEYS_WITH_KEYS


def test_a_wrong_secret_is_refused(twilio: Client, raw: Raw):
    key, other = twilio.new_keys.create(), twilio.new_keys.create()
    for secret in ("", key.secret[:-1], key.secret.swapcase(), other.secret, key.sid):
        answer = raw("GET", "/chat/v2/Services", credentials=(key.sid, secret))
        assert answer.refusal() == (401, 20003, "Authenticate")


def test_a_deleted_key_is_refused_at_once_where_it_was_deleted(twilio: Client, library: Library):
    key = twilio.new_keys.create()
    with_key = library.client(key.sid, key.secret)
    with_key.chat.v2.services.create(friendly_name="x")
    assert twilio.keys(key.sid).delete() is True
    with refused(401, 20003, "Authenticate"):
        with_key.chat.v2.services.create(friendly_name="y")
    with pytest.raises(TwilioRestException) as caught:
        twilio.keys(key.sid).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20404)


def test_a_deleted_key_is_refused_everywhere_within_ten_seconds(twilio: Client, world: World, clock: FakeClock):
    elsewhere = LambdaDoor(world.another_container())
    key = twilio.new_keys.create()
    raw = Raw(elsewhere)
    assert raw("GET", "/chat/v2/Services", credentials=(key.sid, key.secret)).status == 200
    twilio.keys(key.sid).delete()
    clock.advance(9)
    assert raw("GET", "/chat/v2/Services", credentials=(key.sid, key.secret)).status == 200
    clock.advance(1)
    answer = raw("GET", "/chat/v2/Services", credentials=(key.sid, key.secret))
    assert answer.refusal() == (401, 20003, "Authenticate")


def test_a_new_key_ring_revokes_every_key_and_leaves_the_auth_token(
    twilio: Client, library: Library, world: World, clock: FakeClock
):
    key = twilio.new_keys.create()
    world.secrets.secrets["root"] = "another root"
    clock.advance(300)
    assert twilio.chat.v2.services.list() == []
    again = twilio.new_keys.create()
    assert library.client(again.sid, again.secret).chat.v2.services.list() == []
    assert key.secret != again.secret


# Keys that end by themselves, which Twilio does not have


def test_a_key_with_a_ttl_works_until_its_time_is_over(raw: Raw, keys_path: str, clock: FakeClock):
    key = raw.post(f"{keys_path}/Keys.json", FriendlyName="short", Ttl=60)
    assert set(key) == {"sid", "friendly_name", "date_created", "date_updated", "secret"}
    credentials = (key["sid"], key["secret"])
    clock.advance(59)
    assert raw("GET", "/chat/v2/Services", credentials=credentials).status == 200
    clock.advance(1)
    assert raw("GET", "/chat/v2/Services", credentials=credentials).refusal() == (401, 20003, "Authenticate")


def test_a_key_that_has_ended_is_gone_from_every_verb(raw: Raw, keys_path: str, clock: FakeClock):
    lasting, short = (raw.post(f"{keys_path}/Keys.json", **ttl)["sid"] for ttl in ({}, {"Ttl": 60}))
    assert [key["sid"] for key in raw.get(f"{keys_path}/Keys.json")["keys"]] == [lasting, short]
    clock.advance(60)
    assert [key["sid"] for key in raw.get(f"{keys_path}/Keys.json")["keys"]] == [lasting]
    path = f"{keys_path}/Keys/{short}.json"
    assert raw("GET", path).status == 404
    assert raw("POST", path, {"FriendlyName": "longer"}).status == 404
    assert raw("GET", f"{keys_path}/Keys/{lasting}.json").status == 200


@pytest.mark.parametrize("ttl", ["59", "86401", "", "soon", "1.5"])
def test_a_ttl_is_a_minute_at_least_and_a_day_at_most(raw: Raw, keys_path: str, ttl: str):
    before = raw.get(f"{keys_path}/Keys.json", PageSize=1000)["keys"]
    answer = raw("POST", f"{keys_path}/Keys.json", {"Ttl": ttl})
    reason = "a whole number from 60 to 86400 is needed"
    assert answer.refusal() == (400, 20001, f"Invalid value for parameter Ttl: {reason}")
    assert raw.get(f"{keys_path}/Keys.json", PageSize=1000)["keys"] == before
