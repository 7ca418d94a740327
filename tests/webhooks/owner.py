"""A service whose owner wants webhooks."""

from __future__ import annotations

from typing import Any

from parley.ports.http.outgoing import Outgoing
from parley.rest.app import create_app, lambda_handler
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import House
from tests.support.files import upload

HEADER = {"X-Twilio-Webhook-Enabled": "true"}


class Owner:
    """A service whose owner wants webhooks: REST and sockets both go through doors that ask him first."""

    def __init__(self, house: House, outgoing: Outgoing | FakeOutgoing | None = None):
        self.house = house
        self.deployment = house.deployment
        self.sid, self.path = house.sid, house.path
        self.clock = self.deployment.world.clock
        runtime = self.deployment.runtime
        runtime.outgoing = outgoing or Outgoing(allow_loopback=True)  # type: ignore[assignment]
        self.deployment.door.handler = lambda_handler(create_app(runtime.context))
        self.header = HEADER

    def configure(self, **fields: Any) -> None:
        """Change the service, and let every container forget how it was."""
        self.house.rest.post(self.path, fields)
        self.clock.advance(11)

    def post(self, path: str, *, enabled: bool = True, **fields: Any) -> Any:
        """The body of a successful POST below the service, with the header that lets webhooks fire."""
        answer = self.house.rest("POST", self.path + path, fields, headers=self.header if enabled else {})
        assert answer.status in (200, 201), answer.text
        return answer.json

    def delete(self, path: str, *, enabled: bool = True) -> None:
        answer = self.house.rest("DELETE", self.path + path, headers=self.header if enabled else {})
        assert answer.status == 204, answer.text

    def channel(self, *identities: str, **fields: Any) -> str:
        """The SID of a new channel with these members, made in silence."""
        return self.house.channel(*identities, **fields).sid

    def webhook(self, channel_sid: str, type_: str = "webhook", **configuration: Any) -> Any:
        """A new webhook of a channel; `filters` and so on may be lists."""
        names = {name: "Configuration." + "".join(map(str.capitalize, name.split("_"))) for name in configuration}
        fields = {"Type": type_} | {names[name]: value for name, value in configuration.items()}
        return self.house.rest.post(f"{self.path}/Channels/{channel_sid}/Webhooks", fields)

    def media(self, **fields: Any) -> str:
        """The SID of media that a message may carry, stored as an upload would store it."""
        return upload(self.deployment.world, self.sid, **{"author": "alice", **fields})

    def stored_messages(self, channel_sid: str) -> list[dict[str, Any]]:
        """What the channel holds."""
        return self.house.rest.get(f"{self.path}/Channels/{channel_sid}/Messages")["messages"]
