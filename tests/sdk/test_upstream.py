"""The SDKs' own REST: each row succeeds, is refused, and hides what it must hide; and what is special about some rows."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from local.template.template import Template
from parley.domain.addresses import Numbers
from parley.operations import contents
from parley.sockets.sdk.upstream_views import HORIZON, V1, V2
from parley.store import keys
from parley.store.writes import Put
from tests.rest.support import Matching
from tests.sdk.device import SdkDevice
from tests.sdk.requests_of_rows import (
    FORM,
    IN_CHANNEL,
    ROWS,
    SENT,
    Asked,
    Place,
    invite_instead,
    mighty,
    place,
    stage,
)
from tests.sockets.asking import furnished
from tests.sockets.deployment import Deployment, House, Room, Stream
from tests.support.lean import LeanClient
from tests.support.world import World

DATE = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ABSENT = Place("CH" + "0" * 32, "IM" + "0" * 32)


def test_every_row_is_asked_for_here() -> None:
    assert {(asked.method, asked.template) for asked in ROWS} == set(SENT)


@pytest.mark.parametrize("asked", ROWS, ids=str)
def test_a_row_does_what_it_is_for(house: House, asked: Asked) -> None:
    room = stage(house, asked.version)
    device = mighty(house, room)
    if asked.is_of_invited:
        invite_instead(room)
    reply = place(room).ask(device, asked)
    assert reply.status == asked.sent.status, reply
    assert (reply.body is None) == (asked.sent.status == 204)
    assert asked.sent.code is None or reply.refusal == (asked.sent.status, asked.sent.code)


# What must not be seen.


@pytest.fixture(scope="module")
def hidden(lean: LeanClient, template: Template, stream: Stream) -> dict[str, tuple[SdkDevice, Place]]:
    """Channels that do not exist for a client, each with that client, who has every right of a deployment role."""
    (table,) = template.tables()
    own = House(Deployment(World(lean, table.name), stream, template))
    foreign = House(own.deployment)
    device = mighty(own)
    theirs = furnished(foreign, Type="public", UniqueName="theirs")
    private = furnished(own, Type="private", UniqueName="private")
    deleted = furnished(own, Type="public")
    gone = place(deleted)
    deleted.delete()
    return {
        "absent": (device, ABSENT),
        "foreign": (device, place(theirs)),
        "foreign by name": (device, place(theirs)._replace(channel="theirs")),
        "hidden": (device, place(private)),
        "hidden by name": (device, place(private)._replace(channel="private")),
        "deleted": (device, gone),
    }


@pytest.mark.parametrize("why", ["absent", "foreign", "foreign by name", "hidden", "hidden by name", "deleted"])
@pytest.mark.parametrize("asked", IN_CHANNEL, ids=str)
def test_a_channel_that_a_client_must_not_know_of_is_not_found(
    hidden: dict[str, tuple[SdkDevice, Place]], asked: Asked, why: str
) -> None:
    device, where = hidden[why]
    reply = where.ask(device, asked)
    if asked.template == "/MyChannels":
        assert reply.body["channels"] == []
        return
    is_told = why == "hidden" and (asked.method, asked.version, asked.template) == ("GET", V2, "/Conversations/{sid}")
    assert reply.refusal == ((403, 50430) if is_told else (404, 20404))


@pytest.mark.parametrize("version", [V1, V2])
def test_lists_show_nothing_of_another_service_and_nothing_that_is_hidden(
    hidden: dict[str, tuple[SdkDevice, Place]], version: str
) -> None:
    device, _ = hidden["absent"]
    sids = {where.channel for _, where in hidden.values()}
    for asked in ROWS:
        if asked.method == "GET" and not asked.is_in_channel and asked.version == version:
            shown = json.dumps(ABSENT.ask(device, asked).body)
            assert not any(sid in shown for sid in sids), asked


def test_a_user_of_another_service_is_not_found(house: House, alice: SdkDevice) -> None:
    theirs = House(house.deployment)
    sid = theirs.rest.post(f"{theirs.path}/Users", Identity="dave")["sid"]
    for version, name in itertools.product((V1, V2), (sid, "dave")):
        reply = alice.ask("GET", f"/Client/{version}/Users/{name}")
        assert reply.refusal == (404, 20404)
        assert reply.body["message"] == f"The requested resource /Client/{version}/Users/{name} was not found"
        assert alice.ask("POST", f"/Client/{version}/Users/{name}", {"friendly_name": "x"}).refusal == (404, 20404)


def test_conversations_know_no_public_channels_no_invites_and_no_list_of_all(house: House, alice: SdkDevice) -> None:
    public = furnished(house, Type="public")
    private = house.channel("bob", Type="private")
    private.update("/Invites", Identity="alice")
    mine = alice.get("/Client/v2/MyConversations")["conversations"]
    assert mine == []
    for sid in (public.sid, private.sid):
        assert alice.ask("GET", f"/Client/v2/MyConversations/{sid}").refusal == (404, 20404)
    assert alice.ask("GET", "/Client/v2/Conversations").refusal == (404, 20404)
    assert alice.ask("POST", f"/Client/v2/Conversations/{private.sid}/Invites", {"identity": "x"}).status == 404
    statuses = [one["status"] for one in alice.get("/Client/v1/MyConversations")["conversations"]]
    assert sorted(statuses) == ["invited", "joined", "joined"]


# What is special about some rows.


def test_a_channel_is_shown_with_its_counts_its_objects_and_its_links(house: House, alice: SdkDevice) -> None:
    body = {"type": "private", "unique_name": "mine", "friendly_name": "x", "attributes": '{"a":1}'}
    made = alice.ask("POST", "/Client/v1/Conversations", body).body
    root = f"https://aim.parley.invalid/Client/v1/Conversations/{made['sid']}"
    assert made == {
        "sid": made["sid"],
        **body,
        "created_by": "alice",
        "date_created": made["date_created"],
        "date_updated": made["date_created"],
        "messages_count": 0,
        "members_count": 0,
        "participants_count": 0,
        "url": root,
        "links": {
            "messages": f"{root}/Messages",
            "participants": f"{root}/Participants",
            "invites": f"{root}/Invites",
        },
        "sync_objects": {
            "conversation": f"{made['sid']}.channel",
            "messages": f"{made['sid']}.messages",
            "participants": f"{made['sid']}.roster",
        },
    }
    assert alice.get("/Client/v1/Conversations/mine") == made
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["date_created"])
    Room(house, made).add("alice", RoleSid=house.service["default_channel_creator_role_sid"])
    cleared = alice.ask("POST", f"/Client/v1/Conversations/{made['sid']}", {"unique_name": ""}).body
    assert cleared["unique_name"] is None


@pytest.mark.parametrize(("version", "shown"), [(V1, 1500), (V2, 1000)])
def test_conversations_shows_a_thousand_unread_messages_at_most(house: House, version: str, shown: int) -> None:
    room = stage(house, version)
    alice, path = SdkDevice(house, "alice"), f"/Client/{version}/MyConversations"
    alice.ask("POST", f"{path}/{room.sid}", {HORIZON[version]: 0})
    table = house.deployment.world.table
    table.put_many({keys.tail(room.sid): {**table.fetch(keys.tail(room.sid)), "last_index": 1500}})
    (listed,) = alice.get(path)["conversations"]
    moved = alice.ask("POST", f"{path}/{room.sid}", {"notification_level": "muted"}).body
    for seen in (listed, moved, alice.get(f"{path}/{room.sid}")):
        assert seen["unread_messages_count"] == shown


@pytest.mark.parametrize("version", [V1, V2])
def test_a_horizon_moves_and_is_removed_under_its_own_name(house: House, version: str) -> None:
    room = stage(house, version)
    alice, name = SdkDevice(house, "alice"), HORIZON[version]
    path = f"/Client/{version}/MyConversations/{room.sid}"
    for index, unread in ((0, 1), (1, 0), (0, 1), (None, None)):
        moved = alice.ask("POST", path, {name: index}).body
        assert (moved[name], moved["unread_messages_count"]) == (index, unread)
    assert alice.get(path)["unread_messages_count"] is None
    other = HORIZON[V2 if version == V1 else V1]
    assert alice.ask("POST", path, {other: 0}).refusal == (400, 20001)
    for wrong in ("0", -1, 1.5, True, [], {}):
        assert alice.ask("POST", path, {name: wrong}).status == 400


def test_only_the_named_members_of_a_body_are_taken(house: House, alice: SdkDevice, room: Room) -> None:
    body = {
        "body": "x",
        "author": "bob",
        "from": "bob",
        "date_created": "2001-01-01",
        "last_updated_by": "bob",
        "index": 0,
    }
    sent = alice.ask("POST", f"/Client/v1/Conversations/{room.sid}/Messages", body).body
    assert (sent["author"], sent["index"], sent["date_created"][:4]) == ("alice", 2, "2026")
    changed = {"friendly_name": "x", "created_by": "bob", "type": "private"}
    mine = alice.ask("POST", "/Client/v1/Conversations", {"type": "public"}).body["sid"]
    room_of_mine = Room(house, {"sid": mine})
    room_of_mine.add("alice", RoleSid=house.service["default_channel_creator_role_sid"])
    shown = alice.ask("POST", f"/Client/v1/Conversations/{mine}", changed).body
    assert (shown["friendly_name"], shown["created_by"], shown["type"]) == ("x", "alice", "public")


@pytest.mark.parametrize("body", [b"", b"7", b"[]", b'"x"', b"{", b'{"body": 7}', b'{"body": "\\ud800"}', b"{}"])
def test_a_body_that_is_no_message_is_refused(alice: SdkDevice, room: Room, body: bytes) -> None:
    before = room.fetch()
    reply = alice.request("POST", f"/Client/v1/Conversations/{room.sid}/Messages", body)[0]
    assert reply.status == 400
    assert room.fetch() == before


IDENTITIES = ["Me", "a b", "a/b", "ä€😀", "100%", "50%25", "a%2Fb", "x@y.z", "MB" + "0" * 32, "..", "CH" + "1" * 32]


@pytest.mark.parametrize("is_raw", [False, True])
@pytest.mark.parametrize("identity", IDENTITIES)
def test_every_identity_can_be_named_in_a_path_encoded_or_not(
    house: House, room: Room, identity: str, is_raw: bool
) -> None:
    """The line 6 of Chat puts identities into paths as they are; the client's own one is known even if it decodes."""
    device = SdkDevice(house, identity)
    name = identity if is_raw else quote(identity, safe="")
    assert device.ask("POST", f"/Client/v1/Conversations/{room.sid}/Participants", {"identity": identity}).status == 201
    assert device.ask("DELETE", f"/Client/v1/Conversations/{room.sid}/Participants/{name}").status == 204
    room.update("/Invites", Identity=identity)
    assert device.ask("DELETE", f"/Client/v1/Conversations/{room.sid}/Invites/{name}").status == 204
    renamed = device.ask("POST", f"/Client/v1/Users/{name}", {"friendly_name": "x"}).body
    assert (renamed["identity"], renamed["friendly_name"]) == (identity, "x")
    encoded = quote(identity, safe="")
    assert device.get(f"/Client/v1/Users/{encoded}")["url"] == f"https://aim.parley.invalid/Client/v1/Users/{encoded}"


