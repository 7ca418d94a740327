"""The texting port: what operations may rely on, of the real port at a server that knows AWS's models, and of the fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from parley.ports.texting import SECONDS_TO_LIVE, AwsTexting, Fetched, Refused, Silent, Text, Texting
from parley.runtime import Runtime
from parley.settings import Settings
from tests.support.handsets import NUMBER as OWN_NUMBER
from tests.support.handsets import Stage
from tests.support.texting import KEYS, FakeTexting, Wire, wire

NUMBER, PHONE, WHATSAPP = "phone-" + "0" * 32, "+12065550100", "phone-number-id-" + "0" * 32
CONTEXT = {"ch": "IS1.CH1", "index": "7", "dy": "DY1"}
TEXT = Text(NUMBER, PHONE, "grüße 👋", CONTEXT)
MESSAGE = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "grüße 👋"}}


@dataclass
class Place:
    """A port somewhere, and how to have its next request fail as AWS fails."""

    port: Texting
    fail: Callable[[int, str, str], None]


@pytest.fixture
def server() -> Iterator[Wire]:
    with wire() as running:
        yield running


def real(server: Wire) -> AwsTexting:
    return AwsTexting(
        server.make_client, configuration_set="parley", protection="protect-" + "0" * 32, max_price="0.05"
    )


@pytest.fixture(params=["aws", "fake"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "aws":
        server: Wire = request.getfixturevalue("server")
        return Place(real(server), lambda *refusal: server.refusals.append(refusal))
    fake = FakeTexting(files={"media1": Fetched("image/jpeg", 78144)})

    def fail(status: int, exception: str, reason: str) -> None:
        error = Refused(exception, reason, "words") if 0 < status < 500 else Silent(exception)
        fake.meddle = lambda _: error

    return Place(fake, fail)


CALLS: dict[str, tuple[Callable[[Texting], object], object]] = {
    "a text": (lambda port: port.send_text(TEXT), "sms-1"),
    "a file": (lambda port: port.send_media(TEXT, "s3://media/IS1/ME1"), "mms-1"),
    "a message on WhatsApp": (lambda port: port.send_whatsapp(WHATSAPP, MESSAGE), "wamid.1"),
    "a file for WhatsApp": (lambda port: port.upload_media(WHATSAPP, "media", "IS1/ME1"), "media1"),
    "a file of WhatsApp": (
        lambda port: port.fetch_media(WHATSAPP, "media1", "media", "IS1/ME1"),
        Fetched("image/jpeg", 78144),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_text_that_aws_takes_has_the_id_that_events_name(place: Place, call: str) -> None:
    ask, answer = CALLS[call]
    assert ask(place.port) == answer


@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_says_what_aws_says(place: Place, call: str) -> None:
    place.fail(400, "ValidationException", "CANNOT_PARSE")
    with pytest.raises(Refused) as raised:
        CALLS[call][0](place.port)
    assert (raised.value.exception, raised.value.words) == ("ValidationException", "words")


def test_a_refused_text_message_has_the_reason(place: Place) -> None:
    place.fail(400, "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT")
    with pytest.raises(Refused) as raised:
        place.port.send_text(TEXT)
    assert raised.value.reason == "DESTINATION_PHONE_NUMBER_OPTED_OUT"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [0, 500, 502])
def test_without_a_clear_answer_nobody_knows_what_aws_has_done(place: Place, call: str, status: int) -> None:
    place.fail(status, "InternalServerException", "")
    with pytest.raises(Silent):
        CALLS[call][0](place.port)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [0, 500, 502])
def test_a_request_without_a_clear_answer_is_not_sent_again(server: Wire, call: str, status: int) -> None:
    server.refusals.append((status, "InternalServerException", ""))
    with pytest.raises(Silent):
        CALLS[call][0](real(server))
    assert len(server.asked) == 1


def test_a_text_message_says_all_that_aws_needs(server: Wire) -> None:
    real(server).send_text(TEXT)
    assert server.asked == [
        (
            "SendTextMessage",
            {
                "OriginationIdentity": NUMBER,
                "DestinationPhoneNumber": PHONE,
                "MessageBody": "grüße 👋",
                "MessageType": "TRANSACTIONAL",
                "TimeToLive": SECONDS_TO_LIVE,
                "Context": CONTEXT,
                "ConfigurationSetName": "parley",
                "ProtectConfigurationId": "protect-" + "0" * 32,
                "MaxPrice": "0.05",
            },
        )
    ]
    assert SECONDS_TO_LIVE == 36_000


def test_settings_that_a_stack_does_not_have_are_left_out(server: Wire) -> None:
    AwsTexting(server.make_client).send_text(TEXT)
    assert not {"ConfigurationSetName", "ProtectConfigurationId", "MaxPrice"} & set(server.asked[0][1])


@pytest.mark.parametrize(("body", "given"), [("look", {"MessageBody": "look"}), ("", {}), (" \n", {})])
def test_a_file_goes_with_its_text_if_it_has_one(server: Wire, body: str, given: dict[str, str]) -> None:
    real(server).send_media(TEXT._replace(body=body), "s3://media/IS1/ME1")
    _, asked = server.asked[0]
    assert asked["MediaUrls"] == ["s3://media/IS1/ME1"]
    assert {name: asked[name] for name in asked if name == "MessageBody"} == given
    assert "MessageType" not in asked


def test_a_message_on_whatsapp_is_metas_own_object(server: Wire) -> None:
    real(server).send_whatsapp(WHATSAPP, MESSAGE)
    _, asked = server.asked[0]
    assert json.loads(asked["message"]) == MESSAGE
    assert (asked["originationPhoneNumberId"], asked["metaApiVersion"]) == (WHATSAPP, "v20.0")


def test_a_file_of_whatsapp_can_be_looked_at_before_it_is_fetched(server: Wire) -> None:
    assert real(server).look_at_media(WHATSAPP, "media1") == Fetched("image/jpeg", 78144)
    assert server.asked[0][1] == {"mediaId": "media1", "originationPhoneNumberId": WHATSAPP, "metadataOnly": True}


def test_a_function_reaches_both_services_where_its_environment_says_with_the_settings_of_the_stack(
    server: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": server.url,
        "AWS_ENDPOINT_URL_SOCIALMESSAGING": server.url,
        "PARLEY_TEXTS_CONFIGURATION_SET": "parley-phones",
        "PARLEY_TEXTS_PROTECTION": "protect-1",
        "PARLEY_TEXTS_MAX_PRICE": "0.50",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    texting = Runtime(Settings.from_environment(environment)).texting
    assert (texting.send_text(TEXT), texting.send_whatsapp(WHATSAPP, MESSAGE)) == ("sms-1", "wamid.1")
    (_, text), _ = server.asked
    named = {name: text[name] for name in ("ConfigurationSetName", "ProtectConfigurationId", "MaxPrice")}
    assert named == {
        "ConfigurationSetName": "parley-phones",
        "ProtectConfigurationId": "protect-1",
        "MaxPrice": "0.50",
    }


@pytest.mark.parametrize("call", ["a text", "a message on WhatsApp"])
def test_a_function_sends_a_request_without_an_answer_once(
    server: Wire, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    urls = dict.fromkeys(("pinpoint-sms-voice-v2", "socialmessaging"), server.url)
    server.refusals.append((503, "InternalServerException", ""))
    with pytest.raises(Silent):
        CALLS[call][0](Runtime(Settings(region="us-east-1", endpoint_urls=urls, credentials=KEYS)).texting)
    assert len(server.asked) == 1


# The stand-in of local runs.


@pytest.fixture
def stage() -> Stage:
    return Stage()


def at_the_stand_in(stage: Stage) -> AwsTexting:
    return AwsTexting(stage.client, configuration_set="set", protection="protect-1", max_price="0.50")


def test_the_stand_in_takes_a_text_and_repeats_its_context_in_its_events(stage: Stage) -> None:
    taken = at_the_stand_in(stage).send_text(TEXT._replace(sender=OWN_NUMBER, to="+491721234567"))
    told = stage.heard(2)
    assert [(one["messageId"], one["context"]) for one in told] == [(taken, CONTEXT), (taken, CONTEXT)]


@pytest.mark.parametrize(
    ("phone", "exception", "reason"),
    [
        ("+491721230010", "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        ("+491721230099", "ThrottlingException", ""),
        ("+33612345678", "ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"),
    ],
)
def test_the_stand_in_refuses_as_aws_does(stage: Stage, phone: str, exception: str, reason: str) -> None:
    with pytest.raises(Refused) as raised:
        at_the_stand_in(stage).send_text(TEXT._replace(sender=OWN_NUMBER, to=phone))
    assert (raised.value.exception, raised.value.reason) == (exception, reason)


@pytest.mark.parametrize(
    ("changes", "field"), [({"body": "x" * 1601}, "MessageBody"), ({"to": "0171"}, "DestinationPhoneNumber")]
)
def test_the_reason_names_the_field_that_aws_does_not_take(stage: Stage, changes: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as raised:
        at_the_stand_in(stage).send_text(TEXT._replace(**{"sender": OWN_NUMBER, "to": "+491721234567", **changes}))
    assert raised.value.reason == f"FIELD_VALIDATION_FAILED {field}"
