"""Threads of phones: who goes with whom, the set of addresses that finds a group, and who stands behind its number."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from parley.ids import group_digest, phone_member_sid
from parley.operations import aliases
from parley.operations.bound import release
from parley.operations.context import Caller
from parley.operations.departures import remove_leftover
from parley.operations.sweeps import sweep
from parley.store import keys
from tests.conversations.phones import (
    AMERICANS,
    API,
    OTHER_PROXY,
    PHONE,
    PROXY,
    Form,
    Thread,
    at_once,
    bound,
    opened,
    pair,
    rivalled,
    unchanged,
)
from tests.sockets.conftest import deployment, house  # noqa: F401  (fixtures)
from tests.sockets.deployment import House
from tests.support.doors import Answer, Raw
from tests.support.lean import LeanClient
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("agreed")

ANNA, BEN, CLEO, *_ = AMERICANS
AGENT = bound(projected=PROXY, Identity="agent")
ALICE = {"Identity": "alice"}


def grouped(thread: Thread, *phones: str, by: Form = AGENT) -> Thread:
    for phone in phones:
        thread.add(bound(phone))
    thread.add(by)
    return thread


def swept(world: World, thread: Thread) -> None:
    """What the sweep after a closing does."""
    sweep(world.context(Caller()), {"kind": "closed", "sid": thread.sid}, lambda: False)


# Who is there, who comes, and with what that is refused (https://www.twilio.com/docs/api/errors/50434).
TOGETHER: dict[str, tuple[list[Form], Form, tuple[int, int]]] = {
    "chat user in a group": ([bound(ANNA)], ALICE, (400, 50434)),
    "pair in a group": ([bound(ANNA)], pair(), (400, 50435)),
    "phone of a group beside a chat user": ([ALICE], bound(ANNA), (400, 50435)),
    "phone of a group beside a pair": ([pair()], bound(ANNA), (400, 50435)),
    "app user beside a chat user": ([ALICE], AGENT, (400, 50435)),
    "number beside a pair": ([pair()], bound(projected=PROXY), (400, 50435)),
    "the same phone": ([bound(ANNA)], bound(ANNA), (409, 50437)),
    "the same user and number": ([AGENT], AGENT, (409, 50437)),
    "the same user with another number": (
        [AGENT],
        bound(projected=OTHER_PROXY, Identity="agent"),
        (409, 50433),
    ),
    "the same number of nobody": ([bound(projected=PROXY)], bound(projected=PROXY), (409, 50437)),
    "an eleventh": ([bound(phone) for phone in AMERICANS[:10]], bound(AMERICANS[10]), (403, 50436)),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_participant_who_does_not_fit_the_others_is_refused_and_nothing_is_written(thread: Thread, name: str):
    there, form, expected = TOGETHER[name]
    for one in there:
        thread.add(one)
    assert thread.refusal(form) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(ALICE, bound(ANNA), (400, 50435)), (bound(ANNA), ALICE, (400, 50434))]
)
def test_a_chat_user_and_a_phone_of_a_group_do_not_come_at_once(
    thread: Thread, first: Form, second: Form, expected: tuple[int, int]
):
    with rivalled(lambda: thread.add(first)):
        answer = thread.raw("POST", f"{thread.path}/Participants", second)
    assert answer.refusal()[:2] == expected
    assert len(thread.participants()) == 1


def test_a_participant_before_whom_others_come_every_time_is_refused(thread: Thread):
    others = [lambda phone=phone: thread.add(bound(phone)) for phone in AMERICANS[1:6]]
    with rivalled(*others):
        answer = thread.raw("POST", f"{thread.path}/Participants", bound(ANNA))
    assert answer.refusal()[:2] == (409, 50419)
    assert len(thread.participants()) == 5


def test_an_app_user_of_a_group_is_a_user_like_others(thread: Thread):
    grouped(thread, ANNA, BEN)
    (user,) = thread.raw.get("/conversations/v1/Users")["users"]
    assert user["identity"] == "agent"
    assert thread.refusal(bound(projected=OTHER_PROXY, Identity="agent")) == (409, 50433)


def test_two_open_groups_do_not_have_the_same_set_of_addresses(thread: Thread):
    grouped(thread, ANNA, BEN)
    another = thread.another()
    another.add(bound(BEN))
    another.add(bound(ANNA))
    assert another.refusal(bound(projected=PROXY)) == (409, 50438)
    assert another.add(bound(projected=OTHER_PROXY))["sid"]


def test_a_set_is_free_at_once_when_the_service_of_its_group_is_deleted(thread: Thread):
    service = f"{API}/Services/{thread.raw.post(f'{API}/Services', FriendlyName='other')['sid']}"
    grouped(opened(thread.raw, thread.lean, service), ANNA, BEN)
    assert thread.raw("DELETE", service).status == 204
    assert len(grouped(thread, ANNA, BEN).participants()) == 3


def test_a_group_that_grows_or_shrinks_changes_its_set(thread: Thread):
    grouped(thread, ANNA, BEN)
    thread.add(bound(CLEO))
    smaller = grouped(thread.another(), ANNA, BEN)
    assert smaller.refusal(bound(CLEO)) == (409, 50438)
    thread.remove(quote(CLEO))
    assert smaller.add(bound(CLEO))["sid"]


@pytest.mark.inferred
def test_nobody_is_kept_in_a_group_because_the_rest_is_another_group(thread: Thread):
    grouped(thread, ANNA, BEN)
    larger = thread.another()
    larger.add(bound(CLEO))
    grouped(larger, ANNA, BEN)
    larger.remove(quote(CLEO))
    # The set leads to the first group. When that is gone, the next change takes the set that is free.
    assert thread.raw("DELETE", thread.path).status == 204
    assert larger.add(bound(CLEO))["sid"]


@pytest.mark.parametrize("end", ["closed", "deleted", "removed"])
def test_a_set_is_free_again_when_its_group_ends(world: World, thread: Thread, end: str):
    sid = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    if end == "removed":
        thread.remove(sid)
    elif end == "deleted":
        assert thread.raw("DELETE", thread.path).status == 204
    else:
        thread.raw.post(thread.path, State="closed")
    another = grouped(thread.another(), ANNA, BEN)
    if end != "removed":
        # What comes late of the former group's end leaves the new one alone.
        swept(world, thread)
    last = thread.another()
    last.add(bound(ANNA))
    last.add(bound(BEN))
    assert last.refusal(AGENT) == (409, 50438)
    another.remove("agent")
    last.add(AGENT)


def test_a_participant_who_joins_while_another_takes_a_place_is_in_the_new_set(thread: Thread):
    thread.add(bound(ANNA))
    thread.add(bound(BEN))

    def replace() -> None:
        thread.remove(quote(BEN))
        thread.add(bound(CLEO))

    with rivalled(replace):
        thread.add(AGENT)
    another = thread.another()
    another.add(bound(ANNA))
    another.add(bound(CLEO))
    assert another.refusal(AGENT) == (409, 50438)


@pytest.mark.inferred
def test_a_number_that_two_stand_behind_stays_in_the_set_when_one_leaves(thread: Thread):
    grouped(thread, ANNA, BEN).add(bound(projected=PROXY, Identity="bob"))
    thread.remove("agent")
    another = thread.another()
    another.add(bound(ANNA))
    another.add(bound(BEN))
    assert another.refusal(AGENT) == (409, 50438)


@pytest.mark.parametrize("is_meanwhile", [False, True])
def test_a_participant_who_leaves_a_closed_group_gives_it_no_set(world: World, thread: Thread, is_meanwhile: bool):
    grouped(thread, ANNA, BEN, CLEO)

    def holder(*addresses: str) -> object:
        return world.table.fetch(keys.group(world.account_sid, group_digest({PROXY, *addresses})))

    def close() -> None:
        assert holder(ANNA, BEN, CLEO)
        thread.raw.post(thread.path, State="closed")
        # The sweep is half-way: the addresses are free, and the members are still counted.
        member = world.table.fetch(keys.member(thread.sid, phone_member_sid(thread.sid, ANNA))) or {}
        release(world.context(Caller()), member)
        assert holder(ANNA, BEN, CLEO) is None

    if is_meanwhile:
        with rivalled(close, is_later=True):
            thread.remove(quote(CLEO))
    else:
        close()
        thread.remove(quote(CLEO))
    assert holder(ANNA, BEN) is None


@pytest.mark.parametrize(
    ("there", "change", "expected"),
    [(pair(ANNA), bound(proxy="null"), (400, 50440)), (AGENT, bound(projected="null"), (400, 50442))],
)
def test_if_two_take_an_address_away_at_once_the_second_is_told_that_there_is_none(
    thread: Thread, there: Form, change: Form, expected: tuple[int, int]
):
    sid = thread.add(there)["sid"]
    with rivalled(lambda: thread.update(sid, change)):
        answer = thread.raw("POST", f"{thread.path}/Participants/{sid}", change)
    assert answer.refusal()[:2] == expected


def test_a_conversation_whose_group_is_gone_takes_others_again(thread: Thread):
    thread.add(bound(ANNA))
    thread.remove(quote(ANNA))
    thread.add(ALICE)
    thread.add(pair())


def test_a_chat_user_alone_becomes_part_of_a_group_by_a_projected_address(thread: Thread):
    sid = thread.add(ALICE)["sid"]
    updated = thread.update(sid, bound(projected=PROXY))
    assert updated["messaging_binding"] == {"type": "sms", "projected_address": PROXY}
    thread.add(bound(ANNA))
    assert thread.refusal(bound(projected="null"), sid) == (400, 50435)
    thread.remove(quote(ANNA))
    assert thread.update(sid, bound(projected="null"))["messaging_binding"] is None


def test_a_group_is_handed_over_from_one_agent_to_another(thread: Thread, raw: Raw):
    sid = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    handed = thread.update(sid, {"Identity": "bob"})
    assert (handed["sid"], handed["identity"], handed["messaging_binding"]["projected_address"]) == (sid, "bob", PROXY)
    counts = {
        user["identity"]: raw.get(f"{user['url']}/Conversations")["conversations"]
        for user in raw.get("/conversations/v1/Users")["users"]
    }
    assert [len(counts["agent"]), len(counts["bob"])] == [0, 1]
    assert raw.get(f"{thread.path}/Participants/bob")["sid"] == sid
    assert raw("GET", f"{thread.path}/Participants/agent").status == 404


@pytest.mark.inferred
def test_an_agent_who_takes_over_a_place_gets_the_read_horizon_of_the_former_agent_but_not_the_muting(
    thread: Thread, raw: Raw
):
    place = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    mine = f"{API}/Users/{{}}/Conversations/{thread.sid}"
    raw.post(mine.format("agent"), NotificationLevel="muted", LastReadMessageIndex="7")
    thread.update(place, {"Identity": "bob"})
    bobs = raw.get(mine.format("bob"))
    assert bobs["notification_level"] == "default"
    assert bobs["last_read_message_index"] == 7


AUTHORS = {"nobody": None, "a stranger": "carol", "a phone elsewhere": PHONE, "a number elsewhere": OTHER_PROXY}
FACES = {"conversations": "Author", "chat": "From"}


def written(thread: Thread, face: str, author: str | None, message: str = "") -> Answer:
    """The answer to a message, or to a message's change, that names an author through a face."""
    form = {"Body": "hello", **({FACES[face]: author} if author else {})}
    path = thread.path
    if face == "chat":
        path = f"/chat/v2/Services/{thread.raw.get(path)['chat_service_sid']}/Channels/{thread.sid}"
    return thread.raw("POST", f"{path}/Messages{message and f'/{message}'}", form)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("author", AUTHORS)
