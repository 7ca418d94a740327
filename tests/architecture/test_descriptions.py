"""Descriptions: every field, parameter and operation is described in a sentence, and every error has a cause and a cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from parley.errors import Error
from parley.faces.errors import TABLE
from parley.faces.registry import MOUNTS
from parley.records import RECORDS
from parley.records.kinds import Stored
from parley.records.spec import COMMON, Field
from tools.api.causes import CAUSES
from tools.api.operations import DOES

TYPES = {id(record): record for record in (*RECORDS, *(mount.record for mount in MOUNTS))}


def with_parts(fields: Iterable[Field], of: str) -> Iterator[tuple[str, Field]]:
    for field in fields:
        yield f"{of}.{field.name}", field
        if isinstance(field.kind, Stored):
            yield from with_parts(field.kind.parts, f"{of}.{field.name}")


FIELDS = dict(
    [
        *with_parts(COMMON, "common"),
        *(pair for record in TYPES.values() for pair in with_parts((*record.fields, *record.computed), record.name)),
        *(
            pair
            for mount in MOUNTS
            for pair in with_parts(mount.filters, f"filters of {mount.face.name} {mount.resource}")
        ),
    ]
)


def is_a_sentence(text: str) -> bool:
    """Whether a text is one sentence: it begins with a capital letter, and its only full stop is at the end."""
    return re.fullmatch(r"[A-Z][^.]*(?:\.[^. ][^.]*)*\.", text) is not None


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_says_in_one_sentence_what_it_means(name: str):
    assert is_a_sentence(FIELDS[name].about), FIELDS[name].about


@pytest.mark.parametrize("text", ["", "no capital.", "No stop", "Two. Sentences.", "The end.."])
def test_other_texts_are_not_sentences(text: str):
    assert not is_a_sentence(text)


def test_every_parameter_of_a_form_says_what_its_field_means():
    parameters = [parameter for mount in MOUNTS for verb in mount.verbs for parameter in mount.form(verb)]
    assert len(parameters) > 300
    assert [parameter.form_name for parameter in parameters if not parameter.about] == []


OFFERED = {(mount.resource, verb) for mount in MOUNTS for verb in mount.verbs}


@pytest.mark.parametrize("operation", sorted(OFFERED), ids=".".join)
def test_an_operation_says_in_one_sentence_what_it_does(operation: tuple[str, str]):
    assert is_a_sentence(DOES[operation])


def test_no_operation_is_described_that_is_not_offered():
    assert set(DOES) == OFFERED


@pytest.mark.parametrize("error", TABLE, ids=str)
def test_an_error_says_why_it_is_answered_and_what_to_do(error: Error):
    why, cure = CAUSES[error]
    for text in (why, cure):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".") and text == text.strip()


def test_no_cause_is_told_of_an_error_that_is_never_answered():
    assert set(CAUSES) == set(TABLE)
