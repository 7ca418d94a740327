"""What every update does and how long every text may be, asked once over the table of operations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rest.everything import FORMS, OPERATIONS, Operation, make
from tests.rest.support import unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock
from tests.support.world import World

FACES = ("/chat", "/2010")
RENAMED = {"friendly_name": "renamed"}
# Resource -> what the update of `FORMS` changes, as it is shown at noon and a minute.
CHANGED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("service", "user", "channel", "credential", "api_key"), RENAMED),
    "role": {"permissions": ["leaveChannel", "sendMessage"]},
    "user_channel": {"notification_level": "muted"},
    "channel_webhook": {"configuration": {"flow_sid": "FW" + "0a" * 16, "retry_count": 1}},
    "member": {"last_consumed_message_index": 7, "last_consumption_timestamp": "2026-01-15T12:01:00Z"},
    "message": {"body": "changed", "was_edited": True, "last_updated_by": "system"},
}
UPDATES = [
    each
    for each in OPERATIONS
    if each.verb == "update" and each.resource != "channel_migration" and each.mount.face.prefix.startswith(FACES)
]


@pytest.mark.parametrize("operation", UPDATES, ids=lambda operation: operation.name)
def test_an_update_changes_what_it_names_and_the_date_and_nothing_else(
    raw: Raw, world: World, clock: FakeClock, operation: Operation
):
    items = make(raw, world.context())
    path = operation.path(items.of(operation))
    before = raw.get(path)
    clock.advance(60 - (clock.now_ms() % 60_000) / 1000)
    after = operation.ask(raw, items.of(operation)).json
    changed = {name: value for name, value in CHANGED[operation.resource].items() if name in before}
    assert {**after, "date_updated": ""} == {**before, **changed, "date_updated": ""} | (
        {} if "date_updated" in before else {"date_updated": ""}
    )
    if "date_updated" in before:
        assert (after["date_created"], before["date_updated"]) == (before["date_created"], before["date_created"])
        assert "12:01:00" in after["date_updated"]
    assert raw.get(path) == after
    listing = next(each for each in OPERATIONS if each.mount is operation.mount and each.verb == "list")
    page = raw.get(listing.path(items.of(listing)), PageSize=50)
    shown = {**after, "attributes": None} if "/v1" in path and "attributes" in after else after
    assert shown in next(value for value in page.values() if isinstance(value, list))


def too_long(name: str, most: int) -> str:
    return f"{name} is too long: at most {most} characters"


def attributes(most: int) -> tuple[str, int, int, str]:
    return "Attributes", most, 50303, f"Attributes are too long: at most {most} bytes"


FRIENDLY = ("FriendlyName", 256, 50003, too_long("Friendly name", 256))
# Resource, parameter, how long it may be, and what is answered to more.
TEXTS: list[tuple[str, str, int, int, str]] = [
    ("service", *FRIENDLY),
    ("role", *FRIENDLY),
    ("user", *FRIENDLY),
    ("channel", *FRIENDLY),
    ("credential", *FRIENDLY),
    ("api_key", "FriendlyName", 64, 50003, too_long("Friendly name", 64)),
    ("channel", "UniqueName", 256, 50004, too_long("Unique name", 256)),
    ("channel", "CreatedBy", 256, 50310, too_long("Author", 256)),
    ("message", "From", 256, 50310, too_long("Author", 256)),
    ("message", "LastUpdatedBy", 256, 50505, too_long("LastUpdatedBy", 256)),
    *((name, "Identity", 256, 50207, too_long("Identity", 256)) for name in ("user", "member", "invite")),
    ("channel", *attributes(16384)),
    *((name, *attributes(4096)) for name in ("user", "member", "message")),
]
# What no update takes.
FIXED = {("role", "FriendlyName"), *((name, "Identity") for name in ("user", "member", "invite"))}


@pytest.mark.parametrize(("resource", "name", "most", "code", "text"), TEXTS, ids=lambda value: str(value)[:12])
def test_a_text_may_be_so_long_and_not_longer(
    raw: Raw, door: Door, world: World, resource: str, name: str, most: int, code: int, text: str
):
    items = make(raw, world.context())
    operations = {each.verb: each for each in OPERATIONS if each.resource == resource and "v1" not in each.name}
    create, listing = operations["create"], operations["list"]
    path = create.path(items.of(create))
    # In bytes or in characters of two bytes.
    longest = json.dumps("x" * (most - 2)) if name == "Attributes" else "ż" * most
    with unchanged(raw, listing.path(items.of(listing))):
        assert raw("POST", path, {**create.form, name: longest + " "}).refusal() == (400, code, text)
    made = raw.post(path, {**create.form, name: longest})
    assert longest in made.values()
    if (resource, name) not in FIXED:
        update = operations["update"]
        url = update.path({**items.of(update), "sid": made["sid"]})
        with unchanged(raw, url):
            assert raw("POST", url, {**update.form, name: longest + " "}).refusal() == (400, code, text)
        assert longest in raw.post(url, {**update.form, name: longest}).values()


def test_every_form_that_is_updated_has_its_change_here():
    assert (
        {operation.resource for operation in UPDATES}
        == set(CHANGED)
        == {resource for resource, verb in FORMS if verb == "update" and resource != "channel_migration"}
    )
