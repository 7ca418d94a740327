"""The part of the scenario in which clients take every action on sockets, in Parley's own protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.architecture.recorded import Functions, sample


class Clients:
    """Clients on open sockets. `used` has the name of every action that they have taken."""

    def __init__(self, functions: Functions, token: Callable[[str], str]):
        """`token` makes an access token for an identity."""
        self._functions = functions
        self._token = token
        self.used: set[str] = set()

    def open(self, connection_id: str, identity: str) -> None:
        event = sample("ws_connect")
        event["headers"].pop("Sec-WebSocket-Protocol", None)
        event["requestContext"]["connectionId"] = connection_id
        event["queryStringParameters"] = {"token": self._token(identity)}
        assert self._functions.invoke("WsConnectFunction", event)["statusCode"] == 200

    def say(self, action: str, *, frame_id: str = "1", connection_id: str = "alice=", **members: Any) -> Any:
        event = sample("ws_message")
        event["requestContext"]["connectionId"] = connection_id
        event["body"] = json.dumps({"id": frame_id, "action": action, **members})
        reply = json.loads(self._functions.invoke("WsMessageFunction", event)["body"])
        if isinstance(reply, list):
            # The reply, and the push that comes with it.
            reply = reply[0]
        assert reply["status"] < 300, f"{action}: {reply}"
        self.used.add(action)
        return reply.get("result")

    def use_everything(self, channel: str, credential: str, invite: Callable[[str, str], None]) -> None:
        """As alice, take every action once.

        Args:
            channel: A channel with alice and bob in it.
            credential: A push credential.
            invite: Invites an identity to a channel, by REST.
        """
        self._talk(channel)
        self._manage(invite)
        self._look_around(channel)
        self._be_somebody(credential)

    def _talk(self, channel_sid: str) -> None:
        channel = {"channel": channel_sid}
        self.say("fetchChannel", **channel)
        for frame_id in ("2", "a token of its own", "a token of its own"):
            message = self.say("sendMessage", frame_id=frame_id, body="x", **channel)["sid"]
        self.say("listMessages", **channel)
        self.say("fetchMessage", message=message, **channel)
        self.say("updateMessage", message=message, body="y", **channel)
        self.say("deleteMessage", message=message, **channel)

    def _manage(self, invite: Callable[[str, str], None]) -> None:
        mine = self.say("createChannel", unique_name="den")["sid"]
        self.say("updateChannel", channel="den", unique_name="lair")
        # In a channel with invites, joining checks whether there is one for whoever joins.
        invite(mine, "ivan")
        self.say("joinChannel", channel=mine)
        self.say("addMember", channel=mine, identity="grace")
        self.say("updateMember", channel=mine, identity="alice", attributes={})
        self.say("removeMember", channel=mine, identity="grace")
        self.say("updateUser", identity="alice", friendly_name="Alice")
        self.say("leaveChannel", channel=mine)
        self.say("joinChannel", channel=mine)
        self.say("inviteMember", channel=mine, identity="frank")
        self.say("declineInvitation", channel=mine, connection_id="frank=")
        self.say("inviteMember", channel=mine, identity="frank")
        self.say("acceptInvitation", channel=mine, connection_id="frank=")
        self.say("deleteChannel", channel=mine)

    def _look_around(self, channel_sid: str) -> None:
        channel = {"channel": channel_sid}
        self.say("listPublicChannels")
        self.say("listMyChannels")
        self.say("fetchMyChannel", **channel)
        self.say("listMembers", **channel)
        self.say("fetchMember", identity="bob", **channel)
        self.say("advanceLastConsumedMessageIndex", index=0, **channel)
        self.say("updateLastConsumedMessageIndex", index=0, **channel)
        self.say("setAllMessagesConsumed", **channel)
        self.say("setNoMessagesConsumed", **channel)
        self.say("setNotificationLevel", notification_level="muted", **channel)
        self.say("typing", **channel)
        self.say("catchUp", channels={channel_sid: 0})

    def _be_somebody(self, credential: str) -> None:
        self.say("fetchSession")
        self.say("refreshToken", token=self._token("alice"))
        self.say("fetchUser", identity="bob")
        self.say("listUsers")
        self.say("followUsers", identities=["bob", "alice"])
        self.say("unfollowUsers", identities=["bob"])
        device = {"binding_type": "gcm", "address": "x", "credential_sid": credential, "endpoint": "phone"}
        binding = self.say("registerBinding", **device)["sid"]
        self.say("removeBinding", binding=binding)
