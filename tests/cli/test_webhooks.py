"""`parley webhooks` shows parked deliveries and sends them again. None is lost, whenever the command is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from cli.parked import ParkedDeliveries
from cli.trouble import Trouble
from local.emulators.engine import Endpoints
from local.home import Home, write_json
from local.process.plan import Plan
from parley.ports.queue import Queue
from tests.support.commands import begun

PLANNED_AT = 1_768_478_400_000


def delivery(number: int, **changes: Any) -> dict[str, Any]:
    """A delivery as the function parks it."""
    told = {"EventType": "onMessageSent", "MessageSid": f"IM{number:032x}", "Body": f"body {number}, ü"}
    entry = {"id": f"{number:032x}", "url": f"https://example.com/{number % 2}", "method": "POST", "parameters": told}
    entry |= {"group": f"{number:032x}", "ordered_with": "the group", "retries": 0, "planned_at": PLANNED_AT + number}
    return entry | {"once": f"{number:032x}-{entry['planned_at']}"} | changes


class Queues:
    """A delivery queue and its dead letters, as the template declares them, in the run's emulator."""

    def __init__(self, sqs: Any):
        self.sqs = sqs
        name = uuid.uuid4().hex
        attributes = {"FifoQueue": "true"}
        scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        deliveries = sqs.create_queue(QueueName=f"d{name}.fifo", Attributes={**attributes, **scope})["QueueUrl"]
        dead_letters = sqs.create_queue(QueueName=f"l{name}.fifo", Attributes=attributes)["QueueUrl"]
        self.deliveries, self.dead_letters = deliveries, dead_letters
        self.parked = ParkedDeliveries(sqs, deliveries, dead_letters, wait_seconds=0)

    def park(self, *deliveries: dict[str, Any]) -> None:
        Queue(self.dead_letters, self.sqs).send(deliveries)

    def park_text(self, body: str) -> None:
        """An entry that the function did not write."""
        once = uuid.uuid4().hex
        placing = {"MessageGroupId": once, "MessageDeduplicationId": once}
        self.sqs.send_message(QueueUrl=self.dead_letters, MessageBody=body, **placing)

    def taken(self, url: str) -> list[dict[str, Any]]:
        """The entries of a queue, taken out, in the order in which the queue gives them."""
        entries: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=30
        ).get("Messages"):
            for message in messages:
                entries.append(json.loads(message["Body"]) | {"in group": message["Attributes"]["MessageGroupId"]})
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return entries

    def queued(self) -> list[dict[str, Any]]:
        return self.taken(self.deliveries)

    def visible(self, url: str = "") -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.dead_letters, AttributeNames=["All"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def queues(aws: Endpoints) -> Queues:
    return Queues(aws.client("sqs"))


@pytest.fixture
def home(tmp_path: Path, queues: Queues, aws: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home of a service that seems to run, with these queues."""
    home = Home(tmp_path / "home")
    home.create()
    resources = {"DeliveryQueue": queues.deliveries, "DeliveryDeadLetterQueue": queues.dead_letters}
    physical = {name: {"ref": url, "attributes": {}} for name, url in resources.items()}
    Plan(str(home.path), "", {}, physical, aws.engine, aws.dynamodb, aws.ministack, "", "").save()
    names = ("rest_url", "ws_url", "account_sid", "auth_token", "api_key_sid", "api_key_secret", "console_url")
    write_json(home.info, {"pid": os.getpid(), **dict.fromkeys(names, "")})
    monkeypatch.setenv("PARLEY_HOME", str(home.path))
    return home


def every(delivery: dict[str, Any]) -> bool:
    return True


def unseen(done: int, left: int) -> None:
    pass


# Looking


def test_the_list_shows_all_of_them_oldest_first_and_takes_none_away(queues: Queues) -> None:
    entries = [delivery(number) for number in (3, 1, 2)]
    queues.park(*entries)
    for _ in range(2):
        assert queues.parked.list() == sorted(entries, key=lambda entry: entry["planned_at"])
        assert queues.visible() == 3


def test_others_see_listed_deliveries_at_once_even_if_the_listing_was_stopped(queues: Queues) -> None:
    """It stayed hidden for half a minute after Ctrl-C, and a second look said that nothing was parked."""
    queues.park(*(delivery(number) for number in range(25)))
    receive = queues.parked._receive

    def stopped() -> Iterator[Any]:
        for number, batch in enumerate(receive()):
            if number == 1:
                raise KeyboardInterrupt
            yield batch

    queues.parked._receive = stopped  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        queues.parked.list()
    assert queues.visible() == 25


def test_an_entry_that_cannot_be_read_is_counted_and_stays(queues: Queues) -> None:
    """One of them made the whole list fail."""
    queues.park(delivery(1))
    for body in ("{", "[]", "7", '{"id": "x"}'):
        queues.park_text(body)
    assert queues.parked.list() == [delivery(1)]
    assert queues.parked.unreadable == 4
    assert queues.parked.replay(every, unseen) == 1
    assert queues.visible() == 4


# Sending again


def test_a_replayed_delivery_is_as_it_was_planned_but_for_its_age(queues: Queues) -> None:
    queues.park(delivery(1))
    before = time.time() * 1000
    assert queues.parked.replay(every, unseen) == 1
    (entry,) = queues.queued()
    original = delivery(1)
    assert entry["in group"] == entry["group"] == "the group"
    assert before - 1000 <= entry["planned_at"] <= time.time() * 1000
    assert "ordered_with" not in entry
    kept = ("id", "url", "method", "parameters", "retries")
    assert {name: entry[name] for name in kept} == {name: original[name] for name in kept}
    assert queues.visible() == 0


def test_a_delivery_that_the_queue_itself_gave_up_is_replayed_too(queues: Queues) -> None:
    """SQS moves what was received a thousand times; it knows nothing of our marks."""
    moved = {name: value for name, value in delivery(1).items() if name not in ("ordered_with", "once")}
    queues.park_text(json.dumps(moved))
    assert queues.parked.replay(every, unseen) == 1
    assert [entry["id"] for entry in queues.queued()] == [moved["id"]]


def test_a_delivery_is_queued_before_it_is_taken_off(queues: Queues) -> None:
    queues.park(delivery(1))

    class Stopped(Exception):
        pass

    def forget(chosen: Any) -> None:
        raise Stopped

    queues.parked._forget = forget  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        queues.parked.replay(every, unseen)
    assert queues.visible() == queues.visible(queues.deliveries) == 1


def test_replaying_again_within_five_minutes_is_a_repeat_that_the_queue_drops(queues: Queues) -> None:
    queues.park(delivery(1))
    queues.parked._forget = lambda chosen: None  # type: ignore[method-assign]
    queues.parked.replay(every, unseen)
    ParkedDeliveries(queues.sqs, queues.deliveries, queues.dead_letters).replay(every, unseen)
    assert len(queues.queued()) == 1
    assert queues.visible() == 0


def test_a_delivery_that_was_parked_again_is_replayed_again(queues: Queues) -> None:
    for _ in range(2):
        queues.park(delivery(1, once=uuid.uuid4().hex))
        assert queues.parked.replay(every, unseen) == 1
    assert len(queues.queued()) == 2


@pytest.mark.parametrize("stop_after", [0, 1, 10, 25, 30])
def test_stopping_in_the_middle_loses_nothing(queues: Queues, stop_after: int) -> None:
    queues.park(*(delivery(number) for number in range(30)))

    def stop(done: int, left: int) -> None:
        if done >= stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queues.parked.replay(every, stop)
    still_parked = queues.visible()
    assert still_parked < 30
    assert queues.parked.replay(every, unseen) == still_parked
    assert sorted(entry["id"] for entry in queues.queued()) == [delivery(number)["id"] for number in range(30)]


def test_a_delivery_queue_that_refuses_leaves_everything_parked(queues: Queues) -> None:
    queues.park(delivery(1))
    broken = ParkedDeliveries(queues.sqs, queues.deliveries.replace(".fifo", "x.fifo"), queues.dead_letters)
    with pytest.raises(Exception, match="does not exist"):
        broken.replay(every, unseen)
    assert queues.visible() == 1


def test_a_delivery_that_could_not_be_taken_off_is_reported(queues: Queues) -> None:
    queues.park(delivery(1))
    queue = queues.parked._queue

    def queue_and_hide(chosen: Any) -> None:
        queue(chosen)
        queues.taken(queues.dead_letters)
        for parked in chosen:
            queues.sqs.delete_message(QueueUrl=queues.dead_letters, ReceiptHandle=parked.handle)

    queues.parked._queue = queue_and_hide  # type: ignore[method-assign]
    with pytest.raises(Trouble, match="1 are queued again"):
        queues.parked.replay(every, unseen)


def test_a_thousand_are_replayed_each_once(queues: Queues) -> None:
    queues.park(*(delivery(number) for number in range(1000)))
    told: list[tuple[int, int]] = []
    assert len(queues.parked.list()) == 1000
    assert queues.parked.replay(every, lambda done, left: told.append((done, left))) == 1000
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (1000, 0)
    assert queues.visible() == 0
    assert sorted(entry["id"] for entry in queues.queued()) == [delivery(number)["id"] for number in range(1000)]


# The command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    status = main(["webhooks", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_an_empty_list_says_that_nothing_is_parked(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "list") == (0, "nothing is parked\n", "")
    assert run(capsys, "list", "--json") == (0, "", "")
    status, out, _ = run(capsys, "replay")
    assert (status, out) == (0, "nothing to replay\n")
    status, out, _ = run(capsys, "replay", "--json")
    assert (status, out) == (0, '{"replayed": 0}\n')


def test_a_line_shows_when_what_and_where_to(home: Home, queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    of_conversations = {"EventType": "onParticipantAdded", "ConversationSid": "CH1", "ParticipantSid": "MB1"}
    queues.park(delivery(2, parameters=of_conversations), delivery(1))
    status, out, err = run(capsys, "list")
    heading, *lines, last = out.splitlines()
    assert heading.split() == ["PLANNED", "ID", "EVENT", "ABOUT", "METHOD", "URL"]
    assert lines[1].split()[2:4] == ["onParticipantAdded", "MB1"]
    assert (status, err, last) == (0, "", "2 parked")
    assert lines[0].split() == [
        "2026-01-15T12:00:00Z",
        delivery(1)["id"],
        "onMessageSent",
        delivery(1)["parameters"]["MessageSid"],
        "POST",
        "https://example.com/1",
    ]
    assert "body" not in out


def test_json_lines_hold_all_of_it_for_other_programs(
    home: Home, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.park(delivery(1), delivery(2))
    status, out, err = run(capsys, "list", "--json")
    assert (status, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [delivery(1), delivery(2)]


def test_a_replay_shows_its_progress_on_standard_error(
    home: Home, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.park(*(delivery(number) for number in range(25)))
    status, out, err = run(capsys, "replay")
    assert (status, out) == (0, "25 replayed\n")
    assert [part.strip() for part in err.split("\r") if part] == [
        "10 replayed, about 15 left",
        "20 replayed, about 5 left",
        "25 replayed, about 0 left",
    ]
    assert len(queues.queued()) == 25


def test_a_replay_may_be_of_some_only(home: Home, queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.park(*(delivery(number) for number in range(6)))
    chosen = ["--id", delivery(0)["id"], "--id", delivery(3)["id"], "--id", "unknown"]
    assert run(capsys, "replay", *chosen)[1] == "2 replayed\n"
    assert run(capsys, "replay", "--url", "https://example.com/1")[1] == "2 replayed\n"
    assert (
        run(capsys, "replay", "--url", "https://example.com/1", "--id", delivery(2)["id"])[1] == "nothing to replay\n"
    )
    assert sorted(int(entry["id"], 16) for entry in queues.queued()) == [0, 1, 3, 5]
    assert [int(entry["id"], 16) for entry in queues.parked.list()] == [2, 4]


def test_entries_that_cannot_be_read_are_mentioned(
    home: Home, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.park_text("{")
    assert run(capsys, "list") == (0, "nothing is parked\n", "1 more cannot be read; they stay parked\n")


def test_if_nothing_runs_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path))
    for command in ("list", "replay"):
        status, out, err = run(capsys, command)
        assert (status, out) == (1, "")
        assert err == "parley: nothing runs here: start `make run`, or name a stack with --stack\n"


def test_if_the_service_has_died_one_line_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """It was a traceback."""
    plan = Plan.load(home.plan)
    write_json(home.plan, {**vars(plan), "ministack": "http://127.0.0.1:9"})
    status, out, err = run(capsys, "list")
    assert (status, out) == (1, "")
    assert err.startswith("parley: ") and err.count("\n") == 1


def test_if_the_stack_cannot_be_asked_one_line_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    status = main(["--stack", "parley", "--region", "us-east-1", "webhooks", "list"])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert err.startswith("parley: ") and err.count("\n") == 1


def test_ctrl_c_stops_it_between_two_batches_and_the_rest_is_still_parked(home: Home, queues: Queues) -> None:
    queues.park(*(delivery(number) for number in range(500)))
    replaying = begun(home, "webhooks", "replay")
    seen = _read_until(replaying, "100 replayed")
    replaying.send_signal(signal.SIGINT)
    out, err = replaying.communicate(timeout=120)
    assert (replaying.returncode, out) == (130, "")
    assert "stopped; nothing is lost: deliveries that were not replayed are still parked" in err
    assert "Traceback" not in seen + err
    queued, parked = queues.queued(), queues.parked.list()
    assert len(queued) >= 100 and len(parked) > 0
    assert {entry["id"] for entry in [*queued, *parked]} == {delivery(number)["id"] for number in range(500)}


def _read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What a process says on standard error up to a text; it is killed if that does not come."""
    assert process.stderr is not None
    timer = threading.Timer(30, process.kill)
    timer.start()
    seen = ""
    while wanted not in seen:
        letter = process.stderr.read(1)
        assert letter, seen
        seen += letter
    timer.cancel()
    return seen
