"""Push registrations of SDKs: each is a binding, as REST shows it."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.jwt.access_token.grants import ChatGrant

from parley.ids import user_sid
from parley.store import keys
from tests.sdk.device import Packet, SdkDevice
from tests.sdk.requests_of_rows import PUSH, REGISTRATIONS
from tests.sockets.deployment import House


class Push:
    """A client whose token names a credential."""

    def __init__(self, house: House, identity: str, endpoint: str | None = None):
        self.house = house
        credential = house.rest.post("/chat/v2/Credentials", Type="fcm", Secret="secret")["sid"]
        grant = ChatGrant(service_sid=house.sid, push_credential_sid=credential, endpoint_id=endpoint)
        self.device = SdkDevice(house, identity, grants=[grant])

    def bindings(self) -> list[dict[str, Any]]:
        return self.house.rest.get(f"{self.house.path}/Bindings")["bindings"]

    def ask(self, method: str, path: str = "", body: Any = None) -> Packet:
        return self.device.ask(method, f"/v1/registrations{path}", body, {"productId": "ip_messaging"})


@pytest.mark.parametrize("endpoint", [None, "a browser"])
def test_a_registration_is_a_binding(house: House, endpoint: str | None) -> None:
    alice = Push(house, "alice", endpoint)
    types = ["twilio.conversations.new_message", "twilio.channel.consumption_update", "twilio.ipmsg.typing_indicator"]
    made = alice.ask("POST", body={**PUSH, "message_types": types})
    assert made.status == 201
    (binding,) = alice.bindings()
    assert (binding["sid"], binding["message_types"]) == (made.body["id"], ["new_message"])
    assert (binding["identity"], binding["binding_type"]) == ("alice", "fcm")
    assert endpoint in (None, binding["endpoint"])
    assert alice.ask("POST", body=PUSH).body == made.body
    assert len(alice.bindings()) == 1
    assert alice.ask("DELETE", f"/{made.body['id']}", {}).status == 204
    assert alice.bindings() == []
    assert alice.ask("DELETE", f"/{made.body['id']}", {}).refusal == (404, 20404)


def test_a_device_is_removed_by_its_address_and_only_for_oneself(house: House) -> None:
    alice, bob = Push(house, "alice"), Push(house, "bob")
    sids = [one.ask("POST", body=PUSH).body["id"] for one in (alice, bob)]
    assert alice.ask("DELETE", f"/{sids[1]}", {}).refusal == (404, 20404)
    device = {"binding_type": "fcm", "address": "a-token"}
    for wrong in ({**device, "address": "other"}, {**device, "binding_type": "apn"}, device):
        before = len(alice.bindings())
        assert alice.ask("DELETE", body=wrong).status == 204
        assert len(alice.bindings()) == before - (wrong == device)
    assert [binding["sid"] for binding in alice.bindings()] == [sids[1]]
    assert alice.ask("DELETE", body={}).refusal == (400, 20001)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**PUSH, "channel_type": "pigeon"},
        {**PUSH, "channel_type": "apn"},
        {**PUSH, "data": {}},
        {**PUSH, "data": "x"},
        {**PUSH, "data": {"registration_id": "x" * 5000}},
        {**PUSH, "message_types": []},
        {**PUSH, "message_types": ["twilio.ipmsg.typing_indicator"]},
        {**PUSH, "message_types": "new_message"},
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(house: House, body: dict[str, Any]) -> None:
    alice = Push(house, "alice")
    assert alice.ask("POST", body=body).status in (400, 404)
    assert alice.bindings() == []


@pytest.mark.parametrize(
    ("types", "face"),
    [(["twilio.channel.new_message"], None), (["twilio.conversations.new_message"], "conversations")],
    ids=["Chat", "Conversations"],
)
def test_a_registration_is_a_device_that_is_told_in_the_words_of_its_sdk(
    house: House, types: list[str], face: str | None
) -> None:
    alice = Push(house, "alice")
    made = alice.ask("POST", body={**PUSH, "message_types": types})
    held = house.deployment.world.table.fetch(keys.user_devices(user_sid(house.sid, "alice"))) or {}
    device = held["devices"][made.body["id"]]
    (binding,) = alice.bindings()
    assert (device["type"], device["address"], device["types"]) == ("fcm", "a-token", ["new_message"])
    assert (device["credential"], device.get("face")) == (binding["credential_sid"], face)


def test_a_token_without_a_credential_registers_a_device_too(house: House, alice: SdkDevice) -> None:
    """SDKs repeat a refused registration for ever, and tokens of chat mostly name no credential."""
    assert alice.ask("POST", "/v1/registrations", PUSH).status == 201
    (binding,) = house.rest.get(f"{house.path}/Bindings")["bindings"]
    assert (binding["identity"], binding["credential_sid"]) == ("alice", None)


@pytest.mark.parametrize("kind", ["fcm", "apn"])
def test_the_refusal_of_a_credential_that_cannot_be_used_names_the_credential(house: House, kind: str) -> None:
    alice = Push(house, "alice")
    sid = alice.house.rest.get("/chat/v2/Credentials")["credentials"][-1]["sid"]
    if kind == "fcm":
        assert house.rest("DELETE", f"/chat/v2/Credentials/{sid}").status == 204
    body = {**PUSH, "channel_type": kind, "data": {"registration_id": "0f" * 32}}
    reply = alice.ask("POST", body=body)
    assert reply.refusal == (404, 20404)
    assert reply.body["message"] == f"Push credential not found: {sid}, which must be of type {kind}"
    assert alice.bindings() == []


def test_every_registration_route_is_used_here() -> None:
    assert set(REGISTRATIONS) == {
        ("POST", "/v1/registrations"),
        ("DELETE", "/v1/registrations"),
        ("DELETE", "/v1/registrations/{sid}"),
    }
