"""One account with everything in it: the core wired to a real table, a fake clock, repeatable ids and known secrets.

Worlds share a table and never meet: every item's key leads back to the account's SID or to a SID that was made in it.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parley.ids import Ids
from parley.keyring import Keyring
from parley.metrics import Metric
from parley.operations.context import Caller, Context
from parley.runtime import Runtime
from parley.settings import Settings
from parley.sockets.fast_push import Outlook
from parley.store.configuration import Configuration
from parley.store.table import Table
from tests.support.fakes import AUTH_TOKEN, FakeClock, FakeSecrets, seeded_hex
from tests.support.objects import ObjectStore
from tests.support.push import APPLICATIONS, Phones

# As a local stack has them.
PHONE_NUMBERS = ("+12025550143", "+12025550178")
WHATSAPP_SENDERS = ("whatsapp:+12025550143",)

_accounts = itertools.count()
# Engines may be shared with another run that started its numbers at zero too.
_run = uuid.uuid4().hex[:16]


def new_account_sid() -> str:
    """An account that nothing was ever stored for."""
    return f"AC{_run}{next(_accounts):016x}"


class World:
    """One account, as one warm container of a function sees it, wired as the functions are, with fakes for its ports.

    `store` is its bucket, `phones` are those that its push services know. `beside` carries out what the fast path does
    in a thread of its own.
    """

    beside: type[Outlook[Any]] = Outlook

    def __init__(self, client: Any, table_name: str, account_sid: str = "", clock: FakeClock | None = None):
        self._client = client
        self._table_name = table_name
        self.account_sid = account_sid or new_account_sid()
        self.clock = clock or FakeClock()
        self.secrets = FakeSecrets(auth=AUTH_TOKEN, root=f"root of {self.account_sid}")
        self.ids = Ids(self.clock, seeded_hex(f"{self.account_sid}/{next(_accounts)}"))
        self.store = ObjectStore(f"media-{self.account_sid.lower()}", self.clock)
        # What its functions counted, by the name of the metric and the code; the code is 0 for metrics without one.
        self.counted: Counter[tuple[str, int]] = Counter()
        self.phones = Phones()
        self._ports: dict[str, Any] = {
            "count": self._count,
            "objects": lambda: self.store.port,
            "push": lambda: self.phones.port,
        }
        self._settings = Settings(
            table=table_name,
            account_sid=self.account_sid,
            auth_token_secret="auth",
            key_ring_secret="root",
            phone_numbers=PHONE_NUMBERS,
            whatsapp_senders=WHATSAPP_SENDERS,
            group_messages=True,
            media_bucket=self.store.bucket,
            push_applications=APPLICATIONS,
        )
        self.wire()

    def wire(self, settings: Mapping[str, Any] | None = None, **ports: Any) -> Runtime:
        """Start this container anew with these settings and ports of `Runtime` beside those that it has."""
        self._settings = replace(self._settings, **(settings or {}))
        self._ports |= ports
        self.runtime = Runtime(
            self._settings,
            clock=self.clock,
            ids=self.ids,
            client=lambda service: self._client,
            secret=self.secrets.fetch,
            **self._ports,
        )
        if self._settings.fast_push:
            self.runtime.fast_push.beside = self.beside
        return self.runtime

    def _count(self, metric: Metric, value: float, code: int) -> None:
        self.counted[metric.name, code] += int(value)

    @property
    def table(self) -> Table:
        return self.runtime.table

    @property
    def configuration(self) -> Configuration:
        return self.runtime.configuration

    @property
    def keyring(self) -> Keyring:
        return self.runtime.keyring

    @property
    def actions_per_second(self) -> int:
        return self.runtime.settings.actions_per_second

    @actions_per_second.setter
    def actions_per_second(self, limit: int) -> None:
        self.wire({"actions_per_second": limit})

    def context(self, caller: Caller | None = None) -> Context:
        return self.runtime.context(caller or Caller())

    def another_container(self) -> World:
        """The same account at the same time, seen by a container that remembers nothing."""
        another = World(self._client, self._table_name, self.account_sid, self.clock)
        another.actions_per_second = self.actions_per_second
        another.store, another.phones = self.store, self.phones
        return another
