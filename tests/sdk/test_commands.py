"""The sessions and commands of the lines 3 and 4 of Chat: each command, its result before its answer, and repetitions."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from local.pump.filters import passes
from local.template.template import Template
from parley.sockets.sdk import sessions
from parley.sockets.sdk.commands import COMMANDS
from tests.sdk.device import SUBSCRIPTIONS, Packet, SdkDevice
from tests.sdk.requests_of_rows import MIGHTY, invite_instead, mighty, stage
from tests.sockets.asking import everything
from tests.sockets.deployment import House, Room, patterns

NOBODY = "CH" + "0" * 32
# By action: the members of the request beside the channel, and what the response says beside its status.
SENT: dict[str, tuple[dict[str, Any], set[str]]] = {
    "createChannel": ({"friendlyName": "x", "type": "private", "attributes": "{}"}, {"channelSid", "channel"}),
    "destroyChannel": ({}, set()),
    "editAttributes": ({"attributes": '{"a":1}'}, set()),
    "editFriendlyName": ({"friendlyName": "x"}, set()),
    "editUniqueName": ({"uniqueName": "x"}, set()),
    "joinChannelV2": ({}, set()),
    "leaveChannel": ({}, set()),
    "declineInvitation": ({}, set()),
    "addMemberV2": ({"username": "zoe"}, set()),
    "inviteMember": ({"username": "zoe"}, set()),
    "removeMember": ({"username": "bob"}, set()),
    "editMemberAttributes": ({"username": "bob", "attributes": '{"a":1}'}, set()),
    "editNotificationLevel": ({"notificationLevel": "muted"}, set()),
    "consumptionReportV2": ({}, {"report"}),
    "editUserAttributes": ({"username": MIGHTY, "attributes": '{"a":1}'}, set()),
    "editUserFriendlyName": ({"username": MIGHTY, "friendlyName": "x"}, set()),
    "sendMessage": ({"text": "x", "attributes": "{}"}, {"messageId"}),
    "sendMediaMessage": ({"mediaSid": "ME" + "0" * 32}, set()),
    "editMessage": ({"messageIdx": "0", "text": "x"}, set()),
    "editMessageAttributes": ({"messageIdx": 0, "attributes": "{}"}, set()),
    "deleteMessage": ({"messageIdx": "0"}, set()),
}
IN_CHANNEL = sorted(set(SENT) - {"createChannel", "editUserAttributes", "editUserFriendlyName"})


class Line(NamedTuple):
    """A device that speaks as the lines 3 and 4 do."""

    device: SdkDevice
    sid: str

    def command(self, action: str, command_id: str = "", **request: Any) -> tuple[Packet, Packet]:
        """The push with the result of a command, and the answer to it, in the order in which they came."""
        data = {"commandId": command_id or uuid.uuid4().hex, "request": {"action": action, **request}}
        first, second = self.device.request("POST", f"/v3/Lists/{self.sid}/Items", {"data": data})
        return first, second

    def result(self, action: str, command_id: str = "", **request: Any) -> dict[str, Any]:
        """The response of a command."""
        push, answer = self.command(action, command_id, **request)
        assert (push.body["event_type"], answer.status) == ("list_item_updated", 201)
        response: dict[str, Any] = push.body["event"]["item_data"]["response"]
        return response


def line(device: SdkDevice) -> Line:
    """The device with a session."""
    made = device.ask("POST", "/v3/Lists", {"purpose": sessions.PURPOSE, "context": {"type": "IpMsgSession"}})
    assert made.status == 201
    return Line(device, made.body["sid"])


def request_for(action: str, channel: str) -> dict[str, Any]:
    """What a command is asked for with."""
    request = dict(SENT[action][0])
    if action == "consumptionReportV2":
        return {"report": [{"channelSid": channel, "messageIdx": 1}]}
    return {**request, "channelSid": channel} if action in IN_CHANNEL else request


def stage_for(house: House, action: str) -> tuple[Room, Line]:
    """A furnished room, and a line of a client with every right who is in it, or invited if the command needs that."""
    room = stage(house, "v1")
    carol = line(mighty(house, room))
    if action in ("joinChannelV2", "declineInvitation"):
        invite_instead(room)
    return room, carol


def test_every_command_is_given_here() -> None:
    assert set(SENT) == set(COMMANDS)


@pytest.mark.parametrize("action", SENT)
def test_a_command_does_what_it_is_for(house: House, action: str) -> None:
    room, carol = stage_for(house, action)
    before = everything(house)
    response = carol.result(action, **request_for(action, room.sid))
    if action == "sendMediaMessage":
        wanted = request_for(action, room.sid)["mediaSid"]
        assert response == {"status": 404, "code": 50507, "statusText": f"Media not found: {wanted}"}
        return
    assert response == {"status": 200, "statusText": "OK", **{name: response[name] for name in SENT[action][1]}}
    assert everything(house) != before
    if action == "consumptionReportV2":
        assert response["report"] == [{"channelSid": room.sid, "unreadMessagesCount": 0}]


def test_a_session_is_a_list_with_a_context_that_leads_everywhere(house: House, alice: SdkDevice) -> None:
    made = alice.ask("POST", "/v3/Lists", {"purpose": sessions.PURPOSE})
    links = made.body["links"]
    assert made.body["last_event_id"] == 0
    context = alice.get(urlsplit(links["context"]).path)
    assert context["last_event_id"] == 0
    user = house.rest.get(f"{house.path}/Users/alice")["sid"]
    data = context["data"]
    assert (data["identity"], data["userInfo"]) == ("alice", f"{user}.info")
    assert data["myChannels"] == data["channels"] == f"{user}.my_channels"
    paths = data["links"]
    media = paths.pop("mediaServiceUrl")
    assert media.startswith(".") and media.endswith(f"/media/v1/Services/{house.sid}/Media")
    assert {path[0] for path in paths.values()} == {"/"}
    assert alice.ask("POST", "/v3/Lists", {"purpose": "mine"}).refusal == (400, 20001)


def test_the_result_comes_before_the_answer_and_counts_as_newer(alice: SdkDevice, room: Room) -> None:
    push, answer = line(alice).command("sendMessage", channelSid=room.sid, text="hi")
    assert push.header["message_type"] == "com.twilio.rtd.cds.list"
    assert answer.header["method"] == "reply"
    event = push.body["event"]
    assert event["item_data"]["response"]["messageId"] == 2
    assert (event["item_index"], event["list_sid"]) == (answer.body["index"], answer.body["list_sid"])
    assert event["id"] > answer.body["last_event_id"]


def test_a_refused_command_is_answered_with_the_reason(alice: SdkDevice) -> None:
    response = line(alice).result("sendMessage", channelSid=NOBODY, text="hi")
    assert response == {
        "status": 404,
        "code": 20404,
        "statusText": f"The requested resource was not found: channelSid {NOBODY}",
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "sing"},
        {"action": 7},
        {},
        {"action": "sendMessage"},
        {"action": "sendMessage", "channelSid": 7},
        {"action": "sendMessage", "channelSid": NOBODY, "text": 7},
        {"action": "consumptionReportV2"},
        {"action": "consumptionReportV2", "report": []},
        {"action": "consumptionReportV2", "report": [7]},
        {"action": "consumptionReportV2", "report": [{"channelSid": NOBODY, "messageIdx": "seven"}]},
    ],
)
def test_a_senseless_command_gets_a_result_too(alice: SdkDevice, request_: dict[str, Any]) -> None:
    data = {"commandId": "c", "request": request_}
    push, answer = alice.request("POST", f"/v3/Lists/{line(alice).sid}/Items", {"data": data})
    assert answer.status == 201
    assert push.body["event"]["item_data"]["response"]["status"] == 400


@pytest.mark.parametrize("index", ["x", "-1", "9" * 12, 7, "٧"])
def test_a_message_that_is_not_there_is_not_found(alice: SdkDevice, room: Room, index: object) -> None:
    assert line(alice).result("deleteMessage", channelSid=room.sid, messageIdx=index)["status"] == 404


@pytest.mark.parametrize(
    "data", [None, 7, {}, {"commandId": "", "request": {}}, {"commandId": "c" * 65, "request": {}}, {"commandId": "c"}]
)
def test_a_wrong_command_is_refused(alice: SdkDevice, data: Any) -> None:
    assert alice.ask("POST", f"/v3/Lists/{line(alice).sid}/Items", {"data": data}).refusal == (400, 20001)


def test_another_list_takes_no_commands(alice: SdkDevice, room: Room) -> None:
    data = {"commandId": "c", "request": {"action": "sendMessage", "channelSid": room.sid, "text": "x"}}
    for sid in ("ES" + room.sid[2:], "EL1", f"{room.sid}.messages"):
        assert alice.ask("POST", f"/v3/Lists/{sid}/Items", {"data": data}).refusal == (404, 20404)
        assert alice.ask("GET", f"/v3/Lists/{sid}/Context").refusal == (404, 20404)


def test_a_report_leaves_out_the_channels_in_which_nothing_could_be_moved(alice: SdkDevice, room: Room) -> None:
    entries = [{"channelSid": NOBODY, "messageIdx": 1}, {"channelSid": room.sid, "messageIdx": 0}]
    moved = line(alice).result("consumptionReportV2", report=entries)
    assert moved["report"] == [{"channelSid": room.sid, "unreadMessagesCount": 1}]
    removed = line(alice).result("consumptionReportV2", report=[{"channelSid": room.sid, "messageIdx": None}])
    assert removed["report"] == [{"channelSid": room.sid, "unreadMessagesCount": None}]


def subscribed(device: SdkDevice, session: str, last_event_id: int = 0) -> list[dict[str, Any]]:
    """The events that a client of event protocol 3 gets when it subscribes to a session."""
    asked = {"object_sid": session, "object_type": "list", "last_event_id": last_event_id}
    body = {"event_protocol_version": 3, "action": "establish", "correlation_id": 7, "requests": [asked]}
    reply, *pushes = device.request("POST", SUBSCRIPTIONS, body)
    assert reply.status == 200
    assert {push.header["message_type"] for push in pushes} == {"twilio.sync.event"}
    return [push.body for push in pushes]


def test_subscribing_brings_the_context_and_the_results_that_were_lost(
    house: House, alice: SdkDevice, room: Room
) -> None:
    session = line(alice)
    context, first = subscribed(alice, session.sid)
    assert (context["event_type"], first["event_type"]) == ("list_context_updated", "subscription_established")
    assert context["event"]["context_data"]["identity"] == "alice"
    lost = [session.result("sendMessage", str(number), channelSid=room.sid, text="x") for number in range(3)]
    # The clocks of functions may differ by five seconds.
    house.deployment.world.clock.advance(6)
    again = SdkDevice(house, "alice")
    context, *results, established = subscribed(again, session.sid, first["event"]["last_event_id"])
    assert [result["event"]["item_data"]["response"] for result in results] == lost
    assert [result["event_type"] for result in results] == ["list_item_updated"] * 3
    assert [one["event_type"] for one in subscribed(again, session.sid, established["event"]["last_event_id"])] == [
        "list_context_updated",
        "subscription_established",
    ]


def test_no_answer_holds_more_results_than_one_answer_may(alice: SdkDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK has few commands under way. Whoever gives thousands must not make each subscription read them all."""
    monkeypatch.setattr("parley.sockets.sdk.sessions._MOST_MISSED", 3)
    monkeypatch.setattr("parley.sockets.sdk.subscriptions._MOST_EVENTS", 3)
    sessions_ = [line(alice) for _ in range(2)]
    for number in range(10):
        sessions_[number % 2].command("none")
    requests = [{"object_sid": one.sid, "object_type": "list", "last_event_id": 0} for one in sessions_]
    asked = {"action": "establish", "event_protocol_version": 3, "correlation_id": 1, "requests": requests}
    _, *pushes = alice.request("POST", SUBSCRIPTIONS, asked)
    came = [push.body for push in pushes]
    assert [one["event_type"] for one in came].count("list_item_updated") == 3
    assert [one["event"]["replay_status"] for one in came[-2:]] == ["completed", "interrupted"]


