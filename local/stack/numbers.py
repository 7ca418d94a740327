"""Makes a local run use its numbers of AWS, as `parley phones enable` does for a stack.

No REST API can do that, so this module writes to the table itself. A number that somebody has disabled stays disabled:
the stand-in for AWS keeps that the number's texts no longer go to Parley.

The numbers join no messaging service. Otherwise Parley would have to make the default one, and with it the default chat
service. But a new stack has no service until its owner makes one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.emulators.engine import Endpoints
from local.home import Home
from local.phones.account import Account, arn, number_id, sender_id, waba_id
from local.phones.handsets import WHATSAPP_PREFIX
from local.phones.run import own_of
from local.process.plan import Plan
from local.template.bound import BoundTemplate
from parley.operations import senders
from parley.operations.context import of_table
from parley.store import keys


def enable(plan: Plan, template: BoundTemplate) -> None:
    """Write the records of numbers that have none."""
    account = Account(own_of(plan, template), Home(Path(plan.home)).texts)
    wanted = {**_texting(account), **_on_whatsapp(account)}
    if not wanted:
        return
    (table_name,) = (plan.physical[table.logical_id]["ref"] for table in template.tables())
    endpoints = Endpoints(plan.engine, plan.dynamodb, plan.ministack)
    context = of_table(table_name, lambda: endpoints.client("dynamodb"), plan.account_sid)
    for address, given in wanted.items():
        if context.table.fetch(keys.sender(plan.account_sid, address)) is None:
            senders.enable(context, address, {**given, "messaging_service_sid": None})


def _texting(account: Account) -> dict[str, dict[str, Any]]:
    found = {}
    for number in account.own.numbers:
        settings = account.settings(number)
        if settings["TwoWayEnabled"]:
            found[number] = {
                "provider_id": number_id(number),
                "provider_arn": arn("phone-number", number_id(number)),
                "opt_out_list": settings["OptOutListName"],
                "country_code": "US",
                "capabilities": ["SMS", "MMS", "Voice"],
            }
    return found


def _on_whatsapp(account: Account) -> dict[str, dict[str, Any]]:
    if not account.event_destinations():
        return {}
    return {
        WHATSAPP_PREFIX + one.number: {
            "provider_id": sender_id(one),
            "provider_arn": one.arn,
            "waba": waba_id(one),
            "capabilities": [],
        }
        for one in account.whatsapp_senders()
    }
