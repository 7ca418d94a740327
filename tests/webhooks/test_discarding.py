"""When the record of a file is gone, whatever removed it, its object is deleted; nothing else deletes objects."""

from __future__ import annotations

from typing import Any

import pytest

from parley.errors import UNAVAILABLE
from parley.jobs import Again
from parley.operations.context import Caller
from parley.operations.sweeps import sweep
from parley.store import keys
from parley.store.keys import Key
from tests.sockets.deployment import House, Room
from tests.support.files import UNATTACHED_SECONDS, store
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.sweeping import do, items, late_after, sweep_among_deaths

HOUR = 3600


@pytest.fixture
def room(house: House) -> Room:
    return house.channel("alice", Type="private")


def files(house: House) -> list[str]:
    """The SIDs of the files whose objects are in the bucket."""
    objects = house.deployment.world.store.keys()
    return sorted(key.rpartition("/")[2] for key in objects)


def records(house: House, *sids: str) -> set[str]:
    """Those of the files whose records are there."""
    found = house.deployment.world.table.fetch_many(map(keys.media, sids))
    return {record["sid"] for record in found.values()}


def sent(house: House, room: Room, *sids: str) -> Any:
    """A message with these files."""
    path = f"/conversations/v1/Services/{house.sid}/Conversations/{room.sid}/Messages"
    return house.rest.post(path, [("MediaSid", sid) for sid in sids])


def stored(house: House, count: int = 1, **fields: Any) -> list[str]:
    return [store(house.deployment.world, house.sid, **fields) for _ in range(count)]


def expire(house: House, *sids: str) -> None:
    """Remove these records as TTL does."""
    house.deployment.world.table.erase_many(map(keys.media, sids))


