"""Actions per second, https://www.twilio.com/docs/chat/chat-limits: 30 per channel and per service, averaged over some seconds.

Time stands still unless a test moves it, except that every request takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.rest import Client

from parley.domain.memberships import birth_of
from parley.ids import user_sid
from parley.operations import bindings, messages
from parley.operations.context import Caller
from parley.operations.rate import WINDOW_MS
from parley.store import keys
from tests.rest.everything import FORMS, Everything, make
from tests.rest.support import at_once, refused, unchanged
from tests.support.doors import LambdaDoor, Raw
from tests.support.fakes import FakeClock
from tests.support.lean import LeanClient
from tests.support.world import World

CHANNEL_RATE = (429, 50063, "Rate limit exceeded: too many actions per second in this channel")
SERVICE_RATE = (429, 50074, "Rate limit exceeded: too many actions per second in this service")
# Actions in one window at 30, and at the 2 that most of these tests count with.
AT_30, AT_2 = 75, 5
OVER = (WINDOW_MS + 1) / 1000


@pytest.fixture
def limited(world: World) -> World:
    world.actions_per_second = 2
    return world


@pytest.fixture
def everything(raw: Raw, limited: World) -> Everything:
    """One of everything, made long enough ago that no window is open."""
    made = make(raw, limited.context())
    limited.clock.advance(60)
    return made


def post(raw: Raw, everything: Everything) -> int:
    path = "/chat/v2/Services/{service_sid}/Channels/{channel_sid}/Messages".format(**everything.addresses)
    return raw("POST", path, {"Body": "x"}).status


def make_user(raw: Raw, everything: Everything, number: int) -> int:
    path = "/chat/v2/Services/{service_sid}/Users".format(**everything.addresses)
    return raw("POST", path, {"Identity": f"user {number}"}).status


def drain(raw: Raw, everything: Everything, clock: FakeClock) -> None:
    """Use up what both buckets hold, then let their windows pass: the next action opens a new one."""
    while post(raw, everything) == 201:
        pass
    number = 0
    while make_user(raw, everything, number) == 201:
        number += 1
    clock.advance(OVER)


def left(act: Callable[[int], int]) -> int:
    """How many more actions are accepted."""
    count = 0
    while act(count) in (200, 201, 204):
        count += 1
    return count


@pytest.fixture
def full(raw: Raw, everything: Everything, clock: FakeClock) -> Everything:
    drain(raw, everything, clock)
    return everything


def test_thirty_a_second_is_what_a_channel_and_a_service_may_see(raw: Raw, world: World):
    world.actions_per_second = 30
    made = make(raw, world.context())
    world.clock.advance(60)
    for act in (lambda number: post(raw, made), lambda number: make_user(raw, made, number)):
        # What is left of the first window, and the one after it, which has begun by now; then a whole one.
        left(act)
        world.clock.advance(OVER)
        assert left(lambda number, act=act: act(1000 + number)) == AT_30


# What counts in the channel, and what in the service; each can be done after those before it.
IN_A_CHANNEL: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "", {"FriendlyName": "x"}),
    ("POST", "/Members", {"Identity": "carol"}),
    ("POST", "/Members", {"Identity": "zoe"}),
    ("POST", "/Members/{member}", {"Attributes": "{}"}),
    ("DELETE", "/Members/{member}", {}),
    ("POST", "/Messages", {"Body": "x"}),
    ("POST", "/Messages/{message}", {"Body": "x"}),
    ("DELETE", "/Messages/{message}", {}),
    ("POST", "/Invites", {"Identity": "dave"}),
    ("DELETE", "/Invites/{invite}", {}),
]
IN_A_SERVICE: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/Channels", {}),
    ("DELETE", "/Channels/{channel}", {}),
    ("POST", "/Users", {"Identity": "carol"}),
    ("POST", "/Users/{user}", {"FriendlyName": "x"}),
    ("POST", "/Roles", FORMS["role", "create"]),
    ("POST", "/Roles/{role}", FORMS["role", "update"]),
    ("DELETE", "/Roles/{role}", {}),
    ("DELETE", "/Bindings/{binding}", {}),
    ("DELETE", "/Users/{user}/Bindings/{user_binding}", {}),
    ("DELETE", "/Users/{user}", {}),
]
CHANNEL, SERVICE = "/chat/v2/Services/{service_sid}/Channels/{channel_sid}", "/chat/v2/Services/{service_sid}"


def test_an_action_above_the_limit_of_a_channel_is_refused_and_changes_nothing(raw: Raw, full: Everything):
    path = CHANNEL.format(**full.addresses)
    left(lambda number: post(raw, full))
    with unchanged(
        raw,
        *(path + kind for kind in ("", "/Members", "/Messages", "/Invites")),
        f"{SERVICE.format(**full.addresses)}/Users",
    ):
        for verb, below, form in IN_A_CHANNEL:
            # The invite of zoe is what joining would take away.
            if (verb, below) != ("DELETE", "/Invites/{invite}"):
                assert raw(verb, path + below.format(**full.items), form).refusal() == CHANNEL_RATE, (verb, below)


def test_an_action_above_the_limit_of_a_service_is_refused_and_changes_nothing(raw: Raw, full: Everything):
    path = SERVICE.format(**full.addresses)
    left(lambda number: make_user(raw, full, 1000 + number))
    with unchanged(
        raw, *(f"{path}/{kind}" for kind in ("Channels", "Users", "Roles", "Bindings", "Users/alice/Channels"))
    ):
        for verb, below, form in IN_A_SERVICE:
            assert raw(verb, path + below.format(**full.items), form).refusal() == SERVICE_RATE, (verb, below)


def test_the_library_reports_the_excess(twilio: Client, raw: Raw, full: Everything):
    while post(raw, full) == 201:
        pass
    channel = twilio.chat.v2.services(full.items["service"]).channels(full.items["channel"])
    with refused(*CHANNEL_RATE):
        channel.messages.create(body="x")


FREE = [
    ("GET", "/Channels/{channel}", {}),
    ("GET", "/Channels/{channel}/Messages", {}),
    ("GET", "/Channels/{channel}/Messages/{message}", {}),
    ("GET", "/Users/alice/Channels", {}),
    ("POST", "", {"FriendlyName": "x"}),
    ("POST", "/Channels/{channel}/Webhooks", FORMS["channel_webhook", "create"]),
    ("POST", "/Channels/{channel}/Webhooks/{channel_webhook}", FORMS["channel_webhook", "update"]),
    ("DELETE", "/Channels/{channel}/Webhooks/{channel_webhook}", {}),
    ("POST", "/Channels/{channel}/Messages", {}),
    ("POST", "/Channels/{channel}/Members", {"Identity": "alice"}),
    ("POST", "/Users/nobody", {"FriendlyName": "x"}),
]


def test_an_action_counts_once_in_its_channel_and_not_in_the_service(raw: Raw, full: Everything, clock: FakeClock):
    path = CHANNEL.format(**full.addresses)
    full.items["invite"] = raw.post(f"{path}/Invites", Identity="yan")["sid"]
    left(lambda number: post(raw, full))
    left(lambda number: make_user(raw, full, 900 + number))
    for round_, (verb, below, form) in enumerate(IN_A_CHANNEL):
        clock.advance(OVER)
        assert raw(verb, path + below.format(**full.items), form).status in (200, 201, 204), (verb, below)
        assert left(lambda number: post(raw, full)) == AT_2 - 1, (verb, below)
        assert left(lambda number, first=1000 * (round_ + 1): make_user(raw, full, first + number)) == AT_2, (
            verb,
            below,
        )


def test_an_action_counts_once_in_its_service(raw: Raw, limited: World, full: Everything, clock: FakeClock):
    path = SERVICE.format(**full.addresses)
    device = {"endpoint": "tablet", "binding_type": "fcm", "address": "token", "message_types": []}
    tablet = bindings.register(
        limited.context(), full.items["service"], "alice", credential_sid=full.items["credential"], **device
    )
    full.items["user_binding"] = tablet["sid"]
    for round_, (verb, below, form) in enumerate(IN_A_SERVICE):
        clock.advance(OVER)
        assert raw(verb, path + below.format(**full.items), form).status in (200, 201, 204), (verb, below)
        assert left(lambda number, first=1000 * (round_ + 1): make_user(raw, full, first + number)) == AT_2 - 1, (
            verb,
            below,
        )


def test_an_update_of_a_user_channel_counts_once(raw: Raw, full: Everything):
    path = "/chat/v2/Services/{service_sid}/Users/alice/Channels/{channel_sid}".format(**full.addresses)
    raw.post(path, NotificationLevel="muted")
    assert left(lambda number: post(raw, full)) == AT_2 - 1


def test_reads_settings_and_refused_requests_do_not_count(raw: Raw, full: Everything):
    path = SERVICE.format(**full.addresses)
    for verb, below, form in FREE:
        raw(verb, path + below.format(**full.items), form)
    assert left(lambda number: post(raw, full)) == AT_2
    assert left(lambda number: make_user(raw, full, 1000 + number)) == AT_2
    assert raw("GET", path + "/Users").status == 200


def test_each_channel_has_a_bucket_of_its_own(raw: Raw, full: Everything):
    path = "/chat/v2/Services/{service_sid}/Channels".format(**full.addresses)
    other = raw.post(path)["sid"]
    left(lambda number: post(raw, full))
    assert left(lambda number: raw("POST", f"{path}/{other}/Messages", {"Body": "x"}).status) == AT_2


def test_a_new_window_opens_when_the_last_one_is_over(raw: Raw, full: Everything, clock: FakeClock):
    assert left(lambda number: post(raw, full)) == AT_2
    clock.advance(OVER - 0.1)
    assert post(raw, full) == 429
    clock.advance(0.1)
    assert left(lambda number: post(raw, full)) == AT_2


@pytest.mark.inferred
def test_resting_for_long_saves_nothing_up(raw: Raw, full: Everything, clock: FakeClock):
    left(lambda number: post(raw, full))
    clock.advance(3600)
    assert left(lambda number: post(raw, full)) == AT_2


def test_a_little_less_than_the_limit_can_go_on_for_ever(
    raw: Raw, limited: World, everything: Everything, clock: FakeClock
):
    for _ in range(40):
        clock.advance(1 / 1.9)
        assert post(raw, everything) == 201


def test_a_flood_gets_through_at_the_limit_on_average(raw: Raw, full: Everything, clock: FakeClock):
    started, accepted = clock.now_ms(), []
    while clock.now_ms() - started < 10_000:
        clock.advance(0.1)
        if post(raw, full) == 201:
            accepted.append(clock.now_ms())
    assert 10 * 2 * 0.9 <= len(accepted) <= 10 * 2 + AT_2
    # Never much more than five seconds' worth in five seconds; the window's length allows half as much again.
    fullest = max(sum(start <= moment < start + 5000 for moment in accepted) for start in accepted)
    assert fullest <= 3 * AT_2


def test_writers_at_the_same_time_get_no_more_than_one_after_the_other(raw: Raw, limited: World, full: Everything):
    def write(number: int) -> list[int]:
        # Every writer is a container of its own.
        door = Raw(LambdaDoor(limited.another_container()))
        return [post(door, full) for _ in range(3)]

    statuses = [status for written in at_once(8, write) for status in written]
    assert (statuses.count(201), statuses.count(429)) == (AT_2, 24 - AT_2)
    path = "/chat/v2/Services/{service_sid}/Channels/{channel_sid}/Messages".format(**full.addresses)
    indexes = [message["index"] for message in raw.get(path, PageSize=100)["messages"]]
    assert indexes == list(range(indexes[0], indexes[0] + len(indexes)))


def test_the_limit_costs_a_message_nothing_but_once_a_window(
    raw: Raw, full: Everything, lean: LeanClient, limited: World
):
    with lean.metered() as meter:
        for _ in range(AT_2):
            assert post(raw, full) == 201
    # Two writes each. Opening the window takes two more: the write that finds the ceiling, and the one that lifts it.
    assert meter.requests.total() == 2 * AT_2 + 2


def test_zero_is_no_limit(raw: Raw, world: World):
    made = make(raw, world.context())
    for number in range(AT_30 + 10):
        assert post(raw, made) == 201
        assert make_user(raw, made, number) == 201


def test_a_limit_that_is_switched_on_later_holds_for_what_was_there(raw: Raw, world: World, clock: FakeClock):
    made = make(raw, world.context())
    clock.advance(60)
    world.actions_per_second = 2
    assert left(lambda number: post(raw, made)) == AT_2
    assert left(lambda number: make_user(raw, made, number)) == AT_2


def test_a_limit_that_is_switched_on_holds_at_once_for_what_was_made_just_before(raw: Raw, world: World):
    made = make(raw, world.context())
    world.actions_per_second = 2
    assert left(lambda number: post(raw, made)) == AT_2
    assert left(lambda number: make_user(raw, made, number)) == AT_2


def test_a_client_and_a_back_end_share_the_budget(raw: Raw, limited: World, full: Everything):
    path = {name: full.addresses[name] for name in ("service_sid", "channel_sid")}
    alice = limited.table.fetch(keys.user(user_sid(path["service_sid"], "alice")))
    client = limited.context(Caller("SDK", "alice", birth=birth_of(alice or {})))
    for _ in range(AT_2 // 2):
        messages.create(client, path, {"body": "x"})
    assert left(lambda number: post(raw, full)) == AT_2 - AT_2 // 2
