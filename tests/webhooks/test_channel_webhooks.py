"""Channel webhooks: which changes fire which of them, and what they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from local.template.template import Template
from parley.faces.chat_events import CHANNEL_FILTERS as FILTERS
from tests.ports.fakes import FakeOutgoing
from tests.sockets.deployment import Deployment
from tests.support.fakes import AUTH_TOKEN
from tests.support.target import Target
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import ATTRIBUTES, CASES, MEDIA, Scene

URL = "https://example.com/hook"
FLOW = "FW" + "0123456789abcdef" * 2


def fired(webhooks: WebhooksFunction) -> list[tuple[str, str]]:
    """Type and event of the deliveries that the latest changes owe to channel webhooks."""
    return [(told["WebhookType"], told["EventType"]) for told in parameters(webhooks)]


def parameters(webhooks: WebhooksFunction) -> list[dict[str, str]]:
    told = [delivery["parameters"] for delivery in webhooks.planned()]
    return [one for one in told if "WebhookSid" in one]


# webhook


# A channel has no webhooks before it is there.
@pytest.mark.parametrize(
    ("event", "source"),
    [(name, ("SDK", "API")[number % 2]) for number, name in enumerate(FILTERS) if name != "onChannelAdded"],
)
def test_a_webhook_is_told_of_each_event_that_it_names(
    owner: Owner, silent: WebhooksFunction, event: str, source: str
) -> None:
    scene = Scene(owner)
    webhook = owner.webhook(scene.channel, url=URL, filters=[event])
    owner.webhook(scene.channel, url=URL + "/other", filters=[name for name in FILTERS if name != event])
    case = CASES[event](scene)
    _ = scene.alice
    silent.planned()
    made = case.client() if source == "SDK" else case.rest()
    told = {one["WebhookSid"]: one for one in parameters(silent)}[webhook["sid"]]
    actor = "alice" if source == "SDK" else "system"
    common = {"AccountSid", "InstanceSid", "EventType", "Source", "WebhookType"} | ({"ClientIdentity"} & told.keys())
    own = {name: value for name, value in told.items() if name not in common | {"WebhookSid"}}
    assert own == case.after(made, scene.now, actor)
    assert (told["EventType"], told["Source"], told["WebhookType"]) == (event, source, "webhook")
    assert told.get("ClientIdentity") == (actor if source == "SDK" else None)


def test_a_webhook_is_called_at_its_url_by_its_method_signed_and_marked(
    owner: Owner, webhooks: WebhooksFunction, target: Target
) -> None:
    scene = Scene(owner)
    sids = {
        method: owner.webhook(scene.channel, url=target.url, method=method, filters=["onMessageSent"])["sid"]
        for method in ("GET", "POST")
    }
    webhooks.planned()
    scene.alice.done("sendMessage", channel="room", body="hello")
    webhooks.run()
    assert {received.method: received.parameters["WebhookSid"] for received in target.received} == sids
    assert all(received.is_signed_with(AUTH_TOKEN) for received in target.received)
    assert {received.parameters["RetryCount"] for received in target.received} == {"0"}
    assert len({received.token for received in target.received}) == 2


@pytest.mark.parametrize("count", [0, 3])
def test_a_webhook_has_a_retry_count_of_its_own(owner: Owner, silent: WebhooksFunction, count: int) -> None:
    scene = Scene(owner)
    owner.configure(PostWebhookRetryCount=3 - count)
    owner.webhook(scene.channel, url=URL, filters=["onMessageSent"], retry_count=count)
    owner.post(f"{scene.path}/Messages", Body="x")
    (delivery,) = silent.planned()
    assert delivery["retries"] == count


def test_a_webhook_is_told_of_its_own_channel_and_not_of_users(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    other = owner.channel()
    owner.webhook(scene.channel, url=URL, filters=list(FILTERS))
    owner.post(f"/Channels/{other}/Messages", Body="x")
    owner.post("/Users", Identity="erin")
    owner.post("/Users/alice", FriendlyName="x")
    assert fired(silent) == []


# trigger


TRIGGERS = [
    (["help"], "help", True),
    (["help"], "please HELP me", True),
    (["HELP"], "unhelpful", True),
    (["help"], "hel p", False),
    (["help"], "", False),
    (["one", "two"], "there are two", True),
    (["one", "two"], "three", False),
    (["two words"], "Two Words!", True),
    (["ß?"], "Straß?e", True),
    (["ÄRGER"], "ärger", True),
    (["straße"], "STRASSE", True),
    (["日本"], "日本語", True),
    (["\U0001f600"], "ha \U0001f600", True),
    (["."], "no regular expression", False),
    ([" "], "a blank", True),
]


def test_a_trigger_fires_on_messages_that_hold_one_of_its_words(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    path = f"{scene.path}/Webhooks/{owner.webhook(scene.channel, 'trigger', url=URL, triggers=['x'])['sid']}"
    for triggers, body, fires in TRIGGERS:
        owner.house.rest.post(owner.path + path, {"Configuration.Triggers": triggers})
        owner.post(f"{scene.path}/Messages", Body=body)
        assert fired(silent) == ([("trigger", "onMessageSent")] if fires else []), (triggers, body)


def test_a_trigger_fires_once_for_a_new_message_and_for_nothing_else(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.webhook(scene.channel, "trigger", url=URL, triggers=["x", "y", "z"])
    owner.post(f"{scene.path}/Messages/{scene.message}", Body="x")
    owner.post(scene.path, FriendlyName="x")
    owner.delete(f"{scene.path}/Messages/{scene.message}")
    owner.post(f"{scene.path}/Messages", MediaSid=owner.media(**{**MEDIA, "filename": "x.png"}))
    assert fired(silent) == []
    owner.post(f"{scene.path}/Messages", Body="xyz xyz")
    assert fired(silent) == [("trigger", "onMessageSent")]


# studio


def test_a_flow_is_told_of_messages_at_its_own_url_with_what_it_needs(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.post(scene.path, enabled=False, Attributes=ATTRIBUTES)
    webhook = owner.webhook(scene.channel, "studio", flow_sid=FLOW, retry_count=2)
    silent.planned()
    scene.alice.done("sendMessage", channel="room", body="hello")
    (delivery,) = silent.planned()
    assert (delivery["url"], delivery["method"]) == (f"https://flows.example.com/{FLOW}/run", "POST")
    assert delivery["retries"] == 2
    told = delivery["parameters"]
    assert (told["WebhookType"], told["WebhookSid"]) == ("studio", webhook["sid"])
    assert (told["To"], told["From"], told["Body"]) == (scene.channel, "alice", "hello")
    assert told["ChannelAttributes"] == ATTRIBUTES


def test_a_flow_is_called_by_the_function_as_every_target_is(
    deployment: Deployment, template: Template, owner: Owner, target: Target
) -> None:
    webhooks = WebhooksFunction(deployment, template, studio_url=target.url + "/{flow_sid}?a=b")
    scene = Scene(owner)
    owner.webhook(scene.channel, "studio", flow_sid=FLOW)
    owner.post(f"{scene.path}/Messages", Body="hello")
    webhooks.run()
    (received,) = target.received
    assert received.url == f"{target.url}/{FLOW}?a=b"
    assert received.is_signed_with(AUTH_TOKEN)


def test_a_flow_without_filters_is_told_of_sent_messages_of_both_kinds(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.webhook(scene.channel, "studio", flow_sid=FLOW)
    owner.post(f"{scene.path}/Messages", Body="x")
    owner.post(f"{scene.path}/Messages", MediaSid=owner.media(**MEDIA))
    owner.post(f"{scene.path}/Messages/{scene.message}", Body="y")
    owner.post(scene.path, FriendlyName="z")
    assert fired(silent) == [("studio", "onMessageSent"), ("studio", "onMediaMessageSent")]


def test_a_flow_with_filters_is_told_of_what_they_name(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.webhook(scene.channel, "studio", flow_sid=FLOW, filters=["onChannelUpdated", "onMemberAdded"])
    owner.post(f"{scene.path}/Messages", Body="x")
    owner.post(f"{scene.path}/Members", Identity="erin")
    owner.post(scene.path, Attributes=ATTRIBUTES)
    told = parameters(silent)
    assert [one["EventType"] for one in told] == ["onMemberAdded", "onChannelUpdated"]
    assert {one["To"] for one in told} == {scene.channel}


def test_a_flow_sees_the_channel_as_it_became_and_as_it_was_at_its_end(owner: Owner, silent: WebhooksFunction) -> None:
    """A container may remember a channel for ten seconds, and what is deleted cannot be read any more: a flow was told
    attributes that the very event contradicts, or none."""
    scene = Scene(owner)
    owner.webhook(
        scene.channel, "studio", flow_sid=FLOW, filters=["onMessageSent", "onChannelUpdated", "onChannelDestroyed"]
    )
    owner.post(f"{scene.path}/Messages", Body="x")
    owner.post(scene.path, Attributes=ATTRIBUTES)
    told = parameters(silent)
    owner.delete(scene.path)
    told += parameters(silent)
    assert [one["EventType"] for one in told] == ["onMessageSent", "onChannelUpdated", "onChannelDestroyed"]
    assert [one["ChannelAttributes"] for one in told[1:]] == [ATTRIBUTES, ATTRIBUTES]


def test_without_a_place_for_flows_nothing_is_sent(deployment: Deployment, template: Template, owner: Owner) -> None:
    webhooks = WebhooksFunction(deployment, template, FakeOutgoing(), studio_url="")
    scene = Scene(owner)
    owner.webhook(scene.channel, "studio", flow_sid=FLOW)
    owner.post(f"{scene.path}/Messages", Body="x")
    assert webhooks.planned() == []


# When they fire


EVERY_TYPE: list[tuple[str, dict[str, Any]]] = [
    ("webhook", {"url": URL, "filters": list(FILTERS)}),
    ("trigger", {"url": URL, "triggers": ["x"]}),
    ("studio", {"flow_sid": FLOW}),
]


@pytest.mark.parametrize(("type_", "configuration"), EVERY_TYPE)
def test_a_request_of_the_back_end_fires_a_webhook_only_if_it_says_so(
    owner: Owner, silent: WebhooksFunction, type_: str, configuration: dict[str, Any]
) -> None:
    scene = Scene(owner)
    owner.webhook(scene.channel, type_, **configuration)
    owner.post(f"{scene.path}/Messages", enabled=False, Body="x")
    assert fired(silent) == []
    owner.post(f"{scene.path}/Messages", Body="x")
    assert fired(silent) == [(type_, "onMessageSent")]


@pytest.mark.parametrize(("type_", "configuration"), EVERY_TYPE)
def test_a_webhook_fires_for_what_follows_its_creation_until_its_deletion(
    owner: Owner, silent: WebhooksFunction, type_: str, configuration: dict[str, Any]
) -> None:
    scene = Scene(owner)
    path = f"{scene.path}/Messages"
    owner.post(path, Body="x before")
    webhook = owner.webhook(scene.channel, type_, **configuration)
    owner.post(path, Body="x between")
    assert [told["Body"] for told in parameters(silent)] == ["x between"]
    owner.delete(f"{scene.path}/Webhooks/{webhook['sid']}")
    owner.post(path, Body="x after")
    assert parameters(silent) == []


def test_a_changed_webhook_fires_as_it_is_now(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    webhook = owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])
    path = f"{scene.path}/Webhooks/{webhook['sid']}"
    fields = {
        "Configuration.Url": URL + "/new",
        "Configuration.Filters": ["onMessageRemoved"],
        "Configuration.Method": "GET",
    }
    owner.house.rest.post(owner.path + path, fields)
    owner.post(f"{scene.path}/Messages", Body="x")
    owner.delete(f"{scene.path}/Messages/{scene.message}")
    (delivery,) = silent.planned()
    assert (delivery["url"], delivery["method"]) == (URL + "/new", "GET")
    assert delivery["parameters"]["EventType"] == "onMessageRemoved"


def test_five_webhooks_and_the_services_own_are_all_told_each_under_a_token_of_its_own(
    owner: Owner, silent: WebhooksFunction
) -> None:
    scene = Scene(owner)
    owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    made = [owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])["sid"] for _ in range(5)]
    owner.post(f"{scene.path}/Messages", Body="x")
    deliveries = silent.planned()
    assert sorted(one["parameters"].get("WebhookSid", "") for one in deliveries) == sorted([*made, ""])
    assert len({one["id"] for one in deliveries}) == len({one["group"] for one in deliveries}) == 6


def test_the_end_of_a_channel_is_told_to_its_webhooks(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.webhook(scene.channel, url=URL, filters=["onChannelDestroyed"])
    owner.delete(scene.path)
    assert fired(silent) == [("webhook", "onChannelDestroyed")]
