"""Pre-events: before an action of a client or a phone, the service's webhooks may change or refuse it.

Parley first asks Chat's webhook. Then it asks Conversations' webhook about the action as Chat's webhook has changed it.
A webhook has five seconds for each attempt. If it answers 200, the action goes on; the fields that a JSON answer names
are replaced. Any other status refuses the action. If no attempt gets an answer, the action goes on unchanged and error
50076 is logged: a server that is down must not silence users. All attempts at Chat's webhook take at most twenty
seconds; Conversations' webhook gets one attempt. Together they stay below API Gateway's 29 seconds.
"""

from __future__ import annotations

import json
from typing import Any, cast

from parley.errors import PRE_WEBHOOK_REFUSED
from parley.faces.events import Event
from parley.faces.forms import as_text
from parley.faces.spec import pascal
from parley.keyring import Keyring
from parley.log import logger
from parley.operations.addressing import service
from parley.operations.authorship import known
from parley.operations.context import Context
from parley.ports.http.outgoing import Outgoing
from parley.records import RECORDS
from parley.store import keys
from parley.store.changes import Change
from parley.store.items import Record
from parley.stored import Message, Service
from parley.webhooks.delivery import RETRIED_BY_COUNT, Attempt, Outcome, attempt
from parley.webhooks.events import parameters
from parley.webhooks.families import FAMILIES, Family, OwnUrl, Settings, find

# If an answer names another author, these fields no longer hold. Parley looks for the new author's participant when it
# stores the message.
_NOT_LOOKED_FOR: Record = dict.fromkeys(("author_birth", "author_is", "participant_sid"))


class PreEvents:
    """Asks pre-event webhooks; contexts call `ask`."""

    def __init__(self, outgoing: Outgoing, keyring: Keyring):
        self._outgoing = outgoing
        self._keyring = keyring

    def ask(
        self, context: Context, kind: str, verb: str, record: Record, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask the webhooks; returns `given` with the fields that they replaced, None if there are no such webhooks.

        `record` is what the action would create, change or remove.

        Raises:
            Refusal: 50056 if a webhook refuses; the matching error if a replaced value is not valid.
        """
        owner = service(context, record["service_sid"])
        answered = None
        for family in FAMILIES:
            event = find(family.pre_events, kind, verb, record)
            if event is None:
                continue
            settings = family.settings(context, owner)
            target = _target(family, owner, settings, event)
            if target is None or not family.knows(_channel(context, kind, record)):
                continue
            if kind == "message" and family.perspective.shows_participants:
                record = {**known(context, cast(Message, record))[0]}
            cause = {"source": context.caller.source, "actor": context.actor, "at": context.clock.now_ms()}
            # `ModifiedBy` names the client that asks for the change, not the author of the last change.
            change = Change(kind, verb, {**record, "last_updated_by": context.actor}, {}, cause, "")
            asked = {
                "id": context.ids.unique(),
                "url": target[0],
                "method": target[1],
                "parameters": parameters(family, event, change, context.account_sid),
            }
            replaced = self._answer(asked, family, kind, event, settings.pre_retries)
            record, answered = {**record, **replaced}, {**(answered or given), **replaced}
            if "author" in replaced:
                record |= _NOT_LOOKED_FOR
        return answered

    def _answer(self, asked: dict[str, Any], family: Family, kind: str, event: Event, retries: int) -> dict[str, Any]:
        made = self._attempts(asked, retries)
        if made.response is None:
            return {}
        if made.status != 200:
            raise PRE_WEBHOOK_REFUSED()
        return _replaced(family, kind, event, made)

    def _attempts(self, asked: dict[str, Any], retries: int) -> Attempt:
        made = Attempt(Outcome.UNREACHABLE)
        for number in range(retries + 1):
            made = attempt(self._outgoing, self._keyring.auth_token(), asked, number)
            if made.response is not None and made.status not in RETRIED_BY_COUNT:
                break
        return made


def _target(family: Family, owner: Service, settings: Settings, event: Event) -> OwnUrl | None:
    if own := family.own_url(owner, event):
        return own
    return (settings.pre_url, settings.method) if settings.pre_url and event.name in settings.filters else None


def _channel(context: Context, kind: str, record: Record) -> Record | None:
    """The channel of the action; None if it has no channel. A new channel has only the fields in the request."""
    if kind == "channel":
        return record
    sid = record.get("channel_sid")
    return {**(context.configuration.fetch(keys.channel(sid)) or {})} if sid else None


def _replaced(family: Family, kind: str, event: Event, made: Attempt) -> dict[str, Any]:
    """The fields that an answer replaces, parsed like a client's own input."""
    assert made.response is not None
    if not made.response.body.strip() or "json" not in made.response.headers.get("content-type", "").lower():
        return {}
    try:
        answer = json.loads(made.response.body)
        # JSON can spell half of a surrogate pair, but it can be neither stored nor sent.
        json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        logger.warning("webhook answer is not a JSON object", extra={"code": 50057, "event": event.name})
        return {}
    fields = {}
    for key in event.answers.split():
        if key in answer:
            field = RECORDS[kind].by_name[family.answers.get(key, key)]
            fields[field.name] = field.kind.parse(pascal(field.name), [as_text(answer[key])])
    return fields
