"""Messages to phones whose numbers AWS carries: what AWS is asked for, once and in order, and what receipts say."""

from __future__ import annotations

from typing import Any

import pytest

from parley.operations import receipts, sessions
from parley.store import keys
from tests.conversations.carrier import ScriptedCarrier, receipts_of, summary
from tests.conversations.phones import OTHER_PHONE, PHONE, PROXY, Thread, pair
from tests.conversations.texting import (
    NUMBER,
    OTHER_NUMBER,
    PHONE_ID,
    WHATSAPP_ID,
    WHATSAPP_NUMBER,
    Texting,
)
from tests.support.printed import MARK, Printed
from tests.webhooks.function import Remaining

WHATSAPP = f"whatsapp:{PHONE}"
HOURS_10 = 36_000
pytestmark = pytest.mark.usefixtures("agreed")


def post(thread: Thread, body: str = "hello", **fields: Any) -> str:
    return str(thread.raw.post(f"{thread.path}/Messages", Body=body, **fields)["sid"])


def failed(thread: Thread, message: str) -> tuple[str, int]:
    (receipt,) = receipts_of(thread, message).values()
    return receipt["status"], receipt["error_code"]


def stored(texting: Texting, text: dict[str, Any]) -> dict[str, Any]:
    """A receipt as it is stored."""
    found = texting.world.table.fetch(keys.receipt(text["channel_sid"], text["index"], text["sid"]))
    assert found
    return {**found}


