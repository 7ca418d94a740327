"""`parley doctor` on a service that works, and on services that each have one thing broken."""

from __future__ import annotations

import email.utils
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cli.local_stack import LocalStack
from cli.place import ApiKey
from cli.rest import Answer, Refused, Rest
from local.home import read_json, write_json
from local.stack.running import Stack
from parley.version import VERSION
from tests.cli.conftest import Ran, Run, keys, services
from tests.cli.proxy import proxied
from tests.cli.test_commands import closed_url
from tests.support.commands import begun
from tests.support.target import Reply, Target

CHECKS = ["processes", "REST", "clock", "versions", "socket", "push", "webhook"]


def found(ran: Ran) -> dict[str, tuple[str, str, str]]:
    """Outcome, detail and advice of each check."""
    return {check["name"]: (check["outcome"], check["detail"], check["advice"]) for check in ran.json["checks"]}


def outcomes(ran: Ran) -> dict[str, str]:
    return {name: outcome for name, (outcome, _, _) in found(ran).items()}


HEALTHY = dict.fromkeys(CHECKS, "ok")


def test_a_working_service_is_reported_as_working_and_nothing_is_left_behind(parley: Run, local: Stack):
    before = services(local), keys(local)
    ran = parley("doctor", "--json")
    assert (ran.status, ran.json["healthy"]) == (0, True)
    assert outcomes(ran) == HEALTHY
    assert (services(local), keys(local)) == before


def test_a_person_reads_a_line_for_each_check(parley: Run, local: Stack):
    ran = parley("doctor")
    *lines, blank, last = ran.out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in CHECKS]
    assert (ran.status, blank, last, ran.err) == (0, "", "everything works", "")


def test_a_service_that_does_not_answer_fails_and_the_rest_is_skipped(
    parley: Run, stack: Stack, altered: Callable[..., None]
):
    altered(stack, rest_url=closed_url())
    ran = parley("doctor", "--json")
    assert ran.status == 3
    outcome, detail, advice = found(ran)["REST"]
    assert outcome == "failed" and detail.startswith("nothing answers at http") and advice == "Start `make run` again."
    assert {outcomes(ran)[name] for name in CHECKS[2:]} == {"skipped"}


def test_a_wrong_auth_token_is_named(parley: Run, stack: Stack, altered: Callable[..., None], tmp_path: Any):
    altered(stack, auth_token="f" * 32)
    (tmp_path / "altered" / "kept.json").unlink()
    ran = parley("doctor", "--json")
    assert ran.status == 3
    advice = "local.json does not fit what runs there: start `make run` again."
    assert found(ran)["REST"] == ("failed", "the auth token is refused (401)", advice)


def test_a_closed_socket_is_named_and_webhooks_are_checked_all_the_same(
    parley: Run, stack: Stack, altered: Callable[..., None]
):
    before = services(stack)
    url = closed_url().replace("http", "ws")
    altered(stack, ws_url=url)
    ran = parley("doctor", "--json")
    assert ran.status == 3
    detail = f"no socket can be opened at {url}: Connection refused"
    assert found(ran)["socket"] == ("failed", detail, "Start `make run` again.")
    assert outcomes(ran) == {**HEALTHY, "socket": "failed", "push": "skipped"}
    assert services(stack) == before


def test_an_api_key_that_was_deleted_is_told_from_a_closed_socket(
    parley: Run, stack: Stack, altered: Callable[..., None]
):
    altered(stack, api_key_sid="SK" + "0" * 32)
    ran = parley("doctor", "--json")
    outcome, detail, advice = found(ran)["socket"]
    assert (ran.status, outcome, detail) == (3, "failed", f"{stack.info['ws_url']} refuses the connection with 401")
    assert "refuses the access token" in advice


@pytest.mark.parametrize(("seconds", "direction"), [(90, "behind"), (-90, "ahead of")])
def test_a_clock_that_goes_wrong_is_named(
    parley: Run, stack: Stack, altered: Callable[..., None], seconds: int, direction: str
):
    with proxied(stack.info["rest_url"], {"Date": email.utils.formatdate(time.time() + seconds, usegmt=True)}) as url:
        altered(stack, rest_url=url)
        ran = parley("doctor", "--json")
    outcome, told, advice = found(ran)["clock"]
    assert (ran.status, outcome) == (3, "failed")
    assert re.fullmatch(f"this machine's clock is [0-9]{{2,3}} s {direction} the service's", told)
    assert advice.startswith("Set it")


@pytest.mark.parametrize(
    ("version", "detail"),
    [("9.9.9", f"the service 9.9.9, this command {VERSION}"), ("", "the service does not report its version")],
)
def test_another_version_is_a_warning(
    parley: Run, stack: Stack, altered: Callable[..., None], version: str, detail: str
):
    with proxied(stack.info["rest_url"], {"Parley-Version": version}) as url:
        altered(stack, rest_url=url)
        ran = parley("doctor", "--json")
    assert ran.status == 0
    outcome, told, _ = found(ran)["versions"]
    assert outcome == "warning" and told.startswith(detail)