@pytest.mark.parametrize("state", ["active", "inactive"])
def test_somebody_who_is_not_in_a_group_writes_no_message_in_it(
    thread: Thread, world: World, lean: LeanClient, face: str, author: str, state: str
):
    grouped(thread, ANNA, BEN)
    thread.raw.post(thread.path, State=state)
    with unchanged(world, lean):
        answer = written(thread, face, AUTHORS[author])
    assert answer.refusal() == (400, 50513, "The author of a message in a group must be one of its participants")


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("number", [AGENT, bound(projected=PROXY)], ids=["agent", "number of nobody"])
def test_each_participant_of_a_group_writes_messages_by_identity_address_or_number(
    thread: Thread, face: str, number: Form
):
    there = grouped(thread, ANNA, BEN, by=number).participants()
    for one in there:
        held = one["messaging_binding"]
        for author in {one["identity"], held.get("address"), held.get("projected_address")} - {None}:
            sid = written(thread, face, author).json["sid"]
            assert thread.raw.get(f"{thread.path}/Messages/{sid}")["participant_sid"] == one["sid"]


@pytest.mark.inferred
@pytest.mark.parametrize("face", FACES)
def test_a_message_in_a_group_gets_no_author_from_elsewhere(thread: Thread, world: World, lean: LeanClient, face: str):
    sids = {one["messaging_binding"].get("address"): one["sid"] for one in grouped(thread, ANNA, BEN).participants()}
    sid = written(thread, face, "agent").json["sid"]
    with unchanged(world, lean):
        assert written(thread, face, "carol", sid).refusal()[:2] == (400, 50513)
    assert written(thread, face, ANNA, sid).status == 200
    assert thread.raw.get(f"{thread.path}/Messages/{sid}")["participant_sid"] == sids[ANNA]


