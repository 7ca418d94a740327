"""Measurements in places of different sizes, and what may grow there: a function for each kind of place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench.places import Account, Curve, Dimension
from bench.sdk_client import SdkClient
from parley.store import keys

# How often an operation is carried out that uses something up: the timed rounds and two more.
_TIMES = 11
# Records of members and tombstones are smaller than this, and DynamoDB counts a read unit for each 4 KB.
_PER_READ_UNIT = 6


def _per_megabyte(count: int) -> int:
    """The requests that read so many members, at most."""
    return math.ceil(count / 1_500) or 1


def _messages(account: Account, sizes: Sequence[int]) -> list[Curve]:
    rooms = {size: account.new_channel("alice") for size in sizes}
    for size, room in rooms.items():
        account.put_messages(room, size)
    account.connect("c0", "alice")
    path = account.path("Channels")
    newest = {size: account.send(room)["sid"] for size, room in rooms.items()}
    marks: dict[int, int] = {}

    def catch_up(size: int) -> None:
        room = rooms[size]
        if size not in marks:
            marks[size] = account.stored(keys.tail(room))["seq"]
            account.put_messages(room, 50)
        told = account.say("c0", "catchUp", channels={room: marks[size]})["channels"][room]
        assert len(told["events"]) == 50, told

    def curve(name: str, act: Callable[[int], object], **more: Any) -> Curve:
        return Curve(name, {size: partial(act, size) for size in sizes}, **more)

    return [
        curve("send a message, REST", lambda size: account.send(rooms[size])),
        curve("send a message, socket", lambda size: account.say("c0", "sendMessage", channel=rooms[size], body="x")),
        curve("list the newest page", lambda size: account.ask("GET", f"{path}/{rooms[size]}/Messages?{_NEWEST}")),
        curve("fetch a message", lambda size: account.ask("GET", f"{path}/{rooms[size]}/Messages/{newest[size]}")),
        curve("unread count", lambda size: account.ask("GET", account.path("Users/alice/Channels", rooms[size]))),
        # The numbers of messages have more digits in a larger channel: a unit more, now and then.
        curve("catch up with 50 messages", catch_up, bounds={"read units": lambda _: 20}),
    ]


# The smallest place has a page of these too.
_NEWEST = "Order=desc&PageSize=5"


def _members(account: Account, sizes: Sequence[int]) -> list[Curve]:
    rooms: dict[int, str] = {}
    for size in sizes:
        # Alice is there already. A channel takes 1,000 members, and some will join.
        rooms[size] = account.new_channel("alice")
        account.put_members(rooms[size], min(size, 1_000 - _TIMES) - 1)
    account.connect("c0", "alice")
    path = account.path("Channels")
    numbers = itertools.count()
    joined: dict[int, list[str]] = {size: [] for size in sizes}

    def join(size: int) -> None:
        joined[size].append(f"newcomer {next(numbers)}")
        account.ask("POST", f"{path}/{rooms[size]}/Members", {"Identity": joined[size][-1]})

    def leave(size: int) -> None:
        account.ask("DELETE", f"{path}/{rooms[size]}/Members/{joined[size].pop().replace(' ', '%20')}")

    def curve(name: str, act: Callable[[int], object], **more: Any) -> Curve:
        return Curve(name, {size: partial(act, size) for size in sizes}, **more)

    listing = {"read units": lambda size: 1 + math.ceil(size / _PER_READ_UNIT)}
    return [
        curve("send a message, REST", lambda size: account.send(rooms[size])),
        curve("join", join),
        curve("leave", leave),
        curve(
            "list members",
            lambda size: account.ask("GET", f"{path}/{rooms[size]}/Members?PageSize=5"),
            bounds=listing,
            grows_in_cpu=True,
        ),
        _fan_out(account, rooms),
        curve(
            "typing",
            lambda size: account.say("c0", "typing", channel=rooms[size]),
            grows_in_cpu=True,
        ),
    ]


def _fan_out(account: Account, rooms: dict[int, str], present: int = 0) -> Curve:
    """The fan-out of one message; `present` is how many are in a room if its size does not say that."""
    batches = {size: [account.in_stream(room) for _ in range(_TIMES)] for size, room in rooms.items()}

    def act(size: int) -> None:
        account.deliver([batches[size].pop(0)])

    # One query for the members and the markers, a megabyte each, and one request for the presence of each hundred.
    bounds = {
        "requests": lambda size: _per_megabyte(size) + math.ceil((present or size) / 100),
        "read units": lambda size: 2 + math.ceil(size / _PER_READ_UNIT) + (present or size),
    }
    acts = {size: partial(act, size) for size in rooms}
    return Curve("fan-out of a message", acts, bounds, grows_in_cpu=True, most_rounds=_TIMES - 2)


def _channels(account: Account, sizes: Sequence[int]) -> list[Curve]:
    services: dict[int, str] = {}
    for size in sizes:
        services[size] = account.service = account.new_service()
        account.put_channels(size)
    numbers = itertools.count()
    made: dict[int, list[str]] = {size: [] for size in sizes}
    name = Account.name_of(0).replace(" ", "%20")

    def below(size: int, rest: str = "") -> str:
        return f"/chat/v2/Services/{services[size]}/Channels{rest}"

    def create(size: int) -> None:
        answer = account.ask("POST", below(size), {"UniqueName": f"new {next(numbers)}"})
        made[size].append(answer["sid"])

    def curve(name: str, act: Callable[[int], object]) -> Curve:
        return Curve(name, {size: partial(act, size) for size in sizes})

    return [
        curve("create a channel", create),
        curve("list the first page", lambda size: account.ask("GET", below(size, "?PageSize=5"))),
        curve("fetch by unique name", lambda size: account.ask("GET", below(size, f"/{name}"))),
        curve("delete a channel", lambda size: account.ask("DELETE", below(size, f"/{made[size].pop()}"))),
    ]


def _of_a_user(account: Account, sizes: Sequence[int]) -> list[Curve]:
    rooms: dict[int, str] = {}
    for size in sizes:
        identity = f"in {size}"
        rooms[size] = account.new_channel(identity)
        if size > 1:
            account.put_channels(size - 1, identity)
        # So that there is always more to read.
        account.world.table.touch(keys.tail(rooms[size]), {"last_index": 10_000, "counted_index": 10_000})
    # The channels have been quiet for longer than an SDK's replay reaches back.
    account.world.clock.advance(1300)
    numbers = itertools.count(1)

    def connect(size: int) -> None:
        # A user has ten sockets at most.
        account.connect(f"{size} {next(numbers) % 5}", f"in {size}")

    def read_on(size: int) -> None:
        account.say(f"{size}", "advanceLastConsumedMessageIndex", channel=rooms[size], index=next(numbers))

    def start(size: int) -> None:
        connection_id = f"SDK {size} {next(numbers)}"
        client = SdkClient(partial(account.answer, connection_id), account.token(f"in {size}"))
        assert len(client.start()) == size

    def curve(name: str, act: Callable[[int], object], **more: Any) -> Curve:
        return Curve(name, {size: partial(act, size) for size in sizes}, **more)

    for size in sizes:
        account.connect(f"{size}", f"in {size}")
    # A page has 50 channels, and each costs the member, the channel and its counters.
    page = {"requests": lambda size: 3, "read units": lambda size: 2 + 3 * min(size, 51)}
    starting = {
        "requests": lambda size: 8 + 3 * math.ceil(size / 50) + 5 * size + 2 * math.ceil(size / 33),
        "read units": lambda size: 15 + 28 * size,
    }
    return [
        curve("connect", connect),
        curve(
            "list one's channels",
            lambda size: account.say(f"{size}", "listMyChannels", page_size=50),
            bounds=page,
            grows_in_cpu=True,
        ),
        curve("read on", read_on),
        curve("start of an SDK", start, bounds=starting, grows_in_cpu=True, is_warmed=False, most_rounds=1),
    ]


def _guests(account: Account, sizes: Sequence[int]) -> list[Curve]:
    present = 10
    rooms: dict[int, str] = {}
    for size in sizes:
        rooms[size] = account.new_channel("alice")
        account.put_members(rooms[size], present - 1)
        account.put_guests_who_left(rooms[size], size)
    path = account.path("Channels")
    numbers = itertools.count()

    def join(size: int) -> None:
        account.ask("POST", f"{path}/{rooms[size]}/Members", {"Identity": f"newcomer {next(numbers)}"})

    def curve(name: str, act: Callable[[int], object], **more: Any) -> Curve:
        return Curve(name, {size: partial(act, size) for size in sizes}, **more)

    # Until a job erases them two minutes later, they are read past.
    past = {"requests": _per_megabyte, "read units": lambda size: 5 + math.ceil(size / _PER_READ_UNIT)}
    return [
        curve("send a message, REST", lambda size: account.send(rooms[size])),
        curve(
            "list members",
            lambda size: account.ask("GET", f"{path}/{rooms[size]}/Members?PageSize=5"),
            bounds=past,
        ),
        _fan_out(account, rooms, present + 2 * _TIMES),
        curve("join", join),
    ]


DIMENSIONS = (
    Dimension("messages", "messages", "in the channel", (10, 1_000, 100_000), (10, 100, 1_000), _messages),
    Dimension("members", "members", "of the channel", (10, 100, 1_000), (10, 200), _members),
    Dimension("channels", "channels", "in the service", (10, 1_000, 10_000), (10, 200), _channels),
    Dimension("user", "channels", "of the user", (1, 10, 100, 1_000), (1, 60), _of_a_user, "xy"),
    Dimension("guests", "guests", "who left within two minutes", (0, 300, 3_000), (0, 300), _guests, ""),
)
