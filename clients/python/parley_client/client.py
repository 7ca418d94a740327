"""The client: one user's channels, messages and events over a connection that reconnects by itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, cast
from weakref import WeakSet

from parley_client.book import Book
from parley_client.channel import Channel
from parley_client.connection import DENIED, Connection
from parley_client.emitter import Emitter, Event, EventStream
from parley_client.errors import TOKEN_EXPIRED, ClientClosed, Denied, ParleyError, Refused
from parley_client.events import ConnectionFailed, ConnectionStateChanged, TokenAboutToExpire, TokenExpired
from parley_client.files import Files
from parley_client.line import Line
from parley_client.notifications import PushType, Registrations, parse_push_notification
from parley_client.paginator import Paginator, page_of
from parley_client.payloads import ConnectionErrorPush, MissedPush, Push, SessionResult, TypingPush, UserPush
from parley_client.record import Attributes, Hub
from parley_client.renewal import Renewal
from parley_client.session import Session
from parley_client.timing import RealTiming, Timing
from parley_client.tokens import Provider, Tokens
from parley_client.user import User
from parley_client.users import Users
from parley_client.wire import Connect, checked, open_wire

_OPENING_SECONDS = 10.0
"""For how long after the start the client keeps events for the first stream."""


class Client(Emitter):
    """A user's client.

    Make one with `create`, or with `async with`, which closes it too:

        async with Client(url, make_token) as client:
            async for event in client.events():
                ...

    Args:
        url: The service's socket, `wss://...`.
        token: An access token, or a function that makes a fresh one each time, which may be a coroutine function.
        timing: Provides time and random numbers.
        connect: Opens sockets.

    Raises:
        UnusableUrl: the URL cannot be that of a socket.
    """

    def __init__(
        self,
        url: str,
        token: str | Provider,
        *,
        timing: Timing | None = None,
        connect: Connect = open_wire,
    ) -> None:
        self._timing: Timing = timing or RealTiming()
        self._files = Files(self.request, lambda: self._tokens.current, self._timing)
        self._hub = Hub(self.request, self._tell, self._timing, self._files)
        super().__init__(self._hub.kept)
        self.service: dict[str, Any] = {}
        self._streams: WeakSet[EventStream] = WeakSet()
        self._opening: list[Event] | None = []
        self._opening_ends = math.inf
        self._is_over = False
        self._denial: Refused | None = None
        self._outcome = asyncio.Event()
        self._tokens = Tokens(token, self._timing, self._token_about_to_expire, self._token_expired, self._whose)
        self._connection = Connection(checked(url), self._tokens, connect, self._timing, self)
        self._renewal = Renewal(self._tokens, self._connection, self._timing, self._forget_denial)
        self._users = Users(self._hub, self._connection)
        self._registrations = Registrations(self.register_binding, self.remove_binding)
        self._book = Book(self._hub, self._users, lambda: self.has_started)
        self._session = Session(
            self._connection,
            self._timing,
            deliver=self._book.deliver,
            began=self._session_began,
            refollow=self._users.follow_again,
        )

    def __repr__(self) -> str:
        identity = None if self._users.own is None else self.identity
        return f"<Client identity={identity!r} connection_state={self.connection_state!r}>"

    # Starting and stopping.

    @classmethod
    async def create(cls, url: str, token: str | Provider, **options: Any) -> Client:
        """Make a client, connect it, and fetch its channels; raises Denied if the server refuses the token."""
        client = cls(url, token, **options)
        await client.start()
        return client

    async def start(self) -> None:
        """Connect, and wait until the user's channels are known; raises Denied if the server refuses the token.

        If the start fails or is cancelled, the client is shut down.
        """
        self._connection.start()
        self._session.start()
        try:
            await self._until_started()
        except BaseException:
            await self.shutdown()
            raise
        self._opening_ends = self._timing.now() + _OPENING_SECONDS

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
        """Whether the user's channels are known and the application has heard of them."""
        return self._session.is_ready.is_set()

    async def shutdown(self) -> None:
        """Close the connection for good and end the streams of events."""
        self._is_over = True
        self._renewal.stop()
        self._files.stop()
        await self._session.stop()
        await self._connection.stop()
        self._book.stop()
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
        """All events from now on, in order. A stream keeps every event until you read it, so read on or drop it.

        The first stream begins with the events of the start. Ask for it within ten seconds, or they are dropped.
        """
        stream = EventStream()
        for event in self._opening or ():
            stream.put(event)
        self._opening = None
        self._streams.add(stream)
        if self._is_over:
            stream.put(None)
        return stream

    def _tell(self, event: Event) -> None:
        self.emit(event)
        if self._opening is not None and self._timing.now() < self._opening_ends:
            self._opening.append(event)
        for stream in self._streams:
            stream.put(event)

    # State.

    @property
    def connection_state(self) -> str:
        """`connecting`, `connected`, `disconnecting`, `disconnected` or `denied`."""
        return self._connection.state

    @property
    def user(self) -> User:
        """This user; known once the client has started."""
        if self._users.own is None:
            raise ParleyError("the client has not started yet: use `async with` or `Client.create`")
        return self._users.own

    @property
    def identity(self) -> str:
        """This user's identity; known once the client has started."""
        return self.user.identity

    @property
    def reachability_enabled(self) -> bool:
        """Whether the service shows who is online and who can be notified."""
        return bool(self.service.get("reachability_enabled"))

    # Channels.

    async def get_subscribed_channels(self) -> Paginator[Channel]:
        """The channels that this user is in or invited to."""
        return await page_of(partial(self.request, "listMyChannels"), "channels", self._book.listed)

    async def get_public_channel_descriptors(self) -> Paginator[Channel]:
        """All public channels as they are now. Only the channels that this user is in are kept up to date."""
        return await page_of(partial(self.request, "listPublicChannels"), "channels", self._book.channel)

    async def get_channel_by_sid(self, sid: str) -> Channel:
        """One channel; raises RequestError (404) when there is none that this user may see."""
        return self._book.channel(await self.request("fetchChannel", channel=sid))

    async def get_channel_by_unique_name(self, unique_name: str) -> Channel:
        """One channel; raises RequestError (404) when there is none that this user may see."""
        return self._book.channel(await self.request("fetchChannel", channel=unique_name))

    async def create_channel(
        self,
        *,
        friendly_name: str | None = None,
        unique_name: str | None = None,
        type: Literal["public", "private"] = "public",  # noqa: A002 (as the protocol calls it)
        attributes: Attributes | None = None,
    ) -> Channel:
        """Create a channel. This user does not join it: call `join` for that."""
        given = {"friendly_name": friendly_name, "unique_name": unique_name, "attributes": attributes}
        members = {name: value for name, value in given.items() if value is not None}
        return self._book.channel(await self.request("createChannel", type=type, **members))

    # Users.

    async def get_user(self, identity: str) -> User:
        """Fetch a user and follow it; raises RequestError (404) when there is none.

        Beyond 100 users, the client stops following the one that it followed first.
        """
        return await self._users.follow(identity)

    async def get_subscribed_users(self) -> list[User]:
        """This user and the followed users. The application hears of their changes."""
        return [self.user, *self._users.followed]

    async def get_user_descriptor(self, identity: str) -> User:
        """Fetch a user as it is now, without following it."""
        return await self._users.fetch(identity)

    async def get_user_descriptors(self) -> Paginator[User]:
        """All users of the service as they are now, without following them."""
        return await page_of(partial(self.request, "listUsers"), "users", self._users.user)

    # Push notifications.

    async def register_binding(
        self,
        binding_type: PushType,
        address: str,
        *,
        message_types: list[str] | None = None,
        credential_sid: str | None = None,
        endpoint: str | None = None,
    ) -> str:
        """Register an address for push notifications; returns the binding's SID."""
        given = {"message_types": message_types, "credential_sid": credential_sid, "endpoint": endpoint}
        members = {name: value for name, value in given.items() if value is not None}
        binding = await self.request("registerBinding", binding_type=binding_type, address=address, **members)
        return str(binding["sid"])

    async def remove_binding(self, sid: str) -> None:
        """Remove a binding, so that its address gets no more push notifications."""
        await self.request("removeBinding", binding=sid)

    async def set_push_registration_id(self, type_: PushType, token: str) -> None:
        """Register this device's token for push notifications; if the client has registered another, that one goes.

        The device is an endpoint of its own, unless the access token names one.
        """
        await self._registrations.set(type_, token)

    async def unset_push_registration_id(self, type_: PushType) -> None:
        """Remove what this client has registered of this type."""
        await self._registrations.unset(type_)

    async def remove_push_registrations(self, type_: PushType, token: str) -> None:
        """Remove all of the user's registrations of a device's token, whichever client made them."""
        await self.request("removeBinding", binding_type=type_, address=token)

    def handle_push_notification(self, payload: Mapping[str, Any]) -> None:
        """Tell the application of a push notification that APNs or Firebase gave it, as a `PushNotification`.

        Raises:
            UnusableNotification: It is none of Parley's.
        """
        self._tell(parse_push_notification(payload))

    # Requests and tokens.

    async def request(self, action: str, **members: Any) -> Any:
        """Send a request for any action of the protocol and return its result."""
        return await self._connection.request(action, members)

    async def update_token(self, token: str) -> None:
        """Use another token of the same identity.

        If the server refuses it, this raises RequestError and the client goes on with the old one. If the connection is
        over or does not answer, the client opens the next connection with the new token.
        """
        await self._renewal.update(token)

    def _forget_denial(self) -> None:
        self._denial = None

    def _token_about_to_expire(self, seconds_left: float) -> None:
        self._tell(TokenAboutToExpire(seconds_left))
        self._renewal.begin()

    def _token_expired(self) -> None:
        self._tell(TokenExpired())

    def _whose(self) -> str | None:
        own = self._users.own
        return None if own is None else own.identity

    # Callbacks of the connection and the session.

    def line_opened(self, line: Line) -> None:
        """A socket is open."""
        self._session.line_opened(line)

    def pushed(self, push: dict[str, Any], line: Line) -> None:
        """A push has come."""
        match push["event"]:
            case "typingStarted":
                self._book.typing_started(cast(TypingPush, push))
            case "userUpdated":
                change = cast(UserPush, push)
                self._users.updated(change["user"], tuple(change.get("updateReasons") or ()))
            case "pushesMissed":
                self._session.missed(cast(MissedPush, push))
            case "tokenAboutToExpire":
                self._renewal.line_nearly_over(line)
            case "tokenExpired":
                self._renewal.line_over(line)
            case "connectionError":
                self._connection_error(cast(ConnectionErrorPush, push), line)
            case _:
                self._session.push(cast(Push, push))

    def _connection_error(self, push: ConnectionErrorPush, line: Line) -> None:
        is_terminal, message = bool(push.get("terminal")), str(push.get("message", ""))
        self._tell(ConnectionFailed(is_terminal, message, push.get("status"), push.get("code")))
        if push.get("code") == TOKEN_EXPIRED:
            self._renewal.line_over(line)

    def state_changed(self, state: str) -> None:
        """The connection has another state."""
        self._tell(ConnectionStateChanged(state))
        if state == DENIED:
            self._outcome.set()

    def failed(self, error: Exception, *, is_terminal: bool) -> None:
        """An attempt to connect failed."""
        status = code = None
        if isinstance(error, Refused):
            status, code = error.status, error.code or None
            self._denial = error if is_terminal else None
        self._tell(ConnectionFailed(is_terminal, str(error), status, code))

    def _session_began(self, session: SessionResult) -> None:
        self.service = session.get("service") or {}
        self._files.session_began(session)
        self._hub.typing_seconds = float(self.service.get("typing_indicator_timeout") or Hub.typing_seconds)
        self._users.session_began(session["user"])
