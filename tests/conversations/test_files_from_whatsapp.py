"""Files that people send on WhatsApp: they come into the bucket, and the message that brought them carries them."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import Any

import pytest

from parley.operations import senders
from parley.operations.inbound_files import MOST_BYTES
from parley.ports.objects import Objects
from parley.ports.texting import Fetched, Refused, Silent
from tests.conversations.aws import Topics, whatsapp_from
from tests.conversations.carrier import ScriptedCarrier
from tests.conversations.phones import PHONE, Thread, pair
from tests.support.files import UNATTACHED_SECONDS

NUMBER, PROVIDER = "whatsapp:+12065550133", "phone-number-id-" + "3" * 32
WHATSAPP = f"whatsapp:{PHONE}"
BYTES = b"\xff\xd8\xff a picture"
IMAGE = {
    "id": "785123",
    "mime_type": "image/jpeg",
    "sha256": base64.b64encode(hashlib.sha256(BYTES).digest()).decode(),
    "caption": "look",
}
pytestmark = pytest.mark.usefixtures("agreed")


@pytest.fixture
def topics(thread: Thread, carrier: ScriptedCarrier) -> Topics:
    """An account with a number on WhatsApp, and a person in a conversation, who has a picture."""
    made = Topics(carrier.function)
    senders.enable(made.world.context(), NUMBER, {"provider_id": PROVIDER})
    thread.add(pair(WHATSAPP, NUMBER))
    made.aws.bodies["785123"] = BYTES
    return made


def written(thread: Thread) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = thread.raw.get(f"{thread.path}/Messages")["messages"]
    return listed


def picture(**changes: Any) -> dict[str, Any]:
    return whatsapp_from(WHATSAPP, NUMBER, image={**IMAGE, **changes})


def test_a_message_with_a_picture_carries_the_file_and_its_caption(thread: Thread, topics: Topics) -> None:
    event = picture()
    assert topics.tell(event) == []
    assert topics.tell(event, event) == []
    (message,) = written(thread)
    (file,) = message["media"]
    assert (message["body"], file["content_type"], file["size"]) == ("look", "image/jpeg", len(BYTES))
    # What AWS has put there is gone, and the file was fetched once.
    assert [(key.partition("/")[2], topics.world.store.body(key)) for key in topics.world.store.keys()] == [  # noqa: SIM118
        (file["sid"], BYTES)
    ]
    assert [one.sender for one in topics.aws.sent] == [PROVIDER]
    service_sid = thread.raw.get(thread.path)["chat_service_sid"]
    shown = thread.raw.get(f"/media/v1/Services/{service_sid}/Media/{file['sid']}")
    assert (shown["author"], shown["message_sid"]) == (WHATSAPP, message["sid"])


def test_a_document_keeps_its_name_and_needs_no_caption(thread: Thread, topics: Topics) -> None:
    told = {"id": "785123", "mime_type": "application/pdf", "sha256": "x", "filename": "../offer.pdf"}
    assert topics.tell(whatsapp_from(WHATSAPP, NUMBER, document=told)) == []
    (message,) = written(thread)
    (file,) = message["media"]
    assert (message["body"], file["filename"], file["content_type"]) == (None, "offer.pdf", "application/pdf")


@pytest.mark.inferred
@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"x" * (MOST_BYTES + 1), "too large"), (None, "gone"), (b"", "gone")],
    ids=["large", "gone", "empty"],
)
@pytest.mark.parametrize("caption", ["look", None])
def test_a_message_whose_file_is_too_large_or_gone_says_so_in_its_attributes(
    thread: Thread, topics: Topics, body: bytes | None, reason: str, caption: str | None
) -> None:
    if body is None:
        topics.aws.bodies.clear()
    else:
        topics.aws.bodies["785123"] = body
    event = picture(caption=caption)
    assert topics.tell(event) == []
    assert topics.tell(event) == []
    (message,) = written(thread)
    assert (message["body"], message["media"]) == (caption or "", None)
    assert json.loads(message["attributes"]) == {"lost_media": {"reason": reason, "content_type": "image/jpeg"}}
    assert topics.world.store.keys() == []


@pytest.mark.parametrize(
    "error",
    [Silent("ReadTimeoutError"), Refused("ThrottledRequestException"), Refused("AccessDeniedException")],
    ids=repr,
)
def test_while_aws_cannot_hand_over_a_file_its_message_stays_queued(
    thread: Thread, topics: Topics, error: Exception
) -> None:
    topics.aws.meddle = lambda sent: error
    assert topics.tell(picture()) == [0]
    assert written(thread) == []
    topics.aws.meddle = lambda sent: None
    topics.world.clock.advance(UNATTACHED_SECONDS + 3600)
    assert topics.tell(picture(), receives=2) == []
    assert [len(one["media"]) for one in written(thread)] == [1]


def test_a_file_that_came_and_expired_before_its_message_was_added_comes_again(
    thread: Thread, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parley.operations import messages

    def dies(*_: Any) -> None:
        raise ConnectionError("the function ended here")

    with monkeypatch.context() as patched:
        patched.setattr(messages, "create", dies)
        assert topics.tell(picture()) == [0]
    topics.world.clock.advance(UNATTACHED_SECONDS + 1)
    assert topics.tell(picture(), receives=2) == []
    assert [len(one["media"]) for one in written(thread)] == [1]


def test_a_file_is_not_lost_if_its_event_comes_twice_at_once(
    thread: Thread, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, delete = topics.aws.fetch_media, Objects.delete
    is_put, is_deleted = threading.Event(), threading.Event()

    def held_up(*given: str) -> Fetched:
        monkeypatch.setattr(topics.aws, "fetch_media", fetch)
        answer = fetch(*given)
        is_put.set()
        assert is_deleted.wait(10)
        return answer

    def deleting(objects: Objects, key: str) -> None:
        monkeypatch.setattr(Objects, "delete", delete)
        objects.delete(key)
        is_deleted.set()
        slow.join(10)

    monkeypatch.setattr(topics.aws, "fetch_media", held_up)
    monkeypatch.setattr(Objects, "delete", deleting)
    left: list[list[int]] = []
    slow = threading.Thread(target=lambda: left.append(topics.tell(picture())))
    slow.start()
    assert is_put.wait(10)
    left.append(topics.tell(picture()))
    slow.join(10)
    assert left == [[], []]
    assert [(one["body"], len(one["media"] or ())) for one in written(thread)] == [("look", 1)]


@pytest.mark.parametrize("changes", [{"id": None}, {"id": "../x"}, {"id": ""}])
def test_a_file_without_a_usable_id_is_logged_and_dropped(
    thread: Thread, topics: Topics, changes: dict[str, Any]
) -> None:
    assert topics.tell(picture(**changes)) == []
    assert written(thread) == []
