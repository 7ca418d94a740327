"""Deleting what has much below it: hidden at once, swept in steps that may stop or die anywhere, counters right after.

The steps are cut short here after a few looks at the clock, so nothing depends on how much there is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from parley.ids import message_sid
from parley.operations.sweeps import sweep
from parley.store import keys
from parley.store.keys import Range
from parley.store.writes import Put
from tests.rest.support import at_once, refused, unchanged
from tests.support.doors import Raw
from tests.support.world import World

MESSAGES = 300
MANY_MESSAGES = 2_000
CHANNELS = 200
MEMBERS = 30


class Killed(Exception):
    """A function's container is gone."""


def after(looks: int, otherwise: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    """A sweep's `is_late` that says yes, or dies, after being asked so many times."""
    asked = iter(range(looks))
    return lambda: otherwise() if next(asked, None) is None else False


def die() -> bool:
    raise Killed


def job(kind: str, sid: str, world: World) -> dict[str, Any]:
    """What the stream would queue now for a deletion."""
    entry = {"kind": kind, "sid": sid, "at": world.clock.now_ms()}
    key = keys.user(sid)
    return entry | ({"birth": world.table.fetch_many([key], buried=True)[key]["birth"]} if kind == "user" else {})


def finish(world: World, jobs: Iterable[dict[str, Any]], looks: int = 40) -> int:
    """Do the steps of sweeps in turn until all are done; how many steps it took."""
    waiting, steps = list(jobs), 0
    while waiting:
        steps += 1
        assert steps < 5_000, "a sweep does not come to an end"
        entry = waiting.pop(0)
        if sweep(world.context(), entry, after(looks)):
            waiting.append(entry)
    return steps


def remains(world: World, where: Range) -> list[str]:
    """The sort keys of what is still in a range, tombstones included."""
    return [item.key.sk for item in world.table.page(where, 10_000, buried=True).found]


def fill(world: World, service_sid: str, channel_sid: str, count: int) -> None:
    """Put messages into a channel without creating them one by one."""
    cause = world.context().cause()
    for start in range(0, count, 50):
        world.table.commit(
            cause,
            [
                Put(
                    keys.message(channel_sid, index),
                    {
                        "sid": message_sid(channel_sid, index),
                        "service_sid": service_sid,
                        "channel_sid": channel_sid,
                        "index": index,
                        "body": "x",
                        "author": "system",
                        "date_created": 0,
                        "date_updated": 0,
                    },
                )
                for index in range(start, min(start + 50, count))
            ],
        )


@pytest.fixture
def busy(world: World, service: ServiceContext, service_sid: str) -> str:
    """A channel with many messages, some members, invites, webhooks and a log; its SID."""
    sid = service.channels.create(unique_name="team").sid
    channel = service.channels(sid)
    for number in range(MEMBERS):
        channel.members.create(identity=f"user {number}")
    channel.invites.create(identity="bob")
    channel.webhooks.create(type="studio", configuration_flow_sid="FW" + "0a" * 16)
    fill(world, service_sid, sid, MESSAGES)
    return sid


def test_a_deleted_channel_is_hidden_at_once_with_all_in_it(
    raw: Raw, service: ServiceContext, service_path: str, busy: str
):
    message = message_sid(busy, MESSAGES - 1)
    assert service.channels(busy).delete() is True
    path = f"{service_path}/Channels/{busy}"
    for below in ("", "/Messages", f"/Messages/{message}", "/Members", "/Members/user%201", "/Invites", "/Webhooks"):
        assert raw("GET", path + below).refusal()[:2] == (404, 20404), below
    writes = [
        ("POST", "", {"FriendlyName": "x"}),
        ("DELETE", "", {}),
        ("POST", "/Messages", {"Body": "x"}),
        ("POST", f"/Messages/{message}", {"Body": "x"}),
        ("DELETE", f"/Messages/{message}", {}),
        ("POST", "/Members", {"Identity": "carol"}),
        ("DELETE", "/Members/user%201", {}),
        ("POST", "/Invites", {"Identity": "carol"}),
        ("POST", "/Webhooks", {"Type": "studio", "Configuration.FlowSid": "FW" + "0a" * 16}),
    ]
    with unchanged(raw, f"{service_path}/Users"):
        for verb, below, form in writes:
            assert raw(verb, path + below, form).refusal()[:2] == (404, 20404), (verb, below)
    assert raw.get(f"{service_path}/Channels")["channels"] == []
    assert raw.get(f"{service_path}/Users/user%201/Channels")["channels"] == []
    assert raw.get(f"{service_path}/Users/bob/Channels")["channels"] == []


def test_the_unique_name_of_a_deleted_channel_is_free_at_once(world: World, service: ServiceContext, busy: str):
    service.channels(busy).delete()
    again = service.channels.create(unique_name="team")
    service.channels("team").members.create(identity="user 1")
    service.channels("team").messages.create(body="new")
    assert finish(world, [job("channel", busy, world)])
    assert service.channels("team").fetch().sid == again.sid
    assert [message.body for message in service.channels("team").messages.list()] == ["new"]
    assert service.users("user 1").fetch().joined_channels_count == 1


def test_a_sweep_in_small_steps_removes_everything_and_counts_right(
    world: World, service: ServiceContext, service_sid: str, busy: str
):
    other = service.channels.create().sid
    service.channels(other).members.create(identity="user 1")
    fill(world, service_sid, busy, MANY_MESSAGES)
    service.channels(busy).delete()
    assert finish(world, [job("channel", busy, world)], looks=10) > 5
    left = remains(world, Range(f"CHANNEL#{busy}", ""))
    assert left == ["CHANNEL", "TAIL"]
    counts = {user.identity: user.joined_channels_count for user in service.users.list()}
    assert counts == {"bob": 0, **{f"user {number}": int(number == 1) for number in range(MEMBERS)}}
    # What remains are tombstones that DynamoDB removes by itself.
    for key in (keys.channel(busy), keys.tail(busy)):
        item = world.table._client.get_item(
            TableName=world._table_name, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}}
        )["Item"]
        assert int(item["expires_at"]["N"]) > world.clock.now_ms() // 1000
        assert "deleted_at" in item


