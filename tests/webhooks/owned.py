"""A service whose owner hears of everything, and the requests that the owner must get."""

from __future__ import annotations

from typing import Any

from parley.faces.chat_events import POST_EVENTS
from parley.faces.events import names
from tests.sockets.deployment import House, Room
from tests.support.fakes import AUTH_TOKEN, NOON_MS
from tests.support.target import Received, Target
from tests.webhooks.function import WebhooksFunction

ASKED = {"X-Twilio-Webhook-Enabled": "true"}
BORN, CHANGED = "2026-01-15T12:10:00.000Z", "2026-01-15T12:20:00.000Z"


class Owned:
    """A service whose owner hears of everything, with a channel that alice and bob are in; nothing heard yet."""

    def __init__(self, house: House, webhooks: WebhooksFunction, owner: Target):
        self.house, self.webhooks, self.owner = house, webhooks, owner
        self.sid = house.sid
        self.clock = house.deployment.world.clock
        self.configure(PostWebhookUrl=owner.url, WebhookFilters=list(names(POST_EVENTS)))
        self._at(BORN)
        self.alice = house.device("alice")
        self.bob_sid = self.request("POST", f"{house.path}/Users", {"Identity": "bob", "FriendlyName": "Bob"})["sid"]
        self.room: Room = house.channel(UniqueName="general", Attributes='{"a": 1}', Type="private", CreatedBy="carol")
        self.members = {identity: self.room.add(identity)["sid"] for identity in ("alice", "bob")}
        self.message = self.room.post("hello", From="alice")["sid"]
        self.hush()

    def _at(self, moment: str) -> None:
        while (now := self.clock.now_ms()) != (then := _milliseconds(moment)):
            self.clock.advance((then - now) / 1000)

    def later(self) -> None:
        """Let it be twenty past, exactly when the next request is handled."""
        self._at(CHANGED)
        self.clock.advance(-0.001)

    def configure(self, **fields: Any) -> None:
        self.house.rest.post(self.house.path, fields)
        self.webhooks.start()

    def request(self, verb: str, path: str, form: dict[str, Any] | None = None, asked: bool = True) -> Any:
        answer = self.house.rest(verb, path, form, headers=ASKED if asked else {})
        assert answer.status in (200, 201, 204), answer.text
        return answer.json if answer.body else None

    def hush(self) -> None:
        self.webhooks.planned()

    def heard(self) -> list[Received]:
        """What the owner is sent for the latest changes."""
        before = len(self.owner.received)
        deliveries = self.webhooks.planned()
        assert self.webhooks.deliver(*deliveries) == []
        new = self.owner.received[before:]
        assert len(new) == len(deliveries)
        assert all(received.is_signed_with(AUTH_TOKEN) for received in new)
        return new

    def common(self, event: str, identity: str | None = None) -> dict[str, str]:
        source = {"Source": "API"} if identity is None else {"Source": "SDK", "ClientIdentity": identity}
        account_sid = self.house.deployment.world.account_sid
        return {
            "AccountSid": account_sid,
            "InstanceSid": self.sid,
            "EventType": event,
            "RetryCount": "0",
            **source,
        }

    def of_message(self, body: str, **changes: str) -> dict[str, str]:
        return {
            "ChannelSid": self.room.sid,
            "MessageSid": self.message,
            "Index": "0",
            "DateCreated": BORN,
            "Body": body,
            "Attributes": "{}",
            "From": "alice",
            "To": self.room.sid,
            **changes,
        }

    def of_channel(self, **changes: str) -> dict[str, str]:
        return {
            "ChannelSid": self.room.sid,
            "UniqueName": "general",
            "Attributes": '{"a": 1}',
            "ChannelType": "private",
            "DateCreated": BORN,
            "DateUpdated": BORN,
            "CreatedBy": "carol",
            **changes,
        }

    def of_member(self, identity: str, **changes: str) -> dict[str, str]:
        return {
            "ChannelSid": self.room.sid,
            "MemberSid": self.members[identity],
            "Identity": identity,
            "RoleSid": self.house.service["default_channel_role_sid"],
            "DateCreated": BORN,
            **changes,
        }


def _milliseconds(moment: str) -> int:
    hour, minute = int(moment[11:13]), int(moment[14:16])
    return NOON_MS + ((hour - 12) * 60 + minute) * 60_000
