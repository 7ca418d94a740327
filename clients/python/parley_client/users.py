"""The users that a client knows: its own user, and the users that it follows over each of its connections."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from weakref import WeakValueDictionary

from parley_client.connection import Connection
from parley_client.errors import ParleyError, RequestError
from parley_client.events import UserEvent, UserSubscribed, UserUnsubscribed, UserUpdated
from parley_client.line import Line
from parley_client.payloads import FollowedUsers, UserRecord
from parley_client.record import Hub
from parley_client.user import User

_MOST_FOLLOWED = 100
_FOLLOWED_AT_ONCE = 10
"""How many users one request follows. A user takes up to 8 KB with escapes, so ten fit into a reply of 128 KB."""
_NOT_FOUND = 20404

_log = logging.getLogger("parley_client")


class Users:
    """One object per user that the application holds.

    Attributes:
        own: The client's own user; None until the first session has begun.
    """

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection
        self._users: WeakValueDictionary[str, User] = WeakValueDictionary()
        # The user that was followed first comes first.
        self._followed: OrderedDict[str, User] = OrderedDict()
        self._wanted: dict[str, asyncio.Future[User | ParleyError]] = {}
        # The server refuses two requests that change at the same time whom one connection follows.
        self._changing = asyncio.Lock()
        self.own: User | None = None

    @property
    def followed(self) -> list[User]:
        """The users that are followed."""
        return list(self._followed.values())

    def is_subscribed(self, user: User) -> bool:
        """Whether the application hears of a user's changes."""
        return user is self.own or self._followed.get(user.identity) is user

    def user(self, record: UserRecord) -> User:
        """The user of a record."""
        user = self._users.get(record["identity"])
        if user is None:
            user = self._users[record["identity"]] = User(self._hub, self, record)
        else:
            user.apply(record)
        return user

    async def fetch(self, identity: str) -> User:
        """Fetch a user as it is now, without following it."""
        return self.user(await self._hub.request("fetchUser", identity=identity))

    # Following.

    async def follow(self, identity: str) -> User:
        """Fetch a user and follow it. Beyond 100 users, drop the one followed first."""
        if self.own is not None and identity == self.own.identity:
            return self.own
        followed = self._wanted.setdefault(identity, asyncio.get_running_loop().create_future())
        while not followed.done():
            async with self._changing:
                if not followed.done():
                    await self._follow(list(self._wanted)[:_FOLLOWED_AT_ONCE])
        outcome = followed.result()
        if isinstance(outcome, ParleyError):
            raise outcome
        return outcome

    async def _follow(self, identities: list[str]) -> None:
        """Follow some of the wanted users. If the server refuses several at once, ask for each alone."""
        try:
            result: FollowedUsers = await self._hub.request("followUsers", identities=identities)
        except RequestError as error:
            if len(identities) == 1:
                self._settle(identities[0], error)
            else:
                for identity in identities:
                    if identity in self._wanted:
                        await self._follow([identity])
            return
        except ParleyError as error:
            # There is no connection, and all callers have waited as long as this request.
            for identity in list(self._wanted):
                self._settle(identity, error)
            return
        self._end(result.get("unfollowed") or [])
        records = {record["identity"]: record for record in result["users"]}
        for identity in identities:
            if identity in records:
                self._settle(identity, self._begin(self.user(records[identity])))
            else:
                self._settle(identity, RequestError(404, _NOT_FOUND, f"there is no user {identity}", "followUsers"))

    def _settle(self, identity: str, outcome: User | ParleyError) -> None:
        wanted = self._wanted.pop(identity, None)
        if wanted is not None:
            wanted.set_result(outcome)

    async def unfollow(self, user: User) -> None:
        """Stop following a user."""
        async with self._changing:
            await self._hub.request("unfollowUsers", identities=[user.identity])
        self._end([user.identity])

    async def follow_again(self, line: Line) -> None:
        """Follow everybody over a new connection, and tell the application what has changed meanwhile.

        If the server refuses a request, its users stay on the list, and the client asks again over the next connection.
        """
        asked: set[str] = set()
        while part := [identity for identity in self._followed if identity not in asked][:_FOLLOWED_AT_ONCE]:
            asked.update(part)
            try:
                result: FollowedUsers = await self._connection.request("followUsers", {"identities": part}, line)
            except RequestError as error:
                _log.warning("%d users could not be followed again: %s", len(part), error)
                continue
            records = {record["identity"]: record for record in result["users"]}
            for record in records.values():
                self.updated(record)
            gone = [identity for identity in part if identity not in records]
            self._end([*gone, *(result.get("unfollowed") or [])])

    # Events.

    def session_began(self, record: UserRecord) -> None:
        """A session has begun, and this is the client's own user."""
        if self.own is None:
            self.own = self.user(record)
            self.own.announced_seq = self.own.seq
        else:
            self.updated(record)

    def updated(self, record: UserRecord, reasons: tuple[str, ...] = ()) -> None:
        """A user has changed: tell the application, if it follows the user and has not heard of this version."""
        user = self._followed.get(record["identity"])
        if self.own is not None and record["identity"] == self.own.identity:
            user = self.own
        if user is None:
            return
        different = user.apply(record)
        if user.seq > user.announced_seq or different:
            user.announced_seq = user.seq
            self._tell(UserUpdated(user, reasons or different), "updated")

    def _begin(self, user: User) -> User:
        is_new = user.identity not in self._followed
        self._followed[user.identity] = user
        if is_new:
            user.announced_seq = user.seq
            self._tell(UserSubscribed(user))
        if len(self._followed) > _MOST_FOLLOWED:
            self._end([next(iter(self._followed))])
        return user

    def _end(self, identities: list[str]) -> None:
        for identity in identities:
            user = self._followed.pop(identity, None)
            if user is not None:
                self._tell(UserUnsubscribed(user))

    def _tell(self, event: UserEvent, name: str | None = None) -> None:
        event.user.emit(event, name)
        self._hub.tell(event)
