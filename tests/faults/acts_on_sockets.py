"""Acts over sockets: actions, requests of SDKs, and connections that open, close and end."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.faults.act import DONE, ENDED, FAILED, Act, handler_of, status_of
from tests.faults.scene import Scene
from tests.sdk import requests_of_rows
from tests.sdk.device import spelled, understood
from tests.sockets import asking
from tests.sockets.deployment import sample
from tests.support.world import World


def action(name: str) -> Act:
    def do(scene: Scene, container: World, prepared: Any) -> int:
        frame = {"id": "1", "action": name, **_members(scene, name)}
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": scene.carol.connection_id}
        event["body"] = json.dumps(frame)
        answer = handler_of(scene, "ws_message", container)(event)
        return status_of(answer["body"]) if "body" in answer else ENDED

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


def by_sdk(name: str) -> Act:
    sent = SENT_BY_SDKS[name]

    def do(scene: Scene, container: World, prepared: Any) -> int:
        body = json.dumps(sent.body).replace("{channel}", scene.room.sid)
        asked = {"method": sent.method, "path": sent.path.replace("{channel}", scene.room.sid)}
        asked["headers"] = {"X-Twilio-Mutation-Id": sent.mutation}  # type: ignore[assignment]
        event = sample("ws_message")
        event["requestContext"] |= {"connectionId": scene.sdk.connection_id}
        event["body"] = spelled({"id": "TM1", "method": "message", "http_request": asked}, body.encode())
        before = len(scene.deployment.gateway.received[scene.sdk.connection_id])
        answer = handler_of(scene, "ws_message", container)(event)
        if "body" not in answer:
            return ENDED
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
    return int(handler_of(scene, "ws_connect", container)(event)["statusCode"])


def _token(scene: Scene, **changes: Any) -> str:
    return scene.deployment.token(scene.house.key, scene.house.sid, "dave", **changes)


def _disconnect(scene: Scene, container: World, prepared: Any) -> int:
    event = sample("ws_disconnect")
    event["requestContext"] |= {"connectionId": scene.carol.connection_id}
    return int(handler_of(scene, "ws_disconnect", container)(event)["statusCode"])


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
    assert handler_of(scene, "fan_out", container)(sample("fan_out_minute")) == {}
    return DONE


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
    answer = handler_of(scene, "fan_out", container)({"Records": records})
    return FAILED if answer["batchItemFailures"] else DONE


# The other events for which the functions of sockets run.
CONNECTIONS = [
    Act("connect", _connect, _token),
    Act("disconnect", _disconnect, _closed, is_repeated=True),
    Act("tick", _tick, _token_has_run_out, is_repeated=True),
    Act("tick: tells of gaps", _tick, _pushes_were_given_up, is_repeated=True),
    Act("fan-out", _fan_out, _much_has_changed, is_repeated=True),
]
