"""The account of the samples in `events/`, deployed on emulators behind a server that can play them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.answering import Answering, answering
from local.emulators.engine import Endpoints, start_engine
from local.home import REPOSITORY, Home
from local.template.template import Template
from tests.functions.sample_account import ACCOUNT_SID, SampleAccount
from tests.support.fakes import AUTH_TOKEN

# The functions that push what they commit themselves, as the template has it.
_PUSHING = ("rest_api", "ws_message")


class Sampled(NamedTuple):
    """The account, what answers its functions, and the environment that leads them there."""

    account: SampleAccount
    aws: Answering
    environment: dict[str, str]

    def of(self, function: str) -> dict[str, str]:
        """The environment of one function."""
        pushing = {"PARLEY_FAST_PUSH": "true"} if function in _PUSHING else {}
        return {**self.environment, **pushing, "POWERTOOLS_SERVICE_NAME": function}


@contextmanager
def sampled() -> Iterator[Sampled]:
    """The account ten minutes after it was made: it is noon on the day of the samples."""
    with tempfile.TemporaryDirectory() as folder:
        endpoints = start_engine(Home(Path(folder)))
        try:
            with answering(endpoints) as aws:
                yield _made(endpoints, aws)
        finally:
            endpoints.stop()


def _made(endpoints: Endpoints, aws: Answering) -> Sampled:
    client, sqs, secrets = endpoints.client("dynamodb"), endpoints.client("sqs"), endpoints.client("secretsmanager")
    (table,) = Template(REPOSITORY / "template.yaml", "51af3dc0-da77-11e4-872e-1234567b84fc").tables()
    client.create_table(**table.definition)
    account = SampleAccount(client, table.name)
    for name, text in (("auth", AUTH_TOKEN), ("ring", account.world.secrets.secrets["root"])):
        secrets.create_secret(Name=name, SecretString=text)
    in_order = {"FifoQueue": "true"}
    queues = {
        "PARLEY_DELIVERY_QUEUE_URL": sqs.create_queue(QueueName="deliveries.fifo", Attributes=in_order),
        "PARLEY_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="dead.fifo", Attributes=in_order),
        "PARLEY_PUSH_QUEUE_URL": sqs.create_queue(QueueName="push.fifo", Attributes=in_order),
        "PARLEY_TEXT_QUEUE_URL": sqs.create_queue(QueueName="texts.fifo", Attributes=in_order),
        "PARLEY_WORK_QUEUE_URL": sqs.create_queue(QueueName="work"),
    }
    emulators = {name for name in endpoints.environment() if name.startswith("AWS_ENDPOINT_URL")}
    environment = {
        **{name: value for name, value in endpoints.environment().items() if name not in emulators},
        **{name: made["QueueUrl"] for name, made in queues.items()},
        "PATH": os.environ["PATH"],
        "PARLEY_TABLE": table.name,
        "PARLEY_ACCOUNT_SID": ACCOUNT_SID,
        "PARLEY_AUTH_TOKEN_SECRET": "auth",
        "PARLEY_KEY_RING_SECRET": "ring",
        "PARLEY_REST_URL": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod",
        "PARLEY_CONNECTIONS_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/prod",
        "PARLEY_PUSH_APPLICATIONS": "arn:aws:sns:us-east-1:123456789012:app",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": aws.url,
        # As long as those of Lambda: they are a part of each signature.
        "AWS_SESSION_TOKEN": "t" * 800,
    }
    return Sampled(account, aws, environment)
