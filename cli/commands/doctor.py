"""`parley doctor`: goes once through everything that a chat needs, and says in plain words what does not work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from cli.options import Duration, Options, common, pass_options
from cli.trouble import UNWELL

if TYPE_CHECKING:
    from cli.doctor import Result

_MARKS = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "failed": ("FAILED", "red"), "skipped": ("-", "dim")}


@click.command("doctor")
@click.option("--webhook-url", metavar="URL", help="Also send one signed sample to this webhook server.")
@click.option(
    "--patience", type=Duration(1, 600), default="30s", show_default=True, help="How long to wait for each answer."
)
@common
@pass_options
def command(options: Options, webhook_url: str | None, patience: int) -> int:
    """Check REST, the socket, a push, a webhook, the clock and versions.

    The check makes a service and deletes it at the end. If something does not work, the exit status is 3.
    """
    from cli.doctor import Doctor

    place = options.place
    options.when_stopped = "stopped; the check has removed everything that it made"
    return show(options, Doctor(place, patience, webhook_url).examine())


def show(options: Options, checks: Iterable[Result], widest: int = 13) -> int:
    """Print results as they come, whose names have so many characters at most; returns the exit status."""
    results = []
    for result in checks:
        results.append(result)
        if not options.json:
            mark, style = _MARKS[result.outcome]
            options.output.line(f"{mark:8}{result.name:{widest}}{result.detail}", style)
            if result.advice:
                options.output.line(f"{'':{8 + widest}}{result.advice}")
    failed = [result for result in results if result.outcome == "failed"]
    if options.json:
        options.output.json({"healthy": not failed, "checks": [result._asdict() for result in results]})
    else:
        options.output.line("")
        options.output.line(f"{len(failed)} of {len(results)} checks failed" if failed else "everything works")
    return UNWELL if failed else 0
