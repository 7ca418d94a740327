"""The same program with Twilio's helper libraries for Node and for Python must be told the same.

Over HTTP against the local stack. What differs by nature, SIDs and the moment, is replaced by names for it: `CH 1` is the
first channel SID that a transcript mentions.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

from local.stack.running import Stack
from tests.helper_libraries.transcripts import HERE, helper_library_for_node, numbered, transcript

CALLS = 89


@pytest.fixture(scope="module")
def python_transcript(stack: Stack) -> list[list[Any]]:
    return numbered(transcript(stack, [sys.executable, str(HERE / "conversation.py")]))


def test_both_libraries_are_told_the_same(stack: Stack, python_transcript: list[list[Any]]):
    node_path = str(helper_library_for_node())
    in_node = numbered(transcript(stack, ["node", str(HERE / "conversation.cjs")], NODE_PATH=node_path))
    assert [title for title, _ in in_node] == [title for title, _ in python_transcript]
    for told, expected in zip(in_node, python_transcript, strict=True):
        assert told == expected


def test_the_conversation_goes_as_expected(python_transcript: list[list[Any]]):
    assert len(python_transcript) == CALLS
    refused = {
        title: (told["status"], told["code"])
        for title, told in python_transcript
        if isinstance(told, dict) and "status" in told and "code" in told
    }
    assert refused == {
        "exceed a limit's limit": (400, 50061),
        "create impossible role": (400, 50104),
        "create user again": (409, 50201),
        "create reserved user": (400, 50203),
        "fetch unknown user": (404, 20404),
        "take a taken name": (409, 50307),
        "break attributes": (400, 50304),
        "add member again": (409, 50404),
        "invite a member": (409, 50404),
        "add one too many": (403, 50403),
        "delete a role in use": (409, 20409),
        "send nothing": (400, 50503),
        "delete message again": (404, 20404),
        "create half a webhook": (400, 50330),
        "create half a credential": (400, 20001),
        "guess": (401, 20003),
        "list messages in v1 by name": (404, 20404),
        "create a nameless one": (400, 20001),
        "add a number of nobody": (404, 20404),
        "fetch a number of nobody": (404, 20404),
        "fetch deleted messaging service": (404, 20404),
        "fetch deleted service": (404, 20404),
    }
    told = dict(python_transcript)
    assert [message["body"] for message in told["list messages"]] == ["one", "two", "żółw \U0001f600", "4"]
    assert [message["index"] for message in told["list new messages"]] == [3, 2]
    assert (told["send one"]["from"], told["send one"]["index"]) == ("alice", 0)
    assert told["import message"]["date_created"] == "2015-07-30T20:00:00Z"
    assert told["count"] == {"members_count": 3, "messages_count": 3}
    assert told["convert channel in v3"] == {"sid": "CH 1", "type": "private", "messaging_service_sid": None}
    assert told["delete service"] is True