def test_the_former_agent_may_come_back_and_both_are_found(thread: Thread, raw: Raw):
    sid = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    thread.update(sid, {"Identity": "bob"})
    back = thread.add(bound(projected=OTHER_PROXY, Identity="agent"))
    assert back["sid"] != sid
    found = [raw.get(f"{thread.path}/Participants/{name}")["sid"] for name in ("agent", "bob")]
    assert found == [back["sid"], sid]
    assert thread.refusal({"Identity": "agent"}, sid) == (409, 50433)
    assert thread.refusal(bound(projected=PROXY, Identity="bob")) == (409, 50437)
    thread.remove("bob")
    assert raw.get(f"{thread.path}/Participants/agent")["sid"] == back["sid"]
    thread.remove("agent")
    assert thread.add(AGENT)["sid"] == sid


def test_somebody_who_gets_a_place_back_meanwhile_is_not_removed_as_a_leftover(thread: Thread):
    sid = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    thread.update(sid, {"Identity": "bob"})
    look = aliases.member_of

    def after_a_rival(*args: Any) -> Any:
        at_once(1, lambda _: patched.stop() or thread.update(sid, {"Identity": "agent"}))
        return look(*args)

    patched = patch.object(aliases, "member_of", after_a_rival)
    patched.start()
    thread.add(bound(projected=OTHER_PROXY, Identity="bob"))
    assert {one["identity"] for one in thread.participants()} == {None, "agent", "bob"}


