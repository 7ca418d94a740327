"""Senders: addresses whose messages AWS carries. The numbers in the settings belong to a carrier of the operator.

A sender belongs to one messaging service at most. Sender and service change together: the service counts its senders.
A sender whose service is deleted is in no service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from parley.domain.addresses import SMS, WHATSAPP, Numbers, channel_of
from parley.errors import (
    ADDRESS_INVALID,
    CONCURRENT_UPDATE,
    NOT_FOUND,
    SENDER_IN_OTHER_SERVICE,
    SENDER_IN_SERVICE,
)
from parley.ids import address_sid, sender_address, sender_sid
from parley.log import logger
from parley.operations import accounts, messaging_services, verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.address_configurations import ADDRESS_CONFIGURATION
from parley.records.senders import SENDER
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Absent, Create, Guard, Update, Write
from parley.stored import Sender

_CARRIED = (SMS, WHATSAPP)


def known(context: Context, *addresses: str | None) -> Numbers:
    """The account's numbers: those of the settings, and those of `addresses` that are senders.

    One request reads the senders, if this deployment can have any and the settings lack one of the addresses.
    """
    if not context.has_phones:
        return context.numbers
    wanted = {one for one in addresses if one and not context.numbers.has(one) and channel_of(one) in _CARRIED}
    found = context.table.fetch_many(keys.sender(context.account_sid, one) for one in wanted) if wanted else {}
    return context.numbers._replace(senders=frozenset(record["address"] for record in found.values()))


def sender(context: Context, address: str) -> Sender | None:
    """The sender with an address, at most ten seconds old; None if AWS does not carry the address."""
    return context.configuration.fetch(keys.sender(context.account_sid, address)) if context.has_phones else None


def messaging_service_sid(context: Context, held: Sender | None) -> str:
    """The SID of the messaging service that counts for a sender, at most ten seconds old.

    That is the sender's own service. If the sender is in none, or the address is no sender, it is the default one.
    """
    own = held.get("messaging_service_sid") if held else None
    if own and context.configuration.fetch(keys.messaging_service(context.account_sid, own)) is not None:
        return own
    return accounts.configuration(context)["default_messaging_service_sid"]


def enable(context: Context, address: str, given: Mapping[str, Any]) -> Sender:
    """Make an address a sender, or change it if it is one.

    `given` are fields of the record; `provider_id` must be among them for a new sender. Without a
    `messaging_service_sid`, a sender stays where it is, and a new one joins the account's default service. If it is
    None, a new one joins no service. The URL of the default service is told of messages to a sender in no service.

    Raises:
        Refusal: 50407 for what is no number and no WhatsApp sender; 20404 if there is no such messaging service; 21714
            if the service is full; 20409 if others changed the sender every time.
    """
    channel = channel_of(address)
    if channel not in _CARRIED:
        raise ADDRESS_INVALID()
    fields = verbs.non_null({**given, "kind": channel, "address": address})
    key = keys.sender(context.account_sid, address)
    joins_none = given.get("messaging_service_sid", "") is None

    def attempt(context: Context) -> Sender:
        held = context.table.fetch(key)
        former = _service_of(context, held)
        service_sid = given.get("messaging_service_sid") or former
        if not service_sid and not joins_none:
            service_sid = messaging_services.default_sid(context)
        if service_sid:
            messaging_services.require(context, service_sid)
        set_ = {**fields, **({"messaging_service_sid": service_sid} if service_sid else {})}
        if held is None:
            new = {**verbs.new_record(context, SENDER, {}), **set_, "sid": sender_sid(address)}
            writes: list[Write] = [Create(key, new, taken=CONCURRENT_UPDATE())]
        else:
            writes = [_changed(context, held, set_)]
        if service_sid and service_sid != former:
            writes += [messaging_services.entered(context, service_sid), *messaging_services.left(context, former)]
        return cast(Sender, _committed(context, held or {}, writes))

    return verbs.retried(context, attempt, CONCURRENT_UPDATE)


def disable(context: Context, address: str) -> None:
    """Remove a sender, and the configuration of its address. Twilio logs that as 50610.

    Raises:
        Refusal: 20404 if the address is no sender; 20409 if others changed it every time.
    """
    key = keys.sender(context.account_sid, address)
    configured = {"account_sid": context.account_sid, "sid": address_sid(context.account_sid, address)}
    configuration_key = ADDRESS_CONFIGURATION.key(configured)

    def attempt(context: Context) -> bool:
        found = context.table.fetch_many([key, configuration_key])
        held, configuration = found.get(key), found.get(configuration_key)
        if held is None:
            raise NOT_FOUND()
        writes: list[Write] = [
            verbs.bury(context, SENDER, _path(context, held), held, _unmoved(held)),
            *messaging_services.left(context, held.get("messaging_service_sid")),
        ]
        # A number that the settings have too stays the account's.
        is_lost = configuration is not None and not context.numbers.has(address)
        if configuration is not None and is_lost:
            writes.append(verbs.bury(context, ADDRESS_CONFIGURATION, configured, configuration))
        elif configuration is None:
            # Another request may configure the address at this moment.
            writes.append(Absent(configuration_key, CONCURRENT_UPDATE()))
        context.table.commit(context.cause(), writes)
        return is_lost

    if verbs.retried(context, attempt, CONCURRENT_UPDATE):
        told = {"code": 50610, "sid": configured["sid"]}
        logger.warning("address configuration deleted: its number is not the account's any more", extra=told)
    context.configuration.forget(key)


def every(context: Context) -> list[Sender]:
    """All senders of the account, by address."""
    return context.table.every(keys.senders(context.account_sid))


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Add a sender to a messaging service.

    Raises:
        Refusal: 20404 if there is no such service or sender; 21710 if the sender is in the service, 21712 if it is in
            another one; 21714 if the service is full.
    """
    service_sid = _service(context, path)
    address = sender_address(parameters["phone_number_sid"])

    def attempt(context: Context) -> Record:
        held = context.table.fetch(keys.sender(context.account_sid, address)) if address else None
        if held is None:
            raise NOT_FOUND()
        former = _service_of(context, held)
        if former:
            raise SENDER_IN_SERVICE() if former == service_sid else SENDER_IN_OTHER_SERVICE()
        writes = [
            _changed(context, held, {"messaging_service_sid": service_sid}),
            messaging_services.entered(context, service_sid),
        ]
        return _committed(context, held, writes)

    return verbs.retried(context, attempt, CONCURRENT_UPDATE)


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The sender at a path, if it is in the service there.

    Raises:
        Refusal: 20404.
    """
    return {**_load(context, path, _service(context, path))}


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of a service's senders, by address."""
    matching = {"messaging_service_sid": [_service(context, path)]}
    return verbs.read_page(context, keys.senders(context.account_sid), page, matching=matching)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Take a sender out of a service; it stays the account's.

    Raises:
        Refusal: 20404 if it is not in the service.
    """
    service_sid = _service(context, path)

    def attempt(context: Context) -> None:
        held = _load(context, path, service_sid)
        change = _changed(context, held, {"messaging_service_sid": None})
        _committed(context, held, [change, *messaging_services.left(context, service_sid)])

    verbs.retried(context, attempt, CONCURRENT_UPDATE)


def _committed(context: Context, held: Sender, writes: list[Write]) -> Record:
    changed = context.table.commit(context.cause(), writes)[0]
    context.configuration.forget(writes[0].key)
    return {**held, **changed}


def _service(context: Context, path: Path) -> str:
    sid = resolve(context, SENDER, {**path})["messaging_service_sid"]
    return messaging_services.require(context, sid)["sid"]


def _load(context: Context, path: Path, service_sid: str) -> Sender:
    held = verbs.load(context, SENDER, resolve(context, SENDER, path))
    if held.get("messaging_service_sid") != service_sid:
        raise NOT_FOUND()
    return held


def _path(context: Context, held: Sender) -> Path:
    return {"account_sid": context.account_sid, "sid": held["sid"]}


def _service_of(context: Context, held: Sender | None) -> str | None:
    """The SID of the service that a sender is in; None if that was deleted."""
    sid = held.get("messaging_service_sid") if held else None
    return sid if sid and context.table.fetch(keys.messaging_service(context.account_sid, sid)) else None


def _unmoved(held: Sender) -> Guard:
    """The condition that a sender is still in the service in which it was read."""
    sid = held.get("messaging_service_sid")
    return Guard("messaging_service_sid", "=" if sid else "missing", sid, CONCURRENT_UPDATE())


def _changed(context: Context, held: Sender, fields: dict[str, Any]) -> Update:
    key = keys.sender(context.account_sid, held["address"])
    return Update(key, CONCURRENT_UPDATE(), set=verbs.changed(context, fields), guards=(_unmoved(held),))
