"""Planning: from a change to the deliveries it owes, as a pure function. No HTTP, so the stream is never held up."""

from __future__ import annotations

import hashlib

from parley.store.changes import Change
from parley.store.items import Record
from parley.webhooks.events import event_of, parameters


def deliveries(change: Change, service: Record | None, account_sid: str) -> list[Record]:
    """The deliveries that a change fires: to the service's post-webhook, if its filters name the event.

    Their ids depend on the change alone: planned twice, a delivery carries the same idempotency token.
    """
    event = event_of(change)
    if event is None or service is None or not change.cause["webhooks"]:
        return []
    url = service.get("post_webhook_url")
    if not url or event.name not in (service.get("webhook_filters") or ()):
        return []
    return [
        {
            "id": hashlib.sha256(f"{change.cause['id']}/{event.name}/service".encode()).hexdigest()[:32],
            "url": url,
            "method": service.get("webhook_method") or "POST",
            "parameters": parameters(event, change, account_sid),
            "planned_at": change.cause["at"],
        }
    ]


def sweep_job(change: Change) -> Record | None:
    """The sweep that a deletion owes, if there can be anything below what was deleted."""
    if change.verb != "deleted" or change.kind not in ("channel", "user", "service"):
        return None
    return {"kind": change.kind, "sid": change.record["sid"], "at": change.cause["at"]}