def test_a_number_of_nobody_gets_an_identity(thread: Thread):
    sid = thread.add(bound(projected=PROXY))["sid"]
    updated = thread.update(sid, {"Identity": "bob"})
    assert (updated["identity"], updated["role_sid"] is None) == ("bob", False)
    assert thread.update("bob", {"Attributes": "[]"})["sid"] == sid


def test_the_sweep_of_a_deleted_agent_leaves_the_group_in_order(thread: Thread, raw: Raw, world: World):
    sid = grouped(thread, ANNA, BEN).participants()[2]["sid"]
    thread.update(sid, {"Identity": "bob"})
    assert raw("DELETE", "/conversations/v1/Users/bob").status == 204
    member = world.table.fetch(keys.member(thread.sid, sid)) or {}
    remove_leftover(world.context(Caller()), member, member["birth"])
    assert [one["identity"] for one in thread.participants()] == [None, None]
    thread.add(bound(projected=PROXY, Identity="bob"))


def test_an_agent_who_takes_over_a_group_acts_in_it_on_a_socket_and_the_former_one_does_not(house: House):  # noqa: F811
    rest, path = house.rest, f"/conversations/v1/Services/{house.sid}/Conversations"
    sid = rest.post(path)["sid"]
    for form in (bound(ANNA), bound(BEN), AGENT):
        rest.post(f"{path}/{sid}/Participants", form)
    agent, bob = house.device("agent"), house.device("bob")
    agent.done("sendMessage", channel=sid, body="I hand over")
    rest.post(f"{path}/{sid}/Participants/agent", Identity="bob")
    for device in (agent, bob):
        device.heard()
    bob.done("sendMessage", channel=sid, body="hello")
    bob.done("updateMember", channel=sid, identity="bob", attributes="[]")
    assert [member["identity"] for member in bob.done("listMembers", channel=sid)["members"]].count("bob") == 1
    assert agent.refusal("sendMessage", channel=sid, body="still here") == (404, 20404)
    assert (agent.events(), bob.events()) == ([], ["messageAdded", "memberUpdated"])
    assert sid in bob.done("catchUp", channels={sid: 0})["channels"]
    bob.done("leaveChannel", channel=sid)
    assert bob.refusal("sendMessage", channel=sid, body="x") == (404, 20404)


def test_the_former_agent_who_came_back_acts_on_a_socket_beside_who_took_over(house: House):  # noqa: F811
    rest, path = house.rest, f"/conversations/v1/Services/{house.sid}/Conversations"
    sid = rest.post(path)["sid"]
    for form in (bound(ANNA), bound(BEN), AGENT):
        rest.post(f"{path}/{sid}/Participants", form)
    agent, bob = house.device("agent"), house.device("bob")
    rest.post(f"{path}/{sid}/Participants/agent", Identity="bob")
    rest.post(f"{path}/{sid}/Participants", bound(projected=OTHER_PROXY, Identity="agent"))
    for device in (agent, bob):
        device.done("sendMessage", channel=sid, body="hello")
    assert [message["author"] for message in rest.get(f"{path}/{sid}/Messages")["messages"]] == ["agent", "bob"]
