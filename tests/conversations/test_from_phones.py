"""What phones write to numbers that AWS carries: which conversation gets it, or is made of it, and who is told."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator

from parley.operations import senders, sessions
from parley.ports.http.outgoing import NoAnswer, Response
from tests.conversations.aws import Topics, metas, text_from, whatsapp_from
from tests.conversations.carrier import ScriptedCarrier
from tests.conversations.phones import API, PHONE, Thread, opened, pair
from tests.conversations.test_inbound import messages, rewriting
from tests.ports.fakes import SentRequest
from tests.rest.support import at_once
from tests.support.doors import Raw
from tests.support.fakes import AUTH_TOKEN
from tests.support.lean import LeanClient

NUMBER, WHATSAPP_NUMBER = "+12065550111", "whatsapp:+12065550133"
WHATSAPP = f"whatsapp:{PHONE}"
HOOK = "https://hooks.example.com/inbound"
ADDRESSES = f"{API}/Configuration/Addresses"
pytestmark = pytest.mark.usefixtures("agreed")

Form = dict[str, Any]


@pytest.fixture
def topics(carrier: ScriptedCarrier) -> Topics:
    """An account with two numbers that AWS carries."""
    made = Topics(carrier.function)
    for address, provider_id in ((NUMBER, "phone-" + "1" * 32), (WHATSAPP_NUMBER, "phone-number-id-" + "3" * 32)):
        senders.enable(made.world.context(), address, {"provider_id": provider_id})
    return made


def configure(raw: Raw, address: str = NUMBER, **creation: Any) -> Form:
    """Have messages to an address make conversations."""
    kind = "whatsapp" if address.startswith("whatsapp:") else "sms"
    form = {f"AutoCreation.{name}": value for name, value in {"Enabled": "true", **creation}.items()}
    made: Form = raw.post(ADDRESSES, {"Type": kind, "Address": address, **form})
    return made


def signed(request: SentRequest) -> Form:
    """The parameters of a webhook, whose signature must be right."""
    form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    signature = request.headers["X-Twilio-Signature"]
    assert RequestValidator(AUTH_TOKEN).validate(request.url, form, signature)
    return form or dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


def made_of(raw: Raw, phone: str = PHONE) -> list[Thread]:
    """The conversations that a phone is in."""
    found = raw.get(f"{API}/ParticipantConversations", Address=phone)["conversations"]
    return [Thread(raw, None, f"{API}/Conversations/{one['conversation_sid']}") for one in found]  # type: ignore[arg-type]


def test_a_text_from_a_phone_joins_the_conversation_of_its_pair(thread: Thread, topics: Topics) -> None:
    participant = thread.add(pair(PHONE, NUMBER))["sid"]
    event = text_from(PHONE, NUMBER, "hello")
    assert topics.tell(event, event, text_from(PHONE, NUMBER, "again", "in-2")) == []
    assert topics.tell(event) == []
    assert messages(thread) == [(PHONE, "hello", participant), (PHONE, "again", participant)]


def test_a_message_from_whatsapp_joins_it_and_opens_the_day_of_free_text(thread: Thread, topics: Topics) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    now = topics.world.clock.now_ms() // 1000
    seen = []
    for sid, at in (("wamid.2", now - 60), ("wamid.1", now - 3600), ("wamid.3", now + 10**6)):
        assert topics.tell(whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, sid, at=at, text={"body": sid})) == []
        seen.append((sessions.last(topics.world.context(), WHATSAPP, WHATSAPP_NUMBER) or 0) // 1000)
    # A message that comes late does not close it again, and nobody writes in the future.
    assert seen == [now - 60, now - 60, now]
    assert [body for _, body, _ in messages(thread)] == ["wamid.2", "wamid.1", "wamid.3"]


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("message", "body"),
    [
        ({"button": {"text": "Yes", "payload": "yes"}}, "Yes"),
        ({"interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Tuesday"}}}, "Tuesday"),
        ({"location": {"latitude": 52.5, "longitude": 13.4, "name": "Office"}}, "Office\n52.5, 13.4"),
    ],
)
def test_answers_and_places_on_whatsapp_become_text(thread: Thread, topics: Topics, message: Form, body: str) -> None:
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    assert topics.tell(whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, **message)) == []
    assert [one for _, one, _ in messages(thread)] == [body]


@pytest.mark.parametrize(
    "body", ["", "STOP", "x" * 1530, "a\0b", "\U0001f600" * 8192], ids=lambda body: ascii(body)[:9]
)
def test_a_text_is_kept_as_it_was_written(thread: Thread, topics: Topics, body: str) -> None:
    """Empty, of ten parts, with NUL, of 32 KB; and what asks to be left alone is a message too."""
    thread.add(pair(PHONE, NUMBER))
    assert topics.tell(text_from(PHONE, NUMBER, body)) == []
    assert [one for _, one, _ in messages(thread)] == [body]


def test_half_of_a_pair_of_surrogates_is_replaced(thread: Thread, topics: Topics) -> None:
    thread.add(pair(PHONE, NUMBER))
    assert topics.tell(text_from(PHONE, NUMBER, "half: \ud800")) == []
    assert [one for _, one, _ in messages(thread)] == ["half: \ufffd"]


DROPPED: list[Any] = [
    text_from(PHONE, NUMBER, "x" * 32_769),
    text_from(PHONE, NUMBER, "hello", ""),
    text_from(PHONE, NUMBER, "hello", messageBody=None),
    text_from(PHONE, NUMBER, "hello", originationNumber=None),
    text_from("+1", NUMBER, "hello"),
    text_from("12345", NUMBER, "hello"),
    text_from(PHONE, WHATSAPP_NUMBER, "hello"),
    text_from(WHATSAPP, NUMBER, "hello"),
    whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, reaction={"emoji": "x"}),
    whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, unsupported={}),
    whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, text=5),
    whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, location={"latitude": "52", "longitude": None}),
    whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, "", text={"body": "hello"}),
    whatsapp_from("whatsapp:+abc", WHATSAPP_NUMBER, text={"body": "hello"}),
    metas({"metadata": None, "messages": [{"from": "491721234567", "id": "wamid.1", "text": {"body": "hello"}}]}),
    {"Type": "Notification", "Message": json.dumps(text_from(PHONE, NUMBER, "hello"))},
]


@pytest.mark.parametrize("event", DROPPED, ids=lambda event: ascii(event)[:70])
def test_a_message_that_is_malformed_or_of_an_unknown_kind_is_logged_and_dropped(
    thread: Thread, topics: Topics, event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    thread.add(pair(PHONE, NUMBER))
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    assert topics.tell(event) == []
    assert messages(thread) == []
    warned = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert warned[0]["reason"]
    assert "hello" not in str(warned)


def test_a_message_from_an_unknown_phone_makes_a_conversation(raw: Raw, topics: Topics) -> None:
    configure(raw)
    assert topics.tell(text_from(PHONE, NUMBER, "hello"), text_from(PHONE, NUMBER, "again", "in-2")) == []
    (thread,) = made_of(raw)
    (participant,) = thread.participants()
    assert participant["messaging_binding"] == {"type": "sms", "address": PHONE, "proxy_address": NUMBER}
    assert messages(thread) == [(PHONE, "hello", participant["sid"]), (PHONE, "again", participant["sid"])]
    shown, configuration = raw.get(thread.path), raw.get(f"{API}/Configuration")
    assert (shown["state"], shown["friendly_name"]) == ("active", None)
    assert shown["chat_service_sid"] == configuration["default_chat_service_sid"]
    assert shown["messaging_service_sid"] == configuration["default_messaging_service_sid"]


def test_a_new_conversation_is_in_the_service_of_the_configuration_with_the_messaging_service_of_the_number(
    raw: Raw, topics: Topics, service_sid: str
) -> None:
    messaging = raw.post("/messaging/v1/Services", FriendlyName="desk")["sid"]
    senders.enable(topics.world.context(), NUMBER, {"messaging_service_sid": messaging})
    configure(raw, ConversationServiceSid=service_sid)
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    (conversation,) = raw.get(f"{API}/Services/{service_sid}/Conversations")["conversations"]
    assert conversation["messaging_service_sid"] == messaging


@pytest.mark.inferred
def test_if_the_messaging_service_of_the_number_is_deleted_the_conversation_gets_the_default_one(
    raw: Raw, topics: Topics
) -> None:
    sid = raw.post("/messaging/v1/Services", FriendlyName="desk")["sid"]
    senders.enable(topics.world.context(), NUMBER, {"messaging_service_sid": sid})
    configure(raw)
    assert raw("DELETE", f"/messaging/v1/Services/{sid}").status == 204
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    (thread,) = made_of(raw)
    default = raw.get(f"{API}/Configuration")["default_messaging_service_sid"]
    assert raw.get(thread.path)["messaging_service_sid"] == default


def test_the_first_of_two_messages_at_once_makes_the_conversation_and_both_are_added(
    raw: Raw, carrier: ScriptedCarrier, topics: Topics
) -> None:
    configure(raw)
    events = [text_from(PHONE, NUMBER, str(number), f"in-{number}") for number in range(4)]
    left = at_once(8, lambda number: (number % 4, topics.tell(events[number % 4])))
    for number, again in left:
        if again:
            topics.tell(events[number])
    (thread,) = made_of(raw)
    assert sorted(body for _, body, _ in messages(thread)) == ["0", "1", "2", "3"]


def test_the_events_of_a_new_conversation_fire_in_order(raw: Raw, carrier: ScriptedCarrier, topics: Topics) -> None:
    raw.post(f"{API}/Configuration/Webhooks", {"PostWebhookUrl": HOOK, "Filters": list(AFTER)})
    configure(raw)
    topics.function.planned()
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    told = [delivery["parameters"] for delivery in topics.function.planned()]
    assert [one["EventType"] for one in told] == list(AFTER)
    assert {one["Source"] for one in told} == {"SMS"}
    for one in told[:2]:
        assert (one["MessagingBinding.Address"], one["MessagingBinding.ProxyAddress"]) == (PHONE, NUMBER)


AFTER = ("onConversationAdded", "onParticipantAdded", "onMessageAdded")
BEFORE = ("onConversationAdd", "onParticipantAdd", "onMessageAdd")


def asking(raw: Raw, carrier: ScriptedCarrier, answer: Form | None, status: int = 200) -> list[Form]:
    """Let the account's pre-event webhook give this answer, or none; returns what it is asked from now on."""
    raw.post(f"{API}/Configuration/Webhooks", {"PreWebhookUrl": HOOK, "Filters": list(BEFORE)})
    asked: list[Form] = []

    def told(request: Any) -> Response:
        asked.append(signed(request))
        if answer is None:
            raise NoAnswer("timeout")
        return Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())

    carrier.function.outgoing.answer = told  # type: ignore[union-attr]
    return asked


