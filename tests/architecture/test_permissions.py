"""Least privilege: each function's role allows what the function does, and nothing else.

One scenario goes through every REST operation, every client action and every kind of change, delivery and sweep. What
the functions then asked of AWS is compared with the policies in the template, in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulators.engine import Endpoints
from local.home import REPOSITORY, Home
from local.template.template import Template
from parley.faces.registry import MOUNTS
from parley.sockets.native.actions import ACTIONS
from parley.sockets.sdk.routes import ROUTES
from tests.architecture.declared import FUNCTIONS, attached, environment, listed, statements
from tests.architecture.recorded import Granted, recorded_functions
from tests.architecture.scenario import Scenario
from tests.conftest import STACK_UUID

FROM_LAMBDA = {"credentials", "function", "region"}
FOR_LOCAL_RUNS = {
    "endpoint_urls",
    "media_links_url",
    "objects_endpoint_url",
    "sockets_endpoint_url",
    "webhook_allow_loopback",
}
# The runtime hands these to every operation, also where none uses them.
CARRIED_ALONG = {
    "actions_per_second",
    "auth_token_secret",
    "fast_push",
    "group_messages",
    "key_ring_secret",
    "media_limit_mb",
    "media_scan",
    "media_unattached_seconds",
    "phone_numbers",
    "push_applications",
    "whatsapp_senders",
}
# The REST function takes it from each request.
CARRIED_ALONG_BY = {"RestApiFunction": {"rest_url"}, "WsConnectFunction": {"requests_per_second", "rest_url"}}
# The actions that Lambda itself takes with the role: it reads streams and queues, writes logs, and parks failed records.
BY_LAMBDA = re.compile(
    r"logs:.*|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)"
    r"|sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)"
)
FAILURE_QUEUES = {"FanOutFailureQueue", "WebhooksFailureQueue"}


def resources(statement: dict[str, Any]) -> Iterator[str]:
    """The logical ids that a statement names, indexes as `Table/index/gsi1`."""
    for entry in listed(statement["Resource"]):
        ((kind, value),) = entry.items()
        if kind == "Ref":
            yield value
        elif kind == "Fn::GetAtt":
            yield value[0] if value[1] == "Arn" else ".".join(value)
        elif found := re.search(r":sqs:.*-(\w+)(\.fifo)?$", value):
            yield found[1]
        elif re.search(":(sns|sms-voice|social-messaging):", value):
            yield re.split(r"AccountId\}:", value)[1]
        elif "@connections" in value:
            yield "SocketApi/" + value.split("/")[-3]
        else:
            yield re.sub(r"\$\{(\w+)\.Arn\}", r"\1", value)


def granted(function: str) -> set[Granted]:
    """What a function's role allows."""
    found = set()
    for statement in statements(function) + attached(function, "HasPhones"):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            found |= {(action, resource) for resource in resources(statement)}
    return found


def is_for_lambda(pair: Granted) -> bool:
    action, resource = pair
    return BY_LAMBDA.fullmatch(action) is not None or (action == "sqs:SendMessage" and resource in FAILURE_QUEUES)


@pytest.fixture(scope="module")
def scenario(aws: Endpoints, dynamodb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    template = Template(REPOSITORY / "template.yaml", STACK_UUID, {"Phones": "true", "ActionsPerSecond": "1000"})
    with recorded_functions(aws, template, Home(tmp_path_factory.mktemp("recorded"))) as functions:
        played = Scenario(functions)
        played.run()
        yield played


def test_the_scenario_goes_through_every_rest_operation(scenario: Scenario):
    # Whoever adds an operation adds a request to the scenario.
    assert scenario.operations == {(mount.resource, verb) for mount in MOUNTS for verb in mount.verbs}


def test_the_scenario_goes_through_every_client_action(scenario: Scenario):
    assert scenario.clients.used == set(ACTIONS)


def test_the_scenario_goes_through_every_route_of_the_sdks(scenario: Scenario):
    assert scenario.sdk_routes == {(row.method, row.template) for row, _ in ROUTES._rows}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_does(scenario: Scenario, function: str):
    assert scenario.seen[function] - granted(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_nothing_else(scenario: Scenario, function: str):
    unused = {pair for pair in granted(function) - scenario.seen[function] if not is_for_lambda(pair)}
    assert unused == set()


def given_settings(function: str) -> set[str]:
    return {name.removeprefix("PARLEY_").lower() for name in environment(function) if name.startswith("PARLEY_")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_every_setting_that_it_is_given(scenario: Scenario, function: str):
    assert given_settings(function) - scenario.functions.settings_read[function] == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_every_setting_that_it_reads_and_uses(scenario: Scenario, function: str):
    unset = scenario.functions.settings_read[function] - given_settings(function)
    assert unset <= FROM_LAMBDA | FOR_LOCAL_RUNS | CARRIED_ALONG | CARRIED_ALONG_BY.get(function, set())


def test_a_function_makes_its_aws_clients_while_it_starts_and_none_later(scenario: Scenario):
    """A client of botocore takes a tenth of a second to make: at the first request, the caller would wait for that.

    Whoever stores a push credential does so once in a year, and no other request needs SNS. Nobody waits for a text, and
    most containers need one of the two clients.
    """
    assert scenario.functions.made_later == {
        "RestApiFunction": {"sns"},
        "CarriersFunction": {"pinpoint-sms-voice-v2", "socialmessaging"},
    }
    assert scenario.functions.made_at_start == {
        "RestApiFunction": {"dynamodb", "secretsmanager"},
        "WsConnectFunction": {"dynamodb", "secretsmanager"},
        "WsMessageFunction": {"dynamodb", "secretsmanager"},
        "WsDisconnectFunction": {"dynamodb"},
        "FanOutFunction": {"dynamodb", "sqs"},
        "WebhooksFunction": {"dynamodb", "secretsmanager", "sqs"},
        "PushFunction": {"dynamodb", "sns", "sqs"},
        "CarriersFunction": {"dynamodb", "secretsmanager", "sqs"},
    }
