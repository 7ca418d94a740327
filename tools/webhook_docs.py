"""The tables and examples of `docs/webhooks.md`, made from the event table; the rest of the page is written by hand.

    python -m tools.webhook_docs            bring the page up to date

The delivery code makes each example from a change that is made up here, and signs it with a token that the page names.
So readers can try their own signature checks on the examples.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from parley.faces.chat_events import POST_EVENTS, PRE_EVENTS
from parley.faces.events import Event
from parley.ids import member_sid, message_sid, user_sid
from parley.store.changes import Change
from parley.webhooks.delivery import request
from parley.webhooks.events import parameters

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "webhooks.md"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
URL = "https://hooks.example.com/chat"

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
}
_BEFORE = {"create": "is added", "update": "changes", "delete": "is removed"}
_NAMES = {("message", verb): "a text message" for verb in ("create", "update")}
_ANSWERED: dict[str, Any] = {
    "body": "Hello, everybody",
    "author": "bob",
    "attributes": {"checked": True},
    "friendly_name": "Everybody",
    "unique_name": "everybody",
    "role_sid": "RL019bc17db6400000000000000000be12",
}


def page(text: str) -> str:
    """The page with everything between its markers made anew."""
    for name, made in {"before": _table_before(), "after": _table_after(), "examples": _examples()}.items():
        begin, end = f"<!-- {name}: made by tools/webhook_docs.py -->\n", f"<!-- end of {name} -->\n"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise SystemExit(f"{PAGE.name} has no place for {name}")
        text = head + begin + made + end + tail
    return text


def _table_before() -> str:
    lines = ["| Before | EventType | Own parameters | May be replaced |", "| --- | --- | --- | --- |"]
    for (kind, verb), event in PRE_EVENTS.items():
        noun = _NAMES.get((kind, verb)) or f"a {kind}"
        answers = f"`{event.answers}`" if event.answers else "nothing: allow or refuse"
        lines.append(f"| {noun} {_BEFORE[verb]} | `{event.name}` | `{event.parameters}` | {answers} |")
    return "\n".join(lines) + "\n"


def _table_after() -> str:
    lines = ["| EventType | Own parameters |", "| --- | --- |"]
    lines += [f"| `{event.name}` | `{event.parameters}` |" for event in POST_EVENTS.values()]
    return "\n".join(lines) + "\n"


def _examples() -> str:
    return "\n".join(part for row in _rows() for part in _example(*row))


def _rows() -> Iterator[tuple[str, str, Event]]:
    seen = set()
    for table in (PRE_EVENTS, POST_EVENTS):
        for (kind, verb), event in table.items():
            if event.name not in seen:
                seen.add(event.name)
                yield kind, verb, event


def _example(kind: str, verb: str, event: Event) -> Iterator[str]:
    url, headers, body = example(kind, verb, event)
    yield f"### `{event.name}`\n"
    yield "```"
    yield f"POST {url}"
    yield from (f"{name}: {value}" for name, value in headers.items() if name != "User-Agent")
    yield ""
    yield from (f"{name}={value}" for name, value in parse_qsl(body.decode()))
    yield "```\n"
    if verb in _BEFORE and event.answers:
        answer = {name: _ANSWERED[name] for name in event.answers.split() if name in _ANSWERED}
        yield f"May be answered with, for example, `{json.dumps(answer)}`.\n"


def example(kind: str, verb: str, event: Event) -> tuple[str, dict[str, str], bytes]:
    """URL, headers and body of a request that tells of an event."""
    record = {**_COMMON, **_RECORDS[kind]}
    cause = {"source": "SDK", "actor": "alice", "at": _NOW}
    change = Change(kind.split()[-1], verb, record, {}, cause, "")
    told = parameters(event, change, _ACCOUNT)
    token = hashlib.sha256(event.name.encode()).hexdigest()[:32]
    return request(AUTH_TOKEN, {"id": token, "url": URL, "method": "POST", "parameters": told}, 0)


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = page(text)
    if made != text:
        PAGE.write_text(made, encoding="utf-8")
        print(f"{PAGE.relative_to(REPOSITORY)} is up to date now")


if __name__ == "__main__":
    main()