def test_a_client_declines_its_own_invite_alone(house: House, alice: SdkDevice, room: Room) -> None:
    room.update("/Invites", Identity="dave")
    assert alice.ask("DELETE", f"/Client/v1/Conversations/{room.sid}/Invites/dave").refusal == (403, 50107)
    assert len(house.rest.get(f"{room.path}/Invites")["invites"]) == 1


@pytest.mark.parametrize(
    ("path", "key", "count"),
    [
        ("/Client/v1/MyConversations", "conversations", 6),
        ("/Client/v2/MyConversations", "conversations", 2),
        ("/Client/v1/Conversations", "conversations", 4),
        ("/Client/v1/Channels", "channels", 4),
        ("/Client/v1/MyChannels", "channels", 6),
        ("/Client/v1/SyncList", "channels", 6),
        ("/Client/v1/Users", "users", 5),
    ],
)
def test_pages_lead_through_a_whole_list_and_back_and_end(house: House, path: str, key: str, count: int) -> None:
    rooms = [
        house.channel("alice", Type=type_) for type_ in ("public", "private", "public", "public", "private", "public")
    ]
    for identity in ("b", "c", "d", "e"):
        rooms[0].add(identity)
    alice = SdkDevice(house, "alice")
    query = {"PageSize": "2"} | ({"ConversationSid": rooms[0].sid} if path.endswith("Users") else {})
    whole = alice.get(path, **{**query, "PageSize": "100"})
    assert whole["meta"] == {"previous_token": None, "prev_token": None, "next_token": None}
    pages = [alice.get(path, **query)]
    while token := pages[-1]["meta"]["next_token"]:
        pages.append(alice.get(path, **query, PageToken=token))
    assert [item for page in pages for item in page[key]] == whole[key]
    assert len(whole[key]) == count
    assert pages[0]["meta"]["previous_token"] is None
    if len(pages) > 1:
        assert alice.get(path, **query, PageToken=pages[-1]["meta"]["previous_token"])[key] == pages[-2][key]
    for wrong in ("x", "N", "P", "Nä", "P\0", "N" + "x" * 300):
        assert alice.ask("GET", path, query={**query, "PageToken": wrong}).refusal == (400, 20001)


