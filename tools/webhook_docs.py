"""The tables and examples of the pages about webhooks, made from the tables of events; the rest is written by hand.

    python -m tools.webhook_docs            bring the pages up to date

The delivery code makes each example from a change that is made up here, and signs it with a token that the pages name.
So readers can try their own signature checks on the examples.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from parley.faces.events import Event
from parley.ids import member_sid, message_sid, phone_member_sid, user_sid
from parley.store.changes import Change
from parley.webhooks.delivery import request
from parley.webhooks.events import parameters
from parley.webhooks.families import CHATS, CONVERSATIONS_FAMILY, Family

REPOSITORY = Path(__file__).resolve().parents[1]
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"


class Page(NamedTuple):
    """One family's page, the URL in its examples, and its words for records."""

    path: Path
    family: Family
    url: str
    nouns: dict[str, str]


_DOCS = REPOSITORY / "docs"
PAGES = (
    Page(_DOCS / "webhooks.md", CHATS, "https://hooks.example.com/chat", {}),
    Page(
        _DOCS / "webhooks-conversations.md",
        CONVERSATIONS_FAMILY,
        "https://hooks.example.com/conversations",
        {"channel": "conversation", "member": "participant"},
    ),
)

_ACCOUNT = "AC51af3dc0da7711e4872e1234567b84fc"
_SERVICE = "IS019bc17db64000000000000000005e11"
_CHANNEL = "CH019bc17f3ce00000000000000000c4a1"
_CREATED, _CHANGED, _NOW = 1_768_478_400_000, 1_768_478_460_250, 1_768_478_520_500
_COMMON = {"service_sid": _SERVICE, "date_created": _CREATED, "date_updated": _CHANGED}
_MESSAGE = {
    "sid": message_sid(_CHANNEL, 0),
    "channel_sid": _CHANNEL,
    "index": 0,
    "author": "alice",
    "attributes": '{"mood": "good"}',
    "last_updated_by": "alice",
    "participant_sid": member_sid(_CHANNEL, "alice"),
    "channel": {"messaging_service_sid": "MG019bc17db6400000000000000000ce11"},
}
_MEDIA = {
    "sid": "ME019bc17f5a2000000000000000000d1a",
    "filename": "cat.png",
    "content_type": "image/png",
    "size": 20480,
}
_RECORDS: dict[str, dict[str, Any]] = {
    "message": {**_MESSAGE, "body": "Hello, bob"},
    "media message": {**_MESSAGE, "type": "media", "media": _MEDIA},
    "channel": {
        "sid": _CHANNEL,
        "friendly_name": "General",
        "unique_name": "general",
        "attributes": '{"topic": "all"}',
        "type": "private",
        "created_by": "alice",
        "messaging_service_sid": "MG019bc17db6400000000000000000ce11",
    },
    "member": {
        "sid": member_sid(_CHANNEL, "bob"),
        "channel_sid": _CHANNEL,
        "identity": "bob",
        "role_sid": "RL019bc17db6400000000000000000be11",
        "last_consumed_message_index": 0,
    },
    "user": {
        "sid": user_sid(_SERVICE, "alice"),
        "identity": "alice",
        "role_sid": "RL019bc17db6400000000000000000ab1e",
        "friendly_name": "Alice",
        "attributes": '{"color": "blue"}',
    },
    "state": {
        "sid": _CHANNEL,
        "messaging_service_sid": "MG019bc17db6400000000000000000ce11",
        "state": "inactive",
        "state_from": "active",
        "state_reason": "TIMER",
        "state_at": _CHANGED,
    },
    "receipt": {
        "sid": "DY019bc17f5a2000000000000000000d1a",
        "channel_sid": _CHANNEL,
        "message_sid": message_sid(_CHANNEL, 0),
        "participant_sid": phone_member_sid(_CHANNEL, "+15557654321"),
        "channel_message_sid": "SM019bc17f5a2000000000000000000d1b",
        "status": "undelivered",
        "error_code": 30003,
    },
}
# The kind of the changed record, if the table of events has another word for it.
_KINDS = {"media message": "message", "state": "channel"}
_BEFORE = {"create": "is added", "update": "changes", "delete": "is removed"}
_NAMES = {("message", verb): "a text message" for verb in ("create", "update")}
_WIDTH = 120
_ANSWERED: dict[str, Any] = {
    "body": "Hello, everybody",
    "author": "bob",
    "attributes": {"checked": True},
    "friendly_name": "Everybody",
    "unique_name": "everybody",
    "role_sid": "RL019bc17db6400000000000000000be12",
}


