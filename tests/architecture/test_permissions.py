"""Least privilege: each function's role allows what the function does, and nothing else.

One scenario goes through every REST operation, every client action and every kind of change, delivery and sweep. What
the functions then asked of AWS is compared with the policies in the template, in both directions.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant

from local.emulators.engine import Endpoints
from local.home import REPOSITORY, Home
from local.template.template import Template
from parley.domain.memberships import birth_of
from parley.domain.roles import CHANNEL, DEPLOYMENT, PERMISSIONS
from parley.faces.registry import MOUNTS
from parley.ids import user_sid
from parley.operations import bindings, senders
from parley.operations.context import Caller
from parley.operations.receipts import reference
from parley.sockets.connections import DUE
from parley.sockets.native.actions import ACTIONS
from parley.sockets.sdk.routes import ROUTES
from parley.store import keys
from tests.architecture.declared import RESOURCES, TEMPLATE, attached, listed, statements
from tests.architecture.recorded import BUSY, GONE, Functions, Granted, recorded_functions, sample
from tests.architecture.sdk_scenario import SdkClient
from tests.conftest import STACK_UUID
from tests.conversations.aws import whatsapp_from
from tests.rest import everything
from tests.support.doors import Raw
from tests.support.push import CERTIFICATE, PRIVATE_KEY, SERVICE_ACCOUNT
from tests.support.world import PHONE_NUMBERS

FUNCTIONS = {
    name: spec["Properties"] for name, spec in RESOURCES.items() if spec["Type"] == "AWS::Serverless::Function"
}
GLOBALS = TEMPLATE["Globals"]["Function"]
FROM_LAMBDA = {"credentials", "function", "region"}
FOR_LOCAL_RUNS = {
    "endpoint_urls",
    "media_links_url",
    "objects_endpoint_url",
    "sockets_endpoint_url",
    "webhook_allow_loopback",
}
# The runtime hands these to every operation, also where none uses them.
CARRIED_ALONG = {
    "actions_per_second",
    "auth_token_secret",
    "fast_push",
    "group_messages",
    "key_ring_secret",
    "media_limit_mb",
    "media_scan",
    "media_unattached_seconds",
    "phone_numbers",
    "push_applications",
    "whatsapp_senders",
}
# The REST function takes it from each request.
CARRIED_ALONG_BY = {"RestApiFunction": {"rest_url"}, "WsConnectFunction": {"requests_per_second", "rest_url"}}
METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
# The actions that Lambda itself takes with the role: it reads streams and queues, writes logs, and parks failed records.
BY_LAMBDA = re.compile(
    r"logs:.*|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)"
    r"|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)"
)
OF_MESSAGING = ("messaging_service", "sender")
PICTURE = {"Content-Type": "image/png"}
FAILURE_QUEUES = {"FanOutFailureQueue", "WebhooksFailureQueue"}


def resources(statement: dict[str, Any]) -> Iterator[str]:
    """The logical ids that a statement names, indexes as `Table/index/gsi1`."""
    for entry in listed(statement["Resource"]):
        ((kind, value),) = entry.items()
        if kind == "Ref":
            yield value
        elif kind == "Fn::GetAtt":
            yield value[0] if value[1] == "Arn" else ".".join(value)
        elif found := re.search(r":sqs:.*-(\w+)(\.fifo)?$", value):
            yield found[1]
        elif re.search(":(sns|sms-voice|social-messaging):", value):
            yield re.split(r"AccountId\}:", value)[1]
        elif "@connections" in value:
            yield "SocketApi/" + value.split("/")[-3]
        else:
            yield re.sub(r"\$\{(\w+)\.Arn\}", r"\1", value)


def granted(function: str) -> set[Granted]:
    """What a function's role allows."""
    found = set()
    for statement in statements(function) + attached(function, "HasPhones"):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            found |= {(action, resource) for resource in resources(statement)}
    return found


def is_for_lambda(pair: Granted) -> bool:
    action, resource = pair
    return BY_LAMBDA.fullmatch(action) is not None or (action == "sqs:SendMessage" and resource in FAILURE_QUEUES)


