"""Reports of AWS and Meta about texts: how receipts, counts and prices change, and which events are dropped."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from parley.operations.receipts import referred
from parley.store import keys
from parley.store.table import Table
from tests.conversations.aws import Topics, metas, status, text_event
from tests.conversations.carrier import ScriptedCarrier, receipts_of, summary
from tests.conversations.phones import AMERICANS, OTHER_PHONE, PHONE, SENDER, Thread, pair
from tests.rest.support import at_once

WHATSAPP = f"whatsapp:{PHONE}"
pytestmark = pytest.mark.usefixtures("agreed")


@pytest.fixture
def topics(carrier: ScriptedCarrier) -> Topics:
    return Topics(carrier.function)


def post(thread: Thread, body: str = "hello") -> str:
    return str(thread.raw.post(f"{thread.path}/Messages", Body=body)["sid"])


def statuses(thread: Thread, message: str) -> dict[str, tuple[str, int]]:
    return {phone: (one["status"], one["error_code"] or 0) for phone, one in receipts_of(thread, message).items()}


def sent_to(thread: Thread, carrier: ScriptedCarrier, *phones: str, proxy: str = "") -> str:
    """A message that was handed over for these phones."""
    for phone in phones:
        thread.add(pair(phone, SENDER if phone.startswith("whatsapp:") else pair()["MessagingBinding.ProxyAddress"]))
    message = post(thread)
    carrier.hand_over()
    return message


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("TEXT_QUEUED", ("sent", 0)),
        ("TEXT_DELIVERED", ("delivered", 0)),
        ("MEDIA_SUCCESSFUL", ("delivered", 0)),
        ("TEXT_CARRIER_UNREACHABLE", ("undelivered", 30003)),
        ("TEXT_TTL_EXPIRED", ("failed", 30036)),
        ("MEDIA_FILE_SIZE_EXCEEDED", ("failed", 11751)),
    ],
)
def test_an_event_about_a_text_changes_the_receipt_that_it_names(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics, event_type: str, expected: tuple[str, int]
) -> None:
    message = sent_to(thread, carrier, PHONE)
    assert topics.tell(text_event(carrier.reference(PHONE), event_type)) == []
    assert statuses(thread, message) == {PHONE: expected}


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("word", "errors", "expected"),
    [
        ("delivered", [], ("delivered", 0)),
        ("read", [], ("read", 0)),
        ("failed", [{"code": 131047, "title": "Re-engagement message"}], ("failed", 63016)),
        ("failed", [], ("failed", 63005)),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_status_of_whatsapp_changes_the_receipt_that_it_names_or_that_metas_id_leads_to(
    thread: Thread,
    carrier: ScriptedCarrier,
    topics: Topics,
    word: str,
    errors: list[Any],
    expected: tuple[str, int],
    is_named: bool,
) -> None:
    message = sent_to(thread, carrier, WHATSAPP)
    reference = carrier.reference(WHATSAPP)
    if not is_named:
        topics.world.table.put_many({keys.carried(thread.sid): {"reference": reference}})
    assert topics.tell(status(thread.sid, word, reference if is_named else "", errors=errors)) == []
    assert statuses(thread, message) == {WHATSAPP: expected}


def test_a_read_message_moves_the_horizon_on_whatsapp_only(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    sent_to(thread, carrier, WHATSAPP, OTHER_PHONE)
    topics.tell(status("wamid.1", "read", carrier.reference(WHATSAPP)))
    topics.tell(text_event(carrier.reference(OTHER_PHONE)))
    horizons = {one["messaging_binding"]["address"]: one["last_read_message_index"] for one in thread.participants()}
    assert horizons == {WHATSAPP: 0, OTHER_PHONE: None}


def test_an_event_that_comes_before_its_send_is_noted_changes_the_receipt(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    carrier.refuses[PHONE] = 0
    thread.add(pair())
    message, function = post(thread), carrier.function
    function.plan()
    assert function.do_job(function.work.phones.pop()) == []
    (receipt,) = topics.world.table.every(keys.receipts(thread.sid))
    assert "status" not in receipt
    reference = f"{receipt['service_sid']}.{thread.sid}.0.{receipt['sid']}"
    assert topics.tell(text_event(reference)) == []
    assert statuses(thread, message) == {PHONE: ("delivered", 0)}
    assert receipts_of(thread, message)[PHONE]["channel_message_sid"].startswith("SM")


def test_a_status_of_a_message_that_is_not_known_yet_comes_back_and_is_dropped_in_the_end(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    message = sent_to(thread, carrier, WHATSAPP, OTHER_PHONE)
    late, other = status(thread.sid, "delivered"), text_event(carrier.reference(OTHER_PHONE))
    assert topics.tell(late, other) == [0]
    assert statuses(thread, message)[OTHER_PHONE] == ("delivered", 0)
    topics.world.table.put_many({keys.carried(thread.sid): {"reference": carrier.reference(WHATSAPP)}})
    assert topics.tell(late, receives=2) == []
    assert statuses(thread, message)[WHATSAPP] == ("delivered", 0)
    assert topics.tell(status("wamid.2", "delivered"), receives=3) == []
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "status of an unknown message dropped"
    ]


def writes_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of writes of each commit from now on."""
    commit, seen = Table.commit, []

    def counted(table: Table, cause: Any, writes: Any) -> Any:
        seen.append(len(writes))
        return commit(table, cause, writes)

    monkeypatch.setattr(Table, "commit", counted)
    return seen


