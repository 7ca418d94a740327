"""Channel webhooks: at most five per channel, counted in the write itself."""

from __future__ import annotations

from typing import Any

from parley.domain.channel_webhooks import MOST, configured
from parley.errors import CHANNEL_WEBHOOKS_FULL, CONCURRENT_UPDATE, NOT_FOUND
from parley.operations import channel_log, verbs
from parley.operations.addressing import only_shown, resolve, shown
from parley.operations.context import Context
from parley.records.channel_webhooks import CHANNEL_WEBHOOK
from parley.records.spec import Path
from parley.store import keys
from parley.store.items import Record
from parley.store.writes import Create, Guard, Update, Write

_EVENTS = "configuration.filters"


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new webhook of the channel, which keeps the name of the family of faces that made it.

    Raises:
        Refusal: 50321 when there are five; what its type's configuration lacks.
    """
    configuration = configured(parameters["type"], parameters)
    resolved = resolve(context, CHANNEL_WEBHOOK, path, opened=False)
    record = verbs.new_record(context, CHANNEL_WEBHOOK, path)
    record |= {"channel_sid": resolved["channel_sid"], "type": parameters["type"], "face": context.perspective.name}
    record |= configuration
    return verbs.retried(context, lambda context: _create(context, resolved, record), CONCURRENT_UPDATE)


def _create(context: Context, resolved: Path, record: Record) -> Record:
    room: list[Guard] = [Guard("webhooks_count", "<", MOST, CHANNEL_WEBHOOKS_FULL())]
    if "configuration.replay_after" in record:
        # The webhook gets messages up to this index as a replay, and later ones as they come. The guard makes sure that
        # no message comes in between.
        tail = shown(context, resolved["service_sid"], context.table.fetch(keys.tail(resolved["channel_sid"])))
        record = {**record, "replay_until": tail.get("last_index", -1)}
        room.append(channel_log.unchanged(tail, "last_index"))
    writes: list[Write] = [
        Create(CHANNEL_WEBHOOK.key({**resolved, "sid": record["sid"]}), record, taken=NOT_FOUND()),
        channel_log.in_tail(
            resolved["service_sid"], resolved["channel_sid"], {"webhooks_count": 1}, *only_shown(context), *room
        ),
    ]
    return context.table.commit(context.cause(), writes)[0]


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the given parts of the webhook's configuration; its type is fixed.

    Events that have no name in the caller's face stay selected.
    """
    resolved = resolve(context, CHANNEL_WEBHOOK, path)
    webhook = verbs.load(context, CHANNEL_WEBHOOK, resolved)
    # Stored values complete the configuration for the check. They are not written back: another request may be changing
    # them.
    whole = configured(webhook["type"], {**webhook, **parameters})
    if _EVENTS in whole and (selected := parameters.get(_EVENTS)):
        unnamed = context.perspective.unnamed_events
        whole[_EVENTS] = [*selected, *(name for name in webhook.get("configuration.filters") or () if name in unnamed)]
    changes = verbs.changed(context, {name: value for name, value in whole.items() if name in parameters})
    return context.table.commit(context.cause(), [Update(CHANNEL_WEBHOOK.key(resolved), NOT_FOUND(), set=changes)])[0]


def delete(context: Context, path: Path, parameters: dict[str, Any]) -> None:
    """Remove a webhook and make room for another."""
    resolved = resolve(context, CHANNEL_WEBHOOK, path)
    webhook = verbs.load(context, CHANNEL_WEBHOOK, resolved)
    writes: list[Write] = [
        verbs.bury(context, CHANNEL_WEBHOOK, resolved, webhook),
        channel_log.in_tail(webhook["service_sid"], webhook["channel_sid"], {"webhooks_count": -1}),
    ]
    context.table.commit(context.cause(), writes)
