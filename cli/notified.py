"""Why a user's phone rang or stayed silent: what the service, the user and the devices want, and the log.

Settings, bindings and channels come from REST. The devices and the log come from the table, which the command reads
with the rights of the operator. REST shows neither: with such a path, every API key could read when users were notified
of what.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from cli.rest import Refused, Rest
from cli.trouble import Trouble
from parley.ids import chunk_id, notification_sid, user_sid
from parley.ports.queue import Queue
from parley.store import keys
from parley.store.keys import Key

WITH_MEDIA = "new_message.with_media"
KINDS = ("new_message", "added_to_channel", "removed_from_channel", "invited_to_channel")
TEST, JOB = "test", "push"
_CHAT, _CONVERSATIONS = "chat", "conversations"
_PARAMETERS = {
    "new_message": "NewMessage",
    "added_to_channel": "AddedToChannel",
    "removed_from_channel": "RemovedFromChannel",
    "invited_to_channel": "InvitedToChannel",
}
_OUTCOMES = {
    "delivered": "handed to the push service",
    "gone": "the device is gone: its registration was removed",
    "refused": "refused because of the credential",
    "given_up": "the push service could not be reached for ten minutes",
}
_CODES = {
    52102: "the push service knows no such device: its registration was removed",
    52103: "the app was removed: its registration was removed too",
    52109: "Parley may not use the credential in SNS",
    52117: "credentials of type gcm are not delivered: make one of type fcm, and register with that",
    52131: "the credential is missing, or the push service does not take it: give it new secrets",
}
_PAGE = 100
_LOOK_SECONDS = 0.5


class Entry(NamedTuple):
    """What became of one notification for one device; `at_ms` is when what it tells of happened."""

    at_ms: int
    sid: str
    type: str
    channel_sid: str
    binding_sid: str
    outcome: str
    code: int

    @property
    def words(self) -> str:
        """The outcome as a person says it."""
        return _CODES.get(self.code) or _OUTCOMES.get(self.outcome, self.outcome)


class Notified:
    """One user of a service, as far as notifications go."""

    def __init__(self, dynamodb: Any, table: str, rest: Rest, service_sid: str, identity: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._rest = rest
        self.service_sid = service_sid
        self.identity = identity
        self.user_sid = user_sid(service_sid, identity)
        self._path = f"/chat/v2/Services/{service_sid}"
        self._held: dict[str, Any] | None = None

    # What keeps a phone silent.

    def switches(self) -> dict[str, bool]:
        """Which kinds of notifications the service sends, whether it counts badges, and whether it keeps a log."""
        told = self._rest.get(self._path)["notifications"]
        conversations = f"/conversations/v1/Services/{self.service_sid}/Configuration/Notifications"
        with_media = (self._rest.get(conversations)["new_message"] or {}).get("with_media") or {}
        return {
            **{kind: bool(told[kind]["enabled"]) for kind in KINDS},
            WITH_MEDIA: bool(with_media.get("enabled")),
            "badges": bool(told["new_message"].get("badge_count_enabled")),
            "log": bool(told["log_enabled"]),
        }

    def devices(self) -> dict[str, dict[str, Any]]:
        """The devices that are told, by binding."""
        found: dict[str, dict[str, Any]] = self._devices().get("devices", {})
        return found

    def _devices(self) -> dict[str, Any]:
        if self._held is None:
            self._held = self._fetch(keys.user_devices(self.user_sid)) or {}
        return self._held

    def bindings(self) -> list[dict[str, Any]]:
        """The registrations, as REST shows them.

        Raises:
            Trouble: there is no such user.
        """
        path = f"{self._path}/Users/{quote(self.identity, safe='')}/Bindings"
        try:
            return list(self._rest.listed(path, "bindings"))
        except Refused as refused:
            if refused.status != 404:
                raise
            raise Trouble(f"the service {self.service_sid} has no user {self.identity}") from None

    def muted(self) -> list[str]:
        """The channels that the user has muted."""
        path = f"{self._path}/Users/{quote(self.identity, safe='')}/Channels"
        return [
            one["channel_sid"] for one in self._rest.listed(path, "channels") if one["notification_level"] == "muted"
        ]

    def reasons(self) -> list[str]:
        """What keeps the user's phones silent, a sentence each."""
        switches, bindings, held = self.switches(), self.bindings(), self.devices()
        off = [(kind, name) for kind, name in _PARAMETERS.items() if not switches[kind]]
        found = [f"{kind}: off. Switch it on: Notifications.{name}.Enabled=true" for kind, name in off]
        # Chat's apps hear of files as of other messages.
        if not switches[WITH_MEDIA] and any(device.get("face") == _CONVERSATIONS for device in held.values()):
            found.append(f"{WITH_MEDIA}: off. Switch it on in Conversations: NewMessage.WithMedia.Enabled=true")
        if not bindings:
            found.append(f"{self.identity} has no registered device: let the app call setPushRegistrationId")
        for binding in bindings:
            sid = binding["sid"]
            if sid not in held:
                found.append(f"{sid} was registered with a release that sent no notifications: start its app once")
            elif binding["binding_type"] == "gcm":
                found.append(f"{sid}: {_CODES[52117]}")
            elif not held[sid].get("credential"):
                found.append(f"{sid} has no credential: name one in the app's access token (push_credential_sid)")
            types = binding["message_types"]
            missing = [kind for kind in KINDS if types and kind not in types]
            if missing:
                found.append(f"{sid} did not ask for {', '.join(missing)} when it registered")
        found += [f"{self.identity} has muted {sid}" for sid in self.muted()]
        if not switches["log"]:
            found.append("the log is off. Switch it on: Notifications.LogEnabled=true")
        return found

    # What became of notifications.

    def log(self, since_ms: int) -> list[Entry]:
        """What became of notifications since then, oldest first."""
        where = keys.all_pushed(self.user_sid)
        first, last = keys.pushed(self.user_sid, since_ms, "").sk, f"{where.prefix}~"
        found = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={":pk": {"S": where.pk}, ":first": {"S": first}, ":last": {"S": last}},
            ConsistentRead=True,
        )
        return [_entry(item["sk"]["S"], _record(item)) for page in found for item in page["Items"]]

    # A test.

    def test(self, queue: Queue, patience: float, now: Callable[[], float] = time.time) -> Iterator[Entry]:
        """Send a notification to each device, over the queue and the function; yields what becomes of each.

        A device of which nothing is known in time has the outcome `unknown`: the function tries for ten minutes.

        Raises:
            Trouble: the user has no device.
        """
        held = self._devices()
        waiting = dict(held.get("devices", {}))
        if not waiting:
            self.bindings()
            raise Trouble(f"{self.identity} has no registered device that could be notified")
        cause, at_ms = f"test-{uuid.uuid4().hex}", int(now() * 1000)
        queue.send([self._job(cause, at_ms, held)])
        until = now() + patience
        while waiting:
            for sid in sorted(waiting):
                key = keys.pushed(self.user_sid, at_ms, notification_sid(cause, sid))
                if record := self._fetch(key):
                    del waiting[sid]
                    yield _entry(key.sk, record)
            if waiting and now() >= until:
                break
            if waiting:
                time.sleep(_LOOK_SECONDS)
        for sid in sorted(waiting):
            yield Entry(at_ms, notification_sid(cause, sid), TEST, "", sid, "unknown", 0)

    def _job(self, cause: str, at_ms: int, held: Mapping[str, Any]) -> dict[str, Any]:
        """The job for the function `push` (`parley/background/notifying.py`), as fan-out plans one for a message."""
        told = {"kind": TEST, "text": "A test from Parley", "data": {}}
        types = {_CHAT: "twilio.channel.new_message", _CONVERSATIONS: "twilio.conversations.new_message"}
        devices = [
            {
                "user_sid": self.user_sid,
                "birth": held.get("birth", ""),
                "binding_sid": sid,
                "face": device.get("face", _CHAT),
                "type": device["type"],
                "address": device["address"],
                "credential_sid": device.get("credential", ""),
                **({"arn": device["arn"]} if "arn" in device else {}),
            }
            for sid, device in sorted(held["devices"].items())
        ]
        name = chunk_id(cause)
        about = {"job": JOB, "cause": cause, "at": at_ms, "service_sid": self.service_sid, "channel_sid": ""}
        notification = {face: {**told, "type": type_} for face, type_ in types.items()}
        doing = {"kind": TEST, "notification": notification, "devices": devices, "log": True}
        return {**about, **doing, "group": name, "once": name}

    def _fetch(self, key: Key[Any]) -> dict[str, Any] | None:
        where = {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
        item = self._dynamodb.get_item(TableName=self._table, Key=where, ConsistentRead=True).get("Item")
        return _record(item) if item else None


def _record(item: Mapping[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer

    plain = TypeDeserializer()
    return {name: plain.deserialize(value) for name, value in item.items()}


def _entry(sort_key: str, record: Mapping[str, Any]) -> Entry:
    at_ms = int(sort_key.split("#")[1])
    about = (record["sid"], record["type"], record["channel_sid"], record["device"])
    return Entry(at_ms, *about, record["outcome"], int(record["code"] or 0))
