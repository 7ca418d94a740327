"""If DynamoDB fails: what the client is answered, what is stored, and what stays unsaid."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from local.template.template import Template
from parley.log import logger
from parley.store import patience
from tests.ports.meddling import MeddlingClient, leaving_undone, losing_the_answer, refusing
from tests.published.checker import ContractBroken
from tests.support.doors import Answer, LambdaDoor, Raw, basic
from tests.support.world import World

CONFLICT = refusing("TransactionCanceledException", "TransactionConflict")


class Shaky:
    """A REST API over a table whose answers a test can meddle with, and a channel in it."""

    def __init__(self, client: Any, table_name: str):
        self.client = MeddlingClient(client)
        self.world = World(self.client, table_name)
        self.door = LambdaDoor(self.world)
        self.raw = Raw(self.door)
        self.service = "/chat/v2/Services/" + self.raw.post("/chat/v2/Services", FriendlyName="x")["sid"]
        self.channel = f"{self.service}/Channels/" + self.raw.post(f"{self.service}/Channels")["sid"]
        self.messages = f"{self.channel}/Messages"

    def failing(self, verb: str, path: str, body: bytes = b"") -> Answer:
        """A request that ends with a server error, which the contract checker would not let pass."""
        headers = [
            ("Authorization", basic(self.door.account_sid, self.door.auth_token)),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        return self.door.send(verb, self.door.base_url + path, headers, body)


@pytest.fixture
def shaky(dynamodb: Any, template: Template) -> Shaky:
    return Shaky(dynamodb, template.tables()[0].name)


def test_an_unexpected_failure_is_told_without_details(shaky: Shaky):
    shaky.client.script("put_item", refusing("ValidationException"))
    answer = shaky.failing("POST", shaky.messages, b"Body=my+secret")
    assert (answer.status, answer.json) == (
        500,
        {
            "code": 20500,
            "message": "An internal server error has occurred",
            "more_info": "https://www.twilio.com/docs/errors/20500",
            "status": 500,
        },
    )


def test_a_failure_is_logged_with_its_trace_and_no_content(shaky: Shaky, caplog: pytest.LogCaptureFixture):
    shaky.client.script("put_item", refusing("ValidationException"))
    caplog.clear()
    shaky.failing("POST", shaky.messages, b"Body=my+secret&From=alice")
    lines = [json.loads(logger.registered_formatter.format(record)) for record in caplog.records]
    (logged,) = [line for line in lines if line["level"] == "ERROR"]
    assert logged["route"] == "/chat/v2:message.create"
    assert "ValidationException" in logged["exception"]
    everything = json.dumps(lines)
    assert "my secret" not in everything and "my+secret" not in everything
    assert shaky.door.auth_token not in everything and "Basic" not in everything


def test_the_checker_lets_no_server_error_pass(shaky: Shaky):
    shaky.client.script("batch_get_item", refusing("ValidationException"))
    with pytest.raises(ContractBroken):
        shaky.raw("GET", f"{shaky.service}/Users/alice")


def test_a_table_that_stays_too_busy_is_answered_with_a_503(shaky: Shaky):
    shaky.client.script("batch_get_item", *[leaving_undone(0)] * 20)
    answer = shaky.failing("GET", shaky.channel)
    assert answer.refusal() == (503, 20503, "The service is too busy; try again in a moment")


def test_a_table_that_is_busy_for_a_moment_is_not_noticed(shaky: Shaky):
    shaky.client.script("update_item", refusing("ThrottlingException"))
    shaky.client.script("put_item", refusing("ProvisionedThroughputExceededException"))
    assert shaky.raw.post(shaky.messages, Body="x")["index"] == 0


def test_a_conflict_that_lasts_is_answered_with_a_409(shaky: Shaky):
    shaky.client.script("transact_write_items", *[CONFLICT] * 200)
    answer = shaky.raw("POST", f"{shaky.channel}/Members", {"Identity": "alice"})
    assert answer.refusal() == (409, 20409, "The resource was changed by another request; try again")
    assert shaky.raw.get(f"{shaky.channel}/Members")["members"] == []
    assert shaky.raw("GET", f"{shaky.service}/Users/alice").status == 404


LOOKING_AGAIN = {
    "joining": ("POST", "{channel}/Members", b"Identity=bob"),
    "inviting": ("POST", "{channel}/Invites", b"Identity=bob"),
    "leaving": ("DELETE", "{channel}/Members/alice", b""),
    "renaming": ("POST", "{channel}", b"UniqueName=other"),
    "deleting the channel": ("DELETE", "{channel}", b""),
}


@pytest.mark.parametrize("name", LOOKING_AGAIN)
def test_all_looks_of_one_request_share_one_patience(shaky: Shaky, name: str):
    """Each look had three seconds of its own, so a joining among conflicts could outlast the function."""
    shaky.raw.post(f"{shaky.channel}/Members", Identity="alice")
    verb, path, body = LOOKING_AGAIN[name]
    shaky.client.script("transact_write_items", *[CONFLICT] * 200)
    before = shaky.world.clock.now_ms()
    answer = shaky.raw(verb, path.format(channel=shaky.channel), dict(parse_qsl(body.decode())))
    assert answer.refusal()[:2] == (409, 20409)
    longest = patience.LONGEST_REQUEST_SECONDS - patience.ATTEMPT_SECONDS
    assert shaky.world.clock.now_ms() - before < longest * 1000


def test_a_conflict_for_a_moment_is_not_noticed(shaky: Shaky):
    shaky.client.script("transact_write_items", CONFLICT, CONFLICT)
    assert shaky.raw.post(f"{shaky.channel}/Members", Identity="alice")["identity"] == "alice"
    assert shaky.raw.get(shaky.channel)["members_count"] == 1


def test_a_message_whose_answer_was_lost_is_there_once(shaky: Shaky):
    shaky.client.script("put_item", losing_the_answer())
    message = shaky.raw.post(shaky.messages, Body="x")
    assert shaky.raw.get(shaky.messages)["messages"] == [message]


def test_a_crash_in_the_middle_of_a_message_leaves_a_gap_and_nothing_worse(shaky: Shaky):
    before = shaky.raw.post(shaky.messages, Body="before")
    shaky.client.script("put_item", refusing("ValidationException"))
    assert shaky.failing("POST", shaky.messages, b"Body=lost").status == 500
    after = shaky.raw.post(shaky.messages, Body="after")
    assert (before["index"], after["index"]) == (0, 2)
    assert shaky.raw.get(shaky.messages)["messages"] == [before, after]
    assert shaky.raw.get(shaky.channel)["links"]["last_message"] == after["url"]


def without_the_token(call: Any, request: dict[str, Any]) -> dict[str, Any]:
    """A read that came too early to see what another request was just writing."""
    return {"Responses": {}}


def test_two_requests_with_one_token_at_once_make_one_message(shaky: Shaky):
    token = {"I-Twilio-Idempotency-Token": "x"}
    first = shaky.raw("POST", shaky.messages, {"Body": "x"}, headers=token).json
    shaky.client.script("batch_get_item", without_the_token)
    second = shaky.raw("POST", shaky.messages, {"Body": "x"}, headers=token)
    assert (second.status, second.json) == (201, first)
    channel = shaky.raw.get(shaky.channel)
    assert (channel["messages_count"], channel["links"]["last_message"]) == (1, first["url"])
    assert shaky.raw.get(shaky.messages)["messages"] == [first]


def test_a_service_is_created_whole_or_not_at_all(shaky: Shaky):
    shaky.client.script("transact_write_items", refusing("ValidationException"))
    assert shaky.failing("POST", "/chat/v2/Services", b"FriendlyName=y").status == 500
    assert len(shaky.raw.get("/chat/v2/Services")["services"]) == 1


BUSY = {
    "channel": ("POST", "{service}/Channels", b"UniqueName=throttled"),
    "rename": ("POST", "{channel}", b"UniqueName=other"),
    "member": ("POST", "{channel}/Members", b"Identity=bob"),
    "message": ("POST", "{channel}/Messages", b"Body=x"),
    "list": ("GET", "{channel}/Messages", b""),
    "user channels": ("GET", "{service}/Users/alice/Channels", b""),
    "delete": ("DELETE", "{channel}", b""),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_table_that_is_throttled_from_any_request_on_ends_in_a_503_within_the_functions_time(shaky: Shaky, name: str):
    """botocore and the table together waited longer than the function has; commits said 409, and reads 500."""
    shaky.raw.post(f"{shaky.channel}/Members", Identity="alice")
    verb, path, body = BUSY[name]
    path = path.format(service=shaky.service, channel=shaky.channel)
    clock = shaky.world.clock
    for requests in range(20):
        clock.advance(60)
        shaky.client.script_all(refusing("ThrottlingException"), after=requests)
        before = clock.now_ms()
        answer = shaky.failing(verb, path, body)
        shaky.client.unscript()
        if answer.status < 300:
            assert requests > 0
            return
        assert (answer.status, answer.json["code"]) == (503, 20503)
        assert clock.now_ms() - before < patience.LONGEST_REQUEST_SECONDS * 1000
    raise AssertionError("it never succeeded")
