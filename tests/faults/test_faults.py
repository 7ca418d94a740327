"""Every operation, action and background job is killed after each of its requests to the table, or loses the answer.

Afterwards everything is in order again. What was acknowledged is stored. What was not is stored as a whole or not at
all. The same act can be repeated. `PARLEY_EVERY_FAULT=1` tries every fault at every request, also at those that only read,
and rivals before each request. Without it, the tests try every third fault at the requests that write. Unless
`PARLEY_EVERY_CASE=1`, each act meets a third of the rivals.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import product
from typing import Any

import pytest

from parley.background.texting import text_jobs
from parley.background.worker import job_table
from parley.domain.memberships import Person
from parley.operations.table import OPERATIONS as TRIED
from parley.ports.phones import NoCarrier
from parley.sockets.events import people
from parley.sockets.native.actions import ACTIONS, Action
from parley.sockets.sdk import registrations, upstream
from parley.store import keys
from parley.webhooks.deliveries import Deliveries
from tests.faults.act import Act
from tests.faults.acts import ACTS, SENT_ONCE, WITH_TOKEN
from tests.faults.acts_on_sockets import SENT_BY_SDKS
from tests.faults.acts_with_files import OF_FILES
from tests.faults.injector import Fault, Step
from tests.faults.scene import Scene
from tests.ports.fakes import FakeOutgoing, FakeQueue
from tests.rest.everything import OPERATIONS
from tests.sdk.acts_of_tables import ACTS as SDK_ACTS
from tests.support.killing import Killed
from tests.support.texting import FakeTexting
from tests.support.turns import in_turn

EVERY = bool(os.environ.get("PARLEY_EVERY_FAULT"))
MOST = 40 if EVERY else 8


def steps_of(act: Act, scene: Scene) -> tuple[list[Step], int]:
    """The requests that an act makes of the table when nothing goes wrong, and its status."""
    scene.again()
    prepared = act.prepare(scene)
    scene.injector.count()
    status = act.do(scene, prepared)
    return scene.injector.steps, status


def places(steps: list[Step]) -> list[int]:
    """The requests at which something goes wrong: those that write, or all; at even distances where they are many."""
    chosen = [at for at, step in enumerate(steps, 1) if EVERY or step.writes]
    return chosen[:: -(-len(chosen) // MOST) or 1]


def trials(act: Act, steps: list[Step]) -> list[tuple[int, Fault]]:
    """Which faults are tried where. Acts take turns in which third they try."""
    every = list(product(places(steps), Fault))
    return every if EVERY else every[ACTS.index(act) % 3 :: 3]


@pytest.mark.parametrize("act", ACTS, ids=str)
def test_after_a_fault_everything_is_in_order_and_the_act_can_be_repeated(act: Act, scene: Scene) -> None:
    steps, expected = steps_of(act, scene)
    assert expected < 300
    scene.put_in_order()
    assert scene.contradictions() == []
    wrong = []
    for at, fault in trials(act, steps):
        scene.again()
        problem = problems_after(act, scene, fault, at, expected)
        wrong += [f"{fault} request {at} of {len(steps)}: {problem}"] if problem else []
    assert wrong == []


def problems_after(act: Act, scene: Scene, fault: Fault, at: int, expected: int) -> str:
    """What is wrong after a fault; nothing if all is well."""
    prepared = act.prepare(scene)
    scene.injector.arm(fault, at)
    status = 0
    with suppress(Killed, ConnectionError):
        status = act.do(scene, prepared)
    has_written = any(step.writes for step in scene.injector.steps)
    scene.injector.disarm()
    if fault is Fault.LOST and status != expected:
        return f"answered with {status} instead of {expected}"
    if act.is_repeated and status != expected and act.do_elsewhere(scene, prepared) != expected:
        return "the second attempt failed too"
    if not has_written:
        # Everything is as it was.
        return ""
    scene.put_in_order()
    if (found := scene.contradictions()) or act.is_repeated:
        return "; ".join(found)
    repeated = act.do(scene, prepared)
    if repeated >= 500:
        return f"its repeat was answered with {repeated}"
    scene.put_in_order()
    return "; ".join(f"after its repeat: {found}" for found in scene.contradictions())


@pytest.mark.parametrize("fault", Fault)
def test_a_message_with_a_token_is_sent_once_whatever_fails(made: Scene, fault: Fault) -> None:
    steps, _ = steps_of(WITH_TOKEN, made)
    for at in range(1, len(steps) + 1):
        made.again()
        made.injector.arm(fault, at)
        with suppress(Killed, ConnectionError):
            WITH_TOKEN.do(made, None)
        made.injector.disarm()
        assert [WITH_TOKEN.do(made, None) for _ in range(2)] == [201, 201]
        made.put_in_order()
        assert (sent_once(made), made.contradictions()) == (1, []), at


def test_a_message_with_a_token_is_sent_once_whenever_its_repeat_comes(made: Scene) -> None:
    steps, _ = steps_of(WITH_TOKEN, made)
    for at in range(1, len(steps) + 1):
        made.again()
        assert problems_beside(WITH_TOKEN, WITH_TOKEN, made, at) == "", at
        assert sent_once(made) == 1, at


def test_after_a_death_one_of_two_repeats_sends_the_message_whenever_the_other_comes(made: Scene) -> None:
    def die() -> None:
        made.again()
        # The first write takes the index, the second one is the token.
        made.injector.arm(Fault.KILLED, [bool(step.writes) for step in steps].index(True) + 2)
        with suppress(Killed):
            WITH_TOKEN.do(made, None)
        made.injector.disarm()
        assert sent_once(made) == 0

    steps, _ = steps_of(WITH_TOKEN, made)
    die()
    made.injector.count()
    assert WITH_TOKEN.do(made, None) == 201
    for at in range(1, len(made.injector.steps) + 1):
        die()
        assert problems_beside(WITH_TOKEN, WITH_TOKEN, made, at) == "", at
        assert sent_once(made) == 1, at


def sent_once(scene: Scene) -> int:
    """How many messages the sends with a token have made."""
    messages = scene.world.table.every(keys.messages(scene.room.sid))
    return sum(message.get("body") == SENT_ONCE for message in messages)


@pytest.mark.parametrize("act", ACTS, ids=str)
def test_a_change_of_the_people_in_a_channel_is_counted(act: Act, made: Scene) -> None:
    """The fast path of messages tells by this count whether the people in a room are still those that it has read."""
    made.again()
    prepared = act.prepare(made)
    before = rooms(made)
    assert act.do(made, prepared) < 300
    after = rooms(made)
    changed = {sid for sid in before if sid in after and before[sid][0] != after[sid][0]}
    assert [sid for sid in changed if after[sid][1] <= before[sid][1]] == []
    others = {sid for sid in before if sid in after} - changed
    assert [sid for sid in others if after[sid][1] < before[sid][1]] == []


def rooms(scene: Scene) -> dict[str, tuple[frozenset[Person], int]]:
    """The people of each channel that exists, and how often they changed."""
    table = scene.world.table
    sids = {pk.removeprefix("CHANNEL#") for pk, _ in scene.touched() if pk.startswith("CHANNEL#")}
    tails = {sid: table.fetch(keys.tail(sid)) for sid in sids}
    return {
        sid: (people(table.every(keys.members(sid))), tail.get("memberships_changed", 0))
        for sid, tail in tails.items()
        if tail is not None
    }


def test_every_operation_and_action_is_among_the_acts() -> None:
    """If several faces show a record, the operation of one face is enough, since they share the code that writes."""
    names = {act.name for act in ACTS}
    operations = {name.rpartition("/")[2].partition(":")[2] for name in names}
    assert {f"{one.resource}.{one.verb}" for one in OPERATIONS} <= {name.partition(":")[0] for name in operations}
    assert {f"socket:{name}" for name in ACTIONS} <= names


# The rows of the SDKs with functions of their own that write with the operations of native actions, or do not write.
OWN_ROWS = {"update_mine", "decline", "typing", "my_conversation", "my_channels", "users_of_channel"} | {
    "channel_metadata",
    "message_recipients",
    "content_templates",
}


def test_every_act_of_the_sdks_is_among_the_acts_or_its_operation_is() -> None:
    native = [action.operation for action in ACTIONS.values() if isinstance(action, Action)]
    tried = [operation for operation in (*TRIED.values(), *native) if operation]
    assert [one for one in SDK_ACTS if one.operation not in tried] == []
    # What keeps the id of a request does so beside the operation.
    repeatable = {one.name for one in SDK_ACTS if one.act.repeatable}
    assert repeatable - {"sendMediaMessage"} == set(SENT_BY_SDKS) - {"leaveChannel", "register", "remove_device"}
    own = {row.answer.__name__ for row in upstream.ROWS if isinstance(row, upstream.OwnRow)}
    assert own == OWN_ROWS | {"send"}
    assert {route.handler.__name__ for route in registrations.ROUTES} == {"register", "remove_device", "remove"}


def test_every_kind_of_queued_job_is_among_the_acts(scene: Scene) -> None:
    jobs = {act.name.removeprefix("job:").partition(" ")[0] for act in ACTS if act.name.startswith("job:")}
    context, outgoing, queue = scene.world.context(), FakeOutgoing(), FakeQueue()
    facts: dict[str, Any] = {"longest_age_seconds": 1, "studio_url": ""}
    deliveries = Deliveries(context, outgoing, queue, **facts)
    texts = text_jobs(context, queue, FakeTexting(), "media")
    assert {*job_table(context, deliveries, queue, queue, NoCarrier(), queue), *texts} == jobs


# Acts over REST on the one service of the scene: they all concern its channel, people and roles.
OF_CHAT = [act for act in ACTS if act.name.startswith("/chat/v2:")]
# Acts on conversations with phones in them, and on those who have the same numbers.
OF_PHONES = [act for act in ACTS if act.name.startswith("phones:")]
# Acts on messaging services and senders.
OF_SENDERS = [act for act in ACTS if act.name.startswith(("/messaging/v1:", "senders:"))]
RIVALS = [*OF_CHAT, *OF_PHONES, *OF_SENDERS]


@pytest.fixture(scope="module")
def walks(made: Scene) -> dict[str, list[Step]]:
    """The requests of each rival when nobody is in its way."""
    return {rival.name: steps_of(rival, made)[0] for rival in RIVALS}


@pytest.mark.parametrize("act", OF_FILES, ids=str)
def test_whatever_happens_to_the_same_files_they_and_their_messages_name_each_other(act: Act, scene: Scene) -> None:
    steps, wrong = steps_of(act, scene)[0], []
    for rival in OF_FILES:
        for at in places_between(steps, steps_of(rival, scene)[0]):
            scene.again()
            problem = problems_beside(act, rival, scene, at, act.prepare(scene))
            wrong += [f"{rival} before request {at}: {problem}"] if problem else []
    assert wrong == []


def written(steps: list[Step]) -> set[tuple[str, str]]:
    return {key for step in steps for key in step.writes}


@pytest.mark.parametrize("act", RIVALS, ids=str)
def test_whatever_is_done_between_two_of_its_requests_leaves_no_contradiction(
    act: Act, scene: Scene, walks: dict[str, list[Step]]
) -> None:
    wrong = []
    among = next(rivals for rivals in (OF_CHAT, OF_PHONES, OF_SENDERS) if act in rivals)
    for rival in in_turn(among, RIVALS.index(act)):
        for at in places_between(walks[act.name], walks[rival.name]):
            scene.again()
            problem = problems_beside(act, rival, scene, at)
            wrong += [f"{rival} before request {at}: {problem}"] if problem else []
    assert wrong == []


def places_between(steps: list[Step], of_rival: list[Step]) -> list[int]:
    """The requests of an act before which a rival is tried.

    The rival comes after a request that touches an item which the rival writes. Both must write, or one simply comes
    before the other. Of several such places in a row, only the last is tried, because there the act has decided most.
    """
    if not written(steps) or not written(of_rival):
        return []
    met = [at for at, step in enumerate(steps, 1) if step.meets(written(of_rival))]
    last = max((at for at, step in enumerate(steps, 1) if step.writes), default=0)
    between = list(range(min(met, default=last) + 1, last + 1))
    return between if EVERY else between[-1:]


def problems_beside(act: Act, rival: Act, scene: Scene, at: int, prepared: Any = None) -> str:
    """What is wrong after a rival came in between; nothing if all is well."""
    statuses = []
    scene.injector.interrupt(lambda: statuses.append(rival.do_elsewhere(scene, prepared)), at)
    statuses.append(act.do(scene, prepared))
    scene.injector.disarm()
    if max(statuses) >= 500:
        return f"answered with {statuses}"
    scene.put_in_order()
    return "; ".join(scene.contradictions())
