"""What notifications say, and what devices are sent: as pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain import notifications
from parley.domain.notifications import (
    ADDED,
    BADGE,
    CHAT,
    CONVERSATIONS,
    INVITED,
    LONGEST_PAYLOAD,
    NEW_MESSAGE,
    REMOVED,
    TYPES,
    cut,
    expanded,
    payload,
    written,
)

CHANNEL: Any = {"sid": "CH1", "unique_name": "general", "friendly_name": "General", "type": "private"}
MESSAGE: Any = {"sid": "IM1", "index": 7, "author": "alice", "body": "hello"}
FILE = {"sid": "ME1", "filename": "cat.png", "content_type": "image/png", "size": 12}
ALICE = {"name": "Alice", "identity": "alice", "user_sid": "US1", "participant_sid": "MB1"}
RU = "RU" + "0" * 32


def service(**fields: Any) -> Any:
    return {name.replace("__", "."): value for name, value in fields.items()}


def text(kind: str = NEW_MESSAGE, face: str = CHAT, template: str = "", record: Any = MESSAGE, **fields: Any) -> str:
    where = "new_message.with_media" if notifications.refined(kind, face, record) == "with_media" else kind
    settings = {f"notifications.{where}.template": template, **fields}
    return str(written(kind, face, settings, CHANNEL, record, ALICE)["text"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "face", "said"),
    [
        (NEW_MESSAGE, CHAT, "general;Alice: hello"),
        (ADDED, CHAT, "You have been added to the channel general by Alice"),
        (REMOVED, CHAT, "You have been removed from the channel general by Alice"),
        (INVITED, CHAT, "You have been invited to the channel general by Alice"),
        (NEW_MESSAGE, CONVERSATIONS, "general:Alice: hello"),
        (ADDED, CONVERSATIONS, "You have been added to the conversation general by Alice"),
        (REMOVED, CONVERSATIONS, "Alice has removed you from the conversation general"),
    ],
)
def test_without_a_template_twilios_own_is_used(kind: str, face: str, said: str):
    assert text(kind, face) == said


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("${CHANNEL} ${CHANNEL_UNIQUE_NAME} ${CHANNEL_FRIENDLY_NAME} ${CHANNEL_SID}", "general general General CH1"),
        ("${USER} ${USER_FRIENDLY_NAME} ${USER_SID} ${USER_IDENTITY}", "Alice Alice US1 alice"),
        ("${CONVERSATION} ${CONVERSATION_FRIENDLY_NAME} ${CONVERSATION_SID}", "general General CH1"),
        ("${PARTICIPANT} ${PARTICIPANT_SID}", "Alice MB1"),
        ("${MESSAGE}!", "hello!"),
        ("${UNKNOWN} $ {USER} ${user} ${USER", "${UNKNOWN} $ {USER} ${user} ${USER"),
        ("${MEDIA_COUNT} ${MEDIA}", "${MEDIA_COUNT} ${MEDIA}"),
    ],
)
def test_a_template_may_use_the_words_of_both_apis(template: str, said: str):
    """The reference is silent on which words a template may use whose service has devices of both (inferred)."""
    assert text(template=template) == said


def test_a_channel_is_called_by_its_first_name_that_there_is():
    def called(variable: str, **channel: str) -> str:
        settings: Any = {"notifications.new_message.template": variable}
        return str(written(NEW_MESSAGE, CHAT, settings, {"sid": "CH1", **channel}, MESSAGE, ALICE)["text"])  # type: ignore[typeddict-item]

    assert called("${CHANNEL}", friendly_name="General") == "General"
    assert called("${CHANNEL}") == "CH1"
    assert called("${CHANNEL_FRIENDLY_NAME}", unique_name="general") == "general"
    assert called("${CHANNEL_FRIENDLY_NAME}") == "CH1"


def test_a_message_is_known_in_notifications_of_messages_only():
    assert text(ADDED, template="${MESSAGE}", record={"sid": "MB1"}) == "${MESSAGE}"


def test_variables_in_what_somebody_writes_stay_as_they_are():
    assert text(template="${MESSAGE} ${USER}", record={**MESSAGE, "body": "${USER}${USER"}) == "${USER}${USER Alice"


def test_ten_thousand_beginnings_of_variables_are_text():
    assert expanded("${" * 10_000, {}) == "${" * 10_000


def test_a_message_with_files_and_no_words_says_so_in_chat():
    record = {**MESSAGE, "body": None, "media": [FILE]}
    assert text(record=record) == "general;Alice: Media messages are not supported by your client"
    assert text(record=record, **{"media.compatibility_message": "a file"}) == "general;Alice: a file"
    assert text(record={**record, "body": "look"}) == "general;Alice: look"


def test_a_message_with_files_has_a_template_of_its_own_in_conversations():
    record = {**MESSAGE, "media": [FILE, FILE]}
    said = "You have a new message in general with 2 media files: cat.png"
    assert text(NEW_MESSAGE, CONVERSATIONS, record=record) == said
    assert text(NEW_MESSAGE, CONVERSATIONS, "${MEDIA}: ${MESSAGE}", record=record) == "cat.png: hello"


@pytest.mark.parametrize(
    ("before", "character"),
    [
        (177, "\U0001f469‍\U0001f469‍\U0001f467"),  # a family
        (177, "e\u0301\u0323"),  # with two marks
        (177, "\U0001f44d\U0001f3fd"),  # with a tone of skin
        (177, "\U0001f1e9\U0001f1ea"),  # a flag
        (177, "\u1112\u1161\u11ab"),  # a Korean syllable in letters
        (177, "\r\n"),
    ],
)
def test_a_text_is_cut_between_characters_as_readers_see_them(before: int, character: str):
    assert cut("x" * before + character) == "x" * before
    assert cut("x" * (178 - len(character)) + character + "y") == "x" * (178 - len(character)) + character


def test_an_emoji_at_the_178th_place_stays():
    assert cut("x" * 177 + "\U0001f600" + "y") == "x" * 177 + "\U0001f600"


def test_a_text_that_is_one_endless_character_is_cut_all_the_same():
    assert len(cut("e" + "\u0301" * 500)) == 178


def test_two_flags_are_cut_between_them():
    flags = "\U0001f1e9\U0001f1ea" * 2
    assert cut("x" * 176 + flags) == "x" * 176 + flags[:2]


@given(st.text(max_size=400))
def test_a_cut_text_is_the_beginning_of_the_text_and_short_enough(whole: str):
    assert whole.startswith(cut(whole)) and len(cut(whole)) <= 178


def test_apn_gets_aps_and_the_data_beside_it():
    settings: Any = {"notifications.new_message.sound": "ding.aiff"}
    told = written(NEW_MESSAGE, CHAT, settings, CHANNEL, MESSAGE, ALICE)
    assert payload("apn", told, RU, 3) == {
        "aps": {"alert": "general;Alice: hello", "badge": 3, "sound": "ding.aiff"},
        "twi_message_type": "twilio.channel.new_message",
        "twi_message_id": RU,
        "channel_sid": "CH1",
        "channel_id": "CH1",
        "channel_title": "General",
        "message_sid": "IM1",
        "message_id": "IM1",
        "message_index": 7,
        "author": "alice",
    }


def test_fcm_gets_data_whose_values_are_texts():
    settings: Any = {"notifications.new_message.sound": "ding"}
    told = written(NEW_MESSAGE, CHAT, settings, CHANNEL, MESSAGE, ALICE)
    assert payload("fcm", told, RU, 3) == {
        "twi_message_type": "twilio.channel.new_message",
        "twi_message_id": RU,
        "twi_body": "general;Alice: hello",
        "twi_sound": "ding",
        "channel_sid": "CH1",
        "channel_id": "CH1",
        "channel_title": "General",
        "message_sid": "IM1",
        "message_id": "IM1",
        "message_index": "7",
        "author": "alice",
    }


def test_without_a_sound_there_is_no_sound():
    told = written(NEW_MESSAGE, CHAT, service(), CHANNEL, MESSAGE, ALICE)
    assert "sound" not in payload("apn", told, RU)["aps"]
    assert "twi_sound" not in payload("fcm", told, RU)


def test_conversations_gets_its_own_data_with_the_first_file():
    told = written(NEW_MESSAGE, CONVERSATIONS, service(), CHANNEL, {**MESSAGE, "media": [FILE]}, ALICE)
    data = payload("fcm", told, RU)
    assert json.loads(data.pop("media")) == FILE
    assert {name: value for name, value in data.items() if not name.startswith("twi_")} == {
        "conversation_sid": "CH1",
        "conversation_title": "General",
        "message_sid": "IM1",
        "message_index": "7",
        "author": "alice",
        "media_count": "1",
    }


def test_a_badge_comes_alone_and_in_the_background():
    told = written(BADGE, CONVERSATIONS, service(), CHANNEL, MESSAGE, ALICE)
    assert payload("apn", told, RU, 0) == {
        "aps": {"badge": 0, "content-available": 1},
        "twi_message_type": "twilio.channel.consumption_update",
        "twi_message_id": RU,
    }


@pytest.mark.parametrize(("kind", "face"), [pair for pair in TYPES if pair[0] not in (BADGE, "with_media")])
@pytest.mark.parametrize("character", ["\x01", '"', "\U0001f600", "ﷺ"])
def test_every_payload_fits_what_push_services_take(kind: str, face: str, character: str):
    name = character * 256
    channel: Any = {"sid": "CH" + "0" * 32, "unique_name": name, "friendly_name": name}
    record = {"sid": "IM" + "0" * 32, "index": 10**11, "author": name, "body": character * 30_000}
    if face == CONVERSATIONS:
        record["media"] = [{**FILE, "filename": name}] * 10
    settings: Any = {f"notifications.{kind}.sound": name, "notifications.new_message.sound": name}
    told = written(kind, face, settings, channel, record, {"name": name})
    for type_ in ("apn", "fcm"):
        sent = json.dumps(payload(type_, told, RU, 1000), separators=(",", ":"), ensure_ascii=False).encode()
        assert len(sent) <= LONGEST_PAYLOAD + 30
        assert told["data"]["channel_sid" if face == CHAT else "conversation_sid"] == channel["sid"]