@pytest.mark.parametrize("seconds", [599, 601])
def test_results_are_replayed_for_ten_minutes(house: House, alice: SdkDevice, room: Room, seconds: int) -> None:
    session = line(alice)
    session.result("sendMessage", channelSid=room.sid, text="x")
    house.deployment.world.clock.advance(seconds)
    found = [one["event_type"] for one in subscribed(alice, session.sid)]
    assert ("list_item_updated" in found) == (seconds < 600)


def test_nobody_else_gets_the_results_of_a_session(house: House, alice: SdkDevice, bob: SdkDevice, room: Room) -> None:
    session = line(alice)
    session.result("sendMessage", channelSid=room.sid, text="x")
    for device in (bob, SdkDevice(House(house.deployment), "alice")):
        context, _ = subscribed(device, session.sid)
        assert context["event"]["context_data"]["identity"] == device.identity


def test_a_command_that_is_sent_again_after_a_reconnect_is_not_carried_out_twice(
    house: House, alice: SdkDevice, room: Room
) -> None:
    first = line(alice)
    request = {"channelSid": room.sid, "text": "once"}
    push, answer = first.command("sendMessage", "the id", **request)
    again = Line(SdkDevice(house, "alice"), first.sid)
    assert [one.body for one in again.command("sendMessage", "the id", **request)] == [push.body, answer.body]
    assert room.fetch()["messages_count"] == 3


