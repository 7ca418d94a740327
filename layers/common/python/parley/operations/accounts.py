"""The account: there is one per deployment. Only its SID and its configuration are stored."""

from __future__ import annotations

from typing import Any

from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, SERVICE_NOT_FOUND, ignoring
from parley.operations import services, verbs
from parley.operations.addressing import named_service
from parley.operations.context import CONVERSATIONS, Context
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Present, Update, Write
from parley.stored import AccountConfiguration

_NEVER_CLEARED = ("default_chat_service_sid", "default_messaging_service_sid")
_DEFAULT_SERVICE_NAME = "Default Conversations Service"


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The account.

    Raises:
        Refusal: 20404 for any other.
    """
    if path["sid"] != context.account_sid:
        raise NOT_FOUND()
    return {"sid": context.account_sid}


def default_service_sid(context: Context) -> str:
    """The SID of the default service, which a path means if it names no service."""
    return configuration(context)["default_chat_service_sid"]


def configuration(context: Context) -> AccountConfiguration:
    """The account's configuration, from memory if it was read within the last seconds.

    A new account has no configuration. The first request that needs it makes it, together with the default service, in
    one transaction. Twilio fills both default SIDs of a new account (observed).
    """
    key = keys.account_configuration(context.account_sid)
    found = context.configuration.fetch(key)
    if found is not None:
        return found
    # Another request may make it first.
    with ignoring(CONCURRENT_UPDATE):
        _make(context)
    context.configuration.forget(key)
    made = context.configuration.fetch(key)
    assert made is not None
    return made


def known_configuration(context: Context) -> AccountConfiguration | None:
    """The account's configuration, at most ten seconds old; None if the account has none yet."""
    key = keys.account_configuration(context.account_sid)
    return context.configuration.fetch(key) if context.configuration.present([key]) else None


def fetch_configuration(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The account's configuration, as it is stored now."""
    known = configuration(context)
    return {**(context.table.fetch(keys.account_configuration(context.account_sid)) or known)}


def update_configuration(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the given fields of the configuration. If the default service is given as empty, it stays as it was.

    Raises:
        Refusal: 50050 if the new default service does not exist.
    """
    configuration(context)
    given = {name: value for name, value in parameters.items() if value is not None or name not in _NEVER_CLEARED}
    key = keys.account_configuration(context.account_sid)
    writes: list[Write] = [Update(key, NOT_FOUND(), set=verbs.changed(context, given))]
    if service_sid := given.get("default_chat_service_sid"):
        named_service(context, service_sid)
        # The service may have been deleted since it was remembered.
        writes.append(Present(keys.service(context.account_sid, service_sid), SERVICE_NOT_FOUND(sid=service_sid)))
    context.table.commit(context.cause(), writes)
    context.configuration.forget(key)
    # Of a record that is changed in a transaction, only the changed fields come back.
    return {**(context.table.fetch(key) or {})}


def _make(context: Context) -> None:
    making = services.creation(context, {**CONVERSATIONS.new_service, "friendly_name": _DEFAULT_SERVICE_NAME})
    made = making[-1]
    assert isinstance(made, Create)
    now = context.clock.now_ms()
    record = {
        "default_chat_service_sid": made.record["sid"],
        "default_messaging_service_sid": context.ids.sid("MG"),
        "date_created": now,
        "date_updated": now,
    }
    write = Create(keys.account_configuration(context.account_sid), record, taken=CONCURRENT_UPDATE())
    context.table.commit(context.cause(), [write, *making])
