"""Sending once: a frame id of sixteen characters or more is a promise, whatever fails between the writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from parley.store import keys
from tests.ports.meddling import (
    Call,
    Meddle,
    MeddlingClient,
    after,
    client_error,
    losing_the_answer,
    refusing,
    without_an_answer,
)
from tests.sockets.deployment import Device, House, Room
from tests.support.files import upload

LONG_ID = "0123456789abcdef"
TEN_MINUTES = 600
# What no repetition helps against, so that the function gives up as if it had died.
BROKEN = "AccessDeniedException"


@pytest.fixture
def house(meddled: House) -> House:
    return meddled


@pytest.fixture
def other(house: House, room: Room) -> Device:
    """Another device of alice, who hears everything."""
    other = house.device("alice")
    other.heard()
    return other


def send(device: Device, channel: str = "general", **members: Any) -> Any:
    return device.ask("sendMessage", channel=channel, **{"id": LONG_ID, "body": "once", **members})


def bodies(room: Room) -> list[str]:
    """What is in the channel after the two messages that it had, checked against its counters."""
    messages = room.house.rest.get(f"{room.path}/Messages")["messages"]
    channel = room.fetch()
    assert channel["messages_count"] == len(messages)
    newest = messages[-1]["sid"] if messages else ""
    assert (channel["links"]["last_message"] or "").endswith(newest)
    return [message["body"] for message in messages[2:]]


def added(device: Device) -> list[str]:
    """The messages that a device heard of."""
    return [push["message"]["sid"] for push in device.heard() if push["event"] == "messageAdded"]


def test_a_repeat_is_answered_with_the_first_result_on_any_connection(room: Room, alice: Device, other: Device) -> None:
    first = send(alice)
    assert first["status"] == 201
    assert send(alice, body="twice") == first
    assert send(other, body="thrice") == first
    assert bodies(room) == ["once"]
    assert added(other) == [first["result"]["sid"]]


def test_a_repeat_after_a_reconnect_is_answered_with_the_first_result(house: House, room: Room, alice: Device) -> None:
    first = send(alice)
    alice.close()
    house.deployment.world.clock.advance(TEN_MINUTES - 1)
    assert send(house.device("alice")) == first
    assert bodies(room) == ["once"]


def test_ten_minutes_later_the_id_sends_another_message_with_which_repeats_are_answered(
    house: House, room: Room, alice: Device, other: Device
) -> None:
    first = send(alice)
    house.deployment.world.clock.advance(TEN_MINUTES)
    second = send(alice, body="twice")
    assert (second["status"], second["result"]["index"]) == (201, first["result"]["index"] + 1)
    assert send(other, body="thrice") == second
    assert bodies(room) == ["once", "twice"]
    assert added(other) == [first["result"]["sid"], second["result"]["sid"]]


def test_a_repeat_reads_and_writes_nothing_new(meddling: MeddlingClient, alice: Device, room: Room) -> None:
    send(alice)
    meddling.calls.clear()
    send(alice)
    assert not {"update_item", "put_item", "transact_write_items"} & set(meddling.calls)


def test_the_id_is_its_senders_own_and_the_channels_own(house: House, room: Room, alice: Device) -> None:
    elsewhere = house.channel("alice")
    sent = [
        send(alice, body="from alice"),
        send(house.device("bob"), body="from bob"),
        send(alice, elsewhere.sid, body="elsewhere"),
    ]
    assert [reply["result"]["body"] for reply in sent] == ["from alice", "from bob", "elsewhere"]


def test_the_channel_may_be_named_differently_in_a_repeat(room: Room, alice: Device) -> None:
    assert send(alice, "general") == send(alice, room.sid)
    assert bodies(room) == ["once"]


def test_fifteen_characters_are_no_promise(room: Room, alice: Device) -> None:
    sent = [alice.done("sendMessage", id=LONG_ID[:15], channel="general", body="x") for _ in range(2)]
    assert [message["index"] for message in sent] == [2, 3]


def test_an_id_counts_again_when_its_first_use_was_refused(room: Room, alice: Device) -> None:
    assert send(alice, body=None, attributes="{")["error"]["code"] == 50304
    assert alice.refusal("sendMessage", id=LONG_ID, channel="general") == (400, 50503)
    assert send(alice)["result"]["index"] == 2


def test_a_repeat_of_a_message_that_was_deleted_since_does_not_bring_it_back(room: Room, alice: Device) -> None:
    """It was answered with 404, from which a client cannot tell that the message was sent."""
    first = send(alice)
    alice.done("deleteMessage", channel="general", message=2)
    again = send(alice)
    assert again["status"] == 201
    same = ("sid", "index", "from", "date_created", "date_updated", "channel_sid")
    assert {name: again["result"][name] for name in same} == {name: first["result"][name] for name in same}
    assert again["result"]["body"] is None
    assert bodies(room) == []


def test_a_repeat_of_a_message_whose_tombstone_is_erased_does_not_bring_it_back(
    house: House, room: Room, alice: Device
) -> None:
    first = send(alice)
    alice.done("deleteMessage", channel="general", message=2)
    house.deployment.world.clock.advance(TEN_MINUTES / 2)
    house.deployment.world.table.take(keys.message(room.sid, 2))
    again = send(alice)
    assert (again["status"], again["result"]["sid"], again["result"]["body"]) == (201, first["result"]["sid"], None)
    assert bodies(room) == []


def test_a_repeat_shows_the_message_as_it_is_by_now(room: Room, alice: Device) -> None:
    send(alice)
    edited = alice.done("updateMessage", channel="general", message=2, body="edited")
    assert send(alice)["result"] == edited


def test_a_member_removed_in_the_meantime_is_not_answered(room: Room, alice: Device) -> None:
    send(alice)
    room.delete("/Members/alice")
    assert send(alice)["error"]["code"] == 50400


# Whatever fails: each request to the table in turn, in each way in which a send can go.


def losing_any_answer(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Carry the request out, then fail, also where the answer would have been that a condition does not hold."""
    with suppress(ClientError):
        call()
    raise client_error(BROKEN)


