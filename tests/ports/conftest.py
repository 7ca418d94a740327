"""The engines on which the table port's contract is tested."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from local.emulators.engine import Endpoints
from local.template.template import REGION, Template
from parley.ports.aws import AwsClient
from parley.settings import Credentials
from parley.store.patience import CLIENT_CONFIG
from parley.store.table import Table
from tests.ports.meddling import MeddlingClient
from tests.ports.table_stage import Stage
from tests.support.fakes import FakeClock
from tests.support.world import new_account_sid


@pytest.fixture(scope="session")
def ministack_client(aws: Endpoints, template: Template) -> Any:
    """MiniStack's DynamoDB, whatever the other tests use."""
    client = dataclasses.replace(aws, dynamodb=aws.ministack).client("dynamodb")
    if aws.engine != "ministack":
        client.create_table(**template.tables()[0].definition)
    return client


@pytest.fixture(params=["dynoxide", "ministack"])
def table_stage(request: pytest.FixtureRequest, aws: Endpoints, template: Template) -> Stage:
    if request.param == "dynoxide" and aws.engine != "dynoxide":
        pytest.skip("Dynoxide is not available here")
    request.getfixturevalue("dynamodb" if request.param == aws.engine else "ministack_client")
    endpoint = aws.dynamodb if request.param == aws.engine else aws.ministack
    # As the functions have it.
    real = AwsClient("dynamodb", REGION, lambda: Credentials("test", "test"), endpoint=endpoint, **CLIENT_CONFIG)
    client, clock, name = MeddlingClient(real), FakeClock(), template.tables()[0].name
    return Stage(Table(name, lambda: client, clock, lambda: 0.5), client, clock, name, f"TEST#{new_account_sid()}")
