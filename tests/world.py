"""One account with everything in it: the core wired to a real table, a fake clock, repeatable ids and known secrets.

Worlds share a table and never meet: every item's key leads back to the account's SID or to a SID that was made in it.
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from parley.ids import Ids
from parley.keyring import Keyring
from parley.operations.context import Caller, Context
from parley.store.configuration import Configuration
from parley.store.table import Table
from tests.fakes import AUTH_TOKEN, FakeClock, FakeSecrets, seeded_hex

_accounts = itertools.count()
# Engines may be shared with another run that started its numbers at zero too.
_run = uuid.uuid4().hex[:16]


def new_account_sid() -> str:
    """An account that nothing was ever stored for."""
    return f"AC{_run}{next(_accounts):016x}"


class World:
    """One account, as one warm container of a function sees it."""

    def __init__(self, client: Any, table_name: str, account_sid: str = "", clock: FakeClock | None = None):
        self._client = client
        self._table_name = table_name
        self.account_sid = account_sid or new_account_sid()
        self.clock = clock or FakeClock()
        self.secrets = FakeSecrets(auth=AUTH_TOKEN, root=f"root of {self.account_sid}")
        self.table = Table(table_name, lambda: client, self.clock)
        self.configuration = Configuration(self.table, self.clock)
        self.ids = Ids(self.clock, seeded_hex(f"{self.account_sid}/{next(_accounts)}"))
        self.keyring = Keyring("auth", "root", self.secrets.fetch, self.clock)
        self.actions_per_second = 0

    def context(self, caller: Caller | None = None) -> Context:
        return Context(
            self.table,
            self.configuration,
            self.ids,
            self.clock,
            self.account_sid,
            self.keyring,
            caller or Caller(),
            self.actions_per_second,
        )

    def another_container(self) -> World:
        """The same account at the same time, seen by a container that remembers nothing."""
        another = World(self._client, self._table_name, self.account_sid, self.clock)
        another.actions_per_second = self.actions_per_second
        return another
