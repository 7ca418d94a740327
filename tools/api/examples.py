"""Example answers: every operation is asked once over an emulated table, and its answer written down.

SIDs are numbered in the order in which they appear, and secrets are left out, so that a run gives the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.rest.everything import OPERATIONS, Everything, Operation, make
from tests.support.doors import LambdaDoor, Raw
from tests.support.world import World
from tools.published import Offered

# Requests that tell a reader more than the shortest ones that the tests send.
_FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("service", "create"): {"FriendlyName": "Support"},
    ("service", "update"): {"ReachabilityEnabled": "true", "Limits.ChannelMembers": "200"},
    ("user", "create"): {"Identity": "bob", "FriendlyName": "Bob", "Attributes": '{"team": "blue"}'},
    ("user", "update"): {"FriendlyName": "Bob B."},
    ("channel", "create"): {
        "FriendlyName": "The den",
        "UniqueName": "den",
        "Attributes": '{"topic": "tea"}',
    },
    ("channel", "update"): {"FriendlyName": "The new den"},
    ("member", "create"): {"Identity": "bob"},
    ("member", "update"): {"LastConsumedMessageIndex": "0"},
    ("participant", "create"): {"Identity": "bob"},
    ("participant", "update"): {"LastReadMessageIndex": "0"},
    ("conversation_with_participants", "create"): {
        "FriendlyName": "The den",
        "Participant": ['{"identity": "alice"}', '{"identity": "bob"}'],
    },
    ("message", "create"): {"Body": "Hello, bob!"},
    ("message", "update"): {"Body": "Hello again, bob!"},
    ("invite", "create"): {"Identity": "dave"},
    ("credential", "create"): {"FriendlyName": "Android", "Type": "fcm", "Secret": "the-json-of-the-service-account"},
    ("credential", "update"): {"FriendlyName": "All Androids"},
    ("api_key", "create"): {"FriendlyName": "Token server"},
    ("api_key", "update"): {"FriendlyName": "The old token server"},
    ("media_upload", "create"): {"ContentType": "image/png", "Filename": "tea.png", "Size": 67, "Sha256": "0a" * 32},
    ("media", "create"): {},
}
_TYPES = {"channel": {"Type": "private"}}
_SID = re.compile(r"\b([A-Z]{2})([0-9a-f]{32})\b")
# The shortest PNG image, of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)
BASE_URL = "https://chat.example.com"
# What differs from run to run and tells a reader nothing.
_LEFT_OUT = (
    (re.compile(r'("secret":)"\w+"'), r'\1"0123456789abcdef0123456789abcdef"'),
    (re.compile(r"(signature=)[\w%-]+"), r"\g<1>..."),
    (re.compile(r'"https?://[^"]*X-Amz-[^"]*"'), '"https://..."'),
)
# Everybody whom alice meets is bob.
_OTHERS = re.compile(r"\b(?:zoe|carol|dave)\b")
# In the default service, names are unique.
_UNIQUE = re.compile(r"\b(alice|team)[0-9a-f]{32}\b")


class Example(NamedTuple):
    """One request and its answer; `text` is the answer's JSON, empty if it has no body."""

    operation: Operation
    path: str
    form: dict[str, Any]
    query: dict[str, str]
    status: int
    text: str


def recorded(account: Callable[[], World]) -> dict[str, Example]:
    """An example of every operation, by the method and path of its route; each face has an account of its own."""
    found: dict[str, Example] = {}
    for face in dict.fromkeys(operation.mount.face.name for operation in OPERATIONS):
        operations = [operation for operation in OPERATIONS if operation.mount.face.name == face]
        world = account()
        raw = Raw(LambdaDoor(world))
        everything = make(raw, world.context(), default=True)
        for operation in sorted(operations, key=_order):
            example = _asked(raw, operation, everything)
            if example.status == 404:
                # Another operation has deleted the item.
                example = _asked(raw, operation, make(raw, world.context(), default=True))
            assert example.status < 300, f"{operation.name}: {example.text}"
            found[_key(operation)] = example
    return {key: _Numbers().applied(example) for key, example in found.items()}


def key_of(offered: Offered) -> str:
    """The key of an operation's example."""
    return f"{offered.method} {offered.path}"


def _key(operation: Operation) -> str:
    return f"{operation.method} {operation.template}"


def _order(operation: Operation) -> int:
    """Reading before writing, and deleting from the inside out, so that every example finds its item."""
    verbs = ("fetch", "list", "update", "create", "delete")
    deepest_first = -len(operation.names) if operation.verb == "delete" else 0
    # A user who is added to a channel would be created by that.
    is_first = (operation.resource, operation.verb) == ("user", "create")
    return verbs.index(operation.verb) * 100 + deepest_first - is_first


def _asked(raw: Raw, operation: Operation, everything: Everything) -> Example:
    addresses = everything.of(operation)
    path = operation.path(addresses)
    form: Any = _form(operation)
    query, headers, body = operation.query, {}, form
    if (operation.resource, operation.verb) == ("media", "create"):
        query, body, headers = {"Filename": "tea.png"}, PNG, {"Content-Type": "image/png"}
    answer = raw(operation.method, path, body, query=query, headers=headers)
    return Example(operation, path, form, query, answer.status, answer.text)


def _form(operation: Operation) -> dict[str, Any]:
    asked = (operation.resource, operation.verb)
    is_of_chat = operation.mount.face.name in ("chat_v1", "chat_v2")
    more = _TYPES.get(operation.resource, {}) if is_of_chat and operation.verb == "create" else {}
    return {**_FORMS.get(asked, operation.form), **more}


class _Numbers:
    """SIDs as numbers: the first channel that appears is `CH` with 31 zeros and a one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def applied(self, example: Example) -> Example:
        text = example.text
        for pattern, instead in _LEFT_OUT:
            text = pattern.sub(instead, text)
        text = text.replace(LambdaDoor.base_url, BASE_URL)
        form = {
            name: [self.numbered(one) for one in value] if isinstance(value, list) else self.numbered(str(value))
            for name, value in example.form.items()
        }
        return example._replace(path=self.numbered(example.path), form=form, text=self.numbered(text))

    def numbered(self, text: str) -> str:
        return _SID.sub(self._number, _OTHERS.sub("bob", _UNIQUE.sub(r"\1", text)))

    def _number(self, match: re.Match[str]) -> str:
        sid = match[0]
        if sid not in self._known:
            of_kind = sum(other[:2] == match[1] for other in self._known)
            self._known[sid] = f"{match[1]}{of_kind + 1:032x}"
        return self._known[sid]