def test_all_reports_of_a_batch_about_one_message_are_one_transaction_and_one_change_per_receipt(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = sent_to(thread, carrier, *AMERICANS[:4])
    events = [
        text_event(carrier.reference(phone), name)
        for phone in AMERICANS[:4]
        for name in ("TEXT_DELIVERED", "TEXT_SENT")
    ]
    function = carrier.function
    function.planned()
    before, seen = len(function.deployment.read_stream()), writes_of(monkeypatch)
    assert topics.tell(*events) == []
    # The change number, and then everything else: the message, its entry in the log, and four receipts.
    assert seen == [1, 6]
    assert summary(thread, message) == {"total": 4, "sent": "all", "delivered": "all"}
    changed = [one["dynamodb"]["Keys"]["sk"]["S"] for one in function.deployment.read_stream()[before:]]
    assert len([sk for sk in changed if sk.startswith("RECEIPT#")]) == 4


def test_each_change_of_a_receipt_fires_its_webhook_once(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    hook = {"Configuration.Url": "https://hooks.example.com/", "Configuration.Filters": "onDeliveryUpdated"}
    thread.raw.post(f"{thread.path}/Webhooks", {"Target": "webhook", **hook})
    sent_to(thread, carrier, PHONE)
    carrier.function.planned()
    event = text_event(carrier.reference(PHONE))
    for _ in range(2):
        topics.tell(event, event)
    (delivery,) = carrier.function.planned()
    told = delivery["parameters"]
    assert (told["EventType"], told["Status"], told["Source"]) == ("onDeliveryUpdated", "delivered", "SMS")


@pytest.mark.parametrize("seed", range(2))
def test_in_whatever_order_and_however_often_events_come_each_receipt_ends_with_its_highest_status(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics, seed: int
) -> None:
    chance = random.Random(seed)
    message = sent_to(thread, carrier, *AMERICANS[:5])
    names = ("TEXT_QUEUED", "TEXT_SENT", "TEXT_UNREACHABLE", "TEXT_DELIVERED")
    told = {phone: chance.sample(names, chance.randint(1, 4)) for phone in AMERICANS[:5]}
    events = [text_event(carrier.reference(phone), name) for phone in told for name in told[phone]]
    events += chance.sample(events, len(events) // 2)
    chance.shuffle(events)
    for first in range(0, len(events), 4):
        assert topics.tell(*events[first : first + 4]) == []
    expected = {
        phone: ("delivered", 0)
        if "TEXT_DELIVERED" in told[phone]
        else ("undelivered", 30003)
        if "TEXT_UNREACHABLE" in told[phone]
        else ("sent", 0)
        for phone in told
    }
    assert statuses(thread, message) == expected


def test_the_same_event_twice_at_once_changes_the_receipt_once(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    message = sent_to(thread, carrier, *AMERICANS[:3])
    events = [text_event(carrier.reference(phone)) for phone in AMERICANS[:3]]
    left = at_once(6, lambda number: topics.tell(events[number % 3]))
    for number, again in enumerate(left):
        if again:
            topics.tell(events[number % 3])
    assert summary(thread, message) == {"total": 3, "sent": "all", "delivered": "all"}


def test_the_price_that_aws_names_is_kept_with_the_receipt_and_counted_once(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    sent_to(thread, carrier, PHONE)
    reference = carrier.reference(PHONE)
    cheap = text_event(reference, "TEXT_SENT", totalMessagePrice=0.0, totalCarrierFee=0.0)
    dear = text_event(reference, "TEXT_DELIVERED", totalMessagePrice=0.09582, totalCarrierFee=0.0025)
    for event in (cheap, dear, dear, cheap, text_event(reference, "TEXT_QUEUED", totalMessagePrice=-1)):
        assert topics.tell(event) == []
    (receipt,) = topics.world.table.every(keys.receipts(thread.sid))
    assert (receipt["price"], receipt["carrier_fee"]) == (95_820, 2_500)
    assert topics.container.counted["TextsCost", 0] == 98_320


def test_a_text_that_arrives_and_one_that_does_not_are_each_counted_once(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    sent_to(thread, carrier, *AMERICANS[:2])
    arrives, fails = (carrier.reference(phone) for phone in AMERICANS[:2])
    for event in ("TEXT_SENT", "TEXT_DELIVERED", "TEXT_SUCCESSFUL"):
        assert topics.tell(text_event(arrives, event)) == []
    for event in ("TEXT_UNREACHABLE", "TEXT_BLOCKED"):
        assert topics.tell(text_event(fails, event)) == []
    counted = topics.container.counted
    assert (counted["TextsDelivered", 0], counted["TextsFailed", 0]) == (1, 1)


def test_a_price_that_comes_after_the_final_status_is_kept_and_fires_nothing(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    message = sent_to(thread, carrier, PHONE)
    reference = carrier.reference(PHONE)
    topics.tell(text_event(reference, "TEXT_DELIVERED", totalMessagePrice=0, totalCarrierFee=0))
    before = receipts_of(thread, message)[PHONE]
    topics.tell(text_event(reference, "TEXT_SENT"))
    assert receipts_of(thread, message)[PHONE] == before
    (receipt,) = topics.world.table.every(keys.receipts(thread.sid))
    assert receipt["price"] == 95_820


def test_an_event_about_a_deleted_message_and_one_in_a_closed_conversation_do_no_harm(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    message = sent_to(thread, carrier, PHONE)
    first = carrier.reference(PHONE)
    thread.raw("DELETE", f"{thread.path}/Messages/{message}")
    assert topics.tell(text_event(first)) == []
    kept = post(thread)
    carrier.hand_over()
    thread.raw.post(thread.path, State="closed")
    assert topics.tell(text_event(carrier.reference(PHONE))) == []
    assert statuses(thread, kept) == {PHONE: ("delivered", 0)}
    thread.raw("DELETE", thread.path)
    assert topics.tell(text_event(carrier.reference(PHONE), "TEXT_UNREACHABLE")) == []


REFERENCE = "IS" + "0" * 32 + ".CH" + "0" * 32 + ".0.DY" + "0" * 32
assert referred(REFERENCE)
DROPPED: list[Any] = [
    "",
    "no JSON",
    "[]",
    "[" * 100_000,
    "{}",
    {"Type": "Notification", "MessageId": "1", "Message": json.dumps(text_event(REFERENCE))},
    {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action="},
    text_event(REFERENCE, "TEXT_EATEN"),
    text_event(REFERENCE, "VOICE_COMPLETED"),
    text_event(REFERENCE, eventType=5),
    text_event("a text of another program"),
    text_event(REFERENCE, context=None),
    text_event(REFERENCE, context={"reference": 5}),
    metas({}),
    metas({"statuses": [5, None]}),
    status("wamid.1", "eaten", REFERENCE),
    status("", "delivered", REFERENCE),
    status("\ud800", "delivered", REFERENCE),
    {**status("wamid.1", "delivered", REFERENCE), "whatsAppWebhookEntry": {"changes": []}},
    {**status("wamid.1", "delivered", REFERENCE), "whatsAppWebhookEntry": "{"},
    metas({"event": "APPROVED"}, "message_template_status_update"),
]


@pytest.mark.parametrize("event", DROPPED, ids=lambda event: ascii(event)[:60])
def test_a_malformed_forged_or_unknown_event_is_logged_and_dropped(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics, event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    message = sent_to(thread, carrier, PHONE)
    good = text_event(carrier.reference(PHONE))
    assert topics.tell(event, good) == []
    assert statuses(thread, message) == {PHONE: ("delivered", 0)}
    warned = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert [(one["message"], bool(one["reason"])) for one in warned] == [("event of a carrier dropped", True)]


def test_an_event_that_names_a_receipt_of_nobody_is_forgotten(topics: Topics) -> None:
    assert topics.tell(text_event(REFERENCE), status("wamid.1", "read", REFERENCE)) == []
