"""Twilio's own JavaScript SDKs, from npm, in Node, against a local stack.

Each scenario is played with every line of the SDKs if `PARLEY_EVERY_CASE=1`, else with one of `twilio-chat` and one of
`@twilio/conversations`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local import npm
from local.home import REPOSITORY
from local.sdk.packages import BY_NAME, PACKAGES, SdkPackage
from local.stack.running import Stack
from parley.domain.notifications import CHAT, CONVERSATIONS
from tests.end_to_end.clients import helper_library
from tests.sdk.payloads import told
from tests.support.node_packages import environment, find_node
from tests.support.turns import EVERY_CASE

HERE = Path(__file__).resolve().parent
UNTESTED = "Twilio's own JavaScript SDKs are"


def with_lines(*names: str) -> pytest.MarkDecorator:
    """A mark that plays a scenario with these lines of the SDKs, or with all of them."""
    packages = PACKAGES if EVERY_CASE else [BY_NAME[name] for name in names]
    return pytest.mark.parametrize("package", packages, ids=lambda package: package.name)


def fetched(package: SdkPackage) -> str:
    try:
        return str(package.fetch())
    except npm.NpmMissing:
        pytest.skip(f"npm is not installed, so {UNTESTED} NOT tested")


def given(stack: Stack, **more: Any) -> dict[str, Any]:
    """A service of its own, and what a scenario needs to reach it."""
    made = helper_library(stack.info).chat.v2.services.create(friendly_name="sdk")
    # Typing does not end by itself within a test; 3.x and 4.x report what was read once in this interval.
    made.update(reachability_enabled=True, typing_indicator_timeout=60, consumption_report_interval=1)
    return {"stack": stack.info, "service_sid": made.sid, **more}


def with_room(stack: Stack, given: dict[str, Any], *identities: str) -> dict[str, Any]:
    """The same, with a private channel in which these people are."""
    channels = helper_library(stack.info).chat.v2.services(given["service_sid"]).channels
    room = channels.create(unique_name="room", friendly_name="The room", type="private")
    for identity in identities:
        channels(room.sid).members.create(identity=identity)
    return {**given, "channel_sid": room.sid, "identities": identities}


def play(script: str, given: dict[str, Any]) -> None:
    """Run a scenario of this folder; none of its checks may fail."""
    node, _ = find_node(UNTESTED)
    done = subprocess.run(
        [node, str(HERE / script)],
        cwd=REPOSITORY,
        env=environment(GIVEN=json.dumps(given), PYTHONPATH="layers/common/python:."),
        capture_output=True,
        encoding="utf-8",
        timeout=500,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["failures"] == [], "\n\n".join(told["failures"]) + done.stderr[-1000:]
    assert told["done"] > 0


@with_lines("twilio-chat-6.0.0", "conversations-3.0.1")
def test_everything_that_the_sdk_offers_works(stack: Stack, package: SdkPackage) -> None:
    notifications = told(CHAT if package.name.startswith("twilio-chat") else CONVERSATIONS)
    play("everything.mjs", given(stack, name=package.name, folder=fetched(package), notifications=notifications))


@with_lines("twilio-chat-3.4.0", "conversations-2.6.5")
def test_files_are_sent_received_and_fetched_by_members_alone(stack: Stack, package: SdkPackage) -> None:
    play("media.mjs", with_room(stack, given(stack, name=package.name, folder=fetched(package)), "alice", "bob"))


@with_lines("twilio-chat-4.0.0", "conversations-3.0.1")
def test_after_lost_and_doubled_pushes_the_sdk_has_what_is_there(stack: Stack, package: SdkPackage) -> None:
    room = with_room(stack, given(stack, name=package.name, folder=fetched(package)), "alice", "bob")
    messages = helper_library(stack.info).chat.v2.services(room["service_sid"]).channels(room["channel_sid"]).messages
    for number in range(5):
        messages.create(from_="alice", body=f"old {number}")
    play("losses.mjs", room)


@with_lines("twilio-chat-6.0.0", "conversations-2.6.5")
def test_connections_end_for_good_when_they_must(stack: Stack, package: SdkPackage) -> None:
    other = helper_library(stack.info).chat.v2.services.create(friendly_name="another")
    tick = [sys.executable, "-m", "tests.sdk.tick", str(stack.home.plan)]
    more = {"name": package.name, "folder": fetched(package), "other_service_sid": other.sid, "tick": tick}
    play("ends.mjs", with_room(stack, given(stack, **more), "bob"))


@pytest.mark.parametrize(
    "names",
    [("twilio-chat-3.4.0", "twilio-chat-6.0.0", "conversations-3.0.1"), ("twilio-chat-4.0.0", "conversations-2.6.5")],
    ids=" ".join,
)
def test_different_clients_share_a_room_and_lose_nothing_when_processes_die(
    stack: Stack, names: tuple[str, ...]
) -> None:
    sdks = [{"name": name, "folder": fetched(BY_NAME[name])} for name in names]
    identities = [f"person {number}" for number in range(len(names) + 1)]
    play("mixed.mjs", with_room(stack, given(stack, sdks=sdks, pids=stack.pids), *identities))
