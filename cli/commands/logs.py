"""`parley logs`: what the functions have logged, of one request if asked, and what they log from now on."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Any

import click
from rich.markup import escape

from cli.options import Duration, Options, common, pass_options
from cli.place import LogLine, LogQuery
from parley.clock import iso_millis

_STYLES = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}
# What the local runtime and its libraries say when all is well.
_CHATTER = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|DEBUG) ")
# What is shown apart, or says the same for every line.
_KNOWN = {"timestamp", "level", "message", "service", "location", "exception", "stack_trace", "exception_name"}


@click.command("logs")
@click.option("--function", "functions", multiple=True, metavar="NAME", help="Only this function (may be repeated).")
@click.option(
    "--request", "requests", multiple=True, metavar="ID", help="Only lines with this request id, SID or delivery."
)
@click.option("--text", "texts", multiple=True, help="Only lines that contain this text.")
@click.option("--since", type=Duration(1, 400 * 86_400), default="10m", show_default=True, help="How far to look back.")
@click.option("--all", "everything", is_flag=True, help="Also show metrics, and the lines of the local runtime itself.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@common
@pass_options
def command(
    options: Options,
    functions: tuple[str, ...],
    requests: tuple[str, ...],
    texts: tuple[str, ...],
    since: int,
    everything: bool,
    follow: bool,
) -> None:
    """Show what the functions logged, oldest first.

    Each request has an id (request_id). The lines of its pushes and webhooks have it too.

    With --json, the command prints each line as it was written.
    """
    query = LogQuery(functions, (*requests, *texts), int((time.time() - since) * 1000))
    for line in options.place.log(query, follow):
        fields = _fields(line.text)
        if not everything and ("_aws" in fields or _CHATTER.match(line.text)):
            continue
        if options.json:
            sys.stdout.write(f"{line.text}\n")
            sys.stdout.flush()
        else:
            options.output.marked(_shown(line, fields))


def _fields(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(line: LogLine, fields: dict[str, Any]) -> str:
    """One line for a person: time, function, level, message and the named facts."""
    at = iso_millis(line.at_ms) if line.at_ms else " " * 24
    start = f"[dim]{at}[/] [bold]{escape(line.source):12}[/]"
    if not fields:
        return f"{start} {escape(line.text)}"
    level = str(fields.get("level", ""))
    style = _STYLES.get(level)
    message = escape(str(fields.get("message", "")))
    facts = " ".join(
        f"[dim]{escape(name)}=[/]{escape(_text(value))}" for name, value in fields.items() if name not in _KNOWN
    )
    shown = f"{start} {escape(level):7} {message} {facts}".rstrip()
    if fields.get("exception"):
        shown += "\n" + escape(str(fields["exception"]))
    return f"[{style}]{shown}[/]" if style else shown


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value)
