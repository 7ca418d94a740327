"""Tombstones are erased when nothing under way can need them, and returning clients hear of deletions all the same."""

from __future__ import annotations

from typing import Any

from parley.operations import burials
from parley.store.keys import Key
from tests.sockets.deployment import House, Room
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import items


def tombstones(house: House, partition: str) -> list[dict[str, Any]]:
    return [item for item in items(house, partition) if "deleted_at" in item]


def test_records_that_were_deleted_in_a_channel_leave_no_tombstones_after_two_minutes(
    house: House, webhooks: WebhooksFunction
) -> None:
    room = house.channel("alice", "bob")
    message = room.post("x")
    room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/bob")
    assert len(tombstones(house, f"CHANNEL#{room.sid}")) == 2
    webhooks.plan()
    assert webhooks.work.burial_delays == [burials.DELAY_SECONDS]
    assert webhooks.bury_all() == 2
    assert tombstones(house, f"CHANNEL#{room.sid}") == []
    assert [member["identity"] for member in house.rest.get(f"{room.path}/Members")["members"]] == ["alice"]


def test_roles_and_keys_leave_no_tombstones_either(house: House, webhooks: WebhooksFunction) -> None:
    role = house.role("spare", "channel", ["sendMessage"])
    assert house.rest("DELETE", f"{house.path}/Roles/{role}").status == 204
    assert len(tombstones(house, f"SERVICE#{house.sid}")) == 1
    assert webhooks.bury_all() == 1
    assert tombstones(house, f"SERVICE#{house.sid}") == []


def test_a_member_who_returned_before_the_tombstone_was_erased_stays(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice", "bob")
    room.delete("/Members/bob")
    webhooks.plan()
    house.rest.post(f"{room.path}/Members", Identity="bob")
    webhooks.bury_all()
    identities = [member["identity"] for member in house.rest.get(f"{room.path}/Members")["members"]]
    assert sorted(identities) == ["alice", "bob"]


def test_a_tombstone_that_was_left_since_is_not_erased_too_early(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice", "bob")
    room.delete("/Members/bob")
    webhooks.plan()
    house.rest.post(f"{room.path}/Members", Identity="bob")
    house.deployment.world.clock.advance(1)
    room.delete("/Members/bob")
    todo, webhooks.work.burials = webhooks.work.burials, []
    context = house.deployment.world.context()
    for entry in todo:
        burials.erase(context, entry)
    assert len(tombstones(house, f"CHANNEL#{room.sid}")) == 1
    assert webhooks.bury_all() == 1


def test_a_hundred_deletions_of_a_batch_are_one_job(house: House, webhooks: WebhooksFunction) -> None:
    room = house.channel("alice")
    for number in range(5):
        room.delete(f"/Messages/{room.post(str(number))['sid']}")
    webhooks.plan()
    assert [len(entry["tombstones"]) for entry in webhooks.work.burials] == [5]
    keys = [Key(pk, sk) for pk, sk, _ in webhooks.work.burials[0]["tombstones"]]
    assert {key.pk for key in keys} == {f"CHANNEL#{room.sid}"}


def _caught_up(house: House, room: Room, mark: int) -> Any:
    device = house.device("alice")
    found = device.done("catchUp", channels={room.sid: mark})
    device.close()
    return found["channels"][room.sid]


def test_catching_up_tells_the_same_with_and_without_tombstones(house: House, webhooks: WebhooksFunction) -> None:
    """Without its tombstone, a message that came and went left a hole, and a member could not be told of."""
    room = house.channel("alice", "bob")
    kept = room.post("kept")
    mark = _seq(house, room)
    gone = [room.post(str(number)) for number in range(3)]
    for message in [kept, *gone[:2]]:
        room.delete(f"/Messages/{message['sid']}")
    room.delete("/Members/bob")
    house.deployment.world.clock.advance(3 * 60)
    before = _caught_up(house, room, mark)
    assert before["status"] == "changes"
    assert {event["event"] for event in before["events"]} == {"messageAdded", "messageRemoved", "memberLeft"}
    assert webhooks.bury_all() == 4
    after = _caught_up(house, room, mark)
    assert [_told(event) for event in after["events"]] == [_told(event) for event in before["events"]]
    assert (after["status"], after["seq"], after["more"]) == (before["status"], before["seq"], before["more"])


def _seq(house: House, room: Room) -> int:
    device = house.device("alice")
    channel = device.done("fetchChannel", channel=room.sid)
    device.close()
    found = channel.get("channel", channel)
    return int(found["seq"])


def _told(event: dict[str, Any]) -> tuple[Any, ...]:
    subject = event.get("message") or event.get("member")
    return event["event"], event["seq"], subject["sid"], subject.get("index"), subject.get("identity")
