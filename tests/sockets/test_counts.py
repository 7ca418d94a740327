"""What the functions count of requests, refusals, pushes and the table, and the lines that carry it to CloudWatch."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from parley.metrics import FAN_OUT_LAG, METRICS, PUSHES, REQUEST_ERRORS, REQUESTS, Counts, count, counting
from tests.ports.meddling import MeddlingClient, leaving_undone, refusing
from tests.sdk.device import SdkDevice
from tests.sockets.deployment import Device, House, Room, load_function, sample
from tests.support.printed import Printed


@pytest.fixture
def counted(house: House) -> Counter[tuple[str, int]]:
    """What is counted from now on."""
    counted = house.deployment.world.counted
    counted.clear()
    return counted


def test_a_rest_request_counts_once_and_its_refusal_under_its_code(house: House, counted: Counter[tuple[str, int]]):
    house.rest("GET", house.path)
    house.rest("GET", f"{house.path}/Channels/nowhere")
    house.rest("POST", f"{house.path}/Users", {})
    assert counted == {("Requests", 0): 3, ("RequestErrors", 20404): 1, ("RequestErrors", 20001): 1}


def test_a_path_and_a_verb_that_do_not_exist_count_too(house: House, counted: Counter[tuple[str, int]]):
    house.rest("GET", "/nowhere")
    house.rest("DELETE", f"{house.path}/Channels")
    assert counted == {("Requests", 0): 2, ("RequestErrors", 20404): 1, ("RequestErrors", 20004): 1}


def test_a_frame_counts_once_and_its_refusal_under_its_code(
    house: House, room: Room, alice: Device, counted: Counter[tuple[str, int]]
):
    alice.done("sendMessage", channel="general", body="hello")
    alice.refusal("fetchChannel", channel="nowhere")
    alice.send("no JSON")
    del counted["Messages", 0]
    assert counted == {("Requests", 0): 3, ("RequestErrors", 20404): 1, ("RequestErrors", 20001): 1}


def test_a_new_message_counts_once_even_if_its_frame_comes_twice(
    room: Room, alice: Device, counted: Counter[tuple[str, int]]
):
    frame = {"action": "sendMessage", "id": "0123456789abcdef", "channel": "general", "body": "hello"}
    for _ in range(2):
        alice.send(json.dumps(frame))
    alice.refusal("sendMessage", channel="general")
    assert counted["Messages", 0] == 1


def test_a_handshake_counts_once_and_its_refusal_under_its_code(house: House, counted: Counter[tuple[str, int]]):
    house.device("alice")
    house.deployment.open(token="not a token")
    assert counted == {("Requests", 0): 2, ("RequestErrors", 20101): 1}


def test_a_packet_of_an_sdk_counts_once_and_its_refusal_under_its_code(house: House):
    device = SdkDevice(house, "alice")
    counted = house.deployment.world.counted
    counted.clear()
    assert device.ask("GET", "/v3/Documents/CH0.channel").status == 404
    device.send({"method": "nonsense"})
    assert counted[("Requests", 0)] == 2
    assert sum(times for (name, _), times in counted.items() if name == "RequestErrors") == 2


def test_an_error_inside_parley_counts_as_a_server_error(meddled: House, meddling: MeddlingClient):
    device = meddled.device("alice")
    counted = meddled.deployment.world.counted
    counted.clear()
    meddling.script_all(refusing("AccessDeniedException"), after=0)
    assert meddled.deployment.door.send("GET", meddled.deployment.door.base_url + meddled.path, [], b"").status == 401
    assert device.ask("listPublicChannels")["status"] == 500
    meddling.unscript()
    assert counted["ServerErrors", 0] == counted["RequestErrors", 20500] == 1


def test_pushes_count_by_their_outcomes(house: House, room: Room, alice: Device):
    bob, carol = house.device("bob"), house.device("bob")
    house.deployment.announce()
    house.deployment.gateway.throttle(bob.connection_id)
    house.deployment.world.clock.advance(60)
    house.deployment.gateway.close(carol.connection_id)
    counted = house.deployment.world.counted
    room.post("hello")
    counted.clear()
    house.deployment.world.clock.advance(1.5)
    house.deployment.announce()
    assert counted == {("Pushes", 0): 1, ("PushesDropped", 0): 1, ("PushesGone", 0): 1, ("FanOutLag", 0): 1500}


def test_a_batch_without_listeners_has_no_lag(house: House, room: Room):
    room.post("hello")
    counted = house.deployment.world.counted
    counted.clear()
    house.deployment.announce()
    assert counted == {}


THROTTLED = [
    refusing("ProvisionedThroughputExceededException"),
    refusing("ThrottlingException"),
    refusing("RequestLimitExceeded"),
]


@pytest.mark.parametrize("throttled", THROTTLED)
def test_a_throttled_request_to_the_table_is_counted_and_repeated(
    meddled: House, meddling: MeddlingClient, throttled: Any
):
    counted = meddled.deployment.world.counted
    counted.clear()
    meddling.script("get_item", throttled, throttled)
    meddled.deployment.world.clock.advance(11)
    assert meddled.rest("GET", meddled.path).status == 200
    assert counted == {("Requests", 0): 1, ("TableThrottles", 0): 2}


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_was_cancelled_because_of_throttling_is_counted_and_repeated(
    meddled: House, meddling: MeddlingClient, reason: str
):
    counted = meddled.deployment.world.counted
    counted.clear()
    meddling.script("transact_write_items", refusing("TransactionCanceledException", "None", reason))
    assert meddled.rest("POST", f"{meddled.path}/Channels", {"UniqueName": "general"}).status == 201
    assert counted == {("Requests", 0): 1, ("TableThrottles", 0): 1}


def test_parts_of_a_batch_that_the_table_leaves_undone_are_counted(meddled: House, meddling: MeddlingClient):
    device = meddled.device("alice")
    counted = meddled.deployment.world.counted
    counted.clear()
    meddling.script("batch_get_item", leaving_undone(0))
    device.done("listMyChannels")
    meddling.script("batch_get_item", leaving_undone(0))
    device.done("catchUp", channels={"CH" + "0" * 32: 0})
    assert counted["TableThrottles", 0] == 2 - meddling.scripted("batch_get_item")
    assert counted["TableThrottles", 0] > 0


@pytest.mark.parametrize(
    ("function", "event"),
    [("ws_message", "ws_message"), ("ws_disconnect", "ws_disconnect"), ("fan_out", "fan_out_minute")],
)
def test_an_invocation_writes_one_line_and_none_if_nothing_was_counted(
    house: House, printed: Printed, function: str, event: str
):
    world = house.deployment.world.another_container()
    runtime = world.wire(sockets=house.deployment.gateway, count=None)
    handler = load_function(function, runtime)
    printed.take()
    handler(sample(event))
    lines = [line for line in printed.take() if "_aws" in line]
    assert len(lines) == {"ws_message": 2}.get(function, 0)


# The lines.


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """Counts what a test counts, and returns the lines."""

    def written(counts: Counts) -> list[dict[str, Any]]:
        capsys.readouterr()
        counts.write()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return written


def test_a_line_has_the_form_that_cloudwatch_reads(lines: Any):
    counts = Counts("Parley/prod", "rest_api")
    with counting(counts.add):
        count(REQUESTS)
        count(REQUESTS)
        count(REQUEST_ERRORS, code=20404)
    plain, by_code = lines(counts)
    assert plain["_aws"]["CloudWatchMetrics"] == [
        {"Namespace": "Parley/prod", "Dimensions": [["service"]], "Metrics": [{"Name": "Requests", "Unit": "Count"}]}
    ]
    assert (plain["service"], plain["Requests"]) == ("rest_api", [2])
    assert isinstance(plain["_aws"]["Timestamp"], int)
    (described,) = by_code["_aws"]["CloudWatchMetrics"]
    assert sorted(described["Dimensions"][0]) == ["code", "service"]
    assert (by_code["code"], by_code["service"], by_code["RequestErrors"]) == ("20404", "rest_api", [1])


def test_counts_that_were_written_are_not_written_again(lines: Any):
    counts = Counts("Parley", "rest_api")
    with counting(counts.add):
        count(REQUESTS)
    assert (len(lines(counts)), lines(counts)) == (1, [])


def test_times_stay_apart_so_that_percentiles_are_right(lines: Any):
    counts = Counts("Parley", "fan_out")
    with counting(counts.add):
        for milliseconds in (10, 30, 20):
            count(FAN_OUT_LAG, milliseconds)
        count(PUSHES, 3)
        count(PUSHES, 4)
    (line,) = lines(counts)
    assert (line["FanOutLag"], line["Pushes"]) == ([10, 30, 20], [7])


def test_only_codes_of_the_table_of_answers_become_dimensions():
    # Those of refused notifications come from the push port, which knows three; those of texts from `carrier_codes`.
    assert [metric.name for metric in METRICS if metric.by_code] == [
        "RequestErrors",
        "TextsRefused",
        "NotificationsRefused",
    ]


def test_outside_of_an_invocation_nothing_is_counted(lines: Any):
    counts = Counts("Parley", "rest_api")
    count(REQUESTS)
    assert lines(counts) == []
