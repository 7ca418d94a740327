"""Many writers and many listeners in one channel: nothing is lost, nothing is given out twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from local.stack.running import Stack
from tests.end_to_end.clients import Socket, access_token
from tests.stress.back_end import BackEnd, all_at_once

WRITERS, MESSAGES_EACH, LISTENERS = 50, 10, 10
TOTAL = WRITERS * MESSAGES_EACH


def test_fifty_writers_and_ten_listeners_agree_on_every_message(
    unlimited: Stack, back_end: BackEnd, service_path: str, record_property: pytest.RecordProperty
) -> None:
    channel = f"{service_path}/Channels/{back_end.post(f'{service_path}/Channels', {'UniqueName': 'busy'})['sid']}"
    identities = [f"listener {number}" for number in range(LISTENERS)]
    for identity in identities:
        back_end.post(f"{channel}/Members", {"Identity": identity})
    service_sid = service_path.rpartition("/")[2]
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(Socket(unlimited.info, access_token(unlimited.info, service_sid, identity)))
            for identity in identities
        ]
        started = time.monotonic()
        answers = all_at_once([_writer(back_end, channel, writer) for writer in range(WRITERS)])
        posted = time.monotonic() - started
        sent = {message["index"]: message for answered in answers for message in answered}
        assert sorted(sent) == list(range(TOTAL))
        assert sum(map(len, answers)) == TOTAL
        for listener in sockets:
            assert _heard(listener) == {index: {**message, "seq": None} for index, message in sent.items()}
        heard = time.monotonic() - started

    stored = back_end.listed(f"{channel}/Messages", "messages")
    assert {message["index"]: message for message in stored} == sent
    assert [message["index"] for message in stored] == list(range(TOTAL))
    fetched = back_end.get(channel)
    assert (fetched["messages_count"], fetched["members_count"]) == (TOTAL, LISTENERS)
    record_property("messages_per_second", round(TOTAL / posted))
    record_property("pushes_per_second", round(TOTAL * LISTENERS / heard))
    print(f"{TOTAL / posted:.0f} messages/s posted, all {TOTAL * LISTENERS} pushes there after {heard:.1f} s")


def _writer(back_end: BackEnd, channel: str, writer: int) -> Callable[[], list[Any]]:
    def write() -> list[Any]:
        return [
            back_end.post(f"{channel}/Messages", {"Body": f"{writer}/{number}", "From": f"writer {writer}"})
            for number in range(MESSAGES_EACH)
        ]

    return write


def _heard(listener: Socket) -> dict[int, Any]:
    """The messages that a listener heard, by index, once it has heard them all."""

    def by_index(frames: list[dict[str, Any]]) -> dict[int, Any]:
        added = (frame["message"] for frame in frames if frame.get("event") == "messageAdded")
        # REST does not show the version.
        return {message["index"]: {**message, "seq": None} for message in added}

    return by_index(listener.wait(lambda frames: len(frames) >= TOTAL and len(by_index(frames)) == TOTAL, 60))
