"""Content templates: the form of a template, the fields with which a message names one, and the text of the message.

https://www.twilio.com/docs/conversations/api/conversation-message-resource, https://www.twilio.com/docs/content. If the
account does not have the template that a message names, the message only keeps its SID and the variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from parley.errors import (
    CONTENT_SID_INVALID,
    CONTENT_SID_MISSING,
    CONTENT_VARIABLE_NAME_TOO_LONG,
    CONTENT_VARIABLE_TOO_LONG,
    CONTENT_VARIABLES_NOT_JSON,
    CONTENT_VARIABLES_TOO_LONG,
    INVALID_PARAMETER,
)
from parley.ids import is_sid

_MOST_VARIABLES, _LONGEST_NAME, _LONGEST_VALUE, _LONGEST = 100, 16, 256, 27_801
# How long the name of a template may be (unconfirmed), and its text.
_LONGEST_FRIENDLY_NAME, _LONGEST_BODY = 256, 1600
# The one type of content that Parley has.
TEXT = "twilio/text"
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?")
# The names that Meta takes.
_AT_WHATSAPP = re.compile(r"[a-z0-9_]{1,512}")
# JSON can spell half of a surrogate pair, but it can be neither stored nor sent.
_HALF = re.compile("[\ud800-\udfff]")
# `{{1}}` in a text: where the value of the variable `1` stands.
PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]{1,16})\s*\}\}")


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
    if any(map(_HALF.search, (*variables, *variables.values()))):
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


def template(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a template, from an object with the members of Twilio's Content API; others than these are refused.

    - `friendly_name`, `language`, `variables`: as Twilio has them; `variables` has the usual value of each.
    - `types`: an object whose only member is `twilio/text`, with the text as `body`. `body` alone will do too.
    - `template`: the name of the template at WhatsApp, which only Parley has.

    Raises:
        Refusal: 20001 for a member that is missing, unknown or wrong.
    """
    text = _text_of(given)
    _check("friendly_name", given.get("friendly_name"), _LONGEST_FRIENDLY_NAME)
    _check("body", text, _LONGEST_BODY)
    if not _LANGUAGE.fullmatch(str(given.get("language"))):
        raise INVALID_PARAMETER(name="language", reason="a language such as en or pt_BR is needed")
    if given.get("template") is not None and not _AT_WHATSAPP.fullmatch(str(given["template"])):
        raise INVALID_PARAMETER(name="template", reason="WhatsApp's names have small letters, digits and underscores")
    if unknown := set(given) - {"friendly_name", "language", "variables", "types", "body", "template"}:
        raise INVALID_PARAMETER(name=min(unknown), reason="a template has no such member")
    variables = given.get("variables") or {}
    check_variables(json.dumps(variables))
    fields = {**given, "variables": variables, "body": text}
    return {name: value for name, value in fields.items() if name != "types" and value is not None}


def _text_of(given: Mapping[str, Any]) -> Any:
    types = given.get("types", {TEXT: {"body": given.get("body")}})
    if not isinstance(types, Mapping) or set(types) != {TEXT} or not isinstance(types[TEXT], Mapping):
        raise INVALID_PARAMETER(name="types", reason=f"{TEXT} alone is needed, with a body")
    return types[TEXT].get("body")


def _check(name: str, value: Any, longest: int) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= longest or _HALF.search(value):
        raise INVALID_PARAMETER(name=name, reason=f"a text of 1 to {longest} characters is needed")


def filled(body: str, usual: Mapping[str, str], given: str | None) -> str:
    """A template's text with the values of its variables: those that a message gives as JSON, else the usual ones.

    A placeholder without a value stays as it is (unconfirmed).

    >>> filled("Hello {{1}}, {{2}}!", {"1": "you"}, '{"2": "Bob"}')
    'Hello you, Bob!'
    """
    values = {**usual, **(json.loads(given) if given else {})}
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), body)
