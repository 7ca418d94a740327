"""Keeps the application's channels, messages and members up to date, and tells it what has changed."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from parley_client import events
from parley_client.channel import Channel, Member
from parley_client.emitter import Event
from parley_client.following import INVITED, JOINED, STANDINGS
from parley_client.payloads import ChannelRecord, ListedChannel, Push, TypingPush
from parley_client.record import Hub, RecordObject
from parley_client.timing import Handle
from parley_client.users import Users

_CHANNEL_EVENTS: dict[str, type[events.ChannelEvent]] = {
    "channelAdded": events.ChannelAdded,
    "channelJoined": events.ChannelJoined,
    "channelInvited": events.ChannelInvited,
    "channelLeft": events.ChannelLeft,
    "channelRemoved": events.ChannelRemoved,
    "channelRefetched": events.ChannelRefetched,
}
_CONSUMED = "lastConsumedMessageIndex"


class Book:
    """One object per channel that this user is in or that the application holds.

    Args:
        users: Fetches the users behind members.
        has_started: Whether the application has heard of the channels of the first list.
    """

    def __init__(self, hub: Hub, users: Users, has_started: Callable[[], bool]) -> None:
        self._hub = hub
        self._users = users
        self._has_started = has_started
        self._channels: WeakValueDictionary[str, Channel] = WeakValueDictionary()
        self._own_channels: dict[str, Channel] = {}
        self._typing: dict[tuple[str, str], tuple[Member, Handle]] = {}

    # Objects.

    def channel(self, record: ChannelRecord) -> Channel:
        """The channel of a record."""
        channel = self._channels.get(record["sid"])
        if channel is None:
            channel = self._channels[record["sid"]] = Channel(self._hub, self._users, record)
        else:
            channel.apply(record)
        return channel

    def listed(self, entry: ListedChannel) -> Channel:
        """The channel of an entry in the list of this user's channels."""
        channel = self.channel(entry["channel"])
        if channel.sid not in self._own_channels:
            # If the user is in the channel already, only pushes change its status, so that each change is an event.
            channel.apply_own(entry["user_channel"])
        return channel

    def _channel_of(self, push: Push) -> Channel:
        return self.channel(push.get("channel") or {"sid": push["channel_sid"]})

    # Events.

    def deliver(self, push: Push) -> None:
        """Update the objects with a new push, and tell the application."""
        name = push["event"]
        if name in _CHANNEL_EVENTS:
            self._deliver_channel(push)
        elif name == "channelUpdated":
            self._deliver_update(push)
        elif name.startswith("message") and "message" in push:
            self._deliver_message(push)
        elif name.startswith("member") and "member" in push:
            self._deliver_member(push)

    def _deliver_channel(self, push: Push) -> None:
        channel, name = self._channel_of(push), push["event"]
        status = STANDINGS.get(name)
        channel.apply_own(push.get("user_channel") or {})
        if status is not None:
            channel.apply_own({"status": status})
        if status in (JOINED, INVITED):
            self._own_channels[channel.sid] = channel
        elif status is not None:
            self._own_channels.pop(channel.sid, None)
            self._end_all_typing(channel)
        self._tell(_CHANNEL_EVENTS[name](channel), channel, "removed" if name == "channelRemoved" else name)
        # No event at the start, since the client begins with these statuses; none for a removed channel either.
        if status is not None and name != "channelRemoved" and self._has_started():
            self._tell_update(channel, ("status",))

    def _deliver_update(self, push: Push) -> None:
        channel = self._channels.get(push["channel_sid"])
        different: tuple[str, ...] = ()
        if channel is None:
            channel = self._channel_of(push)
        elif "channel" in push:
            different = channel.apply(push["channel"])
        different += channel.apply_own(push.get("user_channel") or {})
        self._tell_update(channel, tuple(push.get("updateReasons") or different))

    def _deliver_message(self, push: Push) -> None:
        channel, record = self._channel_of(push), push["message"]
        known = channel.messages.get(record["sid"])
        different = known.apply(record) if known is not None else ()
        message = channel.apply_message(record)
        match push["event"]:
            case "messageAdded":
                self._end_typing(channel, message.author or "")
                is_last = channel.note_message(message)
                self._tell(events.MessageAdded(message), channel)
                if is_last:
                    self._tell_update(channel, ("lastMessage",))
            case "messageRemoved":
                was_last = channel.forget_message(message, push.get("last_message_index"))
                self._tell(events.MessageRemoved(message), channel)
                if was_last:
                    self._tell_update(channel, ("lastMessage",))
            case "messageUpdated":
                event = events.MessageUpdated(message, tuple(push.get("updateReasons") or different))
                message.emit(event, "updated")
                self._tell(event, channel)

    def _deliver_member(self, push: Push) -> None:
        channel, record = self._channel_of(push), push["member"]
        known = channel.held_member(record)
        different = known.apply(record) if known is not None else ()
        member = channel.apply_member(record)
        match push["event"]:
            case "memberJoined":
                self._tell(events.MemberJoined(member), channel)
            case "memberLeft":
                self._end_typing(channel, member.addressed_as)
                channel.members.pop(member.addressed_as, None)
                self._tell(events.MemberLeft(member), channel)
            case "memberUpdated":
                event = events.MemberUpdated(member, tuple(push.get("updateReasons") or different))
                member.emit(event, "updated")
                self._tell(event, channel)
                self._note_horizon(channel, member)

    def _note_horizon(self, channel: Channel, member: Member) -> None:
        own = self._users.own
        if own is not None and member.identity == own.identity:
            horizon = {"last_consumed_message_index": member.last_consumed_message_index}
            if _CONSUMED in channel.apply_own(horizon):
                self._tell_update(channel, (_CONSUMED,))

    def _tell_update(self, channel: Channel, reasons: tuple[str, ...]) -> None:
        self._tell(events.ChannelUpdated(channel, reasons), channel, "updated")

    def _tell(self, event: Event, emitter: RecordObject, name: str | None = None) -> None:
        emitter.emit(event, name)
        self._hub.tell(event)

    # Typing.

    def typing_started(self, push: TypingPush) -> None:
        """Somebody is typing. It ends after the time in the push, or with a message of theirs."""
        channel = self._channels.get(push["channel_sid"])
        if channel is None:
            return
        identity = push["identity"]
        key = (channel.sid, identity)
        member = channel.members.get(identity) or channel.apply_member({"identity": identity})
        before = self._typing.get(key)
        if before is not None:
            before[1].cancel()
        timer = self._hub.timing.later(float(push["typing_timeout"]), lambda: self._end_typing(channel, identity))
        self._typing[key] = (member, timer)
        if before is None:
            member.note_typing(True)
            event = events.TypingStarted(member)
            member.emit(event)
            self._tell(event, channel)

    def stop(self) -> None:
        """Stop all timers."""
        for _, timer in self._typing.values():
            timer.cancel()
        self._typing.clear()

    def _end_typing(self, channel: Channel, identity: str) -> None:
        typing = self._typing.pop((channel.sid, identity), None)
        if typing is not None:
            member, timer = typing
            timer.cancel()
            member.note_typing(False)
            event = events.TypingEnded(member)
            member.emit(event)
            self._tell(event, channel)

    def _end_all_typing(self, channel: Channel) -> None:
        for sid, identity in list(self._typing):
            if sid == channel.sid:
                self._end_typing(channel, identity)
