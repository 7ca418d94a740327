"""Every key pattern of the one table, and the question that each answers.

Access patterns (each is one function below; `*` marks what is read in order):

    question                                   key
    ------------------------------------------ ---------------------------------------------------------------
    an account's services*, oldest first       pk ACCOUNT#<AC>       sk SERVICE#<IS>
    an API key; an account's keys*             pk ACCOUNT#<AC>       sk KEY#<SK>
    a push credential; all of an account*      pk ACCOUNT#<AC>       sk CREDENTIAL#<CR>
    SNS's applications that may be nobody's    pk ACCOUNT#<AC>       sk APPLICATION#<ARN>
    the account's defaults                     pk ACCOUNT#<AC>       sk CONFIGURATION
    what becomes of messages to an address*    pk ACCOUNT#<AC>       sk ADDRESS#<IG>
    an address that AWS sends from; all*       pk ACCOUNT#<AC>       sk SENDER#<address>
    a messaging service; all of an account*    pk ACCOUNT#<AC>       sk MESSAGING_SERVICE#<MG>
    a content template; all of an account*     pk ACCOUNT#<AC>       sk CONTENT#<HX>
    a service's roles*                         pk SERVICE#<IS>       sk ROLE#<RL>
    channels of a service, type and state*     pk SERVICE#<IS>       sk CHANNELS#<type>.<state>#<created ms>#<CH>
    conversations by hour of last activity*    pk ACTIVITY#<IS>      sk <hour>#<CH>
    conversations by the end of a timer*       pk TIMERS#<AC>#<shard> sk <due ms>#<CH>
    a service's actions per second             pk SERVICE#<IS>       sk RATE
    the channel with a unique name             pk NAME#<IS>#<name>   sk NAME
    a channel                                  pk CHANNEL#<CH>       sk CHANNEL
    its counters and next index                pk CHANNEL#<CH>       sk TAIL
    a member; all members of a channel         pk CHANNEL#<CH>       sk MEMBER#<MB>
    the member of an identity, if elsewhere    pk CHANNEL#<CH>       sk ALIAS#<MB of the identity>
    a member with a pair; all of a channel     pk CHANNEL#<CH>       sk BOUND#<MB>
    who holds an address pair                  pk PAIR#<AC>#<address>#<proxy>  sk PAIR
    the channel of a set of addresses          pk GROUP#<AC>#<digest>  sk GROUP
    an invite; all invites to a channel        pk CHANNEL#<CH>       sk INVITE#<IN>
    a channel's webhooks*                      pk CHANNEL#<CH>       sk WEBHOOK#<WH>
    a message; messages around an index*       pk CHANNEL#<CH>       sk MESSAGE#<index, 12 digits>
    the receipts of a message; all in a channel  pk CHANNEL#<CH>     sk RECEIPT#<index, 12 digits>#<DY>
    the receipt of a message that Meta names   pk CARRIED#<wamid>    sk CARRIED
    when a person last wrote on WhatsApp       pk SESSION#<AC>#<address>#<proxy>  sk SESSION
    media, and the message that carries it     pk MEDIA#<ME>         sk MEDIA
    what changed after a seq*                  pk CHANNEL#<CH>       sk CHG#<seq, 12 digits>
    who got a change from its writer           pk CHANNEL#<CH>       sk MARKER#<place, 12 digits>
    what was made under an idempotency token   pk IDEMPOTENCY#<parent>#<token>  sk IDEMPOTENCY
    a user by SID or identity (derived SID)    pk USER#<US>          sk USER
    a user's live connections                  pk USER#<US>          sk PRESENCE
    the connections that follow a user         pk USER#<US>          sk FOLLOWER#<connection id>
    those that follow a channel's document     pk CHANNEL#<CH>       sk FOLLOWER#<connection id>
    a socket                                   pk CONNECTION#<id>    sk CONNECTION
    a command's result; a session's results*   pk SESSION#<US>#<EL>#<window>  sk RESULT#<command id>
    what of a kind falls due in a minute       pk DUE#<AC>#<kind>#<minute>#<shard>  sk <id>
    the last minute whose due work is done     pk ACCOUNT#<AC>       sk HAND#<kind>
    a push registration; all of a service*     pk SERVICE#<IS>       sk BINDING#<BS>
    a user's push registrations*               gsi1pk BINDINGS#<US>  gsi1sk <BS>
    a user's devices, to tell them             pk USER#<US>          sk PUSH
    the push registration with an address      pk DEVICE#<digest>    sk DEVICE
    what became of a user's notifications*     pk USER#<US>          sk PUSHED#<ms>#<RU>
    a service's files that no message carries  gsi1pk MEDIA#<IS>     gsi1sk <ME>
    a service's users*, oldest first           gsi1pk USERS#<IS>     gsi1sk <created ms>#<US>
    a user's channels and invites*                  gsi1pk USER#<US>      gsi1sk <CH>
    the channels of an address*                gsi1pk ADDRESS#<IS>#<address>  gsi1sk <CH>
    who holds a role that is no default        gsi2pk ROLE#<RL>      gsi2sk <pk of the holder>

Both indexes project keys only. Sort keys that hold numbers are padded, so that their order is the numbers' order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from parley import stored
from parley.frozen import frozen

# Covariant: the key of a member is also the key of a record.
R = TypeVar("R", bound=Mapping[str, Any], covariant=True)

_INDEX_WIDTH = 12
# A back end may name any time up to the end of the year 9999.
_TIME_WIDTH = 15
_TIMER_SHARDS = 8
# All clients may connect again in the minutes after an outage, and a partition takes 1,000 writes a second. But a tick
# reads each of these, even if nobody is connected.
_DUE_SHARDS = 4


class Key(NamedTuple, Generic[R]):
    """The primary key of one item, which holds a record of the kind `R`."""

    pk: str
    sk: str


@frozen
class Range(Generic[R]):
    """Items of one partition whose sort key begins with `prefix`; `index` names a secondary index.

    A *position* in a range is the rest of a sort key after the prefix.
    """

    pk: str
    prefix: str
    index: str = ""


@frozen
class Span(Range[Any]):
    """The span that covers several keys and ranges of one partition, so that one request reads all of them.

    With `after` and `before`, only what lies between these two positions.
    """

    after: str | None = None
    before: str | None = None


def service(account_sid: str, sid: str) -> Key[stored.Service]:
    return Key(f"ACCOUNT#{account_sid}", f"SERVICE#{sid}")


def services(account_sid: str) -> Range[stored.Service]:
    return Range(f"ACCOUNT#{account_sid}", "SERVICE#")


def api_key(account_sid: str, sid: str) -> Key[stored.ApiKey]:
    return Key(f"ACCOUNT#{account_sid}", f"KEY#{sid}")


def credential(account_sid: str, sid: str) -> Key[stored.Credential]:
    return Key(f"ACCOUNT#{account_sid}", f"CREDENTIAL#{sid}")


def loose_application(account_sid: str, arn: str) -> Key[stored.LooseApplication]:
    return Key(f"ACCOUNT#{account_sid}", f"APPLICATION#{arn}")


def loose_applications(account_sid: str) -> Range[stored.LooseApplication]:
    return Range(f"ACCOUNT#{account_sid}", "APPLICATION#")


def credentials(account_sid: str) -> Range[stored.Credential]:
    return Range(f"ACCOUNT#{account_sid}", "CREDENTIAL#")


def api_keys(account_sid: str) -> Range[stored.ApiKey]:
    return Range(f"ACCOUNT#{account_sid}", "KEY#")


def account_configuration(account_sid: str) -> Key[stored.AccountConfiguration]:
    return Key(f"ACCOUNT#{account_sid}", "CONFIGURATION")


def address_configuration(account_sid: str, sid: str) -> Key[stored.AddressConfiguration]:
    return Key(f"ACCOUNT#{account_sid}", f"ADDRESS#{sid}")


def address_configurations(account_sid: str) -> Range[stored.AddressConfiguration]:
    return Range(f"ACCOUNT#{account_sid}", "ADDRESS#")


def sender(account_sid: str, address: str) -> Key[stored.Sender]:
    return Key(f"ACCOUNT#{account_sid}", f"SENDER#{address}")


def senders(account_sid: str) -> Range[stored.Sender]:
    return Range(f"ACCOUNT#{account_sid}", "SENDER#")


def messaging_service(account_sid: str, sid: str) -> Key[stored.MessagingService]:
    return Key(f"ACCOUNT#{account_sid}", f"MESSAGING_SERVICE#{sid}")


def messaging_services(account_sid: str) -> Range[stored.MessagingService]:
    return Range(f"ACCOUNT#{account_sid}", "MESSAGING_SERVICE#")


def content(account_sid: str, sid: str) -> Key[stored.Content]:
    return Key(f"ACCOUNT#{account_sid}", f"CONTENT#{sid}")


def contents(account_sid: str) -> Range[stored.Content]:
    return Range(f"ACCOUNT#{account_sid}", "CONTENT#")


def role(service_sid: str, sid: str) -> Key[stored.Role]:
    return Key(f"SERVICE#{service_sid}", f"ROLE#{sid}")


def roles(service_sid: str) -> Range[stored.Role]:
    return Range(f"SERVICE#{service_sid}", "ROLE#")


def role_holders(role_sid: str) -> Range[stored.Stored]:
    return Range(f"ROLE#{role_sid}", "", index="gsi2")


def service_rate(sid: str) -> Key[stored.Rate]:
    return Key(f"SERVICE#{sid}", "RATE")


def channel(sid: str) -> Key[stored.Channel]:
    return Key(f"CHANNEL#{sid}", "CHANNEL")


def tail(channel_sid: str) -> Key[stored.Tail]:
    return Key(f"CHANNEL#{channel_sid}", "TAIL")


def channel_listing(service_sid: str, channel_type: str, state: str, created_ms: int, sid: str) -> Key[stored.Listing]:
    return Key(f"SERVICE#{service_sid}", f"CHANNELS#{channel_type}.{state}#{time(created_ms)}#{sid}")


def channel_listings(service_sid: str, channel_type: str, state: str) -> Range[stored.Listing]:
    return Range(f"SERVICE#{service_sid}", f"CHANNELS#{channel_type}.{state}#")


def all_channel_listings(service_sid: str) -> Span:
    """The entries of all channels of a service, whatever their types and states."""
    return Span(f"SERVICE#{service_sid}", "CHANNELS#")


def in_service(service_sid: str) -> Span:
    """All items below a service: its entries of channels, roles, push registrations and actions per second."""
    return Span(f"SERVICE#{service_sid}", "")


def in_channel(channel_sid: str) -> Span:
    """A channel, its counters and all items below it."""
    return Span(f"CHANNEL#{channel_sid}", "")


def activity(service_sid: str, hour: int, channel_sid: str) -> Key[stored.Listing]:
    """The key of a conversation among those that were active in an hour; hours are counted from the epoch."""
    return Key(f"ACTIVITY#{service_sid}", f"{padded(hour)}#{channel_sid}")


def activities(service_sid: str) -> Range[stored.Listing]:
    return Range(f"ACTIVITY#{service_sid}", "")


def timer(account_sid: str, due_ms: int, channel_sid: str) -> Key[stored.Listing]:
    """The key under which a conversation waits for its next timer; conversations are spread over partitions."""
    shard = sum(channel_sid.encode()) % _TIMER_SHARDS
    return Key(f"TIMERS#{account_sid}#{shard}", f"{time(due_ms)}#{channel_sid}")


def timers(account_sid: str) -> list[Range[stored.Listing]]:
    """The ranges that list the conversations with timers, each in the order in which timers run out."""
    return [Range(f"TIMERS#{account_sid}#{shard}", "") for shard in range(_TIMER_SHARDS)]


def unique_name(service_sid: str, name: str) -> Key[stored.UniqueName]:
    return Key(f"NAME#{service_sid}#{name}", "NAME")


def member(channel_sid: str, sid: str) -> Key[stored.Member]:
    return Key(f"CHANNEL#{channel_sid}", f"MEMBER#{sid}")


def members(channel_sid: str) -> Range[stored.Member]:
    return Range(f"CHANNEL#{channel_sid}", "MEMBER#")


def alias(channel_sid: str, sid: str) -> Key[stored.Alias]:
    """`sid` is the SID that is derived from the identity."""
    return Key(f"CHANNEL#{channel_sid}", f"ALIAS#{sid}")


def aliases(channel_sid: str) -> Range[stored.Alias]:
    return Range(f"CHANNEL#{channel_sid}", "ALIAS#")


def bound_member(channel_sid: str, sid: str) -> Key[stored.BoundMember]:
    return Key(f"CHANNEL#{channel_sid}", f"BOUND#{sid}")


def bound_members(channel_sid: str) -> Range[stored.BoundMember]:
    return Range(f"CHANNEL#{channel_sid}", "BOUND#")


def pair(account_sid: str, address: str, proxy: str) -> Key[stored.Holder]:
    return Key(f"PAIR#{account_sid}#{address}#{proxy}", "PAIR")


def group(account_sid: str, digest: str) -> Key[stored.Holder]:
    return Key(f"GROUP#{account_sid}#{digest}", "GROUP")


def invite(channel_sid: str, sid: str) -> Key[stored.Invite]:
    return Key(f"CHANNEL#{channel_sid}", f"INVITE#{sid}")


def invites(channel_sid: str) -> Range[stored.Invite]:
    return Range(f"CHANNEL#{channel_sid}", "INVITE#")


def channel_webhook(channel_sid: str, sid: str) -> Key[stored.ChannelWebhook]:
    return Key(f"CHANNEL#{channel_sid}", f"WEBHOOK#{sid}")


def channel_webhooks(channel_sid: str) -> Range[stored.ChannelWebhook]:
    return Range(f"CHANNEL#{channel_sid}", "WEBHOOK#")


def message(channel_sid: str, index: int) -> Key[stored.Message]:
    return Key(f"CHANNEL#{channel_sid}", f"MESSAGE#{padded(index)}")


def messages(channel_sid: str) -> Range[stored.Message]:
    return Range(f"CHANNEL#{channel_sid}", "MESSAGE#")


def receipt(channel_sid: str, index: int, sid: str) -> Key[stored.Receipt]:
    return Key(f"CHANNEL#{channel_sid}", f"RECEIPT#{padded(index)}#{sid}")


def receipts(channel_sid: str, index: int | None = None) -> Range[stored.Receipt]:
    """The receipts of the message at an index, or of all messages in the channel."""
    return Range(f"CHANNEL#{channel_sid}", "RECEIPT#" if index is None else f"RECEIPT#{padded(index)}#")


def carried(wamid: str) -> Key[stored.Carried]:
    return Key(f"CARRIED#{wamid}", "CARRIED")


def session(account_sid: str, address: str, proxy: str) -> Key[stored.Session]:
    return Key(f"SESSION#{account_sid}#{address}#{proxy}", "SESSION")


def media(sid: str) -> Key[stored.Media]:
    return Key(f"MEDIA#{sid}", "MEDIA")


def waiting_media(service_sid: str) -> Range[stored.Media]:
    return Range(f"MEDIA#{service_sid}", "", index="gsi1")


def change(channel_sid: str, seq: int) -> Key[stored.LogEntry]:
    return Key(f"CHANNEL#{channel_sid}", f"CHG#{padded(seq)}")


def changes(channel_sid: str) -> Range[stored.LogEntry]:
    return Range(f"CHANNEL#{channel_sid}", "CHG#")


def marker(channel_sid: str, place: int) -> Key[stored.Marker]:
    """Places are used again, so a marker says which change it is of."""
    return Key(f"CHANNEL#{channel_sid}", f"MARKER#{padded(place)}")


def idempotency(sid: str, token: str) -> Key[stored.SentToken]:
    """`sid` is that of the channel, the service or the account in which the token counts."""
    return Key(f"IDEMPOTENCY#{sid}#{token}", "IDEMPOTENCY")


def user(sid: str) -> Key[stored.User]:
    return Key(f"USER#{sid}", "USER")


def presence(user_sid: str) -> Key[stored.Presence]:
    return Key(f"USER#{user_sid}", "PRESENCE")


def users(service_sid: str) -> Range[stored.User]:
    return Range(f"USERS#{service_sid}", "", index="gsi1")


def user_channels(user_sid: str) -> Range[stored.Member]:
    return Range(f"USER#{user_sid}", "", index="gsi1")


def address_channels(service_sid: str, address: str) -> Range[stored.Member]:
    return Range(f"ADDRESS#{service_sid}#{address}", "", index="gsi1")


def binding(service_sid: str, sid: str) -> Key[stored.Binding]:
    return Key(f"SERVICE#{service_sid}", f"BINDING#{sid}")


def bindings(service_sid: str) -> Range[stored.Binding]:
    return Range(f"SERVICE#{service_sid}", "BINDING#")


def user_bindings(user_sid: str) -> Range[stored.Binding]:
    return Range(f"BINDINGS#{user_sid}", "", index="gsi1")


def user_devices(user_sid: str) -> Key[stored.UserDevices]:
    return Key(f"USER#{user_sid}", "PUSH")


def device(digest: str) -> Key[stored.HeldAddress]:
    return Key(f"DEVICE#{digest}", "DEVICE")


def pushed(user_sid: str, at_ms: int, sid: str) -> Key[stored.Pushed]:
    return Key(f"USER#{user_sid}", f"PUSHED#{time(at_ms)}#{sid}")


def all_pushed(user_sid: str) -> Range[stored.Pushed]:
    return Range(f"USER#{user_sid}", "PUSHED#")


def connection(connection_id: str) -> Key[stored.Connection]:
    return Key(f"CONNECTION#{connection_id}", "CONNECTION")


def document_follower(channel_sid: str, connection_id: str) -> Key[stored.Follower]:
    return Key(f"CHANNEL#{channel_sid}", f"FOLLOWER#{connection_id}")


def user_follower(user_sid: str, connection_id: str) -> Key[stored.Follower]:
    return Key(f"USER#{user_sid}", f"FOLLOWER#{connection_id}")


def follower(followed_sid: str, connection_id: str) -> Key[stored.Follower]:
    """A connection that follows the user with this SID, or the document of the channel with this SID."""
    of = document_follower if followed_sid.startswith("CH") else user_follower
    return of(followed_sid, connection_id)


def followers(followed_sid: str) -> Range[stored.Follower]:
    return Range(follower(followed_sid, "").pk, "FOLLOWER#")


def hearers(channel_sid: str) -> Span:
    """All who may hear of a channel: the connections that follow its document, the invites and the members.

    The channel's markers come with them: fan-out needs both.
    """
    # In the order of sort keys, these are neighbours. `$` is the character after `#`.
    return Span(f"CHANNEL#{channel_sid}", "", after="FOLLOWER", before="MEMBER$")


def session_result(user_sid: str, session_sid: str, window: int, command_id: str) -> Key[stored.SessionResult]:
    """The key of the result of a command in a user's session; windows of time are counted from the epoch."""
    return Key(f"SESSION#{user_sid}#{session_sid}#{padded(window)}", f"RESULT#{command_id}")