def test_a_page_is_cut_to_what_a_packet_holds(house: House) -> None:
    attributes = json.dumps({"a": "x" * 16_000})
    rooms = [house.channel("alice", Attributes=attributes) for _ in range(12)]
    alice = SdkDevice(house, "alice")
    first = alice.get("/Client/v1/MyConversations")
    rest = alice.get("/Client/v1/MyConversations", PageToken=first["meta"]["next_token"])
    found = [one["conversation_sid"] for one in [*first["conversations"], *rest["conversations"]]]
    assert sorted(found) == sorted(room.sid for room in rooms)
    assert rest["meta"]["next_token"] is None


# Typing, phones, receipts, users.


@pytest.mark.parametrize("path", ["/Client/v1/Typing", "/Client/v2/Typing", "/v1/typing"])
def test_typing_is_told_to_the_others(house: House, path: str) -> None:
    room = stage(house, V2 if "v2" in path else V1)
    alice, bob = SdkDevice(house, "alice"), SdkDevice(house, "bob")
    (reply,) = alice.request("POST", path, f"ChannelSid={room.sid}".encode(), **FORM)
    assert reply.body == {"typing_timeout": 5}
    (push,) = bob.packets()
    assert push.header["message_type"] == "twilio.ipmsg.typing_indicator"
    assert push.body == {"channel_sid": room.sid, "identity": "alice", "typing_timeout": 6}
    assert alice.packets() == []
    assert alice.request("POST", path, b"", **FORM)[0].refusal == (400, 20001)
    assert alice.ask("POST", path, {"ChannelSid": room.sid}).refusal == (400, 20001)


