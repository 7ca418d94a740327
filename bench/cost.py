"""What messages cost, and what a month costs: the counts of `bench/counts.py` times the prices of `bench/prices.py`.

    python -m bench cost          (a minute, loopback only)

Everything except Lambda's time is counted, so it is the same on any machine. Lambda's time is an estimate and kept
apart: the CPU time of the handlers on this machine, divided by the share of a processor that comes with the function's
memory, plus an assumed wait for each request to AWS.
"""

from __future__ import annotations

from bench import prices
from bench.counts import CHANNELS, RECIPIENTS, REST_API, SOCKET, TOGETHER, Case, cases, counted, worked
from bench.figures import COUNT, TIME, Figure, Findings, Plot
from bench.prices import GIGABYTE_SECOND, MILLION, twilio_fee
from bench.scene import memory_gigabytes
from bench.usage import FRAMES_IN, FRAMES_OUT, INVOCATIONS, LOGGED, QUEUED, READS, REST, SENT, TOLD, WRITES, Usage
from parley.sockets.protocols import NATIVE, TWILSOCK

PARTS = {
    "sockets": (prices.SOCKET_MESSAGE, (FRAMES_IN, FRAMES_OUT)),
    "REST": (prices.REST_REQUEST, (REST,)),
    "writes": (prices.WRITE_UNIT, (WRITES,)),
    "reads": (prices.READ_UNIT, (READS,)),
    "Lambda requests": (prices.INVOCATION, (INVOCATIONS,)),
    "SQS": (prices.QUEUE_REQUEST, (QUEUED,)),
    "SNS": (prices.PUSH, (TOLD,)),
    "logs": (prices.LOG, (LOGGED,)),
    "traffic": (prices.TRANSFER, (SENT,)),
}
"""The parts of a bill: the price, and the meters that it is paid for."""
_OF_GATEWAY_AND_TABLE = "sockets", "REST", "writes", "reads"
# The goal by socket is less than $5.50.
_MOST_BY_SOCKET, _MOST_BY_REST = 5.49, 8.00
WHOLE_PROCESSOR_GIGABYTES = 1769 / 1024
"""The memory with which a function has one whole processor."""
_WAIT_SECONDS = 0.006

USERS = (1_000, 10_000, 1_000_000)
MONTH_DAYS = 30
# What a user does on a day.
_MESSAGES, _OF_THEM_TO_TEN = 10, 2
_STARTS, _READ_ON, _TYPED, _HOURS = 4, 10, 10, 2
# Beyond so many messages a second, a batch of the stream holds several.
_MANY_PER_SECOND = 10
_PING_MINUTES = 9
_ITEM_BYTES = 700


def dollars(used: Usage) -> dict[str, float]:
    """What some work costs by part, without Lambda's time."""
    return {name: price.each * sum(used.of(meter) for meter in meters) for name, (price, meters) in PARTS.items()}


def total(used: Usage) -> float:
    """What some work costs, without Lambda's time."""
    return sum(dollars(used).values())


def lambda_time(used: Usage) -> float:
    """What Lambda's time costs, as an estimate."""
    seconds = 0.0
    for function, gigabytes in memory_gigabytes().items():
        computing = used.cpu_seconds.get(function, 0.0) / min(gigabytes / WHOLE_PROCESSOR_GIGABYTES, 1)
        seconds += gigabytes * (computing + used.waits[function] * _WAIT_SECONDS)
    return seconds * GIGABYTE_SECOND.each


def measure(quick: bool) -> Findings:
    rounds = 1 if quick else 3
    # Without the fast path, messages to one person show the difference.
    chosen = [case for case in cases() if case.fast or (case.recipients == 1 and case.protocol == NATIVE)]
    found, operations = counted(chosen, rounds), worked()
    tables = {
        "prices": _price_table(),
        "messages": _message_table(found, NATIVE),
        "SDK messages": _message_table(found, TWILSOCK),
        "ways": _ways_table(found),
        "operations": _operations_table(operations),
        "assumptions": _assumptions(),
        "months": _month_table(found, operations),
    }
    goals = _goals(found)
    tables["goals"] = _goal_table(goals)
    figures = [*goals, *_figures(found, operations)]
    return Findings(figures, [_message_plot(found), _month_plot(found, operations)], tables)


