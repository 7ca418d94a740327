"""The checker of invariants finds nothing wrong in an account in use, and finds each contradiction that is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parley.ids import message_sid
from parley.operations import channel_webhooks, channels, invites, joining, messages, roles, services, users
from parley.operations.entries import entries
from parley.sockets import markers
from parley.store import keys
from tests.support.files import store
from tests.support.invariants import contradictions, everything
from tests.support.lean import LeanClient
from tests.support.world import World


class Account:
    """An account with an example of everything that the checker looks at."""

    def __init__(self, client: LeanClient, table_name: str):
        self.world = World(client, table_name)
        self._client, self._table_name = client, table_name
        context = self.world.context()
        self.service = services.create(context, {}, {"friendly_name": "checked"})["sid"]
        path = {"service_sid": self.service}
        self.channel = channels.create(context, path, {"unique_name": "den"})["sid"]
        inside = {**path, "channel_sid": self.channel}
        granted = {"friendly_name": "x", "type": "channel", "permissions": ["sendMessage"]}
        self.role = roles.create(context, path, granted)["sid"]
        self.member = joining.create(context, inside, {"identity": "alice", "role_sid": self.role})["sid"]
        self.user = users.fetch(context, {**path, "sid": "alice"}, {})["sid"]
        invites.create(context, inside, {"identity": "bob"})
        for _ in range(3):
            messages.create(context, inside, {"body": "x"}, token="token" * 4)
            messages.create(context, inside, {"body": "x"})
        messages.delete(context, {**inside, "sid": message_sid(self.channel, 2)}, {})
        self.file, self.waiting = (store(self.world, self.service) for _ in range(2))
        self.carrier = messages.create(context, inside, {"media_sids": [self.file]})
        webhook = {"type": "webhook", "configuration.url": "https://example.com"}
        channel_webhooks.create(context, inside, {**webhook, "configuration.filters": ["onMessageSent"]})
        self.now = self.world.clock.now_ms() // 1000
        # Accounts share the table, so each needs a connection id of its own.
        self.connection = f"connection of {self.world.account_sid}"
        self.open(self.connection)

    def open(self, connection_id: str) -> None:
        until = self.now + 3600
        record = {"id": connection_id, "user_sid": self.user, "service_sid": self.service, "expires_at": until}
        self.put(keys.connection(connection_id), **record)
        self.world.table.touch(keys.presence(self.user), {f"connection:{connection_id}": {"until": until, "at": 0}})
        self.put(keys.due(self.world.account_sid, "expiry", 1, connection_id), id=connection_id)

    def put(self, key: keys.Key[Any], **record: Any) -> None:
        self.world.table.put_many({key: record})

    def change(self, key: keys.Key[Any], **fields: Any) -> None:
        self.world.table.touch(key, fields)

    def listing(self) -> keys.Key[Any]:
        """The first entry of the channel, that among its service's."""
        table = self.world.table
        return next(
            iter(
                entries(
                    self.world.account_sid,
                    table.fetch(keys.channel(self.channel)) or {},
                    table.fetch(keys.tail(self.channel)) or {},
                )
            )
        )

    def erase(self, key: keys.Key[Any]) -> None:
        self.world.table.erase_many([key])

    def found(self) -> list[str]:
        items = everything(self._client, self._table_name, self.world.account_sid)
        return contradictions(items, now_ms=self.world.clock.now_ms(), objects=self.world.store.keys())


@pytest.fixture
def account(lean: LeanClient, table_name: str) -> Account:
    return Account(lean, table_name)


def test_an_account_in_use_contradicts_itself_nowhere(account: Account) -> None:
    assert account.found() == []


