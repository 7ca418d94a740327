"""Generated requests: for any published operation, parameters that are valid, nearly valid, and hostile.

What an operation takes is read from the contract tables, not from the rows. The account API, which is in no table, takes
what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.published import checker
from tests.rest.everything import Everything, Operation
from tests.support.world import PHONE_NUMBERS, WHATSAPP_SENDERS

Pairs = list[tuple[str, str]]

HOSTILE = [
    "", " ", "\x00", "a\x00b", "\x01\x1f\x7f", "\r\nX-Injected: 1", "\u0085", "\ufeff", "\u202e", "\U0001f600", "e\u0301", "\u0663",
    "x" * 257, "x" * 5_000, "\u017c" * 300, "0", "-1", "--1", "+1", " 1", "1_0", "1e9", "0x10", "1.5", "9" * 19, "9" * 400, "0" * 5_000,
    "NaN", "Infinity", "null", "None", "true", "TRUE", "1", "{}", "[]", "{", '{"a":' * 50, "[" * 3_000, '"\\ud800"', "{'a':1}",
    "%00", "%", "%2F", "..", "../..", "/", "//", "?", "#", "&a=b", "a=b", ";", "<script>", "' OR 1=1 --", "${jndi:x}", "{0}", "{name}", "%s",
    "CH" + "0" * 32, "US" + "0a" * 16, "IS" + "F" * 32, "RL" + "0" * 31, "SERVICE#", "MEMBER#MB", "CHANNEL#CH\x00TAIL", "__proto__",
]  # fmt: skip
DATES = [
    "2015-07-30T20:00:00Z", "2015-07-30", "2015-07-30T20:00:00.123456789+14:00", "2015-07-30 20:00", "9999-12-31T23:59:59Z", "1970-01-01",
    "0001-01-01T00:00:00Z", "1969-12-31", "2015-02-30", "2015-13-01", "2015-07-30T25:00:00Z", "9999-12-31T23:59:59-23:59", "Thu, 30 Jul 2015",
]  # fmt: skip
NUMBERS = ["0", "1", "3", "4", "5", "100", "1000", "1001", "2147483647", "2147483648", "10000000000", "99999999999"]
DOCUMENTS = [
    "{}",
    '{"a":1}',
    "[1,2]",
    '"x"',
    "null",
    "1",
    '{"a":"' + "x" * 4_090 + '"}',
    '{"a":"' + "x" * 20_000 + '"}',
]
URLS = [
    "https://example.com/x",
    "http://127.0.0.1/",
    "ftp://x",
    "https://",
    "http://[::1",
    "https://a:99999/",
    "https://\u017c/",
    "javascript:1",
]
_EVENTS = [
    "onMessageAdd",
    "onMessageAdded",
    "onConversationStateUpdated",
    "onDeliveryUpdated",
    "onMessageSent",
    "onNothing",
]
NAMES_BY_FORM = {
    "Permission": [
        "sendMessage",
        "leaveChannel",
        "createChannel",
        "joinChannel",
        "editAnyMessage",
        "flyAway",
        "leaveConversation",
        "addNonChatParticipant",
    ],
    "WebhookFilters": ["onMessageSend", "onMessageSent", "onUserAdded", "onNothing"],
    "Configuration.Filters": ["onMessageSent", "onChannelDestroyed", "onUserAdded", "onMessageSend", *_EVENTS],
    "Filters": _EVENTS,
    "AutoCreation.WebhookFilters": _EVENTS,
    "Configuration.Triggers": ["help", "x" * 248, "x" * 249],
}
DURATIONS = [
    "PT1M", "PT10M", "P1DT2H", "PT59S", "P1M", "-PT1M", "PT0S", "P1W", "PT0.5M", "PT90,5S", "P36525D", "P99999D", "P", "PT", "1h",
    "P" + "9" * 10_000 + "D", "PT" + "0" * 10_000 + "1M", "P\u0661D",
]  # fmt: skip
PHONES = [
    "+491721234567", "+14155550100", "+14155550101", *PHONE_NUMBERS, "whatsapp:+491721234567", *WHATSAPP_SENDERS, "rcs:+491721234567",
    "messenger:1", "a@example.com", "null", "+1", "whatsapp:", "+" + "1" * 300, "+49 172 1234567", "+\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
]  # fmt: skip
PARTICIPANTS = [
    '{"identity": "alice"}', '{"identity": "bob", "attributes": "{}"}', '{"identity": 7}', '{"identity": ["a"]}', "{}", "[]", "7", "null", "{",
    '{"messaging_binding": {"address": "+14155550100", "proxy_address": "+12025550143"}}', '{"messaging_binding": 7}',
    '{"messaging_binding": {"projected_address": "+12025550143"}}', '{"messaging_binding": {"address": {"a": 1}}}',
    '{"identity": "x", "role_sid": "RL"}', '{"identity": "x", "colour": "green"}', '{"identity": "\\ud800"}',
]  # fmt: skip
_KNOWN_WORDS = {
    **dict.fromkeys(("Timers.Inactive", "Timers.Closed", "DefaultInactiveTimer", "DefaultClosedTimer"), DURATIONS),
    "Participant": PARTICIPANTS,
    "ContentVariables": ["{}", '{"1": "x"}', '{"1": 1}', "[]", "{", '{"1": "' + "x" * 300 + '"}'],
}
_SIDS = {
    "RoleSid": "RL",
    "MediaSid": "ME",
    "MessagingServiceSid": "MG",
    "DefaultMessagingServiceSid": "MG",
    "ContentSid": "HX",
    "Configuration.FlowSid": "FW",
    "AutoCreation.StudioFlowSid": "FW",
}
LIST = {"PageSize": ["1", "2", "50", "100", "1000", "1001", "0", "-1"], "Page": ["0", "1", "7", "-1"]}


@dataclass(frozen=True)
class Request:
    """One request, whole."""

    verb: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: tuple[tuple[str, str], ...] | bytes


def published(operation: Operation) -> dict[str, Any]:
    """What the contract says of an operation: its form and query parameters."""
    if operation.mount.face.style == "2010":
        form = {"FriendlyName": {"type": "string"}} if operation.verb in ("create", "update") else {}
        return {"form": form, "query": {name: {"type": "integer"} for name in LIST} if operation.verb == "list" else {}}
    found = checker.operation_of(operation.method, re.sub(r"\{\w+\}", "x", operation.template))
    assert found is not None
    return found[1]


def candidates(name: str, schema: dict[str, Any], known: dict[str, list[str]]) -> list[str]:
    """Values that a parameter may well have, right and nearly right."""
    schema = schema.get("items", schema) if schema.get("type") == "array" else schema
    if name in known:
        return known[name]
    if name in NAMES_BY_FORM:
        return NAMES_BY_FORM[name]
    if name in _KNOWN_WORDS:
        return _KNOWN_WORDS[name]
    if name.endswith("Address"):
        return PHONES
    if name in _SIDS:
        return [_SIDS[name] + "0a" * 16, _SIDS[name] + "0" * 32, _SIDS[name], "XX" + "0" * 32]
    if choices := schema.get("enum"):
        return [*choices, choices[0].upper(), ",".join(choices)]
    if schema.get("type") == "boolean":
        return ["true", "false", "True", "1"]
    if schema.get("type") == "integer":
        return LIST.get(name, NUMBERS)
    if schema.get("format") == "date-time" or "Date" in name or "Timestamp" in name:
        return DATES
    if "Attributes" in name:
        return DOCUMENTS
    return URLS if name.endswith("Url") else ["x", "a name", "\u017c\u00f3\u0142w", "x" * 256]


def known_values(own: Everything, other: Everything) -> dict[str, list[str]]:
    """Values that mean something in the account at hand: SIDs, identities, unique names."""
    roles = [own.items["role"], other.items["role"], "RL" + "0" * 32, "RL"]
    chats = ("DefaultServiceRoleSid", "DefaultChannelRoleSid", "DefaultChannelCreatorRoleSid")
    conversations = ("DefaultChatServiceRoleSid", "DefaultConversationRoleSid", "DefaultConversationCreatorRoleSid")
    identities = ["alice", "bob", "carol", "system", "private", "a/b \u017c", own.items["user"]]
    return {
        **dict.fromkeys(("RoleSid", *chats, *conversations), roles),
        "Identity": identities,
        "Author": identities,
        "UniqueName": ["team", "other", "a/b \u017c", own.items["channel"], "CH" + "0" * 32],
        "From": identities,
        "AutoCreation.ConversationServiceSid": [own.items["service"], other.items["service"], "IS" + "0" * 32],
        # Another default service would take the whole default scope away.
        "DefaultChatServiceSid": [own.within("default").addresses["service_sid"], "IS" + "0" * 32, "IS"],
        "Order": ["asc", "desc", "up"],
    }


_TEXT, _FEW_BYTES, _BYTES = st.text(max_size=20), st.binary(min_size=1, max_size=6), st.binary(max_size=60)


def one_of(options: Iterable[Any]) -> st.SearchStrategy[Any]:
    """One of some values. Each strategy is made once, for making one takes longer than drawing from it."""
    return _one_of(tuple(options))


@cache
def _one_of(options: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(options)


def addresses(
    draw: st.DrawFn, operation: Operation, right: dict[str, str], others: list[dict[str, str]], named: list[str]
) -> dict[str, str]:
    """What stands in the path, percent-encoded: mostly what is right, else one of them is not."""
    found = {name: quote(right[name], safe="") for name in operation.names}
    kind = draw(st.integers(0, 11))
    if kind > 2 or not found:
        return found
    name = draw(one_of(operation.names))
    if kind == 0:
        found[name] = "".join(f"%{byte:02X}" for byte in draw(_FEW_BYTES))
        return found
    wrong = [*(other[name] for other in others if name in other), right[name][:2] + "0" * 32, right[name].lower()]
    text = draw(one_of(wrong if kind == 1 else [*named, *HOSTILE]))
    # An empty segment would be another path.
    return {**found, name: quote(text, safe="") or "%20"}


def value(draw: st.DrawFn, likely: list[str]) -> str:
    """One value of a parameter."""
    kind = draw(st.integers(0, 9))
    if kind < 6:
        return draw(one_of(likely))
    return draw(one_of(HOSTILE)) if kind < 8 else draw(_TEXT)


def parameters(draw: st.DrawFn, schemas: dict[str, Any], valid: dict[str, Any], known: dict[str, list[str]]) -> Pairs:
    """A form or query string: what would be accepted, then some of it changed, left out, repeated or made up."""
    pairs = [
        (name, str(part)) for name, value in valid.items() for part in (value if isinstance(value, list) else [value])
    ]
    if pairs and draw(st.integers(0, 7)) == 0:
        del pairs[draw(st.integers(0, len(pairs) - 1))]
    names = list(schemas)
    for _ in range(draw(one_of([0, 0, 1, 1, 1, 2, 3, 6])) if names else 0):
        name = draw(one_of(names))
        likely = candidates(name, schemas[name], known)
        for _ in range(draw(one_of([1, 1, 1, 1, 2, 7]))):
            pairs.append((name, value(draw, likely)))
    if draw(st.integers(0, 9)) == 0:
        made_up = [
            *HOSTILE,
            *(name.lower() for name in names),
            *(f"{name}.Enabled" for name in names),
            "Sid",
            "AccountSid",
            "DateCreated",
        ]
        pairs.append((draw(one_of(made_up)), value(draw, ["x"])))
    return pairs


@dataclass(frozen=True)
class Generator:
    """What requests for one operation are made of.

    Attributes:
        others: A second service of the account, and a stranger's.
        tokens: Values for PageToken.
    """

    operation: Operation
    own: Everything
    others: list[Everything]
    tokens: list[str]

    @cached_property
    def contract(self) -> dict[str, Any]:
        return published(self.operation)

    @cached_property
    def known(self) -> dict[str, list[str]]:
        return known_values(self.own, self.others[0]) | {"PageToken": self.tokens}


def _of_one_kind(draw: st.DrawFn, operation: Operation, form: dict[str, Any]) -> dict[str, Any]:
    """The parameters to draw from. Half of the new participants are to be people, who have no addresses."""
    if (operation.resource, operation.verb) != ("participant", "create") or draw(st.booleans()):
        return form
    return {name: schema for name, schema in form.items() if not name.startswith("MessagingBinding.")}


@st.composite
def requests(draw: st.DrawFn, generator: Generator, number: int, victim: str) -> Request:
    """A request that means the operation, or nearly.

    `number` is another one each time, for identities that nobody has; `victim` is the item that may be deleted.
    """
    operation, contract, known = generator.operation, generator.contract, generator.known
    right = generator.own.of(operation)
    others = [other.of(operation) for other in generator.others]
    # What is still needed must not be deleted, neither by its name nor because another service has it too.
    named = [] if victim else ["alice", "bob", "team"]
    if victim:
        others = [{name: sid for name, sid in other.items() if sid != right.get(name)} for other in others]
        right[operation.names[-1]] = victim
    path = operation.path(addresses(draw, operation, right, others, named))
    valid = operation.form
    valid = {name: f"{value} {number}" if name == "Identity" else value for name, value in valid.items()}
    query: Pairs = []
    if contract["query"] or draw(st.integers(0, 9)) == 0:
        query = parameters(draw, contract["query"] or {"PageSize": {"type": "integer"}}, {}, known)
    headers = (
        [("X-Twilio-Webhook-Enabled", draw(one_of(["true", "false", "TRUE", "", "\u00e9"])))]
        if draw(st.integers(0, 4)) == 0
        else []
    )
    body: Pairs | bytes = []
    if operation.method == "POST":
        body = parameters(draw, _of_one_kind(draw, operation, contract["form"]), valid, known)
        if draw(st.integers(0, 14)) == 0:
            body = draw(_BYTES)
            headers.append(
                ("Content-Type", draw(one_of(["application/x-www-form-urlencoded", "application/json", "x", ""])))
            )
        if operation.resource == "message" and draw(st.integers(0, 3)) == 0:
            headers.append(("I-Twilio-Idempotency-Token", draw(one_of(["a", "b", "x" * 600, "\u00ff", " "]))))
    return Request(
        operation.method, path, tuple(query), tuple(headers), body if isinstance(body, bytes) else tuple(body)
    )
