"""Content templates: the fields of a message that name its template.

https://www.twilio.com/docs/conversations/api/conversation-message-resource. Parley does not store templates and does
not fill them in: the message keeps the template's SID and the variables.
"""

from __future__ import annotations

import json

from parley.errors import (
    CONTENT_SID_INVALID,
    CONTENT_SID_MISSING,
    CONTENT_VARIABLE_NAME_TOO_LONG,
    CONTENT_VARIABLE_TOO_LONG,
    CONTENT_VARIABLES_NOT_JSON,
    CONTENT_VARIABLES_TOO_LONG,
)
from parley.ids import is_sid

_MOST_VARIABLES, _LONGEST_NAME, _LONGEST_VALUE, _LONGEST = 100, 16, 256, 27_801
# How long the name of a template may be (unconfirmed).
LONGEST_NAME = 256


def check_sid(text: str) -> str | None:
    """The SID of a template; None if it is empty.

    Raises:
        Refusal: 50526.
    """
    if text and not is_sid("HX", text):
        raise CONTENT_SID_INVALID()
    return text or None


def check_variables(text: str) -> str | None:
    """The variables of a template, a JSON object whose values are texts; None if it is empty.

    Raises:
        Refusal: 50527, 50529, 50540, 50541.
    """
    if not text:
        return None
    if len(text) > _LONGEST:
        raise CONTENT_VARIABLES_TOO_LONG()
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError):
        raise CONTENT_VARIABLES_NOT_JSON() from None
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise CONTENT_VARIABLES_NOT_JSON()
    if len(variables) > _MOST_VARIABLES:
        raise CONTENT_VARIABLES_TOO_LONG()
    for name, value in variables.items():
        if len(name) > _LONGEST_NAME:
            raise CONTENT_VARIABLE_NAME_TOO_LONG()
        if len(value) > _LONGEST_VALUE:
            raise CONTENT_VARIABLE_TOO_LONG()
    return text


def check_together(content_sid: str | None, variables: str | None) -> None:
    """Check that variables come with a template.

    Raises:
        Refusal: 50528.
    """
    if variables and not content_sid:
        raise CONTENT_SID_MISSING()
