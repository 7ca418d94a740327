"""API keys: the secret is shown once, in the answer to create, and never stored.

The secret is derived from the deployment's key ring and the key's SID, so that sockets can verify signatures made with
it. The table holds only a hash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from parley.errors import NOT_FOUND
from parley.keyring import digest
from parley.operations import verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.api_keys import API_KEY
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create
from parley.stored import ApiKey


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new API key; the returned record alone carries the secret."""
    resolved = resolve(context, API_KEY, path)
    now = context.clock.now_ms()
    sid = context.ids.sid("SK")
    secret = context.keyring.api_key_secret(sid)
    fields = {name: value for name, value in parameters.items() if name != "ttl"}
    if "ttl" in parameters:
        fields["expires_at"] = now // 1000 + parameters["ttl"]
    record = {
        **fields,
        "sid": sid,
        "date_created": now,
        "date_updated": now,
        "secret_hash": digest(secret),
    }
    write = Create(API_KEY.key({**resolved, "sid": sid}), record, taken=NOT_FOUND())
    return {**context.table.commit(context.cause(), [write])[0], "secret": secret}


def known(context: Context, sid: str) -> ApiKey | None:
    """The API key with a SID, at most ten seconds old; None if it was revoked or has ended."""
    key = context.configuration.fetch(keys.api_key(context.account_sid, sid))
    return key if key and _lives(context, key) else None


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The API key at a path.

    Raises:
        Refusal: 20404.
    """
    key = verbs.fetch(API_KEY, context, path, parameters)
    if not _lives(context, key):
        raise NOT_FOUND()
    return key


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the API keys, oldest first. DynamoDB removes keys that have ended within days; they are left out."""
    listing = verbs.list_(API_KEY, context, path, parameters, page)
    found = zip(listing.positions, listing.records, strict=True)
    return listing.showing({position: key for position, key in found if _lives(context, key)})


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The API key after the given fields have changed."""
    fetch(context, path, {})
    return verbs.update(API_KEY, context, path, parameters)


def _lives(context: Context, key: Mapping[str, Any]) -> bool:
    return bool(key.get("expires_at", math.inf) > context.clock.now_ms() // 1000)


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Revoke a key. It is refused at once in this container, and within ten seconds everywhere."""
    verbs.delete(API_KEY, context, path, parameters)
    context.configuration.forget(API_KEY.key(resolve(context, API_KEY, path)))
