"""Everything that can be done to a scene: operations, actions, opening and closing sockets, and background work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import quote

from parley.errors import Refusal
from parley.faces.errors import answer
from parley.ids import receipt_sid, sender_address
from parley.operations import messaging_services, senders, transitions
from parley.operations.context import Context
from parley.sockets.native.actions import ACTIONS
from parley.store import keys
from tests.faults import receiving, texting
from tests.faults.receiving import BROUGHT
from tests.faults.scene import HOOK, SETTLED_SECONDS, Scene
from tests.rest import everything
from tests.sdk import requests_of_rows
from tests.sdk.device import spelled, understood
from tests.sockets import asking
from tests.sockets.deployment import load_function, sample
from tests.support.doors import LambdaDoor, Raw
from tests.support.files import store as upload_to
from tests.support.world import PHONE_NUMBERS, WHATSAPP_SENDERS, World

# The status of an act whose connection was closed instead of being answered.
_ENDED = 401
_DONE, _FAILED = 200, 500


@dataclass(frozen=True)
class Act:
    """One thing that somebody does.

    Attributes:
        name: What it is called in tests.
        do_over: Does it in a container, given what `prepare` made; returns the status with which it was answered.
        prepare: What happens before, without any fault.
        is_repeated: Whether AWS invokes the function again if it fails, with the same event.
    """

    name: str
    do_over: Callable[[Scene, World, Any], int]
    prepare: Callable[[Scene], Any] = lambda scene: None
    is_repeated: bool = False

    def do(self, scene: Scene, prepared: Any) -> int:
        """Do it in the container that the scene keeps warm."""
        return self.do_over(scene, scene.world, prepared)

    def do_elsewhere(self, scene: Scene, prepared: Any) -> int:
        """Do it in a container that remembers nothing, even while another is in the middle of something."""
        container = scene.world.another_container()
        return scene.apart(lambda: self.do_over(scene, container, prepared))

    def __str__(self) -> str:
        return self.name


def _request(operation: everything.Operation) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        raw = scene.unchecked if container is scene.world else Raw(LambdaDoor(container), checked=False)
        return operation.ask(raw, scene.items.of(operation)).status

    return Act(operation.name, do)


def _send_with_token(scene: Scene, container: World, prepared: Any) -> int:
    raw = scene.unchecked if container is scene.world else Raw(LambdaDoor(container), checked=False)
    headers = {"I-Twilio-Idempotency-Token": "a token"}
    return raw("POST", f"{scene.room.path}/Messages", {"Body": SENT_ONCE}, headers=headers).status


# The body of the message that is sent with a token.
SENT_ONCE = "sent once"
WITH_TOKEN = Act("/chat/v2:messages.create with a token", _send_with_token)


def _status(body: str) -> int:
    """The status of a reply, with which a push may come."""
    frame = json.loads(body)
    return int((frame[0] if isinstance(frame, list) else frame)["status"])


def _action(name: str) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        frame = {"id": "1", "action": name, **_members(scene, name)}
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": scene.carol.connection_id}
        event["body"] = json.dumps(frame)
        answer = _function(scene, "ws_message", container)(event)
        return _status(answer["body"]) if "body" in answer else _ENDED

    return Act(f"socket:{name}", do)


def _members(scene: Scene, name: str) -> dict[str, Any]:
    members = asking.request_for(name, scene.room)
    match name:
        case "refreshToken":
            deployment = scene.deployment
            members["token"] = deployment.token(scene.house.key, scene.house.sid, "carol")
        case "updateMember" | "updateUser":
            members["identity"] = "carol"
        case "fetchUser":
            members["identity"] = "bob"
        case "joinChannel":
            members["channel"] = scene.elsewhere.sid
        case "acceptInvitation" | "declineInvitation":
            members["channel"] = scene.invited.sid
        case "followUsers" | "unfollowUsers":
            members["identities"] = ["alice", "bob"]
        case "registerBinding":
            members |= {"endpoint": "tablet", "binding_type": "fcm", "address": "other"}
            members["credential_sid"] = scene.items.items["credential"]
        case "removeBinding":
            members["binding"] = scene.binding
        case "catchUp":
            members["channels"] = {scene.room.sid: 1}
        case "sendMessage":
            members["id"] = "0123456789abcdef"
        case "createChannel":
            members["unique_name"] = "made here"
    return members


def _function(scene: Scene, name: str, container: World) -> Callable[..., Any]:
    """A function's handler in a container."""
    deployment = scene.deployment
    if container is scene.world:
        return getattr(deployment, f"{name.removeprefix('ws_')}_handler")  # type: ignore[no-any-return]
    return load_function(name, deployment.new_runtime(container))


