"""Who may do what through the SDKs: each row and command needs what the table of the native actions says.

For every row and command, two people ask in each relation to a channel. The first has only the permissions that the
table names. The second has all the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from local.template.template import Template
from parley.sockets.sdk.commands import COMMANDS
from tests.sdk.device import SdkDevice
from tests.sdk.requests_of_rows import ROWS, Asked, Place, place
from tests.sdk.test_commands import SENT as COMMANDED
from tests.sdk.test_commands import Line, line, request_for
from tests.sockets.asking import furnished
from tests.sockets.deployment import Deployment, House, Room, Stream
from tests.sockets.stage_of_rights import NEVER_MEDIA
from tests.sockets.stage_of_rights import Person as Role
from tests.sockets.test_rights import (
    HIDDEN,
    IN_CHANNEL,
    IN_SERVICE,
    NOTHING,
    PERMISSIONS,
    Cell,
    Outcome,
    expected,
    is_done,
)
from tests.support.lean import LeanClient
from tests.support.world import World

CELLS = {(cell.action, cell.target): cell for cell in [*IN_SERVICE, *IN_CHANNEL]}
STANDINGS = ("member", "invited", "stranger")
_IN = "/Conversations/{channel_sid}"
# By method and path of a row: the native action, and its target, whose rights it needs.
RIGHTS: dict[tuple[str, str], tuple[str, str]] = {
    ("GET", "/MyConversations"): ("listMyChannels", ""),
    ("GET", "/MyConversations/{channel_sid}"): ("fetchMyChannel", ""),
    ("POST", "/MyConversations/{channel_sid}"): ("setNotificationLevel", ""),
    ("GET", "/Conversations"): ("listPublicChannels", ""),
    ("POST", "/Conversations"): ("createChannel", ""),
    ("GET", "/Conversations/{sid}"): ("fetchChannel", ""),
    ("POST", "/Conversations/{sid}"): ("updateChannel", "name"),
    ("DELETE", "/Conversations/{sid}"): ("deleteChannel", ""),
    ("POST", f"{_IN}/Participants"): ("addMember", ""),
    ("POST", f"{_IN}/Participants/{{sid*}}"): ("updateMember", "another's attributes"),
    ("DELETE", f"{_IN}/Participants/{{sid*}}"): ("removeMember", ""),
    ("POST", f"{_IN}/Invites"): ("inviteMember", ""),
    ("DELETE", f"{_IN}/Invites/{{identity*}}"): ("declineInvitation", ""),
    ("POST", f"{_IN}/Messages"): ("sendMessage", ""),
    ("GET", f"{_IN}/Messages/{{sid}}"): ("fetchMessage", ""),
    ("POST", f"{_IN}/Messages/{{sid}}"): ("updateMessage", "another's body"),
    ("DELETE", f"{_IN}/Messages/{{sid}}"): ("deleteMessage", "another's"),
    ("GET", f"{_IN}/Messages/{{message_sid}}/Receipts"): ("fetchMessage", ""),
    ("GET", f"{_IN}/Messages/{{sid}}/ChannelMetadata"): ("fetchMessage", ""),
    ("GET", f"{_IN}/MessageRecipients"): ("listMessages", ""),
    ("GET", "/ContentTemplates"): ("fetchUser", ""),
    ("GET", "/Users"): ("listMembers", ""),
    ("GET", "/Users/{sid*}"): ("fetchUser", ""),
    ("POST", "/Users/{sid*}"): ("updateUser", "own name"),
    ("POST", "/Typing"): ("typing", ""),
    ("GET", "/Channels"): ("listPublicChannels", ""),
    ("GET", "/Channels/{sid}"): ("fetchChannel", ""),
    # It answers everybody, with a list.
    ("GET", "/MyChannels"): ("listMyChannels", ""),
    ("GET", "/SyncList"): ("listMyChannels", ""),
}
COMMAND_RIGHTS: dict[str, tuple[str, str]] = {
    "createChannel": ("createChannel", ""),
    "destroyChannel": ("deleteChannel", ""),
    "editAttributes": ("updateChannel", "attributes"),
    "editFriendlyName": ("updateChannel", "name"),
    "editUniqueName": ("updateChannel", "unique name"),
    "joinChannelV2": ("joinChannel", ""),
    "leaveChannel": ("leaveChannel", ""),
    "declineInvitation": ("declineInvitation", ""),
    "addMemberV2": ("addMember", ""),
    "inviteMember": ("inviteMember", ""),
    "removeMember": ("removeMember", ""),
    "editMemberAttributes": ("updateMember", "another's attributes"),
    "editNotificationLevel": ("setNotificationLevel", ""),
    "consumptionReportV2": ("updateLastConsumedMessageIndex", ""),
    "editUserAttributes": ("updateUser", "own attributes"),
    "editUserFriendlyName": ("updateUser", "own name"),
    "sendMessage": ("sendMessage", ""),
    "sendMediaMessage": ("sendMessage", "media"),
    "editMessage": ("updateMessage", "another's body"),
    "editMessageAttributes": ("updateMessage", "another's attributes"),
    "deleteMessage": ("deleteMessage", "another's"),
}
# Conversations' codes where Chat has others.
_CONVERSATIONS = {50400: 50430, 50404: 50433}
NO_PARTICIPANT: Outcome = (403, 50430)


class Somebody(NamedTuple):
    """A client with its rights."""

    role: Role
    device: SdkDevice
    line: Line


Ask = Callable[[Somebody, Place], Outcome]


class Case(NamedTuple):
    """One request: how it is made, the cell of the native table, and what it comes to if it is allowed."""

    name: str
    ask: Ask
    cell: Cell
    version: str

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


def _row(asked: Asked, right: tuple[str, str], more: str = "", last: str = "", body: Any = None) -> Case:
    """A row, or a variant of it with another last part of the path or another body; `me` stands for the client itself."""

    def ask(who: Somebody, where: Place) -> Outcome:
        me = who.role.identity
        path = where.path(asked, me)
        if last:
            path = f"{path.rpartition('/')[0]}/{me if last == 'me' else last}"
        given = {"identity": me} if body == "me" else body
        reply = where.ask(who.device, asked, path, given)
        return reply.refusal if reply.status >= 400 else (reply.status, None)

    cell = CELLS[right]
    if cell.done[0] < 300:
        cell = cell._replace(done=(asked.sent.status, asked.sent.code))
    return Case(f"{asked.method} {asked.template}{more}", ask, cell, asked.version)


def _command(action: str) -> Case:
    def ask(who: Somebody, where: Place) -> Outcome:
        request = request_for(action, where.channel)
        if action.startswith("editUser"):
            request["username"] = who.role.identity
        if "uniqueName" in request:
            request["uniqueName"] = where.message
        response = who.line.result(action, **request)
        return response["status"], response.get("code")

    cell = CELLS[COMMAND_RIGHTS[action]]
    return Case(action, ask, cell._replace(done=(200, None)) if is_done(cell.done) else cell, "v1")


def _variants() -> list[Case]:
    """The rows whose rights depend on whom or what they name."""
    found = []
    for asked in ROWS:
        match asked.method, asked.template:
            case "POST", "/Conversations/{channel_sid}/Participants":
                found.append(_row(asked, ("joinChannel", ""), " (joining)", body="me"))
            case "POST", "/Conversations/{sid}":
                found.append(_row(asked, ("updateChannel", "attributes"), " (attributes)", body={"attributes": "{}"}))
            case "DELETE", "/Conversations/{channel_sid}/Participants/{sid*}":
                found.append(_row(asked, ("leaveChannel", ""), " (leaving)", last="me"))
            case "POST", "/Conversations/{channel_sid}/Messages":
                found.append(_row(asked, ("sendMessage", "media"), " (media)", body={"media_sid": NEVER_MEDIA}))
            case "POST", "/Conversations/{channel_sid}/Messages/{sid}":
                right = "updateMessage", "another's attributes"
                found.append(_row(asked, right, " (attributes)", body={"attributes": "{}"}))
            case "POST", "/MyConversations/{channel_sid}":
                name = "last_consumed_message_index" if asked.version == "v1" else "last_read_message_index"
                for index in (0, None):
                    right = "updateLastConsumedMessageIndex", ""
                    found.append(_row(asked, right, f" (horizon {index})", body={name: index}))
            case "POST", "/Users/{sid*}":
                found.append(_row(asked, ("updateUser", "another's name"), " (another's)", last="alice"))
    return found


CASES = [
    *(_row(asked, RIGHTS[asked.method, asked.template]) for asked in ROWS),
    *_variants(),
    *map(_command, COMMANDS),
]


@dataclass
class Cast:
    """Everybody who is tried, each made once."""

    house: House
    people: dict[tuple[frozenset[str], bool], Somebody] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    def somebody(self, needed: frozenset[str], has_enough: bool) -> Somebody:
        """A client with exactly these permissions, or with all but these."""
        if (needed, has_enough) not in self.people:
            self.people[needed, has_enough] = self._made(needed, has_enough)
        return self.people[needed, has_enough]

    def _made(self, needed: frozenset[str], has_enough: bool) -> Somebody:
        identity = f"person {next(self.numbers)}"
        rights = {
            type_: frozenset(
                name for name, letters in PERMISSIONS.items() if letter in letters and (name in needed) == has_enough
            )
            or frozenset([NOTHING[type_]])
            for type_, letter in (("deployment", "D"), ("channel", "C"))
        }
        sids = {type_: self.house.role(f"{identity} {type_}", type_, sorted(has)) for type_, has in rights.items()}
        self.house.rest.post(f"{self.house.path}/Users", Identity=identity, RoleSid=sids["deployment"])
        device = SdkDevice(self.house, identity)
        role = Role(identity, rights["deployment"], rights["channel"], sids["channel"], None)  # type: ignore[arg-type]
        return Somebody(role, device, line(device))


@pytest.fixture(scope="module")
def cast(lean: LeanClient, template: Template, stream: Stream) -> Cast:
    (table,) = template.tables()
    house = House(Deployment(World(lean, table.name), stream, template))
    # Every channel is made for the same people.
    house.rest.post(house.path, {"Limits.UserChannels": "1000"})
    return Cast(house)


def test_every_row_and_every_command_has_rights() -> None:
    assert set(RIGHTS) == {(asked.method, asked.template) for asked in ROWS}
    assert set(COMMAND_RIGHTS) == set(COMMANDS) == set(COMMANDED)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_exactly_the_permissions_of_the_table_are_needed(cast: Cast, case: Case) -> None:
    type_ = "public" if case.version == "v1" else "private"
    permissions = frozenset(case.cell.needs.split()) & set(PERMISSIONS)
    if case.cell.needs == "admission":
        permissions = frozenset({"joinChannel"})
    wrong = []
    room: Room | None = None
    for standing, has_enough in itertools.product(STANDINGS, (False, True)):
        who = cast.somebody(permissions, has_enough)
        # What was done may not be done again in the same channel.
        room = room or furnished(cast.house, Type=type_)
        part = stand(room, who, standing)
        found = case.ask(who, place(room))
        if found != (wanted := allowed(case, who.role, standing, type_)):
            wrong.append((standing, has_enough, f"{found} and not {wanted}"))
        if is_done(found):
            room = None
        elif part:
            room.delete(part)
    assert wrong == []


def stand(room: Room, who: Somebody, standing: str) -> str:
    """Put somebody into relation to a channel; returns the path of the membership or invite."""
    match standing:
        case "member":
            return f"/Members/{room.add(who.role.identity, RoleSid=who.role.channel_role_sid)['sid']}"
        case "invited":
            return f"/Invites/{room.update('/Invites', Identity=who.role.identity)['sid']}"
    return ""


def allowed(case: Case, role: Role, standing: str, type_: str) -> Outcome:
    """What the native table says, in the version's codes."""
    if case.version == "v2" and case.cell.needs == "a part in it" and standing == "invited":
        # Conversations knows no invites.
        return HIDDEN
    status, code = expected(case.cell, role, standing, type_)
    if case.name == "GET /Conversations/{sid}" and case.version == "v2" and (status, code) == HIDDEN:
        return NO_PARTICIPANT
    return status, (_CONVERSATIONS.get(code, code) if case.version == "v2" and code else code)
