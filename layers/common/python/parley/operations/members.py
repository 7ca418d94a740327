"""Members: an identity in a channel. Limits are counted in the very transaction that joins or leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley.domain.channels import PRIVATE
from parley.domain.horizon import consumption
from parley.domain.memberships import birth_of, own
from parley.domain.roles import CHANNEL
from parley.errors import (
    CHANNEL_FULL,
    CONCURRENT_UPDATE,
    INVITE_EXISTS,
    MEMBER_EXISTS,
    NOT_FOUND,
    USER_CHANNELS_FULL,
    USER_EXISTS,
    USER_NOT_FOUND,
)
from parley.ids import invite_sid, member_sid, user_sid
from parley.operations import authority, channel_log, departures, roles, users, verbs
from parley.operations.addressing import resolve, service, shown
from parley.operations.channel_log import Decision
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_in_memory
from parley.records.members import MEMBER
from parley.records.services import setting
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Absent, Create, Erase, Guard, Update, Write
from parley.stored import Invite, Member, Service, Tail, User


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new member. If the identity has no user, one is created in the same transaction, as at Twilio.

    This takes three requests and ten write units: read the user, take a change number, write member, counters and log
    entry. If invites were made to the channel, it takes two units more.

    Raises:
        Refusal: 50404, 50403, 50208; 50100 or 50105 for an unsuitable role.
    """
    channel_sid = resolve(context, MEMBER, path, opened=False)["channel_sid"]
    owner = service(context, path["service_sid"])
    parameters = _joined_by_client(context, owner, channel_sid, parameters)
    if named := parameters.get("role_sid"):
        roles.fetch_typed(context, owner["sid"], named, CHANNEL)
    room = Guard("members_count", "<", setting(owner, "limits.channel_members"), CHANNEL_FULL())
    member_key = keys.member(channel_sid, member_sid(channel_sid, parameters["identity"]))
    user_key = keys.user(user_sid(owner["sid"], parameters["identity"]))
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, parameters["identity"]))
    tail_key = keys.tail(channel_sid)

    def attempt(context: Context) -> Record:
        read = context.table.fetch_many([user_key, member_key, invite_key, tail_key], buried=True)
        found = read.living()
        # Check the service first: nobody may learn who is in a channel of another service.
        verbs.belonging(found.get(tail_key), path)
        user = found.get(user_key)
        if context.caller.identity == parameters["identity"]:
            # If the client's user was deleted, joining must not create it again.
            authority.require_same_user(context, user)
        if own(found.get(member_key), user):
            raise MEMBER_EXISTS()
        if departures.remove_leftovers(context, user, found.get(member_key), found.get(invite_key)):
            raise CONCURRENT_UPDATE()
        birth, user_write = _user_write(context, owner, parameters["identity"], user, read.get(user_key))
        member = {**_new_member(context, owner, channel_sid, parameters), "birth": birth}
        guards, more = _using_up_invite(found, tail_key, invite_key)
        others: list[Write] = [
            channel_log.in_tail(owner["sid"], channel_sid, {"members_count": 1}, room, *guards),
            user_write,
            *more,
            *(roles.given(context, owner["sid"], named, CHANNEL) if named else []),
        ]
        decision = Decision(_joining_write(owner, member), others)
        return channel_log.change(context, "member", "created", member, lambda *_: decision, room)[0]

    # Another request may create or delete the user, the member or the invite between our read and our write.
    return verbs.retried(
        context, attempt, USER_NOT_FOUND, USER_EXISTS, INVITE_EXISTS, CONCURRENT_UPDATE, attempts=ATTEMPTS
    )


# How often joining is attempted while other requests change what it has read.
ATTEMPTS = 5


