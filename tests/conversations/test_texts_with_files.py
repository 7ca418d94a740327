"""Files and templates on their way to phones through AWS: what AWS is asked for, and when it is not asked at all."""

from __future__ import annotations

from typing import Any

import pytest

from parley.operations import contents, sessions
from parley.ports.texting import CONNECT_SECONDS, READ_SECONDS, Refused
from parley.store import keys
from tests.conversations.carrier import receipts_of
from tests.conversations.phones import PHONE, Thread, pair
from tests.conversations.texting import NUMBER, PHONE_ID, WHATSAPP_ID, WHATSAPP_NUMBER, Texting
from tests.support.files import store, upload
from tests.webhooks.function import Remaining

AMERICAN, WHATSAPP = "+12065550100", f"whatsapp:{PHONE}"
SCAN_TAG = "GuardDutyMalwareScanStatus"
pytestmark = pytest.mark.usefixtures("agreed")


@pytest.fixture
def american(texting: Texting, thread: Thread) -> Thread:
    """A conversation with a phone in the United States."""
    thread.add(pair(AMERICAN, NUMBER))
    return thread


@pytest.fixture
def chatting(texting: Texting, thread: Thread) -> Thread:
    """A conversation with a person who wrote on WhatsApp a minute ago."""
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    sessions.note(texting.world.context(), WHATSAPP, WHATSAPP_NUMBER, texting.world.clock.now_ms() - 60_000)
    return thread


@pytest.fixture
def scanned(texting: Texting) -> None:
    """Files are scanned before anybody gets them."""
    texting.start({"media_scan": "guardduty"})


def service_of(texting: Texting, thread: Thread) -> str:
    tail = texting.world.table.fetch(keys.tail(thread.sid))
    assert tail
    return tail["service_sid"]


def post(thread: Thread, **fields: Any) -> str:
    return str(thread.raw.post(f"{thread.path}/Messages", **fields)["sid"])


def failed(thread: Thread, message: str) -> tuple[str, int]:
    (receipt,) = receipts_of(thread, message).values()
    return receipt["status"], receipt["error_code"]


def test_a_file_goes_to_a_phone_from_the_bucket_with_the_text(texting: Texting, american: Thread) -> None:
    service = service_of(texting, american)
    sid = upload(texting.world, service, content_type="image/jpeg")
    post(american, Body="look", MediaSid=sid)
    (sent,) = texting.send()
    assert (sent.how, sent.sender, sent.body) == ("send_media", PHONE_ID, "look")
    assert sent.file == f"s3://{texting.world.store.bucket}/{service}/{sid}"


def test_the_receipt_of_a_text_with_a_file_has_the_sid_of_a_multimedia_message(
    texting: Texting, american: Thread
) -> None:
    post(american, MediaSid=upload(texting.world, service_of(texting, american)))
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    assert texting.carry(text) == []
    receipt = texting.world.table.fetch(keys.receipt(text["channel_sid"], text["index"], text["sid"]))
    assert receipt and receipt["channel_message_sid"].startswith("MM")


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content_type": "image/png", "size": 2 * 1024 * 1024 + 1}, 11751),
        ({"content_type": "application/pdf", "size": 600 * 1024 + 1}, 11751),
        ({"content_type": "application/zip"}, 12300),
    ],
)
def test_a_file_that_aws_cannot_send_fails_without_a_call(
    texting: Texting, american: Thread, fields: dict[str, Any], code: int
) -> None:
    message = post(american, Body="look", MediaSid=upload(texting.world, service_of(texting, american), **fields))
    assert texting.send() == []
    assert failed(american, message) == ("failed", code)


def test_a_file_on_whatsapp_is_handed_to_whatsapp_before_the_message_that_names_it(
    texting: Texting, chatting: Thread
) -> None:
    service = service_of(texting, chatting)
    sid = upload(texting.world, service, content_type="image/jpeg")
    post(chatting, Body="look", MediaSid=sid)
    handed, message = texting.send()
    assert (handed.how, handed.sender, handed.file) == (
        "upload_media",
        WHATSAPP_ID,
        f"s3://{texting.world.store.bucket}/{service}/{sid}",
    )
    assert message.what["image"] == {"id": "media1", "caption": "look"}


