"""Example requests: the same request with curl, and with Twilio's helper library for Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from tools.api.examples import Example

# Where the helper library begins, by face; the rest follows from the path.
_ROOTS = {
    "chat_v1": "client.chat.v1",
    "chat_v2": "client.chat.v2",
    "chat_v3": "client.chat.v3",
    "conversations_v1": "client.conversations.v1",
    "messaging_v1": "client.messaging.v1",
    "account": "client.api.v2010",
}
# Resources that the library calls otherwise than their paths, below the resource in the first place.
_NAMES = {
    ("Users", "Channels"): "user_channels",
    ("Users", "Bindings"): "user_bindings",
    ("Users", "Conversations"): "user_conversations",
    ("Messages", "Receipts"): "delivery_receipts",
    ("Configuration", "Addresses"): "address_configurations",
}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST_LINE = 120
_SID = re.compile("[A-Z]{2}[0-9a-f]{32}")


def curl(example: Example) -> str:
    """The request as a command; the shell has the credentials and the URL."""
    url = f'"$PARLEY_URL{example.path}{"?" + urlencode(example.query) if example.query else ""}"'
    lines = [f"curl {'' if example.operation.method == 'GET' else f'-X {example.operation.method} '}{url}"]
    lines.append('-u "$ACCOUNT_SID:$AUTH_TOKEN"')
    if example.operation.mount.resource == "media" and example.operation.verb == "create":
        lines += ['-H "Content-Type: image/png"', "--data-binary @tea.png"]
    for name, value in _pairs(example.form):
        lines.append("--data-urlencode " + _shell(f"{name}={value}"))
    return " \\\n  ".join(lines)


def _pairs(form: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in form.items():
        yield from ((name, str(one)) for one in (value if isinstance(value, list) else [value]))


def _shell(text: str) -> str:
    return f"'{text}'" if re.search(r'["\\$`!]', text) else f'"{text}"'


def python(example: Example) -> str | None:
    """The request with the helper library; None if the library does not have the operation."""
    operation = example.operation
    root = _ROOTS.get(operation.mount.face.name)
    if root is None:
        return None
    path = example.path.removeprefix(operation.mount.face.prefix).removesuffix(operation.mount.face.suffix)
    if operation.mount.face.name == "chat_v3":
        _, _, service, _, channel = path.split("/")
        return _called(f'{root}.channels("{service}", "{channel}").update', example)
    return _called(f"{_resource(root, path, operation.verb)}.{operation.verb}", example)


def _resource(root: str, path: str, verb: str) -> str:
    found, before = root, ""
    for segment in path.strip("/").split("/"):
        if _SID.fullmatch(segment):
            found += f'("{segment}")'
            continue
        name = _NAMES.get((before, segment), _snake(segment))
        if (before, segment) == ("Configuration", "Addresses"):
            found = root
        if segment in ("Keys", "SigningKeys") and verb == "create":
            name = f"new_{name}"
        found += f".{name}"
        found += "()" if segment == "Notifications" or (before, segment) == ("Configuration", "Webhooks") else ""
        before = segment
    return found + "()" if before == "Configuration" else found


def _snake(name: str) -> str:
    return _WORD.sub("_", name).lower()


def _called(function: str, example: Example) -> str:
    given = {**example.form, **example.query}
    arguments = [f"{_argument(name)}={_value(value)}" for name, value in given.items()]
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LONGEST_LINE:
        return line
    # As ruff would write it: a chain of several links has each on a line of its own.
    *links, last = re.split(r"(?<=\))\.", function)
    if len(links) < 2:
        within = ", ".join(arguments)
        separator = ",\n    "
        if len(within) + 4 > _LONGEST_LINE:
            within = separator.join(arguments) + ","
        return f"{function}(\n    {within}\n)"
    if len(last) + len(line) - len(function) + 5 > _LONGEST_LINE:
        last += "(\n" + "".join(f"        {argument},\n" for argument in arguments) + "    )"
    else:
        last += f"({', '.join(arguments)})"
    return "(\n    " + "\n    .".join([*links, last]) + "\n)"


def _argument(name: str) -> str:
    argument = "_".join(_snake(part) for part in name.split("."))
    return f"{argument}_" if argument == "from" else argument


def _value(value: Any) -> str:
    if value in ("true", "false"):
        return str(value).capitalize()
    if isinstance(value, str) and value.isdigit():
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's texts are Python's too.
    return f"'{value}'" if '"' in value and "'" not in value else json.dumps(value, ensure_ascii=False)
