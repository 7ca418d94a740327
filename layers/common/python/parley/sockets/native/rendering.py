"""Renders news as frames. A push of a change and the event of the same change in `catchUp` look the same."""

from __future__ import annotations

from typing import Any, NamedTuple

from parley.domain.channels import last_message_index
from parley.domain.memberships import identity_of
from parley.domain.presence import reachability
from parley.domain.user_channels import seen
from parley.ids import user_sid
from parley.sockets.codec import CannotShow, News
from parley.sockets.native.views import Views


class Push(NamedTuple):
    """How an event looks: its name in the protocol, and the members that show records or counters."""

    name: str
    shows: tuple[str, ...] = ()


# https://www.twilio.com/docs/chat: events of the JavaScript client. `channelAdvanced` is Parley's own.
PUSHES: dict[str, Push] = {
    "message_created": Push("messageAdded", ("message",)),
    "message_updated": Push("messageUpdated", ("message",)),
    "message_deleted": Push("messageRemoved", ("message", "last_message_index")),
    "channel_joined": Push("channelJoined", ("channel", "user_channel", "member")),
    "member_created": Push("memberJoined", ("member",)),
    "member_updated": Push("memberUpdated", ("member",)),
    "membership_updated": Push("channelUpdated", ("channel", "user_channel")),
    "member_deleted": Push("memberLeft", ("member",)),
    "channel_left": Push("channelLeft", ("channel", "member")),
    "channel_lost": Push("channelRemoved", ("channel",)),
    "channel_created": Push("channelAdded", ("channel",)),
    "channel_updated": Push("channelUpdated", ("channel",)),
    "channel_deleted": Push("channelRemoved", ("channel",)),
    "channel_offered": Push("channelInvited", ("channel", "user_channel", "invite")),
    "offer_ended": Push("channelLeft", ("channel", "invite")),
    "advanced": Push("channelAdvanced"),
    "user_updated": Push("userUpdated", ("user",)),
}

# Native clients hear the same facts in other events, so these have no frame.
UNTOLD = frozenset({"document_changed", "document_deleted", "horizon_moved"})

# The members of a frame that are computed from the channel's counters.
_COUNTED = ("user_channel", "last_message_index")


def render(views: Views, news: News) -> dict[str, Any]:
    """The frame of one event.

    Raises:
        CannotShow: a member needs the counters of the channel, and they are gone.
    """
    push = PUSHES[news.event]
    frame: dict[str, Any] = {"event": push.name}
    if news.channel_sid:
        frame |= {"channel_sid": news.channel_sid, "seq": news.record.get("seq", 0)}
    for kind in push.shows:
        frame[kind] = _show(views, news, kind)
    if push.name.endswith("Updated"):
        frame["updateReasons"] = _reasons(news)
    return frame


def _show(views: Views, news: News, kind: str) -> Any:
    if kind in _COUNTED and (news.tail is None or "last_index" not in news.tail):
        raise CannotShow(news.channel_sid)
    match kind:
        case "channel":
            return _channel(views, news)
        case "last_message_index":
            return last_message_index(news.tail or {})
        case "user_channel":
            user = user_sid(news.record["service_sid"], identity_of(news.record) or "")
            return views.show("user_channel", seen(user, news.record, news.tail or {}))
        case "user":
            return views.show("user", reachability(news.record, news.is_reachability_enabled))
    return views.show(kind, news.record)


def _channel(views: Views, news: News) -> dict[str, Any]:
    seq = news.record.get("seq", 0)
    if news.kind == "channel":
        return views.channel(news.record, news.tail, seq)
    channel = news.channel or {}
    if news.verb == "deleted" and channel.get("seq", 0) > seq:
        # The channel changed after this member was removed, so the frame shows nothing of what changed.
        left = {name: value for name, value in channel.items() if name in ("sid", "service_sid", "type")}
        return views.channel(left, None, seq)
    return views.channel(channel, news.tail, seq)


def _reasons(news: News) -> list[str]:
    if news.kind != "member":
        return list(news.reasons)
    # `membership_updated` goes to the member alone and names only its notification level. Others never hear of that.
    is_own = news.event == "membership_updated"
    return [reason for reason in news.reasons if (reason == "notificationLevel") == is_own]
