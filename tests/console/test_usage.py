"""What the page *Usage* shows: the counts of the functions, read from the logs of a local run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from local.console import usage
from local.console.usage import MetricLog, Usage
from local.http.server import Request
from parley.metrics import MESSAGES, REQUEST_ERRORS, WEBHOOK_DURATION, Counts
from tests.console.console import Console

NOW = 1_800_000_000.0


class Log:
    """The log of a process, in which functions write metrics between other lines."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capture = capture
        path.write_text("started\n")

    def write(self, text: str) -> None:
        with self.path.open("a") as log:
            log.write(text)

    def count(self, *counted: tuple[Any, float, int]) -> None:
        """Let a function count, and write its line as it does in Lambda."""
        counts = Counts("Parley/test", "rest_api")
        for metric, value, code in counted:
            counts.add(metric, value, code)
        self._capture.readouterr()
        counts.write()
        self.write(self._capture.readouterr().out)


@pytest.fixture
def log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(tmp_path / "gateway.log", capsys)


@pytest.fixture
def counted(log: Log) -> Usage:
    return Usage([MetricLog(log.path)], "AC1", lambda: ("token",), lambda: NOW)


def sums(counted: Usage) -> dict[str, float]:
    return {one["metric"] + one.get("code", ""): one["sum"] for one in counted.read()["counts"]}


def test_the_counts_of_functions_are_added_up(counted: Usage, log: Log) -> None:
    log.count((MESSAGES, 1, 0), (REQUEST_ERRORS, 1, 20404))
    log.write('{"level":"INFO","message":"request"}\n')
    log.count((MESSAGES, 2, 0), (WEBHOOK_DURATION, 3.5, 0))
    expected = {"Messages": 3, "RequestErrors20404": 1, "WebhookDuration": 3.5}
    assert sums(counted) == expected
    assert sums(counted) == expected  # and is not added twice


def test_counts_from_before_the_gateway_started_are_left_out(log: Log) -> None:
    log.count((MESSAGES, 1, 0))
    counted = Usage([MetricLog(log.path)], "AC1", lambda: ("token",))
    assert sums(counted) == {}


def test_a_line_counts_once_it_is_complete(counted: Usage, log: Log, tmp_path: Path) -> None:
    log.count((MESSAGES, 1, 0))
    text = log.path.read_text()
    log.path.write_text(text[:-20])
    assert sums(counted) == {}
    log.write(text[-20:])
    assert sums(counted) == {"Messages": 1}


def test_the_new_log_of_a_process_that_was_started_again_is_read_from_its_beginning(counted: Usage, log: Log) -> None:
    log.count((MESSAGES, 1, 0))
    assert sums(counted) == {"Messages": 1}
    log.path.rename(log.path.with_suffix(".previous"))
    log.count((MESSAGES, 1, 0))
    log.write("It has grown beyond the old one already.\n" * 100)
    assert sums(counted) == {"Messages": 2}


def test_if_a_log_grew_too_far_the_counts_begin_anew_and_say_so(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4])
    counted = Usage([MetricLog(log.path)], "AC1", lambda: ("token",), lambda: next(moments))
    log.count((MESSAGES, 1, 0))
    before = counted.read()
    monkeypatch.setattr(usage, "MOST_READ", 1000)
    log.write("x" * 1001 + "\n")
    after = counted.read()
    assert (before["began"], len(before["counts"])) == (int(NOW * 1000), 1)
    assert (after["began"], after["counts"]) == (int(NOW * 1000) + 2000, [])


@pytest.mark.parametrize(
    ("method", "given", "status"), [("GET", "", 401), ("GET", "QUMxOnRva2Vu", 200), ("POST", "", 405)]
)
def test_only_the_accounts_owner_reads_the_counts(counted: Usage, method: str, given: str, status: int) -> None:
    headers = [("authorization", f"Basic {given}")]
    request = Request(method, "/console/usage", "", headers, b"", ("127.0.0.1", 1), 80)
    answer = asyncio.run(counted.respond(request, 3))
    assert answer.status == status
    if status == 200:
        assert json.loads(answer.body) == {"began": NOW * 1000, "at": NOW * 1000, "counts": [], "sockets": 3}


# On the page.


def figure(console: Console, table: str, label: str) -> Locator:
    return console.page.get_by_role("table", name=table).get_by_role("row", name=label)


def test_the_page_counts_messages_requests_and_sockets_each_second(console: Console, general: Any) -> None:
    console.choose_tool("Usage")
    messages = figure(console, "The service", "Messages").locator(".total")
    expect(messages).not_to_have_text("–")
    before = int(messages.inner_text().replace(",", ""))
    console.alice.says("one")
    console.bob.sees("one")
    general.messages.create(from_="bob", body="two")
    console.alice.sees("one", "two")
    expect(messages).to_have_text(f"{before + 2:,}")
    expect(figure(console, "The service", "Messages").locator(".now")).to_have_text("0")  # a second later
    assert figure(console, "The service", "Messages").locator("polyline").get_attribute("points") != ""
    for label in ("REST requests", "Frames from clients", "Sockets opened", "Pushes to sockets"):
        expect(figure(console, "The service", label).locator(".total")).not_to_have_text("0")
    expect(figure(console, "This page", "Frames sent").locator(".total")).not_to_have_text("0")
    expect(console.page.locator("#tool-usage .hint").first).to_have_text("2 open sockets")


def test_where_the_service_tells_no_counts_the_page_shows_its_own_and_says_so(unopened: Console) -> None:
    config = json.dumps({"rest_url": "/", "ws_url": "/ws"})
    unopened.page.route("**/config.json", lambda route: route.fulfill(body=config))
    unopened.open()
    unopened.choose_tool("Usage")
    expect(unopened.page.locator("#tool-usage")).to_contain_text("in CloudWatch")
    expect(figure(unopened, "This page", "Frames received").locator(".total")).not_to_have_text("0")
    expect(unopened.page.get_by_role("table", name="The service")).to_have_count(0)
