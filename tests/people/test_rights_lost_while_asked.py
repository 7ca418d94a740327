"""A user loses the right to an action while the service's owner is asked about it: the action is not done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ports.http.outgoing import NoAnswer, Response
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.sockets.deployment import House
from tests.support.lean import LeanClient
from tests.webhooks.asking import EVENTS, answer, asking_about, refusal, stored
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import CASES, Scene

REFUSALS = {(403, 50107), (403, 50400), (404, 20404)}


@pytest.fixture
def asked(house: House) -> Owner:
    """An owner whose answers to pre-events are the test's, by no network."""
    return Owner(house, FakeOutgoing())


def _give_other_roles(scene: Scene) -> None:
    house = scene.owner.house
    user_role = house.role("powerless user", "deployment", ["joinChannel"])
    member_role = house.role("powerless member", "channel", ["leaveChannel"])
    house.rest.post(f"{house.path}/Users/alice", RoleSid=user_role)
    house.rest.post(f"{house.path}{scene.path}/Members/alice", RoleSid=member_role)


def _take_out(scene: Scene) -> None:
    house = scene.owner.house
    user_role = house.role("powerless user", "deployment", ["joinChannel"])
    house.rest.post(f"{house.path}/Users/alice", RoleSid=user_role)
    assert house.rest("DELETE", f"{house.path}{scene.path}/Members/alice").status == 204


LOSSES: dict[str, Callable[[Scene], None]] = {"taken out": _take_out, "other roles": _give_other_roles}


class Meanwhile:
    """An owner who takes rights away before answering, and remembers how everything was then."""

    def __init__(self, scene: Scene, loss: Callable[[Scene], None], *, answers: bool = True):
        self.scene, self.loss, self.answers = scene, loss, answers
        self.before: dict[str, Any] = {}

    def __call__(self, request: SentRequest) -> Response:
        if not self.before:
            self.loss(self.scene)
            self.before = stored(self.scene.owner, self.scene)
        if not self.answers:
            raise NoAnswer("timeout")
        return Response(200, {}, b"")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("event", EVENTS)
def test_an_action_is_not_done_for_who_lost_the_right_to_it_meanwhile(asked: Owner, event: str, loss: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    scene.alice.heard()
    asking_about(asked)
    answer(asked).answer = meanwhile = Meanwhile(scene, LOSSES[loss])
    assert refusal(case.client) in REFUSALS
    assert meanwhile.before == stored(asked, scene)


def test_the_act_is_not_done_either_when_the_owner_does_not_answer(asked: Owner) -> None:
    scene = Scene(asked)
    case = CASES["onMessageSend"](scene)
    scene.alice.heard()
    asking_about(asked)
    answer(asked).answer = meanwhile = Meanwhile(scene, _take_out, answers=False)
    assert refusal(case.client) == (404, 20404)
    assert meanwhile.before == stored(asked, scene)


def test_an_invite_that_is_taken_back_meanwhile_lets_nobody_in(asked: Owner) -> None:
    house = asked.house
    room = house.channel(Type="private")
    invite = house.rest.post(f"{room.path}/Invites", Identity="bob")["sid"]
    bob = house.device("bob")
    asking_about(asked)

    def take_back(request: SentRequest) -> Response:
        assert house.rest("DELETE", f"{room.path}/Invites/{invite}").status == 204
        return Response(200, {}, b"")

    answer(asked).answer = take_back
    assert bob.refusal("joinChannel", channel=room.sid) == (404, 20404)
    assert room.fetch()["members_count"] == 0


def test_nothing_more_is_read_for_an_action_that_nobody_is_asked_about(asked: Owner, lean: LeanClient) -> None:
    scene = Scene(asked)
    said = {"channel": scene.channel, "body": "x"}
    scene.alice.done("sendMessage", **said)
    with lean.metered() as plain:
        scene.alice.done("sendMessage", **said)
    # The service has an owner who wants to be asked about something else.
    asking_about(asked, "onChannelDestroy")
    scene.alice.done("sendMessage", **said)
    with lean.metered() as meter:
        scene.alice.done("sendMessage", **said)
    assert meter.requests == plain.requests
