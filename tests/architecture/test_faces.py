"""Faces and records: a field appears only where it is named, and its declaration alone says if clients may set it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parley.domain.roles import PERMISSIONS
from parley.faces import chat_v2
from parley.faces.names import read
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount, View
from parley.faces.views import present
from parley.records import CHANNEL, MEMBER, MESSAGE, RECORDS, USER
from parley.records.kinds import Text
from parley.records.spec import FREELY, Field, RecordType
from parley.sockets.native.actions import ACTIONS, Action
from parley.webhooks.events import PARAMETERS
from parley.webhooks.families import FAMILIES
from tests.architecture.test_imports import CORE, modules
from tests.sdk.acts_of_tables import ACTS, Listed

# A field that a client might set, declared on a copy of each type of record.
NEW = Field("colour", Text(), "A colour.", default="red", on_create=FREELY, on_update=FREELY, reason="colour")
# What clients hear of as it changes.
HEARD_OF = (CHANNEL, MEMBER, MESSAGE, USER)


def with_new_field(mount: Mount) -> Mount:
    return replace(mount, record=replace(mount.record, fields=(*mount.record.fields, NEW)))


def sample(record_type: RecordType) -> dict[str, Any]:
    """A record with something in every place that a path, link or view of its type names."""
    names = ("sid", "service_sid", "channel_sid", "user_sid", "member_address", "identity")
    names += ("default_chat_service_sid", "member_sid", "message_sid", "messaging_service_sid")
    return {**dict.fromkeys(names, "x"), "colour": "blue", "limits.colour": "blue", "media": {"colour": "blue"}}


def everything_in(value: Any) -> set[str]:
    """All keys of a JSON document."""
    if isinstance(value, dict):
        return set(value).union(*map(everything_in, value.values()))
    return set()


@pytest.mark.parametrize("mount", MOUNTS, ids=lambda mount: f"{mount.face.name} {mount.resource} {mount.plural}")
def test_a_new_field_is_in_no_form_and_no_view_until_it_is_named_there(mount: Mount):
    grown = with_new_field(mount)
    for verb in ("create", "list", "update"):
        assert "colour" not in {parameter.name for parameter in grown.form(verb)}
    for listed in (False, True):
        shown = present(grown, sample(grown.record), "https://x", "AC0", listed=listed)
        assert "colour" not in everything_in(shown)


def test_a_new_field_that_is_named_is_in_the_form_and_in_the_view():
    grown = replace(
        with_new_field(chat_v2.CHANNELS), view=View(chat_v2.CHANNEL_NAMES + " colour"), create="colour", update="colour"
    )
    assert present(grown, sample(CHANNEL), "https://x", "AC0")["colour"] == "blue"
    assert [parameter.form_name for parameter in grown.form("create")] == ["Colour"]


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if isinstance(action, Action)])
def test_client_actions_take_no_new_field_and_only_fields_that_clients_may_set(name: str):
    action = ACTIONS[name]
    assert isinstance(action, Action)
    taken = action.takes.split()
    assert "colour" not in taken
    assert set(taken) <= {parameter.name for parameter in action.mount.form(action.verb)}
    if action.verb in ("create", "update"):
        assert [field for field in taken if action.mount.record.right(action.verb, field) is None] == []


@pytest.mark.parametrize("listed", ACTS, ids=str)
def test_acts_of_the_sdks_take_no_new_field_and_only_fields_that_clients_may_set(listed: Listed):
    taken = set(listed.act.members)
    assert "colour" not in taken
    assert taken <= {parameter.name for parameter in listed.mount.form(listed.act.verb)}
    if listed.act.verb in ("create", "update"):
        assert [field for field in taken if listed.mount.record.right(listed.act.verb, field) is None] == []


def test_a_new_field_is_in_no_webhook():
    events = [
        event for family in FAMILIES for table in (family.pre_events, family.post_events) for event in table.values()
    ]
    told = {name for event in events for name in event.parameters.split()}
    assert told == set(PARAMETERS)
    assert "Colour" not in told


@pytest.mark.parametrize("record", HEARD_OF, ids=lambda record: record.name)
def test_each_field_of_a_record_with_events_has_an_update_reason_or_is_marked_to_have_none(
    record: RecordType,
):
    assert [field.name for field in record.fields if not field.reason] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_the_permissions_that_fields_name_exist(record: RecordType):
    rights = [right for field in record.fields for right in (field.on_create, field.on_update) if right]
    named = {name for right in rights for names in (right.own, right.others) for name in names or ()}
    assert named <= set(PERMISSIONS)


def test_the_notation_reads_names_aliases_marks_and_objects():
    (plain, alias, required, nested) = read("body from=author identity! limits(a b(c))")
    assert plain == ("body", "body", False, ())
    assert alias == ("from", "author", False, ())
    assert required == ("identity", "identity", True, ())
    assert [(part.field, [inner.field for inner in part.parts]) for part in nested.parts] == [("a", []), ("b", ["c"])]


@pytest.mark.parametrize("text", ["a(", "a)", "(a)", "a,b", "a((b))", "!a", "a(b"])
def test_a_text_that_is_not_in_the_notation_is_refused(text: str):
    with pytest.raises(ValueError):
        read(text)


def test_a_permission_that_a_field_needs_is_named_at_the_field_alone():
    """An operation that named it too would keep the old one when the field's permission changes."""
    rights = [right for record in RECORDS for field in record.fields for right in (field.on_create, field.on_update)]
    permissions = {name for right in filter(None, rights) for name in (*(right.own or ()), *(right.others or ()))}
    assert permissions
    elsewhere = [
        (path.name, name)
        for path in modules(CORE)
        if path.parent.name != "records" and path.name not in ("roles.py", "vocabulary.py")
        for name in permissions
        if f'"{name}"' in path.read_text(encoding="utf-8")
    ]
    # A command of the SDKs has the name of the permission that it needs.
    assert elsewhere == [("commands.py", "editNotificationLevel")]
