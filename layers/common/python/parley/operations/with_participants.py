"""Makes a conversation together with its participants in one transaction: either all of them exist, or nothing does.

    created as initializing --> active

The request stores the conversation as initializing, as Twilio shows it, and makes it active at once. If the function
dies in between, a job makes it active (`background/beginning.py`). That job was planned when the conversation was
stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from parley.domain import participants as rules
from parley.domain.addresses import Numbers
from parley.domain.channels import Counted, with_counters
from parley.domain.roles import CHANNEL as OF_CHANNELS
from parley.errors import (
    CHANNEL_FULL,
    CONCURRENT_UPDATE,
    NOT_FOUND,
    PAIR_EXISTS,
    PAIRS_IN_USE,
    USER_EXISTS,
    USER_NOT_FOUND,
    Refusal,
)
from parley.operations import bound, channel_log, channels, joining, rate, roles, senders, transitions, verbs
from parley.operations.addressing import resolve, service
from parley.operations.context import Context
from parley.operations.joining import Newcomer
from parley.records import CHANNEL, CHANNEL_WEBHOOK, MEMBER
from parley.records.services import setting
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Put, Write
from parley.stored import Member, MessagingBinding, Service, Tail

Given = tuple[dict[str, Any], MessagingBinding | None]


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Counted:
    """A new conversation with its participants; the list may be empty.

    Raises:
        Refusal: for a wrong participant, as `participants.create`; 50425 if a pair is in use; 50435 for a group that is
            not complete; as `channels.create`.
    """
    fields = {name: value for name, value in parameters.items() if name != "participant"}
    if not parameters.get("participant"):
        return channels.create(context, path, fields)
    resolve(context, CHANNEL, path)
    owner = service(context, path["service_sid"])
    texts = [rules.parameters_in(one) for one in parameters["participant"]]
    numbers = senders.known(context, *(address for one in texts for address in rules.own_addresses(one)))
    given = [_checked(context, owner, one, numbers) for one in texts]
    if len(given) > setting(owner, "limits.channel_members"):
        raise CHANNEL_FULL()

    def attempt(context: Context) -> Counted:
        return found(context, owner, path, fields, given)

    try:
        record = verbs.retried(context, attempt, USER_NOT_FOUND, USER_EXISTS, CONCURRENT_UPDATE)
    except Refusal as refusal:
        if refusal.error is not PAIR_EXISTS:
            raise
        raise PAIRS_IN_USE() from None
    # The conversation exists now. If making it active fails, the job does it later.
    with suppress(Refusal):
        transitions.begin(context, owner["sid"], record["sid"])
    return record


def _checked(context: Context, owner: Service, texts: dict[str, str], numbers: Numbers) -> Given:
    """The parameters of one participant, and its binding."""
    known = MEMBER.by_name
    parameters = {name: known[name].kind.parse(name, [text]) if name in known else text for name, text in texts.items()}
    if named := parameters.get("role_sid"):
        roles.fetch_typed(context, owner["sid"], named, OF_CHANNELS)
    binding = rules.binding(parameters, numbers)
    return {name: value for name, value in parameters.items() if name not in rules.PARTS}, binding


def found(
    context: Context,
    owner: Service,
    path: Path,
    fields: dict[str, Any],
    given: Sequence[Given],
    *,
    is_initializing: bool = True,
    webhooks: Callable[[str], Sequence[Record]] = lambda sid: (),
) -> Counted:
    """A new conversation with checked participants, in one transaction.

    `webhooks` gets the conversation's SID, and returns the webhooks that are stored with the conversation.

    Raises:
        Refusal: 50416 if a pair is in use; 20409 if others changed what was read; as `channels.making`.
    """
    made = channels.making(context, path, fields, is_initializing=is_initializing)
    sid, tail = made.record["sid"], made.tail
    hooked = webhooks(sid)
    hooks = {"hooks": len(hooked)} if hooked else {}
    newcomers = [Newcomer(context, owner, sid, parameters, binding) for parameters, binding in given]
    read = context.table.fetch_many((key for one in newcomers for key in one.wanted()), buried=True)
    writes: list[Write] = []
    joined: dict[str, Member] = {}
    for newcomer in newcomers:
        member, part = newcomer.joining(read, tail)
        if member["sid"] in joined:
            raise rules.taken(newcomer.binding)()
        joined[member["sid"]] = member = cast(Member, {**member, "seq": len(joined) + 1, **hooks})
        writes += [joining.joining_write(owner, member), *part.writes]
        writes.append(channel_log.entry(context, sid, member["seq"], "member", member, "created"))
    share = bound.founding(context, read.living(), made.record, list(joined.values()))
    joins = {"members_count": len(joined), "memberships_changed": len(joined)}
    joins |= {"webhooks_count": len(hooked)} if hooked else {}
    tail = cast(Tail, {**tail, **joins, "seq": len(joined), **share.add, **share.set})
    named = {parameters["role_sid"] for parameters, _ in given if parameters.get("role_sid")}
    giving = [write for role in named for write in roles.given(context, owner["sid"], role, OF_CHANNELS)]
    hooking = [Create(CHANNEL_WEBHOOK.key({**one}), one, taken=NOT_FOUND()) for one in hooked]
    rate.count_service_action(context, owner["sid"])
    tail_key = keys.tail(sid)
    of_channel = [Put(tail_key, tail) if write.key == tail_key else write for write in made.writes]
    context.table.commit(context.cause(), [*of_channel, *writes, *share.writes, *giving, *hooking])
    return with_counters(made.record, tail)
