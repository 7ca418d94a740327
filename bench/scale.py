"""Says what breaks first when more people are connected, and what to raise before: a model, not a load test.

    python -m bench scale           (some seconds, loopback only)

What operations cost is counted here, on an engine that is started for it. AWS's quotas stand in `bench/model/quotas.py`
and how people use a service in `USES`. `bench/model` multiplies them. It simulates what no multiplication shows: the
storm after a network failure, and a hot channel. The same code always gives the same numbers.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from bench.figures import COUNT, Figure, Findings, Plot
from bench.meter import metered
from bench.model.demand import SESSION_FRAMES, Cost, Costs, Use, breaking_point, demand, used
from bench.model.quotas import LIMITS, QUOTAS, READ_ON, Limit, Setting, limits
from bench.model.room import Room, room
from bench.places import Account, engine
from local.home import REPOSITORY
from parley.store import keys

# The storm waits as our own client does.
sys.path.insert(0, str(REPOSITORY / "clients" / "python"))

from bench.model.storm import LONGEST_STORM_SECONDS, Storm, storm
from parley_client.pauses import LONGEST_SECONDS

USES = (
    Use("conversations of two", sockets=2, messages=0.01, typing=1, reads=1, is_fast=True),
    Use("rooms of twenty", sockets=20, messages=0.01, typing=1, reads=2, is_fast=True),
)
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
_CURVE = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
# How much of a limit should be in use at the busiest time, at most.
HEADROOM = 0.5
DUE_SHARDS = len(keys.due_in("", "", 0))
# Sockets that come back, the quota of new connections a second, and whether what goes with it is raised too.
STORMS = (
    (10_000, 500, False),
    (100_000, 500, False),
    (1_000_000, 500, False),
    (100_000, 2_000, True),
    (1_000_000, 5_000, True),
    (100_000, 5_000, False),
)
_QUICK_STORMS = STORMS[:2]
# Sockets in a room, messages a second, and whether the sockets are those of Twilio's SDKs.
ROOMS = (
    (100, 10, False),
    (1_000, 1, False),
    (1_000, 10, False),
    (1_000, 30, False),
    (1_000, 1, True),
    (1_000, 10, True),
)
_READERS = 100_000
# After two seconds a container has forgotten who hears that somebody types, and most people type later than that.
_FORGOTTEN_SECONDS = 2.1


def measure(quick: bool) -> Findings:
    costs = counted()
    found = Findings(tables={"costs": _of_costs(costs), "limits": _of_limits()})
    _add_sizes(found, costs)
    _add_storms(found, _QUICK_STORMS if quick else STORMS)
    _add_rooms(found)
    _add_all_hands(found)
    found.notes.append(f"AWS's quotas were read on {READ_ON}. They are those of most Regions; new accounts have less.")
    return found


def counted() -> Costs:
    """What operations cost, on an engine that is started for it."""
    with engine() as (client, table_name):
        return _counted(client, Account(client, table_name))


def _counted(client: Any, account: Account) -> Costs:
    def cost(act: Callable[[], object]) -> Cost:
        with metered(client) as meter:
            act()
        return Cost(meter.requests.total(), meter.write_units, meter.read_units)

    account.connect("warm", "alice")
    send, typing, fan_out = {}, {}, {}
    for use in USES:
        room_ = account.new_channel("alice")
        account.put_members(room_, use.sockets - 1)
        account.say("warm", "sendMessage", channel=room_, body="x")
        # There are more rooms than a container remembers.
        account.runtime.fast_push.forget(room_)
        send[use.sockets] = cost(lambda room_=room_: _send(account, room_))
        batch = [account.in_stream(room_)]
        fan_out[use.sockets] = cost(lambda batch=batch: account.deliver(batch))
        account.world.clock.advance(_FORGOTTEN_SECONDS)
        typing[use.sockets] = cost(lambda room_=room_: account.say("warm", "typing", channel=room_))
    for _ in range(19):
        account.new_channel("alice")
    mark = account.stored(keys.tail(room_))["seq"]
    return Costs(
        send,
        typing=typing,
        read_on=cost(lambda: account.say("warm", "advanceLastConsumedMessageIndex", channel=room_, index=1)),
        connect=cost(lambda: account.connect("one more", "alice")),
        disconnect=cost(lambda: account.disconnect("one more")),
        session=cost(lambda: _begin(account, room_, mark)),
        fan_out=fan_out,
    )


def _send(account: Account, channel: str) -> None:
    # A client names each message, so that it may repeat it.
    account.say("warm", "sendMessage", id_=str(uuid.uuid4()), channel=channel, body="x" * 200)


def _begin(account: Account, channel: str, mark: int) -> None:
    account.say("warm", "fetchSession")
    account.say("warm", "listMyChannels", page_size=50)
    account.say("warm", "catchUp", channels={channel: mark})


def _of_costs(costs: Costs) -> list[list[str]]:
    rows = [(f"send a message to {size:,} sockets", cost) for size, cost in costs.send.items()]
    rows += [(f"fan-out of a message to {size:,} sockets", cost) for size, cost in costs.fan_out.items()]
    rows += [(f"typing before {size:,} sockets", cost) for size, cost in costs.typing.items()]
    rows += [("report what was read", costs.read_on), ("connect", costs.connect)]
    rows += [("disconnect", costs.disconnect), ("the first three frames of a session", costs.session)]
    heading = ["Operation", "Requests", "Write units", "Read units"]
    return [heading, *([name, f"{cost.requests:g}", f"{cost.writes:g}", f"{cost.reads:g}"] for name, cost in rows)]


def _of_limits() -> list[list[str]]:
    heading = ["Limit", "Whose", "Default", "How it is raised", "Source"]
    return [heading, *(_row_of_limit(limit) for limit in LIMITS.values())]


def _row_of_limit(limit: Limit) -> list[str]:
    source = f"<https://{limit.source}>" if limit.source.startswith("docs.") else f"`{limit.source}`"
    how = f"{limit.raised}, {limit.code}" if limit.raised == QUOTAS else limit.raised
    return [limit.name, limit.owner, f"{limit.value:,.0f} {limit.unit}", how, source]


def _add_sizes(found: Findings, costs: Costs) -> None:
    """What breaks first, by the number of people."""
    rows = [["Connected", "Use", "Over the default, the fullest first"]]
    needs = [["Connected", "Use", "Limit", "Default", "Needed at the peak", "Raise to"]]
    for use in USES:
        key, most = breaking_point(use, costs, LIMITS, DUE_SHARDS)
        name = f"{use.name}: people that the defaults serve until “{LIMITS[key].name}” is reached"
        found.figures.append(Figure(name, float(f"{most:.2g}"), "people", COUNT))
        for size in SIZES:
            over = [one for one in used(demand(size, use, costs, DUE_SHARDS), LIMITS) if one.share > 1]
            listed = "; ".join(f"{LIMITS[one.key].name} ({one.share:,.1f} times)" for one in over)
            rows.append([f"{size:,}", use.name, listed or "nothing"])
            full = [one for one in used(demand(size, use, costs, DUE_SHARDS), LIMITS) if one.share > HEADROOM]
            for one in full:
                limit = LIMITS[one.key]
                needed = f"{one.needed:,.0f} {limit.unit}"
                needs.append(
                    [f"{size:,}", use.name, limit.name, f"{limit.value:,.0f}", needed, _wanted(limit, one.needed)]
                )
        lines: dict[str, list[tuple[float, float]]] = {}
        for size in _CURVE:
            for one in used(demand(size, use, costs, DUE_SHARDS), LIMITS):
                lines.setdefault(LIMITS[one.key].name, []).append((size, round(one.share, 4)))
        shown = dict(sorted(lines.items(), key=lambda line: -line[1][-1][1])[:5])
        shown["the limit"] = [(_CURVE[0], 1), (_CURVE[-1], 1)]
        title = f"How much of each default is used: {use.name}"
        name = f"scale-use-{use.sockets}"
        found.plots.append(Plot(name, title, "connected people", "part of the limit", shown, logarithmic="xy"))
    found.tables |= {"first": rows, "raise": needs}


def _wanted(limit: Limit, needed: float) -> str:
    """A round number that leaves headroom."""
    if limit.raised not in (QUOTAS,) and "parameter" not in limit.raised and "template" not in limit.raised:
        return limit.raised
    least, step = needed / HEADROOM, 1
    while step * 10 <= least:
        step *= 10
    return f"{-(-least // step) * step:,.0f}"


def _add_storms(found: Findings, storms: Sequence[tuple[int, int, bool]]) -> None:
    """How long it takes until everybody is back."""
    rows = [
        ["Sockets", "New connections a second", "The rest", "Half are back after", "99 % after", "Attempts of each"]
    ]
    lines = {}
    for sockets, quota, is_raised in storms:
        came = come_back(sockets, quota, is_raised)
        half, late = came.seconds_until(0.5), came.seconds_until(0.99)
        rest = "raised too" if is_raised else "default"
        times = [_duration(half), _duration(late), f"{came.attempts / sockets:,.0f}"]
        rows.append([f"{sockets:,}", f"{quota:,}", rest, *times])
        lines[f"{sockets:,} at {quota:,}/s, {rest}"] = [
            (round(at, 1) + 1, round(part, 4)) for at, part in came.curve(60)
        ]
        if is_raised or quota <= LIMITS["connections"].value:
            name = (
                f"storm of {sockets:,} sockets, {quota:,} connections/s: 99 % are back, against the quota and a pause"
            )
            # The last clients pause for up to half a minute between two attempts.
            times_as_long = late / (sockets / quota + LONGEST_SECONDS)
            found.figures.append(Figure(name, round(times_as_long, 2), "times", COUNT, at_most=1.25))
    found.plots.append(
        Plot("scale-storm", "A storm: who is connected again", "seconds", "part of all clients", lines, "x")
    )
    found.tables["storms"] = rows


def come_back(sockets: int, quota: float, is_raised: bool = True) -> Storm:
    """A storm with a quota of new connections and, if `is_raised`, with what must be raised together with it."""
    if not is_raised:
        return storm(sockets, limits(Setting("connections", quota)), DUE_SHARDS)
    # Each new socket is followed by the frames of its session.
    frames = quota * (SESSION_FRAMES + 2)
    raised = {"stage": frames, "gateway": 2 * frames, "concurrency": quota}
    settings = [Setting(key, max(value, LIMITS[key].value)) for key, value in raised.items()]
    return storm(sockets, limits(Setting("connections", quota), *settings), DUE_SHARDS)


def _duration(seconds: float) -> str:
    if seconds > LONGEST_STORM_SECONDS:
        return f"not within {LONGEST_STORM_SECONDS // 3600} hours"
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _add_rooms(found: Findings) -> None:
    """How long messages wait in a hot channel."""
    rows = [["Sockets", "Messages a second", "Clients", "Pushes a second", "p50", "p95"]]
    native: list[tuple[float, float]] = []
    for sockets, messages, is_sdk in ROOMS:
        became = hot(sockets, messages, is_sdk)
        says = "Twilio's SDKs" if is_sdk else "native"
        waits = ["grows", "grows"] if became.is_overloaded else [_ms(became.percentile(part)) for part in (0.5, 0.95)]
        rows.append([f"{sockets:,}", f"{messages}", says, f"{became.pushes_a_second:,.0f}", *waits])
        if not is_sdk:
            name = f"room of {sockets:,} sockets, {messages} messages/s: p95 until half of them have it"
            found.figures.append(Figure(name, round(became.percentile(0.95), 3), "s", COUNT, at_most=0.6))
    for rate in (1, 2, 5, 10, 15, 20, 30):
        native.append((rate, round(hot(1_000, rate, False).percentile(0.95), 3)))
    sdk = [
        (rate, round(hot(1_000, rate, True).percentile(0.95), 3))
        for rate in (1, 2, 3, 4, 5, 6, 8)
        if not hot(1_000, rate, True).is_overloaded
    ]
    lines = {"native sockets": native, "sockets of Twilio's SDKs, up to where it grows without end": sdk}
    title = "A room of 1,000 sockets: 95 % of messages reach half of them within"
    found.plots.append(Plot("scale-room", title, "messages a second", "seconds", lines))
    found.tables["rooms"] = rows


def hot(sockets: int, messages: float, is_sdk: bool) -> Room:
    """A room with the default limits."""
    return room(
        sockets, messages, LIMITS["posts"].value, is_sdk=is_sdk, polls_a_second=LIMITS["polls"].value
    )  # fmt: skip


def _add_all_hands(found: Findings) -> None:
    """How long one message to very many readers takes, by what carries it."""
    posts, gateway = LIMITS["posts"].value, LIMITS["gateway"].value
    rows = [["Pushes a second", "Limited by", f"One message to {_READERS:,} sockets takes"]]
    for rate, by in (
        (posts, "one container of fan-out"),
        (gateway, "“Throttle rate”, if nothing else uses it"),
        (50_000, "“Throttle rate” raised to 50,000, in 100 channels on 7 shards or more"),
    ):
        rows.append([f"{rate:,.0f}", by, _duration(_READERS / rate)])
    found.tables["all hands"] = rows


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
