"""Notifications on a running stack: from a message, through queue and function, to phones of the stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from twilio.rest import Client

from local.stack.running import Stack
from tests.end_to_end.clients import Socket, access_token
from tests.support.push import CERTIFICATE, PRIVATE_KEY, SERVICE_ACCOUNT
from tests.support.waiting import until


class Phones:
    """The phones of one stack that registered with some credentials."""

    def __init__(self, info: dict[str, Any], credentials: set[str]) -> None:
        self._url = f"{info['rest_url']}/_push/phones"
        self._owner = (str(info["account_sid"]), str(info["auth_token"]))
        self._credentials = credentials

    def texts(self) -> dict[str, list[str]]:
        """What each phone shows, by platform."""
        return {phone["platform"]: [one["text"] for one in self._one(phone["id"])["shown"]] for phone in self._all()}

    def turn(self, platform: str, state: str) -> None:
        """Change the state of the phone of a platform."""
        (id_,) = (phone["id"] for phone in self._all() if phone["platform"] == platform)
        answer = requests.post(f"{self._url}/{id_}", auth=self._owner, data={"State": state}, timeout=120)
        assert answer.json()["state"] == state

    def _all(self) -> list[dict[str, Any]]:
        phones = requests.get(self._url, auth=self._owner, timeout=120).json()["phones"]
        return [phone for phone in phones if phone["credential_sid"] in self._credentials]

    def _one(self, id_: str) -> dict[str, Any]:
        return dict(requests.get(f"{self._url}/{id_}", auth=self._owner, timeout=120).json())


@pytest.fixture
def service(twilio: Client) -> Any:
    """A service that tells of new messages before anything happens in it: functions remember services for ten seconds."""
    made = twilio.chat.v2.services.create(friendly_name="phones")
    twilio.chat.v2.services(made.sid).update(notifications_new_message_enabled=True)
    return made


@pytest.fixture
def phones(stack: Stack, twilio: Client, service: Any, room: Any) -> Phones:
    """A phone of Apple's and one of Google's, both alice's."""
    credentials = twilio.chat.v2.credentials
    made = {
        "apn": credentials.create(type="apn", certificate=CERTIFICATE, private_key=PRIVATE_KEY).sid,
        "fcm": credentials.create(type="fcm", secret=SERVICE_ACCOUNT).sid,
    }
    socket = Socket(stack.info, access_token(stack.info, service.sid, "alice"))
    for kind, address in (("apn", "0f" * 32), ("fcm", "token:1")):
        device = {"binding_type": kind, "address": address, "credential_sid": made[kind], "endpoint": kind}
        reply = socket.ask("registerBinding", **device)
        assert reply["status"] == 201, json.dumps(reply)
    socket.close()
    return Phones(stack.info, set(made.values()))


def test_both_phones_hear_of_a_message_and_one_without_the_app_loses_its_registration(
    twilio: Client, service: Any, room: Any, phones: Phones
) -> None:
    room.messages.create(body="hello 👋", from_="bob")
    first = "general;bob: hello 👋"
    until(lambda: phones.texts() == {"APNS": [first], "GCM": [first]}, 30)
    phones.turn("GCM", "uninstalled")
    # SNS learns of it with the first notification, and says so to the second.
    room.messages.create(body="this one is lost", from_="bob")
    room.messages.create(body="this one finds out", from_="bob")
    bindings = twilio.chat.v2.services(service.sid).bindings
    until(lambda: [binding.binding_type for binding in bindings.list()] == ["apn"], 30)
    heard = [first, "general;bob: this one is lost", "general;bob: this one finds out"]
    until(lambda: phones.texts() == {"APNS": heard}, 30)
