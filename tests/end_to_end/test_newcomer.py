"""What a newcomer does and sees: Twilio's library, real sockets and a web server, all on one machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from local.home import REPOSITORY
from local.stack.running import Stack, start_stack
from tests.end_to_end.clients import Socket, access_token, helper_library, refusal
from tests.support.target import serving
from tests.support.waiting import until


def test_the_stack_says_where_it_is_and_writes_it_to_local_json(stack: Stack) -> None:
    written = json.loads(stack.home.info.read_text())
    assert stack.info == written
    assert re.fullmatch("AC[0-9a-f]{32}", written["account_sid"])
    assert re.fullmatch("[0-9a-f]{32}", written["auth_token"])
    assert re.fullmatch("SK[0-9a-f]{32}", written["api_key_sid"])
    assert re.fullmatch("[0-9A-Za-z]{32}", written["api_key_secret"])
    assert written["pid"] == stack.process.pid
    assert set(written) == {
        *("account_sid", "auth_token", "api_key_sid", "api_key_secret"),
        *("rest_url", "ws_url", "sdk_url", "console_url", "pid", "phone_numbers", "whatsapp_senders"),
        "carrier_numbers",
    }
    until(lambda: "Parley is ready" in stack.printed)
    for value in written.values():
        for shown in value if isinstance(value, list) else [value]:
            assert isinstance(shown, int) or shown in stack.printed


def test_the_printed_commands_tell_one_story_alice_hears_what_bob_posts(stack: Stack) -> None:
    make, listen, post = until(lambda: _commands(stack))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    shell: dict[str, Any] = {"shell": True, "text": True, "cwd": REPOSITORY, "env": environment}
    made = subprocess.run(f'{make}; printf %s "$SERVICE"', **shell, capture_output=True, timeout=120, check=True)
    assert re.fullmatch("IS[0-9a-f]{32}", made.stdout)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(f"exec {listen}", **shell, **pipes) as alice:
        too_long = threading.Timer(60, alice.kill)
        too_long.start()
        try:
            _line_with(alice, "Connected")
            posted = subprocess.run(f"SERVICE={made.stdout}; {post}", **shell, capture_output=True, timeout=120)
            assert json.loads(posted.stdout)["body"] == "Hello"
            assert '"messageAdded"' in _line_with(alice, '"body":"Hello"')
        finally:
            too_long.cancel()
            alice.kill()


def _line_with(process: subprocess.Popen[str], text: str) -> str:
    """The first line of a process's output that has this text."""
    assert process.stdout is not None
    return next(line for line in process.stdout if text in line)


def _commands(stack: Stack) -> list[str]:
    """The commands of the first printed story, each as one line."""
    _, found, below = stack.printed.partition("In another terminal")
    story, is_whole, _ = below.replace("\\\n", " ").partition("If your back end uses Conversations")
    return [line.strip() for line in story.splitlines() if line.startswith("  ")] if found and is_whole else []


def test_the_terminal_names_a_webhook_target_that_does_not_answer(stack: Stack, twilio: Client, service: Any) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as unused:
        host = f"127.0.0.1:{unused.getsockname()[1]}"
    twilio.chat.v2.services(service.sid).update(
        post_webhook_url=f"http://{host}/hooks?key=secret", webhook_filters=["onChannelAdded"]
    )
    # Back ends' own actions fire webhooks if they ask for it.
    for number in range(2):
        channels = twilio.chat.v2.services(service.sid).channels
        channels.create(friendly_name=f"number {number}", x_twilio_webhook_enabled="true")
    line = f"! webhook onChannelAdded: {host} does not answer (Connection refused)"
    until(lambda: line in stack.printed)
    assert "key=secret" not in stack.printed


def test_a_new_service_has_its_four_roles_and_three_of_them_are_its_defaults(twilio: Client, service: Any) -> None:
    roles = {role.friendly_name: role for role in twilio.chat.v2.services(service.sid).roles.list()}
    assert {name: role.type for name, role in roles.items()} == {
        "service admin": "deployment",
        "service user": "deployment",
        "channel admin": "channel",
        "channel user": "channel",
    }
    assert service.default_service_role_sid == roles["service user"].sid
    assert service.default_channel_role_sid == roles["channel user"].sid
    assert service.default_channel_creator_role_sid == roles["channel admin"].sid
    assert "sendMessage" in roles["channel user"].permissions


