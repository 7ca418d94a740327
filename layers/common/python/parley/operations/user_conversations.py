"""User conversations: the conversations that a user takes part in, with the counts of unread messages.

https://www.twilio.com/docs/conversations/api/user-conversation-resource. They show the same memberships as Chat's user
channels, but no invites, which only Chat has.
"""

from __future__ import annotations

from typing import Any

from parley.domain.horizon import capped
from parley.domain.user_channels import of_channel
from parley.errors import NOT_FOUND
from parley.operations import channels, user_channels
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.spec import Path
from parley.store.items import Record
from parley.stored import Channel


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """One conversation as the user sees it.

    Raises:
        Refusal: 20404 if the user does not take part in it.
    """
    return _whole(context, _participating(user_channels.fetch(context, path, parameters)))


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the conversations that a user takes part in, in all states."""
    listing = user_channels.list_(context, path, parameters, page)
    shown = zip(listing.positions, listing.records, strict=True)
    return listing.showing(
        {position: _seen(record, record["channel"]) for position, record in shown if record["status"] == "joined"}
    )


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The user's notification level or horizon in a conversation."""
    return _whole(context, user_channels.update(context, path, parameters))


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take the user out of the conversation; counts as the removal of the participant (unconfirmed)."""
    user_channels.delete(context, path, parameters)


def _participating(record: Record) -> Record:
    if record["status"] != "joined":
        raise NOT_FOUND()
    return record


def _whole(context: Context, record: Record) -> Record:
    where = {"service_sid": record["service_sid"], "sid": record["channel_sid"]}
    return _seen(record, channels.load(context, where))


def _seen(record: Record, channel: Channel) -> Record:
    return {**record, **of_channel(channel), "unread_messages_count": capped(record["unread_messages_count"])}
