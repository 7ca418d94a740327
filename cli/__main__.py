"""`python -m cli webhooks list|replay`: lists the parked webhook deliveries, and sends them again.

By default it works on the local service, with `--stack NAME` on a deployed stack.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.parked import ParkedDeliveries, Trouble
from cli.places import deployed, local_service
from parley.clock import iso_seconds
from parley.ports.queue import NotQueued


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        place = deployed(options.stack, options.region) if options.stack else local_service()
    except LookupError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    parked = ParkedDeliveries(place)
    try:
        status: int = options.command(parked, options)
    except KeyboardInterrupt:
        print("\nstopped; nothing is lost: deliveries that were not replayed are still parked", file=sys.stderr)
        return 130
    except (BotoCoreError, ClientError, NotQueued, Trouble) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    if parked.unreadable:
        print(f"{parked.unreadable} more cannot be read; they stay parked", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parley", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stack", help="name of a deployed stack; without it, the service that `make run` started")
    parser.add_argument("--region", help="AWS Region of the stack, if it is not the configured one")
    webhooks = parser.add_subparsers(required=True, metavar="webhooks").add_parser(
        "webhooks", help="webhook deliveries that were given up"
    )
    commands = webhooks.add_subparsers(required=True, metavar="list|replay")
    listing = commands.add_parser("list", help="show parked deliveries, oldest first")
    listing.add_argument("--json", action="store_true", help="one JSON object a line, with all parameters")
    listing.set_defaults(command=_list)
    replay = commands.add_parser("replay", help="queue parked deliveries again; their age starts anew")
    replay.add_argument("--id", action="append", default=[], help="only this delivery (may be repeated)")
    replay.add_argument("--url", default="", help="only deliveries whose URL begins so")
    replay.set_defaults(command=_replay)
    return parser


def _list(parked: ParkedDeliveries, options: argparse.Namespace) -> int:
    deliveries = parked.list()
    for delivery in deliveries:
        print(json.dumps(delivery) if options.json else _line(delivery))
    if not options.json:
        print(f"{len(deliveries)} parked" if deliveries else "nothing is parked")
    return 0


# Chat's and Conversations' parameters that say what an event is about, the most exact first.
_SUBJECTS = ("MessageSid", "MemberSid", "ParticipantSid", "UserSid", "ChannelSid", "ConversationSid")


def _line(delivery: dict[str, Any]) -> str:
    told = delivery["parameters"]
    subject = next((told[name] for name in _SUBJECTS if name in told), "")
    facts = [iso_seconds(delivery["planned_at"]), delivery["id"], told.get("EventType", ""), subject]
    return "  ".join([*facts, delivery.get("method", ""), delivery["url"]])


def _replay(parked: ParkedDeliveries, options: argparse.Namespace) -> int:
    def wanted(delivery: dict[str, Any]) -> bool:
        return (not options.id or delivery["id"] in options.id) and delivery["url"].startswith(options.url)

    def progress(done: int, waiting: int) -> None:
        print(f"\r{done} replayed, about {waiting} left ", end="", file=sys.stderr, flush=True)

    done = parked.replay(wanted, progress)
    print("", file=sys.stderr)
    print(f"{done} replayed" if done else "nothing to replay")
    return 0


if __name__ == "__main__":
    # If a script starts this in the background, the shell has Ctrl-C ignored. Stop ignoring it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
