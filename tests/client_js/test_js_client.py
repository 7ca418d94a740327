"""The JavaScript client: its own tests in Node, its types, and conversations with a stack in Node and in a browser.

CI has Node, npm and Chromium; where one is missing, what needs it is skipped and says so.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from local.home import REPOSITORY
from local.stack.running import Stack
from tests.console.browser import installed_chromium, tab
from tests.console.web_server import serving
from tests.end_to_end.clients import access_token, helper_library
from tests.support.node_packages import check_types, find_node, install, run, run_suite

HERE = Path(__file__).resolve().parent
CLIENT = REPOSITORY / "clients" / "js"
SUITES = sorted(path.name for path in HERE.glob("*.test.mjs"))
NODE_WITH_SOCKETS = 22

# What both sides of scenario.mjs are told. Only a refused token looks different in a browser, which shows no status.
TOLD: dict[str, Any] = {
    "session": ["connected", "alice", 0],
    "created": ["room", "The room", True, {"colour": "green"}, "notParticipating", "alice"],
    "alice hears of it": ["channelAdded room"],
    "hidden from others": ["ParleyError", 404, 20404],
    "alice hears of joining": ["channelJoined room", "memberJoined alice"],
    "bob hears of the invite": ["channelInvited room"],
    "invited": ["invited", "The room"],
    "bob hears of joining": ["channelJoined room", "memberJoined bob"],
    "alice hears of bob": ["memberJoined bob"],
    "members": ["alice", "bob"],
    "bob by SID": "bob",
    "descriptors": ["alice", "bob"],
    "bob sees typing": ["typingStarted alice"],
    "index of the first": 0,
    "bob hears a message": ["typingEnded alice", 'messageAdded 0 alice: hello {"mood":"good"}'],
    "alice hears both": ['messageAdded 0 alice: hello {"mood":"good"}', "messageAdded 1 bob: żółw 🐢 {}"],
    "bob hears an edit": ["messageAdded 1 bob: żółw 🐢 {}", "messageUpdated 0 Hello"],
    "not bob's to edit": ["ParleyError", 403, 50107],
    "author": ["bob", "bob"],
    "unread at first": None,
    "unread then": 1,
    "alice hears of reading": ["messageUpdated 0 Hello", "memberUpdated bob read 0"],
    "unread in the end": [0, 1],
    "pages": [
        [["number 5", "number 6", "number 7", "number 8"], True, False],
        [["żółw 🐢", "number 2", "number 3", "number 4"], True, True],
        [["Hello"], False, True],
    ],
    "in the middle": [3, 4],
    "counts": [2, 9],
    "index of what waited": 11,
    "bob hears what he missed": [
        "messageAdded 9 alice: while bob was away {}",
        "messageRemoved 10",
        "messageAdded 11 bob: sent while away {}",
    ],
    "the room's name for bob": "Our room",
    "bob hears of alice": "userUpdated alice is Alice A.",
    "alice for bob": ["Alice A.", True],
    "no such user": ["ParleyError", 404, 20404],
    "not bob's to delete": ["ParleyError", 403, 50107],
    "bob hears of leaving": ["channelLeft room", "channelRemoved room"],
    "alice hears bob leave": "memberLeft bob",
    "bob is back": ["channelJoined room", "memberJoined bob"],
    "bob hears of the end": ["channelRemoved room"],
    "channels at last": [0, 0],
    "a wrong token": ["ParleyError", 401, None],
}


FILES: dict[str, Any] = {
    "index": [0, 0, "media"],
    "files": [["film.mp4", "video/mp4", 5_000_000], ["table.csv", "text/csv", 3]],
    "text": "a,b",
    "part": [at % 251 for at in range(4_000_000, 4_000_004)],
    "whole": True,
    "progress": [True, 5_000_003],
    "beyond the end": ["TransferError", 416, None],
    "stopped": "AbortError",
    "messages": 1,
    "after its message": ["ParleyError", 404, 20404],
}


@pytest.fixture(scope="module")
def node() -> tuple[str, int]:
    """Node and its major version."""
    return find_node("the JavaScript client is")


@pytest.fixture(scope="module")
def node_modules(node: tuple[str, int]) -> Path:
    """A compiler for the types, and sockets for a Node that has none."""
    return install(HERE, "client-js", "the JavaScript client against a stack and its types are")


@pytest.fixture
def page() -> Iterator[Page]:
    with installed_chromium("the JavaScript client in a browser is") as browser, tab(browser, problems=[]) as opened:
        yield opened


@pytest.fixture
def conversation(stack: Stack) -> dict[str, Any]:
    """Where to connect and with which tokens: a service of its own, with nobody in it yet."""
    service = helper_library(stack.info).chat.v2.services.create(friendly_name="javascript")
    tokens = {identity: access_token(stack.info, service.sid, identity) for identity in ("alice", "bob")}
    tokens["stranger"] = access_token(stack.info, service.sid, "stranger", secret="wrong" * 8)
    return {"url": stack.info["ws_url"], "tokens": tokens}


@pytest.mark.parametrize("suite", SUITES)
def test_the_client_keeps_its_rules_against_a_fake_server(node: tuple[str, int], suite: str) -> None:
    run_suite(node[0], HERE / suite)


def test_the_types_accept_right_uses_and_refuse_wrong_ones(
    node: tuple[str, int], node_modules: Path, tmp_path: Path
) -> None:
    check_types(node[0], node_modules, tmp_path, "@parley/client", CLIENT / "parley.d.ts", HERE / "types.ts")


def test_everything_that_the_module_exports_is_typed_and_nothing_else(node: tuple[str, int]) -> None:
    program = (
        f"import * as parley from {json.dumps((CLIENT / 'parley.js').as_uri())}; console.log(...Object.keys(parley))"
    )
    exported = run([node[0], "--input-type=module", "-e", program]).split()
    typed = re.findall(r"^export class (\w+)", (CLIENT / "parley.d.ts").read_text(encoding="utf-8"), re.M)
    assert sorted(exported) == sorted(typed)


def converse(node: tuple[str, int], node_modules: Path, script: str, conversation: dict[str, Any], **more: str) -> Any:
    """What a script of this folder says of a conversation."""
    variables = {"NODE_MODULES": str(node_modules), "CONVERSATION": json.dumps(conversation), **more}
    return json.loads(run([node[0], str(HERE / script)], **variables))


def test_two_clients_converse_in_node(node: tuple[str, int], node_modules: Path, conversation: dict[str, Any]) -> None:
    assert converse(node, node_modules, "in_node.mjs", conversation) == TOLD


def test_two_clients_converse_over_the_sockets_that_node_has_itself(
    node: tuple[str, int], node_modules: Path, conversation: dict[str, Any]
) -> None:
    if node[1] < NODE_WITH_SOCKETS:
        pytest.skip(f"node is older than {NODE_WITH_SOCKETS}, so its own WebSocket class is NOT tested")
    told = converse(node, node_modules, "in_node.mjs", conversation, PLATFORM_SOCKETS="yes")
    assert told == TOLD | {"a wrong token": ["ParleyError", None, None]}


def converse_in_browser(page: Page, folder: Path, scenario: str, conversation: dict[str, Any]) -> Any:
    """What scenario.mjs says of a conversation in a page, which comes from another origin than the service."""
    for file in (CLIENT / "parley.js", HERE / "scenario.mjs"):
        shutil.copy(file, folder)
    shutil.copytree(CLIENT / "parley", folder / "parley")
    (folder / "index.html").write_text("<!doctype html><title>Parley</title>")
    with serving(folder) as url:
        page.goto(url)
        return page.evaluate(
            """async ([scenario, conversation]) => {
              const { Client } = await import('./parley.js');
              const scenarios = await import('./scenario.mjs');
              return scenarios[scenario]({ Client, ...conversation });
            }""",
            [scenario, conversation],
        )


def test_two_clients_converse_in_a_browser(page: Page, conversation: dict[str, Any], tmp_path: Path) -> None:
    told = converse_in_browser(page, tmp_path, "converse", conversation)
    assert told == TOLD | {"a wrong token": ["ParleyError", None, None]}


def test_two_clients_exchange_files_in_node(
    node: tuple[str, int], node_modules: Path, conversation: dict[str, Any]
) -> None:
    assert converse(node, node_modules, "in_node.mjs", conversation, SCENARIO="sendFiles") == FILES


def test_two_clients_exchange_files_in_a_browser(page: Page, conversation: dict[str, Any], tmp_path: Path) -> None:
    assert converse_in_browser(page, tmp_path, "sendFiles", conversation) == FILES


def test_despite_broken_connections_and_lost_pushes_the_client_announces_exactly_what_was_sent(
    node: tuple[str, int], node_modules: Path, conversation: dict[str, Any]
) -> None:
    found = converse(node, node_modules, "storm.mjs", conversation)
    assert found["sockets"] > 3
    assert sorted(found["made"]) == found["fetched"]
    assert found["told"] == sorted(set(found["told"]))
    assert len(found["fetched"]) == 61 - 60 // 5