def _goals(found: dict[Case, Usage]) -> list[Figure]:
    by_socket, by_rest, slow = found[Case(SOCKET)], found[Case(REST_API)], found[Case(SOCKET, fast=False)]
    frames = by_socket.of(FRAMES_IN) + by_socket.of(FRAMES_OUT)
    units = f"{by_socket.of(WRITES):g} write units and {by_socket.of(READS):g} read units"
    return [
        _goal("by socket: API Gateway and DynamoDB", _core(by_socket), _MOST_BY_SOCKET, f"{frames:g} frames, {units}."),
        _goal("by socket: all that is counted", _million(by_socket), _MOST_BY_SOCKET, _beside(by_socket)),
        _goal("by REST: API Gateway and DynamoDB", _core(by_rest), _MOST_BY_REST),
        _goal("by REST: all that is counted", _million(by_rest), _MOST_BY_REST, _beside(by_rest)),
        _goal("by socket: what the fast path adds", _million(by_socket) - _million(slow), 1),
    ]


def _goal(what: str, found: float, most: float, why: str = "") -> Figure:
    return Figure(f"1:1 {what}", round(found, 2), "$ a million", COUNT, at_most=most, why=why)


def _beside(used: Usage) -> str:
    return f"API Gateway and DynamoDB cost ${_core(used):.2f}; requests to Lambda, logs and traffic cost the rest."


def _goal_table(goals: list[Figure]) -> list[list[str]]:
    """The goals beside what was found."""
    rows = [
        [
            goal.name,
            f"${goal.at_most:.2f}",
            f"{'-' * (goal.value < 0)}${abs(goal.value):.2f}",
            "no" if goal.is_missed else "yes",
        ]
        for goal in goals
    ]
    return [["A million messages", "At most", "Found", "Met"], *rows]


def _core(used: Usage) -> float:
    """What a million of something cost at API Gateway and DynamoDB."""
    parts = dollars(used)
    return round(MILLION * sum(parts[name] for name in _OF_GATEWAY_AND_TABLE), 2)


def _million(used: Usage) -> float:
    return round(MILLION * total(used), 2)


def _figures(found: dict[Case, Usage], operations: dict[str, Usage]) -> list[Figure]:
    figures = [Figure(case.name, _million(used), "$ a million", COUNT) for case, used in found.items()]
    figures += [Figure(name, _million(used), "$ a million", COUNT) for name, used in operations.items()]
    for case in (Case(SOCKET), Case(REST_API)):
        time = round(MILLION * lambda_time(found[case]), 2)
        figures.append(Figure(f"{case.name}: Lambda's time, estimated", time, "$ a million", TIME))
    return figures


def _price_table() -> list[list[str]]:
    rows = [[price.what, f"${price.dollars:g} per {price.per}", f"<{price.source}>"] for price in prices.AWS]
    return [["What", "Price", "Published at"], *rows]


def _row(name: str, used: Usage, shown: list[str]) -> list[str]:
    parts = dollars(used)
    return [
        name,
        *(_dollars(MILLION * parts[part]) for part in shown),
        f"**{_dollars(MILLION * total(used))}**",
        _dollars(MILLION * lambda_time(used)),
    ]


def table(rows: dict[str, Usage], first: str) -> list[list[str]]:
    shown = [part for part in PARTS if any(dollars(used)[part] for used in rows.values())]
    return [[first, *shown, "counted", "Lambda's time (estimate)"], *(_row(*row, shown) for row in rows.items())]


def _message_table(found: dict[Case, Usage], protocol: str) -> list[list[str]]:
    rows = {
        f"by {case.by}, to {case.recipients:,}": used
        for case, used in found.items()
        if case == Case(case.by, case.recipients, protocol)
    }
    return table(rows, "A million messages")


def _ways_table(found: dict[Case, Usage]) -> list[list[str]]:
    usual = {Case(by, recipients, protocol) for by, recipients, protocol in map(_shape, found)}
    return table(
        {case.name: used for case, used in found.items() if case not in usual and _is_small(case)}, "A million"
    )


def _shape(case: Case) -> tuple[str, int, str]:
    return case.by, case.recipients, case.protocol


def _is_small(case: Case) -> bool:
    return case.notified or (case.recipients == 1 and case.protocol == NATIVE)


