"""Webhook events, of which each face has a table of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Event(NamedTuple):
    """One event.

    Attributes:
        name: As owners select it in filters.
        parameters: Its own parameters, separated by blanks; `webhooks/events.py` says what each is.
        answers: For a pre-event, the keys that its answer may replace, separated by blanks.
    """

    name: str
    parameters: str
    answers: str = ""


# (kind, verb) -> event; messages with media have rows of their own, of the kind `media message`.
Events = Mapping[tuple[str, str], Event]


def names(events: Events, without: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of a table's events in their order, each once, but for those of some kinds."""
    return tuple(dict.fromkeys(event.name for (kind, _), event in events.items() if kind not in without))
