"""A channel, as this user sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from weakref import WeakValueDictionary

from parley_client.errors import RequestError
from parley_client.following import INVITED, JOINED, NONE
from parley_client.member import Member
from parley_client.message import Message
from parley_client.paginator import Paginator
from parley_client.record import Attributes, RecordObject
from parley_client.timing import pause

if TYPE_CHECKING:
    from parley_client.client import Client
    from parley_client.user import User

Anchor = int | Literal["end"]
_PAGE_SIZE = 100
_TYPING_IS_SAID_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The newest message of a channel; its date is known once it was seen."""

    index: int
    date_created: datetime | None


class Channel(RecordObject):
    """A channel; kept up to date while this user is in it or invited."""

    REASONS: ClassVar[Mapping[str, str]] = {
        "attributes": "attributes",
        "created_by": "createdBy",
        "date_created": "dateCreated",
        "date_updated": "dateUpdated",
        "friendly_name": "friendlyName",
        "unique_name": "uniqueName",
    }

    def __init__(self, client: Client, record: dict[str, Any]) -> None:
        super().__init__(client, record)
        self._own: dict[str, Any] = {}
        self._told_horizon: int | None = None
        self._last_message: LastMessage | None = None
        # In any answer so far, which may be ahead of what was pushed.
        self._highest_index = -1
        self._quiet_until = 0.0
        self._typing_is_said = asyncio.Event()
        self._typing_is_said.set()
        self._sending = asyncio.Lock()
        self.messages: WeakValueDictionary[str, Message] = WeakValueDictionary()
        self.members: WeakValueDictionary[str, Member] = WeakValueDictionary()

    def apply_own(self, user_channel: dict[str, Any], *, is_reply: bool = False) -> tuple[str, ...]:
        """Take over what the channel is to this user; returns the vendor's names for what was not told so yet.

        The reply to one's own change of the horizon tells nobody: the push of it does, whichever comes first.
        """
        names = {
            "status": "status",
            "notification_level": "notificationLevel",
            "last_consumed_message_index": "lastConsumedMessageIndex",
        }
        before = {field: self._own.get(field) for field in names} | {"last_consumed_message_index": self._told_horizon}
        self._own.update(user_channel)
        if is_reply:
            return ()
        if "last_consumed_message_index" in user_channel:
            self._told_horizon = user_channel["last_consumed_message_index"]
        now = {**self._own, "last_consumed_message_index": self._told_horizon}
        return tuple(name for field, name in names.items() if now.get(field) != before[field])

    def note_message(self, message: Message) -> bool:
        """Whether a message is the newest so far."""
        last = self.last_message
        if last is not None and message.index < last.index:
            return False
        self._last_message = LastMessage(message.index, message.date_created)
        return True

    def forget_message(self, message: Message, last_message_index: int | None) -> bool:
        """Whether a message, now removed, was the newest; then that is the one with the given index."""
        last = self.last_message
        if last is None or last.index != message.index:
            return False
        self._record["last_message_index"] = last_message_index
        known = next((one for one in self.messages.values() if one.index == last_message_index), None)
        self._last_message = None if known is None else LastMessage(known.index, known.date_created)
        return True

    # What it is.

    @property
    def unique_name(self) -> str | None:
        """The unique name."""
        return self._text("unique_name")

    @property
    def friendly_name(self) -> str | None:
        """The name to show."""
        return self._text("friendly_name")

    @property
    def type(self) -> str:
        """`public` or `private`."""
        return self._text("type") or "public"

    @property
    def is_private(self) -> bool:
        """Whether only members, invited and its creator see it."""
        return self.type == "private"

    @property
    def created_by(self) -> str | None:
        """The identity of its creator."""
        return self._text("created_by")

    @property
    def status(self) -> str:
        """`joined`, `invited` or `notParticipating`."""
        return str(self._own.get("status", NONE))

    @property
    def notification_level(self) -> str:
        """`default` or `muted`."""
        return str(self._own.get("notification_level") or "default")

    @property
    def last_consumed_message_index(self) -> int | None:
        """Up to where this user has read; None before anything was read."""
        index = self._own.get("last_consumed_message_index")
        return None if index is None else int(index)

    @property
    def last_message(self) -> LastMessage | None:
        """The newest message; None while the channel is empty."""
        index = self._number("last_message_index")
        seen = self._last_message
        if index is not None and (seen is None or seen.index < index):
            return LastMessage(index, None)
        return seen

    # Being in it.

    async def join(self) -> None:
        """Join; accepts an invitation if there is one."""
        action = "acceptInvitation" if self.status == INVITED else "joinChannel"
        self.apply_member(await self._ask(action))
        self.apply_own({"status": JOINED})

    async def accept_invitation(self) -> None:
        """Accept an invitation."""
        self.apply_member(await self._ask("acceptInvitation"))
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
        """Have push notifications for this channel, or none."""
        self.apply_own(await self._ask("setNotificationLevel", notification_level=level))

    # Members.

    def apply_member(self, record: dict[str, Any]) -> Member:
        """The member of a record."""
        member = self.members.get(record["identity"])
        if member is None:
            member = self.members[record["identity"]] = Member(self._client, self, record)
        else:
            member.apply(record)
        return member

    async def invite(self, identity: str) -> None:
        """Invite somebody."""
        await self._ask("inviteMember", identity=identity)

    async def add(self, identity: str, attributes: Attributes | None = None) -> Member:
        """Make somebody a member."""
        more = {} if attributes is None else {"attributes": attributes}
        return self.apply_member(await self._ask("addMember", identity=identity, **more))

    async def remove_member(self, identity: str) -> None:
        """Remove a member."""
        await self._ask("removeMember", identity=identity)

    async def get_members(self) -> list[Member]:
        """All members, oldest first."""
        members: list[Member] = []
        after: str | None = None
        while True:
            more = {} if after is None else {"after": after}
            page = await self._ask("listMembers", page_size=_PAGE_SIZE, **more)
            members += [self.apply_member(record) for record in page["members"]]
            after = page.get("next")
            if after is None:
                return members

    async def get_member_by_identity(self, identity: str) -> Member:
        """One member; raises RequestError (404) when there is none."""
        return self.apply_member(await self._ask("fetchMember", identity=identity))

    async def get_member_by_sid(self, sid: str) -> Member:
        """One member; raises RequestError (404) when there is none."""
        # The server takes a member's SID for an identity as well.
        return await self.get_member_by_identity(sid)

    async def get_user_descriptors(self) -> Paginator[User]:
        """The users of all members as they are now, oldest member first; not followed. Takes a request for each."""
        members = await self._client.page("listMembers", "members", self.apply_member, channel=self.sid)
        return await self._users_of(members)

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
        try:
            return await self._client.get_user_descriptor(member.identity)
        except RequestError as error:
            if error.status != 404:
                raise
            return None

    async def get_members_count(self) -> int:
        """How many members there are."""
        return int((await self._fetch())["members_count"])

    # Messages.

    def apply_message(self, record: dict[str, Any]) -> Message:
        """The message of a record."""
        self._highest_index = max(self._highest_index, record["index"])
        message = self.messages.get(record["sid"])
        if message is None:
            message = self.messages[record["sid"]] = Message(self._client, self, record)
        else:
            message.apply(record)
        return message

    async def send_message(
        self, body: str | None = None, attributes: Attributes | None = None, *, media_sid: str | None = None
    ) -> int:
        """Send a message and return its index; sent once, also when the connection breaks meanwhile.

        Messages to a channel get their indexes in the order of the calls: each is sent when the one before it was
        answered or has failed.
        """
        self._quiet_until = 0.0
        typing_is_said = self._typing_is_said
        given = {"body": body, "attributes": attributes, "media_sid": media_sid}
        members = {name: value for name, value in given.items() if value is not None}
        # The server works on several frames at a time.
        async with self._sending:
            if not typing_is_said.is_set():
                # What ends the typing would come before it, and others would see this user type on.
                await pause(self._client.timing, _TYPING_IS_SAID_SECONDS, typing_is_said)
            record = await self._ask("sendMessage", **members)
        return self.apply_message(record).index

    async def get_message(self, index: int) -> Message:
        """One message; raises RequestError (404) when there is none."""
        return self.apply_message(await self._ask("fetchMessage", message=index))

    async def get_messages(
        self,
        page_size: int = 30,
        anchor: Anchor = "end",
        direction: Literal["backwards", "forward"] = "backwards",
    ) -> Paginator[Message]:
        """Messages up to (or, forward, from) an index, inclusive; each page is in ascending order.

        Without an index, the last (or, forward, the first) ones.
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
        return int((await self._fetch())["messages_count"])

    async def get_unconsumed_messages_count(self) -> int | None:
        """How many messages are above the horizon; None before anything was read."""
        own = (await self._ask("fetchMyChannel"))["user_channel"]
        return self._apply_horizon(own)

    async def typing(self) -> None:
        """Say that this user is typing; said at most once per time that it holds, which a message ends."""
        now = self._client.timing.now()
        if now < self._quiet_until:
            return
        quiet_until = self._quiet_until = now + self._client.typing_seconds
        is_said = self._typing_is_said = asyncio.Event()
        try:
            result = await self._ask("typing")
        except BaseException:
            self._quiet_until = 0.0
            raise
        finally:
            is_said.set()
        if self._quiet_until == quiet_until:
            self._quiet_until = now + float(result["typing_timeout"])

    # What was read.

    async def advance_last_consumed_message_index(self, index: int) -> int | None:
        """This user has read up to this message; a smaller index changes nothing. Returns how many are unread."""
        return self._apply_horizon(await self._ask("advanceLastConsumedMessageIndex", index=index))

    async def update_last_consumed_message_index(self, index: int) -> int | None:
        """This user has read up to this message, though further before. Returns how many are unread."""
        return self._apply_horizon(await self._ask("updateLastConsumedMessageIndex", index=index))

    async def set_all_messages_consumed(self) -> int | None:
        """This user has read everything. Returns how many are unread."""
        return self._apply_horizon(await self._ask("setAllMessagesConsumed"))

    async def set_no_messages_consumed(self) -> int | None:
        """This user has read nothing. Returns how many are unread."""
        return self._apply_horizon(await self._ask("setNoMessagesConsumed"))

    def _apply_horizon(self, user_channel: dict[str, Any]) -> int | None:
        self.apply_own(user_channel, is_reply=True)
        count = user_channel.get("unread_messages_count")
        return None if count is None else int(count)

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

    async def _fetch(self) -> dict[str, Any]:
        record: dict[str, Any] = await self._ask("fetchChannel")
        self.apply(record)
        return record

    async def _ask(self, action: str, **members: Any) -> Any:
        return await self._client.request(action, channel=self.sid, **members)
