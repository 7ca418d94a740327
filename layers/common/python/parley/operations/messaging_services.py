"""Messaging services: settings that several senders share, such as the URL for messages without a conversation.

The account's default service exists from the start. Its record is made by the first request that looks for it, so
accounts that never use messaging services store none, and those of earlier releases, which have only its SID, get one.
"""

from __future__ import annotations

from typing import Any

from parley.errors import CONCURRENT_UPDATE, MESSAGING_SERVICE_FULL, MESSAGING_SERVICE_IN_USE, NOT_FOUND, ignoring
from parley.ids import is_sid
from parley.operations import accounts, verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.messaging_services import MESSAGING_SERVICE
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Guard, Present, Update, Write
from parley.stored import MessagingService

# https://www.twilio.com/docs/api/errors/21714
MOST_SENDERS = 400
# What Twilio calls it (unconfirmed).
_DEFAULT_NAME = "Default Messaging Service for Conversations"


def default_sid(context: Context) -> str:
    """The SID of the account's default service, whose record exists afterwards."""
    sid = accounts.configuration(context)["default_messaging_service_sid"]
    key = keys.messaging_service(context.account_sid, sid)
    if context.configuration.fetch(key) is None:
        now = context.clock.now_ms()
        record = {"sid": sid, "friendly_name": _DEFAULT_NAME, "date_created": now, "date_updated": now}
        # Another request may make it first.
        with ignoring(CONCURRENT_UPDATE):
            context.table.commit(context.cause(), [Create(key, record, taken=CONCURRENT_UPDATE())])
    return sid


def require(context: Context, sid: str) -> MessagingService:
    """The service with this SID, as it is stored now.

    Raises:
        Refusal: 20404.
    """
    if not is_sid("MG", sid):
        raise NOT_FOUND()
    if sid == accounts.configuration(context)["default_messaging_service_sid"]:
        default_sid(context)
    found = context.table.fetch(keys.messaging_service(context.account_sid, sid))
    if found is None:
        raise NOT_FOUND()
    return found


def entered(context: Context, sid: str) -> Write:
    """The write that counts one more sender in a service.

    Raises:
        Refusal: by the commit: 20404 if there is no such service; 21714 if it is full.
    """
    room = Guard("senders_count", "behind", MOST_SENDERS, MESSAGING_SERVICE_FULL())
    key = keys.messaging_service(context.account_sid, sid)
    return Update(key, NOT_FOUND(), add={"senders_count": 1}, guards=(room,), announced=False)


def left(context: Context, sid: str | None) -> list[Write]:
    """The writes that count one sender less in a service; none if it does not exist any more."""
    key = keys.messaging_service(context.account_sid, sid or "")
    if not sid or context.table.fetch(key) is None:
        return []
    return [Update(key, CONCURRENT_UPDATE(), add={"senders_count": -1}, announced=False)]


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new service without senders."""
    return verbs.create(MESSAGING_SERVICE, context, path, verbs.non_null(parameters))


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The service at a path.

    Raises:
        Refusal: 20404.
    """
    return {**require(context, resolve(context, MESSAGING_SERVICE, path)["sid"])}


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the account's services, oldest first."""
    default_sid(context)
    return verbs.list_(MESSAGING_SERVICE, context, path, parameters, page)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The service after the given fields have changed. Another container may use the former ones for ten seconds."""
    resolved = resolve(context, MESSAGING_SERVICE, path)
    require(context, resolved["sid"])
    key = MESSAGING_SERVICE.key(resolved)
    write = Update(key, NOT_FOUND(), set=verbs.changed(context, parameters))
    record = context.table.commit(context.cause(), [write])[0]
    context.configuration.forget(key)
    return record


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Delete the service. Its senders are in no service then, and any service may take them.

    Raises:
        Refusal: 20409 for the account's default service, since new conversations are given its SID (unconfirmed).
    """
    resolved = resolve(context, MESSAGING_SERVICE, path)
    record = require(context, resolved["sid"])
    key = MESSAGING_SERVICE.key(resolved)
    configuration = keys.account_configuration(context.account_sid)
    other = Guard("default_messaging_service_sid", "<>", resolved["sid"], MESSAGING_SERVICE_IN_USE())
    # Another request may make it the default at this moment.
    writes: list[Write] = [
        verbs.bury(context, MESSAGING_SERVICE, resolved, record),
        Present(configuration, NOT_FOUND(), (other,)),
    ]
    context.table.commit(context.cause(), writes)
    context.configuration.forget(key)
