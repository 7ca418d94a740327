"""Push credentials: SNS gets their secrets, and Parley keeps none.

A credential with secrets that can be used is an *application* of SNS, named by the credential's SID. The record keeps
the application's ARN and a fingerprint of what SNS got.

    create     note the application as loose; make it; store the credential and take the note away, in one commit
    update     hand over the new secrets; store the rest
               if it goes to another push service: as create; then the old application becomes loose and is deleted
    delete     delete the application; delete the credential

A request may die between two steps. If it leaves an application without a credential, the application is noted as
loose, and a later request deletes it. Otherwise the credential is as it was, and repeating the request does the rest.

Records from earlier releases hold their secrets. Such a record loses its secrets when a request first reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, cast

from parley.domain.push import (
    SECRETS,
    USED,
    check_secrets,
    for_push_service,
    needed_secrets,
    platform_of,
    unusable_secrets,
)
from parley.errors import CONCURRENT_UPDATE, INVALID_PARAMETER, NOT_FOUND, UNAVAILABLE, Refusal, ignoring
from parley.operations import verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest
from parley.records.credentials import CREDENTIAL
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Erase, Guard, Put, Update, Write
from parley.stored import Credential

# No function runs that long, so whoever noted an application as loose is done with it or died.
_LOOSE_MS = 60_000
# How many loose applications, and how many old records of a list, one request deals with.
_MOST = 10


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new credential, whose secrets SNS has.

    Raises:
        Refusal: 20001 for a missing secret, or one that the push service cannot use; 20503.
    """
    check_secrets(parameters["type"], parameters)
    _tidy(context)
    record = {**verbs.new_record(context, CREDENTIAL, path), **_kept(parameters)}
    handed, done = _handed_over(context, record["sid"], parameters)
    key = keys.credential(context.account_sid, record["sid"])
    return context.table.commit(context.cause(), [Create(key, record | handed, taken=NOT_FOUND()), *done])[0]


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The credential."""
    return dict(_loaded(context, path))


def list_(context: Context, path: Path, parameters: dict[str, Any], page: PageRequest) -> Listing:
    """One page of the account's credentials, oldest first."""
    listing = verbs.list_(CREDENTIAL, context, path, parameters, page)
    for record in [record for record in listing.records if _has_secrets(record)][:_MOST]:
        _without_secrets(context, cast(Credential, record))
    return listing


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the given fields of the credential.

    New secrets are needed whole, because the old ones are not known here: all that the type needs, or none. They are
    also needed if the type is changed, which only Conversations can do, and if `Sandbox` is.

    Raises:
        Refusal: 20001 for a missing secret, or one that the push service cannot use; 20503.
    """
    credential = _loaded(context, path)
    after = {**credential, **_kept(parameters)}
    has_moved = _platform(after) != _platform(credential) or after["type"] != credential["type"]
    is_renewed = has_moved or not USED[after["type"]].isdisjoint(parameters)
    set_, done = _kept(parameters), list[Write]()
    old = credential.get("application")
    if is_renewed:
        secrets = {name: parameters.get(name) for name in SECRETS}
        check_secrets(after["type"], secrets)
        _tidy(context)
        is_same = not has_moved and old is not None
        handed, done = (_renewed if is_same else _handed_over)(context, credential["sid"], {**after, **secrets})
        # Without an application, such as that of the type before, there is none any longer.
        set_ |= {"application": None, **handed}
    loose = old if old is not None and set_.get("application", old) != old else None
    if loose:
        done.append(Put(keys.loose_application(context.account_sid, loose), _loose(context, loose)))
    key = keys.credential(context.account_sid, credential["sid"])
    unchanged = Guard("application", "=" if old else "missing", old, CONCURRENT_UPDATE())
    change = Update(key, NOT_FOUND(), set=verbs.changed(context, set_), guards=(unchanged,))
    stored = context.table.commit(context.cause(), [change, *done])[0]
    if loose:
        with ignoring(UNAVAILABLE):
            _delete_loose(context, loose)
    return {**after, **stored}


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Delete the credential with its application. Devices that registered with it are told nothing any longer.

    Raises:
        Refusal: 20503, and then it is still there.
    """
    resolved = resolve(context, CREDENTIAL, path)
    credential = verbs.load(context, CREDENTIAL, resolved)
    _tidy(context)
    application = credential.get("application")
    if application:
        context.push.delete_application(application)
    unchanged = Guard("application", "=" if application else "missing", application, CONCURRENT_UPDATE())
    gone = replace(verbs.bury(context, CREDENTIAL, resolved, credential), guards=(unchanged,))
    context.table.commit(context.cause(), [gone])