def carried_out(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Let a request pass."""
    return call()


FAILURES: dict[str, Meddle] = {"refused": refusing(BROKEN), "answer lost": losing_any_answer}
# After this, what a container remembered of the service is read again.
FORGOTTEN_SECONDS = 11
Begin = Callable[[], object]


class Trial:
    """Sends under new ids, of which one has the id for its body: what is asked of the table from `begin` on may fail."""

    def __init__(self, meddling: MeddlingClient, house: House):
        self.meddling, self.house, self.clock = meddling, house, house.deployment.world.clock

    def connect(self) -> None:
        """Open new connections, which live for two hours, and wait until all that was remembered is read again."""
        a_day = {"valid_until": self.clock.now_ms() // 1000 + 86_400}
        self.sender, self.other = (self.house.device("alice", **a_day) for _ in range(2))
        self.clock.advance(FORGOTTEN_SECONDS)

    def first(self, id_: str, begin: Begin) -> Any:
        begin()
        return send(self.sender, id=id_, body=id_)

    def repeated(self, id_: str, begin: Begin) -> Any:
        send(self.other, id=id_, body=id_)
        begin()
        return send(self.sender, id=id_, body=id_)

    def after_ten_minutes(self, id_: str, begin: Begin) -> Any:
        send(self.other, id=id_, body="long ago")
        self.clock.advance(TEN_MINUTES)
        begin()
        return send(self.sender, id=id_, body=id_)

    def overtaken(self, id_: str, begin: Begin) -> Any:
        """Another call with the id does all its work before this one writes the token."""
        overtaking = after(lambda: (send(self.other, id=id_, body=id_), begin()))
        self.meddling.script("put_item", overtaking)
        return send(self.sender, id=id_, body=id_)

    def too_slow(self, id_: str, begin: Begin) -> Any:
        """Another call with the id does all its work between this one's token and its message."""
        overtaking = after(lambda: (send(self.other, id=id_, body=id_), begin()))
        self.meddling.script("put_item", carried_out, overtaking)
        return send(self.sender, id=id_, body=id_)

    def after_a_death(self, id_: str, begin: Begin) -> Any:
        """Another call with the id has died between its token and its message."""
        self.meddling.script("put_item", carried_out, refusing(BROKEN))
        send(self.other, id=id_, body="never written")
        begin()
        return send(self.sender, id=id_, body=id_)

    def after_an_old_death(self, id_: str, begin: Begin) -> Any:
        return self.after_a_death(id_, lambda: (self.clock.advance(TEN_MINUTES - 1), begin()))

    def beside_a_repeat_after_a_death(self, id_: str, begin: Begin) -> Any:
        """Of two repetitions after a death, the other one is done before this one writes."""
        self.meddling.script("put_item", carried_out, refusing(BROKEN))
        send(self.other, id=id_, body="never written")
        overtaking = after(lambda: (send(self.other, id=id_, body=id_), begin()))
        self.meddling.script("transact_write_items", overtaking)
        return send(self.sender, id=id_, body=id_)

    def requests(self, way: str) -> list[tuple[str, int]]:
        """What such a send asks of the table: operations, each with how many of its kind came before."""
        self.connect()
        reply = getattr(self, way)("0" * 16, self.meddling.calls.clear)
        assert reply["status"] == 201
        return [(operation, before) for operation, count in self.meddling.calls.items() for before in range(count)]

    def failing(self, way: str, id_: str, operation: str, before: int, failure: Meddle) -> Any:
        """The answer to such a send when this request fails."""
        self.connect()
        reply = getattr(self, way)(id_, lambda: self.meddling.script(operation, *[carried_out] * before, failure))
        assert not self.meddling.scripted(operation)
        return reply


WAYS = (
    *("first", "repeated", "after_ten_minutes", "overtaken", "too_slow"),
    *("after_a_death", "after_an_old_death", "beside_a_repeat_after_a_death"),
)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("way", WAYS)
def test_whatever_fails_is_not_answered_and_the_repeat_sends_what_was_not_sent_yet_and_nothing_twice(
    meddling: MeddlingClient, house: House, room: Room, way: str, failure: str
) -> None:
    trial = Trial(meddling, house)
    for number, (operation, before) in enumerate(trial.requests(way), 1):
        id_ = f"{number:016}"
        assert trial.failing(way, id_, operation, before, FAILURES[failure])["status"] == 500, operation
        again = send(trial.sender, id=id_, body=id_)
        assert again["status"] == 201, operation
        assert send(trial.other, id=id_, body=id_) == again
        messages = house.rest.get(f"{room.path}/Messages", PageSize=100)["messages"]
        sent = [message["sid"] for message in messages if message["body"] == id_]
        told = [push["message"] for push in trial.other.heard() if push["event"] == "messageAdded"]
        heard = [message["sid"] for message in told if message["body"] == id_]
        assert sent == heard == [again["result"]["sid"]], operation


def test_a_lost_answer_to_the_index_costs_an_index_and_no_message(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    meddling.script("update_item", losing_the_answer(BROKEN))
    assert send(alice)["status"] == 500
    assert send(alice)["result"]["index"] == 3
    assert added(other) == [send(other)["result"]["sid"]]


@pytest.mark.parametrize("put", ["token", "message"])
@pytest.mark.parametrize(
    "code", ["ThrottlingException", "TransactionConflictException", "ProvisionedThroughputExceededException"]
)
def test_a_write_that_can_be_tried_again_is_and_the_client_notices_nothing(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device, code: str, put: str
) -> None:
    before = [carried_out] if put == "message" else []
    meddling.script("put_item", *before, losing_the_answer(code), refusing(code))
    first = send(alice)
    assert first["status"] == 201
    assert send(other) == first
    assert bodies(room) == ["once"]
    assert added(other) == [first["result"]["sid"]]


def test_if_two_requests_with_one_token_come_at_once_the_later_one_is_answered_with_the_others_message(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    overtaking: list[Any] = []

    meddling.script("put_item", after(lambda: overtaking.append(send(other, body="the other's"))))
    reply = send(alice, body="mine")
    assert reply == overtaking[0]
    assert reply["result"]["body"] == "the other's"
    assert bodies(room) == ["the other's"]
    assert added(other) == [reply["result"]["sid"]]


def test_a_repeat_waits_for_a_message_that_is_being_written(
    meddling: MeddlingClient, house: House, room: Room, alice: Device, other: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeat_waits, written = Event(), Event()
    clock = house.deployment.world.clock

    def sleep(seconds: float) -> None:
        repeat_waits.set()
        assert written.wait(60)
        clock.advance(seconds)

    def slow(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        repeating.append(pool.submit(send, other, body="the repeat's"))
        assert repeat_waits.wait(60)
        answer = call()
        written.set()
        return answer

    monkeypatch.setattr(clock, "sleep", sleep)
    meddling.script("put_item", carried_out, slow)
    repeating: list[Future[Any]] = []
    with another_container() as pool:
        reply = send(alice, body="the first")
        assert repeating[0].result() == reply
    assert bodies(room) == ["the first"]
    assert alice.done("sendMessage", channel="general", body="the next")["index"] == 3


def test_a_send_that_was_too_slow_is_answered_with_the_repeats_message(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    repeats: list[Any] = []
    meddling.script("put_item", carried_out, after(lambda: repeats.append(send(other, body="the repeat's"))))
    reply = send(alice, body="the slow one")
    assert reply == repeats[0]
    assert (reply["result"]["body"], reply["result"]["index"]) == ("the repeat's", 3)
    # Its index was given up, and counts as no message.
    assert bodies(room) == ["the repeat's"]
    assert added(other) == [reply["result"]["sid"]]


def test_a_send_that_was_too_slow_does_not_bring_back_what_its_repeat_sent_and_somebody_deleted(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    def repeat_and_delete() -> None:
        sent = send(other)["result"]
        other.done("deleteMessage", channel="general", message=sent["sid"])

    meddling.script("put_item", carried_out, after(repeat_and_delete))
    reply = send(alice)
    assert (reply["status"], reply["result"]["index"], reply["result"]["body"]) == (201, 3, None)
    assert bodies(room) == []


def test_a_repeat_that_read_the_token_before_another_repeat_moved_it_is_answered_with_the_others_message(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    meddling.script("put_item", carried_out, refusing(BROKEN))
    send(alice)
    repeats: list[Any] = []
    # The first request reads the token, the second one looks for its message.
    meddling.script("batch_get_item", carried_out, after(lambda: repeats.append(send(other))))
    assert send(alice) == repeats[0]
    assert repeats[0]["result"]["index"] == 3


def test_a_message_that_was_written_late_and_deleted_at_once_is_not_sent_again_by_its_repeat(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    """The repeat has seen that there is no message, and comes to write its own."""
    answers: list[dict[str, Any]] = []

    def late(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        def write_and_delete() -> None:
            answers.append(call())
            other.done("deleteMessage", channel="general", message=2)

        meddling.script("transact_write_items", after(write_and_delete))
        repeats.append(in_another_container(lambda: send(other)))
        return answers[0]

    repeats: list[Any] = []
    meddling.script("put_item", carried_out, late)
    reply = send(alice)
    assert (reply["result"]["index"], repeats[0]["result"]["index"]) == (2, 2)
    assert bodies(room) == []


def another_container(threads: int = 1) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop()))


def in_another_container(act: Callable[[], Any]) -> Any:
    with another_container() as pool:
        return pool.submit(act).result()


def test_the_lost_answer_to_the_renewal_of_an_expired_token_costs_no_index(
    meddling: MeddlingClient, house: House, room: Room, alice: Device
) -> None:
    send(alice, body="long ago")
    house.deployment.world.clock.advance(TEN_MINUTES)
    # The first update takes the index, the second one renews the token.
    meddling.script("update_item", carried_out, without_an_answer)
    assert send(alice)["result"]["index"] == 3
    assert bodies(room) == ["long ago", "once"]


def test_a_message_whose_token_was_written_and_that_was_refused_itself_can_be_repeated(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    meddling.script("put_item", carried_out, *[refusing("TransactionConflictException")] * 50)
    assert send(alice)["status"] == 409
    meddling.unscript()
    assert send(alice)["result"]["index"] == 3
    assert added(other) == [send(other)["result"]["sid"]]


def test_a_token_that_was_written_with_its_message_needs_no_log_to_know_that_it_was_sent(
    house: House, room: Room, alice: Device
) -> None:
    """A phone may repeat its message after fourteen days, and the log is kept for seven."""
    table = house.deployment.world.table
    file = upload(house.deployment.world, house.sid, "alice")
    first = alice.ask("sendMessage", channel="general", id=LONG_ID, media_sids=[file])
    alice.done("deleteMessage", channel="general", message=2)
    table.erase_many([keys.message(room.sid, 2), *(keys.change(room.sid, seq) for seq in range(20))])
    assert send(alice)["result"]["sid"] == first["result"]["sid"]
    assert bodies(room) == []


def test_a_repeat_after_a_death_may_carry_a_file(
    meddling: MeddlingClient, house: House, room: Room, alice: Device
) -> None:
    meddling.script("put_item", carried_out, refusing(BROKEN))
    assert send(alice)["status"] == 500
    file = upload(house.deployment.world, house.sid, "alice")
    reply = alice.ask("sendMessage", channel="general", id=LONG_ID, media_sids=[file])
    assert reply["result"]["index"] == 3
    assert send(alice) == reply


def test_clients_hear_that_the_number_of_a_message_that_was_given_up_is_unused(
    meddling: MeddlingClient, room: Room, alice: Device, other: Device
) -> None:
    before = alice.done("fetchChannel", channel="general")["seq"]
    meddling.script("put_item", carried_out, refusing(BROKEN))
    send(alice)
    send(alice)
    assert {push["seq"] for push in other.heard()} == {before + 1, before + 2}


def test_many_at_once_send_one_message(house: House, room: Room, alice: Device) -> None:
    devices = [alice, *(house.device("alice") for _ in range(3))]
    together = Barrier(len(devices))

    def at_once(device: Device) -> Any:
        together.wait(120)
        return send(device, body=device.connection_id)

    with another_container(len(devices)) as pool:
        replies = list(pool.map(at_once, devices))
    assert {reply["status"] for reply in replies} == {201}, json.dumps(replies)
    assert len({reply["result"]["sid"] for reply in replies}) == 1
    assert bodies(room) == [replies[0]["result"]["body"]]
