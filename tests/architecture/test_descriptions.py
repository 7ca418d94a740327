"""Descriptions: every field and parameter says in one plain sentence what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from parley.faces.registry import MOUNTS
from parley.records import RECORDS
from parley.records.kinds import Stored
from parley.records.spec import COMMON, Field

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
