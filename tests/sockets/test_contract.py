"""The tables of `docs/sockets.md` against the code, and the tests of this folder against both."""

from __future__ import annotations

import re
import typing
from functools import cache

import pytest

from local.home import REPOSITORY
from parley import stored
from parley.domain.roles import PERMISSIONS
from parley.sockets import reasons
from parley.sockets.events import EVENTS
from parley.sockets.native.actions import ACTIONS
from parley.sockets.native.rendering import PUSHES
from parley.store.changes import Change
from tests.sockets.deployment import Device, House, Room, conversed
from tests.sockets.proofs import proven
from tests.support.proofs import NotProven, require_proof

# Of connections and not of changes; API Gateway answers a ping by itself.
OF_CONNECTIONS = {"typingStarted", "pushesMissed", "tokenAboutToExpire", "tokenExpired", "connectionError"}
OF_CHANGES = {push.name for push in PUSHES.values()}
ANSWERED_BY_API_GATEWAY = {"ping"}
KINDS = {"channel", "user_channel", "member", "message", "invite", "user", "last_message_index"}


@cache
def document() -> str:
    return (REPOSITORY / "docs" / "sockets.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of a table's rows."""
    table = document().partition(f"| {heading} |")[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines()[1:] if line.startswith("|") and not line.startswith("| ---")]
    return [re.split(r"\s*\|\s*", line.strip("| ")) for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_documentation_lists_exactly_the_actions_that_there_are() -> None:
    documented = [names(row[0]) for row in rows("Action")]
    assert all(len(found) == 1 for found in documented)
    listed = {found[0] for found in documented}
    assert listed == {*ACTIONS} | ANSWERED_BY_API_GATEWAY, "each action has a row in the table of docs/sockets.md"
    assert len(listed) == len(documented)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_is_done_by_some_test(action: str) -> None:
    assert action in proven(), "a test of this folder has to do it and say so: `@pytest.mark.converses`"


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_result_has_the_status_that_the_documentation_gives(action: str) -> None:
    said = next((re.search(r"\b(201|204)\b", row[2]) for row in rows("Action") if names(row[0]) == [action]), None)
    assert ACTIONS[action].status == (int(said[1]) if said else 200)


def test_the_rights_that_the_documentation_names_exist() -> None:
    named = {name for row in rows("Action") for name in names(row[3])}
    # `..MessageAttributes` stands for two.
    assert named <= set(PERMISSIONS)
    assert set(PERMISSIONS) - named == {"editAnyMessageAttributes", "editOwnMessageAttributes"}


def test_the_documentation_lists_exactly_the_events_that_there_are_and_what_they_carry() -> None:
    documented: dict[str, set[str]] = {}
    for row in rows("Event"):
        shown = {name for cell in row[1:] for name in names(cell)} & KINDS
        documented |= dict.fromkeys(names(row[0]), shown)
    told: dict[str, set[str]] = {}
    for push in PUSHES.values():
        told[push.name] = told.get(push.name, set()) | set(push.shows)
    assert {event: shown for event, shown in documented.items() if event not in OF_CONNECTIONS} == told
    assert set(documented) >= OF_CONNECTIONS


@pytest.mark.parametrize("event", sorted(OF_CHANGES | OF_CONNECTIONS))
def test_every_event_is_heard_by_some_test(event: str) -> None:
    assert event in proven(), "a test of this folder has to hear it and say so: `@pytest.mark.converses`"


def test_no_mark_names_anything_else() -> None:
    assert proven() == set(ACTIONS) | OF_CHANGES | OF_CONNECTIONS


@pytest.fixture
def listening(house: House, room: Room) -> Device:
    """A device of bob that has heard of what was there before."""
    device = house.device("bob")
    room.post("hello")
    assert "messageAdded" in device.events()
    return device


def test_a_refused_action_and_an_event_from_before_the_test_prove_nothing(
    alice: Device, listening: Device, room: Room
) -> None:
    assert alice.refusal("fetchChannel", channel="nowhere") == (404, 20404)
    assert conversed == set()
    alice.done("fetchSession")
    room.update(FriendlyName="renamed")
    assert listening.events() == ["channelUpdated"]
    assert conversed == {"fetchSession", "channelUpdated"}
    with pytest.raises(NotProven, match="fetchChannel"):
        require_proof(["fetchSession", "fetchChannel"], conversed)


def test_the_documentation_lists_exactly_the_reasons_that_there_are() -> None:
    documented = {row[0]: names(row[1]) for row in rows("Of")}
    # A member's notification level is told to the member alone, as an update of the channel.
    told = {kind: set(reasons.every_reason(kind)) for kind in documented}
    told["member"].remove("notificationLevel")
    told["channel"].add("notificationLevel")
    assert {kind: set(found) for kind, found in documented.items()} == told, "docs/sockets.md lists the reasons"
    assert set(documented) == {"channel", "member", "message", "user"}


@pytest.mark.parametrize(
    ("kind", "stored_as"),
    [("channel", stored.Channel), ("member", stored.Member), ("message", stored.Message), ("user", stored.User)],
)
def test_every_attribute_that_is_stored_says_what_clients_are_told_of_it(kind: str, stored_as: type) -> None:
    """A change of which nothing said anything used to be told as `channelAdvanced`, without its content."""
    assert set(typing.get_type_hints(stored_as)) - reasons.BOOKKEEPING <= reasons.declared(kind)


def test_a_change_of_an_undeclared_field_is_told_as_an_update(room: Room) -> None:
    change = Change("member", "updated", {"service_sid": "IS", "hat": "red"}, {"service_sid": "IS"}, {}, "1")
    names = [event.name for event in EVENTS["member", "updated"] if event.when(change, {})]
    assert names == ["member_updated"]