def test_the_library_builds_a_conversation_and_pages_through_it(twilio: Client, service: Any) -> None:
    chat = twilio.chat.v2.services(service.sid)
    users = [chat.users.create(identity=identity) for identity in ("alice", "bob")]
    channel = chat.channels.create(unique_name="general", friendly_name="General", type="private")
    for identity in ("alice", "bob"):
        chat.channels("general").members.create(identity=identity)
    sent = [chat.channels("general").messages.create(from_="alice", body=f"number {number}") for number in range(5)]

    assert [message.index for message in sent] == list(range(5))
    assert chat.users("alice").fetch().sid == users[0].sid
    assert chat.users("bob").fetch().joined_channels_count == 1
    assert [member.identity for member in channel.members.list()] == ["alice", "bob"]
    pages = [channel.messages.page(page_size=2)]
    while following := pages[-1].next_page():
        pages.append(following)
    assert [[message.body for message in page] for page in pages] == [
        ["number 0", "number 1"],
        ["number 2", "number 3"],
        ["number 4"],
    ]
    fetched = chat.channels("general").fetch()
    assert (fetched.sid, fetched.members_count, fetched.messages_count) == (channel.sid, 2, 5)


def test_the_library_edits_and_deletes_a_message(twilio: Client, room: Any) -> None:
    first, second = (room.messages.create(from_="alice", body=body) for body in ("helo", "bye"))
    edited = first.update(body="hello", attributes='{"mood": "good"}')
    assert (edited.body, edited.attributes, edited.was_edited) == ("hello", '{"mood": "good"}', True)
    assert edited.last_updated_by == "system"
    assert second.delete()
    assert [message.body for message in room.messages.list()] == ["hello"]
    with pytest.raises(TwilioRestException) as gone:
        second.fetch()
    assert refusal(gone.value) == (404, 20404)


def test_bob_hears_what_rest_and_alice_post_and_alice_gets_one_reply(
    stack: Stack, twilio: Client, service: Any, room: Any
) -> None:
    key = twilio.new_signing_keys.create(friendly_name="chat")
    signed = {"signing_key_sid": key.sid, "secret": key.secret}
    with (
        Socket(stack.info, access_token(stack.info, service.sid, "alice", **signed)) as alice,
        Socket(stack.info, access_token(stack.info, service.sid, "bob", **signed)) as bob,
    ):
        posted = room.messages.create(from_="system", body="from REST")
        heard = bob.push("messageAdded")
        assert heard["message"]["sid"] == posted.sid
        assert heard["channel_sid"] == room.sid

        reply = alice.ask("sendMessage", id="a-frame-of-alice-1", channel="general", body="from alice")
        assert (reply["status"], reply["result"]["from"], reply["result"]["index"]) == (201, "alice", 1)
        second = bob.wait(lambda frames: sum(frame.get("event") == "messageAdded" for frame in frames) >= 2)[-1]
        assert second["message"] == reply["result"]
        assert second["seq"] > heard["seq"]
        assert "request" not in second
        own = alice.push("messageAdded", request="a-frame-of-alice-1")
        assert own == {**second, "request": "a-frame-of-alice-1"}

        # Every frame that alice was sent is here once a later reply is.
        assert alice.ask("fetchMessage", channel="general", message=posted.sid)["status"] == 200
        assert [frame["status"] for frame in alice.frames if frame.get("id") == "a-frame-of-alice-1"] == [201]
    assert room.messages(reply["result"]["sid"]).fetch().body == "from alice"


def test_a_key_of_either_resource_signs_tokens_and_opens_the_rest_api(
    stack: Stack, twilio: Client, service: Any
) -> None:
    for made in (twilio.new_keys, twilio.new_signing_keys):
        key = made.create(friendly_name="either")
        holder = helper_library(stack.info, key.sid, key.secret)
        assert holder.chat.v2.services(service.sid).fetch().sid == service.sid
        token = access_token(stack.info, service.sid, "alice", signing_key_sid=key.sid, secret=key.secret)
        with Socket(stack.info, token) as alice:
            assert alice.ask("fetchChannel", channel="nothing")["error"]["code"] == 20404


def test_a_token_may_come_as_a_subprotocol_and_the_other_one_is_confirmed(
    stack: Stack, service: Any, room: Any
) -> None:
    token = access_token(stack.info, service.sid, "alice")
    with Socket(stack.info, token, in_subprotocol=True) as alice:
        assert alice.subprotocol == "parley.v1"
        assert alice.ask("sendMessage", channel="general", body="hello")["status"] == 201


