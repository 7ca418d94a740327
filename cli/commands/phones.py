"""`parley phones`: which numbers of the AWS account the service uses, and whether AWS lets them send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import Options, Sid, common, pass_options
from cli.output import note

if TYPE_CHECKING:
    from cli.senders import Listed, Senders

# An address on WhatsApp has 26 characters at most.
_WIDEST = 28


@click.group("phones")
@common
def command() -> None:
    """Choose the numbers for texts and WhatsApp, and check what AWS lets them do."""


class Address(click.ParamType[str]):
    """A number as `+15550100` or `whatsapp:+15550100`."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address."""
        from parley.domain.addresses import SMS, WHATSAPP, channel_of

        if channel_of(str(value)) not in (SMS, WHATSAPP):
            self.fail(f"{value!r} is not a number such as +12025550143 or whatsapp:+12025550143", param, ctx)
        return str(value)


_address = click.argument("address", metavar="NUMBER", type=Address())


def _senders(options: Options) -> Senders:
    from cli.records import StoredSenders
    from cli.senders import Senders

    return Senders(options.place, StoredSenders(options.place))


@command.command("list")
@common
@pass_options
def _list(options: Options) -> None:
    """Show the numbers of the AWS account, and which of them the service uses."""
    listed = _senders(options).listed(note)
    if options.json:
        options.output.json([_facts(one) for one in listed])
    elif listed:
        columns = ("NUMBER", "MESSAGING SERVICE", "STATUS", "TYPE", "CAN", "COUNTRY")
        options.output.table(columns, [_row(one) for one in listed])
    else:
        options.output.line("the AWS account has no number in this Region: request one in the AWS console")


def _row(one: Listed) -> tuple[str, ...]:
    service = (one.record or {}).get("messaging_service_sid") or "-"
    if one.number is None:
        return (one.address, service, "AWS no longer has it", "", "", "")
    number = one.number
    type_ = number.type or number.waba_name or "-"
    return (one.address, service, number.status, type_, ", ".join(number.capabilities) or "-", number.country or "-")


def _facts(one: Listed) -> dict[str, Any]:
    number, record = one.number, one.record or {}
    facts = {
        "address": one.address,
        "enabled": one.record is not None,
        "messaging_service_sid": record.get("messaging_service_sid"),
        "sid": record.get("sid"),
    }
    if number is None:
        return {**facts, "status": None}
    return {
        **facts,
        "status": number.status,
        "kind": number.kind,
        "type": number.type or None,
        "capabilities": list(number.capabilities),
        "country": number.country or None,
        "provider_id": number.provider_id,
        "opt_out_list": number.opt_out_list or None,
        "inbound_destination": number.inbound_arn or None,
    }


@command.command("enable")
@_address
@click.option(
    "--service",
    "service",
    metavar="MG…",
    type=Sid("MG", "messaging service"),
    help="The messaging service that has the number; without it, the account's default one.",
)
@click.option("--force", is_flag=True, help="Replace another destination in AWS for what people write to the number.")
@common
@pass_options
def _enable(options: Options, address: str, service: str | None, force: bool) -> None:
    """Make the service use a number. If the command is stopped, say it again: it completes what is missing.

    Texts may then go to the countries in the stack's parameter SmsCountries, and to no other. What people write comes
    to the service. AWS answers STOP, and keeps a list of people who wrote it, one for each messaging service.
    """
    options.when_stopped = "stopped; the same command completes what is missing"
    record = _senders(options).enable(address, service or "", force)
    if options.json:
        options.output.json(
            {"address": address, "sid": record["sid"], "messaging_service_sid": record["messaging_service_sid"]}
        )
    else:
        options.output.line(f"{address} is enabled for {record['messaging_service_sid']}")


@command.command("disable")
@_address
@common
@pass_options
def _disable(options: Options, address: str) -> None:
    """Stop using a number. AWS keeps the number, and the list of people who wrote STOP."""
    options.when_stopped = "stopped; the same command completes what is missing"
    _senders(options).disable(address)
    if options.json:
        options.output.json({"address": address, "enabled": False})
    else:
        options.output.line(f"{address} is disabled")


@command.command("doctor")
@common
@pass_options
def _doctor(options: Options) -> int:
    """Check what AWS lets the enabled numbers do, and whether their texts and answers arrive here.

    If something does not work, the exit status is 3.
    """
    from cli.commands.doctor import show
    from cli.phone_checks import examine
    from cli.records import StoredSenders

    return show(options, examine(options.place, StoredSenders(options.place)), _WIDEST)