def test_a_deleted_message_takes_its_files_with_it_and_no_others(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    first, second, other = stored(house, 3)
    message = sent(house, room, first, second)
    sent(house, room, other)
    room.delete(f"/Messages/{message['sid']}")
    assert records(house, first, second, other) == {other}
    assert files(house) == sorted([first, second, other])
    assert webhooks.discard_all() == 2
    assert files(house) == [other]


def test_a_message_that_was_written_before_there_were_several_files_takes_its_file_with_it(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    (sid,) = stored(house)
    message = sent(house, room, sid)
    world = house.deployment.world
    key = keys.message(room.sid, message["index"])
    world.table.put_many({key: {**world.table.fetch(key), "media": message["media"][0]}})  # type: ignore[dict-item]
    room.delete(f"/Messages/{message['sid']}")
    assert (webhooks.discard_all(), files(house)) == (1, [])


def test_a_message_that_is_not_deleted_keeps_its_files(house: House, room: Room, webhooks: WebhooksFunction) -> None:
    room.add("bob")
    (sid,) = stored(house)
    message = sent(house, room, sid)
    path = f"/Messages/{message['sid']}"
    assert house.device("bob").refusal("deleteMessage", channel=room.sid, message=message["index"]) == (403, 50107)
    room.update(path, Attributes="[]")
    assert (webhooks.discard_all(), files(house)) == (0, [sid])


@pytest.mark.parametrize("looks", [None, 1])
def test_a_deleted_channel_leaves_no_file_wherever_its_sweep_stops(
    house: House, room: Room, webhooks: WebhooksFunction, looks: int | None
) -> None:
    sids = stored(house, 130)
    for start in range(0, 30, 3):
        sent(house, room, *sids[start : start + 3])
    for sid in sids[30:]:
        sent(house, room, sid)
    room.post("no file")
    room.delete()
    job = {"kind": "channel", "sid": room.sid, "at": house.deployment.world.clock.now_ms()}
    left: Again | None = Again()
    while looks is not None and left:
        left = sweep(house.deployment.world.context(Caller()), job, late_after(looks))
        looks += 1
    webhooks.sweep_all()
    assert webhooks.discard_all() == 130
    assert (records(house, *sids), files(house)) == (set(), [])


# A sweep erases messages with its fifth request at the latest.
@pytest.mark.parametrize("every", [5, 6, 7])
def test_a_sweep_that_is_killed_anywhere_leaves_no_file_without_its_message(
    house: House, room: Room, webhooks: WebhooksFunction, every: int
) -> None:
    sids = stored(house, 40)
    for sid in sids:
        sent(house, room, sid)
    room.delete()
    job = {"kind": "channel", "sid": room.sid, "at": house.deployment.world.clock.now_ms()}
    sweep_among_deaths(house, job, every)
    assert (webhooks.discard_all(), files(house)) == (40, [])


def test_a_message_that_comes_after_the_sweep_of_its_channel_takes_its_file_along(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    (sid,) = stored(house)
    table = house.deployment.world.table
    plain = table._call

    def deleting(operation: str, **request: Any) -> Any:
        """Delete and sweep the channel between the taking of the index and the writing of the message."""
        if operation == "transact_write_items":
            table._call = plain  # type: ignore[method-assign]
            webhooks.skip_stream()
            room.delete()
            webhooks.sweep_all()
        return plain(operation, **request)

    table._call = deleting  # type: ignore[method-assign]
    do(house, "message", room, {"media_sids": [sid]})
    assert (webhooks.discard_all(), records(house, sid)) == (0, {sid})
    assert webhooks.look_again() == 1
    assert (webhooks.discard_all(), files(house)) == (1, [])


def test_a_deleted_service_leaves_no_file_not_even_one_that_waits_for_its_message(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    sids = stored(house, 130)
    for sid in sids[:5]:
        sent(house, room, sid)
    on_its_way = stored(house, 1, state="uploading")
    other = House(house.deployment)
    (theirs,) = stored(other)
    assert house.rest("DELETE", house.path).status == 204
    webhooks.sweep_all()
    assert webhooks.discard_all() == 131
    assert (records(house, *sids, *on_its_way), files(house)) == (set(), [theirs])


def test_a_file_is_listed_as_waiting_until_a_message_carries_it(house: House, room: Room) -> None:
    first, second = stored(house, 2)
    sent(house, room, first)
    found = house.deployment.world.table.page(keys.waiting_media(house.sid), 10).found
    assert [item.key for item in found] == [keys.media(second)]


def test_a_deleted_user_leaves_the_files_of_messages_where_they_are_and_the_others_expire(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    kept, waiting = stored(house, 2, author="alice")
    house.device("alice").done("sendMessage", channel=room.sid, media_sid=kept)
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    webhooks.sweep_all()
    assert (webhooks.discard_all(), records(house, kept, waiting)) == (0, {kept, waiting})
    house.deployment.world.clock.advance(UNATTACHED_SECONDS)
    (item,) = items(house, keys.media(waiting).pk)
    assert int(item["expires_at"]["N"]) <= house.deployment.world.clock.now_ms() // 1000
    assert ["expires_at" in item for item in items(house, keys.media(kept).pk)] == [False]
    expire(house, waiting)
    assert (webhooks.discard_all(), files(house)) == (1, [kept])


@pytest.mark.parametrize(("state", "hours"), [("ready", 1), ("uploading", 12)])
def test_an_object_that_an_upload_brings_back_is_deleted_when_no_upload_can_come_any_more(
    house: House, webhooks: WebhooksFunction, state: str, hours: int
) -> None:
    (sid,) = stored(house, state=state)
    expire(house, sid)
    webhooks.discard_all()
    assert files(house) == []
    house.deployment.world.store.port.put(f"{house.sid}/{sid}", b"abc", "image/png")
    waited, clock = 0, house.deployment.world.clock
    while webhooks.work.discards:
        pause = webhooks.work.discard_delays[-1]
        waited += pause
        clock.advance(pause)
        webhooks.discard_all()
    assert files(house) == []
    assert hours * HOUR <= waited < hours * HOUR + 900


def test_the_object_of_an_old_record_is_deleted_once(house: House, webhooks: WebhooksFunction) -> None:
    (sid,) = stored(house)
    house.deployment.world.clock.advance(HOUR)
    expire(house, sid)
    assert (webhooks.discard_all(), webhooks.work.discards, files(house)) == (1, [], [])


def test_a_job_that_the_store_refuses_comes_back_and_deletes_the_rest(
    house: House, webhooks: WebhooksFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    sids = stored(house, 3)
    house.deployment.world.clock.advance(HOUR)
    expire(house, *sids)
    webhooks.plan()
    (job,) = webhooks.work.discards
    port = webhooks.container.store.port
    plain, calls = port.delete, 0

    def failing(key: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise UNAVAILABLE()
        plain(key)

    monkeypatch.setattr(port, "delete", failing)
    assert len(webhooks.discard(job)) == 1
    assert len(files(house)) == 2
    assert webhooks.discard(job) == []
    assert files(house) == []


def test_a_removal_that_the_stream_tells_twice_does_no_harm(house: House, webhooks: WebhooksFunction) -> None:
    gone, there = stored(house, 2)
    house.deployment.world.clock.advance(HOUR)
    expire(house, gone)
    changes = webhooks.new_changes()
    for _ in range(2):
        webhooks.plan_records(changes)
        assert webhooks.discard_all() == 1
        assert files(house) == [there]


def test_one_job_deletes_up_to_twenty_five_objects(house: House, webhooks: WebhooksFunction) -> None:
    expire(house, *stored(house, 30))
    webhooks.plan()
    assert [len(entry["objects"]) for entry in webhooks.work.discards] == [25, 5]


def test_the_removal_of_anything_else_deletes_nothing(house: House, room: Room, webhooks: WebhooksFunction) -> None:
    """A tombstone that expires stands under the key of what was there, but a file leaves none."""
    (sid,) = stored(house)
    sent(house, room, sid)
    message = keys.message(room.sid, 0)
    house.deployment.world.table.erase_many([message, Key("MEDIA#x", "OTHER")])
    assert (webhooks.discard_all(), files(house)) == (0, [sid])


def test_a_sweep_asks_for_files_only_where_messages_carry_some(
    house: House, room: Room, webhooks: WebhooksFunction
) -> None:
    """A channel with a member and 300 messages: as many requests as when there were no files."""
    table = house.deployment.world.table
    requests: dict[str, int] = {}
    plain = table._call

    def counting(operation: str, **request: Any) -> Any:
        requests[operation] = requests.get(operation, 0) + 1
        return plain(operation, **request)

    made = {keys.message(room.sid, index): {"index": index, "sid": f"IM{index}"} for index in range(300)}
    table.put_many(made)
    room.delete()
    job = {"kind": "channel", "sid": room.sid, "at": house.deployment.world.clock.now_ms()}
    context = house.deployment.world.context(Caller())
    sweep(context, {**job, "sid": "CH" + "0" * 32}, lambda: False)
    table._call = counting  # type: ignore[method-assign]
    sweep(context, job, lambda: False)
    assert requests == {"query": 6, "transact_write_items": 1, "batch_write_item": 13}
