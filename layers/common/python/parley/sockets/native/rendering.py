"""Changes as frames. A push and what catching up tells of the same change are the same frame."""

from __future__ import annotations

from typing import Any

from parley.domain.channels import last_message_index
from parley.domain.memberships import identity_of
from parley.domain.presence import reachability
from parley.domain.user_channels import seen
from parley.ids import user_sid
from parley.sockets.events import Push, reasons
from parley.sockets.native.views import Views
from parley.store.changes import Change
from parley.store.items import Record

# What of a frame depends on the counters of the channel.
_COUNTED = ("user_channel", "last_message_index")


class CannotShow(LookupError):
    """A frame needs a record that is gone: what it would tell is out of date."""


def render(
    views: Views, change: Change, push: Push, channel: Record, tail: Record | None, *, reachability_enabled: bool
) -> dict[str, Any]:
    """The frame of one event.

    `channel` and `tail` are those of the channel that the change happened in, {} and None outside of channels.

    Raises:
        CannotShow: what depends on the counters of a channel cannot be shown without them.
    """
    frame: dict[str, Any] = {"event": push.event}
    if change.channel_sid:
        frame |= {"channel_sid": change.channel_sid, "seq": change.record.get("seq", 0)}
    for kind in push.shows:
        frame[kind] = _show(views, change, kind, channel, tail, reachability_enabled)
    if push.event.endswith("Updated"):
        frame["updateReasons"] = _reasons(change, push)
    return frame


def _show(
    views: Views, change: Change, kind: str, channel: Record, tail: Record | None, reachability_enabled: bool
) -> dict[str, Any]:
    if kind == "channel":
        if change.kind == "channel":
            return views.channel(change.record, tail, change.record.get("seq", 0))
        is_later = channel.get("seq", 0) > change.record.get("seq", 0)
        if change.verb == "deleted" and is_later:
            # Who was taken out hears nothing of what was done to the channel since.
            channel = {name: channel[name] for name in ("sid", "service_sid", "type") if name in channel}
            tail = None
        return views.channel(channel, tail, change.record.get("seq", 0))
    if kind in _COUNTED and (tail is None or "last_index" not in tail):
        raise CannotShow(change.channel_sid)
    if kind == "last_message_index":
        return last_message_index(tail)
    if kind == "user_channel":
        user = user_sid(change.record["service_sid"], identity_of(change.record) or "")
        return views.show("user_channel", seen(user, change.record, tail))
    if kind == "user":
        return views.show("user", reachability(change.record, reachability_enabled))
    return views.show(kind, change.record)


def _reasons(change: Change, push: Push) -> list[str]:
    found = reasons(change)
    if change.kind != "member":
        return found
    # A member's notification level is its own business.
    is_own = push.event == "channelUpdated"
    return [reason for reason in found if (reason == "notificationLevel") == is_own]