@pytest.mark.parametrize("answer", [{"friendly_name": "A visitor"}, {}, None], ids=str)
def test_only_onconversationadd_is_asked_and_may_name_the_conversation(
    raw: Raw, carrier: ScriptedCarrier, topics: Topics, answer: Form | None
) -> None:
    asked = asking(raw, carrier, answer)
    configure(raw)
    event = text_from(PHONE, NUMBER, "hello")
    assert topics.tell(event) == []
    (one,) = asked
    assert (one["EventType"], one["MessageBody"], one["Source"]) == ("onConversationAdd", "hello", "SMS")
    assert (one["MessagingBinding.Address"], one["MessagingBinding.ProxyAddress"]) == (PHONE, NUMBER)
    (thread,) = made_of(raw)
    assert raw.get(thread.path)["friendly_name"] == (answer or {}).get("friendly_name")
    # A repetition of the message asks nobody, and the next message is asked about like any other.
    topics.tell(event)
    assert len(asked) == 1
    topics.tell(text_from(PHONE, NUMBER, "again", "in-2"))
    assert [one["EventType"] for one in asked] == ["onConversationAdd", "onMessageAdd"]


@pytest.mark.parametrize(("status", "answer"), [(403, {}), (500, {}), (200, {"friendly_name": "x" * 257})])
def test_if_the_webhook_refuses_the_conversation_the_message_is_lost(
    raw: Raw, carrier: ScriptedCarrier, topics: Topics, status: int, answer: Form
) -> None:
    asking(raw, carrier, answer, status)
    configure(raw)
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    assert made_of(raw) == []


