"""Owners who answer pre-events as a test wants it, and what a refusal must leave untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from parley.errors import NOT_FOUND
from parley.faces import chat_events as events
from parley.ports.http.outgoing import NoAnswer, Response
from parley.store import keys
from parley.store.writes import Update
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import Scene

REFUSED = (403, 50056)
JSON = "application/json"
EVENTS = sorted({event.name for event in events.PRE_EVENTS.values()})


def answer(owner: Owner) -> FakeOutgoing:
    """What `asked` owners answer is this object's `answer`."""
    outgoing = owner.deployment.runtime.outgoing
    assert isinstance(outgoing, FakeOutgoing)
    return outgoing


def says(owner: Owner, *said: Any, status: int = 200, content_type: str = JSON) -> None:
    """Let the owner answer with JSON, or with a text as it is."""
    body = said[0] if said and isinstance(said[0], bytes) else json.dumps(said[0]).encode() if said else b""
    answer(owner).answer = Response(status, {"content-type": content_type} if content_type else {}, body)


def asking_about(owner: Owner, *names: str, **fields: Any) -> None:
    owner.configure(PreWebhookUrl="https://example.com/hook", WebhookFilters=list(names or EVENTS), **fields)


def stored(owner: Owner, scene: Scene) -> dict[str, Any]:
    """Everything that an action could have changed."""
    rest, path = owner.house.rest, f"{owner.path}/Channels/{scene.channel}"
    channels = rest.get(f"{owner.path}/Channels", Type="private")["channels"]
    here = [channel["sid"] for channel in channels] == [scene.channel]
    return {
        "channels": channels,
        "messages": rest.get(f"{path}/Messages")["messages"] if here else None,
        "members": rest.get(f"{path}/Members")["members"] if here else None,
        "users": [
            {**user, "is_online": None, "is_notifiable": None} for user in rest.get(f"{owner.path}/Users")["users"]
        ],
    }


def refusal(act: Callable[[], Any]) -> tuple[int, int]:
    """Status and code with which an action is refused that a case does."""
    with pytest.raises(AssertionError) as raised:
        act()
    (reply,) = raised.value.args if isinstance(raised.value.args[0], dict) else ({},)
    return reply["status"], reply["error"]["code"]


class SlowOwner:
    """Lets time pass and does not answer, or answers with a status; the time goes by on the test's clock."""

    def __init__(self, owner: Owner, seconds: float, *statuses: int):
        self.owner, self.seconds, self.statuses = owner, seconds, list(statuses)

    def __call__(self, request: SentRequest) -> Response:
        self.owner.clock.advance(min(self.seconds, request.timeout_seconds))
        status = self.statuses.pop(0) if self.statuses else 0
        if not status:
            raise NoAnswer("timeout")
        return Response(status, {}, b"")


def told(request: SentRequest) -> dict[str, str]:
    """What an owner was asked with."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def stored_url(owner: Owner, url: str) -> None:
    """Store a URL that the API would refuse today, as one that was stored before."""
    world = owner.deployment.world
    key = keys.service(world.account_sid, owner.sid)
    world.table.commit(world.context().cause(), [Update(key, NOT_FOUND(), set={"pre_webhook_url": url})])
    owner.clock.advance(11)
