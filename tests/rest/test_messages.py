"""Messages, https://www.twilio.com/docs/chat/rest/message-resource."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from twilio.rest.chat.v2.service import ServiceContext
from twilio.rest.chat.v2.service.channel import ChannelContext

from tests.rest.support import DATE, refused, sid, sids
from tests.support.doors import Door, Raw

BODY_REQUIRED = (400, 50503, "Message body is required")
BODY_TOO_LONG = (400, 50504, "Message body is too long: at most 32768 bytes")


@pytest.mark.proves("v2:CreateMessage", "v2:FetchMessage")
def test_a_message_has_the_documented_defaults(
    raw: Raw, door: Door, service_sid: str, channel_path: str, channel_sid: str
):
    body = raw.post(f"{channel_path}/Messages", Body="Hi there!")
    assert body == {
        "sid": sid("IM"),
        "account_sid": door.account_sid,
        "attributes": "{}",
        "service_sid": service_sid,
        "to": channel_sid,
        "channel_sid": channel_sid,
        "date_created": DATE,
        "date_updated": body["date_created"],
        "last_updated_by": None,
        "was_edited": False,
        "from": "system",
        "body": "Hi there!",
        "index": 0,
        "type": "text",
        "media": None,
        "url": f"{door.base_url}{channel_path}/Messages/{body['sid']}",
    }
    assert raw.get(body["url"]) == body
    assert raw.get(f"{channel_path}/Messages")["messages"] == [body]


def test_history_can_be_imported(raw: Raw, channel_path: str):
    form = {
        "From": "alice",
        "Body": "long ago",
        "Attributes": '{"a":1}',
        "DateCreated": "2016-03-24T20:37:57Z",
        "DateUpdated": "2016-03-24T20:38:57Z",
        "LastUpdatedBy": "bob",
    }
    body = raw.post(f"{channel_path}/Messages", form)
    shown = {name: body[name] for name in ("from", "body", "attributes", "date_created", "date_updated")}
    assert shown == {
        "from": "alice",
        "body": "long ago",
        "attributes": '{"a":1}',
        "date_created": "2016-03-24T20:37:57Z",
        "date_updated": "2016-03-24T20:38:57Z",
    }
    assert (body["last_updated_by"], body["was_edited"]) == ("bob", False)


def test_an_imported_message_without_a_date_of_update_was_never_updated(raw: Raw, channel_path: str):
    body = raw.post(f"{channel_path}/Messages", Body="x", DateCreated="2016-03-24T20:37:57Z")
    assert (body["date_created"], body["date_updated"]) == ("2016-03-24T20:37:57Z", "2016-03-24T20:37:57Z")


@pytest.mark.inferred
def test_the_index_follows_arrival_and_not_the_date(channel: ChannelContext):
    for year in (2018, 2016, 2017):
        channel.messages.create(body=str(year), date_created=datetime(year, 1, 1, tzinfo=UTC))
    assert [(message.index, message.body) for message in channel.messages.list()] == [
        (0, "2018"),
        (1, "2016"),
        (2, "2017"),
    ]


@pytest.mark.parametrize("author", ["nobody in particular", "ż" * 256, "system", "a/b"])
def test_the_author_need_not_be_a_user_or_member(raw: Raw, channel_path: str, author: str):
    assert raw.post(f"{channel_path}/Messages", Body="x", From=author)["from"] == author


@pytest.mark.inferred
def test_an_empty_author_is_the_system(raw: Raw, channel_path: str):
    assert raw.post(f"{channel_path}/Messages", Body="x", From="")["from"] == "system"


def test_a_body_may_be_empty_but_not_absent(raw: Raw, channel: ChannelContext, channel_path: str):
    assert channel.messages.create(body="").body == ""
    assert raw("POST", f"{channel_path}/Messages", {"From": "alice"}).refusal() == BODY_REQUIRED
    assert raw("POST", f"{channel_path}/Messages").refusal() == BODY_REQUIRED


@pytest.mark.parametrize("body", ["ż" * 16384, "x" * 32768, "\U0001f600" * 8192, "\n" * 32768])
def test_a_body_has_32_kilobytes_of_utf_8_at_most(channel: ChannelContext, body: str):
    message = channel.messages.create(body=body)
    assert channel.messages(message.sid).fetch().body == body
    with refused(*BODY_TOO_LONG):
        channel.messages.create(body=body + "x")
    with refused(*BODY_TOO_LONG):
        channel.messages(message.sid).update(body=body + "x")


@pytest.mark.parametrize(
    "body",
    ["<b>&amp;</b>", 'a"b\\c', "a\x00b", "\ufffe\u202e", "e\u0301 \U0001f468‍\U0001f469‍\U0001f467", "  a  ", "a+b=c&d"],
)
def test_a_body_comes_back_as_it_was_sent(channel: ChannelContext, body: str):
    message = channel.messages.create(body=body)
    assert message.body == body
    assert channel.messages(message.sid).fetch().body == body
    assert channel.messages.list()[0].body == body


@pytest.mark.inferred
def test_unknown_media_is_not_found(channel: ChannelContext):
    unknown = "ME" + "0" * 32
    with refused(404, 50507, f"Media not found: {unknown}"):
        channel.messages.create(media_sid=unknown)


@pytest.mark.parametrize(
    ("name", "value", "code", "text"),
    [
        ("Attributes", "{", 50304, "Attributes not valid: not a JSON document"),
        ("DateCreated", "soon", 50308, "DateCreated is not a date in ISO 8601 format"),
        ("DateUpdated", "soon", 50309, "DateUpdated is not a date in ISO 8601 format"),
    ],
)
def test_malformed_parameters_are_refused(raw: Raw, channel_path: str, name: str, value: str, code: int, text: str):
    message = raw.post(f"{channel_path}/Messages", Body="x")
    assert raw("POST", f"{channel_path}/Messages", {"Body": "x", name: value}).refusal() == (400, code, text)
    assert raw("POST", message["url"], {"Body": "y", name: value}).refusal() == (400, code, text)
    assert raw.get(f"{channel_path}/Messages")["messages"] == [message]


def test_a_malformed_media_sid_is_refused(raw: Raw, channel_path: str):
    expected = (400, 50510, "MediaSid must be a SID beginning with ME")
    assert raw("POST", f"{channel_path}/Messages", {"MediaSid": "picture"}).refusal() == expected


def test_indexes_ascend_and_are_never_used_again(channel: ChannelContext):
    messages = [channel.messages.create(body="x") for _ in range(4)]
    assert [message.index for message in messages] == [0, 1, 2, 3]
    messages[1].delete()
    messages[3].delete()
    assert channel.messages.create(body="x").index == 4
    assert [message.index for message in channel.messages.list()] == [0, 2, 4]


def test_indexes_of_channels_are_independent(service: ServiceContext, channel: ChannelContext):
    other = service.channels(service.channels.create().sid)
    channel.messages.create(body="x")
    assert other.messages.create(body="x").index == 0


def test_refused_messages_use_up_no_index(raw: Raw, channel: ChannelContext, channel_path: str):
    channel.messages.create(body="x")
    raw("POST", f"{channel_path}/Messages", {"Body": "x" * 40_000})
    raw("POST", f"{channel_path}/Messages")
    assert channel.messages.create(body="x").index == 1


@pytest.mark.proves("v2:ListMessage")
def test_messages_are_listed_by_index_in_either_order(channel: ChannelContext):
    created = sids(channel.messages.create(body=str(number)) for number in range(12))
    assert sids(channel.messages.list()) == sids(channel.messages.list(order="asc")) == created
    assert sids(channel.messages.list(order="desc")) == created[::-1]


def test_an_order_must_be_asc_or_desc(raw: Raw, channel_path: str):
    expected = (400, 20001, "Parameter Order must be one of: asc, desc")
    assert raw("GET", f"{channel_path}/Messages?Order=newest").refusal() == expected


@pytest.mark.inferred
def test_an_update_of_the_attributes_alone_marks_the_message_as_edited(raw: Raw, channel_path: str):
    before = raw.post(f"{channel_path}/Messages", Body="x")
    after = raw.post(before["url"], Attributes='{"a":1}')
    assert (after["attributes"], after["body"], after["was_edited"]) == ('{"a":1}', "x", True)


@pytest.mark.inferred
def test_last_updated_by_is_the_system_unless_it_is_named(raw: Raw, channel_path: str):
    message = raw.post(f"{channel_path}/Messages", Body="x")
    assert raw.post(message["url"], Body="y", LastUpdatedBy="bob")["last_updated_by"] == "bob"
    assert raw.post(message["url"], Body="z")["last_updated_by"] == "system"


@pytest.mark.proves("v2:UpdateMessage")
def test_every_parameter_of_an_update_counts(raw: Raw, channel_path: str):
    message = raw.post(f"{channel_path}/Messages", Body="x")
    expected = {
        "body": "y",
        "attributes": '{"a":1}',
        "date_created": "2016-03-24T20:37:57Z",
        "date_updated": "2016-03-24T20:38:57Z",
        "last_updated_by": "bob",
        "from": "alice",
    }
    form = {name.title().replace("_", ""): value for name, value in expected.items()}
    after = raw.post(message["url"], form)
    assert after == {**message, **expected, "was_edited": True}
    assert raw.get(message["url"]) == after


@pytest.mark.inferred
def test_empty_values_clear_body_and_attributes_and_leave_the_author(raw: Raw, channel_path: str):
    message = raw.post(f"{channel_path}/Messages", Body="x", From="alice", Attributes='{"a":1}')
    after = raw.post(message["url"], Body="", Attributes="", From="")
    assert (after["body"], after["attributes"], after["from"]) == ("", "{}", "alice")
    assert raw.get(message["url"]) == after


@pytest.mark.proves("v2:DeleteMessage")
def test_a_deleted_message_is_gone(channel: ChannelContext):
    kept, deleted = channel.messages.create(body="x"), channel.messages.create(body="y")
    assert channel.messages(deleted.sid).delete() is True
    assert sids(channel.messages.list()) == [kept.sid]
    assert channel.fetch().messages_count == 1


TOKEN_HEADERS = ["I-Twilio-Idempotency-Token", "X-Twilio-Mutation-Id"]


@pytest.mark.parametrize("header", TOKEN_HEADERS)
def test_a_repeat_with_the_same_token_answers_with_the_first_message(raw: Raw, channel_path: str, header: str):
    first = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers={header: "token-1"})
    repeat = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers={header: "token-1"})
    assert (repeat.status, repeat.json) == (201, first.json)
    other = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers={header: "token-2"})
    assert other.json["index"] == 1
    assert raw.get(channel_path)["messages_count"] == 2


@pytest.mark.parametrize("header", TOKEN_HEADERS)
def test_long_tokens_that_begin_alike_are_two_tokens(raw: Raw, channel_path: str, header: str):
    """The token was cut to 256 characters. So the second message was answered with 201, and was lost."""
    tokens = ["x" * 256 + end for end in ("first", "second", "second")]
    sent = [raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers={header: token}) for token in tokens]
    assert [(answer.status, answer.json["index"]) for answer in sent] == [(201, 0), (201, 1), (201, 1)]


def test_a_token_counts_in_its_own_channel_only(
    raw: Raw, service: ServiceContext, service_path: str, channel_path: str
):
    other = f"{service_path}/Channels/{service.channels.create().sid}"
    headers = {"I-Twilio-Idempotency-Token": "token"}
    first = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers=headers).json
    second = raw("POST", f"{other}/Messages", {"Body": "y"}, headers=headers).json
    assert (first["body"], second["body"]) == ("x", "y")


def test_a_token_that_was_used_for_a_refused_request_is_still_good(raw: Raw, channel_path: str):
    headers = {"I-Twilio-Idempotency-Token": "token"}
    assert raw("POST", f"{channel_path}/Messages", headers=headers).refusal() == BODY_REQUIRED
    assert raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers=headers).status == 201


def test_a_repeat_after_the_message_was_deleted_is_answered_without_its_content(raw: Raw, channel_path: str):
    """It was answered with 404, from which a client cannot tell that the message was sent."""
    headers = {"I-Twilio-Idempotency-Token": "token"}
    first = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers=headers).json
    raw("DELETE", first["url"])
    repeat = raw("POST", f"{channel_path}/Messages", {"Body": "x"}, headers=headers)
    assert (repeat.status, repeat.json) == (201, {**first, "body": None})
    assert raw("GET", first["url"]).status == 404
    assert raw.get(f"{channel_path}/Messages")["messages"] == []


def test_without_a_token_equal_messages_are_two_messages(raw: Raw, channel_path: str):
    sent = [raw.post(f"{channel_path}/Messages", Body="x")["index"] for _ in range(2)]
    assert sent == [0, 1]
