"""Frames that are no requests: each gets one answer, never a 500, and the socket stays usable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.errors import FRAME_INVALID
from parley.faces.errors import answer
from parley.sockets.native import frames
from tests.sockets.deployment import Device, House

TEXT = answer("chat", FRAME_INVALID).text
MALFORMED: dict[str, tuple[str, str | None]] = {
    "nothing": ("", None),
    "a blank": (" ", None),
    "a word": ("hello", None),
    "half an object": ('{"id": "1", "action"', None),
    "single quotes": ("{'id': '1'}", None),
    "a text": ('"sendMessage"', None),
    "a number": ("7", None),
    "null": ("null", None),
    "a list": ('[{"id": "1", "action": "fetchChannel"}]', None),
    "an empty object": ("{}", None),
    "no id": ('{"action": "fetchChannel"}', None),
    "an id of null": ('{"id": null, "action": "fetchChannel"}', None),
    "an empty id": ('{"id": "", "action": "fetchChannel"}', ""),
    "an id that is true": ('{"id": true, "action": "fetchChannel"}', None),
    "an id with a fraction": ('{"id": 1.5, "action": "fetchChannel"}', None),
    "an id that is an object": ('{"id": {}, "action": "fetchChannel"}', None),
    "an id of 129 characters": (f'{{"id": "{"x" * 129}", "action": "fetchChannel"}}', "x" * 128),
    "an id of 5,000 digits": (f'{{"id": {"9" * 5000}, "action": "fetchChannel"}}', None),
    "half a character for an id": ('{"id": "\\ud800", "action": "fetchChannel"}', None),
    "no action": ('{"id": "1"}', "1"),
    "an action that is a number": ('{"id": "1", "action": 7}', "1"),
    "an action that is a list": ('{"id": "1", "action": ["fetchChannel"]}', "1"),
    "no number": ('{"id": "1", "action": "sendMessage", "body": NaN}', "1"),
    "an endless number": ('{"id": "1", "action": "sendMessage", "body": -Infinity}', "1"),
    "two objects": ('{"id": "1", "action": "fetchChannel"}{"id": "2"}', None),
    "10,000 brackets": ("[" * 10_000, None),
    "10,000 nested lists": ("[" * 10_000 + "]" * 10_000, None),
    "10,000 nested objects": ('{"a":' * 10_000 + "1" + "}" * 10_000, None),
    "a byte order mark": ('\ufeff{"id": "1", "action": "fetchChannel"}', None),
    "a null character": ("\0", None),
    "a packet of no protocol": ("MORSE V3.0 217\r\n{}", None),
}


@pytest.fixture
def alice(house: House) -> Device:
    house.channel("alice", UniqueName="general")
    return house.device("alice")


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_frame_gets_one_answer_and_the_socket_stays_usable(still_alice: Device, what: str) -> None:
    text, request_id = MALFORMED[what]
    assert still_alice.send(text) == {"id": request_id, "status": 400, "error": {"code": 20001, "message": TEXT}}
    assert still_alice.done("fetchChannel", channel="general")["unique_name"] == "general"


@pytest.mark.parametrize("member", ["attributes", "body", "channel", "message"])
def test_deeply_nested_values_are_taken_or_refused_but_never_break_anything(alice: Device, member: str) -> None:
    # Where Python gives up depends on its version.
    for depth in (*range(300, 1000, 20), *range(930, 970), 1500, 5000):
        members = {"channel": '"general"', "body": '"x"', member: "[" * depth + "]" * depth}
        text = ", ".join(f'"{name}": {value}' for name, value in members.items())
        reply = alice.send(f'{{"id": "1", "action": "sendMessage", {text}}}')
        assert reply["status"] in (201, 400), (depth, reply)


@pytest.mark.parametrize("request_id", [0, 7, -1, 10**30, "7", "a b", "é", "\u2028", "x" * 128])
def test_the_reply_carries_the_id_of_the_request_as_a_text(still_alice: Device, request_id: Any) -> None:
    reply = still_alice.send(json.dumps({"id": request_id, "action": "fetchChannel", "channel": "general"}))
    assert (reply["id"], reply["status"]) == (str(request_id), 200)


def test_an_action_of_any_length_is_named_shortened(alice: Device) -> None:
    reply = alice.send(json.dumps({"id": "1", "action": "x" * 10_000}))
    assert reply["error"] == {"code": 20001, "message": "Unknown action: " + "x" * 64}


def test_unknown_members_are_ignored(alice: Device) -> None:
    assert alice.done("fetchChannel", channel="general", colour="green", status=500, event="messageAdded")


def test_the_last_of_two_equal_members_counts(alice: Device) -> None:
    reply = alice.send('{"id": "1", "id": "2", "action": "dance", "action": "fetchChannel", "channel": "general"}')
    assert (reply["id"], reply["status"]) == ("2", 200)


def test_a_frame_without_a_body_is_answered(house: House, alice: Device) -> None:
    event = {"requestContext": {"connectionId": alice.connection_id}, "isBase64Encoded": False}
    answer = house.deployment.message_handler(event)
    assert json.loads(answer["body"])["status"] == 400


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
_members = st.fixed_dictionaries(
    {},
    optional={
        "id": _json,
        "action": st.sampled_from(["sendMessage", "listMessages", "fetchChannel", "updateMessage", "dance"]) | _json,
        "channel": st.just("general") | _json,
        "message": _json,
        "body": _json,
        "attributes": _json,
        "anchor": _json,
        "page_size": _json,
        "order": _json,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=_members)
def test_whatever_an_object_holds_it_is_never_answered_with_a_500(alice: Device, frame: dict[str, Any]) -> None:
    reply = alice.send(json.dumps(frame))
    assert reply["status"] in (200, 201, 400, 404), reply


@given(text=st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        request = frames.read(text)
    except Exception as refusal:
        assert getattr(refusal, "error", None) is FRAME_INVALID
        frames.dump({"id": frames.request_id(text)}).encode()
    else:
        assert request.id


def test_characters_of_any_script_pass_unharmed(alice: Device) -> None:
    body = 'a\u0000\u001f"\\/é漢\U0001f600\u200d\u2028\ufffe'
    assert alice.done("sendMessage", channel="general", body=body)["body"] == body
    (push,) = [push for push in alice.heard() if push["event"] == "messageAdded"]
    assert push["message"]["body"] == body
