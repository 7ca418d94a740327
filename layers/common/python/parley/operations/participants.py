"""Participants: members as Conversations takes them, with an identity, an address outside of chat, or both."""

from __future__ import annotations

from typing import Any

from parley import errors
from parley.domain import participants as rules
from parley.domain.memberships import birth_of, identity_of, own, user_of
from parley.errors import CONCURRENT_UPDATE, USER_EXISTS, USER_NOT_FOUND
from parley.ids import invite_sid, user_sid
from parley.operations import aliases, bound, channel_log, departures, joining, lifecycle, members, senders, verbs
from parley.operations.addressing import only_shown, service
from parley.operations.channel_log import Overtaken
from parley.operations.context import Context
from parley.records.spec import Path
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Create, Erase, Guard, Write
from parley.stored import Member, Tail

_REBINDING = ("identity", rules.PROXY, rules.PROJECTED)


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Member:
    """A new participant: an identity, a phone with the number that writes to it, or part of a thread of phones.

    A phone costs three requests: read what is there, take a number, write member, pair, bindings, counters and entry.

    Raises:
        Refusal: the refusal of a wrong address; 50416 if the pair is in use; 50433 or 50437 if the participant is
            there already; as `joining.create`.
    """
    binding = rules.binding(parameters, senders.known(context, *rules.own_addresses(parameters)))
    given = {name: value for name, value in parameters.items() if name not in rules.PARTS}
    return joining.create(context, path, given, binding)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Member:
    """Change the given fields of the participant. Its SID stays, even if its identity changes.

    Raises:
        Refusal: 50440 to 50444; 50433 if the new identity is in the conversation; as `create` for addresses.
    """
    if not any(name in parameters for name in _REBINDING):
        return members.update(context, path, parameters)
    rebinding = {name: parameters[name] for name in _REBINDING if name in parameters}
    others = {name: value for name, value in parameters.items() if name not in _REBINDING}

    def attempt(context: Context) -> Member:
        resolved, found = members.addressed(context, path)
        member = verbs.belonging(found, resolved)
        tail = verbs.belonging(context.table.fetch(keys.tail(member["channel_sid"])), resolved)
        lifecycle.require(tail, *only_shown(context), *lifecycle.allows("updated"))
        change = _Rebinding(context, rebinding)
        change.make_way(member)
        # Refuse before anything is written.
        change.required(member, tail)
        return members.change(context, member, {**others, **change.fields}, lambda _: None, beside=change.required)

    moved = USER_NOT_FOUND, USER_EXISTS, CONCURRENT_UPDATE
    return verbs.retried(context, attempt, *moved, attempts=joining.ATTEMPTS)


class _Rebinding:
    """A change of a participant's identity or addresses."""

    def __init__(self, context: Context, given: dict[str, Any]):
        self._context = context
        self._given = given
        self.fields = {"identity": given["identity"]} if "identity" in given else {}

    def _is_handed_over(self, member: Member) -> bool:
        return "identity" in self._given and self._given["identity"] != identity_of(member)

    def make_way(self, member: Member) -> None:
        """Remove what a deleted user with the new identity left in the channel."""
        if self._is_handed_over(member):
            found = self._people(member)
            user = found.get(self._user_key(member))
            held = aliases.member_of(self._context, found.living(), member["channel_sid"], self._given["identity"])
            departures.remove_leftovers(self._context, user, held, found.living().get(self._invite_key(member)))

    def required(self, member: Member, tail: Tail) -> tuple[dict[str, Any], list[Write]]:
        """The binding, role and user fields that the change sets in the member as it is now, and further writes."""
        if self._is_handed_over(member):
            rules.check_new_identity(member)
        old = member.get("messaging_binding")
        identity = self._given.get("identity") or identity_of(member)
        # Without its proxy address, the phone would be in a group.
        left_alone = (old or {}).get("address") if self._given.get(rules.PROXY) == rules.REMOVED else None
        numbers = senders.known(self._context, *rules.own_addresses(self._given), left_alone)
        new = rules.rebound(old, identity, self._given, numbers)
        found = self._context.table.fetch_many(bound.wanted(self._context, member["channel_sid"], old, new))
        share = bound.change(self._context, found, tail, member, old, new, moved=Overtaken)
        lifecycle.require(tail, *share.first)
        set_: dict[str, Any] = {} if new == old else {"messaging_binding": new}
        add, guards, writes = dict(share.add), [*share.first, *share.guards], [*share.writes]
        if self._is_handed_over(member):
            more, add_of_aliases, writes_of_people = self._handed_over(member)
            set_ |= more
            add |= add_of_aliases
            writes += writes_of_people
            guards.append(Guard("members_count", "=", tail["members_count"], Overtaken()))
            guards.append(aliases.none_made(tail, Overtaken()))
        if add or share.set or guards:
            # After a closing, its sweep releases the addresses and lowers the counts, perhaps at this moment.
            guards = [*lifecycle.allows("updated"), *guards]
            counters = channel_log.in_tail(member["service_sid"], member["channel_sid"], add, *guards, **share.set)
            writes.insert(0, counters)
        return set_, writes

    def _user_key(self, member: Member) -> Key[Any]:
        return keys.user(user_sid(member["service_sid"], self._given["identity"]))

    def _invite_key(self, member: Member) -> Key[Any]:
        return keys.invite(member["channel_sid"], invite_sid(member["channel_sid"], self._given["identity"]))

    def _people(self, member: Member) -> Records:
        """The new identity's user, membership and invite, and the former identity's user."""
        wanted = [self._user_key(member), self._invite_key(member)]
        wanted += aliases.wanted(member["channel_sid"], self._given["identity"])
        if former := user_of(member):
            wanted.append(keys.user(former.user_sid))
        return self._context.table.fetch_many(wanted, buried=True)

    def _handed_over(self, member: Member) -> tuple[dict[str, Any], dict[str, int], list[Write]]:
        """The fields, counters and writes for both users when another identity takes the member's place."""
        context, identity, channel_sid = self._context, self._given["identity"], member["channel_sid"]
        read = self._people(member)
        found = read.living()
        user_key, invite_key = self._user_key(member), self._invite_key(member)
        user = found.get(user_key)
        held = aliases.member_of(context, found, channel_sid, identity)
        if own(held, user):
            raise errors.MEMBER_EXISTS()
        if held is not None:
            raise CONCURRENT_UPDATE()
        owner = service(context, member["service_sid"])
        birth, user_write = joining.user_write_of(context, owner, identity, user, read.get(user_key))
        writes: list[Write] = [user_write, *aliases.forgetting(member)]
        former = user_of(member)
        if former and (leaver := found.get(keys.user(former.user_sid))) and birth_of(leaver) == former.birth:
            writes += departures.one_channel_less(member)
        if invite_key in found:
            writes.append(Erase(invite_key))
        add = {"memberships_changed": 1}
        if alias := aliases.of(member, identity):
            add["aliases_made"] = 1
            writes.append(Create(alias, {"member_sid": member["sid"]}, taken=Overtaken()))
        index = keys.in_user_channels(user_sid(member["service_sid"], identity), channel_sid)
        # A number without an identity had no role.
        role = {} if member.get("role_sid") else {"role_sid": owner["default_channel_role_sid"]}
        # The new identity does not get the former one's notification level, but its read horizon (unconfirmed).
        return {"birth": birth, "notification_level": None, **role, **index}, add, writes


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take a participant out of a conversation. Its messages stay, and its addresses become free."""
    members.delete(context, path, parameters)
