"""The conversations of one person: those with an identity as a participant, or those with an address.

https://www.twilio.com/docs/conversations/api/participant-conversation-resource
"""

from __future__ import annotations

from typing import Any

from parley.domain.addresses import channel_of
from parley.domain.channels import with_counters
from parley.domain.memberships import own, user_of
from parley.domain.user_channels import of_channel
from parley.errors import IDENTITY_AND_ADDRESS, INVALID_PARAMETER
from parley.ids import user_sid
from parley.operations.addressing import service
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_of
from parley.records.spec import Path
from parley.store import keys
from parley.store.keys import Key, Range
from parley.store.table import Found, Records
from parley.stored import Member


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the conversations in any state, by SID: three requests for fifty.

    Raises:
        Refusal: 50451 if both are given; 20001 if neither is (unconfirmed).
    """
    service_sid = service(context, path["service_sid"])["sid"]
    identity, address = parameters.get("identity"), parameters.get("address")
    if identity is not None and address is not None:
        raise IDENTITY_AND_ADDRESS()
    if identity is not None:
        user = keys.user(user_sid(service_sid, identity))
        return _page(context, keys.user_channels(user_sid(service_sid, identity)), [user], page)
    if address is None:
        raise INVALID_PARAMETER(name="Identity", reason="Identity or Address is needed")
    if channel_of(address) is None:
        # No participant has such an identity, and it may be too long for a key.
        return page_of([], page, more=False)
    return _page(context, keys.address_channels(service_sid, address), [], page)


def _page(context: Context, where: Range[Member], people: list[Key[Any]], page: PageRequest) -> Listing:
    found, more = context.table.page(where, page.size, after=page.after, before=page.before, descending=page.is_back)
    wanted = [*people]
    for item in found:
        wanted += [item.key, keys.channel(item.position), keys.tail(item.position)]
    stored = context.table.fetch_many(wanted)
    listing = page_of([(item.position, item.record) for item in found], page, more=more)
    shown = ((item.position, _shown(context, stored, item, people)) for item in found)
    return listing.showing({position: record for position, record in shown if record})


def _shown(context: Context, stored: Records, item: Found[Member], people: list[Key[Any]]) -> dict[str, Any] | None:
    """A participation with its conversation; None for an invite, or if its deletion has begun."""
    member = stored.get(item.key)
    channel, tail = stored.get(keys.channel(item.position)), stored.get(keys.tail(item.position))
    if member is None or channel is None or tail is None or not context.perspective.knows(channel):
        return None
    is_former = any(own(member, stored.get(user)) is None for user in people)
    if is_former or not item.key.sk.startswith("MEMBER#"):
        return None
    person = user_of(member)
    return {**member, **of_channel(with_counters(channel, tail)), "user_sid": person.user_sid if person else None}
