"""Services are sealed from each other, and accounts even more so: what is foreign does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.rest import Client
from twilio.rest.chat.v2.service import ServiceContext

from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World


@pytest.fixture
def other_path(twilio: Client) -> str:
    return "/chat/v2/Services/" + twilio.chat.v2.services.create(friendly_name="other").sid


@pytest.fixture
def below(service: ServiceContext) -> list[str]:
    """What is in a service, as paths below it."""
    role = service.roles.create("guest", "channel", ["leaveChannel"])
    user = service.users.create(identity="alice")
    channel = service.channels.create(unique_name="team")
    member = service.channels("team").members.create(identity="alice")
    message = service.channels("team").messages.create(body="x")
    return [
        f"/Roles/{role.sid}",
        f"/Users/{user.sid}",
        "/Users/alice",
        f"/Channels/{channel.sid}",
        "/Channels/team",
        f"/Channels/{channel.sid}/Members/{member.sid}",
        f"/Channels/{channel.sid}/Members/alice",
        f"/Channels/{channel.sid}/Messages/{message.sid}",
        "/Channels/team/Members/alice",
    ]


def attempts(raw: Raw, base: str, below: list[str]) -> Iterator[tuple[str, Any]]:
    for path in below:
        yield path, raw("GET", base + path)
        yield (
            path,
            raw("POST", base + path, {"Attributes": "{}", "Permission": "leaveChannel", "FriendlyName": "stolen"}),
        )
        yield path, raw("DELETE", base + path)


def test_what_is_in_a_service_does_not_exist_in_another(raw: Raw, service_path: str, other_path: str, below: list[str]):
    before = [raw.get(service_path + path) for path in below]
    for path, answer in attempts(raw, other_path, below):
        text = f"The requested resource {other_path.removeprefix('/chat/v2')}{path} was not found"
        assert answer.refusal() == (404, 20404, text)
    assert [raw.get(service_path + path) for path in below] == before


def test_nothing_can_be_put_into_a_channel_of_another_service(
    raw: Raw, service: ServiceContext, service_path: str, other_path: str
):
    channel = service.channels.create(unique_name="team")
    for path, form in (("Members", {"Identity": "mallory"}), ("Messages", {"Body": "x"})):
        assert raw("POST", f"{other_path}/Channels/{channel.sid}/{path}", form).status == 404
        assert raw("GET", f"{other_path}/Channels/{channel.sid}/{path}").status == 404
    fetched = service.channels("team").fetch()
    assert (fetched.members_count, fetched.messages_count) == (0, 0)


def test_the_lists_of_a_service_show_its_own_things_only(raw: Raw, service: ServiceContext, other_path: str):
    service.users.create(identity="alice")
    service.channels.create()
    assert raw.get(f"{other_path}/Users")["users"] == []
    assert raw.get(f"{other_path}/Channels?Type=public&Type=private")["channels"] == []
    assert len(raw.get(f"{other_path}/Roles")["roles"]) == 4


def test_accounts_on_one_table_do_not_meet(
    raw: Raw, service_path: str, below: list[str], lean: LeanClient, world: World
):
    stranger = Raw(LambdaDoor(World(lean, world._table_name)))
    assert stranger.get("/chat/v2/Services")["services"] == []
    for path in ["", "/Roles", "/Users", "/Channels", *below]:
        assert stranger("GET", service_path + path).status == 404


def test_a_parent_in_the_path_must_be_the_real_one(
    raw: Raw, service: ServiceContext, service_path: str, below: list[str]
):
    other = service.channels.create()
    for path in below:
        if path.startswith("/Channels/CH") and path.count("/") > 2:
            kind, _, item = path.split("/", 3)[3].partition("/")
            assert raw("GET", f"{service_path}/Channels/{other.sid}/{kind}/{item}").status == 404
