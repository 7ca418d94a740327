"""Turns given texts into a verb's parameters, by the same rules for forms, query strings and socket frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.errors import MISSING_PARAMETER
from parley.faces.spec import Mount


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
        if parameter.always and parameter.name in parameters and parameters[parameter.name] is None:
            raise MISSING_PARAMETER(name=parameter.form_name)
    return parameters
