"""Limits under concurrency: they are counted in the write itself, so writers at the same time get no more than one alone.

Every writer is a container of its own over the same table; who wins is open, how many is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import at_once, refused, sids
from tests.support.doors import LambdaDoor, Raw
from tests.support.files import upload
from tests.support.world import World

WRITERS = 8


def race(world: World, act: Callable[[Raw, int], tuple[int, int]], writers: int = WRITERS) -> Counter[tuple[int, int]]:
    """What so many writers are answered, as status and code, when they all ask at the same moment."""
    return Counter(at_once(writers, lambda number: act(Raw(LambdaDoor(world.another_container())), number)))


def asked(raw: Raw, verb: str, path: str, **form: str) -> tuple[int, int]:
    answer = raw(verb, path, {name.replace("__", "."): value for name, value in form.items()})
    return answer.status, answer.json["code"] if answer.status >= 400 else 0


def test_a_channel_is_never_overfull(world: World, service: ServiceContext, channel: ChannelContext, channel_path: str):
    service.update(limits_channel_members=5)
    found = race(world, lambda raw, number: asked(raw, "POST", f"{channel_path}/Members", Identity=f"user {number}"))
    assert found == {(201, 0): 5, (403, 50403): WRITERS - 5}
    assert channel.fetch().members_count == len(channel.members.list()) == 5


def test_a_user_is_never_in_too_many_channels(world: World, service: ServiceContext, service_path: str):
    service.update(limits_user_channels=3)
    service.users.create(identity="alice")
    channels = [service.channels.create().sid for _ in range(WRITERS)]
    path = f"{service_path}/Channels"
    found = race(world, lambda raw, number: asked(raw, "POST", f"{path}/{channels[number]}/Members", Identity="alice"))
    assert found == {(201, 0): 3, (403, 50208): WRITERS - 3}
    assert service.users("alice").fetch().joined_channels_count == len(service.users("alice").user_channels.list()) == 3


def test_a_channel_never_has_more_than_five_webhooks(world: World, channel: ChannelContext, channel_path: str):
    form = {"Type": "studio", "Configuration__FlowSid": "FW" + "0a" * 16}
    found = race(world, lambda raw, number: asked(raw, "POST", f"{channel_path}/Webhooks", **form))
    assert found == {(201, 0): 5, (400, 50321): WRITERS - 5}
    assert len(channel.webhooks.list()) == 5


ONCE = [
    ("Channels/{}/Members", {"Identity": "alice"}, 50404),
    ("Channels/{}/Invites", {"Identity": "alice"}, 50212),
    ("Users", {"Identity": "alice"}, 50201),
    ("Channels", {"UniqueName": "team"}, 50307),
]


@pytest.mark.parametrize(("below", "form", "code"), ONCE, ids=["member", "invite", "user", "unique name"])
def test_a_unique_record_is_made_once_by_many_at_the_same_time(
    world: World, raw: Raw, service_path: str, channel_sid: str, below: str, form: dict[str, str], code: int
):
    path = f"{service_path}/{below.format(channel_sid)}"
    before = len(raw.get(path)[below.rpartition("/")[2].lower()])
    found = race(world, lambda raw, number: asked(raw, "POST", path, **form))
    assert found == {(201, 0): 1, (409, code): WRITERS - 1}
    assert len(raw.get(path)[below.rpartition("/")[2].lower()]) == before + 1
    if below.endswith("Members"):
        assert raw.get(f"{service_path}/Channels/{channel_sid}")["members_count"] == 1
        assert raw.get(f"{service_path}/Users/alice")["joined_channels_count"] == 1


@pytest.mark.parametrize("invited_before", [False, True])
def test_an_identity_is_never_both_member_and_invited(
    world: World, service: ServiceContext, service_path: str, invited_before: bool
):
    """A join erased the invite that it had seen, so one that was made between its look and its write stayed."""
    for number in range(12):
        channel = service.channels(service.channels.create().sid)
        if invited_before:
            channel.invites.create(identity="somebody else")
        service.users.create(identity=f"user {number}")
        path = f"{service_path}/Channels/{channel._solution['sid']}"

        def act(raw: Raw, writer: int, path: str = path, identity: str = f"user {number}") -> tuple[int, int]:
            return asked(raw, "POST", path + ("/Members", "/Invites")[writer % 2], Identity=identity)

        found = race(world, act, writers=2)
        assert found[201, 0] in (1, 2)
        assert [member.identity for member in channel.members.list()] == [f"user {number}"]
        assert [invite.identity for invite in channel.invites.list()] == ["somebody else"] * invited_before


def test_renaming_to_one_name_succeeds_once(world: World, service: ServiceContext, service_path: str):
    channels = [service.channels.create(unique_name=f"team {number}").sid for number in range(WRITERS)]
    path = f"{service_path}/Channels"
    found = race(world, lambda raw, number: asked(raw, "POST", f"{path}/{channels[number]}", UniqueName="team"))
    assert found == {(200, 0): 1, (409, 50307): WRITERS - 1}
    names = {channel.unique_name for channel in service.channels.list()}
    assert len(names) == WRITERS and "team" in names
    # The winner's old name is free, nobody else's is.
    (freed,) = {f"team {number}" for number in range(WRITERS)} - names
    assert service.channels.create(unique_name=freed).unique_name == freed


def test_leaving_twice_counts_once(world: World, service: ServiceContext, channel: ChannelContext, channel_path: str):
    for identity in ("alice", "bob"):
        channel.members.create(identity=identity)
    found = race(world, lambda raw, number: asked(raw, "DELETE", f"{channel_path}/Members/alice"))
    assert found == {(204, 0): 1, (404, 20404): WRITERS - 1}
    assert channel.fetch().members_count == 1
    assert service.users("alice").fetch().joined_channels_count == 0


def test_deleting_a_message_twice_counts_once(world: World, channel: ChannelContext, channel_path: str):
    first, second = (channel.messages.create(body=text).sid for text in "ab")
    found = race(world, lambda raw, number: asked(raw, "DELETE", f"{channel_path}/Messages/{second}"))
    assert found == {(204, 0): 1, (404, 20404): WRITERS - 1}
    assert channel.fetch().messages_count == 1
    assert channel.fetch().links["last_message"].endswith(first)


def test_joins_leaves_and_messages_at_once_leave_the_counters_right(
    world: World, service: ServiceContext, channel: ChannelContext, channel_path: str
):
    for number in range(0, WRITERS, 2):
        channel.members.create(identity=f"user {number}")

    def act(raw: Raw, number: int) -> tuple[int, int]:
        for _ in range(3):
            asked(raw, "POST", f"{channel_path}/Messages", Body="x")
        if number % 2:
            return asked(raw, "POST", f"{channel_path}/Members", Identity=f"user {number}")
        return asked(raw, "DELETE", f"{channel_path}/Members/user%20{number}")

    assert race(world, act) == {(201, 0): WRITERS // 2, (204, 0): WRITERS // 2}
    fetched = channel.fetch()
    assert fetched.members_count == len(channel.members.list()) == WRITERS // 2
    assert fetched.messages_count == len(channel.messages.list()) == 3 * WRITERS
    assert [message.index for message in channel.messages.list()] == list(range(3 * WRITERS))


def test_media_goes_with_one_message(world: World, channel: ChannelContext, channel_path: str, service_sid: str):
    sid = upload(world, service_sid)
    first = channel.messages.create(body="x").sid
    found = race(world, lambda raw, number: asked(raw, "POST", f"{channel_path}/Messages", MediaSid=sid))
    assert found == {(201, 0): 1, (409, 50508): WRITERS - 1}
    # Whoever lost the race had taken an index by then, which stays unused and is not counted.
    (kept, sent) = channel.messages.list()
    assert (kept.sid, sent.media["sid"]) == (first, sid)
    fetched = channel.fetch()
    assert (fetched.messages_count, fetched.links["last_message"].rpartition("/")[2]) == (2, sent.sid)


@pytest.mark.inferred
def test_lowering_the_channels_of_a_user_evicts_nobody(service: ServiceContext):
    service.users.create(identity="alice")
    channels = [service.channels.create().sid for _ in range(4)]
    for sid in channels[:3]:
        service.channels(sid).members.create(identity="alice")
    service.update(limits_user_channels=1)
    assert [seen.channel_sid for seen in service.users("alice").user_channels.list()] == channels[:3]
    service.channels(channels[0]).messages.create(from_="alice", body="still here")
    with refused(403, 50208, "User is already in the maximum number of channels"):
        service.channels(channels[3]).members.create(identity="alice")
    for sid in channels[:3]:
        service.users("alice").user_channels(sid).delete()
    assert service.channels(channels[3]).members.create(identity="alice").identity == "alice"


def test_a_refused_join_takes_no_place_in_the_user(service: ServiceContext):
    service.update(limits_channel_members=1)
    full = service.channels.create().sid
    service.channels(full).members.create(identity="alice")
    service.users.create(identity="bob")
    for _ in range(3):
        with refused(403, 50403, "Channel has the maximum number of members"):
            service.channels(full).members.create(identity="bob")
    assert service.users("bob").fetch().joined_channels_count == 0
    assert sids(service.users.list()) == [service.users("alice").fetch().sid, service.users("bob").fetch().sid]


def test_invites_do_not_count_as_memberships(service: ServiceContext, channel: ChannelContext):
    service.update(limits_channel_members=1, limits_user_channels=1)
    for identity in ("alice", "bob", "carol"):
        channel.invites.create(identity=identity)
    assert channel.fetch().members_count == 0
    channel.members.create(identity="alice")
    with refused(403, 50403, "Channel has the maximum number of members"):
        channel.members.create(identity="bob")
    # A refused join leaves the invite as it is.
    assert [invite.identity for invite in channel.invites.list()] == ["bob", "carol"]


def test_a_role_that_an_invite_promises_cannot_be_deleted(
    service: ServiceContext, channel: ChannelContext, world: World
):
    role = service.roles.create(friendly_name="guest", type="channel", permission=["leaveChannel"])
    invite = channel.invites.create(identity="alice", role_sid=role.sid)
    with refused(409, 20409, "Role is in use: give its users and members another role first"):
        role.delete()
    invite.delete()
    world.clock.advance(61)
    assert role.delete() is True
