"""What owners are told after the fact, beside the parameters of each event: when they are told nothing, and odd changes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from local.home import REPOSITORY
from parley.faces.chat_events import POST_EVENTS, PRE_EVENTS, SERVICE_FILTERS
from parley.faces.events import names as names_of
from tests.sockets.deployment import House
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import CASES, Scene

URL = "https://example.com/hook"
# A message and a channel are removed after everything else was done with them.
EVENTS = sorted(
    {event.name for event in POST_EVENTS.values()}, key=lambda name: (name[-9:] == "Destroyed", "Removed" in name)
)


@pytest.fixture
def scene(owner: Owner, silent: WebhooksFunction) -> Scene:
    """A service whose owner hears of everything; nothing is announced yet."""
    scene = Scene(owner)
    owner.post("/Users", enabled=False, Identity="dave")
    owner.configure(PostWebhookUrl=URL, WebhookFilters=list(names_of(POST_EVENTS)))
    _ = scene.alice
    silent.planned()
    return scene


def told(silent: WebhooksFunction) -> list[dict[str, str]]:
    """The parameters that the latest changes owe."""
    return [delivery["parameters"] for delivery in silent.planned()]


def do_everything(scene: Scene) -> None:
    """Do over REST what each event tells of."""
    for event in EVENTS:
        CASES[event](scene).rest()


def test_all_events_together_are_told_in_their_order(scene: Scene, silent: WebhooksFunction) -> None:
    do_everything(scene)
    assert [parameters["EventType"] for parameters in told(silent)] == EVENTS


def test_an_event_is_not_told_when_the_filters_name_all_others(scene: Scene, silent: WebhooksFunction) -> None:
    for event in EVENTS:
        scene.owner.configure(WebhookFilters=[name for name in SERVICE_FILTERS if name != event])
        CASES[event](scene).rest()
        assert told(silent) == []


@pytest.mark.parametrize(
    "settings",
    [{"WebhookFilters": ""}, {"PostWebhookUrl": ""}, {"WebhookFilters": list(names_of(PRE_EVENTS))}],
    ids=str,
)
def test_nothing_is_told_unless_a_url_and_filters_say_so(
    scene: Scene, silent: WebhooksFunction, settings: dict[str, Any]
) -> None:
    scene.owner.configure(**settings)
    do_everything(scene)
    scene.owner.house.device("george")
    assert told(silent) == []


@pytest.mark.parametrize("value", [None, "false", "", "yes", "1"])
def test_nothing_is_told_of_rest_requests_without_the_header_that_asks_for_it(
    scene: Scene, silent: WebhooksFunction, value: str | None
) -> None:
    scene.owner.header = {} if value is None else {"X-Twilio-Webhook-Enabled": value}
    do_everything(scene)
    assert told(silent) == []


def test_nothing_is_told_of_a_deleted_service(scene: Scene, silent: WebhooksFunction) -> None:
    scene.owner.delete("")
    assert told(silent) == []


def test_the_owner_of_another_service_is_told_nothing(scene: Scene, silent: WebhooksFunction) -> None:
    Owner(House(scene.owner.deployment)).post("/Channels", FriendlyName="x")
    assert told(silent) == []


def test_a_change_of_the_settings_counts_within_ten_seconds_also_in_a_warm_container(
    scene: Scene, silent: WebhooksFunction
) -> None:
    scene.alice.done("sendMessage", channel="room", body="x")
    assert len(told(silent)) == 1
    scene.owner.house.rest.post(scene.owner.path, WebhookFilters="onUserAdded")
    scene.owner.clock.advance(10)
    scene.alice.done("sendMessage", channel="room", body="y")
    assert told(silent) == []


def test_an_empty_message_has_an_empty_body(scene: Scene, silent: WebhooksFunction) -> None:
    scene.alice.done("sendMessage", channel="room", body="")
    assert told(silent)[0]["Body"] == ""


def test_a_channel_that_lost_its_name_is_reported_without_one(scene: Scene, silent: WebhooksFunction) -> None:
    scene.owner.post(scene.path, UniqueName="")
    assert "UniqueName" not in told(silent)[0]


def test_a_member_with_a_new_identity_is_told_together_with_the_new_user(
    scene: Scene, silent: WebhooksFunction
) -> None:
    scene.owner.post(f"{scene.path}/Members", Identity="erin")
    assert sorted(parameters["EventType"] for parameters in told(silent)) == ["onMemberAdded", "onUserAdded"]


def test_a_poison_record_is_reported_and_what_came_before_is_planned(
    scene: Scene, silent: WebhooksFunction, caplog: pytest.LogCaptureFixture
) -> None:
    for body in ("first", "poison", "third"):
        scene.alice.done("sendMessage", channel="room", body=body)
    records = [record for record in silent.new_changes() if record["dynamodb"].get("NewImage", {}).get("body")]
    del records[1]["dynamodb"]["NewImage"]["service_sid"]
    position = records[1]["dynamodb"]["SequenceNumber"]
    caplog.clear()
    assert silent.plan_records(records) == {"batchItemFailures": [{"itemIdentifier": position}]}
    assert [delivery["parameters"]["Body"] for delivery in silent.deliveries.take()] == ["first"]
    (failure,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(failure)["sequence_number"] == position
    assert silent.plan_records(records[2:]) == {"batchItemFailures": []}
    assert [delivery["parameters"]["Body"] for delivery in silent.deliveries.take()] == ["third"]


def test_the_documentation_lists_exactly_the_parameters_that_are_sent() -> None:
    text = (REPOSITORY / "docs" / "webhooks.md").read_text(encoding="utf-8")
    documented: dict[str, str] = {}
    previous = ""
    for names, own in re.findall(r"^\| ((?:`on\w+`(?:, )?)+) \| (.*) \|$", text, re.MULTILINE):
        words = " ".join(re.findall(r"`([^`]*)`", own))
        parameters = f"{previous} {words}" if "the same" in own else words
        documented |= dict.fromkeys(re.findall(r"`(\w+)`", names), parameters)
        previous = previous if "the same" in own else words
    sent = {event.name: set(event.parameters.split()) for event in POST_EVENTS.values()}
    told = {name: set(words.split()) for name, words in documented.items()}
    assert {name: parameters for name, parameters in told.items() if name in sent} == told
    assert told == {name: sent[name] for name in told}
    assert set(sent) - set(told) <= {"onMediaMessageSent"}
