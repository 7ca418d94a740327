"""Services: a new one comes with four roles; defaults must name roles that fit; deleting hides all below it at once."""

from __future__ import annotations

from typing import Any

from parley.domain.roles import CHANNEL, DEPLOYMENT, GENERATED
from parley.errors import NOT_FOUND, ROLE_NOT_FOUND
from parley.operations import rate, roles, verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.records.services import SERVICE
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Put, Update, Write

_DEFAULT_ROLES = {
    "default_service_role_sid": DEPLOYMENT,
    "default_channel_role_sid": CHANNEL,
    "default_channel_creator_role_sid": CHANNEL,
}


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new service and its four generated roles, in one transaction."""
    return context.table.commit(context.cause(), creation(context, parameters))[-1]


def creation(context: Context, parameters: dict[str, Any]) -> list[Write]:
    """The writes that make a service and its generated roles. The last one makes the service itself."""
    now = context.clock.now_ms()
    service: Record = {"sid": context.ids.sid("IS"), "date_created": now, "date_updated": now}
    service |= {**context.perspective.new_service, **parameters}
    writes: list[Write] = []
    for generated in GENERATED:
        role: Record = {
            "sid": context.ids.sid("RL"),
            "service_sid": service["sid"],
            "friendly_name": generated.friendly_name,
            "type": generated.type,
            "permissions": list(generated.permissions),
            "date_created": now,
            "date_updated": now,
        }
        if generated.default_for:
            service[generated.default_for] = role["sid"]
            role["was_default"] = True
        writes.append(Create(keys.role(service["sid"], role["sid"]), role, taken=NOT_FOUND()))
    writes.append(Put(keys.service_rate(service["sid"]), rate.new_counter(context)))
    return [*writes, Create(keys.service(context.account_sid, service["sid"]), service, taken=NOT_FOUND())]


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The service with the given settings changed; a default role that is cleared stays as it was."""
    resolved = resolve(context, SERVICE, path)
    key = SERVICE.key(resolved)
    service = verbs.load(context, SERVICE, resolved)
    parameters = {name: value for name, value in parameters.items() if value is not None or name not in _DEFAULT_ROLES}
    writes: list[Write] = []
    for name, role_type in _DEFAULT_ROLES.items():
        if name in parameters and parameters[name] != service.get(name):
            role = roles.fetch_typed(context, service["sid"], parameters[name], role_type)
            if not role.get("was_default"):
                role_key = keys.role(service["sid"], role["sid"])
                gone = ROLE_NOT_FOUND(type=role_type, sid=role["sid"])
                writes.append(Update(role_key, gone, set={"was_default": True}, announced=False))
    changes = verbs.changed(context, parameters)
    writes.append(Update(key, NOT_FOUND(), set=changes))
    context.table.commit(context.cause(), list({write.key: write for write in writes}.values()))
    context.configuration.forget(*(write.key for write in writes))
    return {**service, **changes}


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Hide the service and all below it at once; the sweep that follows from the tombstone removes the rest."""
    resolved = resolve(context, SERVICE, path)
    service = verbs.load(context, SERVICE, resolved)
    context.table.commit(context.cause(), [verbs.bury(context, SERVICE, resolved, service)])
    context.configuration.forget(SERVICE.key(resolved))