def session_results(user_sid: str, session_sid: str, window: int) -> Range[stored.SessionResult]:
    return Range(f"SESSION#{user_sid}#{session_sid}#{padded(window)}", "RESULT#")


def due_in(account_sid: str, kind: str, minute: int) -> list[Range[stored.Due]]:
    """The ranges that list what falls due in a minute; minutes are counted from the epoch."""
    place = f"DUE#{account_sid}#{kind}#{padded(minute)}"
    return [Range(f"{place}#{shard}", "") for shard in range(_DUE_SHARDS)]


def due(account_sid: str, kind: str, minute: int, id_: str) -> Key[stored.Due]:
    """The key of one entry in that list. Much may fall due at once, so a minute is spread over partitions."""
    shard = sum(id_.encode()) % _DUE_SHARDS
    return Key(f"DUE#{account_sid}#{kind}#{padded(minute)}#{shard}", id_)


def due_hand(account_sid: str, kind: str) -> Key[stored.DueHand]:
    return Key(f"ACCOUNT#{account_sid}", f"HAND#{kind}")


def padded(number: int) -> str:
    """A number as it stands in sort keys."""
    return f"{number:0{_INDEX_WIDTH}d}"


def time(milliseconds: int) -> str:
    """A time as it stands in sort keys."""
    return f"{milliseconds:0{_TIME_WIDTH}d}"


