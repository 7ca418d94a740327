"""Sets of files, as the SDKs of Conversations ask for them (tests/sdk/media.mjs does so with the SDKs)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rest.files import PNG, Files


def asked(files: Files, *sids: Any, token: str = "", **changes: Any) -> Any:
    body = {"command": "get", "list": [{"media_sid": sid} for sid in sids], **changes}
    return files.ask(
        "POST", "/MediaSet", json.dumps(body).encode(), token, headers={"Content-Type": "application/json"}
    )


@pytest.mark.inferred
def test_a_set_shows_each_file_in_the_order_asked_for(files: Files) -> None:
    first, second = files.sent(PNG), files.sent(b"second", "text/plain")
    shown = asked(files, second["sid"], first["sid"]).json
    assert [(one["code"], one["media_record"]["size"]) for one in shown] == [(200, 6), (200, len(PNG))]
    for one, made in zip(shown, (second, first), strict=True):
        assert {**one["media_record"], "links": made["links"]} == made
        assert files.followed(one["media_record"]["links"]["content_direct_temporary"])[0] == 200


@pytest.mark.inferred
def test_a_file_that_the_caller_may_not_fetch_is_named_and_the_others_are_shown(files: Files) -> None:
    alice, bob = files.user("alice"), files.user("bob")
    made, others, none = files.sent(PNG, token=alice), files.sent(PNG, token=bob), "ME" + "0" * 32
    shown = asked(files, others["sid"], made["sid"], none, "no SID", token=alice).json
    assert [one["code"] for one in shown] == [404, 200, 404, 404]
    assert [shown[at]["media_record"] for at in (0, 2, 3)] == [{"sid": sid} for sid in (others["sid"], none, "no SID")]


def test_a_set_of_files_from_several_channels_shows_those_of_channels_that_the_caller_reads(files: Files) -> None:
    alice = files.user("alice")
    mine, others, gone = files.channel("alice"), files.channel(Type="private"), files.channel("alice")
    made = [files.sent(PNG) for _ in range(5)]
    for channel, record in zip((mine, others, gone, mine), made, strict=False):
        files.attached(channel, record)
    assert files.raw("DELETE", gone).status == 204
    sids = [record["sid"] for record in made]
    assert [one["code"] for one in asked(files, *sids, token=alice).json] == [200, 404, 404, 200, 404]
    assert [one["code"] for one in asked(files, *sids).json] == [200, 200, 404, 200, 200]


def test_a_set_is_read_with_one_request_for_the_files_and_one_for_each_of_their_channels(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = files.user("alice")
    made = []
    for _ in range(2):
        channel = files.channel("alice")
        for _ in range(3):
            made.append(files.sent(PNG))
            files.attached(channel, made[-1])
    sids = [record["sid"] for record in made]
    requests: list[str] = []
    plain = files.world.table._call

    def counting(operation: str, **request: Any) -> Any:
        requests.append(operation)
        return plain(operation, **request)

    monkeypatch.setattr(files.world.table, "_call", counting)
    assert {one["code"] for one in asked(files, *sids, token=alice).json} == {200}
    assert requests.count("batch_get_item") == 3


def test_a_set_has_at_most_a_hundred_files(files: Files) -> None:
    assert asked(files).json == []
    assert len(asked(files, *["ME" + "0" * 32] * 100).json) == 100


def test_a_set_needs_credentials(files: Files) -> None:
    answer = files.ask("POST", "/MediaSet", b'{"command": "get", "list": []}', credentials=None)
    assert answer.refusal()[:2] == (401, 20003)