def test_a_message_goes_to_each_phone_from_its_number_and_its_events_will_name_the_receipt(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    thread.add(pair(OTHER_PHONE, OTHER_NUMBER))
    thread.add({"Identity": "alice"})
    post(thread, "grüße")
    first, second = texting.send()
    assert [(sent.how, sent.to, sent.body) for sent in (first, second)] == [
        ("send_text", PHONE, "grüße"),
        ("send_text", OTHER_PHONE, "grüße"),
    ]
    assert first.sender == PHONE_ID
    path = receipts.referred(first.context["reference"])
    assert path and (path["channel_sid"], path["index"]) == (thread.sid, "0")
    assert len(first.context) <= 5


def test_a_receipt_has_aws_id_of_the_text_and_no_status_before_aws_reports(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    (text,) = texting.waiting
    assert texting.carry(text) == []
    receipt = stored(texting, text)
    assert (receipt["provider_id"], receipt["channel_message_sid"][:2]) == ("sms-1", "SM")
    assert "status" not in receipt
    assert summary(thread, message) == {"total": 1}


def test_a_text_that_is_handed_over_twice_is_sent_once(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread)
    texting.webhooks.plan()
    jobs = texting.webhooks.deliveries.take()
    texting.do([*jobs, *jobs])
    texts = texting.webhooks.texts.take()
    for text in [*texts, *texts]:
        assert texting.carry(text) == []
    texting.do(jobs)
    assert texting.webhooks.texts.take() == []
    assert len(texting.aws.sent) == 1


def test_the_texts_to_a_handset_are_one_group_of_the_queue_in_the_order_of_the_messages(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    thread.add(pair(OTHER_PHONE, NUMBER))
    for body in ("one", "two", "three"):
        post(thread, body)
    texting.webhooks.plan()
    jobs = texting.webhooks.deliveries.take()
    assert {job["group"] for job in jobs} == {thread.sid}
    assert len({job["id"] for job in jobs}) == 3
    texting.do(jobs)
    groups: dict[str, list[int]] = {}
    for text in texting.waiting:
        groups.setdefault(text["group"], []).append(text["index"])
        assert " " not in text["group"]
    assert groups == {f"{NUMBER}/{PHONE}": [0, 1, 2], f"{NUMBER}/{OTHER_PHONE}": [0, 1, 2]}


def test_a_text_that_has_to_wait_holds_back_those_behind_it_and_no_other_handset(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    thread.add(pair(OTHER_PHONE, NUMBER))
    post(thread, "one")
    post(thread, "two")
    texting.claim()
    texts = texting.webhooks.texts.take()
    texting.refuse("ThrottlingException")
    busy = texting.aws.meddle
    texting.aws.meddle = lambda sent: busy(sent) if sent.to == PHONE else None
    left = texting.carry(*texts)
    assert left == [text["sid"] for text in texts if PHONE in text["group"]]
    assert [(sent.to, sent.body) for sent in texting.aws.sent] == [(OTHER_PHONE, "one"), (OTHER_PHONE, "two")]
    texting.answer()
    assert texting.carry(*[text for text in texts if text["sid"] in left], receives=2) == []
    assert [sent.body for sent in texting.aws.sent if sent.to == PHONE] == ["one", "two"]


def test_phones_of_a_carrier_of_ones_own_get_the_message_from_that_carrier(
    texting: Texting, thread: Thread, carrier: ScriptedCarrier
) -> None:
    texting.outgoing.answer = carrier._answer
    thread.add(pair(proxy=NUMBER))
    thread.add(pair(OTHER_PHONE, PROXY))
    message = post(thread)
    assert [sent.to for sent in texting.send()] == [PHONE]
    assert texting.webhooks.phone_all() == 1
    assert [one["to"] for one in carrier.requests] == [OTHER_PHONE]
    assert {phone: one["status"] for phone, one in receipts_of(thread, message).items()} == {OTHER_PHONE: "sent"}


def test_a_number_that_is_given_up_before_its_text_is_sent_fails(texting: Texting, thread: Thread) -> None:
    from parley.operations import senders

    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    senders.disable(texting.world.context(), NUMBER)
    (text,) = texting.webhooks.texts.take()
    assert texting.carry(text) == []
    assert (texting.aws.sent, failed(thread, message)) == ([], ("failed", 21606))


def test_a_number_that_becomes_aws_s_between_the_two_jobs_of_a_message_sends_its_text(
    texting: Texting, thread: Thread
) -> None:
    from parley.operations import senders

    thread.add(pair(proxy=NUMBER))
    post(thread)
    senders.disable(texting.world.context(), NUMBER)
    texting.webhooks.start()
    texting.claim()
    texting.enable(NUMBER, PHONE_ID)
    texting.webhooks.start()
    assert texting.webhooks.phone_all() == 1
    assert [sent.to for sent in texting.send()] == [PHONE]


def test_a_message_that_is_deleted_before_its_text_is_sent_is_not_sent(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    assert thread.raw("DELETE", f"{thread.path}/Messages/{message}").status == 204
    (text,) = texting.webhooks.texts.take()
    assert (texting.carry(text), texting.aws.sent) == ([], [])


@pytest.mark.parametrize(("phones", "total"), [(1, None), (2, 1), (3, 2)])
def test_a_phone_that_leaves_before_the_receipts_are_claimed_is_not_counted(
    texting: Texting, thread: Thread, phones: int, total: int | None
) -> None:
    leaves, *_ = [thread.add(pair(f"+49172765000{number}", NUMBER))["sid"] for number in range(phones)]
    message = post(thread)
    thread.remove(leaves)
    assert len(texting.send()) == phones - 1
    assert summary(thread, message) == ({"total": total} if total else {})


def test_a_claim_that_died_before_its_texts_were_queued_is_made_once(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.webhooks.plan()
    jobs = texting.webhooks.deliveries.take()
    texting.webhooks.texts.broken = True
    assert texting.webhooks.do_job(jobs[0]) != []
    texting.webhooks.texts.broken = False
    texting.do(jobs)
    (text,) = texting.webhooks.texts.take()
    assert texting.carry(text) == []
    assert (len(texting.aws.sent), summary(thread, message)) == (1, {"total": 1})


# What AWS refuses.


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("exception", "reason", "code"),
    [
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", 21610),
        ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", 21608),
        ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", 21408),
        ("ValidationException", "INVALID_PARAMETER", 21211),
        ("ValidationException", "FIELD_VALIDATION_FAILED DestinationPhoneNumber", 21211),
        ("ValidationException", "FIELD_VALIDATION_FAILED MessageBody", 21617),
        ("ValidationException", "FIELD_VALIDATION_FAILED MaxPrice", 30008),
        ("AccessDeniedException", "", 20003),
        ("ResourceNotFoundException", "", 21606),
    ],
)
def test_a_refused_text_fails_with_the_code_of_the_reason_and_is_not_sent_again(
    texting: Texting, thread: Thread, exception: str, reason: str, code: int
) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.refuse(exception, reason)
    assert texting.carry(text) == []
    assert failed(thread, message) == ("failed", code)
    texting.answer()
    assert (texting.carry(text), texting.aws.sent) == ([], [])
    assert texting.container.counted["TextsRefused", code] == 1


@pytest.mark.inferred
def test_an_opted_out_phone_keeps_the_message_from_no_other_phone(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    thread.add(pair(OTHER_PHONE, NUMBER))
    message = post(thread)
    texting.refuse("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
    out = texting.aws.meddle
    texting.aws.meddle = lambda sent: out(sent) if sent.to == PHONE else None
    assert [sent.to for sent in texting.send()] == [OTHER_PHONE]
    assert summary(thread, message) == {"total": 2, "failed": "some"}


@pytest.mark.parametrize("exception", ["AccessDeniedException", "ResourceNotFoundException"])
def test_the_log_says_what_the_operator_can_do(
    texting: Texting, thread: Thread, printed: Printed, exception: str
) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread, MARK)
    texting.refuse(exception)
    texting.send()
    (line,) = [line for line in printed.take() if line.get("message") == "AWS does not send a text"]
    assert (line["exception"], line["words"], line["sender"]) == (exception, "words of AWS", NUMBER)
    assert line["cure"]


def test_a_throttled_text_comes_back_after_pauses_that_double_up_to_five_minutes(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.refuse("ThrottlingException")
    for receives in range(1, 9):
        assert texting.carry(text, receives=receives) == [text["sid"]]
    assert texting.pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    texting.answer()
    assert (texting.carry(text, receives=9), len(texting.aws.sent)) == ([], 1)


def test_a_text_that_has_only_waited_behind_another_is_first_put_off_for_five_seconds(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    for body in ("first", "second"):
        post(thread, body)
    texting.claim()
    first, second = texting.webhooks.texts.take()
    texting.refuse("ThrottlingException")
    for receives in range(1, 4):
        assert texting.carry(first, second, receives=receives) == [first["sid"], second["sid"]]
    assert texting.pauses == [5, 0, 10, 0, 20, 0]
    texting.answer()
    assert texting.carry(first, receives=4) == []
    texting.refuse("ThrottlingException")
    assert texting.carry(second, receives=4) == [second["sid"]]
    assert texting.pauses[6:] == [5]


@pytest.mark.parametrize(
    ("exception", "reason", "code", "metric"),
    [
        ("ThrottlingException", "", 30036, "TextsRetried"),
        ("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", 30001, "TextsHeldBack"),
    ],
)
@pytest.mark.inferred
def test_a_text_that_aws_does_not_take_for_ten_hours_fails(
    texting: Texting, thread: Thread, exception: str, reason: str, code: int, metric: str
) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.refuse(exception, reason)
    texting.world.clock.advance(HOURS_10 - 1)
    assert texting.carry(text) == [text["sid"]]
    assert texting.container.counted[metric, 0] == 1
    texting.world.clock.advance(1)
    assert texting.carry(text) == []
    assert failed(thread, message) == ("failed", code)


def test_a_text_whose_answer_was_lost_is_sent_again_after_two_minutes(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.keep_silent(is_lost=True)
    assert (texting.carry(text), texting.pauses) == ([text["sid"]], [120])
    texting.answer()
    assert texting.carry(text, receives=2) == []
    assert len(texting.aws.sent) == 2


def test_a_text_whose_answer_was_lost_is_not_sent_again_if_an_event_has_named_it(
    texting: Texting, thread: Thread
) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.keep_silent(is_lost=True)
    texting.carry(text)
    path = receipts.referred(texting.aws.sent[0].context["reference"])
    assert path
    receipts.report(texting.world.context(), receipts.Report(path, "sent", 0, "sms-1"))
    texting.answer()
    assert (texting.carry(text, receives=2), len(texting.aws.sent)) == ([], 1)


def test_a_text_that_aws_says_nothing_about_for_ten_hours_fails(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    texting.keep_silent()
    texting.world.clock.advance(HOURS_10)
    assert texting.carry(text) == []
    assert failed(thread, message) == ("failed", 30036)


def test_no_text_is_begun_when_the_time_of_the_function_runs_out(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    assert texting.carry(text, remaining=Remaining(10_000)) == [text["sid"]]
    assert (texting.aws.sent, texting.pauses) == ([], [0])


def test_a_text_of_more_than_1600_characters_fails_without_a_call(texting: Texting, thread: Thread) -> None:
    thread.add(pair(proxy=NUMBER))
    message = post(thread, "👋" * 1601)
    assert texting.send() == []
    assert failed(thread, message) == ("failed", 21617)


# WhatsApp.


def wrote(texting: Texting, seconds_ago: float) -> None:
    """Let the person on WhatsApp have written so long ago."""
    at = texting.world.clock.now_ms() - int(seconds_ago * 1000)
    sessions.note(texting.world.context(), WHATSAPP, WHATSAPP_NUMBER, at)


def test_a_person_who_wrote_before_there_was_a_conversation_gets_free_text(texting: Texting, thread: Thread) -> None:
    wrote(texting, 3600)
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    post(thread, "you asked us")
    assert [sent.what["text"] for sent in texting.send()] == [{"body": "you asked us"}]


def test_a_message_on_whatsapp_is_metas_object_which_names_the_receipt(texting: Texting, thread: Thread) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    wrote(texting, 60)
    post(thread, "grüße")
    (sent,) = texting.send()
    message = dict(sent.what)
    path = receipts.referred(message.pop("biz_opaque_callback_data"))
    assert path and path["channel_sid"] == thread.sid
    assert (sent.sender, message) == (
        WHATSAPP_ID,
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": PHONE,
            "type": "text",
            "text": {"body": "grüße"},
        },
    )


def test_metas_id_of_a_message_leads_to_its_receipt_for_30_days(texting: Texting, thread: Thread) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    wrote(texting, 60)
    post(thread)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    assert texting.carry(text) == []
    receipt = stored(texting, text)
    leading = texting.world.table.fetch(keys.carried(receipt["provider_id"]))
    assert leading and receipts.referred(leading["reference"]) == {
        name: str(receipt[name]) for name in ("service_sid", "channel_sid", "index", "sid")
    }
    assert leading["expires_at"] - texting.world.clock.now_ms() // 1000 == 30 * 24 * 3600
    assert receipt["channel_message_sid"].startswith("WA")


@pytest.mark.parametrize(("seconds_ago", "is_sent"), [(24 * 3600 - 1, True), (24 * 3600, False), (None, False)])
def test_free_text_goes_to_whatsapp_within_24_hours_of_the_persons_last_message_only(
    texting: Texting, thread: Thread, seconds_ago: float | None, is_sent: bool
) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    if seconds_ago is not None:
        wrote(texting, seconds_ago)
    message = post(thread)
    assert bool(texting.send()) == is_sent
    if not is_sent:
        assert failed(thread, message) == ("failed", 63016)
