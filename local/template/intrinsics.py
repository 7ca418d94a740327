"""CloudFormation's YAML, and those of its intrinsic functions that work locally.

`read` turns the short forms (`!Ref`, `!Sub` …) into the long ones; `Scope.resolve` replaces the long ones by values.
Anything unknown raises `TemplateError`, since a wrong value would be noticed much later, in a handler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

# The parser in C is ten times as fast, and PyYAML may have been built without it.
try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

NO_VALUE = object()
"""What `AWS::NoValue` resolves to; a list or an object leaves such an entry out."""

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template says something that the local runtime cannot carry out."""


@dataclass(frozen=True)
class Physical:
    """A created resource: the value of `Ref`, and those of `Fn::GetAtt`."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class _Loader(SafeLoader):
    pass


def _construct(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    return {name: value}


_Loader.add_multi_constructor("!", _construct)


def read(path: Path) -> dict[str, Any]:
    """Parse the template file."""
    try:
        document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        return document
    except yaml.YAMLError as error:
        raise TemplateError(f"{path}: {error}") from error


class Scope:
    """All that intrinsic functions may refer to: parameters, pseudo parameters, resources, conditions, mappings."""

    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, str],
        pseudo: Mapping[str, str],
        physical: Mapping[str, Physical],
    ) -> None:
        self._document = document
        self._parameters = parameters
        self._pseudo = pseudo
        self._physical = physical

    def resolve(self, value: Any) -> Any:
        """Replace every intrinsic function in `value`, however deep it sits."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._function(name)(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def condition(self, name: str | None) -> bool:
        """Whether the template's condition `name` holds; no name is no condition."""
        if name is None:
            return True
        try:
            return bool(self.resolve(self._document["Conditions"][name]))
        except KeyError:
            raise TemplateError(f"the template has no condition {name}") from None

    def _function(self, name: str) -> Callable[[Any], Any]:
        try:
            return {
                "Ref": self._ref,
                "Condition": self.condition,
                "Fn::Sub": self._sub,
                "Fn::GetAtt": lambda argument: self._attribute(*argument),
                "Fn::Join": lambda argument: argument[0].join(map(str, self.resolve(argument[1]))),
                "Fn::Split": lambda argument: self.resolve(argument[1]).split(argument[0]),
                "Fn::Select": lambda argument: self.resolve(argument[1])[int(self.resolve(argument[0]))],
                "Fn::If": lambda argument: self.resolve(argument[1 if self.condition(argument[0]) else 2]),
                "Fn::Equals": lambda argument: str(self.resolve(argument[0])) == str(self.resolve(argument[1])),
                "Fn::Not": lambda argument: not self.resolve(argument[0]),
                "Fn::And": lambda argument: all(map(self.resolve, argument)),
                "Fn::Or": lambda argument: any(map(self.resolve, argument)),
                "Fn::FindInMap": self._find_in_map,
            }[name]
        except KeyError:
            raise TemplateError(f"the local runtime does not know the intrinsic function {name}") from None

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        for values in (self._parameters, self._pseudo):
            if name in values:
                return values[name]
        return self._resource(name).ref

    def _resource(self, name: str) -> Physical:
        try:
            return self._physical[name]
        except KeyError:
            raise TemplateError(
                f"the template refers to {name}, which is no parameter or resource that the local runtime knows"
            ) from None

    def _attribute(self, name: str, attribute: str) -> str:
        attributes = self._resource(name).attributes
        if attribute not in attributes:
            raise TemplateError(f"{name} has no attribute {attribute} locally")
        return attributes[attribute]

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        resolved = self.resolve(variables)

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return "${" + name + "}"
            if name in resolved:
                return str(resolved[name])
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return str(self._ref(name))

        return _VARIABLE.sub(replace, text)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = map(self.resolve, argument)
        try:
            return self._document["Mappings"][name][first][second]
        except KeyError:
            raise TemplateError(f"the template has no mapping {name}.{first}.{second}") from None
