"""What every update does and how long every text may be, asked once over the table of operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from parley.records import kinds
from tests.rest.everything import FORMS, IN_CONVERSATIONS, OPERATIONS, Operation, make
from tests.rest.support import unchanged
from tests.support.doors import Raw
from tests.support.fakes import FakeClock
from tests.support.world import World

RENAMED = {"friendly_name": "renamed"}
# Resource -> what the update of `FORMS` changes, as it is shown at noon and a minute.
CHANGED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("service", "user", "channel", "credential", "api_key", "messaging_service"), RENAMED),
    "role": {"permissions": ["leaveChannel", "sendMessage"]},
    "user_channel": {"notification_level": "muted"},
    "channel_webhook": {"configuration": {"flow_sid": "FW" + "0a" * 16, "retry_count": 1}},
    "member": {"last_consumed_message_index": 7, "last_consumption_timestamp": "2026-01-15T12:01:00Z"},
    "message": {"body": "changed", "was_edited": True, "last_updated_by": "system"},
}
_WEBHOOK = {"url": "https://example.com/hook", "method": "GET", "filters": ["onMessageAdded"]}
_PUSH = {"enabled": True, "template": "", "sound": "", "badge_count_enabled": False}
# The same in Conversations, where it is otherwise.
CHANGED_IN_CONVERSATIONS: dict[str, dict[str, Any]] = {
    "role": {"permissions": ["leaveConversation", "sendMessage"]},
    "user_conversation": {"notification_level": "muted"},
    "channel_webhook": {"configuration": _WEBHOOK},
    "participant": {"last_read_message_index": 7, "last_read_timestamp": "2026-01-15T12:01:00Z"},
    "address_configuration": RENAMED,
    "account_configuration": {"default_inactive_timer": "PT5M"},
    "account_webhooks": {"filters": ["onMessageAdded"]},
    "service_configuration": {"reachability_enabled": True},
    "service_notifications": {"new_message": {**_PUSH, "with_media": {"enabled": False, "template": ""}}},
    "service_webhooks": {"filters": ["onMessageAdded"]},
}
# A user conversation shows the dates of the conversation, which the update leaves as it is (unconfirmed).
DATES_OF_ANOTHER = {"user_conversation"}
UPDATES = [each for each in OPERATIONS if each.verb == "update" and each.resource != "channel_migration"]


@pytest.mark.parametrize("operation", UPDATES, ids=lambda operation: operation.name)
def test_an_update_changes_what_it_names_and_the_date_and_nothing_else(
    raw: Raw, world: World, clock: FakeClock, operation: Operation
):
    items = make(raw, world.context(), default=operation.scope == "default")
    path = operation.path(items.of(operation))
    before = raw.get(path)
    clock.advance(60 - (clock.now_ms() % 60_000) / 1000)
    after = operation.ask(raw, items.of(operation)).json
    table = CHANGED if operation.scope == "chat" else {**CHANGED, **CHANGED_IN_CONVERSATIONS}
    changed = {name: value for name, value in table[operation.resource].items() if name in before}
    assert {**after, "date_updated": ""} == {**before, **changed, "date_updated": ""} | (
        {} if "date_updated" in before else {"date_updated": ""}
    )
    if operation.resource in DATES_OF_ANOTHER:
        assert after["date_updated"] == before["date_updated"]
    elif "date_updated" in before:
        assert (after["date_created"], before["date_updated"]) == (before["date_created"], before["date_created"])
        assert "12:01:00" in after["date_updated"]
    assert raw.get(path) == after
    for listing in (each for each in OPERATIONS if each.mount is operation.mount and each.verb == "list"):
        page = raw.get(listing.path(items.of(listing)), PageSize=50)
        shown = {**after, "attributes": None} if "/chat/v1" in path and "attributes" in after else after
        assert shown in next(value for value in page.values() if isinstance(value, list))


def too_long(name: str, most: int) -> str:
    return f"{name} is too long: at most {most} characters"


def general(name: str, most: int) -> tuple[str, int, int, str]:
    """A text whose refusal has no code of its own."""
    return name, most, 20001, f"Invalid value for parameter {name}: over {most} characters"


def attributes(most: int) -> tuple[str, int, int, str]:
    return "Attributes", most, 50303, f"Attributes are too long: at most {most} bytes"


FRIENDLY = ("FriendlyName", 256, 50003, too_long("Friendly name", 256))
UNIQUE = ("UniqueName", 256, 50004, too_long("Unique name", 256))
IDENTITY = ("Identity", 256, 50207, too_long("Identity", 256))
BODY = ("Body", 32_768, 50504, "Message body is too long: at most 32768 bytes")
URL = (2048, "is not usable: over 2048 characters")
_LONG_TEMPLATE = (2048, 50058, too_long("Notification template", 2048))
_LONG_SOUND = (256, 50059, too_long("Notification sound", 256))
# Scope and resource, parameter, how long it may be, and what is answered to more.
TEXTS: list[tuple[str, str, int, int, str]] = [
    ("chat service", *FRIENDLY),
    ("chat role", *FRIENDLY),
    ("chat user", *FRIENDLY),
    ("chat channel", *FRIENDLY),
    ("chat credential", *FRIENDLY),
    ("chat messaging_service", "FriendlyName", 64, 50003, too_long("Friendly name", 64)),
    ("chat api_key", "FriendlyName", 64, 50003, too_long("Friendly name", 64)),
    ("chat channel", *UNIQUE),
    ("chat channel", "CreatedBy", 256, 50310, too_long("Author", 256)),
    ("chat message", "From", 256, 50310, too_long("Author", 256)),
    ("chat message", "LastUpdatedBy", 256, 50505, too_long("LastUpdatedBy", 256)),
    ("chat message", *BODY),
    *((f"chat {name}", *IDENTITY) for name in ("user", "member", "invite")),
    ("chat channel", *attributes(16384)),
    *((f"chat {name}", *attributes(4096)) for name in ("user", "member", "message")),
    *((f"conversations {name}", *FRIENDLY) for name in ("service", "role", "user", "channel", "credential")),
    *((f"conversations {name}", *FRIENDLY) for name in ("conversation_with_participants", "address_configuration")),
    *((f"conversations {name}", *IDENTITY) for name in ("user", "participant")),
    *(
        (f"conversations {name}", *text)
        for name in ("channel", "conversation_with_participants")
        for text in (
            UNIQUE,
            attributes(16384),
            general("Bindings.Email.Address", 256),
            general("Bindings.Email.Name", 256),
        )
    ),
    *((f"conversations {name}", *attributes(4096)) for name in ("user", "participant", "message")),
    ("conversations message", "Author", 256, 50310, too_long("Author", 256)),
    ("conversations message", *BODY),
    ("conversations message", *general("Subject", 256)),
    ("conversations channel_webhook", "Configuration.Url", 512, 50372, too_long("Configuration.Url", 512)),
    (
        "conversations address_configuration",
        "AutoCreation.WebhookUrl",
        2048,
        20001,
        "Invalid value for parameter AutoCreation.WebhookUrl: over 2048 characters",
    ),
    *(
        (f"conversations {name}", f"{when}WebhookUrl", URL[0], code, f"{when}WebhookUrl {URL[1]}")
        for name in ("account_webhooks", "service_webhooks")
        for when, code in (("Pre", 50077), ("Post", 50078))
    ),
    *(
        ("conversations service_notifications", f"{kind}.Template", *_LONG_TEMPLATE)
        for kind in ("NewMessage", "NewMessage.WithMedia", "AddedToConversation", "RemovedFromConversation")
    ),
    *(
        ("conversations service_notifications", f"{kind}.Sound", *_LONG_SOUND)
        for kind in ("NewMessage", "AddedToConversation", "RemovedFromConversation")
    ),
]
# What no update takes, or takes only where there was none.
FIXED = {("role", "FriendlyName"), *((name, "Identity") for name in ("user", "member", "invite"))}
# What is taken and not shown.
UNSEEN = {"Subject"}
# What a text is kept with only.
BESIDE = {"AutoCreation.WebhookUrl": {"AutoCreation.Type": "webhook"}}
# Addresses of phones, SIDs and countries, which have rules of their own, and secrets, which are not shown.
NOT_ASKED = {
    "Address",
    "AddressCountry",
    "ApiKey",
    "BundleId",
    "Certificate",
    "Configuration.FlowSid",
    "KeyId",
    "PrivateKey",
    "Secret",
    "TeamId",
}


def longest_text(name: str, most: int) -> str:
    """A text of this length: in bytes, or in characters of two bytes."""
    if name == "Attributes":
        return json.dumps("x" * (most - 2))
    if name.endswith("Url"):
        return "https://example.com/".ljust(most, "x")
    return "ż" * (most // 2 if name == "Body" else most)


def values(shown: Any) -> Iterator[Any]:
    """Everything that stands in an answer, at any depth."""
    within = shown.values() if isinstance(shown, dict) else shown if isinstance(shown, list) else ()
    yield shown
    for each in within:
        yield from values(each)


@pytest.mark.parametrize(("where", "name", "most", "code", "text"), TEXTS, ids=lambda value: str(value)[:40])
def test_a_text_may_be_so_long_and_not_longer(
    raw: Raw, world: World, where: str, name: str, most: int, code: int, text: str
):
    items = make(raw, world.context())
    face, _, resource = where.partition(" ")
    operations = {each.verb: each for each in of_resource(face, resource)}
    longest = longest_text(name, most)
    longer = longest + ("x" if name.endswith("Url") else " ")
    sid = {}
    if create := operations.get("create"):
        path = create.path(items.of(create))
        with unchanged(raw, *(each.path(items.of(each)) for verb, each in operations.items() if verb == "list")):
            assert raw("POST", path, {**create.form, name: longer}).refusal() == (400, code, text)
        answer = raw("POST", path, {**create.form, **BESIDE.get(name, {}), name: longest})
        assert answer.status in (201, 202)
        assert (longest in values(answer.json)) is (name not in UNSEEN)
        sid = {"sid": answer.json["sid"]}
    if (update := operations.get("update")) and (resource, name) not in FIXED:
        url = update.path({**items.of(update), **sid})
        with unchanged(raw, url):
            assert raw("POST", url, {**update.form, name: longer}).refusal() == (400, code, text)
        assert (longest in values(raw.post(url, {**update.form, name: longest}))) is (name not in UNSEEN)


def of_resource(face: str, resource: str) -> Iterator[Operation]:
    """A resource's operations, in Chat v2 if Chat has it in two versions."""
    for each in OPERATIONS:
        if (each.scope, each.resource) == (face, resource) and each.mount.face.prefix != "/chat/v1":
            yield each


def test_every_text_of_conversations_is_among_those_that_are_asked():
    texts = (kinds.Text, kinds.Attributes, kinds.Url)
    found = {
        (f"conversations {each.resource}", parameter.form_name)
        for each in OPERATIONS
        for parameter in (each.mount.form(each.verb) if each.verb in ("create", "update") else ())
        if each.scope == "conversations" and isinstance(getattr(parameter.kind, "kind", parameter.kind), texts)
    }
    asked = {(where, name) for where, name, *_ in TEXTS if where.startswith("conversations ")}
    assert {each for each in found - asked if each[1] not in NOT_ASKED} == set()


def test_every_form_that_is_updated_has_its_change_here():
    updated = {resource for resource, verb in (FORMS | IN_CONVERSATIONS) if verb == "update"} - {"channel_migration"}
    assert {operation.resource for operation in UPDATES} == {*CHANGED, *CHANGED_IN_CONVERSATIONS} == updated
