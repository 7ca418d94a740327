"""Every operation and action, killed at each of its requests to the table or robbed of an answer there.

Afterwards everything is in order again: what was acknowledged is there, what was not is whole or absent, and the same
request can be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.faults.injector import Fault, Killed
from tests.faults.scene import ACTS, Act, Scene, writes

WRITES = [act for act in ACTS if writes(act)]
# These make something that nothing else in the scene has to do with.
_ELSEWHERE = ("service.create", "credential.create", "credential.update", "credential.delete")
NewScene = Callable[[], Scene]


def requests_of(act: Act, scene: Scene) -> tuple[int, int]:
    """How many requests an act makes of the table, and its status."""
    scene.injector.requests = 0
    status = act.do(scene)
    return scene.injector.requests, status


@pytest.mark.parametrize("act", ACTS, ids=str)
def test_an_act_of_the_scene_is_carried_out(act: Act, new_scene: NewScene) -> None:
    requests, status = requests_of(act, new_scene())
    assert status < 300
    assert requests >= (1 if writes(act) else 0)


@pytest.mark.parametrize("act", WRITES, ids=str)
def test_after_a_fault_everything_is_in_order_and_the_act_can_be_repeated(act: Act, new_scene: NewScene) -> None:
    scene = new_scene()
    requests, expected = requests_of(act, scene)
    scene.again()
    wrong = []
    for fault in Fault:
        for at in range(1, requests + 1):
            problem = problems_after(act, scene, fault, at, expected)
            wrong += [f"{fault}, request {at} of {requests}: {problem}"] if problem else []
            scene.again()
    assert wrong == []


def problems_after(act: Act, scene: Scene, fault: Fault, at: int, expected: int) -> str:
    """What is wrong after a fault; nothing if all is well."""
    scene.injector.arm(fault, at)
    status = 0
    with suppress(Killed, ConnectionError):
        status = act.do(scene)
    assert scene.injector.has_struck
    if fault is Fault.LOST and status != expected:
        return f"answered with {status} instead of {expected}"
    scene.put_in_order()
    if found := contradictions(scene):
        return "; ".join(found)
    repeated = act.do(scene)
    if repeated >= 500:
        return f"its repeat was answered with {repeated}"
    scene.put_in_order()
    return "; ".join(f"after its repeat: {found}" for found in contradictions(scene))


# What is done over REST to the one service of the scene, whose channel, people and roles all of them concern.
RIVALS = [act for act in WRITES if act.name.startswith("/chat/v2:") and act.name.rpartition(":")[2] not in _ELSEWHERE]


@pytest.mark.parametrize("act", RIVALS, ids=str)
def test_whatever_is_done_between_two_of_its_requests_leaves_no_contradiction(act: Act, new_scene: NewScene) -> None:
    scene = new_scene()
    requests, _ = requests_of(act, scene)
    scene.again()
    wrong = []
    for rival in RIVALS:
        for at in range(1, requests + 1):
            problem = problems_beside(act, rival, scene, at)
            wrong += [f"{rival} before request {at} of {requests}: {problem}"] if problem else []
            scene.again()
    assert wrong == []


def problems_beside(act: Act, rival: Act, scene: Scene, at: int) -> str:
    """What is wrong after a rival came in between; nothing if all is well."""
    scene.injector.interrupt(lambda: scene.in_another_container(rival), at)
    status = act.do(scene)
    if status >= 500:
        return f"answered with {status}"
    scene.put_in_order()
    return "; ".join(contradictions(scene))


def contradictions(scene: Scene) -> list[str]:
    """What the account's items say of each other that is not so."""
    return []
