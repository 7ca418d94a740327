"""Access tokens: the application hears before one expires, and it is replaced without a gap."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from parley_client import Client, ClientClosed, Refused, RequestError
from parley_client.tokens import expiry
from parley_client.wire import Wire, open_wire
from tests.client_python.fakes import FakeSocket, Lab, Listener, Refusal, first_refused, jwt, refusing, soon, until

pytestmark = pytest.mark.anyio
WARNING, END = (
    {"event": event, "token_expires_at": "2027-01-15T08:00:00Z"} for event in ("tokenAboutToExpire", "tokenExpired")
)


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "a.e30.c", "a.W10.c", "a.eyJleHAiOiJzb29uIn0.c"])
def test_a_token_that_does_not_say_when_it_expires_is_taken_as_it_is(token: str) -> None:
    assert expiry(token) is None


def test_the_expiry_is_read_from_the_token() -> None:
    assert expiry(jwt(1_800_000_000)) == 1_800_000_000


@pytest.mark.parametrize(("seconds", "lead"), [(3600, 180), (100, 25)])
async def test_a_token_is_announced_three_minutes_before_it_expires_or_late_in_a_short_life(
    lab: Lab, seconds: float, lead: float
) -> None:
    listener = await lab.start(lab.token(seconds=seconds))
    lab.timing.advance(seconds - lead - 1)
    assert await listener.has_not_heard("tokenAboutToExpire")
    lab.timing.advance(2)
    assert (await listener.heard("tokenAboutToExpire")).seconds_left == lead
    assert await listener.has_not_heard("tokenExpired")
    lab.timing.advance(lead)
    await listener.heard("tokenExpired")


async def test_a_token_is_announced_once_whether_the_server_or_the_clock_comes_first(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=3600))
    await lab.server.socket.push(WARNING)
    await lab.server.socket.push(END)
    await listener.heard("tokenExpired")
    lab.timing.advance(3700)
    assert len(await listener.heard_all("tokenAboutToExpire")) == len(listener.named("tokenExpired")) == 1


async def test_a_provider_replaces_the_token_before_it_expires(lab: Lab) -> None:
    listener = await lab.start(lambda: lab.token(seconds=3600))
    lab.timing.advance(3600 - 179)
    request = await lab.server.asked("refreshToken")
    assert request["token"] != lab.server.tokens[0]
    await until(lambda: listener.client._tokens.current == request["token"])
    lab.timing.advance(200)
    await soon(listener.client.request("fetchUser"))
    assert await listener.has_not_heard("tokenExpired")
    assert len(lab.server.sockets) == 1


async def test_a_provider_that_fails_is_asked_again_until_the_token_is_replaced(lab: Lab) -> None:
    failures = [RuntimeError("not now"), RuntimeError("not now")]
    calls: list[str] = []

    def provider() -> str:
        if calls and failures:
            raise failures.pop()
        calls.append("made")
        return lab.token(seconds=3600)

    listener = await lab.start(provider)
    await lab.leap(listener, 3600 - 179)
    for _ in range(2):
        await until(lambda: 15.0 in lab.timing.waits())
        lab.timing.advance(15)
    await lab.server.asked("refreshToken")


async def test_a_token_updated_by_hand_replaces_the_one_in_use_and_its_end_is_told(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=3600))
    token = lab.token(seconds=7200)
    await soon(listener.client.update_token(token))
    assert lab.server.last("refreshToken") == {"token": token}
    lab.timing.advance(3700)
    assert await listener.has_not_heard("tokenExpired")
    lab.server.socket.drop()
    await until(lambda: len(lab.server.tokens) == 2)
    assert lab.server.tokens[1] == token
    await until(lambda: listener.client.connection_state == "connected")
    await lab.server.socket.push(END)
    await listener.heard("tokenExpired")


@pytest.mark.parametrize("code", [20104, 20103, 51006])
async def test_a_token_updated_when_the_connection_is_over_is_used_for_the_next_one(lab: Lab, code: int) -> None:
    session = lab.server.answers["fetchSession"]

    def answer(frame: dict[str, Any]) -> Any:
        if len(lab.server.sockets) == 1:
            raise Refusal(401, code)
        return session(frame)

    listener = await lab.start(lab.token(seconds=3600))
    lab.server.answers["refreshToken"] = lab.server.answers["fetchSession"] = answer
    lab.timing.advance(3601)
    await listener.heard("tokenExpired")
    token = lab.token()
    await soon(listener.client.update_token(token))
    await until(lambda: len(lab.server.sockets) == 2 and listener.client.connection_state == "connected")
    assert lab.server.tokens[1] == token


@pytest.mark.parametrize(("status", "code"), [(401, 20104), (401, 20103), (403, 20106)])
async def test_a_token_that_is_refused_leaves_the_one_in_use(lab: Lab, status: int, code: int) -> None:
    token = lab.token()
    listener = await lab.start(token)
    lab.server.answers["refreshToken"] = refusing(status, code)
    with pytest.raises(RequestError, match=str(code)):
        await soon(listener.client.update_token(lab.token(seconds=-1)))
    assert await listener.has_not_heard("tokenExpired")
    assert len(lab.server.sockets) == 1
    lab.server.socket.drop()
    await until(lambda: len(lab.server.tokens) == 2)
    assert lab.server.tokens[1] == token


async def test_a_token_updated_while_nobody_answers_is_used_for_the_next_connection(lab: Lab) -> None:
    listener = await lab.start(lab.token())
    lab.server.silent |= {"refreshToken", "ping"}
    token = lab.token()
    updating = asyncio.create_task(listener.client.update_token(token))
    await lab.server.asked("refreshToken")
    lab.timing.advance(30)
    await soon(updating)
    lab.timing.advance(11)
    await until(lambda: len(lab.server.tokens) == 2)
    assert lab.server.tokens[1] == token


async def replaced_while_moving(lab: Lab, listener: Listener) -> tuple[FakeSocket, str]:
    """Replace the token while a client moves to a socket that was opened with the one before."""
    first, second, finish = await lab.move()
    token = lab.token(seconds=12 * 3600)
    await soon(listener.client.update_token(token))
    assert first.asked("refreshToken")
    await finish()
    await until(lambda: first.is_closed)
    return second, token


async def test_the_end_of_a_replaced_token_is_not_told(lab: Lab) -> None:
    listener = await lab.start(lab.token())
    second, token = await replaced_while_moving(lab, listener)
    await second.push(END)
    await second.close()
    await until(lambda: len(lab.server.tokens) == 3)
    assert lab.server.tokens[2] == token
    assert not listener.named("tokenExpired")


async def test_a_warning_about_a_replaced_token_gives_the_server_the_new_one(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=4 * 3600))
    second, token = await replaced_while_moving(lab, listener)
    await second.push(WARNING)
    assert (await lab.server.asked("refreshToken", socket=second))["token"] == token
    assert await listener.has_not_heard("tokenAboutToExpire")
    await second.push(WARNING)
    await listener.heard("tokenAboutToExpire")
    assert len(second.asked("refreshToken")) == 1


async def test_a_refusal_of_a_token_that_was_replaced_meanwhile_is_not_final(lab: Lab) -> None:
    before, after = lab.token(), lab.token()
    tried: list[str] = []
    is_answered = asyncio.Event()

    async def connect(url: str, token: str) -> Wire:
        tried.append(token)
        if token == before:
            await is_answered.wait()
            raise Refused(401, 20104, "Access Token expired")
        return await open_wire(url, token, proxy=None)

    client = Client(lab.server.url, before, timing=lab.timing, connect=connect)
    starting = asyncio.create_task(client.start())
    await until(lambda: tried)
    await client.update_token(after)
    is_answered.set()
    await soon(starting)
    assert tried == [before, after]
    await client.shutdown()


async def test_a_request_with_an_expired_token_waits_for_another_token(lab: Lab) -> None:
    lab.server.answers["fetchUser"] = first_refused(lambda frame: {"identity": "bob"}, 401, 20104)
    listener = await lab.start(lab.token())
    asking = asyncio.create_task(listener.client.request("fetchUser"))
    await listener.heard("tokenExpired")
    await until(lambda: listener.client.connection_state == "disconnected")
    await soon(listener.client.update_token(lab.token()))
    assert await soon(asking) == {"identity": "bob"}


async def test_a_token_is_not_replaced_by_somebody_elses(lab: Lab) -> None:
    listener = await lab.start(lab.token())
    lab.server.socket.drop()
    claims = base64.urlsafe_b64encode(json.dumps({"grants": {"identity": "żaba"}}).encode()).decode().rstrip("=")
    with pytest.raises(RequestError, match="of żaba, and the client is alice") as refused:
        await soon(listener.client.update_token(f"h.{claims}.s"))
    assert (refused.value.status, refused.value.code) == (403, 20106)
    await until(lambda: listener.client.connection_state == "connected")
    assert not any(claims in token for token in lab.server.tokens)


# Tokens that have expired when they come.


@pytest.mark.parametrize("seconds", [-60.0, 0.0])
async def test_a_token_that_has_expired_by_this_clock_is_left_to_the_server(lab: Lab, seconds: float) -> None:
    calls: list[str] = []

    def provider() -> str:
        calls.append(lab.token(seconds))
        return calls[-1]

    listener = await lab.start(provider)
    lab.timing.advance(1)
    assert await listener.has_not_heard("tokenAboutToExpire")
    assert await listener.has_not_heard("tokenExpired")
    assert len(calls) == 1
    await lab.server.socket.push(WARNING)
    request = await lab.server.asked("refreshToken")
    await until(lambda: listener.client._tokens.current == request["token"])
    lab.timing.advance(1)
    await soon(listener.client.request("fetchSession"))
    assert calls == [lab.server.tokens[0], request["token"]]
    assert len(listener.named("tokenAboutToExpire")) == 1


async def test_a_provider_that_gives_the_same_token_again_is_asked_for_another_every_15_seconds(lab: Lab) -> None:
    tokens = [lab.token(seconds=3600)]
    calls: list[str] = []

    def provider() -> str:
        calls.append(tokens[-1])
        return tokens[-1]

    listener = await lab.start(provider)
    await lab.leap(listener, 3600 - 179)
    for count in range(2, 5):
        await until(lambda count=count: len(calls) == count and 15.0 in lab.timing.waits())
        lab.timing.advance(15)
    assert lab.server.count("refreshToken") == 0
    tokens.append(lab.token())
    assert (await lab.server.asked("refreshToken"))["token"] == tokens[1]
    assert len(listener.named("tokenAboutToExpire")) == 1


async def test_a_refused_token_of_a_provider_is_offered_once_until_there_is_another(lab: Lab) -> None:
    tokens = [lab.token(seconds=3600)]
    listener = await lab.start(lambda: tokens[-1])
    await lab.leap(listener, 3600 - 179)
    await until(lambda: 15.0 in lab.timing.waits())
    lab.server.refusals = [(401, {"code": 20104, "message": "Access Token expired"})]
    lab.timing.advance(180)
    lab.server.socket.drop()
    await until(lambda: listener.client.connection_state == "denied")
    for _ in range(20):
        await until(lambda: 15.0 in lab.timing.waits())
        lab.timing.advance(15)
    assert len(lab.server.tokens) == 2
    assert len(listener.named("tokenExpired")) == 1
    tokens.append(lab.token())
    await until(lambda: listener.client.connection_state == "connected")
    assert lab.server.tokens[2:] == tokens[1:]


# Tokens during a move to another socket, and during a shutdown.


async def test_a_token_updated_while_the_client_is_shut_down_is_not_looked_after(lab: Lab) -> None:
    client = lab.client()
    await soon(client.start())
    lab.server.silent.add("refreshToken")
    updating = asyncio.create_task(client.update_token(lab.token()))
    await lab.server.asked("refreshToken")
    await soon(client.shutdown())
    with pytest.raises(ClientClosed):
        await soon(updating)
    assert lab.timing.waits() == []


class WarningWire:
    """A socket over which the server warns of the token while it closes."""

    def __init__(self, wire: Wire, lab: Lab) -> None:
        self._wire = wire
        self._lab = lab
        self.send, self.texts, self.abort = wire.send, wire.texts, wire.abort

    async def close(self) -> None:
        await self._lab.server.socket.push(WARNING)
        await self._wire.close()


async def test_a_warning_while_the_client_is_shut_down_asks_for_no_token(lab: Lab) -> None:
    calls: list[str] = []

    def provider() -> str:
        calls.append(lab.token())
        return calls[-1]

    async def connect(url: str, token: str) -> Wire:
        return WarningWire(await open_wire(url, token, proxy=None), lab)

    client = Client(lab.server.url, provider, timing=lab.timing, connect=connect)
    await soon(client.start())
    stream = client.events()
    await soon(client.shutdown())
    assert "tokenAboutToExpire" not in [event.name async for event in stream]
    assert not client._renewal._errands
    assert len(calls) == 1
    assert lab.timing.waits() == []