def test_a_sweep_that_is_killed_anywhere_is_finished_by_the_next(world: World, service: ServiceContext, busy: str):
    service.channels(busy).delete()
    entry = job("channel", busy, world)
    # In its loops over members, before and after its last look, and between the kinds of things below a channel.
    killed = 0
    for looks in (1, 2, 7, 11, 9, 3, 4, 5, 6):
        try:
            sweep(world.another_container().context(), entry, after(looks, die))
        except Killed:
            killed += 1
    assert killed > 6
    finish(world, [entry])
    assert remains(world, Range(f"CHANNEL#{busy}", "")) == ["CHANNEL", "TAIL"]
    assert {user.joined_channels_count for user in service.users.list()} == {0}


def test_two_sweeps_at_once_do_each_other_no_harm(world: World, service: ServiceContext, busy: str):
    service.channels(busy).delete()
    entry = job("channel", busy, world)
    at_once(3, lambda number: finish(world.another_container(), [entry]))
    assert remains(world, Range(f"CHANNEL#{busy}", "")) == ["CHANNEL", "TAIL"]
    assert {user.joined_channels_count for user in service.users.list()} == {0}


def test_sweeping_again_what_is_swept_changes_nothing(
    world: World, raw: Raw, service: ServiceContext, service_path: str, busy: str
):
    service.channels(busy).delete()
    entry = job("channel", busy, world)
    finish(world, [entry])
    with unchanged(raw, f"{service_path}/Users"):
        finish(world, [entry])


