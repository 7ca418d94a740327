"""Badges: the numbers on the icons of a user's apps."""

from __future__ import annotations

from collections.abc import Mapping

from parley.domain.channels import newest_index
from parley.domain.memberships import birth_of
from parley.domain.notifications import CHAT, CONVERSATIONS, counted
from parley.operations.context import Context
from parley.store import keys

# A user is in a thousand channels at most; invites may stand between them.
_MOST = 2_000


def badges(context: Context, user_sid: str, birth: str, newest: Mapping[str, int]) -> dict[str, int]:
    """The badge of a user's devices, by face.

    The reads may be some moments old, which halves their price. `newest` has the indexes of messages that are known to
    be there, by channel.
    """
    found, _ = context.table.page(keys.user_channels(user_sid), _MOST)
    joined = [item for item in found if item.key.sk.startswith("MEMBER#")]
    wanted = [key for item in joined for key in (item.key, keys.tail(item.position))]
    records = context.table.fetch_many(wanted, eventual=True)
    channels = []
    for item in joined:
        member, tail = records.get(item.key), records.get(keys.tail(item.position))
        if member is not None and tail is not None and birth_of(member) == birth:
            channels.append((member, tail, max(newest_index(tail), newest.get(item.position, -1))))
    return {face: counted(channels, face) for face in (CHAT, CONVERSATIONS)}