def test_a_conversation_gets_the_webhook_that_the_configuration_describes(raw: Raw, topics: Topics) -> None:
    configure(raw, Type="webhook", WebhookUrl=HOOK, WebhookMethod="GET", WebhookFilters=["onMessageAdded"])
    topics.function.planned()
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    (thread,) = made_of(raw)
    (webhook,) = raw.get(f"{thread.path}/Webhooks")["webhooks"]
    assert (webhook["target"], webhook["configuration"]) == (
        "webhook",
        {"url": HOOK, "method": "GET", "filters": ["onMessageAdded"]},
    )
    (delivery,) = topics.function.planned()
    assert (delivery["url"], delivery["parameters"]["Body"]) == (HOOK, "hello")


def test_a_flow_of_studio_is_stored_as_a_webhook_of_the_conversation(raw: Raw, topics: Topics) -> None:
    flow = "FW" + "0a" * 16
    configure(raw, Type="studio", StudioFlowSid=flow)
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    (thread,) = made_of(raw)
    (webhook,) = raw.get(f"{thread.path}/Webhooks")["webhooks"]
    assert (webhook["target"], webhook["configuration"]["flow_sid"]) == ("studio", flow)


def test_requests_with_a_limit_of_actions_reach_a_new_conversation_at_once(raw: Raw, topics: Topics) -> None:
    configure(raw)
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    (thread,) = made_of(raw)
    topics.world.actions_per_second = 30
    assert raw("POST", f"{thread.path}/Messages", {"Body": "hi"}).status == 201


