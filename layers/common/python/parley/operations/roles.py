"""Roles: creating, changing and deleting them, giving them to users and members, and reading their permissions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parley.domain.roles import check_permissions
from parley.errors import NOT_FOUND, ROLE_IN_USE, ROLE_NOT_FOUND, ROLE_TYPE_MISMATCH
from parley.operations import rate, verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.records.roles import ROLE
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Guard, Update, Write


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new role with at least one permission that fits its type."""
    resolve(context, ROLE, path)
    permissions = check_permissions(parameters["type"], parameters["permissions"], context.perspective.permissions)
    rate.count_service_action(context, path["service_sid"])
    return verbs.create(ROLE, context, path, {**parameters, "permissions": permissions})


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Replace the role's permissions. Permissions that the caller's API cannot name are kept."""
    resolved = resolve(context, ROLE, path)
    role = verbs.load(context, ROLE, resolved)
    known = context.perspective.permissions
    permissions = check_permissions(role["type"], parameters["permissions"], known)
    permissions += [name for name in role["permissions"] if name not in known]
    changes = verbs.changed(context, {"permissions": permissions})
    rate.count_service_action(context, resolved["service_sid"])
    record = context.table.commit(context.cause(), [Update(ROLE.key(resolved), NOT_FOUND(), set=changes)])[0]
    context.configuration.forget(ROLE.key(resolved))
    return record


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a role that no user or member holds.

    A role that is or was a default counts as held. Its holders have no entry in the index, so finding them would mean
    reading the whole service. A role that was given to somebody within the last minute counts as held too, since the
    index lags behind. Twilio's answer is not documented; refusing loses nothing (unconfirmed).

    Raises:
        Refusal: 20409 if it is held.
    """
    resolved = resolve(context, ROLE, path)
    role = verbs.load(context, ROLE, resolved)
    if role.get("was_default") or context.table.page(keys.role_holders(resolved["sid"]), 1).found:
        raise ROLE_IN_USE()
    rate.count_service_action(context, resolved["service_sid"])
    # Another request may be giving it to somebody, or making it a default.
    unused = (
        Guard("was_default", "missing", None, ROLE_IN_USE()),
        Guard("given_at", "behind", context.clock.now_ms() - _KEPT_MS, ROLE_IN_USE()),
    )
    context.table.commit(context.cause(), [replace(verbs.bury(context, ROLE, resolved, role), guards=unused)])
    context.configuration.forget(ROLE.key(resolved))


def fetch_typed(context: Context, service_sid: str, sid: str, role_type: str) -> Record:
    """The role that a parameter names.

    Raises:
        Refusal: 50100 if the service has no such role; 50105 if it is of the other type.
    """
    role = context.configuration.fetch(keys.role(service_sid, sid))
    if role is None:
        raise ROLE_NOT_FOUND(type=role_type, sid=sid)
    if role["type"] != role_type:
        raise ROLE_TYPE_MISMATCH(type=role_type, sid=sid)
    return {**role}


# A role cannot be deleted for this long after it was given. After that, its holder is stored, and the index shows it.
_KEPT_MS = 60_000
# If a role was given less than this ago, it can be given again without noting the time anew.
_KNOWN_MS = 30_000


def given(context: Context, service_sid: str, sid: str, role_type: str) -> list[Write]:
    """The writes that keep a role from being deleted while it is given to somebody; mostly there are none.

    Raises:
        Refusal: as `fetch_typed`.
    """
    role = fetch_typed(context, service_sid, sid, role_type)
    now = context.clock.now_ms()
    if role.get("was_default") or now - role.get("given_at", 0) < _KNOWN_MS:
        return []
    key = keys.role(service_sid, sid)
    context.configuration.forget(key)
    return [Update(key, ROLE_NOT_FOUND(type=role_type, sid=sid), set={"given_at": now}, announced=False)]


def permissions(context: Context, service_sid: str, sid: str) -> list[str]:
    """A role's permissions; none if it was deleted."""
    role = context.configuration.fetch(keys.role(service_sid, sid))
    return role["permissions"] if role else []
