"""A whole local stack as its processes: start, stop, second start, kill, and what is announced after that."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from websockets.sync.client import connect

from local.emulators.engine import CREDENTIALS
from local.home import REPOSITORY, Home, read_json
from local.process import processes
from local.stack.running import StackFailed, start_stack
from tests.local.conftest import ENGINES, FIXTURES, TEMPLATE, FixtureStack
from tests.support.waiting import until

MakeStack = Callable[..., FixtureStack]
Sleeper = Callable[[Path], "subprocess.Popen[bytes]"]


def is_running(pid: int) -> bool:
    return bool(processes.identity(pid))


def test_a_started_stack_says_how_to_reach_it_and_leaves_nothing_running(make_stack: MakeStack):
    fixture = make_stack()
    stack = fixture.stack
    assert set(stack.info) == {
        "account_sid",
        "auth_token",
        "api_key_sid",
        "api_key_secret",
        "rest_url",
        "ws_url",
        "sdk_url",
        "console_url",
        "phone_numbers",
        "whatsapp_senders",
        "carrier_numbers",
        "pid",
    }
    until(lambda: "Ctrl-C stops it" in stack.printed)
    for value in stack.info.values():
        if not isinstance(value, int):
            assert all(text in stack.printed for text in ([value] if isinstance(value, str) else value))
    with connect(stack.info["ws_url"]) as client:
        client.send('{"action": "ping"}')
        assert json.loads(client.recv(120)) == {"action": "pong"}
    pids = stack.pids
    assert stack.stop() == 0
    assert [name for name, pid in pids.items() if is_running(pid)] == []
    assert not stack.home.info.exists()


def test_ctrl_c_stops_a_stack_even_if_it_was_started_with_ctrl_c_ignored(make_stack: MakeStack):
    """The shell does so for background commands of a script."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        fixture = make_stack()
    finally:
        signal.signal(signal.SIGINT, former)
    assert fixture.stack.stop() == 0


def test_accounts_and_items_survive_a_restart(make_stack: MakeStack):
    fixture = make_stack()
    before = dict(fixture.stack.info)
    assert fixture.post("item", "a") == 201
    until(lambda: fixture.noted("change") == ["item/a"])
    fixture.stack.stop()
    after = fixture.start().info
    same = ("account_sid", "auth_token", "api_key_sid", "api_key_secret")
    assert [before[name] for name in same] == [after[name] for name in same]
    assert fixture.post("item", "b") == 201
    until(lambda: fixture.noted("change") == ["item/a", "item/b"])


def test_sockets_are_closed_and_disconnected_when_the_stack_stops(make_stack: MakeStack):
    fixture = make_stack()
    with connect(fixture.stack.info["ws_url"]) as client:
        client.send("event")
        connection_id = json.loads(client.recv(120))["requestContext"]["connectionId"]
        fixture.stack.stop()
    assert json.loads(fixture.closed.read_text()) == [connection_id, 1001]


def test_a_second_start_says_in_one_line_who_has_the_home_or_the_port(standing: FixtureStack, tmp_path: Path):
    with pytest.raises(StackFailed) as same_home:
        start_stack(standing.home, template=TEMPLATE)
    assert str(same_home.value).strip().splitlines() == [
        f"Parley stops: {standing.home} is in use by another Parley, process {standing.stack.info['pid']}"
    ]
    port = int(standing.stack.info["rest_url"].rsplit(":", 1)[1])
    with pytest.raises(StackFailed) as same_port:
        start_stack(tmp_path / "other", port=port, template=TEMPLATE)
    (line,) = str(same_port.value).strip().splitlines()
    assert line.startswith(f"Parley stops: 127.0.0.1:{port} cannot be listened on")
    assert standing.post("item", "second start") == 201, "the first one is none the worse"
    assert json.loads((standing.home / "local.json").read_text()) == standing.stack.info, "and can still be found"


def test_a_function_that_cannot_be_loaded_is_named(tmp_path: Path):
    # One function only: gateway and pump start side by side, and whichever fails first is named.
    shutil.copytree(FIXTURES, tmp_path / "stack")
    (tmp_path / "stack" / "functions" / "rest" / "app.py").unlink()
    with pytest.raises(StackFailed, match=r"the gateway did not start: .*functions/rest/app\.py"):
        start_stack(tmp_path / "home", engine="ministack", template=tmp_path / "stack" / TEMPLATE.name)


def test_a_killed_gateway_or_pump_is_started_again_on_the_same_port(standing: FixtureStack):
    stack, before = standing.stack, standing.stack.pids
    stack.kill("gateway", "pump")
    until(lambda: stack.pids["gateway"] != before["gateway"] and stack.pids["pump"] != before["pump"])
    assert standing.post("item", "killed") == 201
    until(lambda: "item/killed" in standing.noted("change"))
    assert "the gateway died (signal SIGKILL) and is started again" in stack.printed


def test_the_stack_stops_when_an_emulator_dies(make_stack: MakeStack):
    fixture = make_stack()
    pids = fixture.stack.pids
    fixture.stack.kill("ministack")
    assert fixture.stack.process.wait(120) == 1
    assert "ministack ended (signal SIGKILL)" in fixture.stack.printed
    assert [name for name, pid in pids.items() if is_running(pid)] == []


