"""API keys: the secret is shown once, in the answer to create, and never stored.

It is derived from the deployment's key ring and the key's SID, so that sockets can verify signatures made with it; the
table holds a hash only.
"""

from __future__ import annotations

from typing import Any

from parley.errors import NOT_FOUND
from parley.keyring import digest
from parley.operations import verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.records.api_keys import API_KEY
from parley.records.spec import Path
from parley.store.items import Record
from parley.store.writes import Create


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new API key; the returned record alone carries the secret."""
    resolved = resolve(context, API_KEY, path)
    now = context.clock.now_ms()
    sid = context.ids.sid("SK")
    secret = context.keyring.api_key_secret(sid)
    record = {
        **parameters,
        "sid": sid,
        "date_created": now,
        "date_updated": now,
        "secret_hash": digest(secret),
    }
    write = Create(API_KEY.key({**resolved, "sid": sid}), record, taken=NOT_FOUND())
    return {**context.table.commit(context.cause(), [write])[0], "secret": secret}


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Revoke a key. It is refused at once in this container, and within ten seconds everywhere."""
    verbs.delete(API_KEY, context, path, parameters)
    context.configuration.forget(API_KEY.key(resolve(context, API_KEY, path)))
