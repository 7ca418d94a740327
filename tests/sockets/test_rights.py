"""Who may do what: every role, every action, every relation to a public and a private channel, against one table.

The table says what docs/sockets.md says, not what the code does. Beside it: how soon a change of a role counts.

In a channel, a role with a single permission tries what needs it, and a third of all else; with `PARLEY_EVERY_CASE=1` all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from local.template.template import Template
from parley.sockets.native.actions import ACTIONS
from parley.store.configuration import Configuration
from tests.sockets.deployment import Deployment, House, Room, Stream, load_function
from tests.sockets.stage_of_rights import TYPES, Person, Place, Stage, standings
from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.turns import in_turn
from tests.support.world import World

# Where each permission may stand: in a deployment role, a channel role.
PERMISSIONS = {
    "createChannel": "D",
    "joinChannel": "D",
    "addMember": "DC",
    "inviteMember": "DC",
    "removeMember": "DC",
    "leaveChannel": "C",
    "destroyChannel": "DC",
    "editChannelName": "DC",
    "editChannelAttributes": "DC",
    "sendMessage": "C",
    "sendMediaMessage": "C",
    "editAnyMessage": "DC",
    "editOwnMessage": "DC",
    "editAnyMessageAttributes": "DC",
    "editOwnMessageAttributes": "DC",
    "deleteAnyMessage": "DC",
    "deleteOwnMessage": "C",
    "editAnyUserInfo": "DC",
    "editOwnUserInfo": "DC",
    "editAnyMemberAttributes": "DC",
    "editOwnMemberAttributes": "DC",
    "editNotificationLevel": "C",
}
# The roles that a service begins with.
GENERATED = {
    "deployment admin": (
        "addMember createChannel deleteAnyMessage destroyChannel editAnyMessage editAnyMessageAttributes "
        "editAnyUserInfo editChannelAttributes editChannelName inviteMember joinChannel removeMember"
    ),
    "deployment user": "createChannel joinChannel editOwnUserInfo",
    "channel admin": (
        "sendMessage sendMediaMessage leaveChannel editNotificationLevel destroyChannel inviteMember removeMember "
        "editChannelName editChannelAttributes addMember editAnyMemberAttributes editAnyMessage "
        "editAnyMessageAttributes deleteAnyMessage"
    ),
    "channel user": (
        "sendMessage sendMediaMessage leaveChannel editNotificationLevel editOwnMemberAttributes editOwnMessage "
        "editOwnMessageAttributes deleteOwnMessage"
    ),
}
TYPE_OF = {"D": "deployment", "C": "channel"}
ROLES = {
    **{
        f"{TYPE_OF[letter]} {name}": (TYPE_OF[letter], (name,))
        for name, letters in PERMISSIONS.items()
        for letter in letters
    },
    **{name: (name.split()[0], tuple(rights.split())) for name, rights in GENERATED.items()},
}
# Rights that mean nothing where the other role is tried: about users, in a channel, and about oneself.
NOTHING = {"deployment": "editOwnUserInfo", "channel": "editAnyUserInfo"}

Outcome = tuple[int, int | None]
HIDDEN: Outcome = (404, 20404)
NO_MEMBER: Outcome = (403, 50400)
FORBIDDEN: Outcome = (403, 50107)


class Cell(NamedTuple):
    """One action upon one kind of target.

    `needs` is `nothing`, `service` and a right of the deployment role, `sight`, `membership`, `an invite` or the like
    (see `expected`), or rights of which one is needed. `done` is the status, with a code where the target is none.
    """

    action: str
    target: str
    needs: str
    done: Outcome


def cells(*rows: tuple[str, str, str, int | Outcome]) -> list[Cell]:
    return [Cell(*row[:3], row[3] if isinstance(row[3], tuple) else (row[3], None)) for row in rows]


IN_SERVICE = cells(
    ("fetchSession", "", "nothing", 200),
    ("refreshToken", "own", "nothing", 200),
    ("refreshToken", "another's", "nothing", (403, 20106)),
    ("createChannel", "", "service createChannel", 201),
    ("listPublicChannels", "", "nothing", 200),
    ("listMyChannels", "", "nothing", 200),
    ("fetchUser", "", "nothing", 200),
    ("listUsers", "", "nothing", 200),
    ("updateUser", "another's name", "service editAnyUserInfo", 200),
    ("updateUser", "another's attributes", "service editAnyUserInfo", 200),
    ("updateUser", "own name", "service editAnyUserInfo editOwnUserInfo", 200),
    ("updateUser", "own attributes", "service editAnyUserInfo editOwnUserInfo", 200),
    ("followUsers", "", "nothing", 200),
    ("unfollowUsers", "", "nothing", 204),
    ("registerBinding", "", "nothing", 201),
    ("removeBinding", "own", "nothing", 204),
    ("removeBinding", "another's", "nothing", HIDDEN),
)
IN_CHANNEL = cells(
    ("fetchChannel", "", "sight", 200),
    ("updateChannel", "name", "editChannelName", 200),
    ("updateChannel", "unique name", "editChannelName", 200),
    ("updateChannel", "attributes", "editChannelAttributes", 200),
    ("deleteChannel", "", "destroyChannel", 204),
    ("fetchMyChannel", "", "a part in it", 200),
    ("joinChannel", "", "admission", 201),
    ("leaveChannel", "", "leaveChannel", 204),
    ("inviteMember", "", "inviteMember", 201),
    ("acceptInvitation", "", "an invite to accept", 201),
    ("declineInvitation", "", "an invite to decline", 204),
    ("addMember", "", "addMember", 201),
    ("removeMember", "", "removeMember", 204),
    ("fetchMember", "", "membership", 200),
    ("listMembers", "", "membership", 200),
    ("updateMember", "another's attributes", "editAnyMemberAttributes", 200),
    ("updateMember", "own attributes", "editAnyMemberAttributes editOwnMemberAttributes", 200),
    ("sendMessage", "", "sendMessage", 201),
    ("sendMessage", "media", "sendMediaMessage", (404, 50507)),
    ("updateMessage", "another's body", "editAnyMessage", 200),
    ("updateMessage", "own body", "editAnyMessage editOwnMessage", 200),
    ("updateMessage", "another's attributes", "editAnyMessageAttributes", 200),
    ("updateMessage", "own attributes", "editAnyMessageAttributes editOwnMessageAttributes", 200),
    ("deleteMessage", "another's", "deleteAnyMessage", 204),
    ("deleteMessage", "own", "deleteAnyMessage deleteOwnMessage", 204),
    ("fetchMessage", "", "membership", 200),
    ("listMessages", "", "membership", 200),
    ("advanceLastConsumedMessageIndex", "", "membership", 200),
    ("updateLastConsumedMessageIndex", "", "membership", 200),
    ("setAllMessagesConsumed", "", "membership", 200),
    ("setNoMessagesConsumed", "", "membership", 200),
    ("setNotificationLevel", "", "editNotificationLevel", 200),
    ("typing", "", "membership", 200),
    ("catchUp", "", "nothing", 200),
)
# What catching up says of the channel, by standing.
CAUGHT_UP = {"member": "changes", "invited": "refetch", "creator": "refetch", "stranger": "refetch"}


def expected(cell: Cell, person: Person, standing: str, type_: str) -> Outcome:
    """What the documentation says of a request."""
    needs = set(cell.needs.split())
    is_member, is_invited = standing == "member", standing == "invited"
    if cell.needs == "nothing":
        return cell.done
    if needs & {"service"}:
        return cell.done if needs & person.deployment else FORBIDDEN
    if standing == "stranger" and type_ == "private":
        return HIDDEN
    match cell.needs:
        case "sight":
            return cell.done
        case "membership":
            return cell.done if is_member else NO_MEMBER
        case "a part in it":
            return cell.done if is_member or is_invited else HIDDEN
        case "admission":
            # Every channel admits the invited and its creator; a public one also who has the right.
            if is_invited or standing == "creator":
                return cell.done
            if type_ == "public" and "joinChannel" not in person.deployment:
                return FORBIDDEN
            return (409, 50404) if is_member else cell.done
        case "an invite to accept":
            return cell.done if is_invited else (404, 50601)
        case "an invite to decline":
            return cell.done if is_invited else (409, 50602) if is_member else (404, 50601)
    if is_member:
        return cell.done if needs & (person.deployment | person.channel) else FORBIDDEN
    return cell.done if needs & person.deployment else NO_MEMBER


def is_done(outcome: Outcome) -> bool:
    return outcome[0] < 300


@pytest.fixture(scope="module")
def stage(lean: LeanClient, template: Template, stream: Stream) -> Iterator[Stage]:
    (table,) = template.tables()
    deployment = Deployment(World(lean, table.name), stream, template)
    yield Stage(House(deployment), ROLES, NOTHING)


class Trial:
    """One person in one relation, trying everything."""

    def __init__(self, stage: Stage, name: str, standing: str):
        self.stage = stage
        self.person = stage.people[name]
        self.standing = standing
        self.wrong: list[tuple[Any, ...]] = []

    def attempt(self, cell: Cell, type_: str, place: Place, wanted: Outcome) -> None:
        """Ask, compare, and undo what was done."""
        room = place.room
        members = self.stage.members(cell.action, cell.target, self.person, place)
        if is_done(wanted) and cell.action == "deleteChannel":
            room = self.stage.disposable(self.person, self.standing, type_)
        if is_done(wanted) and cell.action == "deleteMessage":
            by = self.person.identity if cell.target == "own" else "author"
            members["message"] = room.post("to be deleted", From=by)["index"]
        where = {"channel": room.sid} if cell in IN_CHANNEL else {}
        if cell.action == "catchUp":
            where = {"channels": {room.sid: 0}}
        reply = self.person.device.ask(cell.action, **where, **members)
        found = (reply["status"], reply.get("error", {}).get("code"))
        if found != wanted:
            self.wrong.append((cell.action, cell.target, type_, f"{found} and not {wanted}"))
        if is_done(found):
            self.stage.restore(cell.action, self.person, self.standing, room, reply["result"])
        if cell.action == "catchUp":
            self.check_caught_up(reply, type_, room)

    def check_caught_up(self, reply: Any, type_: str, room: Room) -> None:
        """Catching up answers everybody, and says to whom the channel exists."""
        status = reply["result"]["channels"][room.sid]["status"]
        is_hidden = type_ == "private" and self.standing == "stranger"
        if status != ("gone" if is_hidden else CAUGHT_UP[self.standing]):
            self.wrong.append(("catchUp", type_, status))


def cases() -> list[tuple[str, str]]:
    person = {name: Person(name, frozenset(), frozenset(), "", None) for name in ROLES}  # type: ignore[arg-type]
    return [(name, standing) for name in ROLES for standing in standings(person[name])]


CASES = cases()


def tried(cells: list[Cell], person: Person, turn: int) -> list[Cell]:
    """The cells that a person tries: all with a generated role, else what the person's rights are for, and others in turn."""
    if person.identity in GENERATED:
        return cells
    chosen = in_turn(range(len(cells)), turn)
    rights = person.deployment | person.channel
    return [cell for at, cell in enumerate(cells) if at in chosen or rights & set(cell.needs.split())]


