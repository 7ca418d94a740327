"""A service that the commands work on: the one of this machine (`local_stack.py`) or a deployed one (`deployed.py`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from cli.rest import Rest
from cli.trouble import Trouble
from parley.keyring import AuthTokens


class ApiKey(NamedTuple):
    """An API key that signs access tokens.

    Attributes:
        ends_at: When it ends by itself, in seconds since the epoch; None if it was there before and stays.
    """

    sid: str
    secret: str
    ends_at: int | None = None


class QueueState(NamedTuple):
    """How many entries a queue holds: those that wait, those that are being worked on or put off.

    Attributes:
        name: The queue's name in the template.
        given_up: Whether the queue keeps what was given up.
    """

    name: str
    waiting: int
    under_way: int
    given_up: bool


class LogLine(NamedTuple):
    """A line of a log.

    Attributes:
        source: The function, or the part of the local runtime, that wrote it.
        at_ms: When it was written, in milliseconds since the epoch; 0 if the line does not say so.
    """

    source: str
    at_ms: int
    text: str


@dataclass(frozen=True)
class LogQuery:
    """Which lines are wanted.

    Attributes:
        sources: The functions; all if there are none.
        holding: Texts that a line must hold.
        since_ms: No line before that.
    """

    sources: tuple[str, ...] = ()
    holding: tuple[str, ...] = ()
    since_ms: int = 0


QUEUES = {
    "DeliveryQueue": "webhook deliveries",
    "WorkQueue": "jobs",
    "PushQueue": "notifications",
    "CarrierQueue": "texts to phones",
    "CarrierInbound": "texts from phones",
    "CarrierReceipts": "reports about texts",
    "DeliveryDeadLetterQueue": "webhook deliveries, given up",
    "WorkDeadLetterQueue": "jobs, given up",
    "PushDeadLetterQueue": "notifications, given up",
    "CarrierDeadLetterQueue": "texts to phones, given up",
    "CarrierEventsDeadLetterQueue": "texts from phones and reports, given up",
    "FanOutFailureQueue": "pushes, given up",
    "WebhooksFailureQueue": "webhook planning, given up",
}
"""The queues of the template by their logical ids, with what they hold."""
GIVEN_UP = (
    "DeliveryDeadLetterQueue",
    "WorkDeadLetterQueue",
    "PushDeadLetterQueue",
    "CarrierDeadLetterQueue",
    "CarrierEventsDeadLetterQueue",
    "FanOutFailureQueue",
    "WebhooksFailureQueue",
)
_COUNTS = {
    "ApproximateNumberOfMessages": 0,
    "ApproximateNumberOfMessagesNotVisible": 1,
    "ApproximateNumberOfMessagesDelayed": 1,
}


def tokens_in(text: str) -> AuthTokens:
    """The auth tokens that a secret's text holds.

    Raises:
        Trouble: it holds none.
    """
    try:
        return AuthTokens.read(text)
    except ValueError as error:
        raise Trouble(f"{error}: store the 32 hex digits of a token there") from None


class Place(ABC):
    """One running service. Every method may raise `Trouble`, and errors of AWS's library.

    Attributes:
        console_url: Where the console is; empty if there is none.
        own_key: The API key that the place keeps for its owner, if it keeps one.
        logs_warnings: Whether the functions log lines of the level WARN.
    """

    name: str
    is_local: bool
    rest_url: str
    socket_url: str
    account_sid: str
    console_url: str
    own_key: ApiKey | None = None
    logs_warnings: bool = True

    @abstractmethod
    def auth_token_text(self) -> str:
        """The text of the auth token's secret."""

    @abstractmethod
    def replace_auth_tokens(self, before: str, tokens: AuthTokens) -> None:
        """Store these tokens, if the secret's text is still `before`.

        Raises:
            Trouble: somebody else has changed it meanwhile.
        """

    @abstractmethod
    def api_key(self, rest: Rest, purpose: str, seconds: int) -> ApiKey:
        """An API key that lives for so long at least: one that is there anyway, or a new one that ends by itself."""

    @abstractmethod
    def client(self, service: str) -> Any:
        """A client of an AWS service, or of its emulator."""

    @abstractmethod
    def has_queue(self, logical_id: str) -> bool:
        """Whether one of `QUEUES` is there: those of texts are only there with phones."""

    @abstractmethod
    def queue_url(self, logical_id: str) -> str:
        """The URL of one of `QUEUES`."""

    @abstractmethod
    def table_name(self) -> str:
        """The name of the table."""

    @abstractmethod
    def output(self, name: str) -> str:
        """An output of the stack; empty if it has none of this name."""

    @abstractmethod
    def parameter(self, name: str) -> str:
        """The value of a parameter of the stack; empty if it has none of this name."""

    def listed(self, name: str) -> list[str]:
        """The values of a parameter that is a list."""
        return self.parameter(name).replace(",", " ").split()

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """What only this kind of place has to tell: `parts`, each with a name, a state and whether that is well."""

    @abstractmethod
    def log(self, query: LogQuery, follow: bool) -> Iterator[LogLine]:
        """The wanted lines, oldest first; with `follow`, it then waits for more."""

    def auth_tokens(self) -> AuthTokens:
        """The valid auth tokens."""
        return tokens_in(self.auth_token_text())

    @cached_property
    def rest(self) -> Rest:
        """The REST API with the account's credentials."""
        return Rest(self.rest_url, self.account_sid, self.auth_tokens().token)

    def queues(self) -> list[QueueState]:
        """Every queue's state."""
        sqs = self.client("sqs")
        states = []
        for logical_id, name in QUEUES.items():
            if not self.has_queue(logical_id):
                continue
            answer = sqs.get_queue_attributes(QueueUrl=self.queue_url(logical_id), AttributeNames=list(_COUNTS))
            counts = [0, 0]
            for attribute, place in _COUNTS.items():
                counts[place] += int(answer["Attributes"].get(attribute, 0))
            states.append(QueueState(name, counts[0], counts[1], logical_id in GIVEN_UP))
        return states