def test_after_a_conversation_was_closed_a_message_makes_another(thread: Thread, raw: Raw, topics: Topics) -> None:
    configure(raw)
    thread.add(pair(PHONE, NUMBER))
    raw.post(thread.path, State="closed")
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    (new,) = [one for one in made_of(raw) if one.sid != thread.sid]
    assert [body for _, body, _ in messages(new)] == ["hello"]


@pytest.mark.parametrize("leave", ["closed", "removed", "deleted"])
def test_a_text_that_aws_repeats_after_its_conversation_is_over_makes_no_other(
    thread: Thread, raw: Raw, topics: Topics, leave: str
) -> None:
    configure(raw)
    participant = thread.add(pair(PHONE, NUMBER))["sid"]
    event = text_from(PHONE, NUMBER, "hello")
    assert topics.tell(event) == []
    match leave:
        case "closed":
            raw.post(thread.path, State="closed")
        case "removed":
            thread.remove(participant)
        case "deleted":
            raw("DELETE", thread.path)
    assert topics.tell(event, receives=2) == []
    assert [one.sid for one in made_of(raw)] == ([thread.sid] if leave == "closed" else [])
    assert topics.tell(text_from(PHONE, NUMBER, "again", "in-2")) == []
    (new,) = [one for one in made_of(raw) if one.sid != thread.sid]
    assert [body for _, body, _ in messages(new)] == ["again"]


