"""The examples on a running stack: each does what its README says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.end_to_end.clients import Socket, helper_library
from tests.examples.programs import EXAMPLES, PYTHON_CLIENT, Place, free_port, python, running
from tests.support.node_packages import environment, find_node, install
from tests.support.waiting import until

TOKEN_SERVER = EXAMPLES / "token-server"
PYTHON_EXAMPLES = ["token-server/server.py", "echo-bot/echo_bot.py", "webhook-moderator/moderator.py"]
REPEATS = "repeats what it hears"


def answer(request: Request | str) -> tuple[int, str]:
    """Status and text of the answer to a request."""
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module", params=["python", "node"])
def token_server(
    request: pytest.FixtureRequest, shared_place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a running token server of a language, which serves the folder of the HTML chat too."""
    if request.param == "python":
        command = python("token-server/server.py")
    else:
        node, _ = find_node("the token server for Node is")
        folder = tmp_path_factory.mktemp("node")
        # A module looks for packages beside itself.
        (folder / "node_modules").symlink_to(install(TOKEN_SERVER, "token-server", "the token server for Node is"))
        command = [node, shutil.copy(TOKEN_SERVER / "server.mjs", folder)]
    pages = str(EXAMPLES / "html-chat")
    with running(command, shared_place, r"http://127\.0\.0\.1:\d+", PORT="0", PAGES=pages) as found:
        yield found[0]


def test_the_token_server_gives_a_token_with_which_its_user_connects(shared_place: Place, token_server: str) -> None:
    status, text = answer(f"{token_server}/token?identity=alice")
    given = json.loads(text)
    assert (status, given["identity"], given["url"]) == (200, "alice", shared_place.info["ws_url"])
    with Socket(shared_place.info, given["token"]) as alice:
        session = alice.ask("fetchSession")["result"]
    assert (session["user"]["identity"], session["service"]["sid"]) == ("alice", shared_place.service_sid)


def test_the_token_server_gives_nobody_in_particular_no_token(token_server: str) -> None:
    for query in ("", "?identity="):
        assert answer(f"{token_server}/token{query}")[0] == 400


def test_the_token_server_serves_the_pages_of_its_folder_and_no_others(token_server: str) -> None:
    assert answer(f"{token_server}/index.html") == (200, (EXAMPLES / "html-chat" / "index.html").read_text())
    assert answer(f"{token_server}/..%2ftoken-server/server.py")[0] in (403, 404)


def test_the_bot_makes_its_channel_and_answers_there_and_where_it_is_invited(place: Place) -> None:
    with (
        running(python("echo-bot/echo_bot.py"), place, REPEATS),
        Socket(place.info, place.token("alice")) as alice,
    ):
        assert alice.ask("joinChannel", channel="general")["status"] == 201
        alice.ask("sendMessage", channel="general", body="hello")
        alice.push("messageAdded", message={"from": "echo", "body": "You said: hello"})
        den = alice.ask("createChannel", unique_name="den", type="private")["result"]["sid"]
        alice.ask("joinChannel", channel="den")
        alice.ask("inviteMember", channel="den", identity="echo")
        alice.push("memberJoined", channel_sid=den, member={"identity": "echo"})
        alice.ask("sendMessage", channel="den", body="anybody?")
        alice.push("messageAdded", message={"from": "echo", "body": "You said: anybody?"})


def test_the_bot_joins_a_channel_that_is_there_and_goes_on_after_a_refusal(place: Place) -> None:
    team = helper_library(place.info).chat.v2.services(place.service_sid).channels.create(unique_name="team")
    with (
        running([*python("echo-bot/echo_bot.py"), "team"], place, REPEATS),
        Socket(place.info, place.token("alice")) as alice,
    ):
        alice.ask("joinChannel", channel="team")
        # What the bot would say is over 32 KB.
        team.messages.create(from_="alice", body="x" * (32 * 1024))
        alice.ask("sendMessage", channel="team", body="hello")
        alice.push("messageAdded", message={"from": "echo", "body": "You said: hello"})
        said = [push["message"]["from"] for push in alice.pushes("messageAdded")]
        assert said.count("echo") == 1


def test_the_moderator_refuses_and_changes_messages_while_it_runs(place: Place) -> None:
    service = helper_library(place.info).chat.v2.services(place.service_sid)
    service.update(webhook_filters=["onMemberAdded"])
    port = free_port()
    moderator = python("webhook-moderator/moderator.py")
    with running(moderator, place, "Messages are read at (.+);", PORT=str(port)) as found:
        assert found[1] == f"http://127.0.0.1:{port}/before-sending"
        assert set(service.fetch().webhook_filters) == {"onMemberAdded", "onMessageSend", "onMessageUpdate"}
        with Socket(place.info, place.token("alice")) as alice:
            alice.ask("createChannel", unique_name="general")
            alice.ask("joinChannel", channel="general")

            def say(body: str) -> Any:
                reply = alice.ask("sendMessage", channel="general", body=body)
                return reply["result"]["body"] if reply["status"] == 201 else reply["error"]["code"]

            # Functions remember a service for up to ten seconds.
            until(lambda: say("A new Casino!") == 50056)
            assert say("hello") == "hello"
            assert say("write to alice@example.com") == "write to (an address)"
            sid = alice.ask("sendMessage", channel="general", body="hello")["result"]["sid"]
            edit = alice.ask("updateMessage", channel="general", message=sid, body="lottery")
            assert edit["error"]["code"] == 50056
        form = urlencode({"EventType": "onMessageSend", "Body": "hello"}).encode()
        forged = Request(found[1], form, {"X-Twilio-Signature": "c2lnbmVk"})
        assert answer(forged)[0] == 403
    after = service.fetch()
    assert (after.pre_webhook_url or "", after.webhook_filters) == ("", ["onMemberAdded"])


@pytest.mark.parametrize("example", [*PYTHON_EXAMPLES, "token-server/server.mjs"])
def test_an_example_without_settings_says_so_in_one_line(example: str, tmp_path: Path) -> None:
    command = python(example)
    if example.endswith(".mjs"):
        node, _ = find_node("the token server for Node is")
        (tmp_path / "node_modules").symlink_to(install(TOKEN_SERVER, "token-server", "the token server for Node is"))
        command = [node, shutil.copy(EXAMPLES / example, tmp_path)]
    variables = {"PARLEY_SETTINGS": str(tmp_path / "nothing.json"), "PYTHONPATH": str(PYTHON_CLIENT)}
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "make run" in done.stderr
