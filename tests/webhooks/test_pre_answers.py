"""Each answer that an owner may give to a pre-event, and what then happens to the client's action."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from parley.faces import chat_events as events
from parley.ports.http.outgoing import Response
from tests.ports.fakes import SentRequest
from tests.support.files import UNATTACHED_SECONDS
from tests.support.target import Reply, Target
from tests.webhooks.asking import EVENTS, JSON, REFUSED, answer, asking_about, refusal, says, stored
from tests.webhooks.owner import Owner
from tests.webhooks.scenes import BODY, CASES, MEDIA, OLDER, Scene

# Going on unchanged


REPLACING_NOTHING = [
    (b"", ""),
    (b"", JSON),
    (b" \r\n", JSON),
    (b"{}", JSON),
    (b"{}", "text/plain"),
    (b'{"body": "replaced"}', "text/plain"),
    (b'{"body": "replaced"}', ""),
    (b"body=replaced", "application/x-www-form-urlencoded"),
    (b'{"BODY": "replaced", "Body": "replaced", "sid": "x", "index": 7, "was_edited": true}', JSON),
]
# Half a surrogate pair, which JSON can spell, was an internal error to the client.
NO_OBJECTS = [
    *(b"{", b"nonsense", b"[]", b'["body"]', b"null", b"7", b'"body"', b"\xff\xfe\xfa", b"[" * 60_000, b"9" * 5_000),
    *(b'{"body": "\\ud800"}', b'{"attributes": {"\\udc00": 1}}'),
]


def test_an_answer_that_replaces_nothing_lets_the_action_go_on(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    for number, (body, content_type) in enumerate(REPLACING_NOTHING):
        says(asked, body, content_type=content_type)
        made = scene.alice.done("sendMessage", channel="room", body=BODY)
        assert (made["body"], made["from"], made["attributes"], made["index"]) == (BODY, "alice", "{}", 1 + number), (
            body
        )
    assert len(asked.stored_messages(scene.channel)) == 1 + len(REPLACING_NOTHING)


def test_an_answer_that_is_no_json_object_is_logged_and_ignored(asked: Owner, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(asked)
    asking_about(asked)
    for body in NO_OBJECTS:
        caplog.clear()
        says(asked, body)
        made = scene.alice.done("sendMessage", channel="room", body=BODY)
        assert (made["body"], made["attributes"]) == (BODY, "{}"), body[:20]
        (warning,) = [vars(record) for record in caplog.records if record.levelno >= logging.WARNING]
        assert (warning["code"], warning["event"]) == (50057, "onMessageSend"), body[:20]


# Replacing


REPLACED: dict[str, dict[str, Any]] = {
    "body": {"body": "replaced \U0001f600"},
    "author": {"author": "the system"},
    "from": {"from": "the system"},
    "attributes": {"attributes": '{"seen": true}'},
    "friendly_name": {"friendly_name": "Replaced"},
    "unique_name": {"unique_name": "replaced"},
    "role_sid": {},  # depends on the scene
}
SHOWN_AS = {"author": "from"}


def acted_on(owner: Owner, scene: Scene, event: str, made: Any) -> dict[str, Any]:
    """The record that an action made or changed, as REST shows it afterwards."""
    paths = {
        "Message": f"/Channels/{scene.channel}/Messages/",
        "Channel": "/Channels/",
        "Member": f"/Channels/{scene.channel}/Members/",
        "User": "/Users/",
    }
    (path,) = [path for noun, path in paths.items() if noun in event]
    return owner.house.rest.get(f"{owner.path}{path}{made['sid']}")


@pytest.mark.parametrize(
    ("event", "key"),
    sorted({(event.name, key) for event in events.PRE_EVENTS.values() for key in event.answers.split()}),
)
def test_each_key_of_an_answer_replaces_its_field_and_nothing_else(asked: Owner, event: str, key: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    kind = "service user" if event == "onUserUpdate" else "channel admin"
    replaced = REPLACED[key] or {"role_sid": scene.roles[kind]}
    asking_about(asked, event)
    says(asked, replaced | {"unknown": 1})
    made = case.client()
    after = acted_on(asked, scene, event, made)
    (name, value) = next(iter(replaced.items()))
    assert after[SHOWN_AS.get(name, name)] == made[SHOWN_AS.get(name, name)] == value
    given = dict(scene_fields(case.before))
    given.pop(SHOWN_AS.get(name, name), None)
    assert {name: after[name] for name in given} == given


def scene_fields(told: dict[str, str]) -> dict[str, str]:
    """What the client asked for, by the names that REST shows."""
    names = {"Body": "body", "Attributes": "attributes", "FriendlyName": "friendly_name", "UniqueName": "unique_name"}
    names |= {"From": "from", "RoleSid": "role_sid"}
    return {names[name]: value for name, value in told.items() if name in names}


def test_every_key_that_an_answer_may_have_is_documented_for_its_event() -> None:
    message = {"body", "author", "from", "attributes"}
    channel = {"friendly_name", "unique_name", "attributes"}
    assert {row: set(event.answers.split()) for row, event in events.PRE_EVENTS.items()} == {
        ("message", "create"): message,
        ("media message", "create"): message - {"body"},
        ("message", "update"): message,
        ("media message", "update"): message - {"body"},
        ("message", "delete"): set(),
        ("channel", "create"): channel,
        ("channel", "update"): channel,
        ("channel", "delete"): set(),
        ("member", "create"): {"role_sid", "attributes"},
        ("member", "update"): {"role_sid", "attributes"},
        ("member", "delete"): set(),
        ("user", "update"): {"friendly_name", "attributes", "role_sid"},
    }


def test_several_fields_are_replaced_at_once_and_attributes_may_be_json_itself(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(
        asked,
        {"body": "b", "author": "bob", "attributes": {"a": [1, None]}},
        content_type="application/json; charset=utf-8",
    )
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert (made["body"], made["from"], json.loads(made["attributes"])) == ("b", "bob", {"a": [1, None]})


def test_attributes_that_are_json_itself_take_no_more_room_than_the_client_would_need(asked: Owner) -> None:
    """Each letter outside of ASCII was spelled with six bytes, so attributes that fit were refused."""
    scene = Scene(asked)
    asking_about(asked)
    says(asked, {"attributes": {"a": "ß" * 2_000, "b": ["ß"]}})
    made = scene.alice.done("sendMessage", channel="room", body=BODY)
    assert made["attributes"] == '{"a":"' + "ß" * 2_000 + '","b":["ß"]}'


@pytest.mark.parametrize(("letter", "spelled"), [("ß", "\\u00df"), ("<", "\\u003c")])
def test_the_longest_message_may_be_replaced_by_an_answer_that_spells_each_letter_with_six(
    owner: Owner, target: Target, letter: str, spelled: str
) -> None:
    """Of a long answer the beginning was read, which is no JSON. So the message was sent as the client wrote it."""
    scene = Scene(owner)
    count = 32_768 // len(letter.encode())
    said = b'{"body": "%s"}' % (spelled * count).encode()
    target.answer = lambda received: Reply(200, said, JSON)
    owner.configure(PreWebhookUrl=target.url, WebhookFilters=EVENTS)
    assert scene.alice.done("sendMessage", channel="room", body=BODY)["body"] == letter * count


def test_a_field_that_is_answered_with_null_is_cleared(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, {"friendly_name": None, "unique_name": ""})
    made = scene.alice.done("updateChannel", channel="room", attributes=OLDER)
    assert (made["friendly_name"], made["unique_name"]) == (None, None)


def test_the_body_of_a_media_message_cannot_be_replaced(asked: Owner) -> None:
    """An owner could give a media message a body, which no client may."""
    scene = Scene(asked)
    media_sid = asked.media(**MEDIA)
    made = scene.alice.done("sendMessage", channel="room", media_sid=media_sid)
    asking_about(asked)
    says(asked, {"body": "replaced", "attributes": OLDER})
    after = scene.alice.done("updateMessage", channel="room", message=made["sid"], attributes="{}")
    assert (after["body"], after["attributes"], after["type"]) == (None, OLDER, "media")


def test_a_file_that_expires_while_the_owner_is_asked_is_not_sent(asked: Owner) -> None:
    """DynamoDB removes expired records late, so the record may still be there."""
    scene = Scene(asked)
    asking_about(asked)
    media_sid = asked.media(**MEDIA)

    def late(request: SentRequest) -> Response:
        asked.clock.advance(UNATTACHED_SECONDS)
        return Response(200, {}, b"")

    answer(asked).answer = late
    assert scene.alice.refusal("sendMessage", channel="room", media_sid=media_sid) == (404, 50507)
    assert [message["type"] for message in asked.stored_messages(scene.channel)] == ["text"]


# What is replaced is checked like a client's own input


INVALID: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("onMessageSend", {"body": "x" * 32_769}, (400, 50504)),
    ("onMessageSend", {"author": "x" * 257}, (400, 50310)),
    ("onMessageSend", {"attributes": "{"}, (400, 50304)),
    ("onMessageSend", {"attributes": json.dumps("x" * 4_096)}, (400, 50303)),
    ("onMediaMessageSend", {"attributes": "nonsense"}, (400, 50304)),
    ("onMessageUpdate", {"body": "ß" * 16_385}, (400, 50504)),
    ("onChannelAdd", {"friendly_name": "x" * 257}, (400, 50003)),
    ("onChannelAdd", {"unique_name": "room"}, (409, 50307)),
    ("onChannelAdd", {"unique_name": "CH" + "0" * 32}, (400, 50306)),
    ("onChannelUpdate", {"unique_name": "x" * 257}, (400, 50004)),
    ("onMemberAdd", {"role_sid": "nonsense"}, (400, 20001)),
    ("onMemberAdd", {"role_sid": "RL" + "0" * 32}, (404, 50100)),
    ("onMemberAdd", {"role_sid": "service user"}, (400, 50105)),
    ("onMemberUpdate", {"role_sid": "service user"}, (400, 50105)),
    ("onUserUpdate", {"role_sid": "channel user"}, (400, 50105)),
    ("onUserUpdate", {"friendly_name": "x" * 257}, (400, 50003)),
]


@pytest.mark.parametrize(("event", "replaced", "error"), INVALID)
def test_an_invalid_replacement_fails_with_its_own_error_and_nothing_is_stored(
    asked: Owner, event: str, replaced: dict[str, Any], error: tuple[int, int]
) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    _ = scene.alice
    if (role := replaced.get("role_sid")) in scene.roles:
        replaced = {"role_sid": scene.roles[role]}
    asking_about(asked, event)
    says(asked, replaced)
    before = stored(asked, scene)
    assert refusal(case.client) == error
    assert stored(asked, scene) == before


# Refusing


@pytest.mark.parametrize("event", EVENTS)
def test_a_refused_action_of_any_kind_leaves_everything_as_it_was(asked: Owner, event: str) -> None:
    scene = Scene(asked)
    case = CASES[event](scene)
    _ = scene.alice
    asking_about(asked, event)
    says(asked, status=403)
    before = stored(asked, scene)
    assert refusal(case.client) == REFUSED
    assert len(answer(asked).requests) == 1
    assert stored(asked, scene) == before


REFUSING = [201, 202, 204, 301, 302, 304, 400, 401, 404, 409, 418, 422, 500, 501, 502, 505]


def test_any_other_status_refuses_at_once_whatever_it_says(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked, PreWebhookRetryCount=3)
    for count, status in enumerate(REFUSING, 1):
        says(asked, {"body": "replaced"}, status=status)
        assert scene.alice.refusal("sendMessage", channel="room", body="x") == REFUSED, status
        assert len(answer(asked).requests) == count, status
    assert [message["sid"] for message in asked.stored_messages(scene.channel)] == [scene.message]


def test_a_refused_message_takes_no_index(asked: Owner) -> None:
    scene = Scene(asked)
    asking_about(asked)
    says(asked, status=403)
    scene.alice.refusal("sendMessage", channel="room", body="x")
    says(asked)
    assert scene.alice.done("sendMessage", channel="room", body="y")["index"] == 1
