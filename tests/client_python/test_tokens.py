"""Access tokens: told of before they run out, replaced without a gap."""

from __future__ import annotations

import pytest

from parley_client.tokens import expiry
from tests.client_python.fakes import Lab, Refusal, jwt, soon, until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "a.e30.c", "a.W10.c", "a.eyJleHAiOiJzb29uIn0.c"])
def test_a_token_that_does_not_say_when_it_expires_is_taken_as_it_is(token: str) -> None:
    assert expiry(token) is None


def test_the_expiry_is_read_from_the_token() -> None:
    assert expiry(jwt(1_800_000_000)) == 1_800_000_000


async def test_a_token_is_announced_three_minutes_before_it_expires_and_when_it_has(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=3600))
    lab.timing.advance(3600 - 181)
    assert await listener.has_not_heard("tokenAboutToExpire")
    lab.timing.advance(2)
    assert (await listener.heard("tokenAboutToExpire")).seconds_left == 180
    assert await listener.has_not_heard("tokenExpired")
    lab.timing.advance(180)
    await listener.heard("tokenExpired")


async def test_a_short_lived_token_is_announced_when_most_of_its_life_is_over(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=100))
    lab.timing.advance(74)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert await listener.has_not_heard("tokenAboutToExpire")
    lab.timing.advance(2)
    await listener.heard("tokenAboutToExpire")


async def test_a_token_is_announced_once_whoever_says_so_first(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=3600))
    for event in ("tokenAboutToExpire", "tokenExpired"):
        await lab.server.socket.push({"event": event, "token_expires_at": "2027-01-15T08:00:00Z"})
    await listener.heard("tokenExpired")
    lab.timing.advance(3700)
    await lab.server.socket.push({"event": "connectionError", "terminal": False})
    await listener.heard("connectionError")
    assert len(listener.named("tokenAboutToExpire")) == len(listener.named("tokenExpired")) == 1


async def test_a_provider_replaces_the_token_before_it_expires(lab: Lab) -> None:
    listener = await lab.start(lambda: lab.token(seconds=3600))
    lab.timing.advance(3600 - 179)
    request = await lab.server.asked("refreshToken")
    assert request["token"] != lab.server.tokens[0]
    await until(lambda: listener.client._tokens.current == request["token"])
    lab.timing.advance(200)
    await soon(listener.client.request("fetchUser", identity="bob"))
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

    await lab.start(provider)
    lab.timing.advance(3600 - 179)
    for _ in range(2):
        await until(lambda: 15.0 in lab.timing.waits())
        lab.timing.advance(15)
    await lab.server.asked("refreshToken")


async def test_a_token_updated_by_hand_replaces_the_one_in_use(lab: Lab) -> None:
    listener = await lab.start(lab.token(seconds=3600))
    token = lab.token(seconds=7200)
    await soon(listener.client.update_token(token))
    assert (await lab.server.asked("refreshToken"))["token"] == token
    lab.timing.advance(3700)
    await soon(listener.client.request("fetchUser", identity="bob"))
    assert await listener.has_not_heard("tokenExpired")
    lab.server.socket.drop()
    await until(lambda: len(lab.server.tokens) == 2)
    assert lab.server.tokens[1] == token


async def test_a_token_of_somebody_else_is_not_taken_over(lab: Lab) -> None:
    def refuse(frame: object) -> None:
        raise Refusal(403, 20106)

    lab.server.answers["refreshToken"] = refuse
    token = lab.token()
    listener = await lab.start(token)
    with pytest.raises(Exception, match="20106"):
        await soon(listener.client.update_token(lab.token()))
    lab.server.socket.drop()
    await until(lambda: len(lab.server.tokens) == 2)
    assert lab.server.tokens[1] == token