def _using_up_invite(found: Records, tail_key: Key[Tail], invite_key: Key[Invite]) -> tuple[list[Guard], list[Write]]:
    """The guards and writes with which joining leaves no invite behind.

    An invite that was read is erased. If there was none, the join is refused when one has been made meanwhile. Most
    channels never had an invite; for them that is a guard on the counters, which costs nothing.
    """
    if invite_key in found:
        return [], [Erase(invite_key)]
    made = (found.get(tail_key) or {}).get("invites_made")
    if made:
        return [], [Absent(invite_key, INVITE_EXISTS())]
    return [Guard("invites_made", "missing" if made is None else "=", made, INVITE_EXISTS())], []


def _joined_by_client(context: Context, owner: Service, channel_sid: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a membership that a client asks for, with the role that it gets.

    To join a public channel, a client needs `joinChannel`. To join a private one, it must be invited or the creator.
    The creator gets the creator's role, an invited client the invite's role. To add somebody else, a client needs
    `addMember`.

    Raises:
        Refusal: 20404 for a private channel without invite; 50107; as `Context.consult`.
    """
    identity = context.caller.identity
    if identity is None:
        return parameters
    given: dict[str, Any] = {}

    def may(fresh: Context) -> None:
        if parameters["identity"] == identity:
            given["role_sid"] = _own_role(fresh, owner, channel_sid, identity)
        else:
            authority.require(fresh, owner["sid"], channel_sid, ("addMember",))

    may(context)
    asked = {**parameters, **given}
    preview = {"role_sid": owner["default_channel_role_sid"], **verbs.non_null(asked)}
    preview |= {"service_sid": owner["sid"], "channel_sid": channel_sid}
    answered = context.consult("member", "create", preview, asked, may)
    # A role that the webhook replaced is kept. Otherwise the role that `may` read last counts, since there may be a new
    # invite since the webhook was asked.
    is_replaced = answered.get("role_sid") != asked.get("role_sid")
    return answered if is_replaced else {**answered, **given}


def _own_role(context: Context, owner: Service, channel_sid: str, identity: str) -> str | None:
    channel_key, user_key = keys.channel(channel_sid), keys.user(user_sid(owner["sid"], identity))
    invite_key = keys.invite(channel_sid, invite_sid(channel_sid, identity))
    member_key = keys.member(channel_sid, member_sid(channel_sid, identity))
    # A remembered channel may show a former type or creator, but whoever joins by mistake stays a member.
    found = context.table.fetch_many([channel_key, user_key, invite_key, member_key])
    target = shown(context, owner["sid"], found.get(channel_key))
    if authority.is_creator(context, target):
        return owner["default_channel_creator_role_sid"]
    user = authority.require_same_user(context, found.get(user_key))
    if invite := own(found.get(invite_key), user):
        return str(invite["role_sid"])
    if target["type"] == PRIVATE:
        raise MEMBER_EXISTS() if own(found.get(member_key), user) else NOT_FOUND()
    authority.require_in_service(context, owner["sid"], "joinChannel")
    return None


def _new_member(context: Context, owner: Service, channel_sid: str, parameters: dict[str, Any]) -> Record:
    now = context.clock.now_ms()
    record = {
        **consumption(parameters, now),
        "sid": member_sid(channel_sid, parameters["identity"]),
        "service_sid": owner["sid"],
        "channel_sid": channel_sid,
        "role_sid": parameters.get("role_sid") or owner["default_channel_role_sid"],
        "date_created": now,
        "joined_at": now,
    }
    return verbs.dated(record, parameters)


def _joining_write(owner: Service, member: Record) -> Create:
    key = keys.member(member["channel_sid"], member["sid"])
    index = keys.in_user_channels(user_sid(owner["sid"], member["identity"]), member["channel_sid"])
    if member["role_sid"] != owner["default_channel_role_sid"]:
        index |= keys.in_role_holders(member["role_sid"], key)
    return Create(key, member, taken=CONCURRENT_UPDATE(), index=index)


def _user_write(
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


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The member; a client must be in the channel.

    Raises:
        Refusal: 20404; 50400 for a client who is no member.
    """
    resolved, member = _addressed(context, path, opened=True)
    authority.require(context, path["service_sid"], resolved["channel_sid"], ())
    return verbs.belonging(member, resolved)


def _addressed(context: Context, path: Path, *, opened: bool = False) -> tuple[Path, Member | None]:
    """The path with the SID of the member that it names, and that member if there is one.

    An identity may look like a member SID. So a text of that form is tried as both, in one request. If both find a
    member, the SID counts.
    """
    resolved = resolve(context, MEMBER, path, opened=opened)
    channel_sid = resolved["channel_sid"]
    wanted = [keys.member(channel_sid, resolved["sid"])]
    if path.get("sid") == resolved["sid"]:
        wanted.append(keys.member(channel_sid, member_sid(channel_sid, path["sid"])))
    found = context.table.fetch_many(wanted)
    member = next((found[key] for key in wanted if key in found), None)
    return {**resolved, "sid": member["sid"] if member else resolved["sid"]}, member


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a channel's members, oldest first; with `identity`, those of these identities only.

    A client must be a member. A channel has at most 1,000 members, so all are read and sorted here. Otherwise every
    join would have to write an index entry.
    """
    resolved = resolve(context, MEMBER, path)
    channel_sid = resolved["channel_sid"]
    authority.require(context, path["service_sid"], channel_sid, ())
    if wanted := parameters.get("identity"):
        wanted_keys = [keys.member(channel_sid, member_sid(channel_sid, identity)) for identity in wanted]
        members = list(context.table.fetch_many(wanted_keys).values())
    else:
        members = context.table.every(keys.members(channel_sid))
    return page_in_memory({position(member): member for member in members}, page)


def position(record: Record) -> str:
    """A record's position in a list that is sorted here, by date of creation."""
    return keys.user_position(record["date_created"], record["sid"])


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The member with the given fields changed."""
    resolved, member = _addressed(context, path)
    where = resolved["service_sid"], resolved["channel_sid"]

    def may(fresh: Context) -> None:
        authority.require_to_set(fresh, MEMBER, "update", parameters, *where, is_own=_is_own(fresh, resolved))

    may(context)
    return change(context, verbs.belonging(member, resolved), parameters, may)


def change(
    context: Context,
    member: Mapping[str, Any],
    parameters: dict[str, Any],
    may: Callable[[Context], object],
    check: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Record:
    """Change fields of a member that was just read. The caller of this function has called `may` already.

    `check` gets the member as it is stored when the change is decided, and may refuse.
    """
    key = keys.member(member["channel_sid"], member["sid"])
    parameters = context.consult("member", "update", {**member, **parameters}, parameters, may)
    changes = verbs.changed(context, consumption(parameters, context.clock.now_ms()))
    giving: list[Write] = []
    if "role_sid" in changes:
        role, giving = users.held_role(context, member["service_sid"], changes.pop("role_sid"), CHANNEL, key)
        changes |= role

    def decide(current: Record, _: Tail) -> Decision:
        check(current)
        return Decision(Update(key, NOT_FOUND(), set=changes), giving)

    return channel_log.change(context, "member", "updated", {**member}, decide)[0]


def _is_own(context: Context, resolved: Path) -> bool:
    identity = context.caller.identity
    return identity is not None and resolved["sid"] == member_sid(resolved["channel_sid"], identity)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a member from a channel; its messages stay."""
    resolved, member = _addressed(context, path)

    def may(fresh: Context) -> None:
        right = "leaveChannel" if _is_own(fresh, resolved) else "removeMember"
        authority.require(fresh, path["service_sid"], resolved["channel_sid"], (right,))

    if context.caller.identity is not None:
        may(context)
        context.consult("member", "delete", verbs.belonging(member, resolved), {}, may)
    departures.remove_member(context, verbs.belonging(member, resolved))