@contextmanager
def paused(stack: Stack, name: str) -> Iterator[None]:
    """One process of a stack stands still."""
    pid = stack.pids[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_pushes_and_webhooks_that_do_not_come_are_named(parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    before = services(breakable)
    with paused(breakable, "pump"):
        ran = parley("doctor", "--patience", "1s", "--json")
    assert ran.status == 3
    assert outcomes(ran) == {**HEALTHY, "push": "failed", "webhook": "failed"}
    advice = "The pump does not do its work. Read `parley logs`, then start `make run` again."
    outcome, detail, told = found(ran)["push"]
    # The message itself was pushed by the function that wrote it, if that was quick enough.
    assert re.fullmatch("(a message|a change of a message) over REST did not reach the socket in 1 s", detail)
    assert (outcome, told) == ("failed", advice)
    assert found(ran)["webhook"] == ("failed", "a message's webhook did not come in 1 s", advice)
    assert services(breakable) == before


def test_a_process_that_has_died_is_named(parley: Run, stack: Stack, altered: Callable[..., None], tmp_path: Any):
    altered(stack)
    (tmp_path / "altered" / "processes.json").write_text('{"gateway": {"pid": 999999999, "command": ""}}')
    ran = parley("doctor", "--json")
    told = [(check["outcome"], check["detail"]) for check in ran.json["checks"] if check["name"] == "process"]
    assert (ran.status, told) == (3, [("failed", "gateway: has died"), ("failed", "pump: does not run")])


def test_deliveries_that_were_given_up_are_a_warning(parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    place = LocalStack.found()
    queue = place.queue_url("DeliveryDeadLetterQueue")
    placing = {"MessageGroupId": "1", "MessageDeduplicationId": "1"}
    place.client("sqs").send_message(QueueUrl=queue, MessageBody="{}", **placing)
    ran = parley("doctor", "--json")
    assert ran.status == 0
    advice = "`parley webhooks list` shows them."
    assert found(ran)["queues"] == ("warning", "webhook deliveries, given up: 1", advice)
    place.client("sqs").purge_queue(QueueUrl=queue)


def test_queues_that_cannot_be_read_are_a_warning_and_the_rest_is_told(
    parley: Run, stack: Stack, altered: Callable[..., None], tmp_path: Any
):
    altered(stack)
    url = closed_url()
    plan = tmp_path / "altered" / "plan.json"
    write_json(plan, {**read_json(plan), "ministack": url})
    ran = parley("doctor", "--json")
    detail = f"they cannot be read: nothing answers at {url}: stop `make run` and start it again"
    assert (ran.status, outcomes(ran)) == (0, {**HEALTHY, "queues": "warning"})
    assert found(ran)["queues"][1] == detail


def test_a_message_that_is_refused_fails_a_check_and_nothing_is_left_behind(
    parley: Run, local: Stack, monkeypatch: pytest.MonkeyPatch
):
    before = services(local)
    ask = Rest.ask

    def refuse(self: Rest, method: str, path: str, *others: Any, **options: Any) -> Answer:
        if path.endswith("/Messages"):
            raise Refused(503, 20503, "later")
        return ask(self, method, path, *others, **options)

    monkeypatch.setattr(Rest, "ask", refuse)
    ran = parley("doctor", "--json")
    detail = "no message can be posted: the REST API refused that with 503 (20503): later"
    assert (ran.status, found(ran)["REST"][:2]) == (3, ("failed", detail))
    assert services(local) == before


def test_an_api_key_that_cannot_be_made_fails_the_check_of_the_socket(
    parley: Run, local: Stack, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*arguments: object) -> ApiKey:
        raise Refused(503, 20503, "later")

    monkeypatch.setattr(LocalStack, "api_key", refuse)
    ran = parley("doctor", "--json")
    assert ran.status == 3
    assert found(ran)["socket"][:2] == ("failed", "the REST API refused that with 503 (20503): later")
    assert outcomes(ran) == {**HEALTHY, "socket": "failed", "push": "skipped"}


# A webhook server of one's own


def test_a_webhook_server_gets_one_signed_sample(parley: Run, local: Stack, target: Target):
    ran = parley("doctor", "--webhook-url", f"{target.url}?a=b", "--json")
    assert (ran.status, outcomes(ran)["your server"]) == (0, "ok")
    (request,) = target.received
    assert request.is_signed_with(local.info["auth_token"])
    assert request.event == "onMessageSent"
    wanted = {"AccountSid", "InstanceSid", "ChannelSid", "MessageSid", "Body", "RetryCount"}
    assert request.parameters.keys() >= wanted


def test_a_webhook_server_that_does_not_answer_is_named(parley: Run, local: Stack):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
        ran = parley("doctor", "--webhook-url", url, "--patience", "2s", "--json")
    advice = "Start the server, or open its port. Until then, Parley would try again for hours."
    assert (ran.status, found(ran)["your server"]) == (
        3,
        ("failed", f"{url} gives no answer: no answer in time", advice),
    )


def test_a_webhook_server_that_refuses_the_signature_is_named(parley: Run, local: Stack, target: Target):
    target.answer = lambda received: Reply(403)
    ran = parley("doctor", "--webhook-url", target.url, "--json")
    outcome, detail, advice = found(ran)["your server"]
    assert (ran.status, outcome, detail) == (3, "failed", f"{target.url} answers 403")
    assert advice.startswith("The server checks signatures with another auth token")


def test_a_webhook_url_that_is_no_url_is_named(parley: Run, local: Stack):
    ran = parley("doctor", "--webhook-url", "hooks.example.com", "--json")
    detail = "hooks.example.com is no URL: it must begin with http:// or https://"
    assert found(ran)["your server"] == ("failed", detail, "Write it as https://host/path.")


# Ctrl-C


def test_ctrl_c_removes_what_the_check_had_made_and_says_one_line(breakable: Stack):
    before = services(breakable)
    with paused(breakable, "pump"):
        examining = begun(breakable.home, "doctor", "--patience", "60s")
        assert examining.stdout is not None
        for line in examining.stdout:
            if line.split()[:2] == ["ok", "socket"]:
                break
        examining.send_signal(signal.SIGINT)
        _, err = examining.communicate(timeout=30)
    assert (examining.returncode, err.strip()) == (130, "stopped; the check has removed everything that it made")
    assert services(breakable) == before