def test_the_table_has_every_action() -> None:
    assert {cell.action for cell in [*IN_SERVICE, *IN_CHANNEL]} == set(ACTIONS)


@pytest.mark.parametrize(("name", "standing"), CASES)
def test_roles_and_standing_decide_who_may_act_in_a_channel(stage: Stage, name: str, standing: str) -> None:
    trial = Trial(stage, name, standing)
    for type_ in TYPES:
        place = stage.place(trial.person, standing, type_)
        # Only a member has something of its own to change there.
        rows = [
            cell
            for cell in IN_CHANNEL
            if standing == "member" or (cell.action, cell.target[:3]) != ("updateMember", "own")
        ]
        rows = tried(rows, trial.person, CASES.index((name, standing)))
        outcomes = [(cell, expected(cell, trial.person, standing, type_)) for cell in rows]
        before = stage.seq(place)
        for cell, wanted in outcomes:
            if not is_done(wanted):
                trial.attempt(cell, type_, place, wanted)
        if stage.seq(place) != before:
            trial.wrong.append((type_, "something was changed that was refused"))
        for cell, wanted in outcomes:
            if is_done(wanted):
                trial.attempt(cell, type_, place, wanted)
    assert trial.wrong == []


@pytest.mark.parametrize("name", ROLES)
def test_outside_of_channels_the_deployment_role_decides(stage: Stage, name: str) -> None:
    trial = Trial(stage, name, "stranger")
    nowhere = stage.place(trial.person, "member", "public")
    for cell in IN_SERVICE:
        trial.attempt(cell, "", nowhere, expected(cell, trial.person, "stranger", "public"))
    assert trial.wrong == []