def page(of: Page, text: str) -> str:
    """The page with everything between its markers made anew."""
    made_parts = {"before": _table_before(of), "after": _table_after(of), "examples": _examples(of)}
    for name, made in made_parts.items():
        begin, end = f"<!-- {name}: made by tools/webhook_docs.py -->\n", f"<!-- end of {name} -->\n"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise SystemExit(f"{of.path.name} has no place for {name}")
        text = head + begin + made + end + tail
    return text


def _table_before(of: Page) -> str:
    lines = ["| Before | EventType | Own parameters | May be replaced |", "| --- | --- | --- | --- |"]
    for (kind, verb), event in of.family.pre_events.items():
        noun = _NAMES.get((kind, verb)) or f"a {of.nouns.get(kind, kind)}"
        answers = f"`{event.answers}`" if event.answers else "nothing: allow or refuse"
        lines.append(f"| {noun} {_BEFORE[verb]} | `{event.name}` | `{event.parameters}` | {answers} |")
    return "\n".join(lines) + "\n"


def _table_after(of: Page) -> str:
    lines = ["| EventType | Own parameters |", "| --- | --- |"]
    lines += [f"| `{event.name}` | `{event.parameters}` |" for event in of.family.post_events.values()]
    return "\n".join(lines) + "\n"


def _examples(of: Page) -> str:
    return "\n".join(part for row in _rows(of) for part in _example(of, *row))


def _rows(of: Page) -> Iterator[tuple[str, str, Event]]:
    seen = set()
    for table in (of.family.pre_events, of.family.post_events):
        for (kind, verb), event in table.items():
            if event.name not in seen:
                seen.add(event.name)
                yield kind, verb, event


def _example(of: Page, kind: str, verb: str, event: Event) -> Iterator[str]:
    url, headers, body = example(of, kind, verb, event)
    yield f"### `{event.name}`\n"
    yield "```"
    yield f"POST {url}"
    yield from (f"{name}: {value}" for name, value in headers.items() if name != "User-Agent")
    yield ""
    yield from (f"{name}={value}" for name, value in parse_qsl(body.decode()))
    yield "```\n"
    if verb in _BEFORE and event.answers:
        answer = {name: _ANSWERED[name] for name in event.answers.split() if name in _ANSWERED}
        told, shown = "May be answered with, for example,", f"`{json.dumps(answer)}`."
        yield from [f"{told} {shown}\n"] if len(told) + len(shown) < _WIDTH else [told, f"{shown}\n"]


def example(of: Page, kind: str, verb: str, event: Event) -> tuple[str, dict[str, str], bytes]:
    """URL, headers and body of a request that tells of an event."""
    if kind not in _RECORDS:
        raise LookupError(f"_RECORDS has to have a {kind}, for the example of its event")
    record = {**_COMMON, **_RECORDS[kind]}
    cause = {"source": "SDK", "actor": "alice", "at": _NOW}
    change = Change(_KINDS.get(kind, kind), verb, record, {}, cause, "")
    told = parameters(of.family, event, change, _ACCOUNT)
    token = hashlib.sha256(event.name.encode()).hexdigest()[:32]
    return request(AUTH_TOKEN, {"id": token, "url": of.url, "method": "POST", "parameters": told}, 0)


def main() -> None:
    for of in PAGES:
        text = of.path.read_text(encoding="utf-8")
        made = page(of, text)
        if made != text:
            of.path.write_text(made, encoding="utf-8")
            print(f"{of.path.relative_to(REPOSITORY)} is up to date now")


if __name__ == "__main__":
    main()
