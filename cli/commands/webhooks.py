"""`parley webhooks`: lists the webhook deliveries that were given up, and sends them again."""

from __future__ import annotations

import sys
from typing import Any

import click

from cli.options import Options, common, pass_options
from cli.output import note
from cli.parked import ParkedDeliveries
from parley.clock import iso_seconds

# Chat's and Conversations' parameters that say what an event is about, the most exact first.
_SUBJECTS = ("MessageSid", "MemberSid", "ParticipantSid", "UserSid", "ChannelSid", "ConversationSid")


@click.group("webhooks")
@common
def command() -> None:
    """List webhook deliveries that were given up, and send them again."""


def _parked(options: Options) -> ParkedDeliveries:
    place = options.place
    deliveries, dead_letters = place.queue_url("DeliveryQueue"), place.queue_url("DeliveryDeadLetterQueue")
    return ParkedDeliveries(place.client("sqs"), deliveries, dead_letters)


@command.command("list")
@common
@pass_options
def _list(options: Options) -> None:
    """Show parked deliveries, oldest first. With --json, each line is one delivery with all parameters."""
    parked = _parked(options)
    deliveries = parked.list()
    if options.json:
        for delivery in deliveries:
            options.output.json(delivery)
    elif deliveries:
        options.output.table(("PLANNED", "ID", "EVENT", "ABOUT", "METHOD", "URL"), [_row(one) for one in deliveries])
        options.output.line(f"{len(deliveries)} parked")
    else:
        options.output.line("nothing is parked")
    _mention_unreadable(parked)


def _row(delivery: dict[str, Any]) -> tuple[str, ...]:
    told = delivery["parameters"]
    subject = next((told[name] for name in _SUBJECTS if name in told), "")
    facts = (iso_seconds(delivery["planned_at"]), delivery["id"], told.get("EventType", ""), subject)
    return (*facts, delivery.get("method", ""), delivery["url"])


@command.command("replay")
@click.option("--id", "ids", multiple=True, help="Only this delivery (may be repeated).")
@click.option("--url", default="", help="Only deliveries whose URL begins with this text.")
@common
@pass_options
def _replay(options: Options, ids: tuple[str, ...], url: str) -> None:
    """Queue parked deliveries again; their age starts anew."""
    parked = _parked(options)
    options.when_stopped = "stopped; nothing is lost: deliveries that were not replayed are still parked"

    def wanted(delivery: dict[str, Any]) -> bool:
        return (not ids or delivery["id"] in ids) and delivery["url"].startswith(url)

    def progress(done: int, waiting: int) -> None:
        sys.stderr.write(f"\r{done} replayed, about {waiting} left ")
        sys.stderr.flush()

    done = parked.replay(wanted, progress)
    note("")
    if options.json:
        options.output.json({"replayed": done})
    else:
        options.output.line(f"{done} replayed" if done else "nothing to replay")
    _mention_unreadable(parked)


def _mention_unreadable(parked: ParkedDeliveries) -> None:
    if parked.unreadable:
        note(f"{parked.unreadable} more cannot be read; they stay parked")
