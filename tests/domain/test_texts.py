"""What a message becomes on its way to one phone, and what cannot be sent at all."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.texts import SESSION_MS, Plan, Unsendable, plan
from parley.stored import Content, Message

GERMANY, AMERICA, JAMAICA = "+491721234567", "+12065550100", "+18765550100"
WHATSAPP = f"whatsapp:{GERMANY}"
NOW = 1_768_478_400_000
KB, MB = 1024, 1024 * 1024
WELCOME = Content(body="Hello {{1}}, your code is {{ 2 }}.", language="en_US", variables={"1": "you"})
NAMED = Content(body="Hello {{name}}.", language="de", template="greeting")


def file(content_type: str = "image/jpeg", size: int = 1000, **more: Any) -> dict[str, Any]:
    return {"sid": "ME" + "1" * 32, "content_type": content_type, "size": size, **more}


def planned(to: str = GERMANY, content: Content | None = None, last: int | None = NOW - 1000, **message: Any) -> Plan:
    return plan(Message(**message), to, content, last, NOW)


def refused(*args: Any, **message: Any) -> int:
    with pytest.raises(Unsendable) as raised:
        planned(*args, **message)
    return raised.value.error_code


def test_a_text_is_sent_as_it_is() -> None:
    assert planned(body="grüße 👋\n") == Plan("grüße 👋\n")


@pytest.mark.parametrize(("length", "is_sent"), [(1600, True), (1601, False)])
@pytest.mark.parametrize("to", [GERMANY, WHATSAPP])
def test_a_text_has_1600_characters_at_most(to: str, length: int, is_sent: bool) -> None:
    if is_sent:
        assert planned(to, body="👋" * length).body == "👋" * length
    else:
        assert refused(to, body="👋" * length) == 21617


@pytest.mark.inferred
@pytest.mark.parametrize("body", ["", " \n", None])
def test_a_message_without_anything_to_read_is_not_sent(body: str | None) -> None:
    message = {} if body is None else {"body": body}
    assert refused(**message) == 21602


# Files with text messages.


def test_the_first_of_several_files_goes_along_with_the_text() -> None:
    first, second = file(filename="a.jpg"), file("image/png")
    assert planned(AMERICA, body="look", media=[first, second]) == Plan("look", first)


def test_a_file_needs_no_text() -> None:
    assert planned(AMERICA, media=[file()]) == Plan("", file())


@pytest.mark.inferred
@pytest.mark.parametrize("to", [GERMANY, JAMAICA])
def test_a_file_goes_to_the_united_states_and_canada_only(to: str) -> None:
    assert refused(to, body="look", media=[file()]) == 21612


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("content_type", "largest"),
    [
        ("image/gif", 2 * MB),
        ("image/jpeg", 2 * MB),
        ("image/png", 2 * MB),
        ("image/png; charset=binary", 2 * MB),
        ("audio/amr", 600 * KB),
        ("video/mp4", 600 * KB),
        ("text/vcard", 600 * KB),
        ("application/pdf", 600 * KB),
    ],
)
def test_a_file_has_a_largest_size_of_its_type(content_type: str, largest: int) -> None:
    sent = file(content_type, largest)
    assert planned(AMERICA, media=[sent]).file == sent
    assert refused(AMERICA, media=[file(content_type, largest + 1)]) == 11751


@pytest.mark.inferred
@pytest.mark.parametrize("content_type", ["image/webp", "image/svg+xml", "application/zip", "application/octet-stream"])
def test_a_file_of_another_type_is_not_sent(content_type: str) -> None:
    assert refused(AMERICA, body="look", media=[file(content_type)]) == 12300


# WhatsApp.


@pytest.mark.parametrize("last", [None, NOW - SESSION_MS, NOW - SESSION_MS - 1])
@pytest.mark.parametrize("message", [{"body": "hello"}, {"media": [file()]}])
def test_without_a_message_of_the_person_within_24_hours_whatsapp_takes_no_free_message(
    last: int | None, message: dict[str, Any]
) -> None:
    assert refused(WHATSAPP, None, last, **message) == 63016


def test_a_text_on_whatsapp_names_the_number_without_the_channel() -> None:
    assert planned(WHATSAPP, body="hello", last=NOW - SESSION_MS + 1).whatsapp == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": GERMANY,
        "type": "text",
        "text": {"body": "hello"},
    }


@pytest.mark.parametrize(
    ("content_type", "kind", "described"),
    [
        ("image/jpeg", "image", {"caption": "look"}),
        ("video/mp4", "video", {"caption": "look"}),
        ("audio/ogg; codecs=opus", "audio", {}),
        ("application/pdf", "document", {"caption": "look", "filename": "a.bin"}),
        ("image/webp", "document", {"caption": "look", "filename": "a.bin"}),
    ],
)
def test_a_file_on_whatsapp_is_of_its_kind_and_has_the_text_as_its_caption(
    content_type: str, kind: str, described: dict[str, str]
) -> None:
    message = planned(WHATSAPP, body="look", media=[file(content_type, filename="a.bin")]).with_media("media7")
    assert (message["type"], message[kind]) == (kind, {"id": "media7", **described})


@pytest.mark.inferred
@pytest.mark.parametrize(("content_type", "largest"), [("image/png", 5 * MB), ("application/pdf", 16 * MB)])
def test_a_file_on_whatsapp_has_a_largest_size(content_type: str, largest: int) -> None:
    assert planned(WHATSAPP, media=[file(content_type, largest)]).file
    assert refused(WHATSAPP, media=[file(content_type, largest + 1)]) == 11751


@pytest.mark.inferred
def test_a_caption_on_whatsapp_has_1024_characters_at_most() -> None:
    assert planned(WHATSAPP, body="x" * 1024, media=[file()]).file
    assert refused(WHATSAPP, body="x" * 1025, media=[file()]) == 21617


# Templates.


def test_a_template_as_a_text_message_has_the_values_of_its_variables() -> None:
    message = {"content_sid": "HX1", "content_variables": '{"2": "{{1}} 42"}'}
    assert planned(content=WELCOME, **message) == Plan("Hello you, your code is {{1}} 42.")


def test_a_template_on_whatsapp_is_sent_at_any_time_by_its_name_with_the_values_in_order() -> None:
    content = Content({**WELCOME, "template": "welcome"})  # type: ignore[typeddict-item]
    message = planned(WHATSAPP, content, None, content_sid="HX1", content_variables='{"2": "42"}').whatsapp
    assert message and message["type"] == "template"
    assert message["template"] == {
        "name": "welcome",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "you"}, {"type": "text", "text": "42"}]}
        ],
    }


def test_variables_with_names_are_sent_with_their_names() -> None:
    message = planned(WHATSAPP, NAMED, None, content_sid="HX1", content_variables='{"name": "Bob"}').whatsapp
    assert message and message["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "parameter_name": "name", "text": "Bob"}]}
    ]


def test_a_template_without_variables_has_no_components() -> None:
    content = Content(body="Hello", language="en", template="hello")
    message = planned(WHATSAPP, content, None, content_sid="HX1").whatsapp
    assert message and message["template"]["components"] == []


@pytest.mark.inferred
def test_a_template_on_whatsapp_needs_a_value_for_each_variable() -> None:
    assert refused(WHATSAPP, NAMED, None, content_sid="HX1") == 50527


def test_a_template_without_a_name_at_whatsapp_is_free_text_there() -> None:
    message = {"content_sid": "HX1", "content_variables": '{"2": "42"}'}
    assert refused(WHATSAPP, WELCOME, None, **message) == 63016
    found = planned(WHATSAPP, WELCOME, **message).whatsapp
    assert found and found["text"] == {"body": "Hello you, your code is 42."}


@pytest.mark.inferred
@pytest.mark.parametrize("to", [GERMANY, WHATSAPP])
def test_a_template_that_the_account_does_not_have_is_not_sent(to: str) -> None:
    assert refused(to, content_sid="HX1") == 50526


def test_if_the_template_is_gone_the_text_that_the_message_got_is_sent() -> None:
    assert planned(content_sid="HX1", body="Hello you.") == Plan("Hello you.")
