"""Everything that the functions can be asked to do, in one run: every operation, action, change, delivery and sweep."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant

from parley.domain.memberships import birth_of
from parley.domain.roles import CHANNEL, DEPLOYMENT, PERMISSIONS
from parley.faces.registry import MOUNTS
from parley.ids import user_sid
from parley.operations import bindings
from parley.operations.context import Caller
from parley.sockets.connections import DUE
from parley.store import keys
from tests.architecture.actions_scenario import Clients
from tests.architecture.phones_scenario import Phones
from tests.architecture.recorded import GONE, Functions, sample
from tests.architecture.sdk_scenario import SdkClient
from tests.rest import everything
from tests.support.doors import Raw
from tests.support.push import CERTIFICATE, PRIVATE_KEY, SERVICE_ACCOUNT

METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
OF_MESSAGING = ("messaging_service", "sender")


class Scenario:
    """Asks the functions for everything.

    `operations` and `sdk_routes` have what it has used of the REST API and of the SDKs, `clients.used` the actions.
    """

    def __init__(self, functions: Functions):
        self.functions = functions
        self._raw = Raw(functions)
        self.seen = functions.seen
        self.operations: set[tuple[str, str]] = set()
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
        phones = Phones(self.functions, self.service, self._ask, self._work)
        phones.write_through_a_carrier()
        phones.write_texts()
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
        self.clients = Clients(self.functions, self._token)
        for connection_id, identity in (("alice=", "alice"), (GONE, "bob"), ("frank=", "frank")):
            self.clients.open(connection_id, identity)
        # A connection that is gone is removed, unless it is so new that it may still be opening. So time passes here.
        runtime = self.functions.runtime
        bob = keys.presence(user_sid(self.service, "bob"))
        entry = (runtime.table.fetch(bob) or {})[f"connection:{GONE}"]
        runtime.table.touch(bob, {f"connection:{GONE}": {**entry, "at": 0}})
        self.clients.say("followUsers", connection_id=GONE, identities=["alice"])
        # When an identity opens its eleventh connection, its oldest one is closed.
        for number in range(11):
            self.clients.open(f"ivan {number}=", "ivan")
            if number == 0:
                self.clients.say("followUsers", connection_id="ivan 0=", identities=["alice"])

    def _token(self, identity: str) -> str:
        token = AccessToken(self.functions.account_sid, self.key["sid"], self.key["secret"], identity=identity)
        token.add_grant(ChatGrant(service_sid=self.service))
        return str(token.to_jwt())

    def _use_actions(self) -> None:
        # Alice gets every permission that there is.
        for kind, holder in ((DEPLOYMENT, f"{self.path}/Users/alice"), (CHANNEL, f"{self.in_channel}/Members/alice")):
            names = [name for name, kinds in PERMISSIONS.items() if kind in kinds]
            form = {"FriendlyName": kind, "Type": kind, "Permission": names}
            role = self._ask("POST", f"{self.path}/Roles", form)["sid"]
            self._ask("POST", holder, {"RoleSid": role})
        self.clients.use_everything(self.channel, self.credential, self._invite)
        # A frame on an unknown connection is answered with an error, and the connection is closed.
        event = sample("ws_message")
        event["requestContext"]["connectionId"] = "nobody="
        assert "body" not in self.functions.invoke("WsMessageFunction", event)

    def _invite(self, channel: str, identity: str) -> None:
        self._ask("POST", f"{self.path}/Channels/{channel}/Invites", {"Identity": identity})

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

    def _work(self, job: dict[str, Any]) -> None:
        record = self.functions.job_record("WorkQueue", job)
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
            record = self.functions.job_record("WorkQueue", job)
            for hurried in (True, False):
                result = self.functions.invoke("WebhooksFunction", {"Records": [record]}, hurried=hurried)
                assert result == {"batchItemFailures": []}


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
