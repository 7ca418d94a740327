"""The client: one user's channels, messages and news over a connection that looks after itself."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar
from weakref import WeakSet

from parley_client.book import Book
from parley_client.channel import Channel
from parley_client.connection import DENIED, Connection
from parley_client.emitter import Emitter, EventStream
from parley_client.errors import ClientClosed, Denied, ParleyError, Refused
from parley_client.events import (
    ConnectionFailed,
    ConnectionStateChanged,
    Event,
    TokenAboutToExpire,
    TokenExpired,
)
from parley_client.following import Listed
from parley_client.line import TOKEN_EXPIRED, Line
from parley_client.paginator import Paginator
from parley_client.record import Attributes
from parley_client.session import Session
from parley_client.timing import RealTiming, Timing, pause
from parley_client.tokens import Provider, Tokens
from parley_client.user import User
from parley_client.users import Users
from parley_client.wire import Connect, open_wire

_OPENING_SECONDS = 10.0
"""How long after the start events are kept for the first stream."""
_REFRESH_AGAIN_SECONDS = 15.0
_DEFAULT_TYPING_SECONDS = 5.0

T = TypeVar("T")

_log = logging.getLogger("parley_client")


class Client(Emitter):
    """A user's client.

    Make one with `create`, or with `async with`, which closes it too:

        async with Client(url, make_token) as client:
            async for event in client.events():
                ...

    Args:
        url: The service's socket, `wss://...`.
        token: An access token, or a function that makes a fresh one each time, which may be a coroutine function.
        timing: Where time and chance come from.
        connect: What opens sockets.
    """

    def __init__(
        self,
        url: str,
        token: str | Provider,
        *,
        timing: Timing | None = None,
        connect: Connect = open_wire,
    ) -> None:
        self.kept: set[Emitter] = set()
        super().__init__(self.kept)
        self.timing: Timing = timing or RealTiming()
        self.book = Book(self)
        self.typing_seconds = _DEFAULT_TYPING_SECONDS
        self.service: dict[str, Any] = {}
        self._streams: WeakSet[EventStream] = WeakSet()
        self._opening: list[Event] | None = []
        self._opening_ends = math.inf
        self._is_over = False
        self._errands: set[asyncio.Task[None]] = set()
        self._tokens = Tokens(token, self.timing, self._token_about_to_expire, self._token_expired, self._whose)
        self._connection = Connection(url, self._tokens, connect, self.timing, self)
        self.users = Users(self, self._connection)
        self._session = Session(
            self._connection,
            self.timing,
            deliver=self.book.deliver,
            began=self._session_began,
            listed=self.book.listed,
            refollow=self.users.follow_again,
        )
        self._denial: Refused | None = None
        self._outcome = asyncio.Event()

    # Life.

    @classmethod
    async def create(cls, url: str, token: str | Provider, **options: Any) -> Client:
        """A client that is connected and knows its channels; raises Denied if the token is refused."""
        client = cls(url, token, **options)
        await client.start()
        return client

    async def start(self) -> None:
        """Connect, and wait until the user's channels are known; raises Denied if the token is refused.

        A client that does not get there, or is not waited for any longer, is shut down.
        """
        self._connection.start()
        self._session.start()
        try:
            await self._until_started()
        except BaseException:
            await self.shutdown()
            raise
        self._opening_ends = self.timing.now() + _OPENING_SECONDS

    async def _until_started(self) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._session.is_ready, self._outcome)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.has_started:
            return
        if self._denial is None:
            raise ClientClosed("the client was shut down")
        raise Denied(self._denial.status, self._denial.code, self._denial.message)

    @property
    def has_started(self) -> bool:
        """Whether the channels of this user are known, and told."""
        return self._session.is_ready.is_set()

    async def shutdown(self) -> None:
        """Close the connection for good and end the streams of events."""
        self._is_over = True
        self._tokens.stop()
        for errand in list(self._errands):
            errand.cancel()
        await self._session.stop()
        await self._connection.stop()
        self.book.forget()
        self._opening = None
        for stream in self._streams:
            stream.put(None)
        self._outcome.set()

    async def __aenter__(self) -> Client:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    def events(self) -> EventStream:
        """All events from now on, in order; what is not read is kept as long as the stream is, so read on.

        The first stream has those of the start too, and misses none if it is asked for within ten seconds of it.
        """
        stream = EventStream()
        for event in self._opening or ():
            stream.put(event)
        self._opening = None
        self._streams.add(stream)
        if self._is_over:
            stream.put(None)
        return stream

    def tell(self, event: Event) -> None:
        """Tell the client's callbacks and streams."""
        self.emit(event)
        if self._opening is not None and self.timing.now() < self._opening_ends:
            self._opening.append(event)
        for stream in self._streams:
            stream.put(event)

    # Who and where.

    @property
    def connection_state(self) -> str:
        """`connecting`, `connected`, `disconnecting`, `disconnected` or `denied`."""
        return self._connection.state

    @property
    def user(self) -> User:
        """This user; known once the client has started."""
        if self.users.own is None:
            raise ParleyError("the client has not started yet")
        return self.users.own

    @property
    def identity(self) -> str:
        """This user's identity; known once the client has started."""
        return self.user.identity

    @property
    def reachability_enabled(self) -> bool:
        """Whether the service tells who is online and who can be notified."""
        return bool(self.service.get("reachability_enabled"))

    # Channels.

    async def get_subscribed_channels(self) -> Paginator[Channel]:
        """The channels that this user is in or invited to."""

        def shown(item: dict[str, Any]) -> Channel:
            return self.book.listed(Listed(item["channel"], item["user_channel"]))

        return await self.page("listMyChannels", "channels", shown)

    async def get_public_channel_descriptors(self) -> Paginator[Channel]:
        """All public channels, as they are now; not kept up to date unless this user is in them."""
        return await self.page("listPublicChannels", "channels", self.book.channel)

    async def get_channel_by_sid(self, sid: str) -> Channel:
        """One channel; raises RequestError (404) when there is none, or none that this user may see."""
        return self.book.channel(await self.request("fetchChannel", channel=sid))

    async def get_channel_by_unique_name(self, unique_name: str) -> Channel:
        """One channel; raises RequestError (404) when there is none, or none that this user may see."""
        return self.book.channel(await self.request("fetchChannel", channel=unique_name))

    async def create_channel(
        self,
        *,
        friendly_name: str | None = None,
        unique_name: str | None = None,
        is_private: bool = False,
        attributes: Attributes | None = None,
    ) -> Channel:
        """Make a channel; this user has not joined it yet."""
        given = {"friendly_name": friendly_name, "unique_name": unique_name, "attributes": attributes}
        members = {name: value for name, value in given.items() if value is not None}
        kind = "private" if is_private else "public"
        return self.book.channel(await self.request("createChannel", type=kind, **members))

    # Users.

    async def get_user(self, identity: str) -> User:
        """A user, followed from now on; of more than 100 the oldest is followed no more.

        Raises RequestError (404) when there is none.
        """
        return await self.users.follow(identity)

    async def get_subscribed_users(self) -> list[User]:
        """The users whose changes are told: this user and those that are followed."""
        return [self.user, *self.users.followed]

    async def get_user_descriptor(self, identity: str) -> User:
        """A user as it is now; not followed."""
        return self.book.user(await self.request("fetchUser", identity=identity))

    async def get_user_descriptors(self) -> Paginator[User]:
        """All users of the service as they are now; not followed."""
        return await self.page("listUsers", "users", self.book.user)

    # Push notifications.

    async def register_binding(
        self,
        binding_type: Literal["apn", "fcm", "gcm"],
        address: str,
        *,
        message_types: list[str] | None = None,
        credential_sid: str | None = None,
        endpoint: str | None = None,
    ) -> str:
        """Have push notifications sent to an address; returns the binding's SID."""
        given = {"message_types": message_types, "credential_sid": credential_sid, "endpoint": endpoint}
        members = {name: value for name, value in given.items() if value is not None}
        binding = await self.request("registerBinding", binding_type=binding_type, address=address, **members)
        return str(binding["sid"])

    async def remove_binding(self, sid: str) -> None:
        """Have no more push notifications sent there."""
        await self.request("removeBinding", binding=sid)

    # Requests and tokens.

    async def request(self, action: str, **members: Any) -> Any:
        """Ask for any action of the protocol and return its result."""
        return await self._connection.request(action, members)

    async def update_token(self, token: str) -> None:
        """Go on with another token of the same identity.

        Raises RequestError, and goes on with the old one, if the server refuses it. If the connection is over or does
        not answer, the new token is tried when the next one is opened.
        """
        if self._is_over:
            raise ClientClosed("the client was shut down")
        await self._connection.refresh(token)
        if self._is_over:
            raise ClientClosed("the client was shut down")
        self._tokens.adopt(token)
        self._denial = None
        self._connection.try_again()

    def _token_about_to_expire(self, seconds_left: float) -> None:
        self.tell(TokenAboutToExpire(seconds_left))
        if self._tokens.has_provider:
            self._run_errand(self._refresh())

    def _token_expired(self) -> None:
        self.tell(TokenExpired())

    def _token_nearly_over(self, line: Line) -> None:
        if line.token == self._tokens.current:
            self._tokens.about_to_expire(self._tokens.seconds_left())
        elif not self._is_over:
            # This line was opened before the token was replaced, and the other one was told of it.
            self._run_errand(self._hand_in(line))

    async def _hand_in(self, line: Line) -> None:
        """Tell the server of the current token over a line that it knows by another."""
        if self._tokens.current is None:
            return
        try:
            await self._connection.refresh(self._tokens.current, line)
        except ParleyError as error:
            # The line ends with its token then, and the next one is opened with the current one.
            _log.warning("the server did not take the token over: %s", error)

    def _token_over(self, line: Line) -> None:
        if line.token == self._tokens.current:
            self._tokens.expired()

    async def _refresh(self) -> None:
        """Replace the token before it expires, however often that takes."""
        before = self._tokens.current
        while self._tokens.current == before and not self._is_over:
            try:
                token = await self._tokens.another()
                # The same again, of a provider that keeps its tokens say, is no replacement, and refused if this is.
                if token != before:
                    if token is not None:
                        await self.update_token(token)
                    return
            except Exception as error:
                _log.warning("could not replace the token: %s", error)
            await pause(self.timing, _REFRESH_AGAIN_SECONDS)

    def _run_errand(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # What the connection tells.

    def line_opened(self, line: Line) -> None:
        """A socket is open."""
        self._session.line_opened(line)

    def pushed(self, push: dict[str, Any], line: Line) -> None:
        """A push has come."""
        match push["event"]:
            case "typingStarted":
                self.book.typing_started(push)
            case "userUpdated":
                self.users.updated(push["user"], tuple(push.get("updateReasons") or ()))
            case "tokenAboutToExpire":
                self._token_nearly_over(line)
            case "tokenExpired":
                self._token_over(line)
            case "connectionError":
                event = ConnectionFailed(
                    bool(push.get("terminal")), str(push.get("message", "")), push.get("status"), push.get("code")
                )
                self.tell(event)
                if event.error_code == TOKEN_EXPIRED:
                    self._token_over(line)
            case _:
                self._session.push(push)

    def state_changed(self, state: str) -> None:
        """The connection's state is another one."""
        self.tell(ConnectionStateChanged(state))
        if state == DENIED:
            self._outcome.set()

    def failed(self, error: Exception, *, is_terminal: bool) -> None:
        """An attempt to connect failed."""
        status = code = None
        if isinstance(error, Refused):
            status, code = error.status, error.code or None
            self._denial = error if is_terminal else None
        self.tell(ConnectionFailed(is_terminal, str(error), status, code))

    # Session.

    def _whose(self) -> str | None:
        own = self.users.own
        return None if own is None else own.identity

    def _session_began(self, session: dict[str, Any]) -> None:
        self.service = session.get("service") or {}
        self.typing_seconds = float(self.service.get("typing_indicator_timeout") or _DEFAULT_TYPING_SECONDS)
        self.users.session_began(session["user"])

    # Pages.

    async def page(
        self,
        action: str,
        name: str,
        show: Callable[[dict[str, Any]], T],
        *,
        trail: tuple[str | None, ...] = (None,),
        **members: Any,
    ) -> Paginator[T]:
        """One page of a list, of which `name` has the records.

        The trail has the address of this page and of those before it.
        """

        def turn(trail: tuple[str | None, ...]) -> Awaitable[Paginator[T]]:
            return self.page(action, name, show, trail=trail, **members)

        after = {} if trail[-1] is None else {"after": trail[-1]}
        page = await self.request(action, **members, **after)
        following = page.get("next")
        return Paginator(
            [show(record) for record in page[name]],
            None if following is None else lambda: turn((*trail, following)),
            None if len(trail) == 1 else lambda: turn(trail[:-1]),
        )
