"""What `repr` shows of every public object: enough to know it in a log, and never all of a long text."""

from __future__ import annotations

from typing import Any

import pytest

import parley_client
from parley_client import File, LastMessage, PushNotification, RequestError
from tests.client_python.fakes import CHANNEL, Lab, added, member, message, soon, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shown(lab: Lab) -> dict[str, Any]:
    """One object of each class that has a record, and what belongs to a client."""
    listener, general = await lab.in_channel()
    lab.server.answers |= {
        "fetchMember": lambda frame: member("bob", 1),
        "listMessages": lambda frame: {"messages": [message(0, 2)], "next_anchor": None},
        "followUsers": lambda frame: {"users": [{"sid": "US2", "identity": "bob", "friendly_name": "Bob", "seq": 1}]},
    }
    await lab.server.socket.push(added(0, 11))
    event = await listener.heard("messageAdded")
    return {
        "Channel": general,
        "Client": listener.client,
        "Member": await soon(general.get_member_by_identity("bob")),
        "Message": event.message,
        "MessageAdded": event,
        "Paginator": await soon(general.get_messages()),
        "User": await soon(listener.client.get_user("bob")),
    }


async def test_objects_show_what_tells_them_from_others(shown: dict[str, Any]) -> None:
    sid = shown["Message"].sid
    message_shown = f"<Message index=0 author='bob' body='message 0' sid='{sid}'>"
    assert {name: repr(one) for name, one in shown.items()} == {
        "Channel": "<Channel unique_name='general' friendly_name='General' type='private' status='joined' "
        f"sid='{CHANNEL}'>",
        "Client": "<Client identity='alice' connection_state='connected'>",
        "Member": "<Member identity='bob' sid='MB-bob'>",
        "Message": message_shown,
        "MessageAdded": f"MessageAdded(message={message_shown})",
        "Paginator": f"<Paginator items=[{message_shown}] has_prev_page=False has_next_page=False>",
        "User": "<User identity='bob' friendly_name='Bob' online=None>",
    }


async def test_a_client_that_has_not_started_has_no_identity_to_show(lab: Lab) -> None:
    assert repr(lab.client()) == "<Client identity=None connection_state='disconnected'>"


def test_a_stream_shows_how_many_events_wait_to_be_read() -> None:
    stream = parley_client.EventStream()
    stream.put(parley_client.TokenExpired())
    assert repr(stream) == "<EventStream with 1 unread>"


async def test_a_long_text_is_cut(lab: Lab) -> None:
    listener, _ = await lab.in_channel()
    await lab.server.socket.push(added(0, 11, body="x" * 5000))
    await until(lambda: listener.named("messageAdded"))
    assert len(repr(listener.named("messageAdded"))) < 250


def test_files_and_errors_show_their_names_and_no_bytes() -> None:
    media = parley_client.Media(None, {"sid": "ME1", "filename": "a.csv", "content_type": "text/csv", "size": 3})  # type: ignore[arg-type]
    assert repr(media) == "<Media filename='a.csv' content_type='text/csv' size=3 sid='ME1'>"
    assert repr(File(b"secret", "a.csv")) == "<File name='a.csv' kind='text/csv'>"
    assert repr(File("holiday/film.mp4")) == "<File name='film.mp4' kind='video/mp4'>"
    assert repr(RequestError(404, 20404, "no", "fetchUser")) == "RequestError('fetchUser: no (status 404, code 20404)')"


def test_no_public_class_has_only_the_address_of_its_objects_to_show() -> None:
    classes = [one for name in parley_client.__all__ if isinstance(one := getattr(parley_client, name), type)]
    assert {LastMessage, PushNotification} < set(classes)
    assert [one for one in classes if one.__repr__ is object.__repr__] == []
