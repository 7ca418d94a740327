"""Where a service's queues are: on this machine, or in a stack."""

from __future__ import annotations

from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class Place(NamedTuple):
    """An SQS client and the URLs of the two queues that the commands work on."""

    sqs: Any
    deliveries: str
    dead_letters: str


def local_service() -> Place:
    """The service that `make run` started.

    Raises:
        LookupError: there is none.
    """
    from local.home import Home
    from local.process.plan import Plan

    home = Home.from_environment()
    if not home.info.exists():
        raise LookupError("nothing runs here: start `make run`, or name a stack with --stack")
    plan = Plan.load(home.plan)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    queues = [str(plan.physical[name]["ref"]) for name in ("DeliveryQueue", "DeliveryDeadLetterQueue")]
    # On this machine an emulator that does not answer at once is not running, so few attempts are enough.
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    return Place(boto3.client("sqs", endpoint_url=plan.ministack, config=config, **keys), *queues)


def deployed(stack: str, region: str | None) -> Place:
    """A stack's queues, found by their logical ids.

    Raises:
        LookupError: with what AWS said.
    """
    session = boto3.Session(region_name=region)
    try:
        cloudformation = session.client("cloudformation")
        queues = [
            cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)["StackResourceDetail"][
                "PhysicalResourceId"
            ]
            for name in ("DeliveryQueue", "DeliveryDeadLetterQueue")
        ]
        return Place(session.client("sqs"), *queues)
    except (BotoCoreError, ClientError) as error:
        raise LookupError(str(error)) from error
