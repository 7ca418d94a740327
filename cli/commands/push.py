"""`parley push`: why a user's phone rang or stayed silent, and a notification to see whether it rings."""

from __future__ import annotations

import time
from typing import Any

import click

from cli.access import service_sid
from cli.notified import Entry, Notified
from cli.options import Duration, Identity, Options, common, pass_options, service_option
from cli.trouble import DONE, UNWELL
from parley.clock import iso_millis

_KEPT_SECONDS = 7 * 24 * 3600


@click.group("push")
@common
def command() -> None:
    """Find out why a phone stays silent, and test its notifications."""


def _notified(options: Options, identity: str, service: str | None) -> Notified:
    place = options.place
    sid = service_sid(place.rest, service)
    return Notified(place.client("dynamodb"), place.table_name(), place.rest, sid, identity)


_identity = click.option("--identity", required=True, type=Identity(), help="The user whose phones are meant.")


@command.command("log")
@_identity
@service_option
@click.option(
    "--since",
    type=Duration(1, _KEPT_SECONDS),
    default="1d",
    show_default=True,
    help="How far to look back, up to 7 days.",
)
@common
@pass_options
def _log(options: Options, identity: str, service: str | None, since: int) -> None:
    """Say what keeps a user's phones silent, and what became of each notification.

    Parley keeps the log for seven days, and only for services with Notifications.LogEnabled.
    """
    notified = _notified(options, identity, service)
    reasons = notified.reasons()
    entries = notified.log(int((time.time() - since) * 1000))
    output = options.output
    if options.json:
        devices = [_shown(sid, device) for sid, device in sorted(notified.devices().items())]
        about = {"service_sid": notified.service_sid, "identity": identity, "user_sid": notified.user_sid}
        output.json({**about, "silent_because": reasons, "devices": devices, "log": [_facts(one) for one in entries]})
        return
    for reason in reasons:
        output.line(f"- {reason}")
    if not reasons:
        output.line(f"nothing keeps the phones of {identity} silent")
    output.line("")
    if not entries:
        output.line("no notification was logged in this time")
        return
    rows = [(iso_millis(one.at_ms), one.type, one.channel_sid or "-", one.binding_sid, one.words) for one in entries]
    output.table(("AT", "TYPE", "CHANNEL", "DEVICE", "OUTCOME"), rows)


@command.command("test")
@_identity
@service_option
@click.option(
    "--patience", type=Duration(1, 600), default="30s", show_default=True, help="How long to wait for the results."
)
@common
@pass_options
def _test(options: Options, identity: str, service: str | None, patience: int) -> int:
    """Send a notification to each of a user's devices, and say what becomes of each.

    The notification goes through the same queue and function as all others. It is sent even if the service has switched
    all notifications off. If a device does not get it, the exit status is 3.
    """
    from parley.ports.queue import Queue

    notified = _notified(options, identity, service)
    place = options.place
    queue = Queue(place.queue_url("PushQueue"), place.client("sqs"))
    options.when_stopped = "stopped; the notifications are on their way"
    is_well = True
    for one in notified.test(queue, patience):
        is_well = is_well and one.outcome == "delivered"
        if options.json:
            options.output.json(_facts(one))
        else:
            options.output.line(f"{one.binding_sid}  {_result(one)}", "" if one.outcome == "delivered" else "red")
    return DONE if is_well else UNWELL


def _result(entry: Entry) -> str:
    if entry.outcome != "unknown":
        return entry.words
    return "not known yet: the function tries for ten minutes, and `parley push log` shows what becomes of it"


def _shown(sid: str, device: dict[str, Any]) -> dict[str, Any]:
    """A device without its address, which is a secret of the app's."""
    return {
        "binding_sid": sid,
        "binding_type": device["type"],
        "credential_sid": device.get("credential"),
        "message_types": list(device["types"]),
    }


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "at": iso_millis(entry.at_ms),
        "sid": entry.sid,
        "type": entry.type,
        "channel_sid": entry.channel_sid or None,
        "binding_sid": entry.binding_sid,
        "outcome": entry.outcome,
        "code": entry.code or None,
        "says": _result(entry),
    }
