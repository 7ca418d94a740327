"""The notation in which faces name fields, in views and in forms. One blank between names:

    body                      the field `body`
    from=author               the field `author`, called `from` here
    identity!                 the parameter must be given
    limits(user_channels)     the part `user_channels` of the object `limits`: the field `limits.user_channels`

The names in a view are JSON names. A form's parameter has the field's name in PascalCase (`Limits.UserChannels`), or
the name before `=`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"[\w.=]+|[()!]|\s+")


class Name(NamedTuple):
    """One name.

    Attributes:
        shown: What the face calls it.
        field: The field's name, without the names of the objects around it.
        is_required: Whether it is marked with `!`.
        parts: The named parts of an object; empty for a plain field.
    """

    shown: str
    field: str
    is_required: bool
    parts: tuple[Name, ...]


def read(text: str) -> tuple[Name, ...]:
    """The names in a text, in order.

    Raises:
        ValueError: the text is not in this notation.
    """
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ValueError(text)
    names, rest = _names(tokens)
    if rest:
        raise ValueError(text)
    return names


def _names(tokens: list[str]) -> tuple[tuple[Name, ...], list[str]]:
    found: list[Name] = []
    while tokens and tokens[0] != ")":
        word, *tokens = tokens
        if word in "(!":
            raise ValueError(word)
        shown, _, field = word.partition("=")
        is_required = tokens[:1] == ["!"]
        tokens = tokens[is_required:]
        parts: tuple[Name, ...] = ()
        if tokens[:1] == ["("]:
            parts, tokens = _names(tokens[1:])
            if tokens[:1] != [")"]:
                raise ValueError(word)
            tokens = tokens[1:]
        found.append(Name(shown, field or shown, is_required, parts))
    return tuple(found), tokens
