"""The settings, logs, runtime and time-outs of functions."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from parley.settings import Settings
from parley.store import patience
from tests.architecture.declared import (
    FUNCTIONS,
    GLOBALS,
    LOG_GROUPS,
    MAPPINGS,
    QUEUE_MAPPINGS,
    RESOURCES,
    ROOT,
    TEMPLATE,
    environment,
    folder,
    listed,
    output,
    parameters_in,
    statements,
)

NOT_FROM_SETTINGS = {"POWERTOOLS_SERVICE_NAME"}
API_GATEWAY_PATIENCE_SECONDS = 29


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_only_settings_that_are_read(function: str):
    known = {f"PARLEY_{field.name.upper()}" for field in dataclasses.fields(Settings)} | NOT_FROM_SETTINGS
    assert environment(function).keys() <= known


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_setting_resolves_a_secret_or_is_for_local_runs_only(function: str):
    assert "resolve:" not in json.dumps(environment(function))
    assert not {"PARLEY_WEBHOOK_ALLOW_LOOPBACK", "PARLEY_MEDIA_LINKS_URL"} & environment(function).keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_under_its_own_name_to_a_group_that_it_may_write(function: str):
    group = output(*FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Fn::GetAtt"])["Ref"]
    assert LOG_GROUPS[group]["LogGroupName"]["Fn::Sub"] == "/parley/${AWS::StackName}/" + folder(function)
    assert environment(function)["POWERTOOLS_SERVICE_NAME"] == folder(function)
    arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/parley/${AWS::StackName}/"
    written = {"Fn::Sub": f"{arn}{folder(function)}:*"}
    assert written in [statement["Resource"] for statement in statements(function)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_whatever_level_is_chosen_lambda_keeps_metrics_and_the_function_leaves_lines_out(function: str):
    assert GLOBALS["LoggingConfig"] | FUNCTIONS[function]["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": FUNCTIONS[function]["LoggingConfig"]["LogGroup"],
    }
    assert environment(function)["PARLEY_LOG_LEVEL"] == {"Ref": "LogLevel"}
    assert TEMPLATE["Parameters"]["LogLevel"]["AllowedValues"] == ["INFO", "WARN", "ERROR"]


@pytest.mark.parametrize("group", LOG_GROUPS)
def test_logs_are_kept_for_a_limited_time(group: str):
    assert LOG_GROUPS[group]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_function_has_the_runtime_whose_byte_code_the_layer_holds():
    makefile = (ROOT / "layers/common/Makefile").read_text()
    assert GLOBALS["Runtime"] == "python3.13" and "--python-version 3.13" in makefile
    assert GLOBALS["Architectures"] == ["arm64"] and "aarch64" in makefile
    assert GLOBALS["Layers"] == [{"Ref": "CommonLayer"}]
    assert not [name for name, spec in FUNCTIONS.items() if {"Runtime", "Architectures", "Layers"} & spec.keys()]


def test_the_layer_describes_every_aws_service_that_botocore_makes_a_client_for():
    (kept,) = re.findall(r"^SERVICES = (.*)$", (ROOT / "layers/common/Makefile").read_text(), re.MULTILINE)
    sources = [*(ROOT / "layers/common/python").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    made = {
        name
        for source in sources
        for name in re.findall(r"create_client\(\s*[\"']([a-z0-9-]+)[\"']", source.read_text())
    }
    assert made and made <= set(kept.split())


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {function for function, _ in MAPPINGS}))
def test_a_function_behind_an_api_ends_before_the_api_gives_up(function: str):
    assert FUNCTIONS[function]["Timeout"] < API_GATEWAY_PATIENCE_SECONDS
    routes = RESOURCES["SocketApi"]["Properties"]["Routes"].values()
    for route in routes:
        if route["FunctionArn"]["Fn::GetAtt"][0] == function and "IntegrationTimeout" in route:
            assert FUNCTIONS[function]["Timeout"] * 1000 < route["IntegrationTimeout"]


def test_a_function_that_queues_its_own_next_step_may_go_on_for_ever():
    sends = {
        function: [
            resource
            for statement in statements(function)
            if "sqs:SendMessage" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]
        for function in FUNCTIONS
    }
    own_queues = {function for (function, _), mapping in QUEUE_MAPPINGS.items() if mapping["Queue"] in sends[function]}
    allowed = {function for function, spec in FUNCTIONS.items() if spec.get("RecursiveLoop") == "Allow"}
    assert allowed == own_queues == {"PushFunction", "WebhooksFunction"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_as_often_at_a_time_as_its_parameter_allows(function: str):
    limit = f"{function.removesuffix('Function')}Concurrency"
    condition, given, none = FUNCTIONS[function]["ReservedConcurrentExecutions"]["Fn::If"]
    assert parameters_in(TEMPLATE["Conditions"][condition]) == {limit}
    assert (given, none) == ({"Ref": limit}, {"Ref": "AWS::NoValue"})


def test_a_request_that_the_table_never_answers_ends_before_every_functions_time_out() -> None:
    """botocore made four attempts of twelve seconds each, so every function timed out before the last one."""
    shortest = min(properties["Timeout"] for properties in FUNCTIONS.values())
    assert shortest - 1 > patience.LONGEST_REQUEST_SECONDS
    assert patience.PATIENCE_SECONDS + patience.ATTEMPT_SECONDS < patience.LONGEST_REQUEST_SECONDS
    limits = patience.CLIENT_CONFIG
    assert limits["attempts"] == 1
    assert limits["connect_seconds"] + limits["read_seconds"] == patience.ATTEMPT_SECONDS
