"""An object store that cannot be reached: what clients hear, and what is left."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from parley.ports.objects import ATTEMPTS
from tests.rest.files import PNG, Files
from tests.support.doors import Raw

UNAVAILABLE = (503, 20503)


class Down:
    """Sends nothing, and counts what it was given."""

    def __init__(self) -> None:
        self.given = 0

    def send(self, request: Any) -> Any:
        self.given += 1
        raise ConnectTimeoutError(endpoint_url=request.url)


@pytest.fixture
def raw(files: Files) -> Raw:
    """Requests whose answers may have a status of 500 and more."""
    return Raw(files.door, checked=False)


def unreachable(files: Files) -> Down:
    files.world.store.session.send = (down := Down()).send  # type: ignore[method-assign]
    return down


def test_an_upload_is_repeated_then_refused_for_now_and_leaves_a_record_that_dies(files: Files, raw: Raw):
    down = unreachable(files)
    answer = raw("POST", f"{files.path}/Media", PNG, headers={"Content-Type": "image/png"})
    assert answer.refusal()[:2] == UNAVAILABLE
    assert down.given == ATTEMPTS
    (record,) = files.records()
    assert record["state"] == "uploading"
    assert files.world.store.keys() == []


def test_a_question_whether_a_file_has_come_is_to_be_asked_again(files: Files, raw: Raw):
    ticket = files.ticket().json
    unreachable(files)
    assert raw("GET", ticket["url"]).refusal()[:2] == UNAVAILABLE
    (record,) = files.records()
    assert record["state"] == "uploading"


def test_with_a_scanner_nobody_is_led_to_a_file_of_which_nothing_is_known(files: Files, raw: Raw):
    made = files.sent()
    files.world.wire({"media_scan": "guardduty"})
    unreachable(files)
    assert raw("GET", made["links"]["content"]).refusal()[:2] == UNAVAILABLE


def test_links_need_no_store(files: Files):
    made = files.sent()
    down = unreachable(files)
    for link in made["links"].values():
        assert files.ask("GET", link).status == 307
    assert files.ticket().status == 201
    assert down.given == 0
