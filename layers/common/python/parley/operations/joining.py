"""Joining: an identity or a phone becomes a member. The transaction that joins also counts for the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from parley.domain.channels import PRIVATE
from parley.domain.horizon import consumption
from parley.domain.memberships import birth_of, own
from parley.domain.participants import is_in_group, pair_of, taken
from parley.domain.roles import CHANNEL
from parley.errors import (
    BINDING_MISSING_IN_GROUP,
    CHANNEL_FULL,
    CONCURRENT_UPDATE,
    INVITE_EXISTS,
    MEMBER_EXISTS,
    NOT_FOUND,
    USER_CHANNELS_FULL,
    USER_EXISTS,
    USER_NOT_FOUND,
)
from parley.frozen import frozen
from parley.ids import gateway_member_sid, invite_sid, member_sid, phone_member_sid, user_sid
from parley.operations import (
    aliases,
    authority,
    bound,
    channel_log,
    departures,
    lifecycle,
    roles,
    transitions,
    users,
    verbs,
)
from parley.operations.addressing import resolve, service, shown
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.records.members import MEMBER
from parley.records.services import setting
from parley.records.spec import Path
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Absent, Create, Erase, Guard, Update, Write
from parley.stored import Invite, Member, MessagingBinding, Service, Tail, User


def create(context: Context, path: Path, parameters: dict[str, Any], binding: MessagingBinding | None = None) -> Member:
    """A new member. If the identity has no user, one is created in the same transaction, as at Twilio.

    This takes three requests and ten write units: read the user, take a change number, write member, counters and log
    entry. If invites were made to the channel, it takes two units more. A member with a binding may have no identity.

    Raises:
        Refusal: 50404, 50403, 50208, 50377, 50386; 50100 or 50105 for an unsuitable role; for a binding, what
            `bound.change` raises.
    """
    channel_sid = resolve(context, MEMBER, path, opened=False)["channel_sid"]
    owner = service(context, path["service_sid"])
    parameters = _joined_by_client(context, owner, channel_sid, parameters, binding)
    if named := parameters.get("role_sid"):
        roles.fetch_typed(context, owner["sid"], named, CHANNEL)
    room = Guard("members_count", "<", setting(owner, "limits.channel_members"), CHANNEL_FULL())
    tail_key = keys.tail(channel_sid)

    def attempt(context: Context) -> Member:
        newcomer = Newcomer(context, owner, channel_sid, parameters, binding)
        read = context.table.fetch_many([tail_key, *newcomer.wanted()], buried=True)
        # Check the service first: nobody may learn who is in a channel of another service.
        tail = verbs.belonging(read.living().get(tail_key), path)
        lifecycle.require(tail, *lifecycle.is_open())
        member, part = newcomer.joining(read, tail)
        share = bound.change(context, read.living(), tail, member, None, binding, joins=True)
        # In a thread of phones every member has a number.
        apart = () if binding else (Guard("group", "missing", None, BINDING_MISSING_IN_GROUP()),)
        # Waking comes last, so that a participant who is refused does not wake the conversation.
        first = (room, *apart, *share.first, lifecycle.is_awake())
        lifecycle.require(tail, *first)
        add = {"members_count": 1, "memberships_changed": 1, **share.add, **part.add}
        # The conversation may have become closed or inactive meanwhile.
        guards = (*lifecycle.is_open(), *first, *share.guards, *part.guards)
        timed = {"timed_at": context.clock.now_ms()}
        others: list[Write] = [
            channel_log.in_tail(owner["sid"], channel_sid, add, *guards, **timed, **share.set),
            *part.writes,
            *share.writes,
            *(roles.given(context, owner["sid"], named, CHANNEL) if named else []),
        ]
        decision = Decision(joining_write(owner, member), others)
        return channel_log.change(context, "member", "created", member, lambda *_: decision, *first)[0]

    def joined(context: Context) -> Member:
        return transitions.awake(context, owner["sid"], channel_sid, attempt)

    # Another request may create or delete the user, the member or the invite between our read and our write.
    return verbs.retried(
        context, joined, USER_NOT_FOUND, USER_EXISTS, INVITE_EXISTS, CONCURRENT_UPDATE, attempts=ATTEMPTS
    )


class _Part(NamedTuple):
    """The parts that a new identity adds to the transaction in which it joins."""

    add: Mapping[str, int]
    guards: tuple[Guard, ...]
    writes: list[Write]


@frozen
class Newcomer:
    """An identity or a phone that is about to join a channel."""

    context: Context
    owner: Service
    channel_sid: str
    parameters: dict[str, Any]
    binding: MessagingBinding | None

    @property
    def identity(self) -> str | None:
        return self.parameters.get("identity")

    @property
    def _invite_key(self) -> Key[Invite]:
        return keys.invite(self.channel_sid, invite_sid(self.channel_sid, self.identity or ""))

    @property
    def _user_key(self) -> Key[User]:
        return keys.user(user_sid(self.owner["sid"], self.identity or ""))

    @property
    def _sid(self) -> str:
        if self.identity is not None:
            return member_sid(self.channel_sid, self.identity)
        return sid_of_binding(self.channel_sid, self.binding or {})

    def wanted(self) -> list[Key[Any]]:
        """The keys to read before the newcomer can join, apart from the counters."""
        keys_of_binding = bound.wanted(self.context, self.channel_sid, self.binding)
        if self.identity is None:
            return [keys.member(self.channel_sid, self._sid), *keys_of_binding]
        member_keys = aliases.wanted(self.channel_sid, self.identity)
        return [self._user_key, *member_keys, self._invite_key, *keys_of_binding]

    def joining(self, read: Records, tail: Tail) -> tuple[Member, _Part]:
        """The new member, and the parts that its identity adds to the transaction.

        Raises:
            Refusal: 50404, 50437 if it is there already; 20409 if a former user's membership had to be removed first.
        """
        found = read.living()
        if self.identity is None:
            held = found.get(keys.member(self.channel_sid, self._sid))
            # The refusal for a taken pair names the channel that holds the pair, even if it is this channel.
            if held is not None and pair_of(held.get("messaging_binding")) != (pair_of(self.binding) or ()):
                raise taken(self.binding)()
            return self._record(self._sid, ""), _Part({}, (), [])
        return self._joining_as(self.identity, read, found, tail)

    def _joining_as(self, identity: str, read: Records, found: Records, tail: Tail) -> tuple[Member, _Part]:
        context, user = self.context, found.get(self._user_key)
        if context.caller.identity == identity:
            # If the client's user was deleted, joining must not create it again.
            authority.require_same_user(context, user)
        held = aliases.member_of(context, found, self.channel_sid, identity)
        if own(held, user):
            same = held is not None and held.get("messaging_binding") == self.binding
            raise taken(self.binding)() if same else MEMBER_EXISTS()
        if departures.remove_leftovers(context, user, held, found.get(self._invite_key)):
            raise CONCURRENT_UPDATE()
        birth, user_write = user_write_of(context, self.owner, identity, user, read.get(self._user_key))
        guards, writes = _using_up_invite(found, tail, self._invite_key)
        sid, add = self._sid, {}
        if keys.member(self.channel_sid, sid) in found:
            # The member with this SID has another identity by now.
            alias_key = keys.alias(self.channel_sid, sid)
            sid, add = context.ids.sid("MB"), {"aliases_made": 1}
            writes.append(Create(alias_key, {"member_sid": sid}, taken=CONCURRENT_UPDATE()))
        guards.append(aliases.none_made(tail, CONCURRENT_UPDATE()))
        return self._record(sid, birth), _Part(add, tuple(guards), [user_write, *writes])

    def _record(self, sid: str, birth: str) -> Member:
        owner, parameters, now = self.owner, self.parameters, self.context.clock.now_ms()
        # No client acts as a phone or a number in a group.
        is_mute = self.identity is None and is_in_group(self.binding)
        record = {
            **consumption(parameters, now),
            "sid": sid,
            "service_sid": owner["sid"],
            "channel_sid": self.channel_sid,
            "role_sid": parameters.get("role_sid") or (None if is_mute else owner["default_channel_role_sid"]),
            "messaging_binding": self.binding,
            "birth": birth or None,
            "date_created": now,
            "joined_at": now,
        }
        return cast(Member, verbs.dated(record, parameters))


def sid_of_binding(channel_sid: str, binding: MessagingBinding) -> str:
    """The SID of a member without an identity."""
    if "address" in binding:
        return phone_member_sid(channel_sid, binding["address"])
    return gateway_member_sid(channel_sid, binding["projected_address"])


# How often joining is attempted while other requests change what it has read.
ATTEMPTS = 5


def _using_up_invite(found: Records, tail: Tail, invite_key: Key[Invite]) -> tuple[list[Guard], list[Write]]:
    """The guards and writes with which joining leaves no invite behind.

    An invite that was read is erased. If there was none, the join is refused when one has been made meanwhile. Most
    channels never had an invite; for them that is a guard on the counters, which costs nothing.
    """
    if invite_key in found:
        return [], [Erase(invite_key)]
    made = tail.get("invites_made")
    if made:
        return [], [Absent(invite_key, INVITE_EXISTS())]
    return [Guard("invites_made", "missing" if made is None else "=", made, INVITE_EXISTS())], []


def _joined_by_client(
    context: Context, owner: Service, channel_sid: str, parameters: dict[str, Any], binding: MessagingBinding | None
) -> dict[str, Any]:
    """The parameters of a membership that a client asks for, with the role that it gets.

    To join a public channel, a client needs `joinChannel`. To join a private one, it must be invited or the creator.
    The creator gets the creator's role, an invited client the invite's role. To add somebody else, a client needs
    `addMember`; to add a phone, `addNonChatParticipant`.

    Raises:
        Refusal: 20404 for a private channel without invite; 50107; as `Context.consult`.
    """
    identity = context.caller.identity
    if identity is None:
        return parameters
    given: dict[str, Any] = {}

    def may(fresh: Context) -> None:
        if parameters.get("identity") == identity:
            given["role_sid"] = _own_role(fresh, owner, channel_sid, identity)
        else:
            right = "addMember" if binding is None else "addNonChatParticipant"
            authority.require(fresh, owner["sid"], channel_sid, (right,))

    may(context)
    asked = {**parameters, **given}
    preview = {"role_sid": owner["default_channel_role_sid"], **verbs.non_null(asked)}
    preview |= {"service_sid": owner["sid"], "channel_sid": channel_sid}
    preview |= {"messaging_binding": binding} if binding else {}
    answered = context.consult("member", "create", preview, asked, may)
    # A role that the webhook replaced is kept. Otherwise the role that `may` read last counts, since there may be a new
    # invite since the webhook was asked.
    is_replaced = answered.get("role_sid") != asked.get("role_sid")
    return answered if is_replaced else {**answered, **given}


def _own_role(context: Context, owner: Service, channel_sid: str, identity: str) -> str | None:
    channel_key, user_key = keys.channel(channel_sid), keys.user(user_sid(owner["sid"], identity))
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    # A remembered channel may show a former type or creator, but whoever joins by mistake stays a member.
    found = context.table.fetch_many([channel_key, user_key, invite_key, *aliases.wanted(channel_sid, identity)])
    target = shown(context, owner["sid"], found.get(channel_key))
    if authority.is_creator(context, target):
        return owner["default_channel_creator_role_sid"]
    user = authority.require_same_user(context, found.get(user_key))
    if invite := own(found.get(invite_key), user):
        return str(invite["role_sid"])
    if target["type"] == PRIVATE:
        member = aliases.member_of(context, found, channel_sid, identity)
        raise MEMBER_EXISTS() if own(member, user) else NOT_FOUND()
    authority.require_in_service(context, owner["sid"], "joinChannel")
    return None


def joining_write(owner: Service, member: Member) -> Create:
    key = keys.member(member["channel_sid"], member["sid"])
    index: dict[str, str] = {}
    if "identity" in member:
        index |= keys.in_user_channels(user_sid(owner["sid"], member["identity"]), member["channel_sid"])
    elif address := (member["messaging_binding"] or {}).get("address"):
        index |= keys.in_address_channels(owner["sid"], address, member["channel_sid"])
    if member["role_sid"] not in (None, owner["default_channel_role_sid"]):
        index |= keys.in_role_holders(member["role_sid"], key)
    return Create(key, member, taken=CONCURRENT_UPDATE(), index=index)


def user_write_of(
    context: Context, owner: Service, identity: str, user: User | None, former: User | None
) -> tuple[str, Write]:
    """The birth of the joining user, and a write that creates the user or raises its count of channels."""
    if user is None:
        creation = users.creation(context, owner, {"identity": identity}, former, joined=1)
        return birth_of(creation.record), creation
    same = verbs.same_user(birth_of(user), USER_NOT_FOUND())
    room = Guard("joined_channels_count", "<", setting(owner, "limits.user_channels"), USER_CHANNELS_FULL())
    add = {"joined_channels_count": 1}
    count = Update(keys.user(user["sid"]), USER_NOT_FOUND(), add=add, guards=(same, room), announced=False)
    return birth_of(user), count