def test_a_client_adds_a_phone_with_the_right_to_do_so(house: House) -> None:
    house.deployment.runtime.__dict__["_numbers"] = Numbers(frozenset({"+15550001"}), frozenset(), False)
    service = f"/conversations/v1/Services/{house.sid}"
    room = Room(house, house.rest.post(f"{service}/Conversations", FriendlyName="x"))
    path = f"/Client/v2/Conversations/{room.sid}/Participants"
    binding = {"address": "+15550002", "proxy_address": "+15550001"}
    for right, status in (("addParticipant", 403), ("addNonChatParticipant", 201)):
        form = {"FriendlyName": right, "Type": "conversation", "Permission": right}
        room.add(right, RoleSid=house.rest.post(f"{service}/Roles", form)["sid"])
        reply = SdkDevice(house, right).ask("POST", path, {"attributes": "{}", "messaging_binding": binding})
        assert reply.status == status, reply
    assert reply.body["messaging_binding"] == {"type": "sms", **binding}
    assert reply.body["identity"] is None


def test_a_client_reads_the_content_templates_of_the_account_in_pages(house: House) -> None:
    alice, path = SdkDevice(house, "alice"), "/Client/v2/ContentTemplates"
    runtime, context = house.deployment.runtime, house.deployment.world.context()
    given = {"language": "en", "body": "Hello {{1}}", "variables": {"1": "you"}}
    stored = [contents.put(context, {**given, "friendly_name": name}) for name in ("welcome", "goodbye", "reminder")]
    assert alice.get(path)["templates"] == []
    runtime.settings = replace(runtime.settings, phones=True)
    first = alice.get(path, PageSize="2")
    assert first["meta"]["next_token"]
    second = alice.get(path, PageSize="2", PageToken=first["meta"]["next_token"])
    assert second["meta"]["next_token"] is None
    found = [*first["templates"], *second["templates"]]
    assert {one["sid"]: one["friendly_name"] for one in found} == {one["sid"]: one["friendly_name"] for one in stored}
    assert found[0] == {
        "sid": found[0]["sid"],
        "friendly_name": found[0]["friendly_name"],
        "variables": '{"1": "you"}',
        "variants": {"twilio/text": {"body": "Hello {{1}}"}},
        "date_created": DATE,
        "date_updated": found[0]["date_created"],
    }


