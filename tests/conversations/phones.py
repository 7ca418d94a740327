"""Conversations with phones in them: the forms that add participants, and requests that must leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any
from unittest.mock import patch

from parley.operations import channel_log
from tests.rest.support import at_once
from tests.support.doors import Raw
from tests.support.invariants import everything
from tests.support.lean import LeanClient
from tests.support.world import PHONE_NUMBERS, WHATSAPP_SENDERS, World

API = "/conversations/v1"
PROXY, OTHER_PROXY = PHONE_NUMBERS
(SENDER,) = WHATSAPP_SENDERS
PHONE, OTHER_PHONE = "+491721234567", "+491727654321"
# Phones that can be in groups.
AMERICANS = tuple(f"+1415555{number:04d}" for number in range(100, 120))
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}

Form = dict[str, Any]


def bound(address: str | None = None, proxy: str | None = None, projected: str | None = None, **more: Any) -> Form:
    """A form with the parts of a binding that are given."""
    parts = {"Address": address, "ProxyAddress": proxy, "ProjectedAddress": projected}
    return {**{f"MessagingBinding.{name}": value for name, value in parts.items() if value is not None}, **more}


def pair(address: str = PHONE, proxy: str = PROXY, **more: Any) -> Form:
    """A phone and the number that writes to it."""
    return bound(address, proxy, **more)


@dataclass(frozen=True)
class Thread:
    """A conversation over plain requests."""

    raw: Raw
    lean: LeanClient
    path: str

    @property
    def sid(self) -> str:
        return self.path.rpartition("/")[2]

    def another(self) -> Thread:
        """Another conversation of the same service."""
        return opened(self.raw, self.lean, self.path.rpartition("/Conversations")[0])

    def add(self, form: Form) -> dict[str, Any]:
        added: dict[str, Any] = self.raw.post(f"{self.path}/Participants", form)
        return added

    def refusal(self, form: Form, participant: str = "") -> tuple[int, int]:
        """Status and code with which a participant's creation or update is refused, before anything is written."""
        address = f"{self.path}/Participants" + (f"/{participant}" if participant else "")
        with self.lean.metered() as meter:
            answer = self.raw("POST", address, form)
        assert not _WRITES & set(meter.requests), f"{answer.text} after {dict(meter.requests)}"
        return answer.refusal()[:2]

    def update(self, participant: str, form: Form) -> dict[str, Any]:
        updated: dict[str, Any] = self.raw.post(f"{self.path}/Participants/{participant}", form)
        return updated

    def remove(self, participant: str) -> None:
        assert self.raw("DELETE", f"{self.path}/Participants/{participant}").status == 204

    def participants(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.raw.get(f"{self.path}/Participants")["participants"]
        return listed


def opened(raw: Raw, lean: LeanClient, scope: str = API, **form: Any) -> Thread:
    """A new conversation."""
    return Thread(raw, lean, f"{scope}/Conversations/{raw.post(f'{scope}/Conversations', **form)['sid']}")


@contextmanager
def unchanged(world: World, lean: LeanClient) -> Iterator[None]:
    """What happens inside leaves everything as it is stored, byte for byte."""
    before = everything(lean, world.table._name, world.account_sid)
    yield
    assert everything(lean, world.table._name, world.account_sid) == before


@contextmanager
def rivalled(*rivals: Callable[[], object], is_later: bool = False) -> Iterator[None]:
    """Let each of `rivals` come in between once, when a change inside has read and decided, and takes its number.

    With `is_later`, the rival comes after the number was taken.
    """
    take, owner = channel_log.take_seq, get_ident()
    waiting = list(rivals)

    def after_a_rival(*args: Any) -> Any:
        tail = take(*args) if is_later else None
        if waiting and get_ident() == owner:
            rival = waiting.pop(0)
            # A thread of its own has an event loop of its own.
            at_once(1, lambda _: rival())
        return tail or take(*args)

    with patch.object(channel_log, "take_seq", after_a_rival):
        yield
    assert waiting == []
