"""Departures: removing members and invites, at somebody's request or because their user was deleted.

A user may be deleted at any moment. A new user with the same identity may be created before the sweep has removed the
memberships and invites of the deleted one. So births are compared before anything is removed or counted for a user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from parley.domain.memberships import birth_of, own, user_of
from parley.errors import NOT_FOUND, USER_NOT_FOUND, Refusal, ignoring
from parley.operations import aliases, bound, channel_log, verbs
from parley.operations.channel_log import Decision
from parley.operations.context import Caller, Context
from parley.records.invites import INVITE
from parley.records.members import MEMBER
from parley.records.spec import RecordType
from parley.store import keys
from parley.store.writes import Update, Write
from parley.stored import Invite, Member, Tail, User

R = TypeVar("R", bound=Mapping[str, Any])


def remove_leftovers(context: Context, user: User | None, *held: Mapping[str, Any] | None) -> bool:
    """Remove those of `held` that belonged to a deleted user and not to `user`; returns whether there was any.

    The sweep after the deletion would remove them too, a little later. As in the sweep, the actor is `system`, clients
    hear of each removal, and webhooks do not.
    """
    sweeping = replace(context, caller=Caller(), actions_per_second=0)
    leftovers = [one for one in held if one is not None and user_of(one) is not None and not own(one, user)]
    for one in leftovers:
        remove_leftover(sweeping, one, birth_of(one))
    return bool(leftovers)


def remove_leftover(context: Context, held: Mapping[str, Any], birth: str) -> None:
    """Remove a membership or invite if it carries `birth`, the birth of a deleted user; otherwise nothing happens."""
    if birth_of(held) != birth:
        return
    with ignoring(NOT_FOUND):
        if held["sid"].startswith("IN"):
            remove_invite(context, cast(Invite, held), birth)
        else:
            _remove_from_channel_only(context, cast(Member, held), birth)


def remove_member(context: Context, member: Member) -> None:
    """Remove a member that was just read, and lower its user's count of channels.

    Raises:
        Refusal: 20404 if it is gone.
    """
    try:
        _remove(context, "member", MEMBER, member, _with_count_of_user)
    except Refusal as refusal:
        if refusal.error is not USER_NOT_FOUND:
            raise
        # The user was deleted, and its sweep has not removed this member yet. There is no count to lower. A new user
        # may join in its place before this removes it. That membership is counted, so it stays.
        _remove_from_channel_only(context, member, birth_of(member))


def _remove_from_channel_only(context: Context, member: Member, birth: str) -> None:
    _remove(context, "member", MEMBER, member, _one_member_less, birth)


def remove_invite(context: Context, invite: Invite, birth: str | None = None) -> None:
    """Remove an invite that was just read; with `birth`, only if it carries that birth.

    Raises:
        Refusal: 20404 if it is gone.
    """
    _remove(context, "invite", INVITE, invite, lambda *_: [], birth)


def _remove(
    context: Context,
    kind: str,
    record_type: RecordType[R],
    held: R,
    beside: Callable[[Context, R, Tail], list[Write]],
    birth: str | None = None,
) -> None:
    path = {name: held[name] for name in ("service_sid", "channel_sid", "sid")}

    def decide(current: R, tail: Tail) -> Decision:
        if birth not in (None, birth_of(current)):
            raise NOT_FOUND()
        buried = verbs.bury(context, record_type, path, current)
        # After the conversation was closed, a sweep lowers its users' counts, perhaps at this moment.
        as_counted = (channel_log.unchanged(current, "uncounted"),)
        return Decision(replace(buried, guards=as_counted), beside(context, current, tail))

    channel_log.change(context, kind, "deleted", held, decide)


def _with_count_of_user(context: Context, member: Member, tail: Tail) -> list[Write]:
    return [*_one_member_less(context, member, tail), *one_channel_less(member)]


def _one_member_less(context: Context, member: Member, tail: Tail) -> list[Write]:
    """The writes that take a member off the channel's counters and remove its pair, binding and alias."""
    share = bound.leaving(context, member, tail, channel_log.Overtaken)
    less = {"members_count": -1, "memberships_changed": 1, **share.add}
    counters = channel_log.in_tail(member["service_sid"], member["channel_sid"], less, *share.guards, **share.set)
    return [counters, *share.writes, *aliases.forgetting(member)]


def one_channel_less(member: Member) -> list[Write]:
    """The write that lowers the user's count of channels by one; refused with 50200 if the user was deleted.

    A member without a user, such as a phone, needs no write. Nor does one of a closed conversation, once its sweep has
    lowered the count.
    """
    person = user_of(member)
    if person is None:
        return []
    if member.get("uncounted"):
        return []
    same = verbs.same_user(person.birth, USER_NOT_FOUND())
    count = {"joined_channels_count": -1}
    return [Update(keys.user(person.user_sid), USER_NOT_FOUND(), add=count, guards=(same,), announced=False)]
