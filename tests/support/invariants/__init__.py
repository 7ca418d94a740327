"""Invariants: one function that reads everything an account has stored and names every contradiction in it.

    assert contradictions(everything(client, table_name, account_sid)) == []

Run it when no request is under way, and no sweep either unless `swept=False` says that some are still to come. A counter
that will settle by itself after a death is no contradiction; a counter that stays wrong is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parley.store.keys import Key
from tests.support.invariants import channels, files, people, phones
from tests.support.invariants.account import Account, Item, everything

__all__ = ["contradictions", "everything"]

_CHECKS = (*channels.CHECKS, *people.CHECKS, *phones.CHECKS, *files.CHECKS)


def contradictions(
    items: dict[Key[Any], Item],
    *,
    swept: bool = True,
    now_ms: int = 0,
    deaths: bool = False,
    objects: Iterable[str] | None = None,
) -> list[str]:
    """Every contradiction among an account's items, each as a sentence.

    `swept` says that no sweep is owed any more. `deaths` says that functions died while they opened or closed sockets.
    Such a function may leave items that no API shows, until the connection's time is over. If a request to follow was
    killed, the connection may list whom it follows without hearing of them. It got no reply, and asks again.

    `objects` are the keys of all objects in the account's bucket. Without them, only the records of files are compared.
    """
    account = Account(items, swept, now_ms, deaths, None if objects is None else frozenset(objects))
    return [sentence for check in _CHECKS for sentence in check(account)]
