"""The context of an operation: the ports, the caller, and the face through which it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from parley.clock import Clock
from parley.domain.addresses import NO_NUMBERS, SMS, Numbers, channel_of
from parley.domain.channel_webhooks import ONLY_IN_CHAT, ONLY_IN_CONVERSATIONS
from parley.domain.channels import PRIVATE, PUBLIC, TYPES
from parley.domain.media import DEFAULT_RULES, MediaRules
from parley.domain.roles import CONVERSATIONS_PERMISSIONS, PERMISSIONS
from parley.frozen import frozen
from parley.ids import Ids
from parley.keyring import Keyring
from parley.records import RECORDS
from parley.records.spec import Registry
from parley.store.configuration import Configuration
from parley.store.items import Record
from parley.store.table import Table
from parley.store.writes import Cause
from parley.tracing import request_id

if TYPE_CHECKING:
    from parley.operations.announcing import Announcement
    from parley.ports.objects import Objects
    from parley.ports.push import PushGateway

SYSTEM = "system"


@frozen
class Caller:
    """The caller of an operation: a back end with account credentials (`identity` None), or a client on its socket.

    Attributes:
        source: `API` or `SDK`.
        identity: The client's identity.
        webhooks: Whether webhooks hear of the caller's changes.
        request: For clients, connection id and frame id with a blank between. The push to that connection names
            the frame id.
        birth: The birth of the client's user (`domain/memberships.py`).
        address: The address of the phone, if a carrier asks in its name.
    """

    source: str = "API"
    identity: str | None = None
    webhooks: bool = False
    request: str = ""
    birth: str = ""
    address: str = ""

    @property
    def name(self) -> str:
        """The identity or the address in whose name the caller asks; empty for a back end."""
        return self.identity or self.address


@frozen
class Perspective:
    """The facts that an operation needs of the face through which it is called.

    Attributes:
        name: The family of faces.
        errors: The face's column in the table of errors (`faces/errors.py`).
        shows: The types of channels that exist there; all others are not found.
        creates: The type of a new channel if the request names none.
        lists: The types of channels that a list shows if the request names none.
        shows_participants: Whether messages show which participant wrote them.
        permissions: The permissions that roles can have there, each with the types of roles that may have it.
        unnamed_events: The events that have no name in the face. If an update names events, a webhook keeps these.
        new_service: The fields that the face sets in a new service.
        has_defaults: Whether a new channel takes the account's timers and messaging service.
        by_activity: Whether lists show the newest channels first, and without a filter those that were active last.
        has_invites: Whether there are invites. Without them, the invited do not know of the channel.
        tells_strangers: Whether a client that fetches a private channel by its SID hears that it is no member, and not
            that there is none.
    """

    name: str
    errors: str
    shows: tuple[str, ...] = TYPES
    creates: str = PUBLIC
    lists: tuple[str, ...] = (PUBLIC,)
    shows_participants: bool = False
    permissions: Mapping[str, frozenset[str]] = field(default_factory=lambda: PERMISSIONS, hash=False)
    unnamed_events: tuple[str, ...] = ()
    new_service: Mapping[str, Any] = field(default_factory=dict, hash=False)
    has_defaults: bool = False
    by_activity: bool = False
    has_invites: bool = True
    tells_strangers: bool = False

    @property
    def hides(self) -> tuple[str, ...]:
        """The types of channels that do not exist there."""
        return tuple(channel_type for channel_type in TYPES if channel_type not in self.shows)

    def knows(self, channel: Mapping[str, Any]) -> bool:
        """Whether a channel exists there. Its counters will do, because they have its type too."""
        return channel.get("type") in self.shows


# Twilio's published description calls `public` the default of the list's `Type` filter. If Twilio lists private
# channels too when there is no filter, `lists` must name both types (unconfirmed).
CHAT = Perspective("chat", "chat", unnamed_events=ONLY_IN_CONVERSATIONS)
# A conversation is a private channel. A new service takes 1,000 participants in each conversation and 1,000
# conversations of each user (https://www.twilio.com/docs/conversations/conversations-limits). That lists without a
# filter show the recently active conversations first is known only from libraries that follow the documentation
# (unconfirmed).
CONVERSATIONS = Perspective(
    "conversations",
    "conversations",
    shows=(PRIVATE,),
    creates=PRIVATE,
    lists=(PRIVATE,),
    shows_participants=True,
    permissions=CONVERSATIONS_PERMISSIONS,
    unnamed_events=ONLY_IN_CHAT,
    new_service={"limits.channel_members": 1000, "limits.user_channels": 1000},
    has_defaults=True,
    by_activity=True,
    has_invites=False,
    tells_strangers=True,
)
# For Parley's own work, such as sweeps, which no API asks for.
INTERNAL = Perspective("internal", "chat", lists=(PUBLIC, PRIVATE))


# Asks a service's pre-event webhook: context, kind, verb, record, parameters -> parameters; None if nobody was asked.
Ask = Callable[["Context", str, str, Record, dict[str, Any]], dict[str, Any] | None]
# Begins the announcement of a new message in a channel, given its SID.
Announce = Callable[["Context", str], "Announcement"]


@frozen
class Context:
    """One request's view of the world.

    `numbers` are the numbers in the settings; `has_phones` says that there may be senders too, whose texts AWS carries.
    `records` are all types of records, `media` what the operator has set for files. `announce` begins the fast path of
    a new message. `carried` takes the pushes that the reply to a client's request carries; None if it can carry none.
    `rest_url` is what URLs in the answer to a REST request begin with.
    """

    table: Table
    configuration: Configuration
    ids: Ids
    clock: Clock
    account_sid: str
    keyring: Keyring
    caller: Caller
    actions_per_second: int = 0
    ask: Ask | None = None
    perspective: Perspective = INTERNAL
    numbers: Numbers = NO_NUMBERS
    has_phones: bool = False
    records: Registry = RECORDS
    make_objects: Callable[[], Objects] | None = None
    media: MediaRules = DEFAULT_RULES
    make_push: Callable[[], PushGateway] | None = None
    announce: Announce | None = None
    carried: list[Any] | None = None
    rest_url: str = ""

    @property
    def objects(self) -> Objects:
        """The object store. Most operations need none, so it is made when one first asks for it."""
        if self.make_objects is None:
            raise RuntimeError("this context has no object store")
        return self.make_objects()

    @property
    def push(self) -> PushGateway:
        """The push port. Only credentials and deliveries need one, so it is made when one of them first asks for it."""
        if self.make_push is None:
            raise RuntimeError("this context has no push port")
        return self.make_push()

    @property
    def settings(self) -> Mapping[str, Any]:
        """Fields of records that show the operator's settings, and are not stored."""
        return {"media.size_limit_mb": self.media.limit_mb}

    def announcement(self, channel_sid: str) -> Announcement:
        """What pushes a new message of a channel at once, if this function has the fast path. Ask before reading."""
        from parley.operations.announcing import NOBODY

        return self.announce(self, channel_sid) if self.announce else NOBODY

    def consult(
        self,
        kind: str,
        verb: str,
        record: Mapping[str, Any],
        parameters: dict[str, Any],
        may: Callable[[Context], object],
    ) -> dict[str, Any]:
        """Ask the service's pre-event webhooks about an action of a client or a phone; returns the parameters.

        Some may be replaced.

        `record` is what the action would make, change or remove. Webhooks are not asked about actions with account
        credentials. `may` refuses a caller who has no right to the action. The
        operation has called it already. If a webhook was really asked, `may` is called again, with a context that
        remembers nothing: an answer may take twenty seconds, and rights may be lost in that time.

        Raises:
            Refusal: 50056 if the webhook refuses; the matching error if a replaced value is not valid; those of `may`.
        """
        if self.ask is None or not self.caller.name:
            return parameters
        answered = self.ask(self, kind, verb, {**record}, parameters)
        if answered is None:
            return parameters
        may(replace(self, configuration=Configuration(self.table, self.clock)))
        return answered

    def sharing_patience(self) -> Context:
        """This context with one allowance of time for all that is asked of the table from now on."""
        return replace(self, table=self.table.sharing_patience())

    @property
    def actor(self) -> str:
        """The acting identity or address, `system` for account credentials."""
        return self.caller.name or SYSTEM

    def cause(self) -> Cause:
        """A cause for one commit."""
        caller = self.caller
        return Cause(
            self.ids.commit(request_id()),
            self.actor,
            caller.source,
            caller.webhooks,
            caller.request,
            self.clock.now_ms(),
        )


def of_carrier(context: Context, address: str, *, writes: bool = False) -> Context:
    """The context for a carrier's report about a phone; with `writes`, for an action of the phone itself.

    Post-event webhooks get both, pre-event webhooks are asked about the phone's actions only. The source in both is the
    phone's channel, such as `SMS`.
    """
    source = (channel_of(address) or SMS).upper()
    caller = Caller(source, webhooks=True, address=address if writes else "")
    return replace(context, caller=caller, perspective=CONVERSATIONS, actions_per_second=0)


def of_table(name: str, client: Callable[[], Any], account_sid: str, numbers: Numbers = NO_NUMBERS) -> Context:
    """The context for somebody with rights of their own on the table, who needs no credentials and no limit of actions.

    No webhook hears of the changes. `client` makes the client of DynamoDB.
    """
    clock = Clock()
    table = Table(name, client, clock)
    keyring = Keyring("", "", _no_secret, clock)
    configuration = Configuration(table, clock)
    ids = Ids(clock)
    return Context(table, configuration, ids, clock, account_sid, keyring, Caller(), numbers=numbers, has_phones=True)


def _no_secret(secret_id: str) -> str:
    raise RuntimeError("whoever works on the table itself has no secret")
