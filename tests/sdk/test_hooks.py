"""Pre-event webhooks are asked about what the SDKs do: Chat's for the Chat SDKs, Conversations' for Conversations."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from parley.faces import chat_events, conversations_events
from parley.ports.http.outgoing import Response
from parley.sockets.sdk import upstream
from parley.sockets.sdk.commands import COMMANDS, Command
from parley.sockets.sdk.upstream_views import V1, V2
from tests.ports.fakes import FakeOutgoing
from tests.sdk.acts_of_tables import ACTS
from tests.sdk.requests_of_rows import ROWS, Asked, invite_instead, mighty, place, stage
from tests.sdk.test_commands import request_for, stage_for
from tests.sockets.asking import everything
from tests.sockets.deployment import House
from tests.webhooks.owner import Owner

URL = "https://example.com/hook"
PRE_EVENTS = {V1: chat_events.PRE_EVENTS, V2: conversations_events.PRE_EVENTS}
# The rows with functions of their own, with the kind of record and the verb of what they do; nothing asks about others.
OWN = {"send": ("message", "create"), "update_mine": ("member", "update"), "decline": ("invite", "delete")}
_ACTS = {
    (row.method, row.template): (row.act.resource, row.act.verb)
    for row in upstream.ROWS
    if isinstance(row, upstream.Row)
}
_ACTS |= {
    (row.method, row.template): OWN[row.answer.__name__]
    for row in upstream.ROWS
    if isinstance(row, upstream.OwnRow) and row.answer.__name__ in OWN
}
WRITING = [asked for asked in ROWS if asked.method != "GET" and asked.template != "/Typing"]


def event_of(version: str, resource: str, verb: str) -> str | None:
    """The event about which an owner is asked, if there is one."""
    kind = "member" if resource == "user_channel" else resource
    event = PRE_EVENTS[version].get((kind, verb))
    return event.name if event else None


def refusing(house: House, version: str) -> FakeOutgoing:
    """Let the owner refuse every action in the family of a version."""
    outgoing = FakeOutgoing()
    Owner(house, outgoing)  # type: ignore[arg-type]
    names = sorted({event.name for event in PRE_EVENTS[version].values()})
    if version == V1:
        house.rest.post(house.path, PreWebhookUrl=URL, WebhookFilters=names)
    else:
        path = f"/conversations/v1/Services/{house.sid}/Configuration/Webhooks"
        house.rest.post(path, PreWebhookUrl=URL, Filters=names)
    house.deployment.world.clock.advance(11)
    outgoing.answer = Response(403, {}, b"")
    return outgoing


def asked_about(outgoing: FakeOutgoing) -> list[str]:
    return [parse_qs(request.body.decode())["EventType"][0] for request in outgoing.requests]


@pytest.mark.parametrize("asked", WRITING, ids=str)
def test_the_owner_may_refuse_what_a_row_does(house: House, asked: Asked) -> None:
    room = stage(house, asked.version)
    device = mighty(house, room)
    if asked.is_of_invited:
        invite_instead(room)
    outgoing, before, where = refusing(house, asked.version), everything(house), place(room)
    reply = where.ask(device, asked)
    event = event_of(asked.version, *_ACTS[asked.method, asked.template])
    assert asked_about(outgoing) == ([event] if event else [])
    if event:
        assert reply.refusal == (403, 50056)
        assert everything(house) == before
    else:
        assert reply.status == asked.sent.status


# Media that does not exist is refused before anybody is asked.
ASKED_COMMANDS = [
    name for name, command in COMMANDS.items() if isinstance(command, Command) and name != "sendMediaMessage"
]


@pytest.mark.parametrize("action", ASKED_COMMANDS)
def test_the_owner_may_refuse_what_a_command_does(house: House, action: str) -> None:
    room, carol = stage_for(house, action)
    outgoing, before = refusing(house, V1), everything(house)
    (act,) = (listed.act for listed in ACTS if listed.name == action)
    event = event_of(V1, act.resource, act.verb)
    response = carol.result(action, **request_for(action, room.sid))
    assert asked_about(outgoing) == ([event] if event else [])
    assert (response["status"], response.get("code")) == ((403, 50056) if event else (200, None))
    assert (everything(house) == before) == bool(event)
