"""Attaching over REST: a message takes files whose bytes are in the bucket, whoever uploaded them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.files import PNG, Files

NOT_FOUND = (404, 50507)
QUARTER = 900


def attach(files: Files, channel: str, *sids: str) -> Any:
    """The answer to a message with these files, which a back end sends through Conversations."""
    path = f"{channel.replace('/chat/v2', '/conversations/v1').replace('/Channels/', '/Conversations/')}/Messages"
    return files.raw("POST", path, [("MediaSid", sid) for sid in sids])


def refusal(answer: Any) -> tuple[int, int]:
    return answer.status, answer.json["code"]


def test_a_file_that_was_put_can_be_attached_without_asking_for_its_record_first(files: Files):
    channel = files.channel(Type="private")
    tickets = [files.ticket(PNG * size).json for size in (1, 2)]
    for ticket, size in zip(tickets, (1, 2), strict=True):
        assert files.put(ticket, PNG * size) == 200
    message = attach(files, channel, *(ticket["sid"] for ticket in tickets)).json
    assert [file["size"] for file in message["media"]] == [len(PNG), 2 * len(PNG)]
    (first, second) = (files.raw.get(ticket["url"]) for ticket in tickets)
    assert (first["message_sid"], second["message_sid"]) == (message["sid"], message["sid"])
    assert files.followed(first["links"]["content_direct_temporary"])[:2] == (200, PNG)


def test_a_file_that_has_not_come_is_refused_and_can_still_come(files: Files):
    channel = files.channel(Type="private")
    ticket = files.ticket().json
    assert refusal(attach(files, channel, ticket["sid"])) == NOT_FOUND
    assert files.raw.get(f"{channel}/Messages")["messages"] == []
    assert files.put(ticket, PNG) == 200
    assert attach(files, channel, ticket["sid"]).status == 201


def test_a_file_that_came_and_was_not_asked_for_expires_after_an_hour(files: Files):
    channel = files.channel(Type="private")
    early, late = files.ticket().json, files.ticket().json
    for ticket in (early, late):
        assert files.put(ticket, PNG) == 200
    files.world.clock.advance(4 * QUARTER - 1)
    assert attach(files, channel, early["sid"]).status == 201
    # A time in whole seconds is rounded up.
    files.world.clock.advance(2)
    assert refusal(attach(files, channel, late["sid"])) == NOT_FOUND


def test_a_file_is_carried_by_one_message_whichever_api_names_it(files: Files):
    channel = files.channel(Type="private")
    sid = files.sent(PNG)["sid"]
    assert attach(files, channel, sid).status == 201
    again = files.raw("POST", f"{channel}/Messages", {"MediaSid": sid})
    assert (refusal(attach(files, channel, sid)), refusal(again)) == ((409, 50508), (409, 50508))


@pytest.mark.parametrize(
    "sids, refused",
    [
        (["ME1"], (400, 50510)),
        (["IM" + "0" * 32], (400, 50510)),
        (["ME" + "0" * 32], NOT_FOUND),
        ([f"ME{number:032x}" for number in range(11)], (400, 20001)),
    ],
)
def test_bad_names_of_files_are_refused_and_leave_no_message(files: Files, sids: list[str], refused: tuple[int, int]):
    channel = files.channel(Type="private")
    good = files.sent(PNG)["sid"]
    assert refusal(attach(files, channel, good, *sids)) == refused
    assert files.raw.get(f"{channel}/Messages")["messages"] == []
    assert attach(files, channel, good).status == 201


def test_two_sends_with_one_token_at_once_make_one_message_with_the_file(files: Files, monkeypatch: pytest.MonkeyPatch):
    channel, sid = files.channel(), files.sent(PNG)["sid"]
    messages, token = f"{channel}/Messages", {"I-Twilio-Idempotency-Token": "x"}
    first = files.raw("POST", messages, {"MediaSid": sid}, headers=token).json
    table = files.world.table
    plain = table._call

    def too_early(operation: str, **request: Any) -> Any:
        """What the second send reads: its token before the first send is stored, and the file afterwards."""
        answer = plain(operation, **request)
        if operation == "batch_get_item":
            monkeypatch.undo()
            for found in answer["Responses"].values():
                found[:] = [item for item in found if item["sk"]["S"] == "MEDIA"]
        return answer

    monkeypatch.setattr(table, "_call", too_early)
    second = files.raw("POST", messages, {"MediaSid": sid}, headers=token)
    assert (second.status, second.json) == (201, first)
    assert files.raw.get(messages)["messages"] == [first]


def test_a_token_that_has_expired_does_not_make_a_file_free_again(files: Files):
    channel, (old, used) = files.channel(), (files.sent(PNG)["sid"] for _ in range(2))
    messages, token = f"{channel}/Messages", {"I-Twilio-Idempotency-Token": "x"}
    for sid in (old, used):
        assert files.raw("POST", messages, {"MediaSid": sid}, headers=token if sid == old else {}).status == 201
    files.world.clock.advance(QUARTER)
    assert refusal(files.raw("POST", messages, {"MediaSid": used}, headers=token)) == (409, 50508)
