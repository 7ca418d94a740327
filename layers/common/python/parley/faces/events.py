"""Webhook events. Each face has its own table of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Event(NamedTuple):
    """One event.

    Attributes:
        name: Its name, as webhook filters select it.
        parameters: Its own parameters, separated by blanks; `webhooks/events.py` says what each is.
        answers: For a pre-event, the keys that its answer may replace, separated by blanks.
    """

    name: str
    parameters: str
    answers: str = ""


# (kind, verb) -> event; messages with media have rows of their own, of the kind `media message`.
Events = Mapping[tuple[str, str], Event]


def names(events: Events, without: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of a table's events in order, each once, without those of the kinds in `without`."""
    return tuple(dict.fromkeys(event.name for (kind, _), event in events.items() if kind not in without))