def _operations_table(operations: dict[str, Usage]) -> list[list[str]]:
    return table(operations, "A million of each")


def _assumptions() -> list[list[str]]:
    return [
        ["Of each user", ""],
        ["messages sent on a day", f"{_MESSAGES}, of which {_OF_THEM_TO_TEN} to ten people and the others to one"],
        ["who hears of a message", "everybody in the room, each over one socket"],
        ["starts of the app on a day", f"{_STARTS}, each with a list of {CHANNELS} channels and two of 50 messages"],
        ["read horizons moved on a day", str(_READ_ON)],
        ["typing indicators on a day", str(_TYPED)],
        ["hours online on a day", f"{_HOURS}, with a ping every {_PING_MINUTES} minutes"],
        ["stored", f"a year of messages, {_ITEM_BYTES} bytes each, with backups"],
        ["days in a month", str(MONTH_DAYS)],
    ]


def _month_table(found: dict[Case, Usage], operations: dict[str, Usage]) -> list[list[str]]:
    heading = ["A month", *(f"{users:,} users" for users in USERS)]
    bills = [_bill(users, found, operations) for users in USERS]
    rows = [[part, *(_dollars(bill[part]) for bill in bills)] for part in bills[0]]
    rows.append(["**together**", *(f"**{_dollars(sum(bill.values()))}**" for bill in bills)])
    rows.append(["Twilio's fee for active users", *(_dollars(twilio_fee(users)) for users in USERS)])
    return [heading, *rows]


def _bill(users: int, found: dict[Case, Usage], operations: dict[str, Usage]) -> dict[str, float]:
    """A month's bill by part."""
    days = users * MONTH_DAYS
    together = TOGETHER if users * _MESSAGES / 86_400 > _MANY_PER_SECOND else 1
    of_one, of_ten = (found[Case(SOCKET, number, together=together, repeatable=True)] for number in (1, 10))
    done = [
        (days * (_MESSAGES - _OF_THEM_TO_TEN), of_one),
        (days * _OF_THEM_TO_TEN, of_ten),
        (days * _READ_ON, operations["read on"]),
        (days * _TYPED, operations["type"]),
        (days * _STARTS, operations["open a socket"]),
        (days * _STARTS, operations["close a socket"]),
        (days * _STARTS, operations[f"list {CHANNELS} channels"]),
        (days * _STARTS * 2, operations["list 50 messages"]),
    ]
    bill = {part: sum(times * dollars(used)[part] for times, used in done) for part in PARTS}
    minutes = days * _HOURS * 60
    bill["sockets"] += 2 * minutes / _PING_MINUTES * prices.SOCKET_MESSAGE.each
    bill = {part: amount for part, amount in bill.items() if amount}
    bill["minutes of open sockets"] = minutes * prices.SOCKET_MINUTE.each
    stored = users * _MESSAGES * 365 * _ITEM_BYTES / prices.GIGABYTE
    bill["storage"] = stored * (prices.TABLE_STORAGE.dollars + prices.TABLE_BACKUP.dollars)
    bill["Lambda's time (estimate)"] = sum(times * lambda_time(used) for times, used in done)
    return bill


def _message_plot(found: dict[Case, Usage]) -> Plot:
    lines = {
        f"by {by}{', SDKs' * (protocol != NATIVE)}": [
            (number, _million(found[Case(by, number, protocol)])) for number in RECIPIENTS
        ]
        for protocol in (NATIVE, TWILSOCK)
        for by in (SOCKET, REST_API)
    }
    title = "A message, without Lambda's time"
    return Plot("cost-message", title, "recipients", "dollars a million messages", lines, "xy")


def _month_plot(found: dict[Case, Usage], operations: dict[str, Usage]) -> Plot:
    lines = {
        "Parley, paid to AWS": [(users, round(sum(_bill(users, found, operations).values()))) for users in USERS],
        "Twilio's fee for active users": [(users, twilio_fee(users)) for users in USERS],
    }
    return Plot("cost-month", "A month", "active users", "dollars", lines, "xy")


def _dollars(amount: float) -> str:
    if amount >= 1000:
        return f"${amount:,.0f}"
    return f"${amount:,.2f}" if amount >= 0.005 else ""
