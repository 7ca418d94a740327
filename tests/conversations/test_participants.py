"""Participants outside of chat: what may be given, what is shown, and how each is found, changed and removed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.conversations.phones import (
    AMERICANS,
    OTHER_PHONE,
    OTHER_PROXY,
    PHONE,
    PROXY,
    SENDER,
    Form,
    Thread,
    bound,
    opened,
    pair,
)
from tests.rest.support import DATE, sid
from tests.support.doors import Raw
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("agreed")
WHATSAPP = f"whatsapp:{PHONE}"
LONG = "+49" + "1" * 300

KINDS: dict[str, tuple[Form, dict[str, str] | None]] = {
    "chat": ({"Identity": "alice"}, None),
    "sms": (pair(), {"type": "sms", "address": PHONE, "proxy_address": PROXY}),
    "whatsapp": (pair(WHATSAPP, SENDER), {"type": "whatsapp", "address": WHATSAPP, "proxy_address": SENDER}),
    "phone of a group": (bound(AMERICANS[0]), {"type": "sms", "address": AMERICANS[0]}),
    "app user of a group": (bound(projected=PROXY, Identity="alice"), {"type": "sms", "projected_address": PROXY}),
    "number of a group": (bound(projected=PROXY), {"type": "sms", "projected_address": PROXY}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_participant_is_shown_with_the_keys_that_apply(thread: Thread, kind: str):
    form, binding = KINDS[kind]
    added = thread.add({**form, "Attributes": '{"a": 1}'})
    assert added["messaging_binding"] == binding
    assert added["identity"] == form.get("Identity")
    assert (added["sid"], added["attributes"], added["date_created"]) == (sid("MB"), '{"a": 1}', DATE)
    # Nobody acts in the name of a phone or a number in a group, so these have no role.
    assert (added["role_sid"] is None) == (kind in ("phone of a group", "number of a group"))
    assert thread.participants() == [added]
    thread.remove(added["sid"])
    assert thread.participants() == []


# https://www.twilio.com/docs/api/errors: each combination of addresses that is refused, and with what.
REFUSED: dict[str, tuple[Form, tuple[int, int]]] = {
    "nothing": ({}, (400, 50204)),
    "empty identity": ({"Identity": ""}, (400, 50204)),
    "identity and pair": (pair(Identity="alice"), (400, 50211)),
    "identity and proxy address": (bound(proxy=PROXY, Identity="alice"), (400, 50211)),
    "empty address": (pair(""), (400, 50411)),
    "proxy address alone": (bound(proxy=PROXY), (400, 50411)),
    "empty proxy address": (pair(proxy=""), (400, 50412)),
    "address without plus": (pair("491721234567"), (400, 50407)),
    "address with letters": (pair("+49172CALLME"), (400, 50407)),
    "address with other digits": (pair("+٤٩١٧٢١٢٣٤٥٦٧"), (400, 50407)),
    "address too long": (pair(LONG), (400, 50407)),
    "short address": (pair("+123"), (400, 50407)),
    "malformed whatsapp address": (pair("whatsapp:0172", SENDER), (400, 50407)),
    "malformed proxy address": (pair(proxy="12025550143"), (400, 50408)),
    "proxy address too long": (pair(proxy=LONG), (400, 50408)),
    "both the same": (pair(PROXY, PROXY), (400, 50409)),
    "foreign proxy address": (pair(proxy="+12025550199"), (400, 50413)),
    "sms to whatsapp": (pair(PHONE, SENDER), (400, 50414)),
    "whatsapp to sms": (pair(WHATSAPP, PROXY), (400, 50414)),
    "rcs without a sender": (pair(f"rcs:{PHONE}", "rcs:+12025550143"), (400, 50413)),
    "foreign whatsapp sender": (pair(WHATSAPP, "whatsapp:+12025550199"), (400, 50415)),
    "mail by proxy": (pair("alice@example.com", PROXY), (400, 50453)),
    "mail": (bound("alice@example.com"), (400, 50407)),
    "group phone elsewhere": (bound(PHONE), (400, 50407)),
    "group phone that is free to call": (bound("+18005550100"), (400, 50407)),
    "group phone of the account": (bound(OTHER_PROXY), (400, 50407)),
    "whatsapp in a group": (bound(WHATSAPP), (400, 50407)),
    "address and projected address": (bound(AMERICANS[0], projected=PROXY), (400, 50434)),
    "foreign projected address": (bound(projected="+12025550199"), (400, 50439)),
    "empty projected address": (bound(projected=""), (400, 50439)),
    "whatsapp as projected address": (bound(projected=SENDER), (400, 50439)),
    "attributes that are no JSON": (pair(Attributes="{"), (400, 50304)),
    "unknown role": (pair(RoleSid="RL" + "0" * 32), (404, 50109)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_participant_is_refused_and_nothing_is_written(thread: Thread, name: str):
    form, expected = REFUSED[name]
    assert thread.refusal(form) == expected


@pytest.mark.parametrize("form", [pair(), bound(AMERICANS[0]), bound(projected=PROXY, Identity="alice")])
def test_a_conversation_without_messaging_service_takes_no_phones(world: World, thread: Thread, form: Form):
    services = thread.raw.post("/chat/v2/Services", FriendlyName="x")["sid"]
    channel = thread.raw.post(f"/chat/v2/Services/{services}/Channels", Type="private")["sid"]
    path = f"/conversations/v1/Services/{services}/Conversations/{channel}"
    former = Thread(thread.raw, thread.lean, path)
    assert former.refusal(form) == (400, 50373)
    thread.raw.post(path, MessagingServiceSid="MG" + "0" * 32)
    former.add(form)


@pytest.mark.parametrize("form", [bound(AMERICANS[0]), bound(projected=PROXY)])
def test_where_carriers_take_no_group_messages_there_are_no_groups(world: World, thread: Thread, form: Form):
    world.wire({"group_messages": False})
    assert thread.refusal(form) == (403, 50452)
    assert thread.add(pair())["sid"]


def test_an_address_is_in_a_conversation_once(thread: Thread):
    thread.add(pair())
    assert thread.refusal(pair(proxy=OTHER_PROXY)) == (409, 50433)
    assert thread.refusal(pair()) == (409, 50416)
    thread.add({"Identity": "alice"})
    assert thread.refusal({"Identity": "alice"}) == (409, 50433)


def test_an_identity_may_look_like_an_address(thread: Thread):
    user, phone = thread.add({"Identity": PHONE}), thread.add(pair())
    assert user["sid"] != phone["sid"]
    found = thread.raw.get(f"{thread.path}/Participants/{quote(PHONE)}")
    assert found["sid"] == user["sid"]
    thread.remove(quote(PHONE))
    assert [one["sid"] for one in thread.participants()] == [phone["sid"]]


@pytest.mark.parametrize("kind", ["chat", "sms", "whatsapp", "number of a group"])
def test_a_participant_is_found_changed_and_removed_by_its_identity_or_address(thread: Thread, kind: str):
    form, _ = KINDS[kind]
    added = thread.add(form)
    name = quote(next(form[part] for part in form if part in ("Identity", *bound(PHONE), *bound(projected=PROXY))))
    assert thread.raw.get(f"{thread.path}/Participants/{name}") == added
    assert thread.update(name, {"Attributes": '{"b": 2}'})["attributes"] == '{"b": 2}'
    thread.remove(name)
    assert thread.raw("GET", f"{thread.path}/Participants/{name}").status == 404


def test_a_phone_is_no_user_and_counts_in_none(thread: Thread):
    thread.add(pair(PHONE))
    thread.add(pair(OTHER_PHONE))
    assert thread.raw.get("/conversations/v1/Users")["users"] == []


@pytest.mark.inferred
def test_chat_lists_a_phone_without_identity_and_does_not_show_its_binding(thread: Thread):
    phone = thread.add(pair())
    service = phone["url"] and thread.raw.get(thread.path)["chat_service_sid"]
    (member,) = thread.raw.get(f"/chat/v2/Services/{service}/Channels/{thread.sid}/Members")["members"]
    assert (member["sid"], member["identity"]) == (phone["sid"], None)
    assert "messaging_binding" not in member


def test_a_conversation_has_at_most_fifty_phones(thread: Thread):
    for number in range(50):
        thread.add(pair(f"+4917212345{number:02d}"))
    assert thread.refusal(pair("+491729999999")) == (403, 50418)
    thread.add({"Identity": "alice"})
    thread.remove(quote("+491721234500"))
    thread.add(pair("+491729999999"))


def test_phones_count_among_the_participants(world: World, raw: Raw, thread: Thread):
    service = raw.get(thread.path)["chat_service_sid"]
    raw.post(f"/chat/v2/Services/{service}", {"Limits.ChannelMembers": 1})
    world.configuration.forget_all()
    thread.add(pair())
    assert thread.refusal(pair(OTHER_PHONE)) == (403, 50417)


UPDATES: dict[str, tuple[str, Form, tuple[int, int]]] = {
    "nothing": ("sms", {}, (400, 20161)),
    "horizon that is no number": ("sms", {"LastReadMessageIndex": "x"}, (400, 50421)),
    "proxy address to remove from a chat participant": ("chat", bound(proxy="null"), (400, 50440)),
    "proxy address to remove from a phone of a group": ("phone of a group", bound(proxy="null"), (400, 50440)),
    "proxy address for a chat participant": ("chat", bound(proxy=PROXY), (400, 50441)),
    "proxy address for a number of a group": ("number of a group", bound(proxy=PROXY), (400, 50441)),
    "foreign proxy address": ("sms", bound(proxy="+12025550199"), (400, 50413)),
    "malformed proxy address": ("sms", bound(proxy="x"), (400, 50408)),
    "empty proxy address": ("sms", bound(proxy=""), (400, 50412)),
    "proxy address of another channel": ("sms", bound(proxy=SENDER), (400, 50414)),
    "projected address to remove where there is none": ("sms", bound(projected="null"), (400, 50442)),
    "projected address of nobody to remove": ("number of a group", bound(projected="null"), (400, 50434)),
    "projected address for a pair": ("sms", bound(projected=PROXY), (400, 50443)),
    "second projected address": ("app user of a group", bound(projected=OTHER_PROXY), (400, 50443)),
    "foreign projected address": ("chat", bound(projected="+12025550199"), (400, 50439)),
    "identity for a phone": ("sms", {"Identity": "bob"}, (400, 50444)),
    "identity for somebody who has one": ("chat", {"Identity": "bob"}, (400, 50444)),
    "empty identity": ("app user of a group", {"Identity": ""}, (400, 50204)),
    "unknown role": ("sms", bound(proxy=OTHER_PROXY, RoleSid="RL" + "0" * 32), (404, 50109)),
}


@pytest.mark.parametrize("name", UPDATES)
def test_a_wrong_update_is_refused_and_nothing_is_written(thread: Thread, name: str):
    kind, form, expected = UPDATES[name]
    added = thread.add(KINDS[kind][0])
    assert thread.refusal(form, added["sid"]) == expected
    assert thread.participants() == [added]


def test_another_proxy_address_frees_the_old_pair(thread: Thread):
    added = thread.add(pair())
    updated = thread.update(added["sid"], bound(proxy=OTHER_PROXY, Attributes="[]"))
    assert updated["messaging_binding"] == {"type": "sms", "address": PHONE, "proxy_address": OTHER_PROXY}
    assert (updated["sid"], updated["attributes"]) == (added["sid"], "[]")
    another = thread.another()
    another.add(pair())
    assert thread.refusal(bound(proxy=PROXY), added["sid"]) == (409, 50416)


def test_a_removed_proxy_address_leaves_a_phone_of_a_group(thread: Thread):
    added = thread.add(pair(AMERICANS[0]))
    updated = thread.update(added["sid"], bound(proxy="null"))
    assert updated["messaging_binding"] == {"type": "sms", "address": AMERICANS[0]}
    assert thread.update(added["sid"], bound(proxy=PROXY))["messaging_binding"] == added["messaging_binding"]


def test_the_refusal_of_a_wrong_read_timestamp_names_the_parameter(thread: Thread):
    thread.add({"Identity": "alice"})
    answer = thread.raw("POST", f"{thread.path}/Participants/alice", {"LastReadTimestamp": "yesterday"})
    assert answer.refusal() == (400, 50405, "LastReadTimestamp is not a date in ISO 8601 format")


def test_the_horizon_of_a_phone_moves_and_can_be_cleared(thread: Thread):
    added = thread.add(pair())
    assert (added["last_read_message_index"], added["last_read_timestamp"]) == (None, None)
    moved = thread.update(added["sid"], {"LastReadMessageIndex": "7"})
    assert (moved["last_read_message_index"], moved["last_read_timestamp"]) == (7, DATE)
    cleared = thread.update(added["sid"], {"LastReadMessageIndex": ""})
    assert (cleared["last_read_message_index"], cleared["last_read_timestamp"]) == (None, None)


def test_dates_of_an_import_are_kept(thread: Thread):
    added = thread.add(pair(DateCreated="2020-01-02T03:04:05Z", DateUpdated="2021-01-02T03:04:05Z"))
    assert (added["date_created"], added["date_updated"]) == ("2020-01-02T03:04:05Z", "2021-01-02T03:04:05Z")


def test_a_participant_of_another_service_is_not_found(thread: Thread, raw: Raw):
    added = thread.add(pair())
    other = raw.post("/conversations/v1/Services", FriendlyName="other")["sid"]
    elsewhere = f"/conversations/v1/Services/{other}/Conversations/{thread.sid}/Participants"
    assert [raw("GET", f"{elsewhere}/{added['sid']}").status, raw("GET", elsewhere).status] == [404, 404]
    assert raw("POST", elsewhere, pair(OTHER_PHONE)).status == 404


def test_the_helper_library_adds_changes_and_removes_a_phone(conversation: Any):
    added = conversation.participants.create(messaging_binding_address=PHONE, messaging_binding_proxy_address=PROXY)
    changed = conversation.participants(added.sid).update(messaging_binding_proxy_address=OTHER_PROXY)
    assert changed.messaging_binding == {"type": "sms", "address": PHONE, "proxy_address": OTHER_PROXY}
    assert conversation.participants(PHONE).delete()
    assert conversation.participants.list() == []


def test_a_phone_that_joins_wakes_the_conversation(thread: Thread):
    thread.raw.post(thread.path, State="inactive")
    thread.add(pair())
    assert thread.raw.get(thread.path)["state"] == "active"


def test_a_closed_conversation_takes_no_phone(thread: Thread):
    thread.raw.post(thread.path, State="closed")
    assert thread.refusal(pair()) == (400, 50377)
    assert opened(thread.raw, thread.lean).add(pair())["sid"]
