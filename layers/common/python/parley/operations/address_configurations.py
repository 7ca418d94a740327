"""Address configurations: one for each address of the account, found by its SID or by the address itself."""

from __future__ import annotations

from typing import Any

from parley.domain.address_configurations import configured
from parley.errors import ADDRESS_CONFIGURED, CONCURRENT_UPDATE, NOT_FOUND
from parley.ids import address_sid
from parley.operations import numbers, verbs
from parley.operations.addressing import named_service, resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.address_configurations import ADDRESS_CONFIGURATION
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Guard, Update

_SERVICE = "auto_creation.conversation_service_sid"


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new configuration.

    Raises:
        Refusal: 20001 if the account does not own the address; 20409 if the address has a configuration already. Twilio
            documents no code for either (unconfirmed). 50050 if the named service does not exist.
    """
    resolve(context, ADDRESS_CONFIGURATION, path)
    numbers.require_own(context, parameters["address"], parameters["type"])
    sid = address_sid(context.account_sid, parameters["address"])
    fields = {**parameters, **_checked(context, parameters)}
    record = {**verbs.new_record(context, ADDRESS_CONFIGURATION, path), **verbs.non_null(fields), "sid": sid}
    write = Create(keys.address_configuration(context.account_sid, sid), record, taken=ADDRESS_CONFIGURED())
    return context.table.commit(context.cause(), [write, *numbers.still_own(context, parameters["address"])])[0]


def _checked(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of automatic creation, if they fit together and the named service exists."""
    fields = configured(given)
    if fields[_SERVICE]:
        named_service(context, fields[_SERVICE])
    return fields


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the account's configurations, by SID; if a type is given, only the configurations of that type."""
    resolve(context, ADDRESS_CONFIGURATION, path)
    matching = {"type": [parameters["type"]]} if parameters.get("type") else None
    return verbs.read_page(context, keys.address_configurations(context.account_sid), page, matching=matching)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the given fields of the configuration. Fields of another type of creation are removed.

    Raises:
        Refusal: 20001 if a field that the new type needs is missing; 20409 if another change came first every time.
    """

    def attempt(context: Context) -> Record:
        resolved = resolve(context, ADDRESS_CONFIGURATION, path)
        record = verbs.load(context, ADDRESS_CONFIGURATION, resolved)
        fields = {**parameters, **_checked(context, {**record, **parameters})}
        same = (Guard("cause", "=", record["cause"], CONCURRENT_UPDATE()),)
        key = ADDRESS_CONFIGURATION.key(resolved)
        write = Update(key, NOT_FOUND(), set=verbs.changed(context, fields), guards=same)
        return context.table.commit(context.cause(), [write])[0]

    return verbs.retried(context, attempt, CONCURRENT_UPDATE)