class Sent(NamedTuple):
    """A request of an SDK that no native action makes in the same way; `{channel}` stands for the scene's room."""

    method: str
    path: str
    body: dict[str, Any]
    mutation: str = ""


_SESSION = "EL" + "0" * 32


def _commanded(**request: str) -> Sent:
    return Sent("POST", f"/v3/Lists/{_SESSION}/Items", {"data": {"commandId": "a command", "request": request}})


# What the SDKs do beside the operations that native actions and REST run too: requests with an id of their own, the
# results of commands, and registrations.
SENT_BY_SDKS = {
    "POST /Conversations": Sent("POST", "/Client/v1/Conversations", {"unique_name": "made here"}, "an id"),
    "sending": Sent("POST", "/Client/v1/Conversations/{channel}/Messages", {"body": "x"}, "an id"),
    "createChannel": _commanded(action="createChannel", uniqueName="made here"),
    "sendMessage": _commanded(action="sendMessage", channelSid="{channel}", text="x"),
    "leaveChannel": _commanded(action="leaveChannel", channelSid="{channel}"),
    "register": Sent("POST", "/v1/registrations", requests_of_rows.PUSH),
    "remove_device": Sent("DELETE", "/v1/registrations", {"binding_type": "fcm", "address": "token"}),
}


def _by_sdk(name: str) -> Act:
    sent = SENT_BY_SDKS[name]

    def do(scene: Scene, container: World, prepared: Any) -> int:
        body = json.dumps(sent.body).replace("{channel}", scene.room.sid)
        asked = {"method": sent.method, "path": sent.path.replace("{channel}", scene.room.sid)}
        asked["headers"] = {"X-Twilio-Mutation-Id": sent.mutation}  # type: ignore[assignment]
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": scene.sdk.connection_id}
        event["body"] = spelled({"id": "TM1", "method": "message", "http_request": asked}, body.encode())
        before = len(scene.deployment.gateway.received[scene.sdk.connection_id])
        answer = _function(scene, "ws_message", container)(event)
        if "body" not in answer:
            return _ENDED
        came = scene.deployment.gateway.received[scene.sdk.connection_id][before:]
        data = [understood(packet).body["event"].get("item_data") or {} for packet in came]
        # The pushes of what the act has done may come too.
        results = [one["response"] for one in data if "response" in one]
        if results and "/Lists/" in sent.path:
            return int(results[-1]["status"])
        return understood(answer["body"]).status

    return Act(f"sdk:{name}", do)


def _connect(scene: Scene, container: World, token: str) -> int:
    event = sample("ws_connect")
    event["requestContext"] |= {"connectionId": "dave's="}
    event["queryStringParameters"] = {"token": token}
    event["multiValueQueryStringParameters"] = {"token": [token]}
    return int(_function(scene, "ws_connect", container)(event)["statusCode"])


def _token(scene: Scene, **changes: Any) -> str:
    return scene.deployment.token(scene.house.key, scene.house.sid, "dave", **changes)


def _disconnect(scene: Scene, container: World, prepared: Any) -> int:
    event = sample("ws_disconnect")
    event["requestContext"] |= {"connectionId": scene.carol.connection_id}
    return int(_function(scene, "ws_disconnect", container)(event)["statusCode"])


