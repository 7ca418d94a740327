"""Messages on their way to phones: who gets them, what receipts and the summary say, and what happens in between."""

from __future__ import annotations

import random
from typing import Any

import pytest

from parley.domain.deliveries import STATUSES
from parley.errors import CONCURRENT_UPDATE, UNAVAILABLE, Error
from parley.ids import receipt_sid
from parley.store import keys
from parley.store.changes import decode
from parley.store.table import Table
from tests.conversations.carrier import ScriptedCarrier, receipts_of, summary
from tests.conversations.phones import (
    AMERICANS,
    OTHER_PHONE,
    OTHER_PROXY,
    PHONE,
    PROXY,
    SENDER,
    Thread,
    bound,
    pair,
)
from tests.support.killing import Killed, killed_at
from tests.webhooks.function import Remaining

WHATSAPP = f"whatsapp:{PHONE}"
pytestmark = pytest.mark.usefixtures("agreed")


SERVICE, CHANNEL, RECEIPT = (prefix + "0" * 32 for prefix in ("IS", "CH", "DY"))
REFERENCE = f"{SERVICE}.{CHANNEL}.1.{RECEIPT}"


def post(thread: Thread, body: str = "hello", **fields: Any) -> str:
    return str(thread.raw.post(f"{thread.path}/Messages", Body=body, **fields)["sid"])


def statuses(thread: Thread, message: str) -> dict[str, tuple[str, int]]:
    return {
        phone: (one["status"], one["error_code"] or 0) for phone, one in sorted(receipts_of(thread, message).items())
    }


