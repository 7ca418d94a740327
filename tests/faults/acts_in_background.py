"""Acts in the background: planning, webhooks, replays, burials, sweeps, timers and activity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from parley.operations import transitions
from tests.faults.act import DONE, FAILED, Act
from tests.faults.scene import HOOK, SETTLED_SECONDS, Scene
from tests.sockets import asking
from tests.support.world import World


def _post(scene: Scene) -> None:
    asked = {"X-Twilio-Webhook-Enabled": "true"}
    assert scene.rest("POST", f"{scene.room.path}/Messages", {"Body": "hello"}, headers=asked).status == 201


def _sent(scene: Scene) -> list[dict[str, Any]]:
    _post(scene)
    return scene.webhooks.new_changes()


def _plan(scene: Scene, container: World, records: list[dict[str, Any]]) -> int:
    scene.webhooks.deliveries.take()
    scene.webhooks.start(container)
    answer = scene.webhooks.plan_records(records)
    is_planned = [delivery["url"] for delivery in scene.webhooks.deliveries.entries] == [HOOK]
    return DONE if is_planned and not answer["batchItemFailures"] else FAILED


def _queued(scene: Scene) -> list[dict[str, Any]]:
    _post(scene)
    return scene.webhooks.planned()


def _deliver(scene: Scene, container: World, deliveries: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return FAILED if scene.webhooks.deliver(*deliveries) else DONE


def _asked_for_older(scene: Scene) -> list[dict[str, Any]]:
    """The replay of three messages to a new webhook of their conversation."""
    path = f"{scene.conversations}/{scene.rest.post(scene.conversations)['sid']}"
    for body in "123":
        scene.rest.post(f"{path}/Messages", Body=body)
    scene.webhooks.skip_stream()
    wanted = {"Url": HOOK, "Filters": "onMessageAdded", "ReplayAfter": "0"}
    scene.rest.post(
        f"{path}/Webhooks", {"Target": "webhook", **{f"Configuration.{name}": wanted[name] for name in wanted}}
    )
    return scene.webhooks.planned()


def _deleted(scene: Scene) -> list[dict[str, Any]]:
    """The job that erases the tombstones of a member, an invite and a message."""
    scene.room.delete("/Members/alice")
    scene.room.delete(f"/Messages/{asking.address(scene.room, 0)}")
    scene.invited.delete("/Invites/" + scene.rest.get(f"{scene.invited.path}/Invites")["invites"][0]["sid"])
    scene.deployment.announce()
    scene.webhooks.plan()
    scene.world.clock.advance(2 * SETTLED_SECONDS)
    burials, scene.webhooks.work.burials = scene.webhooks.work.burials, []
    return burials


def _bury(scene: Scene, container: World, burials: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return FAILED if any(scene.webhooks.bury(entry) for entry in burials) else DONE


def carry_out(scene: Scene, container: World, jobs: list[dict[str, Any]]) -> int:
    scene.webhooks.start(container)
    return FAILED if any(scene.webhooks.do_job(job) for job in jobs) else DONE


def carry_out_one(scene: Scene, container: World, job: dict[str, Any]) -> int:
    return carry_out(scene, container, [job])


def _started(scene: Scene) -> list[dict[str, Any]]:
    """The jobs that timers and activity have started so far."""
    scene.webhooks.plan()
    jobs, scene.webhooks.work.timed = scene.webhooks.work.timed, []
    return jobs


def _timers_have_run_out(scene: Scene) -> list[dict[str, Any]]:
    """Of three conversations, one becomes inactive, one closes, and one was active since."""
    path = scene.conversations
    both = {"Timers.Inactive": "PT1M", "Timers.Closed": "PT2H"}
    scene.rest.post(path, both)
    scene.rest.post(path, {"Timers.Closed": "PT10M"})
    busy = scene.rest.post(path, both)["sid"]
    scene.world.clock.advance(3600)
    scene.rest.post(f"{path}/{busy}/Messages", Body="hello")
    scene.webhooks.skip_stream()
    scene.webhooks.tick()
    return _started(scene)


def _active_in_another_hour(scene: Scene) -> list[dict[str, Any]]:
    sid = scene.rest.post(scene.conversations)["sid"]
    scene.world.clock.advance(3600)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{scene.conversations}/{sid}/Messages", Body="hello")
    return _started(scene)


def _closed_conversation(scene: Scene) -> list[dict[str, Any]]:
    sid = scene.rest.post(scene.conversations)["sid"]
    for identity in ("alice", "bob"):
        scene.rest.post(f"{scene.conversations}/{sid}/Participants", Identity=identity)
    scene.webhooks.skip_stream()
    scene.rest.post(f"{scene.conversations}/{sid}", State="closed")
    scene.webhooks.plan()
    return [{"job": "sweep", **job} for job in scene.webhooks.work.take()]


def _sweep(kind: str, path: Callable[[Scene], str]) -> Act:
    def prepare(scene: Scene) -> list[dict[str, Any]]:
        assert scene.rest("DELETE", path(scene)).status == 204
        scene.world.clock.advance(SETTLED_SECONDS)
        scene.deployment.announce()
        scene.webhooks.plan()
        jobs = [job for job in scene.webhooks.work.take() if job["kind"] == kind]
        assert jobs
        return jobs

    def do(scene: Scene, container: World, jobs: list[dict[str, Any]]) -> int:
        scene.webhooks.start(container)
        return FAILED if any(scene.webhooks.sweep_untold(job) for job in jobs) else DONE

    return Act(f"job:sweep {kind}", do, prepare, is_repeated=True)


SWEEPS = [
    _sweep("channel", lambda scene: scene.room.path),
    _sweep("user", lambda scene: f"{scene.house.path}/Users/carol"),
    _sweep("service", lambda scene: scene.house.path),
]


def _interrupted(scene: Scene) -> dict[str, Any]:
    """The job of a conversation that was made with its participants by a function that died right after."""
    with patch.object(transitions, "begin"):
        path = f"{scene.phones['service']}/ConversationWithParticipants"
        answer = scene.rest("POST", path, {"Participant": '{"identity": "zoe"}'})
    assert answer.status == 202
    scene.webhooks.plan()
    (job,) = scene.webhooks.work.take()
    return job


DELIVERIES = [
    Act("job:webhook", _deliver, _queued, is_repeated=True),
    Act("job:replay", _deliver, _asked_for_older, is_repeated=True),
    Act("job:bury", _bury, _deleted, is_repeated=True),
    Act("job:begin", carry_out_one, _interrupted, is_repeated=True),
]
PLANNING = Act("planning", _plan, _sent, is_repeated=True)
CONVERSATIONS = [
    Act("job:sweep closed", carry_out, _closed_conversation, is_repeated=True),
    Act("job:timers", carry_out, _timers_have_run_out, is_repeated=True),
    Act("job:activity", carry_out, _active_in_another_hour, is_repeated=True),
]
