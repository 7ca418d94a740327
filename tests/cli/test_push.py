"""`parley push` on a running service: a notification on a phone of the local run, and why it does not come."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from local.stack.running import Stack
from parley_client import Client
from tests.cli.conftest import Run, rest_of
from tests.end_to_end.clients import access_token
from tests.support.push import SERVICE_ACCOUNT


class Handset:
    """A service in which alice has one device, and that device's phone."""

    def __init__(self, stack: Stack) -> None:
        self.rest = rest_of(stack)
        self.service_sid = self.rest.post("/chat/v2/Services", FriendlyName="phones")["sid"]
        self.address = f"{uuid.uuid4().hex}-token"
        credential = self.rest.post("/chat/v2/Credentials", Type="fcm", Secret=SERVICE_ACCOUNT)["sid"]
        asyncio.run(self._register(stack, credential))

    async def _register(self, stack: Stack, credential: str) -> None:
        token = access_token(stack.info, self.service_sid, "alice")
        async with Client(stack.info["ws_url"], token) as client:
            self.binding = await client.register_binding("fcm", self.address, credential_sid=credential)

    def phone(self) -> dict[str, Any]:
        (one,) = [one for one in self.rest.get("/_push/phones")["phones"] if one["address"] == self.address]
        return self.rest.get(f"/_push/phones/{one['id']}")

    def uninstall(self) -> None:
        self.rest.post(f"/_push/phones/{self.phone()['id']}", State="uninstalled")


@pytest.fixture
def handset(local: Stack) -> Handset:
    return Handset(local)


def test_a_test_rings_the_phone_until_its_app_is_gone(parley: Run, handset: Handset) -> None:
    whose = ["--identity", "alice", "--service", handset.service_sid]
    ran = parley("push", "test", *whose)
    assert (ran.status, ran.out) == (0, f"{handset.binding}  handed to the push service\n")
    assert [one["text"] for one in handset.phone()["shown"]] == ["A test from Parley"]
    handset.uninstall()
    # The push service learns with this one that the app is gone, and says so with the next.
    assert parley("push", "test", *whose).status == 0
    ran = parley("push", "test", *whose, "--json")
    assert (ran.status, ran.json["outcome"], ran.json["code"]) == (3, "gone", 52103)
    ran = parley("push", "test", *whose)
    assert (ran.status, ran.err) == (1, "parley: alice has no registered device that could be notified\n")
    ran = parley("push", "log", *whose)
    assert "- new_message: off. Switch it on: Notifications.NewMessage.Enabled=true\n" in ran.out
    assert "- alice has no registered device" in ran.out
    assert [line.split("  ")[-1] for line in ran.out.splitlines() if " test " in line] == [
        "handed to the push service",
        "handed to the push service",
        "the app was removed: its registration was removed too",
    ]
    told = parley("push", "log", *whose, "--json").json
    assert (told["identity"], told["devices"], len(told["log"])) == ("alice", [], 3)
