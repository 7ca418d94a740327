"""The face itself, and the two scopes in which it offers the same resources."""

from __future__ import annotations

from typing import NamedTuple

from parley.faces.spec import Face
from parley.operations.context import CONVERSATIONS

FACE = Face("conversations_v1", "/conversations/v1", perspective=CONVERSATIONS)


class Scope(NamedTuple):
    """One of two kinds of paths: below a service, or without a service, which means the account's default service.

    Attributes:
        prefix: The beginning of the paths.
        service_name: The name under which messages, receipts, participants and webhooks show their service. Below the
            default service they do not show it (`contract`).
    """

    prefix: str
    service_name: str

    @property
    def conversation(self) -> str:
        """The path of the conversation above a record."""
        return f"{self.prefix}/Conversations/{{channel_sid}}"


# A participation is shown with the dates of its conversation.
DATES_OF_CONVERSATION = {
    "date_created": "When the conversation was created.",
    "date_updated": "When the conversation last changed.",
}
DEFAULT = Scope("", "")
IN_SERVICE = Scope("/Services/{service_sid}", "chat_service_sid=service_sid")
SCOPES = (DEFAULT, IN_SERVICE)
