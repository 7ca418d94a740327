"""Messages from phones: which conversation gets them, who is their author, and what happens if none gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.ports.http.outgoing import Response
from tests.conversations.carrier import ScriptedCarrier
from tests.conversations.phones import AMERICANS, OTHER_PHONE, OTHER_PROXY, PHONE, PROXY, SENDER, Thread, bound, pair
from tests.support.files import UNATTACHED_SECONDS, upload

WHATSAPP = f"whatsapp:{PHONE}"
pytestmark = pytest.mark.usefixtures("agreed")


def messages(thread: Thread) -> list[tuple[str, str, str]]:
    listed = thread.raw.get(f"{thread.path}/Messages")["messages"]
    return [(one["author"], one["body"], one["participant_sid"]) for one in listed]


@pytest.mark.parametrize(("phone", "proxy"), [(PHONE, PROXY), (WHATSAPP, SENDER)])
def test_a_message_joins_the_conversation_of_its_pair_and_goes_to_the_other_phones(
    thread: Thread, carrier: ScriptedCarrier, phone: str, proxy: str
) -> None:
    participant = thread.add(pair(phone, proxy))["sid"]
    thread.add(pair(OTHER_PHONE))
    carrier.write(phone, "hello", proxy)
    assert messages(thread) == [(phone, "hello", participant)]
    carrier.hand_over()
    assert carrier.sent == [(OTHER_PHONE, PROXY, "hello")]


def test_a_message_that_comes_again_is_one_message(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    carrier.write(PHONE, "hello")
    # SQS may hand a job out again for as long as it keeps it.
    carrier.function.clock.advance(13 * 24 * 3600)
    carrier.write(PHONE, "hello")
    carrier.write(PHONE, "hello", sid="SM2")
    assert len(messages(thread)) == 2


def uploaded(thread: Thread, carrier: ScriptedCarrier, count: int) -> list[str]:
    """Files that the carrier's program has uploaded."""
    service_sid = thread.raw.get(thread.path)["chat_service_sid"]
    return [upload(carrier.function.deployment.world, service_sid) for _ in range(count)]


def test_a_message_from_a_phone_brings_its_files_along_and_they_go_to_the_other_phones(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    thread.add(pair())
    thread.add(pair(OTHER_PHONE))
    sids = uploaded(thread, carrier, 3)
    carrier.write(PHONE, "look", media=[{"sid": sid} for sid in sids])
    (message,) = thread.raw.get(f"{thread.path}/Messages")["messages"]
    assert [file["sid"] for file in message["media"]] == sids
    carrier.hand_over()
    assert [[file["sid"] for file in one["media"]] for one in carrier.requests] == [sids]
    # The carrier may tell of it again.
    carrier.write(PHONE, "look", media=[{"sid": sid} for sid in sids])
    assert len(messages(thread)) == 1


def test_a_text_whose_files_have_expired_meanwhile_is_added_without_them(
    thread: Thread, carrier: ScriptedCarrier, caplog: pytest.LogCaptureFixture
) -> None:
    thread.add(pair())
    sids = uploaded(thread, carrier, 2)
    carrier.function.clock.advance(UNATTACHED_SECONDS)
    carrier.write(PHONE, "look", media=[{"sid": sid} for sid in sids])
    (message,) = thread.raw.get(f"{thread.path}/Messages")["messages"]
    assert (message["body"], message["media"]) == ("look", None)
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert warning["reason"] == f"MEDIA_NOT_FOUND(sid={sids[0]!r})"


@pytest.mark.parametrize(("sids", "expected"), [(["SM1"] * 5, 1), ([f"SM{number}" for number in range(5)], 5)])
def test_messages_that_come_at_once_are_all_added_each_once(
    thread: Thread, carrier: ScriptedCarrier, sids: list[str], expected: int
) -> None:
    thread.add(pair())
    thread.raw.post(thread.path, State="inactive")
    job = {"job": "phone_inbound", "from": PHONE, "to": PROXY, "body": "hello"}
    carrier.at_once([{**job, "sid": sid} for sid in sids])
    assert len(messages(thread)) == expected
    assert thread.raw.get(thread.path)["state"] == "active"


@pytest.mark.parametrize("state", ["inactive", "closed"])
def test_an_inactive_conversation_wakes_up_and_a_closed_one_gets_nothing(
    thread: Thread, carrier: ScriptedCarrier, state: str
) -> None:
    thread.add(pair())
    thread.raw.post(thread.path, State=state)
    carrier.write(PHONE, "hello")
    is_open = state == "inactive"
    assert thread.raw.get(thread.path)["state"] == ("active" if is_open else "closed")
    assert len(messages(thread)) == is_open


@pytest.mark.parametrize(
    ("status", "answer", "bodies"), [(403, {}, []), (200, {"body": "rewritten"}, ["rewritten"]), (200, {}, ["hello"])]
)
def test_the_pre_event_webhook_is_asked_and_may_refuse_or_rewrite_a_message(
    thread: Thread, carrier: ScriptedCarrier, status: int, answer: dict[str, str], bodies: list[str]
) -> None:
    thread.add(pair())
    rewriting(thread, carrier, answer, status)
    carrier.write(PHONE, "hello")
    assert [body for _, body, _ in messages(thread)] == bodies


@pytest.mark.parametrize(
    "answer", [{"attributes": "no JSON"}, {"attributes": "1" * 5000}, {"author": "x" * 300}], ids=str
)
def test_a_message_that_the_pre_event_webhook_makes_invalid_is_dropped(
    thread: Thread, carrier: ScriptedCarrier, answer: dict[str, str]
) -> None:
    """The job failed, and the webhook was asked five times within half an hour."""
    thread.add(pair())
    rewriting(thread, carrier, answer)
    carrier.write(PHONE, "hello")
    assert messages(thread) == []


@pytest.mark.inferred
@pytest.mark.parametrize(("is_group", "author"), [(False, "somebody"), (True, PROXY)])
def test_a_phone_does_not_get_its_own_message_back_if_the_webhook_names_another_author(
    thread: Thread, carrier: ScriptedCarrier, is_group: bool, author: str
) -> None:
    forms = [*map(bound, AMERICANS[:2]), bound(projected=PROXY)] if is_group else map(pair, AMERICANS[:2])
    for form in forms:
        thread.add(form)
    rewriting(thread, carrier, {"author": author})
    carrier.write(AMERICANS[0], "hello", [PROXY, AMERICANS[1]] if is_group else PROXY)
    carrier.hand_over()
    # The other phone of a group has it already.
    assert carrier.sent == ([] if is_group else [(AMERICANS[1], PROXY, "hello")])
    assert [written_by for written_by, _, _ in messages(thread)] == [author]


def rewriting(thread: Thread, carrier: ScriptedCarrier, answer: dict[str, str], status: int = 200) -> None:
    """Let the service's pre-event webhook give this answer."""
    owner = {"PreWebhookUrl": "https://hooks.example.com/before", "WebhookFilters": "onMessageSend"}
    thread.raw.post(f"/chat/v2/Services/{thread.raw.get(thread.path)['chat_service_sid']}", owner)
    carrier.owner = Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())