def test_a_text_that_aws_repeats_when_the_phone_is_in_another_conversation_is_not_added_there(
    thread: Thread, raw: Raw, topics: Topics
) -> None:
    thread.add(pair(PHONE, NUMBER))
    event = text_from(PHONE, NUMBER, "hello")
    assert topics.tell(event) == []
    raw.post(thread.path, State="closed")
    other = Thread(raw, None, f"{API}/Conversations/{raw.post(f'{API}/Conversations')['sid']}")  # type: ignore[arg-type]
    other.add(pair(PHONE, NUMBER))
    assert topics.tell(event, receives=2) == []
    assert messages(other) == []


def test_an_event_with_many_messages_does_not_take_a_thread_for_each(
    raw: Raw, carrier: ScriptedCarrier, topics: Topics
) -> None:
    configure(raw, WHATSAPP_NUMBER)
    raw.post(f"{API}/Configuration/Webhooks", {"PreWebhookUrl": HOOK, "Filters": list(BEFORE)})
    before = threading.active_count()
    seen: list[int] = []

    def told(request: Any) -> Response:
        seen.append(threading.active_count() - before)
        # Others come meanwhile, if they may.
        threading.Event().wait(0.05)
        return Response(200, {}, b"")

    carrier.function.outgoing.answer = told  # type: ignore[union-attr]
    written = [
        {"from": f"49172{number:07d}", "id": f"wamid.{number}", "type": "text", "text": {"body": "hello"}}
        for number in range(200)
    ]
    metadata = {"display_phone_number": WHATSAPP_NUMBER.rpartition("+")[2]}
    assert topics.tell(metas({"metadata": metadata, "messages": written})) == []
    assert 1 < max(seen) < 100
    assert len(raw.get(f"{API}/Conversations", PageSize=100)["conversations"]) == 100


def test_a_number_that_writes_to_itself_makes_nothing(raw: Raw, topics: Topics, caplog: Any) -> None:
    configure(raw)
    assert topics.tell(text_from(NUMBER, NUMBER, "hello")) == []
    assert made_of(raw, NUMBER) == []
    assert [vars(record)["reason"] for record in caplog.records if record.levelname == "WARNING"] == [
        "it comes from the number that it was sent to"
    ]


def test_a_number_of_a_carrier_of_ones_own_makes_conversations_too(raw: Raw, carrier: ScriptedCarrier) -> None:
    configure(raw, pair()["MessagingBinding.ProxyAddress"])
    carrier.write(PHONE, "hello")
    (thread,) = made_of(raw)
    assert [body for _, body, _ in messages(thread)] == ["hello"]


def test_a_configuration_that_is_not_enabled_makes_nothing(raw: Raw, topics: Topics) -> None:
    configure(raw, Enabled="false")
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    assert made_of(raw) == []


def test_a_configuration_whose_service_is_deleted_makes_nothing(raw: Raw, topics: Topics, service_sid: str) -> None:
    configure(raw, ConversationServiceSid=service_sid)
    raw("DELETE", f"{API}/Services/{service_sid}")
    topics.start()
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    assert made_of(raw) == []


