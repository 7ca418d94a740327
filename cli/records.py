"""The records of phones in the table: the operator writes them, with rights in AWS and not over REST.

REST has no path for them. If it had one, every API key could choose from which numbers the account sends texts and pays
for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

from cli.end_user_messaging import Number
from cli.place import Place
from cli.trouble import Trouble
from parley.domain.addresses import Numbers
from parley.errors import NOT_FOUND, Refusal, ignoring
from parley.operations import contents, messaging_services, senders
from parley.operations.context import Context, of_table
from parley.store import keys

# AWS's names, and Twilio's in the resource PhoneNumbers.
_CAPABILITIES = {"SMS": "SMS", "MMS": "MMS", "VOICE": "Voice"}


def context_of(place: Place) -> Context:
    """The context of an operation on a place's table."""
    phones, whatsapp = (frozenset(place.listed(name)) for name in ("PhoneNumbers", "WhatsAppSenders"))
    client = partial(place.client, "dynamodb")
    return of_table(place.table_name(), client, place.account_sid, Numbers(phones, whatsapp))


@contextmanager
def mendable() -> Iterator[None]:
    """What an operation refuses becomes a line for the person at the terminal."""
    try:
        yield
    except Refusal as refusal:
        told = refusal.details
        line = f"{told['name']}: {told['reason']}" if {"name", "reason"} <= told.keys() else _words(refusal)
        raise Trouble(f"this cannot be stored: {line}") from None


def _words(refusal: Refusal) -> str:
    return refusal.error.name.lower().replace("_", " ")


class _Stored:
    """Records in the table of a place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @cached_property
    def _context(self) -> Context:
        return context_of(self._place)


class StoredSenders(_Stored):
    """The records of the numbers that the service uses (`cli/senders.py`)."""

    def all(self) -> dict[str, Mapping[str, Any]]:
        """Every record, by address."""
        return {record["address"]: record for record in senders.every(self._context)}

    def service_for(self, address: str, wanted: str) -> str:
        """The SID of the messaging service that will have a number: the wanted one, its own, or the default one.

        Raises:
            Trouble: there is no such service, or the number is in another one.
        """
        context = self._context
        sender = context.table.fetch(keys.sender(context.account_sid, address)) or {}
        own = str(sender.get("messaging_service_sid") or "")
        if not self._has_service(own):
            own = ""
        if wanted and own and own != wanted:
            raise Trouble(f"{address} is in the messaging service {own}: take it out there first, or disable it")
        if wanted and wanted != messaging_services.default_sid(context) and not self._has_service(wanted):
            raise Trouble(f"there is no messaging service {wanted}: Messaging's REST API lists them")
        return wanted or own or messaging_services.default_sid(context)

    def _has_service(self, sid: str) -> bool:
        return (
            bool(sid) and self._context.table.fetch(keys.messaging_service(self._context.account_sid, sid)) is not None
        )

    def enable(self, number: Number, messaging_service_sid: str, opt_out_list: str) -> Mapping[str, Any]:
        """Write a number's record, which then is as given; returns it."""
        given = {
            "provider_id": number.provider_id,
            "provider_arn": number.provider_arn,
            "messaging_service_sid": messaging_service_sid,
            "opt_out_list": opt_out_list or None,
            "country_code": number.country or None,
            "capabilities": [_CAPABILITIES[one] for one in number.capabilities if one in _CAPABILITIES],
            "waba": number.waba or None,
        }
        with mendable():
            return senders.enable(self._context, number.address, given)

    def disable(self, address: str) -> None:
        """Erase a number's record, if there is one, and its address configuration."""
        with mendable(), ignoring(NOT_FOUND):
            senders.disable(self._context, address)


class StoredContents(_Stored):
    """The content templates in the table."""

    def put(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store a template; returns its record.

        Raises:
            Trouble: it is none.
        """
        with mendable():
            return contents.put(self._context, given)

    def all(self) -> list[Mapping[str, Any]]:
        """Every template."""
        return list(contents.every(self._context))

    def fetch(self, sid: str) -> Mapping[str, Any]:
        """One template.

        Raises:
            Trouble: there is none.
        """
        with _existing(sid):
            return contents.fetch(self._context, sid)

    def delete(self, sid: str) -> None:
        """Delete one template.

        Raises:
            Trouble: there is none.
        """
        with _existing(sid):
            contents.delete(self._context, sid)


@contextmanager
def _existing(sid: str) -> Iterator[None]:
    try:
        yield
    except Refusal:
        raise Trouble(f"there is no template {sid}: `parley content list` shows all") from None