@pytest.fixture
def large(world: World, service: ServiceContext, service_sid: str) -> list[str]:
    """The service with many channels, of which alice is in some; their SIDs."""
    cause = world.context().cause()
    made = [
        service.channels.create(type=("public", "private")[number % 2], unique_name=f"c{number}").sid
        for number in range(20)
    ]
    for sid in made[:5]:
        service.channels(sid).members.create(identity="alice")
        service.channels(sid).messages.create(body="x")
    # The others are copies, made without the cost of creating them.
    model, tail = world.table.fetch(keys.channel(made[10])) or {}, world.table.fetch(keys.tail(made[10])) or {}
    del model["unique_name"]
    for _ in range((CHANNELS - len(made)) // 20):
        writes = []
        for _ in range(20):
            sid = world.ids.sid("CH")
            made.append(sid)
            writes += [Put(keys.channel(sid), {**model, "sid": sid}), Put(keys.tail(sid), tail)]
            writes.append(Put(keys.channel_listing(service_sid, model["type"], sid), {"channel_sid": sid}))
        world.table.commit(cause, writes)
    return made


def test_a_deleted_service_is_hidden_at_once_with_all_in_it(
    raw: Raw, service: ServiceContext, service_sid: str, service_path: str, large: list[str]
):
    role = service.fetch().default_channel_role_sid
    assert service.delete() is True
    text = f"The requested resource /Services/{service_sid} was not found"
    with refused(404, 20404, text):
        service.fetch()
    below = ["Users", "Users/alice", "Users/alice/Channels", "Roles", f"Roles/{role}", "Bindings", "Channels"]
    below += [f"Channels/{large[0]}{kind}" for kind in ("", "/Members", "/Messages", "/Invites", "/Webhooks")]
    for path in below:
        assert raw("GET", f"{service_path}/{path}").refusal()[:2] == (404, 20404), path
    assert raw("POST", f"{service_path}/Channels", {}).status == 404
    assert raw("POST", f"{service_path}/Channels/{large[0]}/Messages", {"Body": "x"}).status == 404
    assert raw("DELETE", service_path).status == 404
    assert service_sid not in {found["sid"] for found in raw.get("/chat/v2/Services", PageSize=100)["services"]}


def test_the_sweep_of_a_service_leaves_nothing_of_it(
    world: World, service: ServiceContext, service_sid: str, large: list[str]
):
    for identity in ("bob", "carol"):
        service.users.create(identity=identity)
    users = {user.identity: user.sid for user in service.users.list()}
    service.delete()
    chance = random.Random(1)
    entry = job("service", service_sid, world)
    for _ in range(10):
        with pytest.raises(Killed):
            sweep(world.another_container().context(), entry, after(chance.randrange(1, 20), die))
    assert finish(world, [entry], looks=15) > 5
    # Deleting a channel or user queues its own sweep, which is how members and messages go.
    finish(
        world,
        [job("channel", sid, world) for sid in large] + [job("user", sid, world) for sid in users.values()],
        looks=9,
    )
    assert remains(world, Range(f"SERVICE#{service_sid}", "")) == []
    for sid in large:
        assert set(remains(world, Range(f"CHANNEL#{sid}", ""))) <= {"CHANNEL", "TAIL"}
    for identity, sid in users.items():
        assert world.table.fetch(keys.user(sid)) is None, identity
    for number in range(20):
        assert world.table.fetch(keys.unique_name(service_sid, f"c{number}")) is None
    assert world.table.page(keys.users(service_sid), 10).found == []


def test_two_sweeps_of_a_service_at_once_do_each_other_no_harm(
    world: World, service: ServiceContext, service_sid: str, large: list[str]
):
    for number in range(10):
        service.users.create(identity=f"user {number}")
    service.delete()
    entry = job("service", service_sid, world)
    at_once(3, lambda number: finish(world.another_container(), [entry]))
    assert remains(world, Range(f"SERVICE#{service_sid}", "")) == []


def test_a_deleted_user_leaves_its_channels_and_its_identity_is_free(
    world: World, service: ServiceContext, raw: Raw, service_path: str
):
    channels = [service.channels.create().sid for _ in range(12)]
    for sid in channels:
        service.channels(sid).members.create(identity="alice")
        service.channels(sid).messages.create(body="x", from_="alice")
    user = service.users("alice").fetch()
    entry = job("user", user.sid, world)
    user.delete()
    # Whoever comes back under the identity keeps what it joins from now on.
    world.clock.advance(1)
    service.users.create(identity="alice")
    service.channels(service.channels.create(unique_name="new").sid).members.create(identity="alice")
    finish(world, [entry], looks=4)
    assert [service.channels(sid).fetch().members_count for sid in channels] == [0] * 12
    assert [len(service.channels(sid).members.list()) for sid in channels] == [0] * 12
    assert [len(service.channels(sid).messages.list()) for sid in channels] == [1] * 12
    assert service.channels("new").fetch().members_count == 1
    again = service.users("alice").fetch()
    assert (again.joined_channels_count, len(again.user_channels.list())) == (1, 1)


def test_a_deleted_member_leaves_its_history(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.members.create(identity="alice")
    channel.messages.create(body="x", from_="alice")
    with unchanged(raw, f"{channel_path}/Messages"):
        channel.members("alice").delete()
    fetched = channel.fetch()
    assert (fetched.members_count, fetched.messages_count) == (0, 1)


def test_a_deleted_message_goes_back_to_the_one_before(service: ServiceContext):
    channel = service.channels(service.channels.create().sid)
    made = [channel.messages.create(body=text).sid for text in "abcd"]

    def last() -> str | None:
        link = channel.fetch().links["last_message"]
        return link and link.rpartition("/")[2]

    channel.messages(made[1]).delete()
    assert last() == made[3]
    channel.messages(made[3]).delete()
    assert last() == made[2]
    channel.messages(made[2]).delete()
    assert last() == made[0]
    channel.messages(made[0]).delete()
    assert (last(), channel.fetch().messages_count) == (None, 0)
    assert channel.messages.create(body="e").index == 4
    assert channel.fetch().messages_count == 1
