"""`parley logs` and `parley status` of a local stack."""

from __future__ import annotations

import json
import os
import signal
import uuid
from typing import Any

import pytest

from cli.rest import Refused
from local.stack.running import Stack
from tests.cli.conftest import Run, rest_of
from tests.support.commands import begun
from tests.support.waiting import until


def lines(parley: Run, *arguments: str) -> list[dict[str, Any]]:
    """The lines of functions, as they were written."""
    shown = parley("logs", "--json", *arguments).out.splitlines()
    return [json.loads(line) for line in shown if line.startswith("{")]


def provoke(stack: Stack) -> str:
    """Have the REST function log a refusal; returns a text that no other line holds."""
    unknown = f"IS{uuid.uuid4().hex}"
    with pytest.raises(Refused):
        rest_of(stack).get(f"/chat/v2/Services/{unknown}")
    return unknown


def test_every_line_about_a_request_is_found_by_its_id_and_no_other_line(parley: Run, local: Stack):
    assert parley("doctor").status == 0  # it posts a message, which is pushed and has a webhook
    request_id = until(lambda: [line["request_id"] for line in lines(parley) if "delivery" in line])[-1]
    found = until(lambda: whole(lines(parley, "--request", request_id)))
    assert all(request_id in json.dumps(line) for line in found)
    # On a busy machine, fan-out pushes what the function that writes a message usually pushes.
    assert {line["service"] for line in found} - {"fan_out"} == {"rest_api", "webhooks"}
    assert lines(parley, "--request", uuid.uuid4().hex) == []


def whole(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines, once they tell of a push and of a webhook."""
    is_pushed = any(line["message"] == "pushed" for line in found)
    return found if is_pushed and any("delivery" in line for line in found) else []


def test_lines_are_of_one_function_if_asked(parley: Run, local: Stack):
    provoke(local)
    until(lambda: lines(parley, "--function", "rest_api"))
    assert {line["service"] for line in lines(parley, "--function", "rest_api")} == {"rest_api"}
    assert lines(parley, "--function", "nobody") == []


def test_metrics_and_the_runtimes_own_lines_are_shown_if_asked(parley: Run, local: Stack):
    assert parley("doctor").status == 0  # its webhook counts
    assert not any("_aws" in line for line in lines(parley))
    until(lambda: any("_aws" in line for line in lines(parley, "--all")))
    assert "mangum" in parley("logs", "--all").out
    assert "mangum" not in parley("logs").out


def test_a_person_reads_time_function_level_and_facts(parley: Run, local: Stack):
    provoke(local)
    until(lambda: lines(parley, "--function", "rest_api", "--text", "20404"))
    ran = parley("logs", "--function", "rest_api", "--text", "20404")
    line = ran.out.splitlines()[-1]
    assert line[4] == "-" and line[23] == "Z"
    assert line.split()[1:4] == ["rest_api", "INFO", "request"]
    assert "code=20404" in line and "status=404" in line


def test_lines_are_in_the_order_of_their_times(parley: Run, local: Stack):
    shown = parley("logs", "--since", "1d").out.splitlines()
    times = [line[:24] for line in shown if line[4:5] == "-" and line[23:24] == "Z"]
    assert len(times) > 5 and times == sorted(times)


def test_following_shows_what_is_logged_from_then_on_until_ctrl_c(local: Stack):
    words = ("--follow", "--function", "rest_api", "--text", "20404", "--since", "1s")
    following = begun(local.home, "logs", *words)
    assert following.stdout is not None
    os.set_blocking(following.stdout.fileno(), False)

    def heard() -> str:
        provoke(local)
        return following.stdout.readline() if following.stdout else ""

    assert "code=20404" in until(heard)
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=20)
    assert (following.returncode, err.strip()) == (130, "stopped")


def test_a_file_that_begins_anew_is_read_from_its_beginning(
    parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch
):
    """The gateway's log is replaced when the gateway is started again."""
    from cli.local_stack import LocalStack
    from cli.place import LogQuery

    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    path = breakable.home.logs / "sample.log"
    path.write_text("first\n")
    log = LocalStack.found().log(LogQuery(("sample",)), follow=True)
    assert next(log).text == "first"
    path.unlink()
    path.write_text("second\nhalf")
    assert next(log).text == "second"
    with path.open("a") as file:
        file.write(" a line\n")
    assert next(log).text == "half a line"
    path.unlink()


# Status


def test_the_status_counts_services_and_queues_and_names_processes(parley: Run, local: Stack):
    made = rest_of(local).post("/chat/v2/Services", FriendlyName="counted")
    found = parley("status", "--json").json
    assert {"sid": made["sid"], "friendly_name": "counted"} in found["services"]
    assert {part["name"] for part in found["parts"]} >= {"gateway", "pump", "ministack", "supervisor"}
    assert all(part["well"] for part in found["parts"])
    assert [queue["name"] for queue in found["queues"] if queue["given_up"]] == [
        "webhook deliveries, given up",
        "jobs, given up",
        "notifications, given up",
        "texts to phones, given up",
        "texts from phones and reports, given up",
        "pushes, given up",
        "webhook planning, given up",
    ]
    assert found["table"]["items"] > 0
    assert found["version"] == found["command_version"]


def test_work_that_was_given_up_is_pointed_out(parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch):
    from cli.local_stack import LocalStack

    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    assert "given up:" not in parley("status").out
    place = LocalStack.found()
    url = place.queue_url("WorkDeadLetterQueue")
    place.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    shown = parley("status").out
    assert [line.split() for line in shown.splitlines() if line.startswith("jobs, given up")] == [
        ["jobs,", "given", "up", "1", "0"]
    ]
    assert "Something was given up" in shown
    place.client("sqs").purge_queue(QueueUrl=url)