def test_a_post_event_reaches_the_owner_with_all_documented_parameters_and_a_valid_signature(
    stack: Stack, twilio: Client
) -> None:
    with serving() as owner:
        service = twilio.chat.v2.services.create(friendly_name="with webhooks")
        service.update(post_webhook_url=owner.url, webhook_filters=["onMessageSent", "onMemberAdded"])
        channel = twilio.chat.v2.services(service.sid).channels.create(unique_name="general")
        channel.members.create(identity="alice")
        with Socket(stack.info, access_token(stack.info, service.sid, "alice")) as alice:
            sent = alice.ask("sendMessage", channel="general", body="Hi & bye +1 ü", attributes={"mood": "good"})
            # A socket that closes before gets no push, and then no log line tells of one.
            alice.push("messageAdded")
        (request,) = owner.wait(len)

    message = sent["result"]
    dates = request.parameters["DateCreated"]
    assert re.fullmatch(re.escape(message["date_created"][:-1]) + r"\.\d{3}Z", dates)
    assert request.parameters == {
        "AccountSid": stack.info["account_sid"],
        "InstanceSid": service.sid,
        "EventType": "onMessageSent",
        "Source": "SDK",
        "ClientIdentity": "alice",
        "RetryCount": "0",
        "ChannelSid": channel.sid,
        "MessageSid": message["sid"],
        "Index": "0",
        "DateCreated": dates,
        "Body": "Hi & bye +1 ü",
        "Attributes": '{"mood":"good"}',
        "From": "alice",
        "To": channel.sid,
    }
    assert request.method == "POST"
    assert request.is_signed_with(stack.info["auth_token"])
    assert not request.is_signed_with("0" * 32)
    assert re.fullmatch("[0-9a-f]{32}", request.headers["i-twilio-idempotency-token"])
    request_id = request.headers["twilio-request-id"]
    until(lambda: {"pushed", "webhook"} <= _told_of(stack, request_id))


def _told_of(stack: Stack, request_id: str) -> set[str]:
    """The kinds of log lines that name a request."""
    lines = "".join(path.read_text() for path in stack.home.logs.glob("*.log")).splitlines()
    return {json.loads(line)["message"] for line in lines if request_id in line and line.startswith("{")}


def test_rest_fires_webhooks_only_when_it_asks_for_them(stack: Stack, twilio: Client) -> None:
    with serving() as owner:
        service = twilio.chat.v2.services.create(friendly_name="with webhooks")
        service.update(post_webhook_url=owner.url, webhook_filters=["onMessageSent"])
        channel = twilio.chat.v2.services(service.sid).channels.create()
        channel.messages.create(body="silent")
        channel.messages.create(body="announced", x_twilio_webhook_enabled="true")
        (request,) = owner.wait(len)
    assert request.parameters["Body"] == "announced"
    assert request.parameters["Source"] == "API"
    assert "ClientIdentity" not in request.parameters


@dataclass
class Kept:
    """What was there when a stack stopped."""

    home: Path
    info: dict[str, Any]
    service_sid: str


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The home of a stack that was stopped, with a message from alice in a channel."""
    home = tmp_path_factory.mktemp("kept") / "home"
    stack = start_stack(home)
    try:
        info = dict(stack.info)
        chat = helper_library(info).chat.v2
        service = chat.services.create(friendly_name="kept")
        channel = chat.services(service.sid).channels.create(unique_name="general")
        channel.members.create(identity="alice")
        with Socket(info, access_token(info, service.sid, "alice")) as alice:
            assert alice.ask("sendMessage", channel="general", body="before")["status"] == 201
    finally:
        assert stack.stop() == 0
    assert not (home / "local.json").exists()
    return Kept(home, info, service.sid)


def test_state_survives_a_restart(kept: Kept) -> None:
    stack = start_stack(kept.home)
    try:
        again = stack.info
        for name in ("account_sid", "auth_token", "api_key_sid", "api_key_secret"):
            assert again[name] == kept.info[name]
        channel = helper_library(again).chat.v2.services(kept.service_sid).channels("general").fetch()
        assert [message.body for message in channel.messages.list(limit=1)] == ["before"]
        assert channel.members_count == 1
        with Socket(again, access_token(again, kept.service_sid, "alice")) as alice:
            sent = alice.ask("sendMessage", channel="general", body="after")
            assert sent["result"]["index"] == 1
            assert alice.push("messageAdded")["message"]["body"] == "after"
    finally:
        stack.stop()


def test_a_later_start_is_five_seconds_of_work_at_most(kept: Kept) -> None:
    """On a processor that needs a quarter of a second for the yardstick; a slower one may need longer for both."""

    def seconds_of(work: Callable[[], object]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    yardstick = [sys.executable, "-c", "sum(number * number for number in range(5_000_000))"]
    unit = seconds_of(lambda: subprocess.run(yardstick, check=True)) / 0.25
    assert seconds_of(lambda: start_stack(kept.home).stop()) < 5 * unit


def test_a_second_start_on_a_taken_port_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {**os.environ, "PARLEY_HOME": str(tmp_path / "home"), "PARLEY_PORT": str(port)}
        second = subprocess.run(
            [sys.executable, "-m", "local"],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert second.returncode != 0
    (line,) = (second.stdout + second.stderr).strip().splitlines()
    assert str(port) in line
