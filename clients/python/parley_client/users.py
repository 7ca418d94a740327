"""The users that a client hears of: its own, and those that it follows over whichever connection."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from parley_client.errors import ParleyError, RequestError
from parley_client.events import UserEvent, UserSubscribed, UserUnsubscribed
from parley_client.line import Line
from parley_client.user import User

if TYPE_CHECKING:
    from parley_client.client import Client
    from parley_client.connection import Connection

_MOST_FOLLOWED = 100
_FOLLOWED_AT_ONCE = 10
"""A user has up to 4 KB of attributes, quoted up to twice that: ten users fit into the 128 KB of a reply."""
_NOT_FOUND = 20404

_log = logging.getLogger("parley_client")


class Users:
    """The client's own user, known once a session has begun, and the followed ones, oldest first."""

    def __init__(self, client: Client, connection: Connection) -> None:
        self._client = client
        self._connection = connection
        self._followed: OrderedDict[str, User] = OrderedDict()
        self._wanted: dict[str, asyncio.Future[User | ParleyError]] = {}
        # The server refuses changes of what a connection follows that come at once.
        self._changing = asyncio.Lock()
        self.own: User | None = None

    @property
    def followed(self) -> list[User]:
        """The users that are followed."""
        return list(self._followed.values())

    def is_told(self, user: User) -> bool:
        """Whether changes of a user are told."""
        return user is self.own or self._followed.get(user.identity) is user

    async def follow(self, identity: str) -> User:
        """A user, followed from now on; of more than 100 the oldest is followed no more."""
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
        """Follow some who are wanted; where one of several is refused, the others do not suffer."""
        try:
            result = await self._client.request("followUsers", identities=identities)
        except RequestError as error:
            if len(identities) == 1:
                self._settle(identities[0], error)
            else:
                for identity in identities:
                    if identity in self._wanted:
                        await self._follow([identity])
            return
        except ParleyError as error:
            # Without a connection, all have waited long enough.
            for identity in list(self._wanted):
                self._settle(identity, error)
            return
        self._end(result.get("unfollowed") or [])
        records = {record["identity"]: record for record in result["users"]}
        for identity in identities:
            if identity in records:
                self._settle(identity, self._begin(self._client.book.user(records[identity])))
            else:
                self._settle(identity, RequestError(404, _NOT_FOUND, f"there is no user {identity}", "followUsers"))

    def _settle(self, identity: str, outcome: User | ParleyError) -> None:
        wanted = self._wanted.pop(identity, None)
        if wanted is not None:
            wanted.set_result(outcome)

    async def unfollow(self, user: User) -> None:
        """Hear of a user's changes no more."""
        async with self._changing:
            await self._client.request("unfollowUsers", identities=[user.identity])
        self._end([user.identity])

    async def follow_again(self, line: Line) -> None:
        """Follow everybody over a new connection, and tell what has changed meanwhile.

        Those of a request that the server refuses are asked for again over the next connection.
        """
        asked: set[str] = set()
        while part := [identity for identity in self._followed if identity not in asked][:_FOLLOWED_AT_ONCE]:
            asked.update(part)
            try:
                result = await self._connection.request("followUsers", {"identities": part}, line)
            except RequestError as error:
                _log.warning("%d users could not be followed again: %s", len(part), error)
                continue
            records = {record["identity"]: record for record in result["users"]}
            for record in records.values():
                self.updated(record)
            gone = [identity for identity in part if identity not in records]
            self._end([*gone, *(result.get("unfollowed") or [])])

    def session_began(self, record: dict[str, Any]) -> None:
        """This is the client's own user now."""
        if self.own is None:
            self.own = self._client.book.user(record)
            self.own.told = self.own.seq
        else:
            self.updated(record)

    def updated(self, record: dict[str, Any], reasons: tuple[str, ...] = ()) -> None:
        """A user is like this now."""
        user = self._followed.get(record["identity"])
        if self.own is not None and record["identity"] == self.own.identity:
            user = self.own
        if user is not None:
            self._client.book.user_changed(user, record, reasons)

    def _begin(self, user: User) -> User:
        is_new = user.identity not in self._followed
        self._followed[user.identity] = user
        if is_new:
            user.told = user.seq
            self._tell(UserSubscribed(user))
        if len(self._followed) > _MOST_FOLLOWED:
            self._end([next(iter(self._followed))])
        return user

    def _end(self, identities: list[str]) -> None:
        for identity in identities:
            user = self._followed.pop(identity, None)
            if user is not None:
                self._tell(UserUnsubscribed(user))

    def _tell(self, event: UserEvent) -> None:
        event.user.emit(event)
        self._client.tell(event)
