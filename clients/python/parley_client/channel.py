"""A channel as this user sees it, with its members and messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, Literal, Protocol
from weakref import WeakValueDictionary

from parley_client.errors import RequestError
from parley_client.files import Content, File, OnProgress
from parley_client.following import INVITED, JOINED, NONE
from parley_client.paginator import Paginator, page_of
from parley_client.payloads import ChannelRecord, MemberRecord, MessageRecord, UserChannel
from parley_client.record import Attributes, Hub
from parley_client.shown import ShownChannel, ShownMember, ShownMessage
from parley_client.speech import Speech
from parley_client.user import User

Anchor = int | Literal["end"]
_PAGE_SIZE = 100


class People(Protocol):
    """Fetches the users behind members."""

    async def follow(self, identity: str) -> User:
        """Fetch a user and follow it."""

    async def fetch(self, identity: str) -> User:
        """Fetch a user as it is now, without following it."""


class Message(ShownMessage):
    """A message."""

    def __init__(self, hub: Hub, channel: Channel, record: MessageRecord) -> None:
        super().__init__(hub, record)
        self.channel = channel

    async def update_body(self, body: str) -> None:
        """Change the text."""
        await self._update(body=body)

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        await self._update(attributes=attributes)

    async def remove(self) -> None:
        """Remove the message."""
        await self._hub.request("deleteMessage", channel=self.channel.sid, message=self._address)

    async def get_member(self) -> Member:
        """The member who sent it; raises RequestError (404) if the author is no longer a member."""
        return await self.channel.get_member_by_identity(self.author or "")

    @property
    def _address(self) -> str:
        return self.sid or str(self.index)

    async def _update(self, **members: Attributes) -> None:
        members = {"channel": self.channel.sid, "message": self._address, **members}
        self.apply(await self._hub.request("updateMessage", **members))


class Member(ShownMember):
    """Somebody in a channel."""

    def __init__(self, hub: Hub, channel: Channel, record: MemberRecord) -> None:
        super().__init__(hub, record)
        self.channel = channel

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        members = {"channel": self.channel.sid, "identity": self.addressed_as, "attributes": attributes}
        self.apply(await self._hub.request("updateMember", **members))

    async def remove(self) -> None:
        """Remove this member from the channel."""
        await self.channel.remove_member(self.addressed_as)

    async def get_user(self) -> User:
        """Fetch the user and follow it; raises ValueError for a member without an identity."""
        if self.identity is None:
            raise ValueError("a member without an identity has no user")
        return await self.channel.people.follow(self.identity)


class Channel(ShownChannel):
    """A channel, kept up to date while this user is a member or invited.

    Attributes:
        messages: The messages that the application holds, by SID.
        members: The members that the application holds, by identity; those without one by SID.
    """

    def __init__(self, hub: Hub, people: People, record: ChannelRecord) -> None:
        super().__init__(hub, record)
        self.people = people
        self.messages: WeakValueDictionary[str, Message] = WeakValueDictionary()
        self.members: WeakValueDictionary[str, Member] = WeakValueDictionary()
        # The highest index in any reply so far. Replies may be ahead of the pushes.
        self._highest_index = -1
        self._speech = Speech(hub, self._ask)

    async def _ask(self, action: str, **members: Any) -> Any:
        return await self._hub.request(action, channel=self.sid, **members)

    # This user's part in it.

    async def join(self) -> None:
        """Join; accepts an invitation if there is one."""
        await self._enter("acceptInvitation" if self.status == INVITED else "joinChannel")

    async def accept_invitation(self) -> None:
        """Accept an invitation."""
        await self._enter("acceptInvitation")

    async def _enter(self, action: str) -> None:
        self.apply_member(await self._ask(action))
        self.apply_own({"status": JOINED})

    async def decline(self) -> None:
        """Decline an invitation."""
        await self._ask("declineInvitation")
        self.apply_own({"status": NONE})

    async def leave(self) -> None:
        """Leave."""
        await self._ask("leaveChannel")
        self.apply_own({"status": NONE})

    async def set_user_notification_level(self, level: Literal["default", "muted"]) -> None:
        """Switch push notifications for this channel on (`default`) or off (`muted`)."""
        self.apply_own(await self._ask("setNotificationLevel", notification_level=level))

    # Members.

    def apply_member(self, record: MemberRecord) -> Member:
        """The member of a record."""
        member = self.held_member(record)
        if member is None:
            member = Member(self._hub, self, record)
            self.members[member.addressed_as] = member
        else:
            member.apply(record)
        return member

    def held_member(self, record: MemberRecord) -> Member | None:
        """The member of a record, if the application holds it."""
        return self.members.get(record.get("identity") or record.get("sid", ""))

    async def invite(self, identity: str) -> None:
        """Invite somebody."""
        await self._ask("inviteMember", identity=identity)

    async def add(self, identity: str, attributes: Attributes | None = None) -> Member:
        """Make somebody a member."""
        more = {} if attributes is None else {"attributes": attributes}
        return self.apply_member(await self._ask("addMember", identity=identity, **more))

    async def remove_member(self, identity: str) -> None:
        """Remove the member with an identity or SID."""
        await self._ask("removeMember", identity=identity)

    async def get_members(self) -> list[Member]:
        """All members, oldest first."""
        ask = partial(self._ask, "listMembers", page_size=_PAGE_SIZE)
        return [member async for member in await page_of(ask, "members", self.apply_member)]

    async def get_member_by_identity(self, identity: str) -> Member:
        """One member; raises RequestError (404) when there is none."""
        return self.apply_member(await self._ask("fetchMember", identity=identity))

    async def get_member_by_sid(self, sid: str) -> Member:
        """One member; raises RequestError (404) when there is none."""
        # The server takes a member's SID in place of an identity.
        return await self.get_member_by_identity(sid)

    async def get_members_count(self) -> int:
        """How many members there are."""
        return (await self._fetch())["members_count"]

    async def get_user_descriptors(self) -> Paginator[User]:
        """The users of all members as they are now, oldest member first, not followed. Sends one request for each."""
        return await self._users_of(await page_of(partial(self._ask, "listMembers"), "members", self.apply_member))

    async def _users_of(self, members: Paginator[Member]) -> Paginator[User]:
        async def turn(page: Awaitable[Paginator[Member]]) -> Paginator[User]:
            return await self._users_of(await page)

        found = await asyncio.gather(*(self._user_of(member) for member in members.items))
        return Paginator(
            [user for user in found if user is not None],
            (lambda: turn(members.next_page())) if members.has_next_page else None,
            (lambda: turn(members.prev_page())) if members.has_prev_page else None,
        )

    async def _user_of(self, member: Member) -> User | None:
        if member.identity is None:
            return None
        try:
            return await self.people.fetch(member.identity)
        except RequestError as error:
            if error.status != 404:
                raise
            return None

    # Messages.

    def apply_message(self, record: MessageRecord) -> Message:
        """The message of a record."""
        self._highest_index = max(self._highest_index, record["index"])
        message = self.messages.get(record["sid"])
        if message is None:
            message = self.messages[record["sid"]] = Message(self._hub, self, record)
        else:
            message.apply(record)
        return message

    def forget_message(self, message: Message, newest: int | None) -> bool:
        """A message was removed; `newest` is the highest index left. Returns whether it was the newest message."""
        before = next((one for one in self.messages.values() if one.index == newest), None)
        return self.note_removal(message, newest, before)

    async def send_media(
        self,
        *files: File | Content,
        body: str | None = None,
        attributes: Attributes | None = None,
        on_progress: OnProgress | None = None,
    ) -> int:
        """Upload one file or several, send them as one message, and return its index.

        The message gets its index when all files are uploaded. If you cancel this, the upload stops.

        Args:
            files: Up to ten paths, bytes, or `File` for a name and a type of your choice.
            on_progress: Hears how many bytes of all files have gone, and how many there are.
        """
        sids = await self._hub.files.upload(files, on_progress)
        given = {"media_sid": sids[0]} if len(sids) == 1 else {"media_sids": sids}
        return await self._say(body=body, attributes=attributes, **given)

    async def send_message(
        self, body: str | None = None, attributes: Attributes | None = None, *, media_sid: str | None = None
    ) -> int:
        """Send a message and return its index. It is stored once, even if the connection breaks meanwhile.

        Messages to a channel get their indexes in the order of the calls: each is sent after the previous one was
        answered or has failed.
        """
        return await self._say(body=body, attributes=attributes, media_sid=media_sid)

    async def _say(self, **given: Any) -> int:
        members = {name: value for name, value in given.items() if value is not None}
        return self.apply_message(await self._speech.send(members)).index

    async def typing(self) -> None:
        """Tell the others that this user is typing. Call it at each key: it sends only as many requests as needed."""
        await self._speech.type()

    async def get_message(self, index: int) -> Message:
        """One message; raises RequestError (404) when there is none."""
        return self.apply_message(await self._ask("fetchMessage", message=index))

    async def get_messages(
        self,
        page_size: int = 30,
        anchor: Anchor = "end",
        direction: Literal["backwards", "forward"] = "backwards",
    ) -> Paginator[Message]:
        """The messages up to and including an index; with `forward`, from the index on. Pages are in ascending order.

        Without an index: the newest messages; with `forward`, the oldest.
        """
        if direction == "backwards":
            return await self._messages_before(page_size, anchor)
        return await self._messages_after(page_size, 0 if anchor == "end" else anchor)

    async def _messages_before(self, page_size: int, anchor: Anchor) -> Paginator[Message]:
        more = {} if anchor == "end" else {"anchor": anchor}
        page = await self._ask("listMessages", order="desc", page_size=page_size, **more)
        items = [self.apply_message(record) for record in reversed(page["messages"])]
        older = page.get("next_anchor")
        newest = items[-1].index if items else anchor
        is_inside = anchor != "end" and anchor < max(self._highest_index, self._number("last_message_index") or 0)
        return Paginator(
            items,
            None if newest == "end" or not is_inside else lambda: self._messages_after(page_size, newest + 1),
            None if older is None else lambda: self._messages_before(page_size, older),
        )

    async def _messages_after(self, page_size: int, anchor: int) -> Paginator[Message]:
        page = await self._ask("listMessages", order="asc", page_size=page_size, anchor=anchor)
        items = [self.apply_message(record) for record in page["messages"]]
        newer = page.get("next_anchor")
        return Paginator(
            items,
            None if newer is None else lambda: self._messages_after(page_size, newer),
            None if anchor == 0 else lambda: self._messages_before(page_size, anchor - 1),
        )

    async def get_messages_count(self) -> int:
        """How many messages there are."""
        return (await self._fetch())["messages_count"]

    # How far this user has read.

    async def get_unconsumed_messages_count(self) -> int | None:
        """How many messages this user has not read; None if the user has read nothing."""
        return self._apply_horizon((await self._ask("fetchMyChannel"))["user_channel"])

    async def advance_last_consumed_message_index(self, index: int) -> int | None:
        """Mark everything up to a message as read, never less than before. Returns how many messages are unread."""
        return self._apply_horizon(await self._ask("advanceLastConsumedMessageIndex", index=index))

    async def update_last_consumed_message_index(self, index: int) -> int | None:
        """Mark everything up to a message as read, and all after it as unread. Returns how many are unread."""
        return self._apply_horizon(await self._ask("updateLastConsumedMessageIndex", index=index))

    async def set_all_messages_consumed(self) -> int | None:
        """Mark everything as read. Returns how many messages are unread."""
        return self._apply_horizon(await self._ask("setAllMessagesConsumed"))

    async def set_no_messages_consumed(self) -> int | None:
        """Mark everything as unread. Returns how many messages are unread."""
        return self._apply_horizon(await self._ask("setNoMessagesConsumed"))

    def _apply_horizon(self, user_channel: UserChannel) -> int | None:
        self.apply_own(user_channel, is_reply=True)
        return user_channel.get("unread_messages_count")

    # Changing it.

    async def update_attributes(self, attributes: Attributes) -> None:
        """Replace the attributes."""
        self.apply(await self._ask("updateChannel", attributes=attributes))

    async def update_friendly_name(self, friendly_name: str) -> None:
        """Change the name to show."""
        self.apply(await self._ask("updateChannel", friendly_name=friendly_name))

    async def update_unique_name(self, unique_name: str) -> None:
        """Change the unique name."""
        self.apply(await self._ask("updateChannel", unique_name=unique_name))

    async def delete(self) -> None:
        """Delete the channel and everything in it."""
        await self._ask("deleteChannel")

    async def _fetch(self) -> ChannelRecord:
        record: ChannelRecord = await self._ask("fetchChannel")
        self.apply(record)
        return record
