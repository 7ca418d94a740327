"""What devices and push credentials cost: registering, registering again, and taking over another user's phone."""

from __future__ import annotations

from collections.abc import Callable

from bench.meter import Cost
from bench.of_service import OfService
from parley.domain.push import MOST_DEVICES
from parley.operations import bindings
from tests.support.push import SERVICE_ACCOUNT

_CREDENTIALS = "/chat/v2/Credentials"


class OfDevices(OfService):
    """Devices of the users of one service, measured one request at a time."""

    def costs(self) -> list[Cost]:
        """The costs of devices, and of the credentials with which they are told."""
        raw, path, form = self.raw, f"/chat/v2/Services/{self.service_sid}", {"Type": "fcm", "Secret": SERVICE_ACCOUNT}
        credential = raw.post(_CREDENTIALS, form)
        register = self._registering(credential["sid"])
        for identity in ("erin", "frank"):
            raw.post(f"{path}/Users", Identity=identity)
        costs = [
            self.cost("register a device", (2, 9, 4), lambda: register("erin", 0)),
            self.cost("register a device again", (2, 4, 4), lambda: register("erin", 0)),
            self.cost("register a device that another identity had", (3, 16, 7), lambda: register("frank", 0)),
        ]
        for number in range(1, MOST_DEVICES):
            register("frank", number)
        eleventh = self.cost("register an eleventh device", (3, 20, 5), lambda: register("frank", MOST_DEVICES))
        binding = raw.get(f"{path}/Users/frank/Bindings")["bindings"][0]["url"]
        return [
            *costs,
            eleventh,
            self.cost("remove a device", (5, 15, 6), lambda: raw("DELETE", binding)),
            self.cost("create a push credential", (3, 5, 1), lambda: raw.post(_CREDENTIALS, form)),
            self.cost("rename a push credential", (2, 1, 1), lambda: raw.post(credential["url"], FriendlyName="x")),
        ]

    def _registering(self, credential_sid: str) -> Callable[[str, int], object]:
        def register(identity: str, number: int) -> object:
            return bindings.register(
                self.world.context(),
                self.service_sid,
                identity,
                endpoint=f"phone {number}",
                binding_type="fcm",
                address=f"token:{number}" + "x" * 140,
                credential_sid=credential_sid,
                message_types=[],
            )

        # What is remembered for some seconds is not read again.
        bindings._require_credential(self.world.context(), credential_sid, "fcm")
        return register