def _loaded(context: Context, path: Path) -> Credential:
    return _without_secrets(context, verbs.load(context, CREDENTIAL, resolve(context, CREDENTIAL, path)))


def _has_secrets(record: Mapping[str, Any]) -> bool:
    return any(record.get(name) for name in SECRETS)


def _without_secrets(context: Context, credential: Credential) -> Credential:
    """A credential from before, after its secrets have moved to SNS; it keeps them while SNS cannot be reached.

    Secrets that the push service cannot use are of no use to anybody, and go too.
    """
    if not _has_secrets(credential):
        return credential
    with ignoring(UNAVAILABLE, NOT_FOUND, CONCURRENT_UPDATE):
        try:
            handed, done = _handed_over(context, credential["sid"], credential)
        except Refusal as refusal:
            if refusal.error is not INVALID_PARAMETER:
                raise
            handed, done = {"fingerprint": _fingerprint(credential)}, []
        once = Guard("fingerprint", "missing", None, CONCURRENT_UPDATE())
        key = keys.credential(context.account_sid, credential["sid"])
        moved = Update(key, NOT_FOUND(), set=dict.fromkeys(SECRETS) | handed, guards=(once,), announced=False)
        context.table.commit(context.cause(), [moved, *done])
        return cast(Credential, _kept(credential) | handed)
    return credential


def _handed_over(context: Context, sid: str, fields: Mapping[str, Any]) -> tuple[Record, list[Write]]:
    """Make an application with a credential's secrets.

    Returns what the credential keeps of them, and the write that belongs into the credential's commit: it says that the
    application has a credential. Where nobody delivers, nothing is made, and only the fingerprint is kept.
    """
    platform = _platform(fields)
    if platform is None:
        return {"fingerprint": _fingerprint(fields)}, []
    application = context.push.application(platform, sid)
    key = keys.loose_application(context.account_sid, application)
    context.table.commit(context.cause(), [Put(key, _loose(context, application))])
    try:
        _ask(fields, lambda secrets: context.push.create_application(platform, sid, secrets))
    except Refusal as refusal:
        if refusal.error is INVALID_PARAMETER:
            context.table.commit(context.cause(), [Erase(key)])
        raise
    return {"application": application, "fingerprint": _fingerprint(fields)}, [Erase(key, CONCURRENT_UPDATE())]


def _renewed(context: Context, sid: str, fields: Mapping[str, Any]) -> tuple[Record, list[Write]]:
    """Replace the secrets of a credential's application; returns what `_handed_over` does."""
    application = context.push.application(str(_platform(fields)), sid)
    _ask(fields, lambda secrets: context.push.update_application(application, secrets))
    return {"application": application, "fingerprint": _fingerprint(fields)}, []


def _ask(fields: Mapping[str, Any], hand_over: Callable[[dict[str, str]], object]) -> None:
    # The port brings a part of AWS's library with it, which other requests do not need.
    from parley.ports.push import SecretsRefused

    try:
        hand_over(for_push_service(fields["type"], fields))
    except SecretsRefused:
        raise unusable_secrets(fields["type"], fields) from None


def _tidy(context: Context) -> None:
    """Delete applications that have had no credential for a while, as far as SNS can now."""
    found, _ = context.table.page(keys.loose_applications(context.account_sid), _MOST)
    until = context.clock.now_ms() - _LOOSE_MS
    for loose in (item.record for item in found if item.record["at"] < until):
        with ignoring(UNAVAILABLE):
            _delete_loose(context, loose["application"])


def _delete_loose(context: Context, application: str) -> None:
    credential = context.table.fetch(keys.credential(context.account_sid, application.rpartition("/")[2]))
    if credential is None or credential.get("application") != application:
        context.push.delete_application(application)
    context.table.commit(context.cause(), [Erase(keys.loose_application(context.account_sid, application))])


def _loose(context: Context, application: str) -> Record:
    return {"application": application, "at": context.clock.now_ms()}


def _platform(fields: Mapping[str, Any]) -> str | None:
    return platform_of(fields["type"], fields.get("sandbox"))


def _kept(fields: Mapping[str, Any]) -> Record:
    """The fields that are stored."""
    return {name: value for name, value in fields.items() if name not in SECRETS}


def _fingerprint(fields: Mapping[str, Any]) -> str:
    """A digest of the secrets: with it, somebody who has secrets can tell whether SNS has the same ones."""
    given = {name: fields[name] for name in needed_secrets(fields["type"], fields) if fields.get(name)}
    return sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
