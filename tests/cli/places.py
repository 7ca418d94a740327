"""A stack that is deployed in a fake of AWS End User Messaging, on a real table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.place import ApiKey, LogLine, LogQuery, Place
from cli.records import context_of
from cli.rest import Rest
from parley.keyring import AuthTokens
from parley.operations.context import Context
from tests.support.end_user_messaging import ACCOUNT, REGION, EndUserMessagingFake
from tests.support.world import new_account_sid

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:chat-PhonesInbound"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/chat-TwoWayRole"
CONFIGURATION_SET, PROTECTION = "chat-phones", "protect-0123456789abcdef"
RECEIPTS = f"arn:aws:sns:{REGION}:{ACCOUNT}:chat-PhonesReceipts"


def number_of(account: EndUserMessagingFake) -> dict[str, Any]:
    """The only number of an account."""
    (number,) = account.numbers.values()
    return number


class Client:
    """A client of which a test may replace methods."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class FakedPlace(Place):
    """A stack with phones; `texts` is the AWS account that it is deployed in."""

    is_local = False
    name = "chat"
    rest_url = socket_url = console_url = ""

    def __init__(self, dynamodb: Any, table_name: str) -> None:
        self.account_sid = new_account_sid()
        self.dynamodb: Any = Client(dynamodb)
        self._table_name = table_name
        self.texts = EndUserMessagingFake()
        destination = {
            "EventDestinationName": "receipts",
            "Enabled": True,
            "MatchingEventTypes": ["TEXT_ALL", "MEDIA_ALL"],
        }
        self.texts.configuration_sets[CONFIGURATION_SET] = [{**destination, "SnsDestination": {"TopicArn": RECEIPTS}}]
        self.outputs = {
            "TextsInboundTopicArn": TOPIC,
            "TextsTwoWayRoleArn": ROLE,
            "TextsConfigurationSet": CONFIGURATION_SET,
            "TextsProtectConfiguration": PROTECTION,
        }
        self.parameters = {"SmsCountries": "US, ca", "PhoneNumbers": "", "WhatsAppSenders": ""}

    @property
    def context(self) -> Context:
        """What operations need of the table."""
        return context_of(self)

    def client(self, service: str) -> Any:
        return self.dynamodb if service == "dynamodb" else self.texts.client(service)

    def table_name(self) -> str:
        return self._table_name

    def output(self, name: str) -> str:
        return self.outputs.get(name, "")

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, "")

    def auth_token_text(self) -> str:
        raise NotImplementedError

    def replace_auth_tokens(self, before: str, tokens: AuthTokens) -> None:
        raise NotImplementedError

    def api_key(self, rest: Rest, purpose: str, seconds: int) -> ApiKey:
        raise NotImplementedError

    def has_queue(self, logical_id: str) -> bool:
        raise NotImplementedError

    def queue_url(self, logical_id: str) -> str:
        raise NotImplementedError

    def status(self) -> dict[str, Any]:
        raise NotImplementedError

    def log(self, query: LogQuery, follow: bool) -> Iterator[LogLine]:
        raise NotImplementedError