class Scenario:
    """Everything that the functions can be asked to do."""

    def __init__(self, functions: Functions):
        self.functions = functions
        self._raw = Raw(functions)
        self.seen = functions.seen
        self.operations: set[tuple[str, str]] = set()
        self.actions: set[str] = set()
        self._patterns = [
            (METHODS[verb], re.compile(_pattern(mount.route(verb))), (mount.resource, verb))
            for mount in MOUNTS
            for verb in mount.verbs
        ]

    def run(self) -> None:
        self._make_service()
        self._use_account()
        self._use_roles_and_users()
        self._use_channels()
        self._use_messages()
        self._use_media()
        self._use_conversations()
        self._connect()
        self._use_actions()
        self._use_sdk()
        self._register_phones()
        self._push()
        self._notify()
        self._plan_and_deliver()
        self._use_phones()
        self._use_texts()
        self._disconnect()
        self._delete_and_sweep()

    def _ask(
        self, verb: str, path: str, form: Any = None, status: tuple[int, ...] = (200, 201, 204), **more: Any
    ) -> Any:
        answer = self._raw(verb, path, form, **more)
        assert answer.status in status, f"{verb} {path}: {answer.text}"
        asked = urlsplit(path).path.removeprefix(urlsplit(self.functions.base_url).path)
        self.operations |= {name for method, known, name in self._patterns if method == verb and known.fullmatch(asked)}
        return answer.json if answer.body else None

    def _make_service(self) -> None:
        made = self._ask("POST", "/chat/v2/Services", {"FriendlyName": "x"})
        self.service, self.path = made["sid"], f"/chat/v2/Services/{made['sid']}"
        events = "onMessageSent onMessageSend onMemberAdded onUserUpdated onChannelDestroyed onMessageUpdated"
        hooks = {
            "PreWebhookUrl": f"{self.functions.server_url}/before",
            "PostWebhookUrl": f"{self.functions.server_url}/after",
            "WebhookFilters": events.split(),
            "ReachabilityEnabled": "true",
            "Notifications.LogEnabled": "true",
            "Notifications.NewMessage.Enabled": "true",
            "Notifications.NewMessage.BadgeCountEnabled": "true",
        }
        self._ask("POST", self.path, hooks)
        self._ask("GET", self.path)
        self._ask("GET", "/chat/v2/Services?PageSize=1")

    def _use_account(self) -> None:
        account = f"/2010-04-01/Accounts/{self.functions.account_sid}"
        self._ask("GET", f"{account}.json")
        self.key = self._ask("POST", f"{account}/Keys.json")
        other = self._ask("POST", f"{account}/SigningKeys.json", {"FriendlyName": "x"})["sid"]
        self._ask("GET", f"{account}/Keys.json")
        for verb, form in (("GET", None), ("POST", {"FriendlyName": "y"}), ("DELETE", None)):
            self._ask(verb, f"{account}/Keys/{other}.json", form)
        self._ask("GET", "/chat/v2/Services", credentials=(self.key["sid"], self.key["secret"]))
        self.credential = self._ask("POST", "/chat/v2/Credentials", {"Type": "gcm", "ApiKey": "x"})["sid"]
        other = self._ask("POST", "/chat/v2/Credentials", {"Type": "fcm", "Secret": "x"})["sid"]
        self._ask("GET", "/chat/v2/Credentials")
        for verb, form in (("GET", None), ("POST", {"Secret": "y"}), ("DELETE", None)):
            self._ask(verb, f"/chat/v2/Credentials/{other}", form)

    def _use_roles_and_users(self) -> None:
        form = {"FriendlyName": "x", "Type": "deployment", "Permission": "joinChannel"}
        role = self._ask("POST", f"{self.path}/Roles", form)["sid"]
        self._ask("GET", f"{self.path}/Roles")
        self._ask("POST", f"{self.path}/Users", {"Identity": "carol", "RoleSid": role})
        self._ask("DELETE", f"{self.path}/Roles/{role}", status=(409,))
        self._ask("POST", f"{self.path}/Users/carol", {"FriendlyName": "Carol"})
        self._ask("GET", f"{self.path}/Users/carol")
        self._ask("GET", f"{self.path}/Users?PageSize=1")
        self._ask("DELETE", f"{self.path}/Users/carol")
        other = self._ask("POST", f"{self.path}/Roles", form)["sid"]
        for verb, data in (("GET", None), ("POST", {"Permission": "addMember"}), ("DELETE", None)):
            self._ask(verb, f"{self.path}/Roles/{other}", data)

    def _use_channels(self) -> None:
        self.channel = self._ask("POST", f"{self.path}/Channels", {"UniqueName": "team"})["sid"]
        self.in_channel = f"{self.path}/Channels/{self.channel}"
        self._ask("POST", self.in_channel, {"UniqueName": "club"})
        self._ask("GET", f"{self.path}/Channels/club")
        self._ask("GET", f"{self.path}/Channels?Type=public&Type=private")
        for identity in ("alice", "bob", "dave"):
            self._ask("POST", f"{self.in_channel}/Members", {"Identity": identity})
        self._ask("GET", f"{self.in_channel}/Members")
        for verb, form in (("GET", None), ("POST", {"Attributes": "{}"}), ("DELETE", None)):
            self._ask(verb, f"{self.in_channel}/Members/dave", form)
        for identity in ("dave", "erin"):
            invite = self._ask("POST", f"{self.in_channel}/Invites", {"Identity": identity})["sid"]
        self._ask("POST", f"{self.in_channel}/Members", {"Identity": "dave"})
        self._ask("GET", f"{self.in_channel}/Invites")
        self._ask("GET", f"{self.in_channel}/Invites/{invite}")
        self._ask("DELETE", f"{self.in_channel}/Invites/{invite}")
        self._use_webhooks_of_the_channel()
        self._use_channels_of_a_user()
        form = {"Type": "private"}
        self._ask("POST", f"/chat/v3/Services/{self.service}/Channels/{self.channel}", form)

    def _use_webhooks_of_the_channel(self) -> None:
        path = f"{self.in_channel}/Webhooks"
        form = {
            "Type": "webhook",
            "Configuration.Url": f"{self.functions.server_url}/channel",
            "Configuration.Filters": "onMessageSent",
        }
        self._ask("POST", path, form)
        other = self._ask("POST", path, form)["sid"]
        self._ask("GET", path)
        for verb, data in (("GET", None), ("POST", {"Configuration.RetryCount": "1"}), ("DELETE", None)):
            self._ask(verb, f"{path}/{other}", data)

    def _use_channels_of_a_user(self) -> None:
        path = f"{self.path}/Users/dave/Channels"
        self._ask("GET", path)
        for verb, form in (("GET", None), ("POST", {"NotificationLevel": "muted"}), ("DELETE", None)):
            self._ask(verb, f"{path}/{self.channel}", form)
        for endpoint in ("phone", "desk"):
            # No public operation makes one yet.
            bindings.register(
                self.functions.runtime.context(Caller()),
                self.service,
                "alice",
                endpoint=endpoint,
                binding_type="gcm",
                address=endpoint,
                credential_sid=self.credential,
                message_types=[],
            )
        found = self._ask("GET", f"{self.path}/Bindings")["bindings"]
        self._ask("GET", f"{self.path}/Bindings?Identity=alice&BindingType=gcm")
        self._ask("GET", f"{self.path}/Users/alice/Bindings")
        for base, binding in ((f"{self.path}/Bindings", found[0]), (f"{self.path}/Users/alice/Bindings", found[1])):
            self._ask("GET", f"{base}/{binding['sid']}")
            self._ask("DELETE", f"{base}/{binding['sid']}")

    def _use_messages(self) -> None:
        path = f"{self.in_channel}/Messages"
        token = {"I-Twilio-Idempotency-Token": "x", "X-Twilio-Webhook-Enabled": "true"}
        for _ in range(2):
            message = self._ask("POST", path, {"Body": "x", "From": "alice"}, headers=token)["sid"]
        self._ask("POST", path, {"Body": "y"}, headers={"X-Twilio-Webhook-Enabled": "true"})
        newest = self._ask("POST", path, {"Body": "y"})["sid"]
        self._ask("GET", f"{path}?PageSize=1")
        self._ask("POST", f"{path}/{message}", {"Body": "z"})
        for sid in (newest, message):
            self._ask("GET", f"{path}/{sid}")
            self._ask("DELETE", f"{path}/{sid}")

    def _use_media(self) -> None:
        path = f"/media/v1/Services/{self.service}"
        file = self._ask("POST", f"{path}/Media", b"a file")
        self._ask("GET", file["url"])
        form = {"ContentType": "text/plain", "Size": "6", "Sha256": hashlib.sha256(b"a file").hexdigest()}
        ticket = self._ask("POST", f"{path}/Uploads", form)
        upload = ticket["upload"]
        assert self.functions.follow("PUT", upload["url"], upload["headers"], b"a file") == 200
        assert self._ask("GET", ticket["url"])["size"] == 6
        for link in file["links"].values():
            self._ask("GET", link, status=(307,))
            answer = self._raw("GET", link)
            assert self.functions.follow("GET", answer.headers["location"]) == 200
        named = json.dumps({"command": "get", "list": [{"media_sid": file["sid"]}]}).encode()
        self._ask("POST", f"{path}/MediaSet", named)
        self._work({"job": "discard", "objects": [f"{self.service}/{file['sid']}"], "until": 0})
        assert self.functions.follow("GET", answer.headers["location"]) == 404

    def _use_conversations(self) -> None:
        """Every operation of Conversations and Messaging with one of everything: users first, as with participants.

        What holds others is deleted after them.
        """
        made = everything.make(self._raw, self.functions.runtime.context(Caller()))
        home, alice = f"/conversations/v1/Services/{made.items['service']}", {"Identity": "alice"}
        last = ("channel", "user", "role", "service", "messaging_service")
        for operation in sorted(
            (one for one in everything.OPERATIONS if one.scope == "conversations" or one.resource in OF_MESSAGING),
            key=lambda one: (
                one.verb == "delete",
                last.index(one.resource) + 1 if one.verb == "delete" and one.resource in last else 0,
                one.resource != "user",
            ),
        ):
            if (operation.resource, operation.verb) == ("user_conversation", "delete"):
                self._raw(
                    "POST", f"{home}/Conversations/{made.within('conversations').items['channel']}/Participants", alice
                )
            answer = operation.ask(self._raw, made.of(operation))
            assert answer.status < 300, f"{operation.name}: {answer.text}"
            self.operations.add((operation.resource, operation.verb))

    def _connect(self) -> None:
        for connection_id, identity in (("alice=", "alice"), (GONE, "bob"), ("frank=", "frank")):
            self._open(connection_id, identity)
        # A connection that is gone is removed, unless it is so new that it may still be opening. So time passes here.
        runtime = self.functions.runtime
        bob = keys.presence(user_sid(self.service, "bob"))
        entry = (runtime.table.fetch(bob) or {})[f"connection:{GONE}"]
        runtime.table.touch(bob, {f"connection:{GONE}": {**entry, "at": 0}})
        self._say("followUsers", connection_id=GONE, identities=["alice"])
        # When an identity opens its eleventh connection, its oldest one is closed.
        for number in range(11):
            self._open(f"ivan {number}=", "ivan")
            if number == 0:
                self._say("followUsers", connection_id="ivan 0=", identities=["alice"])

    def _open(self, connection_id: str, identity: str) -> None:
        event = sample("ws_connect")
        event["headers"].pop("Sec-WebSocket-Protocol", None)
        event["requestContext"]["connectionId"] = connection_id
        event["queryStringParameters"] = {"token": self._token(identity)}
        assert self.functions.invoke("WsConnectFunction", event)["statusCode"] == 200

    def _token(self, identity: str) -> str:
        token = AccessToken(self.functions.account_sid, self.key["sid"], self.key["secret"], identity=identity)
        token.add_grant(ChatGrant(service_sid=self.service))
        return str(token.to_jwt())

    def _say(self, action: str, *, frame_id: str = "1", connection_id: str = "alice=", **members: Any) -> Any:
        event = sample("ws_message")
        event["requestContext"]["connectionId"] = connection_id
        event["body"] = json.dumps({"id": frame_id, "action": action, **members})
        reply = json.loads(self.functions.invoke("WsMessageFunction", event)["body"])
        if isinstance(reply, list):
            # The reply, and the push that comes with it.
            reply = reply[0]
        assert reply["status"] < 300, f"{action}: {reply}"
        self.actions.add(action)
        return reply.get("result")

    def _use_actions(self) -> None:
        # Alice gets every permission that there is.
        for kind, holder in ((DEPLOYMENT, f"{self.path}/Users/alice"), (CHANNEL, f"{self.in_channel}/Members/alice")):
            names = [name for name, kinds in PERMISSIONS.items() if kind in kinds]
            form = {"FriendlyName": kind, "Type": kind, "Permission": names}
            role = self._ask("POST", f"{self.path}/Roles", form)["sid"]
            self._ask("POST", holder, {"RoleSid": role})
        self._talk()
        self._manage()
        self._look_around()
        self._be_somebody()
        # A frame on an unknown connection is answered with an error, and the connection is closed.
        event = sample("ws_message")
        event["requestContext"]["connectionId"] = "nobody="
        assert "body" not in self.functions.invoke("WsMessageFunction", event)

    def _use_sdk(self) -> None:
        event = sample("ws_connect")
        event["requestContext"]["connectionId"] = "sdk="
        event["queryStringParameters"] = {"protocol": "twilsock"}
        assert self.functions.invoke("WsConnectFunction", event)["statusCode"] == 200
        client = SdkClient("alice", self._token("alice"), self._say_packet)
        client.use_everything(self._managed_channel)
        self.sdk_routes = client.used
        event = sample("ws_disconnect")
        event["requestContext"]["connectionId"] = "sdk="
        self.functions.invoke("WsDisconnectFunction", event)

    def _say_packet(self, text: str) -> str | None:
        event = sample("ws_message")
        event["requestContext"]["connectionId"] = "sdk="
        event["body"] = text
        reply: str | None = self.functions.invoke("WsMessageFunction", event).get("body")
        return reply

    def _managed_channel(self) -> tuple[str, str]:
        """A private channel that alice manages, and bob's message in it."""
        sid = self._ask("POST", f"{self.path}/Channels", {"Type": "private"})["sid"]
        admin = self._ask("GET", self.path)["default_channel_creator_role_sid"]
        self._ask("POST", f"{self.path}/Channels/{sid}/Members", {"Identity": "alice", "RoleSid": admin})
        self._ask("POST", f"{self.path}/Channels/{sid}/Members", {"Identity": "bob"})
        message = self._ask("POST", f"{self.path}/Channels/{sid}/Messages", {"Body": "x", "From": "bob"})
        return sid, message["sid"]

    def _talk(self) -> None:
        channel = {"channel": self.channel}
        self._say("fetchChannel", **channel)
        for frame_id in ("2", "a token of its own", "a token of its own"):
            message = self._say("sendMessage", frame_id=frame_id, body="x", **channel)["sid"]
        self._say("listMessages", **channel)
        self._say("fetchMessage", message=message, **channel)
        self._say("updateMessage", message=message, body="y", **channel)
        self._say("deleteMessage", message=message, **channel)

    def _manage(self) -> None:
        mine = self._say("createChannel", unique_name="den")["sid"]
        self._say("updateChannel", channel="den", unique_name="lair")
        # In a channel with invites, joining checks whether there is one for whoever joins.
        self._ask("POST", f"{self.path}/Channels/{mine}/Invites", {"Identity": "ivan"})
        self._say("joinChannel", channel=mine)
        self._say("addMember", channel=mine, identity="grace")
        self._say("updateMember", channel=mine, identity="alice", attributes={})
        self._say("removeMember", channel=mine, identity="grace")
        self._say("updateUser", identity="alice", friendly_name="Alice")
        self._say("leaveChannel", channel=mine)
        self._say("joinChannel", channel=mine)
        self._say("inviteMember", channel=mine, identity="frank")
        self._say("declineInvitation", channel=mine, connection_id="frank=")
        self._say("inviteMember", channel=mine, identity="frank")
        self._say("acceptInvitation", channel=mine, connection_id="frank=")
        self._say("deleteChannel", channel=mine)

    def _look_around(self) -> None:
        channel = {"channel": self.channel}
        self._say("listPublicChannels")
        self._say("listMyChannels")
        self._say("fetchMyChannel", **channel)
        self._say("listMembers", **channel)
        self._say("fetchMember", identity="bob", **channel)
        self._say("advanceLastConsumedMessageIndex", index=0, **channel)
        self._say("updateLastConsumedMessageIndex", index=0, **channel)
        self._say("setAllMessagesConsumed", **channel)
        self._say("setNoMessagesConsumed", **channel)
        self._say("setNotificationLevel", notification_level="muted", **channel)
        self._say("typing", **channel)
        self._say("catchUp", channels={self.channel: 0})

    def _be_somebody(self) -> None:
        self._say("fetchSession")
        self._say("refreshToken", token=self._token("alice"))
        self._say("fetchUser", identity="bob")
        self._say("listUsers")
        self._say("followUsers", identities=["bob", "alice"])
        self._say("unfollowUsers", identities=["bob"])
        device = {"binding_type": "gcm", "address": "x", "credential_sid": self.credential, "endpoint": "phone"}
        binding = self._say("registerBinding", **device)["sid"]
        self._say("removeBinding", binding=binding)

    def _push(self) -> None:
        """Push to an open and to a closed socket changes that need the channel's counters, and changes that do not."""
        self._records = self.functions.stream_records()
        own = [record for record in self._records if self.channel in json.dumps(record["dynamodb"]["Keys"])]
        assert own
        own += [record for record in self._records if "USER" in json.dumps(record["dynamodb"]["Keys"])]
        result = self.functions.invoke("FanOutFunction", {"Records": own})
        assert result == {"batchItemFailures": []}
        # A token that expires, and one that has expired.
        runtime = self.functions.runtime
        now = runtime.clock.now_ms() // 1000
        for connection_id, expires_at in (("ivan 3=", now + 200), ("ivan 4=", now - 1)):
            runtime.table.touch(keys.connection(connection_id), {"token_expires_at": expires_at})
            key = keys.due(runtime.settings.account_sid, DUE, expires_at // 60, connection_id)
            runtime.table.put_many({key: {"id": connection_id}})
        assert self.functions.invoke("FanOutFunction", sample("fan_out_minute")) == {}

    def _register_phones(self) -> None:
        for name, kind, secrets in (
            ("browser", "fcm", {"Secret": SERVICE_ACCOUNT}),
            ("phone", "apn", {"Certificate": CERTIFICATE, "PrivateKey": PRIVATE_KEY}),
        ):
            bindings.register(
                self.functions.runtime.context(Caller()),
                self.service,
                "bob",
                endpoint=name,
                binding_type=kind,
                address="ab" * 32,
                credential_sid=self._ask("POST", "/chat/v2/Credentials", {"Type": kind, **secrets})["sid"],
                message_types=[],
            )
        self._ask("POST", f"{self.in_channel}/Messages", {"Body": "x", "From": "alice"})

    def _notify(self) -> None:
        """Notifications that arrive, that come too early, that find no time, and whose phone is gone."""
        received = self.functions.received("PushQueue")
        assert received
        assert self.functions.invoke("PushFunction", {"Records": received}) == {"batchItemFailures": []}
        (first, *_) = (record for record in received if json.loads(record["body"])["kind"] == "new_message")
        assert self.functions.invoke("PushFunction", {"Records": [first]}, hurried=True) == {"batchItemFailures": []}
        (late, *_) = self.functions.received("PushQueue")
        body = {**json.loads(late["body"]), "due_at": 10**14}
        early = {**late, "body": json.dumps(body)}
        assert len(self.functions.invoke("PushFunction", {"Records": [early]})["batchItemFailures"]) == 1
        endpoints = {}
        for phone in self.functions.push_services.phones():
            self.functions.push_services.turn(phone["id"], "uninstalled")
            endpoints[phone["credential_sid"]] = phone["endpoint"]
        devices = [{**device, "arn": endpoints[device["credential_sid"]]} for device in body["devices"]]
        now = {**late, "body": json.dumps({**body, "devices": devices, "due_at": 0})}
        for _ in range(2):
            # SNS hears of it with the first one.
            assert self.functions.invoke("PushFunction", {"Records": [now]}) == {"batchItemFailures": []}
        assert self._ask("GET", f"{self.path}/Users/bob/Bindings")["bindings"] == []

    def _plan_and_deliver(self) -> None:
        own = [record for record in self._records if self.service in json.dumps(record["dynamodb"])]
        assert self.functions.invoke("WebhooksFunction", {"Records": own}) == {"batchItemFailures": []}
        received = self.functions.received("DeliveryQueue")
        assert received
        assert self.functions.invoke("WebhooksFunction", {"Records": received}) == {"batchItemFailures": []}
        while more := self.functions.received("DeliveryQueue"):
            received = more
        # The first delivery finds a busy owner and is hidden for a while. The second is too old and is parked.
        for planned_at, left in ((10**13, 1), (0, 0)):
            record = self._queued({**json.loads(received[0]["body"]), "planned_at": planned_at})
            result = self.functions.invoke("WebhooksFunction", {"Records": [record]})
            assert len(result["batchItemFailures"]) == left

    def _queued(self, delivery: dict[str, Any]) -> dict[str, Any]:
        """A delivery to a busy owner, sent to the queue and received from it."""
        url = f"{self.functions.server_url}/busy/{delivery['planned_at']}"
        entry = {**delivery, "url": url, "id": str(delivery["planned_at"]), "retries": 3}
        self.functions.sqs.send_message(
            QueueUrl=self.functions.queues["DeliveryQueue"],
            MessageBody=json.dumps(entry),
            MessageGroupId=url,
            MessageDeduplicationId=url,
        )
        (record,) = self.functions.received("DeliveryQueue")
        return record

    def _use_phones(self) -> None:
        """A message to a phone, what became of it, and an answer that wakes the conversation."""
        path = f"/conversations/v1/Services/{self.service}/Conversations"
        sid = self._ask("POST", path)["sid"]
        phone, number = "+491721234567", PHONE_NUMBERS[0]
        form = {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": number}
        self._ask("POST", f"{path}/{sid}/Participants", form)
        message = self._ask("POST", f"{path}/{sid}/Messages", {"Body": "x"})["sid"]
        where = {"service_sid": self.service, "channel_sid": sid, "index": 0}
        self._work({"job": "phone", **where, "at": 10**13})
        (receipt,) = self._ask("GET", f"{path}/{sid}/Messages/{message}/Receipts")["delivery_receipts"]
        assert receipt["status"] == "sent"
        self._ask("GET", f"{path}/{sid}/Messages/{message}/Receipts/{receipt['sid']}")
        reference = f"{self.service}.{sid}.0.{receipt['sid']}"
        self._work({"job": "phone_status", "reference": reference, "status": "delivered"})
        self._ask("POST", f"{path}/{sid}", {"State": "inactive"})
        self._work({"job": "phone_inbound", "from": phone, "to": number, "sid": "SM1", "body": "x"})
        assert len(self._ask("GET", f"{path}/{sid}/Messages")["messages"]) == 2

    def _use_texts(self) -> None:
        """Texts and files over numbers that AWS carries, on both channels; what AWS reports, and what phones write."""
        number, phone = "+12025550199", "+12025550182"
        for prefix, provider_id in (("", "phone-1"), ("whatsapp:", "phone-number-id-1")):
            given = {"provider_id": provider_id, "country_code": "US", "capabilities": ["SMS", "MMS"]}
            senders.enable(self.functions.runtime.context(Caller()), prefix + number, given)
        path = f"/conversations/v1/Services/{self.service}/Conversations"
        sid = self._ask("POST", path)["sid"]
        for prefix in ("", "whatsapp:"):
            form = {"MessagingBinding.Address": prefix + phone, "MessagingBinding.ProxyAddress": prefix + number}
            self._ask("POST", f"{path}/{sid}/Participants", form)
        self._ask("POST", f"{path}/{sid}", {"State": "inactive"})
        assert self._hear(*_written(number, phone)) == []
        assert self._hear(_pictured(number, phone)) == []
        (*texts, picture) = self._ask("GET", f"{path}/{sid}/Messages")["messages"]
        assert (len(texts), len(picture["media"])) == (2, 1)
        self._write_without_a_conversation(number)
        file = self._ask("POST", f"/media/v1/Services/{self.service}/Media", b"a file", headers=PICTURE)["sid"]
        for form, left in (({"Body": "x"}, 0), ({"Body": "x", "MediaSid": file}, 0), ({"Body": BUSY.decode()}, 1)):
            index = self._ask("POST", f"{path}/{sid}/Messages", form)["index"]
            where = {"service_sid": self.service, "channel_sid": sid, "index": index}
            job = {"job": "phones", **where, "at": self.functions.runtime.clock.now_ms(), "by": "system"}
            record = self.functions.queue_record("DeliveryQueue", _message(job))
            assert self.functions.invoke("WebhooksFunction", {"Records": [record]}) == {"batchItemFailures": []}
            texts = [text for _ in range(2) for text in self.functions.received("CarrierQueue")]
            assert len(texts) == 2 and len(self._hear(*texts)) == left
        for receipt in self.functions.runtime.table.every(keys.receipts(sid)):
            assert self._hear(*_reported(reference(receipt), receipt.get("provider_id", ""))) == []

    def _write_without_a_conversation(self, number: str) -> None:
        """Two phones that are in no conversation: a URL is told of the first one, the second one makes a conversation."""
        (service,) = self._ask("GET", "/messaging/v1/Services?PageSize=1")["services"]
        self._ask("POST", f"/messaging/v1/Services/{service['sid']}", {"InboundRequestUrl": "https://example.com/in"})
        assert self._hear(*_written(number, "+12025550183")) == []
        form = {"Type": "sms", "Address": number, "AutoCreation.Enabled": "true", "AutoCreation.Type": "default"}
        self._ask("POST", "/conversations/v1/Configuration/Addresses", form)
        assert self._hear(*_written(number, "+12025550184")) == []
        listed = self._ask("GET", "/conversations/v1/ParticipantConversations?Address=%2B12025550184")
        assert len(listed["conversations"]) == 1

    def _hear(self, *records: dict[str, Any]) -> list[str]:
        """Hand records to the function of texts; which of them must stay in their queue."""
        answer = self.functions.invoke("CarriersFunction", {"Records": list(records)})
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def _work(self, job: dict[str, Any]) -> None:
        record = self.functions.queue_record("WorkQueue", _message(job))
        assert self.functions.invoke("WebhooksFunction", {"Records": [record]}) == {"batchItemFailures": []}

    def _disconnect(self) -> None:
        event = sample("ws_disconnect")
        event["requestContext"]["connectionId"] = "alice="
        assert self.functions.invoke("WsDisconnectFunction", event) == {"statusCode": 200}

    def _delete_and_sweep(self) -> None:
        """Delete a user, a channel and the service with what is left in it; sweep, and hand over when time is short."""
        other = self._ask("POST", f"{self.path}/Channels", {"UniqueName": "other"})["sid"]
        self._ask("POST", f"{self.path}/Channels/other/Members", {"Identity": "heidi"})
        self._ask("POST", f"{self.path}/Channels/other/Messages", {"Body": "x"})
        self._ask("POST", f"{self.path}/Channels/{self.channel}/Members", {"Identity": "ivan"})
        self._ask("DELETE", f"{self.path}/Channels/{other}")
        ivan = user_sid(self.service, "ivan")
        birth = birth_of(self.functions.runtime.table.fetch(keys.user(ivan)) or {})
        self._ask("DELETE", f"{self.path}/Users/ivan")
        self._ask("DELETE", self.path)
        own = [record for record in self.functions.stream_records() if self.service in json.dumps(record["dynamodb"])]
        assert self.functions.invoke("WebhooksFunction", {"Records": own}) == {"batchItemFailures": []}
        for kind, sid in (("channel", other), ("user", ivan), ("service", self.service)):
            job = {"job": "sweep", "kind": kind, "sid": sid, "at": 10**13, "birth": birth}
            message = {"MessageId": kind, "ReceiptHandle": "x", "Body": json.dumps(job)}
            record = self.functions.queue_record("WorkQueue", message)
            for hurried in (True, False):
                result = self.functions.invoke("WebhooksFunction", {"Records": [record]}, hurried=hurried)
                assert result == {"batchItemFailures": []}


def _written(number: str, phone: str) -> list[dict[str, Any]]:
    """What a phone writes to a number, as a text and on WhatsApp, and a report about what Parley does not know."""
    records: list[dict[str, Any]] = sample("carriers_inbound")["Records"]
    changes = {PHONE_NUMBERS[0]: number, "+12025550182": phone, "1768478405": str(int(time.time()))}
    for record in records:
        # What is not known is given up when it has come often.
        record["attributes"]["ApproximateReceiveCount"] = "9"
        for old, new in changes.items():
            record["body"] = record["body"].replace(old.strip("+"), new.strip("+"))
    return records


def _pictured(number: str, phone: str) -> dict[str, Any]:
    """A picture that a phone sends on WhatsApp."""
    picture = whatsapp_from(phone, number, image={"id": "1", "mime_type": "image/png"})
    return {**sample("carriers_inbound")["Records"][0], "body": json.dumps(picture)}


def _reported(text: str, provider_id: str) -> list[dict[str, Any]]:
    """What AWS reports about a text, and Meta: that it has arrived, and that it was read."""
    (by_aws,), (*_, by_meta) = sample("carriers_receipts")["Records"], sample("carriers_inbound")["Records"]
    by_aws["body"] = json.dumps({**json.loads(by_aws["body"]), "context": {"reference": text}})
    event = json.loads(by_meta["body"])
    entry = json.loads(event["whatsAppWebhookEntry"])
    entry["changes"][0]["value"]["statuses"][0] |= {"id": provider_id, "status": "read"}
    by_meta["body"] = json.dumps({**event, "whatsAppWebhookEntry": json.dumps(entry)})
    by_meta["attributes"]["ApproximateReceiveCount"] = "9"
    return [by_aws, by_meta]


def _message(job: dict[str, Any]) -> dict[str, Any]:
    """A queued job, as SQS hands it out."""
    return {"MessageId": job["job"], "ReceiptHandle": "x", "Body": json.dumps(job)}


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))


