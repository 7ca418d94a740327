"""`parley status`: shows counts, queues, work that was given up, alarms and versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from cli.options import Options, common, pass_options
from cli.output import Output
from cli.place import Place, QueueState
from parley.version import VERSION

# A list that is longer tells nothing more, and each hundred services cost a request.
_SHOWN_SERVICES = 20


@click.command("status")
@common
@pass_options
def command(options: Options) -> None:
    """Show counts, queues, dead letters, alarms and versions."""
    place = options.place
    answer = place.rest.ask("GET", "/chat/v2/Services?PageSize=1")
    services = list(place.rest.listed("/chat/v2/Services", "services"))
    queues = place.queues()
    found: dict[str, Any] = {
        "version": answer.version,
        "command_version": VERSION,
        "rest_url": place.rest_url,
        **place.status(),
        "services": len(services),
        "table": _table(place),
        "queues": [queue._asdict() for queue in queues],
    }
    if options.json:
        found["services"] = [{name: one[name] for name in ("sid", "friendly_name")} for one in services]
        options.output.json(found)
        return
    _show(options.output, found, services, queues)


def _show(output: Output, found: dict[str, Any], services: list[dict[str, Any]], queues: Sequence[QueueState]) -> None:
    """Print all of it for a person: facts, parts, queues, services, and at the end what needs a hand."""
    table = found["table"]
    output.facts(
        {
            "REST URL": found["rest_url"],
            "version": f"{found['version'] or 'unknown'} (this command: {VERSION})",
            **{_NAMES[name]: found[name] for name in _NAMES if name in found},
            "services": found["services"],
            "table": f"about {table['items']:,} items" + (f", {_size(table['bytes'])}" if table["bytes"] else ""),
        }
    )
    output.line("")
    parts = [(part["name"], part["state"]) for part in found["parts"]]
    output.table(("PART", "STATE"), parts, ["" if part["well"] else "red" for part in found["parts"]])
    output.line("")
    rows = [(queue.name, queue.waiting, queue.under_way) for queue in queues]
    bad = [queue.given_up and queue.waiting + queue.under_way > 0 for queue in queues]
    output.table(("QUEUE", "WAITING", "UNDER WAY"), rows, ["red" if one else "" for one in bad])
    if services:
        output.line("")
        named = [(one["sid"], one["friendly_name"]) for one in services[:_SHOWN_SERVICES]]
        output.table(("SERVICE", "NAME"), named)
        if len(services) > _SHOWN_SERVICES:
            output.line(f"and {len(services) - _SHOWN_SERVICES} more; --json lists all")
    if any(bad):
        output.line("")
        output.line("Something was given up: docs/operating.md says what to do with each of these queues.", "red")


_NAMES = {
    "home": "home",
    "engine": "table engine",
    "stack": "stack",
    "region": "Region",
    "deployed": "deployed",
    "dashboard": "dashboard",
}


def _table(place: Place) -> dict[str, int]:
    """The size of the table. In AWS both numbers are up to six hours old."""
    described = place.client("dynamodb").describe_table(TableName=place.table_name())["Table"]
    return {"items": int(described.get("ItemCount", 0)), "bytes": int(described.get("TableSizeBytes", 0))}


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
