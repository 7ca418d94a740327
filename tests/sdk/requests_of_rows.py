"""What each row of the SDKs' REST is asked for with, by a client who may do everything."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

from parley.domain.roles import PERMISSIONS
from parley.sockets.sdk import registrations, upstream
from parley.sockets.sdk.upstream_views import V1
from tests.sdk.device import Packet, SdkDevice
from tests.sockets.asking import address, furnished, mighty_role
from tests.sockets.deployment import House, Room

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MIGHTY = "carol"
PUSH = {"channel_type": "fcm", "message_types": ["twilio.channel.new_message"], "data": {"registration_id": "a-token"}}


class Sent(NamedTuple):
    """The body and the query of a request, and the status of the answer, with the code if it is an error."""

    body: Any = None
    status: int = 200
    query: dict[str, str] | None = None
    code: int | None = None


_IN = "/Conversations/{channel_sid}"
# By method and path below the version's root. A test fails if a row has no entry here.
SENT: dict[tuple[str, str], Sent] = {
    ("GET", "/MyConversations"): Sent(),
    ("GET", "/MyConversations/{channel_sid}"): Sent(),
    ("POST", "/MyConversations/{channel_sid}"): Sent({"notification_level": "muted"}),
    ("GET", "/Conversations"): Sent(),
    ("POST", "/Conversations"): Sent({"friendly_name": "x", "attributes": '{"a":1}'}, 201),
    ("GET", "/Conversations/{sid}"): Sent(),
    ("POST", "/Conversations/{sid}"): Sent({"friendly_name": "x"}),
    ("DELETE", "/Conversations/{sid}"): Sent(status=204),
    ("POST", f"{_IN}/Participants"): Sent({"identity": "zoe"}, 201),
    ("POST", f"{_IN}/Participants/{{sid*}}"): Sent({"attributes": "{}"}),
    ("DELETE", f"{_IN}/Participants/{{sid*}}"): Sent(status=204),
    ("POST", f"{_IN}/Invites"): Sent({"identity": "zoe"}, 201),
    ("DELETE", f"{_IN}/Invites/{{identity*}}"): Sent(status=204),
    ("POST", f"{_IN}/Messages"): Sent({"body": "x", "attributes": "{}"}, 201),
    ("GET", f"{_IN}/Messages/{{sid}}"): Sent(),
    ("POST", f"{_IN}/Messages/{{sid}}"): Sent({"body": "x"}),
    ("DELETE", f"{_IN}/Messages/{{sid}}"): Sent(status=204),
    ("GET", f"{_IN}/Messages/{{message_sid}}/Receipts"): Sent(),
    ("GET", f"{_IN}/Messages/{{sid}}/ChannelMetadata"): Sent(status=404, code=50530),
    ("GET", f"{_IN}/MessageRecipients"): Sent(),
    ("GET", "/ContentTemplates"): Sent(),
    ("GET", "/Users"): Sent(query={"ConversationSid": "{channel_sid}"}),
    ("GET", "/Users/{sid*}"): Sent(),
    ("POST", "/Users/{sid*}"): Sent({"friendly_name": "x"}),
    ("POST", "/Typing"): Sent("{channel_sid}"),
    ("GET", "/Channels"): Sent(),
    ("GET", "/Channels/{sid}"): Sent(),
    ("GET", "/MyChannels"): Sent(query={"ChannelSid": "{channel_sid}"}),
    ("GET", "/SyncList"): Sent(),
}


class Asked(NamedTuple):
    """One row in one version."""

    method: str
    template: str
    version: str

    @property
    def sent(self) -> Sent:
        return SENT[self.method, self.template]

    @property
    def is_in_channel(self) -> bool:
        """Whether the request names a channel."""
        named = f"{self.template}{self.sent.query}{self.sent.body}"
        return "{channel_sid}" in named or self.template in ("/Conversations/{sid}", "/Channels/{sid}")

    @property
    def is_of_invited(self) -> bool:
        """Whether only an invited user may send the request."""
        return self.template.endswith("Invites/{identity*}")

    def __str__(self) -> str:
        return f"{self.method} {self.version}{self.template}"


ROWS = [Asked(row.method, row.template, version) for row in upstream.ROWS for version in row.versions]
IN_CHANNEL = [asked for asked in ROWS if asked.is_in_channel]
REGISTRATIONS = [(route.method, route.template) for route in registrations.ROUTES]


class Place(NamedTuple):
    """A channel with the SIDs of what is in it."""

    channel: str
    message: str

    def path(self, asked: Asked, me: str = MIGHTY) -> str:
        """The path of a request about what is here. Where it names its own user, that is `me`."""
        sid = self.channel
        if "Messages" in asked.template:
            sid = self.message
        elif "Participants" in asked.template:
            sid = "bob"
        elif "Users" in asked.template:
            sid = me
        found = asked.template.replace("{channel_sid}", quote(self.channel, safe=""))
        found = found.replace("{message_sid}", self.message).replace("{identity*}", me)
        return f"/Client/{asked.version}" + found.replace("{sid}", quote(sid, safe="")).replace("{sid*}", sid)

    def ask(self, device: SdkDevice, asked: Asked, path: str = "", body: Any = None) -> Packet:
        """The reply to a request about what is here; with another path or body, if one is given."""
        sent = asked.sent
        path = path or self.path(asked, device.identity)
        query = {name: value.format(channel_sid=self.channel) for name, value in (sent.query or {}).items()}
        if asked.template == "/Typing":
            (reply,) = device.request("POST", path, f"ChannelSid={self.channel}".encode(), **FORM)
            return reply
        return device.ask(asked.method, path, sent.body if body is None else body, query or None)


def place(room: Room) -> Place:
    """The furnished room as a place, with alice's message."""
    return Place(room.sid, address(room, 0))


def stage(house: House, version: str, **fields: str) -> Room:
    """A furnished room as the version's face shows it."""
    return furnished(house, Type="public" if version == V1 else "private", **fields)


def mighty(house: House, *rooms: Room, **token: Any) -> SdkDevice:
    """A client with every right, a member of these rooms."""
    rights = [name for name, types in PERMISSIONS.items() if "deployment" in types]
    role_sid = house.role("all", "deployment", [*rights, "editOwnUserInfo"])
    house.rest.post(f"{house.path}/Users", Identity=MIGHTY, RoleSid=role_sid)
    in_channels = mighty_role(house)
    for room in rooms:
        room.add(MIGHTY, RoleSid=in_channels)
    return SdkDevice(house, MIGHTY, **token)


def invite_instead(room: Room) -> None:
    """Make the client with every right an invited user instead of a member."""
    room.delete(f"/Members/{MIGHTY}")
    room.update("/Invites", Identity=MIGHTY)