def test_everything_ends_when_the_supervisor_is_killed(make_stack: MakeStack):
    fixture = make_stack()
    pids = fixture.stack.pids
    os.kill(pids["supervisor"], 9)
    fixture.stack.process.wait(120)
    until(lambda: not [name for name, pid in pids.items() if is_running(pid)])


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    """Starts processes that do nothing and name a home on their command line."""
    started: list[subprocess.Popen[bytes]] = []

    def start(home: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import time; time.sleep(600)", str(home)]
        started.append(processes.spawn(command, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_processes_that_an_earlier_run_left_behind_are_stopped(home: Home, sleeper: Sleeper):
    left = {name: sleeper(home.path) for name in ("ministack", "gateway")}
    processes.record(home, {name: process.pid for name, process in left.items()})
    assert processes.stop_leftovers(home) == ["ministack", "gateway"]
    assert [process.wait(120) for process in left.values()] == [-signal.SIGTERM] * 2
    assert not home.processes.exists()


def test_no_strangers_process_is_taken_for_a_leftover(home: Home, sleeper: Sleeper):
    """The system may have given the id of a recorded process to another one."""
    stranger = sleeper(home.path)
    processes.record(home, {"ministack": stranger.pid})
    recorded = json.loads(home.processes.read_text())
    recorded["ministack"]["identity"] = processes.identity(os.getpid())
    home.processes.write_text(json.dumps(recorded))
    assert processes.stop_leftovers(home) == []
    assert stranger.poll() is None


def test_only_the_supervisor_holds_the_lock_of_a_home(standing: FixtureStack):
    """A child that held it too would keep the home locked after the supervisor's death."""
    lock = standing.stack.home.path / "lock"
    for name, pid in standing.stack.pids.items():
        held = [path.readlink() for path in Path(f"/proc/{pid}/fd").glob("*")]
        assert (lock in held) == (name == "supervisor"), name


def test_a_poison_record_is_parked_and_reported_while_the_others_are_delivered(standing: FixtureStack):
    for name in ("before", "poison", "after"):
        assert standing.post("item", name) == 201
    until(lambda: {"item/before", "item/after"} <= set(standing.noted("change")))
    assert "item/poison" not in standing.noted("change")
    until(lambda: '"sk": {"S": "poison"}' in standing.stack.printed)
    sqs = boto3.Session().client(
        "sqs",
        endpoint_url=read_json(standing.stack.home.plan)["ministack"],
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    url = sqs.get_queue_url(QueueName="parley-FailureQueue")["QueueUrl"]
    (message,) = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))
    assert json.loads(message["Body"])["DDBStreamBatchInfo"]["batchSize"] == 1


def test_work_that_fails_is_tried_again_and_then_moved_to_the_dead_letter_queue(standing: FixtureStack):
    assert standing.post("item", "work-bad") == 201
    until(lambda: standing.noted("work") == ["item/work-bad"] * 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_change_made_just_before_a_stop_is_announced(make_stack: MakeStack, engine: str):
    fixture = make_stack(engine)
    assert fixture.post("item", "last") == 201
    fixture.stack.stop()
    if "item/last" not in fixture.noted("change"):
        fixture.start()
        until(lambda: "item/last" in fixture.noted("change"))


@pytest.mark.skipif("dynoxide" not in ENGINES, reason="MiniStack forgets on a kill")
def test_after_a_kill_of_everything_every_answered_write_is_announced_and_worked_off(make_stack: MakeStack):
    fixture = make_stack("dynoxide")
    answered = write_until_killed(fixture)
    assert len(answered) > 20
    fixture.start()
    until(lambda: {f"item/{name}" for name in answered} <= set(fixture.noted("change")))
    until(lambda: {f"item/{name}" for name in answered} <= set(fixture.noted("work")))


def write_until_killed(fixture: FixtureStack) -> list[str]:
    """Have four clients write, each write being work for the queue, and kill everything meanwhile."""
    answered: list[str] = []
    enough = threading.Event()
    host = fixture.stack.info["rest_url"].removeprefix("http://")

    def write(client: int) -> None:
        connection = http.client.HTTPConnection(host, timeout=120)
        for number in range(100_000):
            name = f"work-{client}-{number}"
            try:
                connection.request("POST", "/items", json.dumps({"pk": "item", "sk": name}))
                answer = connection.getresponse()
                if answer.read() and answer.status == 201:
                    answered.append(name)
            except (OSError, http.client.HTTPException):
                return
            if len(answered) > 100:
                enough.set()

    threads = [threading.Thread(target=write, args=(client,)) for client in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(120)
    fixture.stack.kill()
    for thread in threads:
        thread.join(10)
    return answered


def test_a_taken_port_is_reported_before_anything_is_started(tmp_path: Path):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken, pytest.raises(StackFailed):
        start_stack(tmp_path / "home", port=taken.getsockname()[1], template=TEMPLATE)
    assert not (tmp_path / "home/processes.json").exists()


@pytest.mark.parametrize("port", ["80000", "-1", "http", "8080 8081"])
def test_a_port_that_cannot_be_one_is_refused_in_one_line(port: str):
    assert refused_start(PARLEY_PORT=port) == [f"PARLEY_PORT must be a number from 0 to 65535, not {port!r}"]


@pytest.mark.parametrize("pause", ["often", "-250", "0.25"])
def test_a_stack_is_not_started_with_a_pause_of_the_pump_that_is_no_number(pause: str):
    said = f"PARLEY_STREAM_POLL_MS must be a number of milliseconds, not {pause!r}"
    assert refused_start(PARLEY_STREAM_POLL_MS=pause) == [said]


def test_a_template_that_does_not_exist_is_named_in_one_line(tmp_path: Path):
    missing = tmp_path / "nowhere.yaml"
    assert refused_start(PARLEY_TEMPLATE=str(missing)) == [
        f"There is no template {missing}; PARLEY_TEMPLATE names another file"
    ]


def refused_start(**environment: str) -> list[str]:
    """All lines that a start prints which is refused."""
    command = [sys.executable, "-m", "local"]
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    return (ended.stdout + ended.stderr).splitlines()
