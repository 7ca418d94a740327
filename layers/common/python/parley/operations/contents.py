"""Content templates, which the operator stores with `parley content` and which messages name by their SIDs.

A template's SID follows from its name and language, so that storing it again changes it in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from parley.domain.contents import filled, template
from parley.domain.messages import check_body
from parley.errors import NOT_FOUND
from parley.ids import content_sid
from parley.operations import verbs
from parley.operations.context import Context
from parley.operations.paging import Listing, PageRequest, page_of
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.store.writes import Erase, Put
from parley.stored import Content


def put(context: Context, given: Mapping[str, Any]) -> Content:
    """Store a template in place of the one with this name in this language, if there is one.

    Raises:
        Refusal: 20001 for what is no template; 50527, 50529, 50540 or 50541 for its variables.
    """
    fields = template(given)
    sid = content_sid(context.account_sid, fields["friendly_name"], fields["language"])
    key = keys.content(context.account_sid, sid)
    now = context.clock.now_ms()
    held = context.table.fetch(key)
    record = {**fields, "sid": sid, "date_created": held["date_created"] if held else now, "date_updated": now}
    context.table.commit(context.cause(), [Put(key, record)])
    context.configuration.forget(key)
    return cast(Content, record)


def every(context: Context) -> list[Content]:
    """All templates of the account, by SID."""
    return context.table.every(keys.contents(context.account_sid))


def list_(context: Context, page: PageRequest) -> Listing:
    """One page of the account's templates, by SID; it is empty if the account cannot have templates."""
    if not context.has_phones:
        return page_of([], page, more=False)
    return verbs.read_page(context, keys.contents(context.account_sid), page)


def fetch(context: Context, sid: str) -> Content:
    """The template with a SID.

    Raises:
        Refusal: 20404.
    """
    found = context.table.fetch(keys.content(context.account_sid, sid))
    if found is None:
        raise NOT_FOUND()
    return found


def delete(context: Context, sid: str) -> None:
    """Remove a template. Messages that were written keep their texts.

    Raises:
        Refusal: 20404.
    """
    key = keys.content(context.account_sid, sid)
    context.table.commit(context.cause(), [Erase(key, NOT_FOUND())])
    context.configuration.forget(key)


def wanted(context: Context, parameters: Mapping[str, Any]) -> Iterable[Key[Content]]:
    """The key of the template that a new message names; none if the account cannot have templates."""
    sid = parameters.get("content_sid")
    return [keys.content(context.account_sid, sid)] if sid and context.has_phones else []


def applied(context: Context, found: Records, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a new message with its template's text. A body and files that were given too are ignored.

    `found` are the records that were read, with those of `wanted`. Without the template, nothing changes.

    Raises:
        Refusal: 50504 if the text becomes too long.
    """
    content = next((found[key] for key in wanted(context, parameters) if key in found), None)
    if content is None:
        return parameters
    text = filled(content["body"], content.get("variables") or {}, parameters.get("content_variables"))
    kept = {name: value for name, value in parameters.items() if name not in ("media_sid", "media_sids")}
    return {**kept, "body": check_body(text)}
