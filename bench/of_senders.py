"""What senders, messaging services and content templates cost."""

from __future__ import annotations

from bench.meter import Cost
from bench.of_service import OfService
from parley.operations import contents, senders

_BODY = "x" * 600
_SENDERS = 55


class OfSenders(OfService):
    """An account with senders in a messaging service, measured one request at a time."""

    def costs(self) -> list[Cost]:
        """The costs of what is done with senders, in an account whose functions look for them."""
        self.world.wire({"phones": True})
        found = self._costs()
        self.world.wire({"phones": False})
        return found

    def _costs(self) -> list[Cost]:
        raw, service = self.raw, self.raw.post("/messaging/v1/Services", FriendlyName="x")["url"]
        made = [
            senders.enable(
                self.world.context(),
                f"+1202557{number:04d}",
                {"provider_id": "phone-0a", "messaging_service_sid": service[-34:]},
            )
            for number in range(_SENDERS)
        ]
        number, free = made[0]["address"], made[-1]["sid"]
        raw("DELETE", f"{service}/PhoneNumbers/{free}")
        given = {"friendly_name": "welcome", "language": "en", "body": "x" * 500}
        template = contents.put(self.world.context(), given)["sid"]
        conversation = raw.post(f"/conversations/v1/Services/{self.service_sid}/Conversations")["url"]
        raw.post(f"{conversation}/Messages", Body=_BODY)
        pair = {"MessagingBinding.Address": "+491729999999", "MessagingBinding.ProxyAddress": number}
        return [
            self.cost(
                "add a chat participant, where there are senders",
                (3, 10, 5),
                lambda: raw.post(f"{conversation}/Participants", Identity="erin"),
            ),
            self.cost(
                "add a phone to a conversation, from a sender",
                (4, 12, 5),
                lambda: raw.post(f"{conversation}/Participants", pair),
            ),
            self.cost(
                "create message with a template",
                (3, 2, 1),
                lambda: raw.post(f"{conversation}/Messages", ContentSid=template),
            ),
            self.cost(
                "put a sender into a messaging service",
                (3, 4, 2),
                lambda: raw.post(f"{service}/PhoneNumbers", PhoneNumberSid=free),
            ),
            self.cost("fetch a sender", (2, 0, 2), lambda: raw.get(f"{service}/PhoneNumbers/{free}")),
            self.cost("list 50 senders", (2, 0, 6), lambda: raw.get(f"{service}/PhoneNumbers")),
        ]
