"""Each of the 23 events: done through its public door, received by a real server, judged by Twilio's validator."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from parley.faces import chat_events as events
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Received, Target
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import CASES, Scene

METHODS = ["POST", "GET"]
# The table's rows, so that a row without a case fails.
PRE_EVENTS = sorted({event.name for event in events.PRE_EVENTS.values()})
POST_EVENTS = sorted({event.name for event in events.POST_EVENTS.values()})


def common(owner: Owner, event: str, source: str, actor: str) -> dict[str, str]:
    told = {"AccountSid": owner.deployment.world.account_sid, "InstanceSid": owner.sid, "EventType": event}
    told |= {"Source": source, "RetryCount": "0"}
    return told | {"ClientIdentity": actor} if source == "SDK" else told


def check(received: Received, method: str) -> None:
    assert received.method == method
    assert received.is_signed_with(AUTH_TOKEN)
    assert not received.is_signed_with(AUTH_TOKEN[::-1])
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert received.headers.get("content-type") == (form if method == "POST" else None)
    assert bool(urlsplit(received.url).query) == (method == "GET") == (received.body == b"")
    assert len(received.token) == 32


# Half of the pre-events by one method, half by the other; each post-event by one from clients, by the other from REST.
@pytest.mark.parametrize(("event", "method"), [(name, METHODS[number % 2]) for number, name in enumerate(PRE_EVENTS)])
def test_an_owner_is_asked_with_all_parameters(owner: Owner, target: Target, event: str, method: str) -> None:
    scene = Scene(owner)
    case = CASES[event](scene)
    owner.configure(PreWebhookUrl=target.url, WebhookFilters=[event], WebhookMethod=method)
    case.client()
    (received,) = target.received
    check(received, method)
    assert received.parameters == common(owner, event, "SDK", "alice") | case.before


@pytest.mark.parametrize(("source", "method"), [("SDK", "POST"), ("API", "GET")])
@pytest.mark.parametrize("event", POST_EVENTS)
def test_an_owner_is_told_with_all_parameters(
    owner: Owner, webhooks: WebhooksFunction, target: Target, event: str, source: str, method: str
) -> None:
    scene = Scene(owner)
    case = CASES[event](scene)
    owner.configure(PostWebhookUrl=target.url, WebhookFilters=[event], WebhookMethod=method)
    assert webhooks.planned() == []
    _ = scene.alice
    made = case.client() if source == "SDK" else case.rest()
    webhooks.run()
    (received,) = target.received
    check(received, method)
    actor = {"SDK": "erin" if event == "onUserAdded" else "alice", "API": "system"}[source]
    assert received.parameters == common(owner, event, source, actor) | case.after(made, scene.now, actor)


def test_the_table_has_twilios_23_events() -> None:
    assert {*PRE_EVENTS, *POST_EVENTS} == set(events.SERVICE_FILTERS)
    assert set(CASES) == {*PRE_EVENTS, *POST_EVENTS}, "each event has a case in tests/webhooks/scenes.py"
    assert len(CASES) == 23