def _closed(scene: Scene) -> None:
    scene.deployment.gateway.close(scene.carol.connection_id)


def _token_has_run_out(scene: Scene) -> None:
    """Dave's socket is still open, and his token ended a minute ago."""
    ends_at = scene.world.clock.now_ms() // 1000 + 60
    scene.house.device("dave", valid_until=ends_at).done("followUsers", identities=["alice"])
    scene.world.clock.advance(120)


def _pushes_were_given_up(scene: Scene) -> None:
    """A minute ago, API Gateway took no push for carol's two sockets."""
    sockets = scene.carol.connection_id, scene.sdk.connection_id
    scene.deployment.gateway.throttle(*sockets)
    scene.room.post("hello")
    scene.deployment.announce()
    scene.deployment.gateway.relieve(*sockets)
    scene.world.clock.advance(60)


def _tick(scene: Scene, container: World, prepared: Any) -> int:
    assert _function(scene, "fan_out", container)(sample("fan_out_minute")) == {}
    return _DONE


def _much_has_changed(scene: Scene) -> list[dict[str, Any]]:
    """A batch for `fan_out` with one change of each kind; one listener's socket is closed."""
    dave = scene.house.device("dave")
    scene.room.add("dave")
    scene.deployment.announce()
    scene.deployment.gateway.close(dave.connection_id)
    scene.room.post("hello")
    scene.room.update(FriendlyName="renamed")
    scene.rest.post(f"{scene.house.path}/Users/alice", FriendlyName="Alice")
    scene.room.delete("/Members/alice")
    scene.elsewhere.delete()
    return scene.deployment.new_records()


def _fan_out(scene: Scene, container: World, records: list[dict[str, Any]]) -> int:
    answer = _function(scene, "fan_out", container)({"Records": records})
    return _FAILED if answer["batchItemFailures"] else _DONE


def _post(scene: Scene) -> None:
    asked = {"X-Twilio-Webhook-Enabled": "true"}
    assert scene.rest("POST", f"{scene.room.path}/Messages", {"Body": "hello"}, headers=asked).status == 201


def _sent(scene: Scene) -> list[dict[str, Any]]:
    _post(scene)
    return scene.webhooks.new_changes()


def _plan(scene: Scene, container: World, records: list[dict[str, Any]]) -> int:
    scene.webhooks.deliveries.take()
    scene.webhooks.start(container)
    answer = scene.webhooks.plan_records(records)
    is_planned = [delivery["url"] for delivery in scene.webhooks.deliveries.entries] == [HOOK]
    return _DONE if is_planned and not answer["batchItemFailures"] else _FAILED


def _queued(scene: Scene) -> list[dict[str, Any]]:
    _post(scene)
    return scene.webhooks.planned()


