"""Kill -9 while messages are being posted: what was answered 201 is there afterwards, and every change is announced."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.stack.running import Stack, StackFailed, start_stack
from tests.end_to_end.clients import Socket, access_token
from tests.stress.back_end import ASKED, UNLIMITED, BackEnd
from tests.stress.checking import require_consistency
from tests.stress.templates import template_with
from tests.support.target import Target
from tests.support.waiting import until

WRITERS, CHANNELS = 8, 4
BEFORE, AFTER = 100, 100
DEADLINE_SECONDS = 240.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def start(home: Path) -> Stack:
    """A stack on Dynoxide, which writes the table to disk before it answers; MiniStack does not.

    If a function is killed during a delivery, the queue shows the delivery again after seconds, not after six minutes.
    """
    template = home.parent / "template" / "template.yaml"
    if not template.exists():
        template_with(template.parent, {"VisibilityTimeout: 360": "VisibilityTimeout: 4"})
    try:
        return start_stack(home, engine="dynoxide", template=template, environment=UNLIMITED)
    except StackFailed as failed:
        if "is not available" in str(failed):
            pytest.skip(str(failed))
        raise


class Conversation:
    """Channels that writers post to, watched by bob on a socket and by the service's owner."""

    def __init__(self, info: dict[str, Any], owner: Target):
        self.owner = owner
        self.back_end = BackEnd(info)
        self.service_sid = self.back_end.post("/chat/v2/Services", {"FriendlyName": "stress"})["sid"]
        service = f"/chat/v2/Services/{self.service_sid}"
        self.back_end.post(service, {"PostWebhookUrl": owner.url, "WebhookFilters": ["onMessageSent"]})
        self.channels = [
            f"{service}/Channels/{self.back_end.post(f'{service}/Channels')['sid']}" for _ in range(CHANNELS)
        ]
        for channel in self.channels:
            self.back_end.post(f"{channel}/Members", {"Identity": "bob"})
        self.answered: list[dict[str, Any]] = []
        self.refused: list[Any] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def socket(self, info: dict[str, Any]) -> Socket:
        return Socket(info, access_token(info, self.service_sid, "bob"))

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Post from several threads, over and over, whatever happens to the connections."""
        threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            path = f"{self.channels[writer % CHANNELS]}/Messages"
            try:
                status, body = self.back_end.request("POST", path, {"Body": f"{writer}/{number}"}, ASKED)
            except (OSError, http.client.HTTPException):
                # The gateway is dead at the moment.
                self._stop.wait(0.05)
                continue
            with self._lock:
                (self.answered if status == 201 else self.refused).append(body)

    def wait_for_answers(self, count: int) -> None:
        until(lambda: len(self.answered) >= count, DEADLINE_SECONDS, f"{count} messages answered")

    def stored(self) -> dict[str, dict[str, Any]]:
        """Every message that is there, by SID."""
        return {
            message["sid"]: message
            for channel in self.channels
            for message in self.back_end.listed(f"{channel}/Messages", "messages")
        }

    def check(self) -> None:
        """Every message that was answered with 201 is stored as answered, and every stored message was announced."""
        assert not self.refused
        stored = self.stored()
        answered = {message["sid"]: _without_address(message) for message in self.answered}
        assert len(answered) == len(self.answered)
        assert {sid: _without_address(stored[sid]) for sid in answered if sid in stored} == answered
        places = [(message["channel_sid"], message["index"]) for message in stored.values()]
        assert len(set(places)) == len(places)
        self.owner.wait(
            lambda requests: {r.parameters["MessageSid"] for r in _whole(requests)} >= set(stored), DEADLINE_SECONDS
        )
        for request in _whole(self.owner.received):
            assert request.parameters["Body"] == stored[request.parameters["MessageSid"]]["body"]


def _whole(requests: list[Any]) -> list[Any]:
    """The complete requests. If the pump is killed while it sends one, only the beginning arrives."""
    return [request for request in requests if "MessageSid" in request.parameters]


def _without_address(message: dict[str, Any]) -> dict[str, Any]:
    """A message without its URL, which names the port of the day."""
    return {name: value for name, value in message.items() if name != "url"}


def _sids(frames: list[dict[str, Any]]) -> set[str]:
    return {frame["message"]["sid"] for frame in frames if frame.get("event") == "messageAdded"}


def _is_usable(conversation: Conversation, info: dict[str, Any]) -> None:
    """A client that connects now hears what is posted now."""
    with conversation.socket(info) as bob:
        for channel in conversation.channels:
            sent = conversation.back_end.post(f"{channel}/Messages", {"Body": "afterwards"}, ASKED)
            bob.push("messageAdded", message=sent)
            conversation.answered.append(sent)


def test_killing_everything_loses_no_answered_message_and_no_announcement(home: Path, target: Target) -> None:
    stack = start(home)
    try:
        conversation = Conversation(stack.info, target)
        with conversation.socket(stack.info) as bob, conversation.posting():
            conversation.wait_for_answers(BEFORE)
            bob.wait(_sids)
            stack.kill()
        announced_before = len(target.received)
        stack = start(home)
        conversation.back_end = BackEnd(stack.info)
        _is_usable(conversation, stack.info)
        conversation.check()
        assert announced_before < len(conversation.answered), "nothing was left to announce after the restart"
        require_consistency(stack, deaths=True)
    finally:
        stack.stop()


def test_killing_it_again_and_again_loses_nothing_either(home: Path, target: Target) -> None:
    stack = start(home)
    try:
        conversation = Conversation(stack.info, target)
        for round_ in range(1, 3):
            with conversation.posting():
                conversation.wait_for_answers(round_ * BEFORE // 2)
                stack.kill()
            conversation._stop.clear()
            stack = start(home)
            conversation.back_end = BackEnd(stack.info)
        _is_usable(conversation, stack.info)
        conversation.check()
        require_consistency(stack, deaths=True)
    finally:
        stack.stop()


def test_killing_gateway_and_pump_loses_nothing_and_they_come_back(home: Path, target: Target) -> None:
    stack = start(home)
    try:
        conversation = Conversation(stack.info, target)
        pids = stack.pids
        with conversation.socket(stack.info) as bob:
            with conversation.posting():
                conversation.wait_for_answers(BEFORE)
                bob.wait(_sids)
                stack.kill("gateway", "pump")
                conversation.wait_for_answers(BEFORE + AFTER)
            until(lambda: stack.pids.keys() == pids.keys())
            changed = {name for name in pids if stack.pids[name] != pids[name]}
        assert changed == {"gateway", "pump"}
        conversation.back_end = BackEnd(stack.info)
        _is_usable(conversation, stack.info)
        conversation.check()
        assert "is started again" in stack.printed
        require_consistency(stack, deaths=True)
    finally:
        stack.stop()


def test_a_client_that_comes_back_at_once_hears_or_can_fetch_all_of_it(home: Path, target: Target) -> None:
    """After a kill of gateway and pump: what a client did not hear before or after, it finds in the list."""
    stack = start(home)
    try:
        conversation = Conversation(stack.info, target)
        with conversation.posting():
            conversation.wait_for_answers(BEFORE // 3)
            stack.kill("gateway", "pump")
            bob = until(lambda: _connected(conversation, stack.info))
            before = len(conversation.answered)
            conversation.wait_for_answers(before + AFTER)
        with bob:
            last = {message["channel_sid"]: message["sid"] for message in conversation.answered}
            heard = _sids(bob.wait(lambda frames: _sids(frames) >= set(last.values()), DEADLINE_SECONDS))
        since = [message["sid"] for message in conversation.answered[before + WRITERS :]]
        assert set(since) <= heard
        conversation.back_end = BackEnd(stack.info)
        conversation.check()
        require_consistency(stack, deaths=True)
    finally:
        stack.stop()


def _connected(conversation: Conversation, info: dict[str, Any]) -> Socket | None:
    try:
        return conversation.socket(info)
    except OSError:
        return None