def test_an_update_of_body_and_attributes_needs_the_right_for_each(house: House, room: Room) -> None:
    room.add("carol", RoleSid=house.role("bodies", "channel", ["editAnyMessage"]))
    carol = house.device("carol")
    both = {"channel": room.sid, "message": 0, "body": "x", "attributes": {}}
    assert carol.refusal("updateMessage", **both) == FORBIDDEN
    del both["attributes"]
    assert carol.done("updateMessage", **both)["body"] == "x"


# How soon a change counts.


@pytest.fixture
def elsewhere(house: House) -> Raw:
    """REST in another container, so that the one with the socket learns of a change by itself."""
    runtime = house.deployment.new_runtime()
    runtime.configuration = Configuration(house.deployment.world.table, house.deployment.world.clock)
    house.deployment.message_handler = load_function("ws_message", runtime)
    return Raw(LambdaDoor(house.deployment.world.another_container()))


REMEMBERED_SECONDS = 10


@pytest.mark.parametrize("type_", ["channel", "deployment"])
def test_a_change_of_a_role_counts_within_ten_seconds(house: House, room: Room, elsewhere: Raw, type_: str) -> None:
    role_sid = house.role("changing", type_, ["addMember"])
    roles = {"RoleSid": role_sid}
    house.rest.post(f"{house.path}/Users", {"Identity": "carol", **(roles if type_ == "deployment" else {})})
    room.add("carol", **(roles if type_ == "channel" else {"RoleSid": house.role("none", "channel", ["addMember"])}))
    carol = house.device("carol")
    request = {"channel": room.sid, "friendly_name": "by carol"}
    assert carol.refusal("updateChannel", **request) == (403, 50107)
    elsewhere.post(f"{house.path}/Roles/{role_sid}", Permission="editChannelName")
    house.deployment.world.clock.advance(REMEMBERED_SECONDS)
    assert carol.done("updateChannel", **request)["friendly_name"] == "by carol"
    elsewhere.post(f"{house.path}/Roles/{role_sid}", Permission="addMember")
    house.deployment.world.clock.advance(REMEMBERED_SECONDS)
    assert carol.refusal("updateChannel", **request) == (403, 50107)


def test_another_role_counts_at_once(house: House, room: Room, elsewhere: Raw) -> None:
    weak, strong = (house.role(right, "channel", [right]) for right in ("addMember", "editChannelName"))
    room.add("carol", RoleSid=weak)
    carol = house.device("carol")
    request = {"channel": room.sid, "friendly_name": "by carol"}
    for role_sid, status in ((weak, 403), (strong, 200), (weak, 403)):
        elsewhere.post(f"{room.path}/Members/carol", RoleSid=role_sid)
        assert carol.ask("updateChannel", **request)["status"] == status
    might = house.role("might", "deployment", ["editChannelName"])
    elsewhere.post(f"{house.path}/Users/carol", RoleSid=might)
    assert carol.ask("updateChannel", **request)["status"] == 200