def _deliver(scene: Scene, container: World, deliveries: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return _FAILED if scene.webhooks.deliver(*deliveries) else _DONE


def _asked_for_older(scene: Scene) -> list[dict[str, Any]]:
    """The replay of three messages to a new webhook of their conversation."""
    path = f"{scene.conversations}/{scene.rest.post(scene.conversations)['sid']}"
    for body in "123":
        scene.rest.post(f"{path}/Messages", Body=body)
    scene.webhooks.skip_stream()
    wanted = {"Url": HOOK, "Filters": "onMessageAdded", "ReplayAfter": "0"}
    scene.rest.post(
        f"{path}/Webhooks", {"Target": "webhook", **{f"Configuration.{name}": wanted[name] for name in wanted}}
    )
    return scene.webhooks.planned()


def _deleted(scene: Scene) -> list[dict[str, Any]]:
    """The job that erases the tombstones of a member, an invite and a message."""
    scene.room.delete("/Members/alice")
    scene.room.delete(f"/Messages/{asking.address(scene.room, 0)}")
    scene.invited.delete("/Invites/" + scene.rest.get(f"{scene.invited.path}/Invites")["invites"][0]["sid"])
    scene.deployment.announce()
    scene.webhooks.plan()
    scene.world.clock.advance(2 * SETTLED_SECONDS)
    burials, scene.webhooks.work.burials = scene.webhooks.work.burials, []
    return burials


def _bury(scene: Scene, container: World, burials: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return _FAILED if any(scene.webhooks.bury(entry) for entry in burials) else _DONE


def _carry_out(scene: Scene, container: World, jobs: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return _FAILED if any(scene.webhooks.do_job(job) for job in jobs) else _DONE


def _started(scene: Scene) -> list[dict[str, Any]]:
    """The jobs that timers and activity have started so far."""
    scene.webhooks.plan()
    jobs, scene.webhooks.work.timed = scene.webhooks.work.timed, []
    return jobs


def _timers_have_run_out(scene: Scene) -> list[dict[str, Any]]:
    """Of three conversations, one becomes inactive, one closes, and one was active since."""
    path = scene.conversations
    both = {"Timers.Inactive": "PT1M", "Timers.Closed": "PT2H"}
    scene.rest.post(path, both)
    scene.rest.post(path, {"Timers.Closed": "PT10M"})
    busy = scene.rest.post(path, both)["sid"]
    scene.world.clock.advance(3600)
    scene.rest.post(f"{path}/{busy}/Messages", Body="hello")
    scene.webhooks.skip_stream()
    scene.webhooks.tick()
    return _started(scene)


def _active_in_another_hour(scene: Scene) -> list[dict[str, Any]]:
    sid = scene.rest.post(scene.conversations)["sid"]
    scene.world.clock.advance(3600)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{scene.conversations}/{sid}/Messages", Body="hello")
    return _started(scene)


def _closed_conversation(scene: Scene) -> list[dict[str, Any]]:
    sid = scene.rest.post(scene.conversations)["sid"]
    for identity in ("alice", "bob"):
        scene.rest.post(f"{scene.conversations}/{sid}/Participants", Identity=identity)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{scene.conversations}/{sid}", State="closed")
    scene.webhooks.plan()
    return [{"job": "sweep", **job} for job in scene.webhooks.work.take()]


def _sweep(kind: str, path: Callable[[Scene], str]) -> Act:
    def prepare(scene: Scene) -> list[dict[str, Any]]:
        assert scene.rest("DELETE", path(scene)).status == 204
        scene.world.clock.advance(SETTLED_SECONDS)
        scene.deployment.announce()
        scene.webhooks.plan()
        jobs = [job for job in scene.webhooks.work.take() if job["kind"] == kind]
        assert jobs
        return jobs

    def do(scene: Scene, container: World, jobs: list[dict[str, Any]]) -> int:
        scene.webhooks.start(container)
        return _FAILED if any(scene.webhooks.sweep_untold(job) for job in jobs) else _DONE

    return Act(f"job:sweep {kind}", do, prepare, is_repeated=True)


SWEEPS: dict[str, Callable[[Scene], str]] = {
    "channel": lambda scene: scene.room.path,
    "user": lambda scene: f"{scene.house.path}/Users/carol",
    "service": lambda scene: scene.house.path,
}


_FREE, _TAKEN = "+491721234567", "+491727654321"
_PARTICIPANT = f"/Participants/%2B{_TAKEN[1:]}"


def _pair(address: str) -> dict[str, str]:
    return {"MessagingBinding.Address": address, "MessagingBinding.ProxyAddress": PHONE_NUMBERS[0]}


# What is done to a conversation in which there is a phone, to another one, or to a thread of phones: verb, path, form.
PHONES: dict[str, tuple[str, str, dict[str, str]]] = {
    "participant.create": ("POST", "{thread}/Participants", _pair(_FREE)),
    "participant.create elsewhere": ("POST", "{other}/Participants", _pair(_FREE)),
    "participant.update": ("POST", "{thread}" + _PARTICIPANT, {"MessagingBinding.ProxyAddress": PHONE_NUMBERS[1]}),
    "participant.delete": ("DELETE", "{thread}" + _PARTICIPANT, {}),
    "channel.close": ("POST", "{thread}", {"State": "closed"}),
    "channel.delete": ("DELETE", "{thread}", {}),
    "group.create": ("POST", "{group}/Participants", {"MessagingBinding.Address": "+14155550103"}),
    "group.delete": ("DELETE", "{group}/Participants/%2B14155550101", {}),
    "group.hand over": ("POST", "{group}/Participants/agent", {"Identity": "bob"}),
    "group.agent deleted": ("DELETE", "{service}/Users/agent", {}),
}


_OF_AWS = {"provider_id": "phone-0a"}
# What the operator does with senders: one that is new, one in no messaging service, and one that is in a service.
SENDERS: dict[str, Callable[[Context, Scene], object]] = {
    "enable": lambda context, scene: senders.enable(context, "+12025550191", _OF_AWS),
    "enable one that is free": lambda context, scene: senders.enable(
        context, everything.FREE, {**_OF_AWS, "messaging_service_sid": scene.items.items["messaging_service"]}
    ),
    "move": lambda context, scene: senders.enable(
        context, _own_sender(scene), {**_OF_AWS, "messaging_service_sid": messaging_services.default_sid(context)}
    ),
    "disable": lambda context, scene: senders.disable(context, _own_sender(scene)),
}


def _own_sender(scene: Scene) -> str:
    return sender_address(scene.items.items["sender"]) or ""


def _by_operator(name: str) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        try:
            SENDERS[name](container.context(), scene)
        except Refusal as refused:
            return answer("account", refused.error, **refused.details).status
        return _DONE

    return Act(f"senders:{name}", do)


def _with_phones(name: str) -> Act:
    verb, path, form = PHONES[name]

    def do(scene: Scene, container: World, prepared: Any) -> int:
        raw = scene.unchecked if container is scene.world else Raw(LambdaDoor(container), checked=False)
        return raw(verb, path.format(**scene.phones), form).status

    return Act(f"phones:{name}", do)


def _interrupted(scene: Scene) -> dict[str, Any]:
    """The job of a conversation that was made with its participants by a function that died right after."""
    with patch.object(transitions, "begin"):
        path = f"{scene.phones['service']}/ConversationWithParticipants"
        answer = scene.rest("POST", path, {"Participant": '{"identity": "zoe"}'})
    assert answer.status == 202
    scene.webhooks.plan()
    (job,) = scene.webhooks.work.take()
    return job


def _begin(scene: Scene, container: World, job: dict[str, Any]) -> int:
    scene.webhooks.start(container)
    return _FAILED if scene.webhooks.do_job(job) else _DONE


_READER = f"whatsapp:{_TAKEN}"


def _posted(scene: Scene) -> dict[str, Any]:
    """The job that hands a message over for two phones, one of them on WhatsApp."""
    path = scene.phones["thread"]
    pair = {"MessagingBinding.Address": _READER, "MessagingBinding.ProxyAddress": WHATSAPP_SENDERS[0]}
    scene.rest.post(f"{path}/Participants", pair)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{path}/Messages", Body="hello")
    scene.webhooks.plan()
    (job,) = scene.webhooks.work.phones
    return job


def _read(scene: Scene) -> dict[str, Any]:
    """The job that notes that the message was read on WhatsApp."""
    assert scene.webhooks.do_job(_posted(scene)) == []
    path = scene.phones["thread"]
    (message,) = scene.rest.get(f"{path}/Messages")["messages"]
    reader = scene.rest.get(f"{path}/Participants/{quote(_READER)}")["sid"]
    channel, receipt = message["conversation_sid"], receipt_sid(message["sid"], reader)
    reference = f"{scene.house.sid}.{channel}.{message['index']}.{receipt}"
    return {"job": "phone_status", "reference": reference, "status": "read", "error_code": 0, "sid": "WA1"}


def _written(scene: Scene) -> dict[str, Any]:
    """The job that brings a message from a phone to a conversation that is inactive."""
    scene.rest.post(scene.phones["thread"], State="inactive")
    return {"job": "phone_inbound", "from": _TAKEN, "to": PHONE_NUMBERS[0], "sid": "SM1", "body": "hello"}


# Jobs between conversations and phones, and what prepares them.
CARRIED = {"phone": _posted, "phone_status": _read, "phone_inbound": _written}


class _Files:
    """What is done with files. `prepare` stores what each needs, and answers with facts that `do` takes."""

    @staticmethod
    def two(scene: Scene) -> list[str]:
        """Two files that alice's back end has uploaded: one in a request, one by a link that was not asked for since."""
        uploaded = scene.rest("POST", f"{scene.media}/Media", b"abc", headers={"Content-Type": "image/png"}).json["sid"]
        ticket = _Files.put(scene)
        return [uploaded, ticket["sid"]]

    @staticmethod
    def put(scene: Scene) -> dict[str, Any]:
        """A ticket whose file was PUT."""
        form = {"ContentType": "image/png", "Size": 3, "Sha256": hashlib.sha256(b"abc").hexdigest()}
        ticket: dict[str, Any] = scene.rest.post(f"{scene.media}/Uploads", form)
        upload = ticket["upload"]
        assert scene.world.store.ask("PUT", upload["url"], upload["headers"], b"abc").status == 200
        return ticket

    @staticmethod
    def sent(scene: Scene) -> str:
        """The path of a message with two files."""
        form = [("MediaSid", sid) for sid in _Files.two(scene)]
        path = f"{scene.phones['thread']}/Messages"
        return f"{path}/{scene.rest.post(path, form)['sid']}"

    @staticmethod
    def of_carol(scene: Scene) -> str:
        """A file that carol has uploaded."""
        return upload_to(scene.world, scene.house.sid, "carol")

    @staticmethod
    def gone(scene: Scene) -> list[dict[str, Any]]:
        """The job that deletes the objects of a message that was deleted."""
        assert scene.rest("DELETE", _Files.sent(scene)).status == 204
        scene.webhooks.plan()
        jobs, scene.webhooks.work.discards = scene.webhooks.work.discards, []
        return jobs

    @staticmethod
    def channel_gone(scene: Scene) -> list[dict[str, Any]]:
        """The sweep of a channel in which a message has files."""
        path = _Files.sent(scene).rpartition("/Messages/")[0]
        scene.webhooks.skip_stream()
        assert scene.rest("DELETE", path).status == 204
        scene.world.clock.advance(SETTLED_SECONDS)
        scene.deployment.announce()
        scene.webhooks.plan()
        return [{"job": "sweep", **job} for job in scene.webhooks.work.take()]

    @staticmethod
    def expire(scene: Scene, container: World, sids: list[str]) -> int:
        """Remove the records of files as TTL does."""
        found = container.table.fetch_many(map(keys.media, sids))
        container.table.erase_many(keys.media(record["sid"]) for record in found.values() if "expires_at" in record)
        return _DONE


def _raw(scene: Scene, container: World) -> Raw:
    return scene.unchecked if container is scene.world else Raw(LambdaDoor(container), checked=False)


def _upload(scene: Scene, container: World, prepared: Any) -> int:
    headers = {"Content-Type": "image/png"}
    return _raw(scene, container)("POST", f"{scene.media}/Media", b"abc", headers=headers).status


def _ask_for(scene: Scene, container: World, ticket: dict[str, Any]) -> int:
    return _raw(scene, container)("GET", ticket["url"]).status


def _attach(scene: Scene, container: World, sids: list[str]) -> int:
    form = [("MediaSid", sid) for sid in sids]
    return _raw(scene, container)("POST", f"{scene.phones['thread']}/Messages", form).status


def _attach_by_socket(scene: Scene, container: World, sid: str) -> int:
    event = sample("ws_message")
    event["requestContext"] |= {"connectionId": scene.carol.connection_id}
    frame = {"id": "0123456789abcdef", "action": "sendMessage", "channel": scene.room.sid, "media_sids": [sid]}
    event["body"] = json.dumps(frame)
    answer = _function(scene, "ws_message", container)(event)
    return _status(answer["body"])


def _delete(scene: Scene, container: World, path: str) -> int:
    return _raw(scene, container)("DELETE", path).status


# What is done with files, beside what a back end does to the one of `everything`.
FILES = [
    Act("files:upload", _upload),
    Act("files:make ready", _ask_for, _Files.put),
    Act("files:attach", _attach, _Files.two),
    Act("files:attach over a socket", _attach_by_socket, _Files.of_carol),
    Act("files:delete their message", _delete, _Files.sent),
    Act("job:discard", _carry_out, _Files.gone, is_repeated=True),
    Act("job:sweep channel with files", _carry_out, _Files.channel_gone, is_repeated=True),
]
# What may happen to the same two files at the same moment.
OF_FILES = [
    Act("files:attach", _attach, _Files.two),
    Act("files:attach elsewhere", lambda scene, container, sids: _attach(scene, container, sids[1:]), _Files.two),
    Act("files:expire", _Files.expire, _Files.two),
    Act(
        "files:delete the channel",
        lambda scene, container, sids: _delete(scene, container, scene.phones["thread"]),
        _Files.two,
    ),
    Act(
        "files:delete the service",
        lambda scene, container, sids: _delete(scene, container, scene.house.path),
        _Files.two,
    ),
]


def acts() -> Iterator[Act]:
    """An operation once per record and verb, every action, and every other event that a function takes."""
    known: set[tuple[str, str]] = set()
    for operation in everything.OPERATIONS:
        # In the default service the same operations are carried out.
        if (operation.resource, operation.verb) not in known and operation.scope != "default":
            known.add((operation.resource, operation.verb))
            yield _request(operation)
    yield WITH_TOKEN
    for name in ACTIONS:
        yield _action(name)
    yield from map(_by_sdk, SENT_BY_SDKS)
    yield Act("connect", _connect, _token)
    yield Act("disconnect", _disconnect, _closed, is_repeated=True)
    yield Act("tick", _tick, _token_has_run_out, is_repeated=True)
    yield Act("tick: tells of gaps", _tick, _pushes_were_given_up, is_repeated=True)
    yield Act("fan-out", _fan_out, _much_has_changed, is_repeated=True)
    yield Act("job:webhook", _deliver, _queued, is_repeated=True)
    yield Act("job:replay", _deliver, _asked_for_older, is_repeated=True)
    yield Act("job:bury", _bury, _deleted, is_repeated=True)
    yield Act("job:begin", _begin, _interrupted, is_repeated=True)
    yield from (Act(f"job:{name}", _begin, prepare, is_repeated=True) for name, prepare in CARRIED.items())
    yield Act("job:phones", texting.claim, texting.posted, is_repeated=True)
    for number, channel in enumerate(("sms", "whatsapp")):
        yield Act(f"job:text {channel}", *texting.send_one(number), is_repeated=True)
    yield from (Act(f"brought:{name}", receiving.hear, brings, is_repeated=True) for name, brings in BROUGHT.items())
    yield from map(_with_phones, PHONES)
    yield from map(_by_operator, SENDERS)
    yield Act("planning", _plan, _sent, is_repeated=True)
    for kind, path in SWEEPS.items():
        yield _sweep(kind, path)
    yield Act("job:sweep closed", _carry_out, _closed_conversation, is_repeated=True)
    yield Act("job:timers", _carry_out, _timers_have_run_out, is_repeated=True)
    yield Act("job:activity", _carry_out, _active_in_another_hour, is_repeated=True)
    yield from FILES


ACTS = list(acts())