@pytest.fixture(scope="module")
def scenario(aws: Endpoints, dynamodb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    template = Template(REPOSITORY / "template.yaml", STACK_UUID, {"Phones": "true", "ActionsPerSecond": "1000"})
    with recorded_functions(aws, template, Home(tmp_path_factory.mktemp("recorded"))) as functions:
        played = Scenario(functions)
        played.run()
        yield played


def test_the_scenario_goes_through_every_rest_operation(scenario: Scenario):
    # Whoever adds an operation adds a request to the scenario.
    assert scenario.operations == {(mount.resource, verb) for mount in MOUNTS for verb in mount.verbs}


def test_the_scenario_goes_through_every_client_action(scenario: Scenario):
    assert scenario.actions == set(ACTIONS)


def test_the_scenario_goes_through_every_route_of_the_sdks(scenario: Scenario):
    assert scenario.sdk_routes == {(row.method, row.template) for row, _ in ROUTES._rows}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_does(scenario: Scenario, function: str):
    assert scenario.seen[function] - granted(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_nothing_else(scenario: Scenario, function: str):
    unused = {pair for pair in granted(function) - scenario.seen[function] if not is_for_lambda(pair)}
    assert unused == set()


def given_settings(function: str) -> set[str]:
    variables = {**GLOBALS["Environment"]["Variables"], **FUNCTIONS[function]["Environment"]["Variables"]}
    return {name.removeprefix("PARLEY_").lower() for name in variables if name.startswith("PARLEY_")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_every_setting_that_it_is_given(scenario: Scenario, function: str):
    assert given_settings(function) - scenario.functions.settings_read[function] == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_every_setting_that_it_reads_and_uses(scenario: Scenario, function: str):
    unset = scenario.functions.settings_read[function] - given_settings(function)
    assert unset <= FROM_LAMBDA | FOR_LOCAL_RUNS | CARRIED_ALONG | CARRIED_ALONG_BY.get(function, set())


def test_a_function_makes_its_aws_clients_while_it_starts_and_none_later(scenario: Scenario):
    """A client of botocore takes a tenth of a second to make: at the first request, the caller would wait for that.

    Whoever stores a push credential does so once in a year, and no other request needs SNS. Nobody waits for a text, and
    most containers need one of the two clients.
    """
    assert scenario.functions.made_later == {
        "RestApiFunction": {"sns"},
        "CarriersFunction": {"pinpoint-sms-voice-v2", "socialmessaging"},
    }
    assert scenario.functions.made_at_start == {
        "RestApiFunction": {"dynamodb", "secretsmanager"},
        "WsConnectFunction": {"dynamodb", "secretsmanager"},
        "WsMessageFunction": {"dynamodb", "secretsmanager"},
        "WsDisconnectFunction": {"dynamodb"},
        "FanOutFunction": {"dynamodb", "sqs"},
        "WebhooksFunction": {"dynamodb", "secretsmanager", "sqs"},
        "PushFunction": {"dynamodb", "sns", "sqs"},
        "CarriersFunction": {"dynamodb", "secretsmanager", "sqs"},
    }
