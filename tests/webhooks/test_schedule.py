"""When a delivery is tried again, when it is given up, and what it looks like then; all on a clock of the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from local.template.template import Template
from parley.ports.http.outgoing import NoAnswer, Response
from parley.webhooks.delivery import Outcome, pause_seconds
from tests.ports.fakes import FakeOutgoing, SentRequest
from tests.sockets.deployment import Deployment
from tests.webhooks.function import LONGEST_AGE_SECONDS, WebhooksFunction
from tests.webhooks.line import Line

URL = "https://example.com/hook"
OK = Response(200, {}, b"")


def delivery(
    webhooks: WebhooksFunction, number: int = 0, url: str = URL, group: str = "", retries: int = 0
) -> dict[str, Any]:
    return {
        "id": f"{number:032x}",
        "group": group or f"group of {url}",
        "url": url,
        "method": "POST",
        "parameters": {"EventType": "onMessageSent", "MessageSid": f"IM{number:032x}", "Body": f"body {number}"},
        "retries": retries,
        "planned_at": webhooks.clock.now_ms(),
    }


class Log:
    """Answers as told and keeps when each attempt was made, in seconds since the beginning, and its RetryCount."""

    def __init__(
        self,
        webhooks: WebhooksFunction,
        answer: Callable[[SentRequest], Response | Exception | int] = lambda request: 200,
    ):
        self.answer = answer
        self.attempts: list[tuple[float, str, str]] = []
        self._webhooks = webhooks
        self._started = webhooks.clock.now_ms()
        outgoing = webhooks.outgoing
        assert isinstance(outgoing, FakeOutgoing)
        outgoing.answer = self

    def __call__(self, request: SentRequest) -> Response:
        told = dict(parse_qsl(request.body.decode()))
        at = (self._webhooks.clock.now_ms() - self._started) / 1000
        self.attempts.append((at, told["MessageSid"], told["RetryCount"]))
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return Response(answer, {}, b"") if isinstance(answer, int) else answer

    @property
    def times(self) -> list[float]:
        return [at for at, _, _ in self.attempts]

    @property
    def counts(self) -> list[str]:
        return [count for _, _, count in self.attempts]


def then(*answers: Any) -> Callable[[SentRequest], Any]:
    """These answers one after another, the last one for ever."""
    left = list(answers)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


BUSY = [NoAnswer("timeout"), NoAnswer("Connection refused"), 429, 503, 504]


# The configured count first


@pytest.mark.parametrize("answer", BUSY, ids=str)
@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_the_configured_retries_come_a_second_apart_then_pauses_grow(
    silent: WebhooksFunction, retries: int, answer: Any
) -> None:
    log = Log(silent, then(*[answer] * (retries + 1), 200))
    Line(silent, [delivery(silent, retries=retries)]).run()
    assert log.times[: retries + 1] == list(range(retries + 1))
    assert 1 <= log.times[-1] - log.times[-2] <= 2
    assert log.counts == [str(number) for number in range(retries + 2)]


def test_pauses_double_up_to_fifteen_minutes_with_jitter() -> None:
    longest = [pause_seconds(Outcome.UNREACHABLE, number, 0, lambda: 1.0) for number in range(14)]
    assert longest == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]
    shortest = [pause_seconds(Outcome.FAILED, number, 0, lambda: 0.0) for number in range(14)]
    assert shortest == [2, 3, 6, 12, 24, 48, 96, 192, 384, 675, 675, 675, 675, 675]
    drawn = {pause_seconds(Outcome.UNREACHABLE, 8, 0) for _ in range(100)}
    assert len(drawn) > 20 and min(drawn) >= 384 and max(drawn) <= 512


@pytest.mark.parametrize("retries", [0, 1, 2, 3])
def test_the_configured_count_moves_the_growing_pauses_back(retries: int) -> None:
    pauses = [pause_seconds(Outcome.UNREACHABLE, number, retries, lambda: 1.0) for number in range(8)]
    assert pauses == ([1] * retries + [2, 4, 8, 16, 32, 64, 128, 256])[:8]


@pytest.mark.parametrize("status", [500, 501, 502, 505, 599])
def test_a_server_error_is_tried_again_though_twilio_would_not(silent: WebhooksFunction, status: int) -> None:
    log = Log(silent, then(status, status, 200))
    Line(silent, [delivery(silent, retries=3)]).run()
    assert len(log.attempts) == 3


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 300, 301, 302, 307, 400, 401, 403, 404, 410, 422, 451])
def test_any_other_answer_is_the_owners_last_word(silent: WebhooksFunction, status: int) -> None:
    log = Log(silent, then(status))
    Line(silent, [delivery(silent, retries=3)]).run()
    assert len(log.attempts) == 1
    assert silent.dead_letters.entries == []


def test_a_redirect_is_not_followed(silent: WebhooksFunction) -> None:
    log = Log(silent, then(Response(302, {"location": "https://example.com/elsewhere"}, b"")))
    Line(silent, [delivery(silent)]).run()
    assert len(log.attempts) == 1


# Giving up


@pytest.mark.parametrize("answer", [NoAnswer("timeout"), 500, 503], ids=str)
def test_a_delivery_is_tried_for_four_hours_and_then_parked_as_it_is(silent: WebhooksFunction, answer: Any) -> None:
    log = Log(silent, then(answer))
    planned = delivery(silent, retries=2)
    Line(silent, [planned]).run()
    assert LONGEST_AGE_SECONDS - 900 <= log.times[-1] <= LONGEST_AGE_SECONDS + 900
    assert log.counts == [str(number) for number in range(len(log.counts))]
    gaps = [later - earlier for earlier, later in zip(log.times, log.times[1:], strict=False)]
    assert max(gaps) <= 900 + 60
    (parked,) = silent.dead_letters.entries
    assert {name: parked[name] for name in planned if name != "group"} == {
        name: planned[name] for name in planned if name != "group"
    }
    assert parked["ordered_with"] == planned["group"]
    assert [value for name, value in silent.counted if name == "WebhookParked"] == [1]


def test_the_age_is_the_deployments_choice(deployment: Deployment, template: Template) -> None:
    webhooks = WebhooksFunction(deployment, template, FakeOutgoing(NoAnswer("timeout")), longest_age_seconds=60)
    log = Log(webhooks, then(NoAnswer("timeout")))
    Line(webhooks, [delivery(webhooks)]).run()
    assert 30 <= log.times[-1] <= 60 + 64
    assert len(webhooks.dead_letters.entries) == 1


def test_the_age_counts_from_the_event_not_from_the_first_attempt(silent: WebhooksFunction) -> None:
    """What waited behind others for hours is not tried for hours more."""
    Log(silent, then(500))
    old = {**delivery(silent), "planned_at": silent.clock.now_ms() - (LONGEST_AGE_SECONDS + 1) * 1000}
    Line(silent, [old]).run(seconds=60)
    assert len(silent.dead_letters.entries) == 1


def test_an_old_delivery_gets_its_attempt_before_it_is_given_up(silent: WebhooksFunction) -> None:
    log = Log(silent)
    old = {**delivery(silent), "planned_at": 0}
    Line(silent, [old]).run()
    assert (len(log.attempts), silent.dead_letters.entries) == (1, [])


def test_a_parked_delivery_lets_the_next_one_of_its_group_go(silent: WebhooksFunction) -> None:
    log = Log(silent, lambda request: 500 if b"body+0" in request.body else 200)
    old = {**delivery(silent, 0), "planned_at": 0}
    line = Line(silent, [old, delivery(silent, 1)])
    line.run(seconds=10)
    assert [sid[-1] for _, sid, _ in log.attempts] == ["0", "1"]
    assert len(silent.dead_letters.entries) == 1


def test_a_delivery_that_is_given_up_again_is_not_dropped_by_the_queue_as_a_repeat(silent: WebhooksFunction) -> None:
    """A FIFO queue drops what has the same deduplication id within five minutes: a delivery that was replayed and given
    up again within that time vanished."""
    Log(silent, then(500))
    replayed = [{**delivery(silent), "planned_at": at} for at in (1, 2)]
    for one in replayed:
        Line(silent, [one]).run(seconds=1)
    first, second = silent.dead_letters.entries
    assert first["id"] == second["id"]
    assert first["once"] != second["once"]
    again = [{**delivery(silent), "planned_at": 2}]
    Line(silent, again).run(seconds=1)
    assert silent.dead_letters.entries[-1]["once"] == second["once"]


def test_parked_deliveries_can_all_be_seen_at_once(silent: WebhooksFunction) -> None:
    """In one group, a reader of the queue would only see what it could take of it at a time."""
    Log(silent, then(500))
    Line(silent, [{**delivery(silent, number), "planned_at": 0} for number in range(3)]).run(seconds=60)
    assert len({entry["group"] for entry in silent.dead_letters.entries}) == 3


def test_a_dead_letter_queue_that_cannot_take_it_leaves_the_delivery_where_it_is(silent: WebhooksFunction) -> None:
    Log(silent, then(500))
    silent.dead_letters.broken = True
    line = Line(silent, [{**delivery(silent), "planned_at": 0}])
    line.step()
    assert len(line.entries) == 1
    silent.dead_letters.broken = False
    line.run()
    assert len(silent.dead_letters.entries) == 1


# Order and attempts


def test_deliveries_of_one_channel_and_target_arrive_in_order_over_failures(silent: WebhooksFunction) -> None:
    log = Log(silent, then(500, 200, 503, NoAnswer("timeout"), 200))
    Line(silent, [delivery(silent, number) for number in range(25)]).run()
    succeeded = list(dict.fromkeys(sid for _, sid, _ in log.attempts))
    assert succeeded == [f"IM{number:032x}" for number in range(25)]


def test_a_delivery_that_waits_behind_a_failed_one_does_not_count_as_tried(silent: WebhooksFunction) -> None:
    """The retry count was the queue's receive count: a delivery that was received with a failing one ahead of it, and
    never sent, came with a RetryCount above 0, and its own first failure meant a pause of minutes."""
    log = Log(silent, lambda request: 500 if b"body+0" in request.body and len(log.attempts) < 5 else 200)
    Line(silent, [delivery(silent, number) for number in range(4)]).run()
    assert [count for _, sid, count in log.attempts if sid.endswith("0")] == ["0", "1", "2", "3", "4"]
    assert [count for _, sid, count in log.attempts if not sid.endswith("0")] == ["0"] * 3


def test_a_delivery_that_an_open_circuit_put_off_has_not_been_tried(silent: WebhooksFunction) -> None:
    log = Log(silent, lambda request: 500 if silent.clock.now_ms() < end else 200)
    end = silent.clock.now_ms() + 300_000
    Line(silent, [delivery(silent, number, group=f"group {number}") for number in range(8)]).run()
    by_delivery: dict[str, list[str]] = {}
    for _, sid, count in log.attempts:
        by_delivery.setdefault(sid, []).append(count)
    assert len(by_delivery) == 8
    assert all(counts == [str(number) for number in range(len(counts))] for counts in by_delivery.values())


def test_the_idempotency_token_stays_over_all_attempts_and_the_signature_does_not(silent: WebhooksFunction) -> None:
    Log(silent, then(NoAnswer("timeout"), 503, 500, 200))
    Line(silent, [delivery(silent, 7)]).run()
    assert isinstance(silent.outgoing, FakeOutgoing)
    sent = silent.outgoing.requests
    assert {request.headers["I-Twilio-Idempotency-Token"] for request in sent} == {f"{7:032x}"}
    assert len({request.headers["X-Twilio-Signature"] for request in sent}) == len(sent) == 4


def test_a_container_that_remembers_nothing_counts_receives(silent: WebhooksFunction) -> None:
    log = Log(silent, then(500))
    line = Line(silent, [delivery(silent)])
    line.run(seconds=5)
    receives = line.entries[0].receives
    silent.start()
    other = Line(silent)
    other.entries = line.entries
    log.answer = then(200)
    other.run()
    assert log.counts[-1] == str(receives)


# Trouble with the queue


def test_a_queue_that_cannot_forget_a_delivery_does_not_bring_the_whole_batch_back(silent: WebhooksFunction) -> None:
    """Deleting a message early failed the invocation, and all of its batch was delivered again six minutes later."""
    log = Log(silent)
    silent.deliveries.broken = True
    both = [delivery(silent, number, group=f"group {number}") for number in range(2)]
    assert silent.deliver(*both) == []
    assert len(log.attempts) == 2


def test_a_queue_that_cannot_put_a_delivery_off_brings_it_back_later(silent: WebhooksFunction) -> None:
    Log(silent, then(500))
    silent.deliveries.broken = True
    both = [delivery(silent, number) for number in range(2)]
    assert silent.deliver(*both) == [one["id"] for one in both]


def test_an_entry_that_cannot_be_read_comes_back_with_its_group_and_alone(silent: WebhooksFunction) -> None:
    from tests.webhooks.function import Remaining, queued

    log = Log(silent)
    broken = {**queued(delivery(silent, 0, group="broken")), "body": "{"}
    behind = queued(delivery(silent, 1, group="broken"))
    fine = queued(delivery(silent, 2, group="fine"))
    answer = silent.handler({"Records": [json.loads(json.dumps(one)) for one in (broken, behind, fine)]}, Remaining())
    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert failed == [broken["messageId"], behind["messageId"]]
    assert [sid[-1] for _, sid, _ in log.attempts] == ["2"]
