"""Every documented code (https://www.twilio.com/docs/api/errors): what it is answered to, or why it never is.

A code that Conversations can answer with stands in one of the tables below: with a request that is refused so, or with
the test that has what it takes. No refused request changes anything that is stored.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from local.home import REPOSITORY
from local.template.template import Template
from parley import errors
from parley.faces.errors import _BY_RECORD, _BY_TYPE, TABLE
from parley.store.table import Table
from tests.conversations.phones import (
    AMERICANS,
    API,
    OTHER_PHONE,
    OTHER_PROXY,
    PHONE,
    PROXY,
    SENDER,
    Form,
    bound,
    pair,
    unchanged,
)
from tests.support.doors import LambdaDoor, Raw
from tests.support.lean import LeanClient
from tests.support.world import World

LONG = "x" * 257
NO_ROLE = "RL" + "0" * 32
NO_SERVICE = "IS" + "0" * 32
HOOK = {"Target": "webhook", "Configuration.Url": "https://example.com", "Configuration.Filters": "onMessageAdded"}
TRIGGER = {"Target": "trigger", "Configuration.Url": "https://example.com"}
TEMPLATE = {"ContentSid": "HX" + "0a" * 16}
TAKEN = {"address": PHONE, "proxy_address": PROXY}
PLACE, ADDRESSES = "{open}/Participants", "/Configuration/Addresses"

# By code: status, path and form of a request; one without a form reads. Names in braces are of the scene.
Asked = tuple[int, str, Form | None]
REFUSED: dict[int, Asked] = {
    19038: (400, "{open}/Messages?PageToken=-1", None),
    20001: (400, "/Services", {}),
    20007: (400, "/Conversations?PageSize=0", None),
    20161: (400, "{open}", {}),
    20404: (404, "{absent}", None),
    20409: (409, ADDRESSES, {"Type": "sms", "Address": PROXY}),
    50003: (400, "{open}", {"FriendlyName": LONG}),
    50004: (400, "{open}", {"UniqueName": LONG}),
    50050: (404, "/Configuration", {"DefaultChatServiceSid": NO_SERVICE}),
    50054: (400, "/Configuration/Webhooks", {"Filters": "onMessageSaid"}),
    50055: (400, "/Configuration/Webhooks", {"Method": "PUT"}),
    50058: (400, "{service}/Configuration/Notifications", {"NewMessage.Template": LONG * 8}),
    50059: (400, "{service}/Configuration/Notifications", {"NewMessage.Sound": LONG}),
    50065: (400, ADDRESSES, {"Type": "sms", "Address": OTHER_PROXY, "AutoCreation.StudioRetryCount": "4"}),
    50077: (400, "/Configuration/Webhooks", {"PreWebhookUrl": "x"}),
    50078: (400, "/Configuration/Webhooks", {"PostWebhookUrl": "x"}),
    50102: (404, "/Users", {"Identity": "bob", "RoleSid": NO_ROLE}),
    50104: (400, "/Roles", {"FriendlyName": "x", "Type": "service", "Permission": "flyAway"}),
    50105: (400, "/Roles", {"FriendlyName": "x", "Type": "channel", "Permission": "sendMessage"}),
    50109: (404, PLACE, {"Identity": "bob", "RoleSid": NO_ROLE}),
    50201: (409, "/Users", {"Identity": "alice"}),
    50203: (400, "/Users", {"Identity": "system"}),
    50204: (400, PLACE, {}),
    50206: (400, "/Users", {"Identity": "US" + "0" * 32}),
    50207: (400, "/Users", {"Identity": LONG}),
    50209: (400, "{service}/Bindings?BindingType=pigeon", None),
    50210: (400, "/Users/alice/Conversations/{open_sid}", {"NotificationLevel": "loud"}),
    50211: (400, PLACE, pair(OTHER_PHONE, Identity="bob")),
    50303: (400, "{open}", {"Attributes": '"' + "x" * 16_384 + '"'}),
    50304: (400, "{open}", {"Attributes": "{"}),
    50308: (400, "{open}", {"DateCreated": "yesterday"}),
    50309: (400, "{open}", {"DateUpdated": "yesterday"}),
    50310: (400, "{open}/Messages", {"Body": "x", "Author": LONG}),
    50340: (400, "{open}", {"MessagingServiceSid": ""}),
    50341: (400, "{open}", {"MessagingServiceSid": "MG1"}),
    50353: (409, "/Conversations", {"UniqueName": "taken"}),
    50361: (400, "{hooked}/Webhooks", HOOK),
    50362: (400, "{open}/Webhooks", {**TRIGGER, "Configuration.Triggers": list("abcdef")}),
    50364: (400, "{open}/Webhooks", {**HOOK, "Target": "mail"}),
    50365: (400, "{open}/Webhooks", {**HOOK, "Configuration.Filters": "onMessageAdd"}),
    50366: (400, "{open}/Webhooks", {**TRIGGER, "Configuration.Triggers": LONG}),
    50367: (400, "{open}/Webhooks", {"Target": "studio", "Configuration.FlowSid": "FX"}),
    50368: (400, "{open}/Webhooks", {}),
    50369: (400, "{open}/Webhooks", {"Target": "webhook", "Configuration.Filters": "onMessageAdded"}),
    50370: (400, "{open}/Webhooks", {"Target": "webhook", "Configuration.Url": "https://example.com"}),
    50371: (400, "{open}/Webhooks", TRIGGER),
    50372: (400, "{open}/Webhooks", {**HOOK, "Configuration.Url": "https://example.com/" + LONG * 2}),
    50373: (400, "{former}/Participants", pair(OTHER_PHONE)),
    50374: (400, "{open}", {"State": ""}),
    50375: (400, "{open}", {"Timers.Inactive": "PT59S"}),
    50376: (400, "{open}", {"Timers.Closed": "PT9M"}),
    50377: (400, "{closed}/Messages", {"Body": "x"}),
    50378: (400, "{open}", {"State": "asleep"}),
    50379: (400, "{open}", {"Timers.Inactive": "soon"}),
    50380: (400, "{open}", {"Timers.Closed": "soon"}),
    50384: (400, "/Conversations", {"State": "closed"}),
    50390: (400, "/Conversations", {"UniqueName": "CH" + "0" * 32}),
    50396: (400, "/Conversations?StartDate=2026-01-02&EndDate=2026-01-01", None),
    50405: (400, f"{PLACE}/alice", {"LastReadTimestamp": "yesterday"}),
    50407: (400, PLACE, pair("0172")),
    50408: (400, PLACE, pair(OTHER_PHONE, "0172")),
    50409: (400, PLACE, pair(PROXY, PROXY)),
    50411: (400, PLACE, pair("")),
    50412: (400, PLACE, pair(OTHER_PHONE, "")),
    50413: (400, PLACE, pair(OTHER_PHONE, "+12025550199")),
    50414: (400, PLACE, pair(OTHER_PHONE, SENDER)),
    50415: (400, PLACE, pair(f"whatsapp:{PHONE}", "whatsapp:+12025550199")),
    50416: (409, "{closed_not}/Participants", pair()),
    50420: (
        400,
        "/ConversationWithParticipants",
        {"Participant": [json.dumps({"messaging_binding": {**TAKEN, "name": "x"}})]},
    ),
    50421: (400, f"{PLACE}/alice", {"LastReadMessageIndex": "x"}),
    50424: (400, "/ConversationWithParticipants", {"Participant": ["x"]}),
    50425: (409, "/ConversationWithParticipants", {"Participant": [json.dumps({"messaging_binding": TAKEN})]}),
    50426: (400, "/ConversationWithParticipants", {"Participant": [f'{{"identity": "{n}"}}' for n in range(11)]}),
    50433: (409, PLACE, {"Identity": "alice"}),
    50434: (400, "{group}/Participants", {"Identity": "bob"}),
    50435: (400, PLACE, bound(AMERICANS[5])),
    50437: (409, "{group}/Participants", bound(AMERICANS[0])),
    50438: (409, "{half}/Participants", bound(projected=PROXY)),
    50439: (400, "{group}/Participants", bound(projected="+12025550199")),
    50440: (400, f"{PLACE}/alice", bound(proxy="null")),
    50441: (400, f"{PLACE}/alice", bound(proxy=PROXY)),
    50442: (400, f"{PLACE}/alice", bound(projected="null")),
    50443: (400, f"{PLACE}/{quote(PHONE)}", bound(projected=PROXY)),
    50444: (400, f"{PLACE}/alice", {"Identity": "bob"}),
    50451: (400, f"/ParticipantConversations?Identity=alice&Address={quote(PHONE)}", None),
    50453: (400, PLACE, pair("alice@example.com")),
    50503: (400, "{open}/Messages", {}),
    50504: (400, "{open}/Messages", {"Body": "x" * 32_769}),
    50507: (404, "{open}/Messages", {"MediaSid": "ME" + "0" * 32}),
    50510: (400, "{open}/Messages", {"MediaSid": "ME1"}),
    50513: (400, "{group}/Messages", {"Body": "x"}),
    50526: (400, "{open}/Messages", {"ContentSid": "HX1"}),
    50527: (400, "{open}/Messages", {**TEMPLATE, "ContentVariables": "[]"}),
    50528: (400, "{open}/Messages", {"Body": "x", "ContentVariables": "{}"}),
    50529: (400, "{open}/Messages", {**TEMPLATE, "ContentVariables": '{"1": "' + "x" * 27_800 + '"}'}),
    50540: (400, "{open}/Messages", {**TEMPLATE, "ContentVariables": '{"' + "x" * 17 + '": ""}'}),
    50541: (400, "{open}/Messages", {**TEMPLATE, "ContentVariables": '{"1": "' + LONG + '"}'}),
}

# If somebody else changes a record first every time, the code depends on its type: the request that changes one.
CHANGING: dict[int, tuple[str, Form]] = {
    20409: ("{service}/Configuration", {"ReachabilityEnabled": "true"}),
    50213: ("/Users/alice", {"FriendlyName": "Alice"}),
    50391: ("{open}", {"FriendlyName": "renamed"}),
    50419: (f"{PLACE}/alice", {"Attributes": "[]"}),
    50514: ("{open}/Messages/{message}", {"Body": "changed"}),
}

# By code: the test that has what it takes, because that is a limit, a client, a failure or another configuration.
ELSEWHERE: dict[int, str] = {
    20003: "rest/test_every_operation.py::test_without_the_right_credentials_nothing_is_told",
    20004: "rest/test_every_operation.py::test_a_verb_that_is_not_offered_is_refused_with_those_that_are",
    20006: "rest/test_api_keys.py::NO_KEYS_WITH_KEYS",
    20403: "sockets/test_horizon.py::test_a_service_without_read_status_has_no_horizon",
    20413: "rest/test_every_operation.py::test_a_body_over_the_limit_is_refused",
    20500: "rest/test_failures.py::test_an_unexpected_failure_is_told_without_details",
    20503: "rest/test_failures.py::test_a_table_that_stays_too_busy_is_answered_with_a_503",
    50056: "webhooks/asking.py::REFUSED",
    50057: "webhooks/test_logs.py::test_a_delivery_is_logged_with_sids_status_and_duration_and_nothing_that_was_said",
    50063: "rest/test_rates.py::CHANNEL_RATE",
    50074: "rest/test_rates.py::SERVICE_RATE",
    50076: "webhooks/test_pre_events.py::test_no_answer_over_real_connections_lets_the_action_go_on",
    50107: "sockets/test_rights.py::FORBIDDEN",
    50200: "people/test_deleted_users_sockets.py::GONE",
    50214: "conversations/test_closing.py::test_a_participant_of_closed_conversations_may_join_others",
    50382: "conversations/test_timers.py::test_a_timer_may_be_given_without_a_state",
    50386: "conversations/test_states.py::test_a_conversation_that_is_being_made_takes_no_change",
    50417: "conversations/test_participants.py::test_phones_count_among_the_participants",
    50418: "conversations/test_participants.py::test_a_conversation_has_at_most_fifty_phones",
    50430: "sdk/test_rights.py::NO_PARTICIPANT",
    50436: "conversations/test_groups.py::TOGETHER",
    50452: "conversations/test_participants.py::test_where_carriers_take_no_group_messages_there_are_no_groups",
    50505: "rest/test_changes.py::TEXTS",
    50508: "sockets/test_media_messages.py::test_media_that_another_message_carries_is_refused",
    50509: "sockets/test_media_messages.py::test_the_body_of_a_media_message_cannot_change_but_its_attributes_can",
    50530: "sdk/requests_of_rows.py::SENT",
    50610: "conversations/test_senders.py::test_the_configuration_of_a_sender_goes_with_it_and_that_is_logged_as_50610",
}

# Why a documented code is never answered.
IN_PATH = "a SID stands in the path, and a path that leads nowhere is answered 20404"
REQUIRED = "a missing parameter is answered 20001"
HIDDEN = "what is being deleted is not found at once (20404)"
ONLY_CHAT = "only Chat answers it; Conversations has a code of its own"
NO_MEDIA = "Conversations takes no files"
ONE_TYPE = "every template has the type twilio/text, which Conversations can send"
NO_METADATA = "Twilio describes no requests for the metadata of a channel"
NO_AGENTS = "there are no virtual agents"
NEVER: dict[int, str] = {
    **dict.fromkeys((50006, 50001), "the account is that of the credentials"),
    **dict.fromkeys((50051, 50100, 50202, 50350, 50351, 50360, 50363, 50431, 50432), IN_PATH),
    **dict.fromkeys((50500, 50501, 50502, 50516), IN_PATH),
    **dict.fromkeys((50000, 50103), REQUIRED),
    **dict.fromkeys((50002, 50334), HIDDEN),
    **dict.fromkeys((50101, 50106, 50208, 50347, 50349, 50393, 50400, 50402, 50403, 50404, 50406, 50449), ONLY_CHAT),
    **dict.fromkeys((50600, 50601, 50602), "Conversations has no invites"),
    50205: "clients cannot name roles, and back ends may give every role",
    50342: "a conversation keeps the SID of a messaging service as it was given, whoever has that service",
    50385: "Parley runs Conversations in every region",
    50392: "Conversations has no parameter for the time that a pre-event webhook has",
    50422: "50418 says the same of the same limit",
    50427: "a conversation and its participants are made in one transaction, so no failure leaves half of them",
    **dict.fromkeys((50506, 50511, 50512), NO_MEDIA),
    50542: ONE_TYPE,
    **dict.fromkeys(range(50531, 50535), NO_METADATA),
    **dict.fromkeys(range(50700, 50712), NO_AGENTS),
}

DOCUMENTED = {
    *(19038, 20161, 50000, 50001, 50002, 50003, 50004, 50006, 50050, 50051, 50054, 50055, 50056, 50057, 50058, 50059),
    *(50063, 50065, 50074, 50076, 50077, 50078, 50334, 50385, 50390, 50391, 50392, 50393, 50396, 50449),
    *(*range(50100, 50108), 50109, *range(50200, 50212), 50213, 50214, 50303, 50304, 50308, 50309, 50310),
    *(50340, 50341, 50342, 50347, 50349, 50350, 50351, 50353, *range(50360, 50381), 50382, 50384, 50386),
    *(50400, *range(50402, 50410), *range(50411, 50423), *range(50424, 50428), *range(50430, 50445)),
    *(50451, 50452, 50453, *range(50500, 50515), 50516, *range(50526, 50535), 50540, 50541, 50542),
    *(50600, 50601, 50602, 50610, *range(50700, 50712)),
}


@dataclass
class Scene:
    """One account with a bit of everything, and the names that paths use."""

    world: World
    lean: LeanClient
    raw: Raw
    names: dict[str, str]

    def ask(self, path: str, form: Form | None) -> Any:
        path = path.format(**self.names)
        path = path if path.startswith(API) else API + path
        where, _, query = path.partition("?")
        asked = [tuple(part.split("=")) for part in query.split("&") if part]
        return self.raw("GET", where, query=asked) if form is None else self.raw("POST", path, form)


@pytest.fixture(scope="module")
def scene(lean: LeanClient, template: Template) -> Iterator[Scene]:
    world = World(lean, template.tables()[0].name)
    raw = Raw(LambdaDoor(world))

    def made(path: str, form: Form | None = None) -> str:
        return str(raw.post(API + path, form or {})["sid"])

    def conversation(*participants: Form, **form: Any) -> str:
        path = f"/Conversations/{made('/Conversations', form)}"
        for one in participants:
            made(f"{path}/Participants", one)
        return API + path

    by_number = bound(projected=PROXY)
    names = {
        "open": conversation({"Identity": "alice"}, pair()),
        "closed": conversation(State="inactive"),
        "closed_not": conversation(UniqueName="taken"),
        "group": conversation(bound(AMERICANS[0]), bound(AMERICANS[1]), by_number),
        "half": conversation(bound(AMERICANS[0]), bound(AMERICANS[1])),
        "hooked": conversation(),
        "absent": f"{API}/Conversations/CH{'0' * 32}",
    }
    raw.post(names["closed"], State="closed")
    for _ in range(5):
        raw.post(f"{names['hooked']}/Webhooks", HOOK)
    raw.post(API + ADDRESSES, {"Type": "sms", "Address": PROXY})
    service = raw.get(names["open"])["chat_service_sid"]
    channel = raw.post(f"/chat/v2/Services/{service}/Channels", Type="private")["sid"]
    names |= {
        "open_sid": names["open"].rpartition("/")[2],
        "message": raw.post(f"{names['open']}/Messages", Body="hello")["sid"],
        "service": f"{API}/Services/{service}",
        "former": f"{API}/Conversations/{channel}",
    }
    with unchanged(world, lean):
        yield Scene(world, lean, raw, names)


@pytest.mark.parametrize("code", REFUSED)
def test_a_request_is_refused_with_its_code(scene: Scene, code: int):
    status, path, form = REFUSED[code]
    assert scene.ask(path, form).refusal()[:2] == (status, code)


@pytest.mark.parametrize("code", CHANGING)
def test_a_record_that_others_keep_changing_is_refused_with_the_code_of_its_type(scene: Scene, code: int):
    def overtaken(*_: Any) -> Any:
        raise errors.CONCURRENT_UPDATE()

    with patch.object(Table, "commit", overtaken):
        assert scene.ask(*CHANGING[code]).refusal()[:2] == (409, code)


@pytest.mark.parametrize("code", ELSEWHERE)
def test_a_code_has_the_test_that_is_named_for_it(code: int):
    file, _, name = ELSEWHERE[code].partition("::")
    path = REPOSITORY / "tests" / file
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    defined |= {target.id for node in nodes for target in targets(node) if isinstance(target, ast.Name)}
    assert name in defined


def targets(node: ast.stmt) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def answered() -> set[int]:
    """Every code that Conversations can answer with."""
    found: set[int] = set()
    for error, row in TABLE.items():
        if row.conversations:
            column = ("conversations", error)
            found |= set(_BY_TYPE.get(column, {}).values()) or {row.conversations.code}
            found |= set(_BY_RECORD.get(column, {}).values())
    return found


def test_every_code_that_conversations_answers_is_provoked_by_a_test():
    assert answered() - {*REFUSED, *CHANGING, *ELSEWHERE} == set()


def test_every_documented_code_is_answered_or_there_is_a_reason():
    assert DOCUMENTED - {*REFUSED, *CHANGING, *ELSEWHERE, *NEVER} == set()
    assert answered() & NEVER.keys() == set()
    assert NEVER.keys() <= DOCUMENTED


# Here, a channel is a kind of address.
OF_ADDRESSES = {errors.PROXY_NOT_SUPPORTED, errors.NO_CHANNEL_METADATA}
CHATS_WORDS = re.compile(r"\b(channels?|members?|WebhookMethod|consum\w+)\b", re.IGNORECASE)


@pytest.mark.parametrize("error", [error for error, row in TABLE.items() if row.conversations], ids=str)
def test_a_refusal_of_conversations_is_told_in_its_own_words(error: errors.Error):
    text = TABLE[error].conversations.text.replace("{channel_sid}", "")
    assert error in OF_ADDRESSES or not CHATS_WORDS.search(text)
