"""Counters of messages: a minute after a sender died between its two writes, they agree with the messages again."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from parley.errors import Refusal
from parley.faces.errors import translate
from parley.ids import message_sid
from parley.operations import channels, counting, joining, messages, services, user_channels
from parley.operations.context import Context
from parley.operations.paging import PageRequest
from parley.store import keys
from tests.ports.meddling import MeddlingClient, after, refusing, without_an_answer
from tests.support.lean import LeanClient
from tests.support.world import World

# An error that is not repeated, so that the operation ends there as if the function had died.
DEADLY = refusing("AccessDeniedException")


class Room:
    """A channel whose writers die as they are told."""

    def __init__(self, client: LeanClient, table_name: str):
        self.client = MeddlingClient(client)
        self.world = World(self.client, table_name)
        self.context = self.world.context()
        self.service = {"service_sid": services.create(self.context, {}, {"friendly_name": "counters"})["sid"]}
        self.sid = channels.create(self.context, self.service, {})["sid"]
        self.path = {**self.service, "channel_sid": self.sid}

    def send(self, context: Context | None = None, **more: Any) -> dict[str, Any]:
        return messages.create(context or self.context, self.path, {"body": "x"}, **more)

    def die_sending(self) -> None:
        """Take an index, and never write the message."""
        self.client.script("put_item", DEADLY)
        with pytest.raises(ClientError):
            self.send()

    def delete(self, index: int, context: Context | None = None) -> None:
        messages.delete(context or self.context, {**self.path, "sid": message_sid(self.sid, index)}, {})

    def fetch(self) -> dict[str, Any]:
        return channels.fetch(self.context, {**self.service, "sid": self.sid}, {})

    def shown(self) -> tuple[int, int | None]:
        """How many messages the channel says that it has, and its newest one."""
        channel = self.fetch()
        return channel["messages_count"], channel["last_message_index"]

    def stored(self) -> tuple[int, int | None]:
        """How many there are, and the newest one."""
        listed = messages.list_(self.context, self.path, {}, PageRequest(1000)).records
        return len(listed), listed[-1]["index"] if listed else None


@pytest.fixture
def room(lean: LeanClient, table_name: str) -> Room:
    return Room(lean, table_name)


def test_a_message_that_was_never_written_is_counted_for_a_minute_at_most(room: Room) -> None:
    """It was counted for good, and the link to the last message led nowhere until the next one came."""
    room.send()
    room.die_sending()
    assert room.shown() == (2, 1)
    room.world.clock.advance(61)
    assert room.shown() == (1, 0)
    room.send()
    assert room.shown() == (2, 2)


def test_the_unread_count_is_right_a_minute_after_a_failed_send(room: Room) -> None:
    joining.create(room.context, room.path, {"identity": "alice", "last_consumed_message_index": 0})
    room.send()
    room.die_sending()
    room.world.clock.advance(61)
    held = user_channels.fetch(room.context, {**room.path, "user_sid": "alice"}, {})
    assert held["unread_messages_count"] == 0


def test_a_channel_whose_only_message_was_never_written_is_empty(room: Room) -> None:
    room.die_sending()
    room.world.clock.advance(61)
    assert room.shown() == (0, None)


def test_holes_and_deletions_together_are_counted_right(room: Room) -> None:
    for _ in range(3):
        room.send()
        room.die_sending()
    room.delete(2)
    room.delete(4)
    room.world.clock.advance(61)
    assert room.shown() == room.stored() == (1, 0)
    room.delete(0)
    assert room.shown() == room.stored() == (0, None)


def test_a_message_that_is_written_while_a_later_one_is_removed_becomes_the_newest(room: Room) -> None:
    """The removal passed over the index of the message under way. Then the channel named an older message as its newest."""
    room.send()
    rival = room.world.another_container().context()

    def meanwhile() -> None:
        room.send(rival)
        room.delete(2, rival)

    room.client.script("put_item", after(meanwhile))
    assert room.send()["index"] == 1
    assert room.shown() == room.stored() == (2, 1)


def test_a_message_under_way_is_the_newest_after_older_ones_were_counted(room: Room) -> None:
    """The counters name a message that was never written. Another one is under way when they are corrected."""
    room.send()
    room.die_sending()
    room.send()
    room.delete(2)
    room.world.clock.advance(61)
    rival = room.world.another_container().context()

    def meanwhile() -> None:
        room.send(rival)
        room.delete(4, rival)
        counting.settle(rival, room.sid, room.world.table.fetch(keys.tail(room.sid)) or {})

    room.client.script("put_item", after(meanwhile))
    assert room.send()["index"] == 3
    assert room.shown() == room.stored() == (2, 3)


def test_a_check_in_a_busy_channel_corrects_which_message_is_the_newest(room: Room) -> None:
    room.send()
    room.die_sending()
    room.send()
    room.delete(2)
    room.world.clock.advance(61)
    room.send()
    room.delete(3)
    assert room.shown() == (2, 1)
    counting.settle(room.context, room.sid, room.world.table.fetch(keys.tail(room.sid)) or {})
    assert room.shown() == room.stored() == (1, 0)


def test_a_second_fetch_has_nothing_left_to_do(room: Room) -> None:
    room.send()
    room.world.clock.advance(61)
    room.fetch()
    room.client.calls.clear()
    room.fetch()
    assert dict(room.client.calls) == {"batch_get_item": 1}


def test_the_sender_of_every_fiftieth_message_counts_what_is_a_minute_old(room: Room) -> None:
    """In a channel that is never quiet, no fetch does so."""
    room.die_sending()
    room.send()
    room.world.clock.advance(61)
    for _ in range(counting.EVERY):
        room.send()
    assert room.shown() == room.stored()


def test_a_backlog_longer_than_a_step_is_settled_by_one_fetch(room: Room) -> None:
    for number in range(230):
        room.send()
        if number % 40 == 0:
            room.die_sending()
    room.world.clock.advance(61)
    assert room.shown() == room.stored()


def test_an_index_whose_answer_was_lost_is_taken_once(room: Room) -> None:
    """botocore repeated the addition: the channel counted a message that nobody had sent."""
    room.client.script("update_item", without_an_answer)
    assert room.send()["index"] == 0
    assert room.shown() == (1, 0)


def test_two_sends_with_an_expired_token_make_one_message(room: Room) -> None:
    """Both replaced the old token, without looking whether the other had."""
    first = room.send(token="token")
    room.world.clock.advance(601)
    rival = room.world.another_container().context()
    twice: list[dict[str, Any]] = []

    def meanwhile(call: Callable[[], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
        twice.append(room.send(rival, token="token"))
        return call()

    # The first update takes the index, the second one replaces the token.
    room.client.script("update_item", lambda call, _: call(), meanwhile)
    second = room.send(token="token")
    assert second["sid"] == twice[0]["sid"] != first["sid"]
    assert room.shown() == room.stored() == (2, second["index"])


def test_the_repetition_of_a_message_that_was_removed_is_answered_without_its_content(room: Room) -> None:
    """It was answered with 404, from which a client cannot tell that the message was sent."""
    first = room.send(token="token")
    room.delete(0)
    again = room.send(token="token")
    assert {name: again[name] for name in ("sid", "index", "author", "date_created", "date_updated")} == {
        name: first[name] for name in ("sid", "index", "author", "date_created", "date_updated")
    }
    assert "body" not in again
    assert room.shown() == (0, None)


ROUNDS, RIVALS = 150, 4


def test_after_any_race_of_sends_deaths_deletions_and_fetches_the_counters_say_what_is_there(room: Room) -> None:
    contexts = [room.world.another_container().context() for _ in range(RIVALS)]
    chance = random.Random(5)

    def act(context: Context, kind: float, index: int) -> None:
        if kind < 0.5:
            room.send(context)
        elif kind < 0.8:
            room.delete(index, context)
        else:
            channels.fetch(context, {**room.service, "sid": room.sid}, {})

    def attempt(context: Context, kind: float, index: int) -> None:
        try:
            act(context, kind, index)
        except Refusal as refusal:
            assert translate("chat", refusal).status in (404, 409), refusal
        except ClientError:
            # This one has died.
            return

    with ThreadPoolExecutor(RIVALS) as pool:
        newest = 0
        for number in range(ROUNDS):
            if chance.random() < 0.2:
                room.client.script("put_item", DEADLY)
            actions = [(context, chance.random(), max(newest - chance.randrange(6), 0)) for context in contexts]
            for done in [pool.submit(attempt, *action) for action in actions]:
                done.result()
            if chance.random() < 0.3:
                room.world.clock.advance(61)
                assert room.shown() == room.stored(), f"round {number}"
            tail = room.world.table.fetch(keys.tail(room.sid)) or {}
            newest = tail["last_index"]
