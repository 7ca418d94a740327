"""Circuits: a target that fails is left alone, probed by one delivery at a time, and never costs another its place."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from parley.ports.http.outgoing import NoAnswer, Outgoing, Response
from parley.webhooks.circuit import FAILURES, Circuits
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.rest.support import at_once
from tests.support.fakes import FakeClock
from tests.support.target import Reply, serving
from tests.webhooks.function import WebhooksFunction
from tests.webhooks.line import Line

URL = "https://example.com/hook"
OTHER = "https://example.org/hook"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuits(clock: FakeClock) -> Circuits:
    return Circuits(clock)


def fail(circuits: Circuits, url: str = URL, times: int = 1) -> None:
    for _ in range(times):
        assert circuits.wait_ms(url) == 0
        circuits.report(url, failed=True)


def test_a_target_is_tried_until_it_has_failed_five_times_in_a_row(circuits: Circuits) -> None:
    fail(circuits, times=FAILURES - 1)
    assert circuits.wait_ms(URL) == 0
    circuits.report(URL, failed=False)
    fail(circuits, times=FAILURES)
    assert FAILURES == 5
    assert circuits.wait_ms(URL) == 5_000


def test_five_failures_leave_room_for_all_the_configured_retries_of_one_delivery() -> None:
    """Three would have put the third retry off, which Twilio makes a second after the second."""
    most_retries = 3
    assert most_retries + 1 < FAILURES


def test_a_target_that_is_back_is_tried_by_all_again(circuits: Circuits, clock: FakeClock) -> None:
    fail(circuits, times=FAILURES)
    clock.advance(5)
    assert circuits.wait_ms(URL) == 0
    circuits.report(URL, failed=False)
    for _ in range(20):
        assert circuits.wait_ms(URL) == 0
        circuits.report(URL, failed=False)


def test_a_target_that_has_not_answered_yet_gets_as_many_requests_at_once_as_may_fail(circuits: Circuits) -> None:
    assert [circuits.wait_ms(URL) for _ in range(7)] == [0] * FAILURES + [1_000] * 2


def test_a_target_that_answers_gets_ten_requests_at_once(circuits: Circuits) -> None:
    assert circuits.wait_ms(URL) == 0
    circuits.report(URL, failed=False)
    assert [circuits.wait_ms(URL) for _ in range(12)] == [0] * 10 + [1_000] * 2
    circuits.report(URL, failed=False)
    assert circuits.wait_ms(URL) == 0


def test_a_delivery_that_finds_all_places_taken_waits_a_moment_for_one(circuits: Circuits) -> None:
    assert [circuits.wait_ms(URL) for _ in range(FAILURES)] == [0] * FAILURES
    waited: list[int] = []
    threads = [threading.Thread(target=lambda: waited.append(circuits.wait_ms(URL))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        circuits.report(URL, failed=False)
    for thread in threads:
        thread.join()
    assert waited == [0, 0, 0]


def test_one_delivery_tries_the_target_for_all_and_the_others_look_again_soon(
    circuits: Circuits, clock: FakeClock
) -> None:
    fail(circuits, times=FAILURES)
    clock.advance(5)
    assert [circuits.wait_ms(URL) for _ in range(10)] == [0] + [2_000] * 9


def test_a_probe_may_take_as_long_as_an_attempt(circuits: Circuits, clock: FakeClock) -> None:
    """Its place was kept for exactly five seconds, so that a probe that timed out was joined by another."""
    fail(circuits, times=FAILURES)
    clock.advance(5)
    assert circuits.wait_ms(URL) == 0
    clock.advance(5.5)
    assert circuits.wait_ms(URL) > 0


def test_a_probe_that_never_reports_is_replaced(circuits: Circuits, clock: FakeClock) -> None:
    fail(circuits, times=FAILURES)
    clock.advance(5)
    assert circuits.wait_ms(URL) == 0
    clock.advance(10)
    assert circuits.wait_ms(URL) == 0


def test_each_failed_probe_doubles_the_pause_up_to_a_minute(circuits: Circuits, clock: FakeClock) -> None:
    fail(circuits, times=FAILURES)
    pauses = []
    for _ in range(7):
        pauses.append(circuits.wait_ms(URL))
        clock.advance(pauses[-1] / 1000)
        fail(circuits)
    assert pauses == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]


def test_failures_of_requests_that_were_under_way_do_not_lengthen_the_pause(circuits: Circuits) -> None:
    """Ten that timed out at the same moment were taken for failed probes, and kept the target out for the longest pause
    at once."""
    assert circuits.wait_ms(URL) == 0
    circuits.report(URL, failed=False)
    assert [circuits.wait_ms(URL) for _ in range(10)] == [0] * 10
    for _ in range(10):
        circuits.report(URL, failed=True)
    assert circuits.wait_ms(URL) == 5_000


def test_targets_are_apart_even_on_one_host(circuits: Circuits) -> None:
    """The host was the target: a path that failed held up the other paths of a server that was well."""
    fail(circuits, times=FAILURES)
    assert circuits.wait_ms(OTHER) == 0
    assert circuits.wait_ms("https://example.com/other") == 0
    assert circuits.wait_ms("https://example.com:8443/hook") == 0
    assert circuits.wait_ms("http://example.com/hook") == 0
    assert circuits.wait_ms(URL + "?tenant=1") > 0


def test_a_thousand_targets_are_remembered_and_not_more(circuits: Circuits) -> None:
    for number in range(3_000):
        fail(circuits, f"https://example.com/{number}")
    assert len(circuits._targets) <= 1_000


def test_threads_let_one_probe_through_at_a_time(circuits: Circuits, clock: FakeClock) -> None:
    fail(circuits, times=FAILURES)
    for _ in range(20):
        clock.advance(60)
        assert at_once(8, lambda _: circuits.wait_ms(URL)).count(0) == 1
        circuits.report(URL, failed=True)


# Through the function


def delivery(webhooks: WebhooksFunction, number: int, url: str, group: str = "") -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "group": group or f"{number}",
        "url": url,
        "method": "POST",
        "parameters": {"EventType": "onMessageSent"},
        "retries": 0,
        "planned_at": webhooks.clock.now_ms(),
    }


def fake(webhooks: WebhooksFunction) -> FakeOutgoing:
    assert isinstance(webhooks.outgoing, FakeOutgoing)
    return webhooks.outgoing


@pytest.mark.parametrize("answer", [NoAnswer("timeout"), Response(500, {}, b""), Response(503, {}, b"")], ids=str)
def test_a_failing_target_gets_few_requests_and_a_healthy_one_all_of_its_own(
    silent: WebhooksFunction, answer: Any
) -> None:
    def answers(request: SentRequest) -> Response:
        if request.url == OTHER:
            return Response(200, {}, b"")
        if isinstance(answer, Exception):
            raise answer
        return answer

    fake(silent).answer = answers
    bad = [delivery(silent, number, URL) for number in range(50)]
    good = [delivery(silent, 1_000 + number, OTHER, group="good") for number in range(50)]
    started = silent.clock.now_ms()
    line = Line(silent, [one for pair in zip(bad, good, strict=True) for one in pair])
    while any(entry.delivery["url"] == OTHER for entry in line.entries):
        line.step()
    assert silent.clock.now_ms() == started
    line.run(seconds=300)
    urls = [request.url for request in fake(silent).requests]
    assert urls.count(OTHER) == 50
    # What was under way before the fifth failure was known, then one a pause: 5, 10, 20, 40, 60, 60 ... seconds.
    assert urls.count(URL) <= 10 + 9


def test_an_owners_last_word_closes_the_circuit_as_a_success_does(silent: WebhooksFunction) -> None:
    statuses = [500, 500, 500, 500, 404] * 4
    fake(silent).answer = lambda request: Response(statuses.pop(0), {}, b"")
    for number in range(20):
        silent.deliver(delivery(silent, number, URL))
    assert statuses == []


def test_a_path_that_fails_does_not_hold_up_another_path_of_the_same_server(silent: WebhooksFunction) -> None:
    def answers(request: SentRequest) -> Response:
        return Response(500 if request.url.endswith("/bad") else 200, {}, b"")

    fake(silent).answer = answers
    for number in range(10):
        silent.deliver(delivery(silent, number, "https://example.com/bad"))
    assert silent.deliver(delivery(silent, 100, "https://example.com/good")) == []


def test_a_target_that_comes_back_gets_everything_within_its_pause(silent: WebhooksFunction) -> None:
    back_at = silent.clock.now_ms() + 30_000
    fake(silent).answer = lambda request: Response(500 if silent.clock.now_ms() < back_at else 200, {}, b"")
    line = Line(silent, [delivery(silent, number, URL, group=f"{number % 5}") for number in range(100)])
    line.run()
    assert line.entries == []
    assert silent.clock.now_ms() <= back_at + 45_000


def test_a_real_server_that_comes_back_is_served_again(webhooks: WebhooksFunction) -> None:
    with serving() as target:
        port, url = target.port, target.url
        target.answer = lambda received: Reply(500)
        line = Line(webhooks, [delivery(webhooks, number, url) for number in range(8)])
        line.run(seconds=4)
        assert len(target.received) >= FAILURES
    line.run(seconds=4)
    with serving(port) as target:
        line.run()
        assert sorted(received.token for received in target.received) == [f"{number:032x}" for number in range(8)]
    assert isinstance(webhooks.outgoing, Outgoing)
