"""From given texts to a verb's parameters: the same rules for forms, query strings and socket frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.errors import MISSING_PARAMETER
from parley.records.spec import Resource


def parse(row: Resource, verb: str, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Values by field name, of the fields that were given; None for one that is to be cleared.

    `given` maps form names to the values under them, in order. What the row does not know is ignored, as at the
    vendor's.

    Raises:
        Refusal: the first violation in the row's order; a missing parameter before a malformed one.
    """
    fields = row.form(verb)
    for field in fields:
        if verb in field.required.split() and not given.get(field.form_name):
            raise field.missing() if field.missing else MISSING_PARAMETER(name=field.form_name)
    parameters = {
        field.name: field.kind.parse(field.form_name, given[field.form_name])
        for field in fields
        if given.get(field.form_name)
    }
    if verb == "update" and not parameters:
        raise row.empty_update()
    for field in fields:
        if field.required and field.name in parameters and parameters[field.name] is None:
            raise MISSING_PARAMETER(name=field.form_name)
    return parameters
