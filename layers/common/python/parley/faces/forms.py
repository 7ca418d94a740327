"""Turns given texts into a verb's parameters, by the same rules for forms, query strings and socket frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from parley.errors import INVALID_PARAMETER, MISSING_PARAMETER
from parley.faces.spec import Mount, Parameter
from parley.records.kinds import Checked, Choice, Listed, Sid, Text, Whole

# Kinds of fields that take only texts. Attributes may be any JSON, indexes are numbers.
_TEXTS = (Text, Checked, Sid, Choice)


def parse(mount: Mount, verb: str, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Values by field name, of the fields that were given; None for one that is to be cleared.

    `given` maps form names to the values under them, in order. A name that the form lacks is ignored, as Twilio does.

    Raises:
        Refusal: the first violation in the form's order; a missing parameter before a malformed one.
    """
    form = mount.form(verb)
    for parameter in form:
        if parameter.is_required and not given.get(parameter.form_name):
            raise parameter.missing() if parameter.missing else MISSING_PARAMETER(name=parameter.form_name)
    parameters = {
        parameter.name: parameter.kind.parse(parameter.form_name, given[parameter.form_name])
        for parameter in form
        if given.get(parameter.form_name)
    }
    if verb == "update" and not parameters:
        raise mount.empty_update()
    for parameter in form:
        is_needed = parameter.always or parameter.is_required
        if is_needed and parameter.name in parameters and parameters[parameter.name] is None:
            raise MISSING_PARAMETER(name=parameter.form_name)
    return parameters


def spelled(
    taken: Iterable[Parameter], body: Mapping[str, Any], verb: str, members: Mapping[str, str]
) -> dict[str, list[str]]:
    """The members of a JSON object as the values of a form, so that the rules for REST's forms check them too.

    `members` maps the names of fields to the members that are called otherwise. Null clears a field. A new record has
    nothing to clear, so there null counts as absent.

    Raises:
        Refusal: 20001 for a member that must be a text and is none.
    """
    given: dict[str, list[str]] = {}
    for parameter in taken:
        member = members.get(parameter.name, parameter.name)
        if member not in body or (body[member] is None and verb == "create"):
            continue
        value = body[member]
        if isinstance(parameter.kind, _TEXTS) and not isinstance(value, str | None):
            raise INVALID_PARAMETER(name=member, reason="a text is needed")
        is_several = isinstance(parameter.kind, Listed) and isinstance(value, list)
        # For a number, JSON keeps the quotes of a text, so that digits in quotes are not accepted.
        spell = _json if isinstance(parameter.kind, Whole) and value is not None else as_text
        given[parameter.form_name] = [spell(part) for part in (value if is_several else [value])]
    return given


def as_text(value: Any) -> str:
    """A value of a JSON object as a form has it: a text as it is, null as the empty text, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