def test_a_message_goes_to_every_phone_but_its_authors_from_the_number_of_each(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    thread.add(pair())
    thread.add(pair(OTHER_PHONE, OTHER_PROXY))
    thread.add(pair(WHATSAPP, SENDER))
    thread.add({"Identity": "alice"})
    message = post(thread, Author=PHONE)
    carrier.hand_over()
    assert carrier.sent == [(OTHER_PHONE, OTHER_PROXY, "hello"), (WHATSAPP, SENDER, "hello")]
    receipts = receipts_of(thread, message)
    assert {phone: one["channel_message_sid"][:2] for phone, one in receipts.items()} == {
        OTHER_PHONE: "SM",
        WHATSAPP: "WA",
    }
    assert summary(thread, message) == {"total": 2, "sent": "all"}


REPORTS: list[tuple[list[tuple[str, int]], tuple[str, int], dict[str, str]]] = [
    ([("sent", 0)], ("sent", 0), {"sent": "all"}),
    ([("delivered", 0)], ("delivered", 0), {"sent": "all", "delivered": "all"}),
    ([("delivered", 0), ("read", 0)], ("read", 0), {"sent": "all", "delivered": "all", "read": "all"}),
    ([("failed", 30008)], ("failed", 30008), {"failed": "all"}),
    ([("undelivered", 30003)], ("undelivered", 30003), {"sent": "all", "undelivered": "all"}),
    # Late, again, and a phone that was out of reach for a while.
    ([("read", 0), ("delivered", 0), ("sent", 0)], ("read", 0), {"sent": "all", "delivered": "all", "read": "all"}),
    ([("delivered", 0), ("delivered", 0)], ("delivered", 0), {"sent": "all", "delivered": "all"}),
    ([("undelivered", 30003), ("delivered", 0)], ("delivered", 0), {"sent": "all", "delivered": "all"}),
    # Neither is a status that receipts have.
    ([("queued", 0), ("", 0)], ("sent", 0), {"sent": "all"}),
]


@pytest.mark.parametrize(("reports", "receipt", "words"), REPORTS, ids=lambda value: str(value)[:40])
def test_receipt_and_summary_show_what_the_carrier_reports(
    thread: Thread,
    carrier: ScriptedCarrier,
    reports: list[tuple[str, int]],
    receipt: tuple[str, int],
    words: dict[str, str],
) -> None:
    thread.add(pair())
    message = post(thread)
    carrier.hand_over()
    for status, code in reports:
        carrier.report(PHONE, status, error_code=code)
    assert statuses(thread, message) == {PHONE: receipt}
    assert summary(thread, message) == {"total": 1, **words}


@pytest.mark.parametrize("seed", range(2))
def test_whatever_comes_between_and_in_whatever_order_receipts_keep_the_last_status_and_counts_agree(
    thread: Thread, carrier: ScriptedCarrier, seed: int
) -> None:
    """That the counts agree with the receipts is what the fixture `agreed` looks at."""
    chance = random.Random(seed)
    sids = {phone: thread.add(pair(phone))["sid"] for phone in AMERICANS[:5]}
    messages = [post(thread, str(number)) for number in range(3)]
    carrier.hand_over()
    reports = [
        {"job": "phone_status", "reference": one["reference"], "status": status}
        for one in carrier.requests
        for status in chance.sample(STATUSES, chance.randint(0, 5))
    ]
    reports += chance.sample(reports, len(reports) // 2)
    chance.shuffle(reports)
    between = (
        lambda: thread.raw.post(f"{thread.path}/Messages/{messages[0]}", Body="edited"),
        lambda: thread.remove(sids[AMERICANS[0]]),
        lambda: thread.raw("DELETE", f"{thread.path}/Messages/{messages[1]}"),
        lambda: thread.raw.post(thread.path, State="closed"),
        lambda: None,
    )
    for number, act in enumerate(between):
        carrier.at_once(reports[number :: len(between)])
        act()
    # Two statuses may stand on one step. Then either of them stays.
    steps = {"sent": 1, "failed": 2, "undelivered": 2, "delivered": 3, "read": 4}
    told: dict[str, int] = {one["reference"]: 1 for one in carrier.requests}
    for report in reports:
        told[report["reference"]] = max(told[report["reference"]], steps[report["status"]])
    for message in (messages[0], messages[2]):
        for receipt in thread.raw.get(f"{thread.path}/Messages/{message}/Receipts")["delivery_receipts"]:
            (step,) = [step for reference, step in told.items() if reference.endswith(receipt["sid"])]
            assert steps[receipt["status"]] == step


def test_the_summary_says_none_some_or_all_and_changes_only_with_its_words(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    for phone in AMERICANS[:3]:
        thread.add(pair(phone))
    message = post(thread)
    carrier.hand_over()
    seen = []
    for phone in AMERICANS[:3]:
        before = len(carrier.function.deployment.read_stream())
        carrier.report(phone, "delivered")
        new = carrier.function.deployment.read_stream()[before:]
        is_told = any(one["dynamodb"]["Keys"]["sk"]["S"].startswith("CHG#") for one in new)
        seen.append((summary(thread, message)["delivered"], is_told))
    assert seen == [("some", True), ("some", False), ("all", True)]


def test_each_change_of_a_receipt_is_announced_once_and_told_to_the_conversations_webhook(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    thread.add(pair())
    form = {"Target": "webhook", "Configuration.Url": "https://example.com/"}
    thread.raw.post(f"{thread.path}/Webhooks", {**form, "Configuration.Filters": "onDeliveryUpdated"})
    post(thread)
    carrier.hand_over()
    for _ in range(2):
        carrier.report(PHONE, "delivered")
    records = carrier.function.new_changes()
    told = [change for record in records if (change := decode(record)) and change.kind == "receipt"]
    assert [(one.verb, one.record["status"], one.cause["source"]) for one in told] == [
        ("updated", "sent", "SMS"),
        ("updated", "delivered", "SMS"),
    ]
    planned = [delivery["parameters"] for delivery in carrier.function.planned(records)]
    assert [(one["EventType"], one["Status"]) for one in planned] == [
        ("onDeliveryUpdated", "sent"),
        ("onDeliveryUpdated", "delivered"),
    ]


def test_receipts_of_a_conversation_without_webhooks_cost_planning_no_request(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    thread.add(pair())
    post(thread)
    carrier.hand_over()
    carrier.report(PHONE, "delivered")
    changes = carrier.function.new_changes()
    assert any((change := decode(record)) and change.kind == "receipt" for record in changes)
    carrier.function.plan_records(changes)
    with thread.lean.metered() as meter:
        carrier.function.plan_records(changes)
    assert meter.requests.total() == 0


@pytest.mark.parametrize(("code", "expected"), [(21610, ("failed", 21610)), (None, ("sent", 0))])
def test_a_text_that_the_carrier_refuses_fails_with_its_code_and_other_phones_get_the_message(
    thread: Thread, carrier: ScriptedCarrier, code: int | None, expected: tuple[str, int]
) -> None:
    thread.add(pair())
    thread.add(pair(OTHER_PHONE))
    carrier.refuses = {PHONE: code} if code else {}
    message = post(thread)
    carrier.hand_over()
    assert statuses(thread, message) == {PHONE: expected, OTHER_PHONE: ("sent", 0)}


def test_a_text_over_1600_characters_is_not_handed_over(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    message, longest = post(thread, "x" * 1601), post(thread, "x" * 1600)
    carrier.hand_over()
    assert statuses(thread, message) == {PHONE: ("failed", 21617)}
    assert statuses(thread, longest) == {PHONE: ("sent", 0)}
    assert [len(text or "") for _, _, text in carrier.sent] == [1600]


def test_without_a_carrier_every_message_fails(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    carrier.function.settings["carrier_url"] = ""
    carrier.function.start()
    message = post(thread)
    carrier.hand_over()
    assert statuses(thread, message) == {PHONE: ("failed", 21606)}


def test_a_silent_carrier_is_tried_again_for_an_hour(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    thread.add(pair(OTHER_PHONE))
    carrier.refuses = {PHONE: 0}
    message = post(thread)
    (job,) = planned(carrier)
    assert carrier.function.do_job(job) == []
    assert statuses(thread, message) == {OTHER_PHONE: ("sent", 0)}
    carrier.function.clock.advance(3600)
    assert [job["index"] for job in carrier.function.work.phones] == [0]
    carrier.hand_over()
    assert statuses(thread, message) == {PHONE: ("failed", 30036), OTHER_PHONE: ("sent", 0)}
    assert len(carrier.requests) == 1


def test_phones_at_which_a_carrier_gives_no_answer_hold_up_no_others(thread: Thread, carrier: ScriptedCarrier) -> None:
    phones = {str(thread.add(pair(phone))["sid"]): phone for phone in AMERICANS[:8]}
    message = post(thread)
    first_three = sorted(phones, key=lambda sid: receipt_sid(message, sid))[:3]
    carrier.refuses = dict.fromkeys([phones[sid] for sid in first_three], 0)
    (job,) = planned(carrier)
    # There is time for the receipts, and for nothing else: from then on they come in the order of their SIDs.
    assert carrier.function.do_job(job, Remaining(10_000)) == []
    for _ in range(2):
        for job in planned(carrier):
            assert carrier.function.do_job(job) == []
    assert len(carrier.requests) == 5


def test_a_report_that_comes_before_the_carriers_answer_leaves_the_receipt_its_sid(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    thread.add(pair())
    message = post(thread)
    answer = carrier.function.outgoing.answer

    def reporting(request: Any) -> Any:
        answered = answer(request)
        carrier.report(PHONE, "delivered")
        return answered

    carrier.function.outgoing.answer = reporting
    carrier.hand_over()
    (receipt,) = receipts_of(thread, message).values()
    assert (receipt["status"], receipt["channel_message_sid"]) == ("delivered", f"SM{1:032x}")


@pytest.mark.parametrize("error", [CONCURRENT_UPDATE, UNAVAILABLE])
def test_a_report_that_cannot_be_stored_now_comes_again_after_a_pause(
    thread: Thread, carrier: ScriptedCarrier, monkeypatch: pytest.MonkeyPatch, error: Error
) -> None:
    thread.add(pair())
    message = post(thread)
    carrier.hand_over()

    def refuse(*_: Any) -> Any:
        raise error()

    with monkeypatch.context() as patched:
        patched.setattr(Table, "commit", refuse)
        carrier.report(PHONE, "delivered")
        # In the end it is left to the dead letter queue.
        report = {"job": "phone_status", "reference": carrier.reference(PHONE), "status": "delivered"}
        assert carrier.function.do_job({**report, "waits": 14}) != []
    (entry,) = carrier.function.work.take()
    assert carrier.function.do_job(entry) == []
    assert statuses(thread, message) == {PHONE: ("delivered", 0)}


def planned(carrier: ScriptedCarrier) -> list[dict[str, Any]]:
    """The jobs that new messages require, taken from their queue."""
    carrier.function.plan()
    jobs, carrier.function.work.phones = carrier.function.work.phones, []
    return jobs


def test_a_job_that_was_killed_after_the_claims_hands_over_what_is_left(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    for phone in AMERICANS[:3]:
        thread.add(pair(phone))
    message = post(thread)
    (job,) = planned(carrier)
    # There is time for the claims, and for nothing else.
    assert carrier.function.do_job(job, Remaining(10_000)) == []
    assert (carrier.sent, receipts_of(thread, message)) == ([], {})
    assert summary(thread, message) == {"total": 3}
    assert carrier.hand_over() == 1
    assert carrier.function.do_job(job) == []
    assert [phone for phone, _, _ in carrier.sent] == sorted(AMERICANS[:3])
    assert summary(thread, message) == {"total": 3, "sent": "all"}


def test_only_those_who_were_there_when_it_was_written_get_a_message(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    gone = thread.add(pair(OTHER_PHONE))["sid"]
    message = post(thread)
    carrier.function.clock.advance(1)
    thread.remove(gone)
    thread.add(pair(AMERICANS[0]))
    carrier.hand_over()
    assert [phone for phone, _, _ in carrier.sent] == [PHONE]
    assert summary(thread, message) == {"total": 1, "sent": "all"}


def test_fifty_phones_get_a_message(thread: Thread, carrier: ScriptedCarrier) -> None:
    phones = [f"+4917212345{number:02d}" for number in range(50)]
    for phone in phones:
        thread.add(pair(phone))
    message = post(thread)
    carrier.hand_over()
    assert [phone for phone, _, _ in carrier.sent] == phones
    assert summary(thread, message) == {"total": 50, "sent": "all"}


@pytest.mark.inferred
def test_in_a_group_every_phone_hears_from_the_number_that_stands_for_the_author(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    for form in (bound(AMERICANS[0]), bound(AMERICANS[1]), bound(projected=PROXY), bound(projected=OTHER_PROXY)):
        thread.add({**form, **({"Identity": "alice"} if OTHER_PROXY in form.values() else {})})
    by_alice, by_phone = post(thread, Author="alice"), post(thread, Author=AMERICANS[0])
    carrier.hand_over()
    assert carrier.sent == [(AMERICANS[0], OTHER_PROXY, "hello"), (AMERICANS[1], OTHER_PROXY, "hello")]
    assert summary(thread, by_alice) == {"total": 2, "sent": "all"}
    assert summary(thread, by_phone) == {}


def test_a_group_is_not_written_to_where_groups_are_switched_off(thread: Thread, carrier: ScriptedCarrier) -> None:
    for form in (bound(AMERICANS[0]), bound(AMERICANS[1]), bound(projected=PROXY)):
        thread.add(form)
    carrier.function.settings["group_messages"] = False
    carrier.function.start()
    message = post(thread, Author=PROXY)
    carrier.hand_over()
    assert statuses(thread, message) == dict.fromkeys(AMERICANS[:2], ("failed", 50452))


def test_a_deleted_message_goes_to_nobody(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    message = post(thread)
    (job,) = planned(carrier)
    assert thread.raw("DELETE", f"{thread.path}/Messages/{message}").status == 204
    assert carrier.function.do_job(job) == []
    assert carrier.sent == []


@pytest.mark.parametrize(("phone", "proxy", "horizon"), [(WHATSAPP, SENDER, 1), (PHONE, PROXY, None)])
def test_reading_on_whatsapp_moves_the_participants_horizon(
    thread: Thread, carrier: ScriptedCarrier, phone: str, proxy: str, horizon: int | None
) -> None:
    thread.add(pair(phone, proxy))
    post(thread), post(thread, "again")
    carrier.hand_over()
    older, newer = (one["reference"] for one in sorted(carrier.requests, key=lambda one: one["reference"]))
    for reference in (newer, older, newer):
        entry = {"job": "phone_status", "reference": reference, "status": "read"}
        assert carrier.function.do_job(entry) == []
    assert [one["last_read_message_index"] for one in thread.participants()] == [horizon]


@pytest.mark.parametrize(
    "report",
    [
        {"status": "sent"},
        {"reference": "x", "status": "sent"},
        {"reference": "IS.CH.x.DY", "status": "sent"},
        {"reference": "IS.CH.1.DY", "status": "sent"},
        {"reference": 1, "status": "sent"},
        {"reference": REFERENCE, "status": ["sent"]},
        {"reference": f"{SERVICE}.{'C' * 3000}.1.{RECEIPT}", "status": "sent"},
        {"reference": f"{SERVICE}.\ud800.1.{RECEIPT}", "status": "sent"},
        {"reference": REFERENCE, "status": "sent", "sid": "\ud800"},
        {"reference": REFERENCE, "status": "failed", "error_code": True},
        {"reference": REFERENCE, "status": "failed", "error_code": 10**40 + 1},
    ],
    ids=lambda report: ascii(report)[:60],
)
def test_a_report_that_makes_no_sense_is_dropped(carrier: ScriptedCarrier, report: dict[str, Any]) -> None:
    assert carrier.function.do_job({"job": "phone_status", **report}) == []


def kept(carrier: ScriptedCarrier, thread: Thread) -> set[int]:
    """The indexes of the messages whose receipts are stored."""
    table = carrier.function.deployment.world.table
    return {receipt["index"] for receipt in table.every(keys.receipts(thread.sid))}


def test_the_receipts_of_a_deleted_message_are_not_found_and_soon_they_are_erased(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    for phone in AMERICANS[:3]:
        thread.add(pair(phone))
    first, second = (post(thread, body) for body in ("first", "second"))
    carrier.hand_over()
    receipt = thread.raw.get(f"{thread.path}/Messages/{first}/Receipts")["delivery_receipts"][0]["sid"]
    assert thread.raw("DELETE", f"{thread.path}/Messages/{first}").status == 204
    for path in ("Receipts", f"Receipts/{receipt}"):
        answer = thread.raw("GET", f"{thread.path}/Messages/{first}/{path}")
        assert (answer.status, answer.json["code"]) == (404, 20404)
    assert kept(carrier, thread) == {0, 1}
    assert carrier.function.bury_all() == 1
    assert kept(carrier, thread) == {1}
    assert len(receipts_of(thread, second)) == 3


def test_a_job_that_dies_while_it_erases_receipts_is_repeated_and_erases_the_rest(
    thread: Thread, carrier: ScriptedCarrier
) -> None:
    for phone in AMERICANS[:3]:
        thread.add(pair(phone))
    messages = [post(thread, body) for body in ("first", "second")]
    carrier.hand_over()
    for message in messages:
        thread.raw("DELETE", f"{thread.path}/Messages/{message}")
    carrier.function.plan()
    (job,) = carrier.function.work.burials
    with killed_at(2), pytest.raises(Killed):
        carrier.function.bury(job)
    assert kept(carrier, thread) == {1}
    for _ in range(2):
        assert carrier.function.bury(job) == []
        assert kept(carrier, thread) == set()
    assert thread.raw.get(f"{thread.path}/Messages")["messages"] == []


def test_a_burial_that_the_release_before_has_queued_is_carried_out(thread: Thread, carrier: ScriptedCarrier) -> None:
    thread.add(pair())
    message = post(thread)
    thread.raw("DELETE", f"{thread.path}/Messages/{message}")
    carrier.function.plan()
    (job,) = carrier.function.work.burials
    assert carrier.function.bury({"job": "bury", "tombstones": job["tombstones"]}) == []