def test_a_message_with_a_file_is_begun_only_if_there_is_time_for_two_calls(texting: Texting, chatting: Thread) -> None:
    sid = upload(texting.world, service_of(texting, chatting), content_type="image/jpeg")
    post(chatting, MediaSid=sid)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    left = 2_000 * (CONNECT_SECONDS + READ_SECONDS)
    assert texting.carry(text, remaining=Remaining(left)) == [text["sid"]]
    assert texting.aws.sent == []
    assert texting.carry(text, receives=2) == []
    assert len(texting.aws.sent) == 2


@pytest.mark.inferred
def test_a_file_that_whatsapp_refuses_fails_and_no_message_is_sent(texting: Texting, chatting: Thread) -> None:
    message = post(chatting, MediaSid=upload(texting.world, service_of(texting, chatting)))
    texting.refuse("InvalidParametersException")
    assert texting.send() == []
    assert failed(chatting, message) == ("failed", 63005)


@pytest.mark.parametrize(("found", "is_sent"), [(None, False), ("NO_THREATS_FOUND", True), ("THREATS_FOUND", False)])
def test_a_file_is_sent_once_a_scan_has_found_nothing_in_it(
    texting: Texting, scanned: None, american: Thread, found: str | None, is_sent: bool
) -> None:
    service = service_of(texting, american)
    sid = store(texting.world, service)
    message = post(american, MediaSid=sid)
    texting.claim()
    (text,) = texting.webhooks.texts.take()
    if found:
        texting.world.store.tag(f"{service}/{sid}", {SCAN_TAG: found})
    left = texting.carry(text)
    assert bool(texting.aws.sent) == is_sent
    # Before the scan is through, the text waits.
    assert left == ([] if found else [text["sid"]])
    if found == "THREATS_FOUND":
        assert failed(american, message) == ("failed", 11200)


def test_a_template_goes_to_whatsapp_by_its_name_outside_of_the_24_hours(texting: Texting, thread: Thread) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    given = {"friendly_name": "welcome", "language": "en_US", "body": "Hello {{1}}.", "template": "welcome"}
    sid = contents.put(texting.world.context(), given)["sid"]
    post(thread, ContentSid=sid, ContentVariables='{"1": "Bob"}')
    (sent,) = texting.send()
    assert sent.what["template"] == {
        "name": "welcome",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Bob"}]}],
    }


def test_a_template_goes_to_a_phone_as_its_text(texting: Texting, american: Thread) -> None:
    given = {"friendly_name": "welcome", "language": "en", "body": "Hello {{1}}.", "variables": {"1": "you"}}
    sid = contents.put(texting.world.context(), given)["sid"]
    post(american, ContentSid=sid)
    assert [sent.body for sent in texting.send()] == ["Hello you."]


def test_a_phone_gets_the_text_that_the_conversation_has_if_the_template_changes_meanwhile(
    texting: Texting, american: Thread
) -> None:
    given = {"friendly_name": "welcome", "language": "en", "body": "Hello {{1}}.", "variables": {"1": "you"}}
    sid = contents.put(texting.world.context(), given)["sid"]
    message = post(american, ContentSid=sid)
    contents.put(texting.world.context(), {**given, "body": "Bye {{1}}."})
    texting.start()
    (sent,) = texting.send()
    assert sent.body == american.raw.get(f"{american.path}/Messages/{message}")["body"] == "Hello you."


@pytest.mark.inferred
def test_a_template_that_the_account_does_not_have_fails_without_a_call(texting: Texting, american: Thread) -> None:
    message = post(american, ContentSid="HX" + "0" * 32)
    assert texting.send() == []
    assert failed(american, message) == ("failed", 50526)


def test_a_refused_upload_leaves_nothing_behind_that_stops_the_next_text(texting: Texting, chatting: Thread) -> None:
    post(chatting, MediaSid=upload(texting.world, service_of(texting, chatting)))
    post(chatting, Body="after it")
    refusal = Refused("InvalidParametersException")
    texting.aws.meddle = lambda sent: refusal if sent.how == "upload_media" else None
    assert [sent.what["text"] for sent in texting.send()] == [{"body": "after it"}]