def told(raw: Raw, topics: Topics, **settings: Any) -> None:
    """Let the default messaging service tell a URL of messages."""
    sid = raw.get(f"{API}/Configuration")["default_messaging_service_sid"]
    raw.post(f"/messaging/v1/Services/{sid}", {"InboundRequestUrl": HOOK, **settings})


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_if_nothing_else_takes_a_message_the_url_of_the_messaging_service_is_told(
    raw: Raw, carrier: ScriptedCarrier, topics: Topics, method: str
) -> None:
    told(raw, topics, InboundMethod=method)
    asked: list[Form] = []
    carrier.function.outgoing.answer = lambda request: asked.append(signed(request)) or Response(200, {}, b"")  # type: ignore[union-attr]
    event = whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, text={"body": "hello"})
    assert topics.tell(event) == []
    (first,) = topics.function.deliveries.take()
    assert topics.tell(event) == []
    (second,) = topics.function.deliveries.take()
    # SQS drops the second, because its id is the first one's.
    assert first["id"] == second["id"]
    assert first["method"] == method
    assert topics.function.deliver(first) == []
    (one,) = asked
    assert one["MessageSid"] == one["SmsSid"] == one["SmsMessageSid"]
    assert one["MessageSid"].startswith("SM")
    assert {name: one[name] for name in ("From", "To", "Body", "NumMedia", "AccountSid", "ProfileName", "WaId")} == {
        "From": WHATSAPP,
        "To": WHATSAPP_NUMBER,
        "Body": "hello",
        "NumMedia": "0",
        "AccountSid": topics.world.account_sid,
        "ProfileName": "Carol",
        "WaId": PHONE[1:],
    }
    assert one["MessagingServiceSid"] == raw.get(f"{API}/Configuration")["default_messaging_service_sid"]
    assert made_of(raw, WHATSAPP) == []


@pytest.mark.inferred
def test_if_the_messaging_service_of_a_number_is_deleted_the_url_of_the_default_one_is_told(
    raw: Raw, topics: Topics
) -> None:
    told(raw, topics)
    sid = raw.post("/messaging/v1/Services", {"FriendlyName": "Campaign"})["sid"]
    senders.enable(topics.world.context(), NUMBER, {"messaging_service_sid": sid})
    assert raw("DELETE", f"/messaging/v1/Services/{sid}").status == 204
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    (delivery,) = topics.function.deliveries.take()
    default = raw.get(f"{API}/Configuration")["default_messaging_service_sid"]
    assert (delivery["url"], delivery["parameters"]["MessagingServiceSid"]) == (HOOK, default)


def test_a_message_that_a_conversation_takes_or_that_makes_one_tells_no_url(
    thread: Thread, raw: Raw, topics: Topics
) -> None:
    told(raw, topics)
    thread.add(pair(WHATSAPP, WHATSAPP_NUMBER))
    configure(raw)
    topics.tell(text_from(PHONE, NUMBER, "hello"), whatsapp_from(WHATSAPP, WHATSAPP_NUMBER, text={"body": "hello"}))
    assert topics.function.deliveries.take() == []


def test_in_a_closed_conversation_a_message_is_told_to_the_url(thread: Thread, raw: Raw, topics: Topics) -> None:
    told(raw, topics)
    thread.add(pair(PHONE, NUMBER))
    raw.post(thread.path, State="closed")
    topics.tell(text_from(PHONE, NUMBER, "hello"))
    assert [one["parameters"]["Body"] for one in topics.function.deliveries.take()] == ["hello"]
    assert messages(thread) == []


def test_in_a_conversation_of_a_deleted_service_a_message_is_told_to_the_url(
    raw: Raw, lean: LeanClient, topics: Topics
) -> None:
    told(raw, topics)
    service = f"{API}/Services/{raw.post(f'{API}/Services', FriendlyName='other')['sid']}"
    opened(raw, lean, service).add(pair(PHONE, NUMBER))
    assert raw("DELETE", service).status == 204
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    assert [one["parameters"]["Body"] for one in topics.function.deliveries.take()] == ["hello"]


def test_a_message_to_a_number_that_is_not_the_accounts_tells_nobody(raw: Raw, topics: Topics) -> None:
    told(raw, topics)
    assert topics.tell(text_from(PHONE, "+12065550199", "hello")) == []
    assert topics.function.deliveries.take() == []


def test_a_webhook_that_takes_its_time_keeps_other_phones_waiting_for_nothing(
    thread: Thread, carrier: ScriptedCarrier, topics: Topics
) -> None:
    thread.add(pair(PHONE, NUMBER))
    rewriting(thread, carrier, {"body": "rewritten"})
    assert topics.tell(text_from(PHONE, NUMBER, "hello")) == []
    assert [body for _, body, _ in messages(thread)] == ["rewritten"]
