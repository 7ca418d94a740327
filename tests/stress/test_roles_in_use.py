"""A role that is deleted while it is given to somebody: either it stays, or nobody gets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.errors import Refusal
from parley.faces.errors import translate
from parley.operations import channels, invites, joining, members, roles, services, users
from tests.ports.meddling import MeddlingClient, after
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.world import World

RIGHTS = {"deployment": "joinChannel", "channel": "sendMessage"}


class Scene:
    """A service with a user, a member, and a role of each type that nobody has."""

    def __init__(self, client: LeanClient, table_name: str):
        self.client, self._lean, self._table_name = MeddlingClient(client), client, table_name
        self.world = World(self.client, table_name)
        context = self.world.context()
        self.service = services.create(context, {}, {"friendly_name": "roles"})["sid"]
        self.path = {"service_sid": self.service}
        self.inside = {**self.path, "channel_sid": channels.create(context, self.path, {})["sid"]}
        self.member = joining.create(context, self.inside, {"identity": "alice"})
        self.roles = {
            kind: roles.create(context, self.path, {"friendly_name": "x", "type": kind, "permissions": [right]})["sid"]
            for kind, right in RIGHTS.items()
        }

    def delete(self, kind: str) -> None:
        context = self.world.another_container().context()
        roles.delete(context, {**self.path, "sid": self.roles[kind]}, {})

    def is_done(self, act: Callable[[], Any]) -> bool:
        try:
            act()
        except Refusal as refusal:
            assert translate("chat", refusal).code in (50100, 20409), refusal
            return False
        return True

    def check(self) -> None:
        found = contradictions(everything(self._lean, self._table_name, self.world.account_sid))
        assert found == []


@pytest.fixture
def scene(lean: LeanClient, table_name: str) -> Scene:
    return Scene(lean, table_name)


def give(scene: Scene, how: str) -> tuple[str, Callable[[], Any]]:
    """The kind of role that is given in this way, and a call that gives it from a container that remembers it."""
    context = scene.world.another_container().context()
    path, inside = scene.path, scene.inside
    kind = "deployment" if "user" in how or how == "default_service_role_sid" else "channel"
    role = scene.roles[kind]
    roles.fetch_typed(context, scene.service, role, kind)
    member = {**inside, "sid": scene.member["sid"]}
    ways: dict[str, Callable[[], Any]] = {
        "new user": lambda: users.create(context, path, {"identity": "bob", "role_sid": role}),
        "user": lambda: users.update(context, {**path, "sid": "alice"}, {"role_sid": role}),
        "new member": lambda: joining.create(context, inside, {"identity": "bob", "role_sid": role}),
        "member": lambda: members.update(context, member, {"role_sid": role}),
        "invite": lambda: invites.create(context, inside, {"identity": "bob", "role_sid": role}),
    }
    default = {how: role}
    return kind, ways.get(how, lambda: services.update(context, {"sid": scene.service}, default))


WAYS = (
    "new user",
    "user",
    "new member",
    "member",
    "invite",
    "default_service_role_sid",
    "default_channel_role_sid",
    "default_channel_creator_role_sid",
)


@pytest.mark.parametrize("way", WAYS)
def test_a_role_that_is_deleted_just_before_it_is_given_is_not_given(scene: Scene, way: str) -> None:
    """The container that gave it remembered it, so somebody got a role that no longer existed."""
    kind, act = give(scene, way)
    deleted: list[bool] = []
    scene.client.script(
        "transact_write_items", after(lambda: deleted.append(scene.is_done(lambda: scene.delete(kind))))
    )
    assert not scene.is_done(act)
    assert deleted == [True]
    scene.check()


@pytest.mark.parametrize("way", WAYS)
def test_a_role_that_is_given_just_before_it_is_deleted_stays(scene: Scene, way: str) -> None:
    kind, act = give(scene, way)
    given: list[bool] = []
    scene.client.script("put_item", after(lambda: given.append(scene.is_done(act))))
    assert not scene.is_done(lambda: scene.delete(kind))
    assert given == [True]
    scene.check()


def test_a_role_that_was_given_a_minute_ago_and_taken_away_since_can_be_deleted(scene: Scene) -> None:
    _, act = give(scene, "user")
    act()
    context = scene.world.context()
    other = {"friendly_name": "y", "type": "deployment", "permissions": ["joinChannel"]}
    second = roles.create(context, scene.path, other)["sid"]
    users.update(context, {**scene.path, "sid": "alice"}, {"role_sid": second})
    assert not scene.is_done(lambda: scene.delete("deployment"))
    scene.world.clock.advance(61)
    assert scene.is_done(lambda: scene.delete("deployment"))
    scene.check()


def test_a_role_is_stamped_once_however_many_it_is_given_to(scene: Scene) -> None:
    context = scene.world.context()
    for number in range(5):
        parameters = {"identity": f"user {number}", "role_sid": scene.roles["deployment"]}
        users.create(context, scene.path, parameters)
    assert scene.client.calls["put_item"] >= 4
    scene.check()
