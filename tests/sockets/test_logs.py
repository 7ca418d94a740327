"""Logs of the doors and of fan-out: no message, attribute, name, token, query string or header is in any line."""

from __future__ import annotations

import json
from typing import Any

from tests.ports.meddling import MeddlingClient, refusing
from tests.sdk.device import SdkDevice
from tests.sockets.deployment import House
from tests.support.doors import Raw
from tests.support.printed import MARK, Printed

SPOKEN: dict[str, Any] = {"body": MARK, "attributes": {"x": MARK}}
NAMED = {"FriendlyName": MARK, "Attributes": json.dumps(MARK)}


def test_nothing_that_people_say_over_rest_is_logged(house: House, printed: Printed):
    room = house.channel("alice", UniqueName="general", **NAMED)
    room.post(MARK, Attributes=json.dumps(MARK))
    room.update(**NAMED)
    house.rest.post(f"{house.path}/Users/alice", **NAMED)
    house.rest("GET", f"{room.path}/Messages", query={"Order": MARK, "Page": MARK})
    house.rest("POST", f"{house.path}/Channels", {"UniqueName": "general", "Type": MARK})
    house.rest("GET", f"/chat/v2/Services/IS{MARK}/Channels/{MARK}", credentials=(MARK, MARK))
    lines = printed.take()
    assert {line["message"] for line in lines} == {"request"}


def test_nothing_that_people_say_over_sockets_is_logged(house: House, printed: Printed):
    house.channel("alice", "bob", UniqueName="general")
    alice, bob = house.device("alice"), house.device("bob")
    message = alice.done("sendMessage", channel="general", **SPOKEN)["sid"]
    alice.done("updateMessage", channel="general", message=message, **SPOKEN)
    alice.ask("updateUser", identity="alice", friendly_name=MARK, attributes={"x": MARK})
    alice.ask(MARK)
    alice.ask("fetchChannel", channel=MARK)
    alice.ask("refreshToken", token=MARK)
    alice.send(MARK)
    SdkDevice(house, "alice").ask("GET", f"/v3/Documents/{MARK}")
    house.deployment.gateway.throttle(bob.connection_id)
    alice.done("sendMessage", channel="general", **SPOKEN)
    house.deployment.announce()
    house.deployment.world.clock.advance(60)
    house.deployment.tick()
    house.deployment.open(token=MARK)
    messages = {line["message"] for line in printed.take()}
    assert messages >= {"pushed", "clients were told of gaps", "socket refused"}


def test_an_error_inside_parley_is_logged_without_what_people_wrote(
    meddled: House, meddling: MeddlingClient, printed: Printed
):
    meddled.channel("alice", UniqueName="general")
    alice = meddled.device("alice")
    meddling.script("put_item", refusing("ValidationException"))
    assert alice.ask("sendMessage", channel="general", **SPOKEN)["status"] == 500
    meddling.script("put_item", refusing("ValidationException"))
    rest = Raw(meddled.deployment.door, checked=False)
    assert rest("POST", f"{meddled.path}/Channels/general/Messages", {"Body": MARK}).status == 500
    errors = [line for line in printed.take() if line["level"] == "ERROR"]
    assert [line["message"] for line in errors] == ["action failed", "request failed"]
