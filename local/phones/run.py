"""The phones of one run: handsets, the simulated carrier and the stand-in of AWS, put together from the plan."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.emulators.engine import Endpoints
from local.home import Home
from local.phones.account import Account, Own
from local.phones.carrier import Queue, SimulatedCarrier
from local.phones.countries import countries
from local.phones.handsets import Handsets
from local.phones.phones_door import Aws, PhonesDoor
from local.phones.pictures import Buckets, Pictures, S3Buckets
from local.phones.schedule import Disorder, Schedule
from local.phones.sms import Sms
from local.phones.sms_settings import SmsSettings
from local.phones.texts_door import TextsDoor
from local.phones.whatsapp import WhatsApp
from local.process.plan import Plan, aws_numbers, carriers_numbers
from local.template.bound import BoundTemplate

_FLUSHED_SECONDS = 5.0


@dataclass(frozen=True)
class Phones:
    """The doors to the phones of a run.

    Attributes:
        owner: To handsets.
        aws: To the stand-in of AWS End User Messaging.
        schedule: What AWS has yet to tell.
    """

    owner: PhonesDoor
    aws: TextsDoor
    schedule: Schedule

    def close(self) -> None:
        """Tell what AWS would tell in the next seconds, and end."""
        self.schedule.close(_FLUSHED_SECONDS)


def put_together(
    account_sid: str,
    auth_tokens: Callable[[], Sequence[str]],
    queue: Queue,
    schedule: Schedule,
    buckets: Buckets,
    account: Account,
    step: float = 1.0,
    numbers: Sequence[str] = (),
) -> Phones:
    """The phones that `queue`, `schedule` and `buckets` connect with Parley.

    `queue` takes the simulated carrier's reports and `schedule` AWS's events, which are `step` seconds apart. `numbers`
    are those that phones can write to.
    """
    handsets, pictures = Handsets(account.now), Pictures()
    sms = Sms(account, handsets, schedule, pictures, buckets, step)
    whatsapp = WhatsApp(account, handsets, schedule, pictures, buckets, step)
    carrier = SimulatedCarrier(auth_tokens, queue, handsets)
    owner = PhonesDoor(account_sid, auth_tokens, handsets, carrier, Aws(sms, whatsapp), pictures, numbers)
    return Phones(owner, TextsDoor(sms, SmsSettings(account), whatsapp), schedule)


def of_plan(plan: Plan, template: BoundTemplate) -> Phones | None:
    """The phones of a run; None if the template has no work queue."""
    work = plan.physical.get("WorkQueue")
    if work is None:
        return None
    endpoints = Endpoints(plan.engine, plan.dynamodb, plan.ministack)
    sqs, sns, s3 = (cache(lambda name=name: endpoints.client(name)) for name in ("sqs", "sns", "s3"))

    def queue(entry: dict[str, Any], delay_seconds: int) -> None:
        sqs().send_message(QueueUrl=work["ref"], MessageBody=json.dumps(entry), DelaySeconds=delay_seconds)

    def send(topic: str, document: dict[str, Any]) -> None:
        sns().publish(TopicArn=topic, Message=json.dumps(document))

    account = Account(own_of(plan, template), Home(Path(plan.home)).texts)
    carriers = [carriers_numbers(plan.parameters, name) for name in ("PhoneNumbers", "WhatsAppSenders")]
    return put_together(
        plan.account_sid,
        plan.auth_tokens,
        queue,
        Schedule(send, Disorder.read(os.environ.get("PARLEY_PHONES_DISORDER", ""))),
        S3Buckets(s3),
        account,
        numbers=[*account.own.numbers, *account.own.senders, *carriers[0], *carriers[1]],
    )


def own_of(plan: Plan, template: BoundTemplate) -> Own:
    """What the account has at AWS: the local numbers, and what the template declares.

    Texts may go to every country, unless the environment names some.
    """
    environments = [function.environment for function in plan.functions(template).values()]
    settings = next((one for one in environments if "PARLEY_TEXTS_CONFIGURATION_SET" in one), {})
    topics = {name: plan.physical.get(name, {}).get("ref", "") for name in ("Inbound", "Receipts")}
    allowed = plan.parameters.get("SmsCountries")
    numbers, senders = aws_numbers(plan.parameters)
    return Own(
        numbers=numbers,
        senders=senders,
        inbound=topics["Inbound"],
        role=plan.outputs.get("TextsTwoWayRoleArn", ""),
        receipts=topics["Receipts"],
        configuration_set=settings.get("PARLEY_TEXTS_CONFIGURATION_SET") or Own.configuration_set,
        protection=settings.get("PARLEY_TEXTS_PROTECTION") or Own.protection,
        countries=frozenset(allowed.split(",") if allowed else countries()),
    )
