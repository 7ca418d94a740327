"""The signatures in the README of the Python client, made from the code; the rest of the page is written by hand.

python -m tools.client_signatures       bring the page up to date
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The client is a package of its own, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients/python"))

import parley_client

PAGE = Path(__file__).resolve().parents[1] / "clients/python/README.md"
CLASSES = ("Client", "Channel", "Message", "Member", "User", "Media", "File", "Paginator")
# Attributes that are not properties, and what they hold.
ATTRIBUTES = {
    "Client": {"service: dict[str, Any]": "The service, as the server shows it."},
    "Message": {"channel: Channel": "The channel."},
    "Member": {"channel: Channel": "The channel."},
    "Media": {
        "sid: str": "The SID.",
        "size: int | None": "How many bytes it has.",
        "content_type: str | None": "The type.",
        "filename: str | None": "The name; None if it has none.",
        "category: str": "`media`, `body` or `history`.",
    },
    "Paginator": {"items: list[T]": "What is on this page."},
}
TYPES = {
    "Anchor": "an index, or the text `end`",
    "Attributes": "any JSON value; an object unless somebody stored something else",
    "Callback": "a function or coroutine function that takes the event",
    "Connect": "a coroutine function that opens a socket for a URL and a token",
    "Content": "a path, `bytes`, `bytearray` or `memoryview`",
    "OnProgress": "a function that takes two numbers: how many bytes have gone or come, and how many there are",
    "Provider": "a function or coroutine function that makes an access token",
    "PushType": "`apn`, `fcm` or `gcm`",
}
_LISTENING = {"on", "off", "emit"}
# Public for the other modules of the client, and not for applications.
INTERNAL = {
    "Client": {"state_changed", "line_opened", "pushed", "failed", "has_started", "emit"},
    "Channel": {
        *("apply", "apply_own", "apply_member", "apply_message", "held_member", "forget_message"),
        *("note_message", "note_removal", "seq"),
    }
    | _LISTENING,
    "Message": {"apply", "seq"} | _LISTENING,
    "Member": {"apply", "addressed_as", "note_typing", "seq"} | _LISTENING,
    "User": {"apply", "seq", "sid"} | _LISTENING,
    "File": {"opened", "measured", "pieces"},
}
BEGIN, END = "<!-- signatures: made by tools/client_signatures.py -->\n", "<!-- end of signatures -->\n"
BAR = "\\|"


def written(text: str) -> str:
    """The page with the signatures made anew."""
    head, _, rest = text.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise SystemExit(f"{PAGE.name} has no place for signatures")
    types = _table("Types", list(TYPES.items()))
    return head + BEGIN + "\n" + "\n".join([*map(_section, CLASSES), types]) + "\n" + END + tail


def _section(name: str) -> str:
    kind = getattr(parley_client, name)
    rows = [(signature, _sentence(thing)) for signature, thing in _members(kind)]
    at = 1 if rows[0][0].startswith(f"{name}(") else 0
    return _table(name, [*rows[:at], *ATTRIBUTES.get(name, {}).items(), *rows[at:]])


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    # A bar would end the cell.
    lines = [f"| `{left.replace('|', BAR)}` | {right.replace('|', BAR)} |\n" for left, right in rows]
    return f"### {title}\n\n| | |\n| --- | --- |\n{''.join(lines)}"


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """What an application uses of a class: how to make one, its attributes, then its methods, as in the code."""
    if kind.__name__ in ("Client", "File"):
        yield f"{kind.__name__}{_parameters(kind.__init__)}", kind
    methods: list[tuple[str, Any]] = []
    for name, member in _own(kind).items():
        if isinstance(member, property):
            yield f"{name}: {_type(inspect.get_annotations(member.fget)['return'])}", member.fget
        else:
            function = inspect.unwrap(getattr(member, "__func__", member))
            told = "await " if inspect.iscoroutinefunction(function) else ""
            owner = f"{kind.__name__}." if isinstance(member, classmethod) else ""
            returned = _type(inspect.signature(function).return_annotation)
            methods.append((f"{told}{owner}{name}{_parameters(function)} -> {returned}", function))
    yield from methods


def _own(kind: type) -> dict[str, Any]:
    """The public members of a class and of what it inherits from, by name; those of the bases stand first."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__[:-1]):
        if base.__module__.startswith("parley_client"):
            found |= vars(base)
    left_out = INTERNAL.get(kind.__name__, set())
    return {
        name: member
        for name, member in found.items()
        if not name.startswith("_")
        and name not in left_out
        and (isinstance(member, property | classmethod) or inspect.isfunction(member))
    }


def _parameters(function: Any) -> str:
    parts = []
    star = False
    for parameter in list(inspect.signature(function).parameters.values())[0 if _is_bound(function) else 1 :]:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            star = True
            parts.append("*")
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
        shown = str(parameter.replace(annotation=parameter.empty, default=parameter.empty))
        parts.append(
            f"{shown}: {_type(parameter.annotation)}"
            + ("" if parameter.default is parameter.empty else f" = {_default(parameter.default)}")
        )
    return f"({', '.join(parts)})"


def _is_bound(function: Any) -> bool:
    return next(iter(inspect.signature(function).parameters), "self") not in ("self", "cls")


def _default(value: Any) -> str:
    return value.__name__ if inspect.isfunction(value) else repr(value)


def _type(annotation: Any) -> str:
    """A type as the code writes it."""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _sentence(thing: Any) -> str:
    """The first sentence of a docstring, and what the same line says more."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
