"""Filter patterns of event source mappings.

A pattern matches if all of its fields match; a field matches if one of its rules does; `$or` lists alternatives. The
rules are those that Lambda documents for event source mappings, except the numeric ones: numbers in DynamoDB records
are strings, so numeric rules do not work on AWS either. An unknown rule raises an error and is not ignored, so no
pattern lets more or less through than on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_ABSENT = object()


class UnknownRule(Exception):
    """The pattern uses a rule that the local runtime does not know."""


def passes(patterns: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Whether a record passes: one pattern is enough, and no patterns let everything through."""
    patterns = list(patterns)
    return not patterns or any(matches(pattern, record) for pattern in patterns)


def matches(pattern: Mapping[str, Any], value: Any) -> bool:
    """Whether one pattern matches."""
    fields = value if isinstance(value, Mapping) else {}
    for name, rule in pattern.items():
        if name == "$or":
            if not any(matches(alternative, value) for alternative in rule):
                return False
            continue
        field = fields.get(name, _ABSENT)
        if isinstance(rule, Mapping):
            if not matches(rule, None if field is _ABSENT else field):
                return False
        elif not any(_rule_matches(entry, field) for entry in rule):
            return False
    return True


def _rule_matches(rule: Any, value: Any) -> bool:
    if isinstance(value, list):
        if isinstance(rule, Mapping) and "exists" in rule:
            return bool(rule["exists"])
        return any(_rule_matches(rule, entry) for entry in value)
    if not isinstance(rule, Mapping):
        return value is not _ABSENT and value == rule and isinstance(value, bool) == isinstance(rule, bool)
    ((operator, operand),) = rule.items()
    if operator == "exists":
        return bool((value is not _ABSENT and not isinstance(value, Mapping)) == operand)
    if operator == "anything-but":
        return value is not _ABSENT and not isinstance(value, Mapping) and not _is_excluded(operand, value)
    text = value if isinstance(value, str) else None
    if operator == "prefix":
        return text is not None and text.startswith(operand)
    if operator == "suffix":
        return text is not None and text.endswith(operand)
    if operator == "equals-ignore-case":
        return text is not None and text.casefold() == operand.casefold()
    raise UnknownRule(f"the local runtime does not know the filter rule {operator!r}")


def _is_excluded(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return _rule_matches(operand, value)
    return value in (operand if isinstance(operand, list) else [operand])
