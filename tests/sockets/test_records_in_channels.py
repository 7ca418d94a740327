"""A new type of record below a channel: its declaration, its place in a face and its key are all that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from parley.faces import chat_v2
from parley.faces.spec import Mount, View
from parley.ids import user_sid
from parley.operations.context import Caller, Context
from parley.operations.sweeps import sweep
from parley.operations.table import table
from parley.records import RECORDS
from parley.records.kinds import Text
from parley.records.spec import FREELY, Field, RecordType
from parley.rest.app import create_app, lambda_handler
from parley.store import keys
from parley.store.keys import Key, Range
from tests.sockets.deployment import Device, Room
from tests.support.doors import LambdaDoor, Raw

NOTE = RecordType(
    name="note",
    prefix="NT",
    parent="channel",
    key=lambda path: Key(f"CHANNEL#{path['channel_sid']}", f"NOTE#{path['sid']}"),
    range=lambda path: Range(f"CHANNEL#{path['channel_sid']}", "NOTE#"),
    fields=(Field("text", Text(100), "A text.", on_create=FREELY),),
)
NOTES = Mount(
    chat_v2.FACE,
    NOTE,
    "/Services/{service_sid}/Channels/{channel_sid}/Notes/{sid}",
    View("sid service_sid channel_sid text date_created date_updated url"),
    create="text!",
    update="text",
)
RECORDS_AND_NOTES = RECORDS.including(NOTE)


@pytest.fixture
def notes(room: Room) -> Raw:
    """The REST door of an application that offers notes too."""
    context = contexts(room)
    handler = lambda_handler(create_app(context, (*chat_v2.MOUNTS, NOTES), table(RECORDS_AND_NOTES)))
    return Raw(LambdaDoor(room.house.deployment.world, handler), checked=False)


def contexts(room: Room) -> Callable[[Caller], Context]:
    return lambda caller: replace(room.house.deployment.world.context(caller), records=RECORDS_AND_NOTES)


def caught_up(device: Device, room: Room, mark: int) -> dict[str, Any]:
    answer = device.done("catchUp", channels={room.sid: mark})["channels"][room.sid]
    return {name: answer[name] for name in ("status", "seq", "more", "events")}


def seq(room: Room, device: Device) -> int:
    return int(device.done("fetchChannel", channel=room.sid)["seq"])


def test_a_note_is_made_shown_listed_changed_and_deleted(notes: Raw, room: Room):
    answer = notes("POST", f"{room.path}/Notes", {"Text": "first"})
    made = answer.json
    assert (answer.status, made["text"], made["channel_sid"]) == (201, "first", room.sid)
    assert notes.get(f"{room.path}/Notes/{made['sid']}") == made
    other = notes.post(f"{room.path}/Notes", Text="second")
    listed = notes.get(f"{room.path}/Notes?PageSize=1")
    assert (listed["notes"], listed["meta"]["key"]) == ([made], "notes")
    following = listed["meta"]["next_page_url"].partition("/prod")[2]
    assert notes.get(following)["notes"] == [other]
    changed = notes.post(f"{room.path}/Notes/{made['sid']}", Text="changed")
    assert changed == {**made, "text": "changed", "date_updated": changed["date_updated"]}
    assert notes("DELETE", f"{room.path}/Notes/{made['sid']}").status == 204
    assert notes("GET", f"{room.path}/Notes/{made['sid']}").status == 404
    assert notes("DELETE", f"{room.path}/Notes/{made['sid']}").status == 404
    assert notes.get(f"{room.path}/Notes")["notes"] == [other]


def test_every_change_of_a_note_counts_in_the_channel_and_is_told(notes: Raw, room: Room, alice: Device):
    alice.heard()
    before = seq(room, alice)
    made = notes.post(f"{room.path}/Notes", Text="first")
    notes.post(f"{room.path}/Notes/{made['sid']}", Text="changed")
    notes("DELETE", f"{room.path}/Notes/{made['sid']}")
    heard = [(frame["event"], frame["channel_sid"], frame["seq"]) for frame in alice.heard()]
    assert heard == [("channelAdvanced", room.sid, before + number) for number in (1, 2, 3)]
    assert seq(room, alice) == before + 3


def test_a_client_that_was_away_while_notes_changed_catches_up_without_a_gap(notes: Raw, room: Room, alice: Device):
    before = seq(room, alice)
    made = notes.post(f"{room.path}/Notes", Text="first")
    room.post("hello")
    notes("DELETE", f"{room.path}/Notes/{made['sid']}")
    told = caught_up(alice, room, before)
    assert (told["status"], told["seq"], told["more"]) == ("changes", before + 3, False)
    assert [event["event"] for event in told["events"]] == ["messageAdded"]


def test_a_note_is_refused_in_a_deleted_channel_also_where_the_channel_is_remembered(notes: Raw, room: Room):
    made = notes.post(f"{room.path}/Notes", Text="first")
    # Another container deletes the channel, so that this one still remembers it.
    world = room.house.deployment.world
    elsewhere = Raw(LambdaDoor(world.another_container()), checked=False)
    assert elsewhere("DELETE", room.path).status == 204
    paths = {
        "POST": [f"{room.path}/Notes", f"{room.path}/Notes/{made['sid']}"],
        "DELETE": [f"{room.path}/Notes/{made['sid']}"],
    }
    for verb, of_verb in paths.items():
        for path in of_verb:
            answer = notes(verb, path, {"Text": "late"} if verb == "POST" else None)
            assert (answer.status, answer.json["code"]) == (404, 20404), (verb, path)
    world.clock.advance(11)
    for path in (f"{room.path}/Notes", f"{room.path}/Notes/{made['sid']}"):
        assert notes("GET", path).status == 404


def test_a_note_of_another_channel_or_service_is_not_found(notes: Raw, room: Room):
    made = notes.post(f"{room.path}/Notes", Text="first")
    other = room.house.channel()
    service = room.house.rest.post("/chat/v2/Services", FriendlyName="another")["sid"]
    for path in (other.path, f"/chat/v2/Services/{service}/Channels/{room.sid}"):
        for verb in ("GET", "POST", "DELETE"):
            assert notes(verb, f"{path}/Notes/{made['sid']}", {"Text": "x"} if verb == "POST" else None).status == 404


def test_notes_are_swept_with_their_channel(notes: Raw, room: Room):
    made = [notes.post(f"{room.path}/Notes", Text=str(number)) for number in range(3)]
    context = contexts(room)(Caller())
    found = [NOTE.key(note) for note in made]
    room.delete()
    assert len(context.table.fetch_many(found)) == 3
    assert sweep(context, {"kind": "channel", "sid": room.sid, "at": context.clock.now_ms()}, lambda: False) is None
    assert len(context.table.fetch_many(found, buried=True)) == 0


def test_a_client_sets_what_the_declaration_lets_it_set_and_nothing_else(room: Room, alice: Device):
    operations = table(RECORDS_AND_NOTES)
    path = {"service_sid": room.house.sid, "channel_sid": room.sid}
    made = operations["note", "create"](asking(room, "alice"), path, {"text": "mine"})
    assert made["text"] == "mine"
    item = {**path, "sid": made["sid"]}
    room.house.device("zoe")
    refused = [
        ("update", item, {"text": "changed"}, "alice", "FORBIDDEN"),
        ("delete", item, {}, "alice", "FORBIDDEN"),
        ("create", path, {"text": "x"}, "zoe", "NOT_A_MEMBER"),
    ]
    for verb, where, given, identity, error in refused:
        with pytest.raises(Exception, match=error):
            operations["note", verb](asking(room, identity), where, given)
    assert operations["note", "fetch"](asking(room, "alice"), item, {})["text"] == "mine"


def asking(room: Room, identity: str) -> Context:
    user = room.house.deployment.world.table.fetch(keys.user(user_sid(room.house.sid, identity)))
    return contexts(room)(Caller("SDK", identity, birth=user["birth"] if user else ""))
