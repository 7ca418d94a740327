"""Lists of conversations: by state and by date, newest first; without a filter, recently active first."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from parley.operations import channel_lists
from tests.rest.support import at_once
from tests.support.world import World

DAYS = ("2019-03-01", "2020-01-31", "2020-02-01", "2026-12-24")


@pytest.fixture
def by_day(scope: Any, world: World) -> dict[str, str]:
    """The days by the SIDs of conversations, each back-dated to noon and not made in the order of the days."""
    order = (DAYS[2], DAYS[0], DAYS[3], DAYS[1])
    return {scope.conversations.create(date_created=f"{day}T12:00:00Z").sid: day for day in order}


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ({"start_date": "2019-03-01"}, DAYS),
        ({"start_date": "2020-01-31T12:00:00Z"}, DAYS[1:]),
        ({"start_date": "2020-01-31T12:00:01Z"}, DAYS[2:]),
        ({"end_date": "2020-01-31"}, DAYS[:2]),
        ({"end_date": "2020-01-31T12:00:00Z"}, DAYS[:2]),
        ({"end_date": "2020-01-31T11:59:59Z"}, DAYS[:1]),
        ({"start_date": "2020-01-31", "end_date": "2020-02-01"}, DAYS[1:3]),
        ({"start_date": "2020-01-31", "end_date": "2020-02-01", "state": "active"}, DAYS[1:3]),
        ({"start_date": "2020-01-31", "end_date": "2020-02-01", "state": "closed"}, ()),
        ({"state": "active"}, DAYS),
    ],
)
def test_conversations_of_some_dates_come_newest_first(
    scope: Any, by_day: dict[str, str], filters: dict[str, str], days: tuple[str, ...]
):
    for size in (1, 50):
        found = [by_day[one.sid] for one in scope.conversations.list(**filters, page_size=size)]
        assert found == list(reversed(days))


def test_pages_lead_back_to_where_they_came_from(scope: Any, by_day: dict[str, str]):
    pages = [scope.conversations.page(state="active", page_size=3)]
    pages.append(pages[0].next_page())
    back = pages[1].previous_page()
    assert [one.sid for one in back] == [one.sid for one in scope.conversations.page(state="active", page_size=3)]


def test_dates_in_the_wrong_order_are_refused(scope: Any):
    with pytest.raises(TwilioException, match=r"HTTP 400 .*50396"):
        scope.conversations.list(start_date="2020-01-02", end_date="2020-01-01")


def test_another_date_of_creation_moves_a_conversation_in_the_list(scope: Any, by_day: dict[str, str]):
    newest = max(by_day, key=lambda sid: by_day[sid])
    scope.conversations(newest).update(date_created="2018-01-01T00:00:00Z")
    assert [one.sid for one in scope.conversations.list(end_date="2018-12-31")] == [newest]
    assert len(scope.conversations.list(state="active")) == len(DAYS)


def test_a_conversation_that_gets_another_date_while_a_page_is_read_is_listed_once(
    scope: Any, by_day: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    newest, read = max(by_day, key=lambda sid: by_day[sid]), channel_lists._channels

    def after_a_rival(*args: Any) -> Any:
        monkeypatch.undo()
        at_once(1, lambda _: scope.conversations(newest).update(date_created="2018-01-01T00:00:00Z"))
        return read(*args)

    monkeypatch.setattr(channel_lists, "_channels", after_a_rival)
    listed = [one.sid for one in scope.conversations.list(state="active", page_size=1)]
    assert len(listed) == len(DAYS) and listed[-1] == newest


@pytest.mark.parametrize("state", ["active", "inactive", "closed"])
def test_a_conversation_is_listed_under_its_state_only(scope: Any, state: str):
    made = {name: scope.conversations.create() for name in ("active", "inactive", "closed")}
    for name, one in made.items():
        one.update(state=name)
    assert [one.sid for one in scope.conversations.list(state=state)] == [made[state].sid]
    scope.conversations(made[state].sid).delete()
    assert scope.conversations.list(state=state) == []


def test_an_unknown_state_is_no_filter(scope: Any):
    with pytest.raises(TwilioException, match=r"HTTP 400 .*50378"):
        scope.conversations.list(state="asleep")


def test_chat_lists_private_channels_of_every_state(twilio: Client, service_sid: str):
    api = twilio.conversations.v1.services(service_sid)
    made = [api.conversations.create(state=state).sid for state in ("inactive", "active", "inactive")]
    api.conversations(made[2]).update(state="closed")
    assert [
        one.sid for one in twilio.chat.v2.services(service_sid).channels.list(type=["private"], page_size=2)
    ] == made


@pytest.mark.inferred
def test_without_a_filter_the_recently_active_come_first(scope: Any, world: World):
    first, second, third = (scope.conversations.create().sid for _ in range(3))
    scope.conversations(first).messages.create(body="hello")
    # Only messages count: other changes leave a conversation where it is.
    scope.conversations(second).update(friendly_name="other")
    scope.conversations(second).participants.create(identity="alice")
    assert [one.sid for one in scope.conversations.list()] == [first, third, second]


@pytest.mark.inferred
def test_pages_of_recently_active_conversations_end_and_show_each_once(scope: Any, world: World):
    made = []
    for _ in range(3):
        made += [scope.conversations.create().sid for _ in range(3)]
        world.clock.advance(3600)
    pages = [scope.conversations.page(page_size=2)]
    while pages[-1].next_page_url:
        pages.append(pages[-1].next_page())
    sids = [[one.sid for one in page] for page in pages]
    assert len(sids) <= 5 and sorted(sid for page in sids for sid in page) == sorted(made)
    assert [one.sid for one in pages[-1].previous_page()] == sids[-2]