def test_a_member_reads_the_receipts_of_a_message(house: House) -> None:
    room, world = stage(house, V2), house.deployment.world
    message = place(room).message
    receipt = {"sid": "DY" + "0" * 32, "message_sid": message, "channel_message_sid": "SM" + "1" * 32}
    receipt |= {"participant_sid": "MB" + "2" * 32, "status": "read", "error_code": 0}
    stored = {**receipt, "service_sid": house.sid, "channel_sid": room.sid, "index": 0, "to_address": "+15550002"}
    stored |= {"date_created": 1_768_478_400_000, "date_updated": 1_768_478_401_000}
    world.table.commit(world.context().cause(), [Put(keys.receipt(room.sid, 0, receipt["sid"]), stored)])
    path = f"/Client/v2/Conversations/{room.sid}/Messages/{message}/Receipts"
    shown = SdkDevice(house, "alice").get(path)["delivery_receipts"]
    dates = {"date_created": "2026-01-15T12:00:00.000Z", "date_updated": "2026-01-15T12:00:01.000Z"}
    assert shown == [{**receipt, **dates, "conversation_sid": room.sid}]
    assert SdkDevice(house, "mallory").ask("GET", path).refusal == (404, 20404)


def test_the_users_of_a_channel_are_its_members_that_exist(house: House, alice: SdkDevice, room: Room) -> None:
    for identity in ("dave", "erin"):
        room.add(identity)
        assert house.rest("DELETE", f"{house.path}/Users/{identity}").status == 204
    # Another dave, who is no member: what the former left in the channel is swept later.
    house.rest.post(f"{house.path}/Users", Identity="dave")
    users = alice.get("/Client/v1/Users", ConversationSid=room.sid)["users"]
    assert [user["identity"] for user in users] == ["alice", "bob"]
    assert users[0]["sync_unique_name"] == users[0]["sync_objects"]["user_info_map"] == f"{users[0]['sid']}.info"