def test_a_refusal_is_repeated_too(house: House, alice: SdkDevice, room: Room) -> None:
    first = line(alice)
    assert first.result("editUniqueName", "the id", channelSid=room.sid, uniqueName="x" * 300)["status"] == 400
    again = Line(SdkDevice(house, "alice"), first.sid)
    assert again.result("sendMessage", "the id", channelSid=room.sid, text="x")["status"] == 400


@pytest.mark.parametrize("seconds", [601, 1500])
def test_after_ten_minutes_a_result_is_forgotten(house: House, alice: SdkDevice, room: Room, seconds: int) -> None:
    """The item may stay in the table for days."""
    first = line(alice)
    assert first.result("leaveChannel", "the id", channelSid=room.sid)["status"] == 200
    house.deployment.world.clock.advance(seconds)
    again = Line(SdkDevice(house, "alice"), first.sid)
    assert again.result("leaveChannel", "the id", channelSid=room.sid)["code"] == 50400


def test_a_result_is_known_to_no_other_user_session_or_command(
    house: House, alice: SdkDevice, bob: SdkDevice, room: Room
) -> None:
    hers = line(alice)
    ids = (hers, "the id"), (line(alice), "the id"), (Line(bob, hers.sid), "the id"), (hers, "another id")
    left = [one.result("leaveChannel", command_id, channelSid=room.sid)["status"] for one, command_id in ids]
    assert left == [200, 403, 200, 403]


