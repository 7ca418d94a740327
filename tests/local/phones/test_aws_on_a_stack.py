"""Numbers at AWS on a local stack: a message of a conversation reaches a handset, and its receipt says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3

from local.stack.running import Stack, start_stack
from tests.support.commands import printed_by
from tests.support.doors import HttpDoor, Raw
from tests.support.waiting import until

KEYS: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
API = "/conversations/v1/Conversations"


def test_a_message_reaches_a_handset_through_aws_and_its_receipt_says_so(stack: Stack, http_door: HttpDoor) -> None:
    raw = Raw(http_door)
    number, phone = stack.info["phone_numbers"][0], f"+49173{stack.process.pid:07d}"
    path = f"{API}/{raw.post(API)['sid']}"
    raw.post(f"{path}/Participants", {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": number})
    for body in ("one", "two"):
        sent = raw.post(f"{path}/Messages", Body=body)["sid"]
    until(
        lambda: (
            [one["status"] for one in raw.get(f"{path}/Messages/{sent}/Receipts")["delivery_receipts"]] == ["delivered"]
        )
    )
    received = raw.get(f"/_phones/{phone}")["messages"]
    assert [(one["from"], one["body"], one["status"]) for one in received] == [
        (number, "one", "delivered"),
        (number, "two", "delivered"),
    ]


def test_a_person_on_whatsapp_writes_and_is_answered(stack: Stack, http_door: HttpDoor) -> None:
    raw = Raw(http_door)
    sender, phone = stack.info["whatsapp_senders"][0], f"whatsapp:+49173{stack.process.pid:07d}"
    path = f"{API}/{raw.post(API)['sid']}"
    raw.post(f"{path}/Participants", {"MessagingBinding.Address": phone, "MessagingBinding.ProxyAddress": sender})
    raw.post(f"/_phones/{phone}", To=sender, Body="Are you open?")
    until(lambda: [one["body"] for one in raw.get(f"{path}/Messages")["messages"]] == ["Are you open?"])
    sent = raw.post(f"{path}/Messages", Body="Until ten")["sid"]
    until(
        lambda: [one["status"] for one in raw.get(f"{path}/Messages/{sent}/Receipts")["delivery_receipts"]] == ["read"]
    )
    received = raw.get(f"/_phones/{phone}")["messages"]
    assert [(one["direction"], one["body"]) for one in received] == [("out", "Are you open?"), ("in", "Until ten")]


def test_a_number_for_groups_is_none_of_aws_s(stack: Stack, http_door: HttpDoor) -> None:
    sms = boto3.client("pinpoint-sms-voice-v2", endpoint_url=f"{stack.info['rest_url']}/_texts/sms-voice", **KEYS)
    own = {one["PhoneNumber"] for one in sms.describe_phone_numbers()["PhoneNumbers"]}
    assert own == {*stack.info["phone_numbers"]} - {*stack.info["carrier_numbers"]}
    shown = Raw(http_door).get("/_phones/")["numbers"]
    assert {*shown} == {*stack.info["phone_numbers"], *stack.info["whatsapp_senders"]}


def test_a_new_stack_has_numbers_and_no_service(tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home")
    try:
        assert Raw(HttpDoor(stack.info)).get("/chat/v2/Services")["services"] == []
        assert enabled(stack) == {"+12025550143", "+12025550178", "whatsapp:+12025550143"}
    finally:
        stack.stop()


def test_a_number_that_was_disabled_stays_so_after_a_restart(tmp_path: Path) -> None:
    home = tmp_path / "home"
    stack = start_stack(home)
    try:
        printed_by(stack.home, "phones", "disable", "+12025550143")
    finally:
        stack.stop()
    stack = start_stack(home)
    try:
        assert enabled(stack) == {"+12025550178", "whatsapp:+12025550143"}
    finally:
        stack.stop()


def enabled(stack: Stack) -> set[str]:
    """The numbers that a stack uses."""
    listed = json.loads(printed_by(stack.home, "phones", "list", "--json"))
    return {one["address"] for one in listed if one["enabled"]}
