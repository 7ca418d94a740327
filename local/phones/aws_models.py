"""The two protocols of AWS End User Messaging, read from botocore's descriptions of its services.

    sms-voice          awsJson1_0: `X-Amz-Target` names the operation, and the body is its parameters
    social-messaging   rest-json: method and path name the operation; parameters are in the query and in the body

Parameters are checked before an operation sees them: unknown ones, missing ones, types, and also lengths, ranges,
patterns and enumerations, which AWS checks and botocore's own validator does not.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

SMS, WHATSAPP = "pinpoint-sms-voice-v2", "socialmessaging"
_LONGEST_VALUE_TOLD = 100

Parameters = Mapping[str, Any]
Answer = dict[str, Any]


class AwsError(Exception):
    """AWS's refusal of a request: the error's name, its text, and the members that this error has beside them."""

    def __init__(self, name: str, message: str, **members: Any) -> None:
        super().__init__(name)
        self.name = name
        self.message = message
        self.members = members


@cache
def model(service: str) -> ServiceModel:
    """botocore's description of a service."""
    return Session().get_service_model(service)


# sms-voice.


def sms_operation(target: str) -> OperationModel:
    """The operation that a request's `X-Amz-Target` names; raises `AwsError` if there is none."""
    described = model(SMS)
    prefix, _, name = target.partition(".")
    if prefix != described.metadata["targetPrefix"] or name not in described.operation_names:
        raise AwsError("UnknownOperationException", f"There is no operation {target[:_LONGEST_VALUE_TOLD]!r}")
    return described.operation_model(name)


def sms_parameters(operation: OperationModel, body: bytes) -> Answer:
    """The parameters in the body of a request; raises `AwsError` if they are not the operation's."""
    given = _read(body)
    found = _problems(given, operation.input_shape)
    if found:
        fields = [{"Name": name, "Message": text} for name, text in found]
        raise AwsError("ValidationException", found[0][1], Reason="FIELD_VALIDATION_FAILED", Fields=fields)
    return given


def sms_error(error: AwsError) -> tuple[int, bytes]:
    """The status and the body of an answer that says what was wrong."""
    status = 500 if error.name == "InternalServerException" else 400
    return status, _written({"__type": error.name, "Message": error.message, **error.members})


# social-messaging.


def whatsapp_operation(method: str, path: str) -> OperationModel:
    """The operation at a method and a path; raises `AwsError` if there is none."""
    described = model(WHATSAPP)
    for name in described.operation_names:
        operation = described.operation_model(name)
        if (operation.http["method"], urlsplit(operation.http["requestUri"]).path) == (method, path):
            return operation
    raise AwsError("UnknownOperationException", f"There is no operation at {method} {path[:_LONGEST_VALUE_TOLD]}")


def whatsapp_parameters(operation: OperationModel, query: str, body: bytes) -> Answer:
    """The parameters in the query and the body of a request; raises `AwsError` if they are not the operation's."""
    shape = operation.input_shape
    in_query = {
        member.serialization.get("name", name): (name, member)
        for name, member in (shape.members if shape is not None else {}).items()
        if member.serialization.get("location") == "querystring"
    }
    given: Answer = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        name, member = in_query.get(key, (key, None))
        given[name] = int(text) if member is not None and member.type_name == "integer" and text.isdigit() else text
    if body:
        given |= {name: value for name, value in _read(body).items() if name not in in_query}
    given = _with_bytes(given, shape)
    if found := _problems(given, shape):
        raise AwsError("ValidationException", found[0][1])
    return given


def whatsapp_error(error: AwsError) -> tuple[int, bytes]:
    """The status and the body of an answer that says what was wrong."""
    shapes = {shape.name: shape for shape in model(WHATSAPP).error_shapes}
    status = shapes[error.name].metadata["error"]["httpStatusCode"] if error.name in shapes else 404
    return status, _written({"message": error.message})


# Both.


def written(answer: Parameters) -> bytes:
    """An operation's answer as JSON, its times as seconds since 1970."""
    return _written({name: value for name, value in answer.items() if value is not None})


def _written(document: Parameters) -> bytes:
    return json.dumps(document, default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _read(body: bytes) -> Answer:
    try:
        given = json.loads(body or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise AwsError("SerializationException", "The body is not a JSON object")
    return {name: value for name, value in given.items() if value is not None}


def _with_bytes(given: Answer, shape: Shape | None) -> Answer:
    """The parameters with the text of each blob decoded."""
    for name, member in (shape.members if isinstance(shape, StructureShape) else {}).items():
        if member.type_name == "blob" and isinstance(given.get(name), str):
            try:
                given[name] = base64.b64decode(given[name], validate=True)
            except (binascii.Error, ValueError):
                raise AwsError("SerializationException", f"{name} is not Base64") from None
    return given


def _problems(given: Parameters, shape: Shape | None) -> list[tuple[str, str]]:
    """What is wrong with parameters, as the name of the field and a text about it."""
    if shape is None:
        return [(name, f"Unknown parameter: {name}") for name in given]
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        lines = report.generate_report().splitlines()
        return [(_named(line), line) for line in lines]
    return list(_beyond("", given, shape))


def _named(line: str) -> str:
    """The field that a line of botocore's report is about."""
    found = re.search(r'parameter in input: "([^"]+)"|parameter ([\w.\[\]]+)', line)
    return (found[1] or found[2]).rstrip(",") if found else ""


def _beyond(name: str, value: Any, shape: Shape) -> Any:
    """What botocore's validator lets pass: values that are too long or too large, or that match no pattern."""
    if isinstance(shape, StructureShape):
        for key, one in value.items():
            yield from _beyond(f"{name}.{key}".lstrip("."), one, shape.members[key])
        return
    most = shape.metadata.get("max")
    size = value if isinstance(value, int) else len(value) if hasattr(value, "__len__") else None
    if most is not None and size is not None and size > most:
        yield name, f"{name} is over {most}"
    if isinstance(shape, ListShape):
        for at, one in enumerate(value):
            yield from _beyond(f"{name}[{at}]", one, shape.member)
    elif isinstance(shape, MapShape):
        for key, one in value.items():
            yield from _beyond(f"{name} (key {key})", key, shape.key)
            yield from _beyond(f"{name}.{key}", one, shape.value)
    elif isinstance(value, str):
        options, pattern = getattr(shape, "enum", None), shape.metadata.get("pattern")
        if options and value not in options:
            yield name, f"{name} must be one of: {', '.join(options)}"
        elif pattern and not re.fullmatch(pattern, value):
            yield name, f"{name} does not match {pattern}"
