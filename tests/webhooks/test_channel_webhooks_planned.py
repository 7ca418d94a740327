"""How deliveries to channel webhooks are planned, and what they cost channels with and without any."""

from __future__ import annotations

import json

from parley.errors import NOT_FOUND
from parley.store import keys
from parley.store.writes import Update
from tests.support.lean import LeanClient
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import Scene

URL = "https://example.com/hook"


def test_a_delivery_that_is_planned_twice_has_the_same_token_and_each_target_has_its_own(
    owner: Owner, silent: WebhooksFunction
) -> None:
    scene = Scene(owner)
    owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    for _ in range(2):
        owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])
    silent.planned()
    for body in ("one", "two"):
        owner.post(f"{scene.path}/Messages", Body=body)
    changes = silent.new_changes()
    first = silent.planned(changes)
    silent.start()
    assert silent.planned(changes) == first
    assert len({one["id"] for one in first}) == 6
    assert len({one["group"] for one in first}) == 3


def test_deliveries_to_one_target_about_one_channel_are_one_group(owner: Owner, silent: WebhooksFunction) -> None:
    scene = Scene(owner)
    owner.configure(
        PostWebhookUrl=URL, WebhookFilters=["onMessageSent", "onMemberAdded", "onChannelUpdated", "onUserAdded"]
    )
    other = owner.channel()
    silent.planned()
    owner.post(f"{scene.path}/Messages", Body="x")
    owner.post(scene.path, FriendlyName="x")
    owner.post(f"{scene.path}/Members", Identity="erin")
    owner.post(f"/Channels/{other}/Messages", Body="x")
    groups: dict[str, list[str]] = {}
    for delivery in silent.planned():
        groups.setdefault(delivery["group"], []).append(delivery["parameters"]["EventType"])
    assert list(groups.values()) == [
        ["onMessageSent", "onChannelUpdated", "onMemberAdded"],
        ["onUserAdded"],
        ["onMessageSent"],
    ]


def test_a_channel_without_webhooks_costs_planning_no_request(
    owner: Owner, silent: WebhooksFunction, lean: LeanClient
) -> None:
    scene = Scene(owner)
    owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    for number in range(3):
        owner.post(f"{scene.path}/Messages", Body=f"{number}")
    warm, *changes = silent.new_changes()[-3:]
    silent.planned([warm])
    with lean.metered() as meter:
        assert len(silent.planned(changes)) == 2
    assert meter.requests.total() == 0


def test_a_channel_with_webhooks_costs_one_request_a_batch(
    owner: Owner, silent: WebhooksFunction, lean: LeanClient
) -> None:
    scene = Scene(owner)
    for number in range(5):
        owner.webhook(scene.channel, url=f"{URL}/{number}", filters=["onMessageSent"])
    for number in range(4):
        owner.post(f"{scene.path}/Messages", Body=f"{number}")
    warm, *changes = silent.new_changes()[-4:]
    silent.planned([warm])
    with lean.metered() as meter:
        assert len(silent.planned(changes)) == 15
    assert meter.requests.total() == 1


def test_a_channel_whose_last_webhook_is_gone_costs_nothing_again(
    owner: Owner, silent: WebhooksFunction, lean: LeanClient
) -> None:
    scene = Scene(owner)
    webhook = owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])
    owner.post(f"{scene.path}/Messages", Body="x")
    silent.planned()
    owner.delete(f"{scene.path}/Webhooks/{webhook['sid']}")
    owner.post(f"{scene.path}/Messages", Body="x")
    changes = silent.new_changes()
    with lean.metered() as meter:
        assert silent.planned(changes) == []
    assert meter.requests.total() == 0


def test_sending_a_message_to_a_channel_with_webhooks_costs_what_it_costs_without(
    owner: Owner, silent: WebhooksFunction, lean: LeanClient
) -> None:
    scene = Scene(owner)

    def cost() -> tuple[int, float]:
        with lean.metered() as meter:
            owner.post(f"{scene.path}/Messages", Body="x")
        return meter.requests.total(), meter.write_units

    cost()
    before = cost()
    owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])
    assert cost() == before == (2, 2)
    assert len(silent.planned()) == 1


def test_a_webhook_that_lost_its_filters_is_passed_over_and_holds_nothing_up(
    owner: Owner, silent: WebhooksFunction
) -> None:
    scene = Scene(owner)
    owner.configure(PostWebhookUrl=URL, WebhookFilters=["onMessageSent"])
    webhook = owner.webhook(scene.channel, url=URL, filters=["onMessageSent"])
    world = owner.deployment.world
    key = keys.channel_webhook(scene.channel, webhook["sid"])
    lost = {"configuration.filters": None}
    world.table.commit(world.context().cause(), [Update(key, NOT_FOUND(), set=lost)])
    owner.post(f"{scene.path}/Messages", Body="x")
    (delivery,) = silent.planned()
    assert "WebhookSid" not in delivery["parameters"]
    assert json.loads(json.dumps(delivery)) == delivery