@pytest.mark.parametrize("action", ["sendMessage", "createChannel"])
def test_a_command_that_was_done_before_its_result_was_stored_is_not_done_again(
    house: House, alice: SdkDevice, room: Room, action: str
) -> None:
    """The function may die in between. The client then gives the command again in a session that knows no result."""
    first = line(alice).result(action, "the id", **request_for(action, room.sid))
    assert line(SdkDevice(house, "alice")).result(action, "the id", **request_for(action, room.sid)) == first
    assert line(alice).result(action, "another id", **request_for(action, room.sid)) != first


def test_a_later_user_with_the_same_identity_gets_no_result_of_the_former(
    house: House, alice: SdkDevice, room: Room
) -> None:
    first = line(alice)
    first.result("editFriendlyName", "the id", channelSid=room.sid, friendlyName="x")
    assert house.rest("DELETE", f"{house.path}/Users/alice").status == 204
    again = Line(SdkDevice(house, "alice"), first.sid)
    assert again.result("createChannel", "the id", friendlyName="x")["status"] == 200


def test_a_message_costs_four_requests_and_three_units(house: House, alice: SdkDevice, room: Room) -> None:
    """Results are looked for only in the first two minutes of a connection."""
    sender = line(alice)
    house.deployment.world.clock.advance(121)
    sender.result("sendMessage", "warm", channelSid=room.sid, text="x")
    with house.deployment.world.table._client.metered() as meter:
        sender.result("sendMessage", "counted", channelSid=room.sid, text="x")
    assert (meter.requests.total(), meter.write_units) == (4, 3)


def test_nobody_is_told_of_results_by_the_stream(
    house: House, alice: SdkDevice, room: Room, template: Template
) -> None:
    house.deployment.skip_stream()
    line(alice).result("editFriendlyName", channelSid=room.sid, friendlyName="x")
    read = house.deployment.read_stream()
    results = [record for record in read if record["dynamodb"]["Keys"]["pk"]["S"].startswith("SESSION#")]
    assert len(results) == 1
    for function in ("FanOutFunction", "WebhooksFunction"):
        assert not any(passes(patterns(template, function), record) for record in results)
