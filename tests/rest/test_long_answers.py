"""Answers that Lambda would refuse: a page that is too long is cut, and its links lead to all the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.operations.table import OPERATIONS
from parley.rest.app import create_app, lambda_handler
from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World

LAMBDAS_LIMIT = 6 * 1024 * 1024
QUOTES = '"' * 32_768
LETTERS = "ż" * 16_384


class Measured:
    """The function, which refuses what Lambda would refuse, and the lengths of its answers."""

    def __init__(self, world: World):
        self._handler = lambda_handler(create_app(lambda caller: world.context(caller)))
        self.lengths: list[int] = []

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        answer = self._handler(event, context)
        self.lengths.append(len(json.dumps(answer)))
        assert self.lengths[-1] <= LAMBDAS_LIMIT
        return answer


class Place:
    """A channel with messages in it, seen through the measured function."""

    def __init__(self, world: World):
        self.world = world
        self.measured = Measured(world)
        self.raw = Raw(LambdaDoor(world, self.measured))
        self.service = self.raw.post("/chat/v2/Services", FriendlyName="long")["sid"]
        self.sid = self.raw.post(f"/chat/v2/Services/{self.service}/Channels")["sid"]

    def fill(self, count: int, **parameters: Any) -> list[str]:
        where = {"service_sid": self.service, "channel_sid": self.sid}
        create = OPERATIONS["message", "create"]
        return [create(self.world.context(), where, parameters)["sid"] for _ in range(count)]

    def walk(self, url: str, link: str) -> tuple[list[list[str]], str]:
        """The pages from one on, and the address of the last."""
        pages = []
        while True:
            page = self.raw.get(url)
            pages.append([message["sid"] for message in page["messages"]])
            following = page["meta"][link]
            if following is None:
                return pages, url
            url = following


@pytest.fixture
def place(world: World) -> Place:
    return Place(world)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("version", "parameters"),
    [("v2", {"body": QUOTES}), ("v1", {"body": LETTERS, "attributes": '"' + "ż" * 2040 + '"'})],
)
def test_pages_that_are_too_long_for_lambda_are_cut_and_every_message_is_found_once_in_both_directions(
    place: Place, version: str, parameters: dict[str, Any], order: str
):
    sent = place.fill(100 if version == "v2" else 120, **parameters)
    ordered = sent if order == "asc" else sent[::-1]
    path = f"/chat/{version}/Services/{place.service}/Channels/{place.sid}/Messages?Order={order}&PageSize=1000"
    forward, last = place.walk(path, "next_page_url")
    assert [sid for page in forward for sid in page] == ordered
    assert len(forward) > 1
    assert max(place.measured.lengths) > LAMBDAS_LIMIT // 2
    back, _ = place.walk(last, "previous_page_url")
    assert [sid for page in back[::-1] for sid in page] == ordered
    # Going on again from a page that was gone back to leads on without a gap.
    again = place.raw.get(place.raw.get(last)["meta"]["previous_page_url"])
    rest, _ = place.walk(again["meta"]["url"], "next_page_url")
    assert [sid for page in rest for sid in page] == ordered[-sum(map(len, rest)) :]


def test_no_more_is_read_for_a_page_than_an_answer_can_carry(place: Place, lean: LeanClient):
    """For each page all thousand messages that it asks for were read, although most of them did not fit."""
    sent = place.fill(400, body=QUOTES)
    path = f"/chat/v1/Services/{place.service}/Channels/{place.sid}/Messages?PageSize=1000"
    with lean.metered() as meter:
        page = place.raw.get(path)
    assert meter.read_units < 2_500 < 400 * 33_000 / 4096
    assert page["meta"]["next_page_url"] is not None
    forward, _ = place.walk(path, "next_page_url")
    assert [sid for page in forward for sid in page] == sent


def test_a_walk_back_over_deleted_messages_shows_each_message_once(place: Place):
    sent = place.fill(9, body="x")
    for number in (1, 4, 5):
        place.raw("DELETE", f"/chat/v2/Services/{place.service}/Channels/{place.sid}/Messages/{sent[number]}")
    kept = [sid for number, sid in enumerate(sent) if number not in (1, 4, 5)]
    path = f"/chat/v2/Services/{place.service}/Channels/{place.sid}/Messages?PageSize=2"
    _, last = place.walk(path, "next_page_url")
    back, _ = place.walk(last, "previous_page_url")
    assert [sid for page in back[::-1] for sid in page] == kept


def test_a_link_back_must_name_an_index(place: Place):
    path = f"/chat/v2/Services/{place.service}/Channels/{place.sid}/Messages?PageToken=1&Before="
    for text in ("x", "-1", "9" * 30):
        assert place.raw("GET", path + text).refusal()[:2] == (400, 19038)