def user_position(created_ms: int, sid: str) -> str:
    """Where a user stands in its service's list."""
    return f"{created_ms:013d}#{sid}"


def in_users_list(service_sid: str, created_ms: int, sid: str) -> dict[str, str]:
    """Index attributes of a user."""
    return {"gsi1pk": f"USERS#{service_sid}", "gsi1sk": user_position(created_ms, sid)}


def in_user_channels(user_sid: str, channel_sid: str) -> dict[str, str]:
    """Index attributes of a membership."""
    return {"gsi1pk": f"USER#{user_sid}", "gsi1sk": channel_sid}


def in_address_channels(service_sid: str, address: str, channel_sid: str) -> dict[str, str]:
    """Index attributes of the membership of a phone, by its address."""
    return {"gsi1pk": f"ADDRESS#{service_sid}#{address}", "gsi1sk": channel_sid}


def in_user_bindings(user_sid: str, sid: str) -> dict[str, str]:
    """Index attributes of a push registration."""
    return {"gsi1pk": f"BINDINGS#{user_sid}", "gsi1sk": sid}


def in_waiting_media(service_sid: str, sid: str) -> dict[str, str]:
    """Index attributes of a file that no message carries."""
    return {"gsi1pk": f"MEDIA#{service_sid}", "gsi1sk": sid}


def in_role_holders(role_sid: str, holder: Key[Any]) -> dict[str, str]:
    """Index attributes of a user or member whose role was named explicitly."""
    return {"gsi2pk": f"ROLE#{role_sid}", "gsi2sk": holder.pk}