PLANTED: dict[str, tuple[Callable[[Account], Any], str]] = {
    "a name that leads nowhere": (
        lambda a: a.put(keys.unique_name(a.service, "old"), channel_sid=a.channel, service_sid=a.service),
        "does not bear it",
    ),
    "a name that does not lead": (lambda a: a.erase(keys.unique_name(a.service, "den")), "does not lead to it"),
    "a ghost in a list": (
        lambda a: a.put(keys.channel_listing(a.service, "private", "active", 1, a.channel), channel_sid=a.channel),
        "no such channel of this type",
    ),
    "a channel that is not listed": (
        lambda a: a.erase(a.listing()),
        "does not list",
    ),
    "too many members": (lambda a: a.change(keys.tail(a.channel), members_count=2), "members_count 2"),
    "too few webhooks": (lambda a: a.change(keys.tail(a.channel), webhooks_count=0), "webhooks_count 0"),
    "a number from the future": (lambda a: a.change(keys.member(a.channel, a.member), seq=99), "has the number 99"),
    "a message too many": (
        lambda a: a.change(keys.tail(a.channel), counted_index=3, counted=4, removed=None),
        "counted 4 messages",
    ),
    "a removal too many": (lambda a: a.change(keys.tail(a.channel), removed=frozenset((1, 2))), "are removed"),
    "a newest message that is none": (
        lambda a: a.change(keys.tail(a.channel), last_message_index=2),
        "newest message is 2",
    ),
    "a message behind the end": (lambda a: a.change(keys.tail(a.channel), last_index=1), "last index is 1"),
    "a channel too many": (lambda a: a.change(keys.user(a.user), joined_channels_count=2), "in 2 channels"),
    "a device too many": (lambda a: a.change(keys.user(a.user), bindings_count=1), "bindings_count 1"),
    "a role that is gone": (lambda a: a.erase(keys.role(a.service, a.role)), "which is gone"),
    "a holder that nobody finds": (
        lambda a: a.world.table.detach(keys.member(a.channel, a.member), ["gsi2pk", "gsi2sk"]),
        "does not know",
    ),
    "a holder of another role": (
        lambda a: a.change(keys.member(a.channel, a.member), gsi2pk="ROLE#other"),
        "index of holders says",
    ),
    "a default that is not kept": (
        lambda a: a.change(keys.service(a.world.account_sid, a.service), default_channel_role_sid=a.role),
        "no role that is kept",
    ),
    "a member without its user": (lambda a: a.change(keys.user(a.user), birth="another"), "its user is gone"),
    "a channel that is gone": (lambda a: a.erase(keys.channel(a.channel)), "is left of"),
    "a connection that nobody knows of": (
        lambda a: a.world.table.detach(keys.presence(a.user), [f"connection:{a.connection}"]),
        "is not among those",
    ),
    "a connection that is gone": (lambda a: a.erase(keys.connection(a.connection)), "which is gone"),
    "a connection that never ends": (
        lambda a: a.erase(keys.due(a.world.account_sid, "expiry", 1, a.connection)),
        "nobody will end",
    ),
    "a follower who does not follow": (
        lambda a: a.put(keys.follower(a.user, a.connection), id=a.connection, until=a.now + 60, expires_at=a.now + 60),
        "does not follow",
    ),
    "a follower who does not hear": (
        lambda a: a.change(keys.connection(a.connection), follows=[a.user]),
        "does not hear",
    ),
    "a file that its message does not carry": (
        lambda a: a.change(keys.message(a.channel, a.carrier["index"]), media=None),
        "does not carry it",
    ),
    "a file whose message is gone": (
        lambda a: a.erase(keys.message(a.channel, a.carrier["index"])),
        "does not carry it",
    ),
    "a message whose file is gone": (lambda a: a.erase(keys.media(a.file)), "whose record names None"),
    "a file that names another message": (
        lambda a: a.change(keys.media(a.file), message_sid=message_sid(a.channel, 0)),
        "whose record names",
    ),
    "a file that expires although a message carries it": (
        lambda a: a.change(keys.media(a.file), expires_at=a.now),
        "not waiting for a message",
    ),
    "a file that waits and is not listed": (
        lambda a: a.world.table.detach(keys.media(a.waiting), ["gsi1pk", "gsi1sk"]),
        "is waiting for a message",
    ),
    "a file without its object": (
        lambda a: a.world.store.port.delete(f"{a.service}/{a.file}"),
        "there is no object",
    ),
    "an object without its file": (lambda a: a.erase(keys.media(a.waiting)), "its record is gone"),
    "a marker of a change that never was": (
        lambda a: a.put(markers.key(a.channel, 400), seq=400, to="x=", expires_at=a.now + 60),
        "a marker of",
    ),
    "a marker in the place of another": (
        lambda a: a.put(markers.key(a.channel, 1), seq=2, to="x=", expires_at=a.now + 60),
        "in the place of another",
    ),
    "people who joined without being counted": (
        lambda a: a.change(keys.tail(a.channel), memberships_changed=0),
        "joined and left 0 times",
    ),
    "a token for a message that was given up": (
        lambda a: (
            a.put(keys.message(a.channel, 1), index=1, seq=3, deleted_at=1, given_up=True),
            a.put(keys.idempotency(a.channel, "x"), index=1, expires_at=a.now + 60),
        ),
        "which was given up",
    ),
    "a message that was given up in silence": (
        lambda a: (
            a.put(keys.message(a.channel, 1), index=1, seq=3, deleted_at=1, given_up=True),
            a.erase(keys.change(a.channel, 3)),
        ),
        "nobody heard of its number",
    ),
    "a token for a message that never was": (
        lambda a: a.put(keys.idempotency(a.channel, "x"), index=40, expires_at=a.now + 60),
        "a token of",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_contradiction_that_is_planted_is_found(account: Account, name: str) -> None:
    plant, words = PLANTED[name]
    plant(account)
    assert any(words in sentence for sentence in account.found()), account.found()
