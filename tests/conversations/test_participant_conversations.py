"""The conversations of one person, named by identity or by address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations.phones import API, OTHER_PROXY, PHONE, PROXY, SENDER, Thread, opened, pair
from tests.support.lean import LeanClient
from tests.support.world import World

LIST = f"{API}/ParticipantConversations"


def test_a_chat_participants_conversations_are_found_by_identity(scope: Any):
    created = scope.conversations.create(friendly_name="team", unique_name="team", attributes='{"a": 1}')
    participant = scope.conversations(created.sid).participants.create(identity="alice")
    (found,) = scope.participant_conversations.list(identity="alice")
    assert (found.conversation_sid, found.participant_sid) == (created.sid, participant.sid)
    assert (found.participant_identity, found.participant_messaging_binding) == ("alice", None)
    assert found.participant_user_sid == scope.users("alice").fetch().sid
    assert (found.conversation_friendly_name, found.conversation_unique_name) == ("team", "team")
    assert (found.conversation_attributes, found.conversation_created_by) == ('{"a": 1}', "system")
    assert (found.conversation_state, found.conversation_timers) == ("active", created.timers)
    assert found.conversation_date_created == created.date_created
    assert found.links["conversation"] == created.url
    assert found.links["participant"] == participant.url


def test_a_phones_conversations_are_found_by_its_address_with_all_six_keys_of_the_binding(thread: Thread):
    thread.add(pair())
    (found,) = thread.raw.get(LIST, Address=PHONE)["conversations"]
    assert (found["participant_identity"], found["participant_user_sid"]) == (None, None)
    assert found["participant_messaging_binding"] == {
        "type": "sms",
        "address": PHONE,
        "proxy_address": PROXY,
        "projected_address": None,
        "name": None,
        "level": None,
    }


def test_an_address_is_matched_as_a_whole_in_its_service_only(thread: Thread):
    whatsapp = f"whatsapp:{PHONE}"
    thread.add(pair())
    another = thread.another()
    another.add(pair(whatsapp, SENDER))
    found = {address: thread.raw.get(LIST, Address=address)["conversations"] for address in (PHONE, whatsapp)}
    assert {address: [one["conversation_sid"] for one in page] for address, page in found.items()} == {
        PHONE: [thread.sid],
        whatsapp: [another.sid],
    }
    service = thread.raw.post(f"{API}/Services", FriendlyName="other")["sid"]
    for address in (PHONE, PHONE[:-1], PROXY, "x" * 5000, ""):
        path = LIST if address != PHONE else f"{API}/Services/{service}/ParticipantConversations"
        assert thread.raw.get(path, Address=address)["conversations"] == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"Identity": "alice", "Address": PHONE}, (50451, "Identity and Address cannot be given together")),
        ({}, (20001, "Invalid value for parameter Identity: Identity or Address is needed")),
    ],
    ids=["both", "neither"],
)
@pytest.mark.inferred
def test_exactly_one_of_identity_and_address_is_given(thread: Thread, query: dict[str, str], refusal: tuple[int, str]):
    assert thread.raw("GET", LIST, query=query).refusal() == (400, *refusal)


def test_conversations_in_every_state_are_listed(thread: Thread):
    threads = {state: thread.another() for state in ("active", "inactive", "closed")}
    for proxy, (state, one) in zip((PROXY, OTHER_PROXY, None), threads.items(), strict=True):
        one.add(pair(proxy=proxy) if proxy else {"Identity": "alice"})
        one.add({"Identity": "bob"})
        one.raw.post(one.path, State=state)
    found = thread.raw.get(LIST, Identity="bob")["conversations"]
    assert {one["conversation_sid"]: one["conversation_state"] for one in found} == {
        one.sid: state for state, one in threads.items()
    }


def test_a_user_who_left_or_was_made_anew_is_in_no_conversation(thread: Thread):
    thread.add(pair())
    thread.remove(f"%2B{PHONE[1:]}")
    thread.add({"Identity": "alice"})
    assert thread.raw("DELETE", f"{API}/Users/alice").status == 204
    assert thread.raw.get(LIST, Address=PHONE)["conversations"] == []
    assert thread.raw.get(LIST, Identity="alice")["conversations"] == []


def test_pages_follow_the_sids_of_conversations_and_fifty_cost_three_requests(
    world: World, thread: Thread, lean: LeanClient
):
    sids = [thread.sid] + [opened(thread.raw, lean).sid for _ in range(50)]
    for sid in reversed(sids):
        thread.raw.post(f"{API}/Conversations/{sid}/Participants", Identity="alice")
    thread.raw.get(LIST, Identity="alice", PageSize=1)
    with lean.metered() as meter:
        first = thread.raw.get(LIST, Identity="alice", PageSize=1000)
    assert meter.requests.total() == 3
    second = thread.raw.get(first["meta"]["next_page_url"])
    assert [one["conversation_sid"] for page in (first, second) for one in page["conversations"]] == sorted(sids)
    assert (len(first["conversations"]), second["meta"]["next_page_url"]) == (50, None)
    assert thread.raw.get(second["meta"]["previous_page_url"])["conversations"] == first["conversations"]
