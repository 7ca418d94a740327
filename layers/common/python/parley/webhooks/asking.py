"""Pre-events: before a client's action, the service's webhook may change or refuse it.

The webhook has five seconds for each attempt. If it answers 200, the action goes on; the fields that a JSON answer
names are replaced. Any other status refuses the action. If no attempt gets an answer, the action goes on unchanged and
error 50076 is logged: a server that is down must not silence users. All attempts together take at most twenty seconds,
well below API Gateway's 29.
"""

from __future__ import annotations

import json
from typing import Any

from parley.errors import PRE_WEBHOOK_REFUSED
from parley.faces.chat_events import PRE_EVENTS
from parley.faces.chat_v2 import MOUNTS
from parley.faces.events import Event
from parley.faces.spec import Mount, pascal
from parley.keyring import Keyring
from parley.log import logger
from parley.operations.addressing import service
from parley.operations.context import Context
from parley.ports.http.outgoing import Outgoing
from parley.store.changes import Change
from parley.store.items import Record
from parley.stored import Service
from parley.webhooks.delivery import RETRIED_BY_COUNT, Attempt, Outcome, attempt
from parley.webhooks.events import find, own_webhook, parameters

_MOUNTS = {mount.resource: mount for mount in MOUNTS}
# An older key that an answer may use, and the field that it replaces.
_FIELDS = {"from": "author"}


class PreEvents:
    """Asks pre-event webhooks; contexts call `ask`."""

    def __init__(self, outgoing: Outgoing, keyring: Keyring):
        self._outgoing = outgoing
        self._keyring = keyring

    def ask(
        self, context: Context, kind: str, verb: str, record: Record, given: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask the webhook; returns `given` with the fields that it replaced, None if the service has no such webhook.

        `record` is what the action would create, change or remove.

        Raises:
            Refusal: 50056 if the webhook refuses; the matching error if a replaced value is not valid.
        """
        event = find(PRE_EVENTS, kind, verb, record)
        owner = service(context, record["service_sid"])
        target = _target(owner, event) if event else None
        if event is None or target is None:
            return None
        cause = {"source": context.caller.source, "actor": context.actor, "at": context.clock.now_ms()}
        # `ModifiedBy` names the client that asks for the change, not the author of the last change.
        change = Change(kind, verb, {**record, "last_updated_by": context.actor}, {}, cause, "")
        url, method = target
        asked = {
            "id": context.ids.unique(),
            "url": url,
            "method": method,
            "parameters": parameters(event, change, context.account_sid),
        }
        made = self._attempts(asked, owner.get("pre_webhook_retry_count") or 0)
        if made.response is None:
            return given
        if made.status != 200:
            raise PRE_WEBHOOK_REFUSED()
        return {**given, **_replaced(_MOUNTS[kind], event, made)}

    def _attempts(self, asked: dict[str, Any], retries: int) -> Attempt:
        made = Attempt(Outcome.UNREACHABLE)
        for number in range(retries + 1):
            made = attempt(self._outgoing, self._keyring.auth_token(), asked, number)
            if made.response is not None and made.status not in RETRIED_BY_COUNT:
                break
        return made


def _target(owner: Service, event: Event) -> tuple[str, str] | None:
    if own := own_webhook(owner, event):
        return own
    url = owner.get("pre_webhook_url")
    if not url or event.name not in (owner.get("webhook_filters") or ()):
        return None
    return url, owner.get("webhook_method") or "POST"


def _replaced(mount: Mount, event: Event, made: Attempt) -> dict[str, Any]:
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
            field = mount.record.by_name[_FIELDS.get(key, key)]
            value = answer[key]
            text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
            fields[field.name] = mount.kind(field).parse(pascal(field.name), [text])
    return fields