def test_a_message_to_a_group_is_found_by_all_of_its_addresses(thread: Thread, carrier: ScriptedCarrier) -> None:
    sids = [thread.add(form)["sid"] for form in (*map(bound, AMERICANS[:2]), bound(projected=PROXY))]
    carrier.write(AMERICANS[0], "hello", [PROXY, AMERICANS[1]])
    carrier.write(AMERICANS[0], "to others", [PROXY, AMERICANS[2]], sid="SM2")
    assert messages(thread) == [(AMERICANS[0], "hello", sids[0])]
    # It has reached the other phone already.
    carrier.hand_over()
    assert carrier.sent == []


DROPPED: list[dict[str, Any]] = [
    {"from": OTHER_PHONE},
    {"to": OTHER_PROXY},
    {"to": []},
    {"to": None},
    {"from": "alice"},
    {"from": "a@example.com"},
    {"sid": ""},
    {"body": None},
    {"body": "x" * 40_000},
    {"body": None, "media": [{"sid": "ME" + "0" * 32}]},
    *({"body": None, "media": media} for media in ("ME", 5, [5], {"sid": 5})),
    {"body": "half a pair: \ud800"},
    {"sid": "\ud800"},
]


@pytest.mark.parametrize("changes", DROPPED, ids=lambda changes: ascii(changes)[:40])
def test_a_message_that_no_conversation_can_take_is_dropped_with_a_log_line(
    thread: Thread, carrier: ScriptedCarrier, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    thread.add(pair())
    entry = {"job": "phone_inbound", "from": PHONE, "to": PROXY, "sid": "SM1", "body": "hello", **changes}
    assert carrier.function.do_job(entry) == []
    assert messages(thread) == []
    warned = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert [record["message"] for record in warned] == ["message from a phone dropped"]
    assert "hello" not in str(warned)


def test_the_message_says_from_which_channel_it_came(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair(WHATSAPP, SENDER))
    before = len(carrier.function.deployment.read_stream())
    carrier.write(WHATSAPP, "hello", SENDER)
    new = carrier.function.deployment.read_stream()[before:]
    (cause,) = [
        record["dynamodb"]["NewImage"]["cause"]["M"]
        for record in new
        if record["dynamodb"]["Keys"]["sk"]["S"].startswith("MESSAGE#")
    ]
    assert (cause["source"], cause["webhooks"], cause["actor"]) == (
        {"S": "WHATSAPP"},
        {"BOOL": True},
        {"S": WHATSAPP},
    )
