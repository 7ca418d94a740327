"""What phones write is in one conversation, once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.conversations.aws import text_from
from tests.faults.injector import Fault
from tests.faults.receiving import OTHER_UNKNOWN, UNKNOWN, bodies, hear, pictured, unknown
from tests.faults.scene import Scene
from tests.faults.texting import NUMBER
from tests.support.killing import Killed
from tests.support.turns import EVERY_CASE


def requests_of(scene: Scene) -> int:
    """How many requests a text of an unknown phone makes."""
    scene.again()
    events = unknown(scene)
    scene.injector.count()
    assert hear(scene, scene.world, events) == 200
    return scene.injector.requests


@pytest.mark.parametrize("fault", Fault)
def test_a_text_of_an_unknown_phone_makes_one_conversation_and_is_in_it_once_whichever_request_fails(
    scene: Scene, fault: Fault
) -> None:
    for at in range(1, requests_of(scene) + 1):
        scene.again()
        events = unknown(scene)
        scene.injector.arm(fault, at)
        with suppress(Killed, ConnectionError):
            hear(scene, scene.world, events)
        scene.injector.disarm()
        assert hear(scene, scene.world.another_container(), events) == 200, at
        assert bodies(scene, UNKNOWN) == [["hello"]], at
        scene.put_in_order()
        assert scene.contradictions() == [], at


RIVALS: dict[str, tuple[Callable[[Scene], object], list[str]]] = {
    "the same text": (lambda scene: hear_elsewhere(scene, "hello", "in-1"), ["hello"]),
    "another text": (lambda scene: hear_elsewhere(scene, "again", "in-2"), ["again", "hello"]),
    "a back end that adds the phone": (lambda scene: added(scene), ["hello"]),
}


def hear_elsewhere(scene: Scene, body: str, sid: str) -> int:
    return hear(scene, scene.world.another_container(), [text_from(UNKNOWN, NUMBER, body, sid)])


def added(scene: Scene) -> int:
    """Add the phone to another conversation."""
    pair = {"MessagingBinding.Address": UNKNOWN, "MessagingBinding.ProxyAddress": NUMBER}
    return scene.unchecked("POST", f"{scene.phones['other']}/Participants", pair).status


@pytest.mark.parametrize("rival", RIVALS)
def test_whatever_comes_between_the_requests_of_a_first_text_there_is_one_conversation_with_every_text_once(
    scene: Scene, rival: str
) -> None:
    act, expected = RIVALS[rival]
    places = range(1, requests_of(scene) + 1)
    for at in places if EVERY_CASE else places[::2]:
        scene.again()
        events, statuses = unknown(scene), []
        scene.injector.interrupt(lambda: statuses.append(scene.apart(lambda: act(scene))), at)  # noqa: B023
        assert hear(scene, scene.world, events) == 200, at
        scene.injector.disarm()
        assert bodies(scene, UNKNOWN) == [expected], at
        scene.put_in_order()
        assert scene.contradictions() == [], at


def test_two_unknown_phones_get_a_conversation_each(scene: Scene) -> None:
    scene.again()
    events = [*unknown(scene), text_from(OTHER_UNKNOWN, NUMBER, "hi", "in-3")]
    assert hear(scene, scene.world, events) == 200
    assert (bodies(scene, UNKNOWN), bodies(scene, OTHER_UNKNOWN)) == ([["hello"]], [["hi"]])


@pytest.mark.parametrize("fault", Fault)
def test_a_picture_is_in_its_conversation_once_whichever_request_fails(scene: Scene, fault: Fault) -> None:
    scene.again()
    events = pictured(scene)
    scene.injector.count()
    assert hear(scene, scene.world, events) == 200
    for at in range(1, scene.injector.requests + 1):
        scene.again()
        events = pictured(scene)
        scene.injector.arm(fault, at)
        with suppress(Killed, ConnectionError):
            hear(scene, scene.world, events)
        scene.injector.disarm()
        assert hear(scene, scene.world.another_container(), events) == 200, at
        listed = scene.rest.get(f"{scene.phones['thread']}/Messages")["messages"]
        assert [len(one["media"] or []) for one in listed] == [1], at
        scene.put_in_order()
        assert scene.contradictions() == [], at
