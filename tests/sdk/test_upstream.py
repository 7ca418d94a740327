"""The SDKs' own REST: each row succeeds, is refused, and hides what it must hide; and what is special about some rows."""

from __future__ import annotations

import pytest

from tests.sdk.requests_of_rows import MIGHTY, ROWS, SENT, Asked, mighty, place, stage
from tests.sockets.deployment import House


def test_every_row_is_asked_for_here() -> None:
    assert {(asked.method, asked.template) for asked in ROWS} == set(SENT)


@pytest.mark.parametrize("asked", ROWS, ids=str)
def test_a_row_does_what_it_is_for(house: House, asked: Asked) -> None:
    room = stage(house, asked.version)
    device = mighty(house, room)
    if asked.template.endswith("Invites/{identity*}"):
        room.delete(f"/Members/{MIGHTY}")
        room.update("/Invites", Identity=MIGHTY)
    reply = place(room).ask(device, asked)
    assert reply.status == asked.sent.status, reply
    assert (reply.body is None) == (asked.sent.status == 204)
    assert asked.sent.code is None or reply.refusal == (asked.sent.status, asked.sent.code)
