"""The parameters of a deployment: what each takes, and the values of named environments."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.architecture.declared import ROOT, TEMPLATE


@pytest.mark.parametrize("parameter", TEMPLATE["Parameters"])
def test_a_parameter_says_what_it_takes(parameter: str):
    """CloudFormation takes 2.5 for a Number, so only a list of values may be of that type."""
    declared = TEMPLATE["Parameters"][parameter]
    assert declared["Description"] and "Default" in declared
    assert declared["Type"] == "String" or "AllowedValues" in declared
    assert "AllowedValues" in declared or "AllowedPattern" in declared
    if "AllowedPattern" in declared:
        assert re.fullmatch(declared["AllowedPattern"], declared["Default"])


@pytest.mark.parametrize(
    ("parameter", "allowed", "refused"),
    [
        (
            "WebhookAgeSeconds",
            "60 99 14400 199999 249999 258999 259199 259200",
            "0 59 2.5 060 259201 260000 300000 1e3",
        ),
        ("RequestsPerSecond", "1 2000 999999", "0 01 2.5 1000000 -1"),
        ("SocketRequestsPerSecond", "0 50 9999", "2.5 -1 10000"),
        ("RestApiConcurrency", "1 25 99999", "0 2.5 100000"),
        # Fewer than the queues alone use would leave entries untried until they are given up.
        ("WebhooksConcurrency", "30 99 100 99999", "0 1 29 030 2.5 100000"),
        (
            "StudioUrl",
            "https://x.example/{flow_sid} https://x.example/f?sid={flow_sid}&a=1",
            "https://x.example {flow_sid}",
        ),
        ("CarrierUrl", "https://x.example/a http://x", "x.example ftp://x"),
        ("AlarmEmail", "ops@example.com", "ops @example.com a@b@c"),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef", "AC SK0123456789abcdef0123456789abcdef"),
        (
            "RestDomain",
            "chat.example.com a-b.example.co",
            "https://chat.example.com example chat.example.com/ Chat.example.com",
        ),
    ],
)
def test_a_parameter_takes_nothing_that_a_function_or_aws_would_refuse(parameter: str, allowed: str, refused: str):
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
    taken = [text for text in f"{allowed} {refused}".split() if re.fullmatch(pattern, text)]
    assert taken == allowed.split()


@pytest.mark.parametrize("environment_name", ["dev", "prod"])
def test_a_named_environment_sets_parameters_to_values_that_they_take(environment_name: str):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert config[environment_name]["global"]["parameters"]["stack_name"] == f"parley-{environment_name}"
    deploy, default = config[environment_name]["deploy"]["parameters"], config["default"]["deploy"]["parameters"]
    assert deploy.keys() == default.keys() | {"parameter_overrides"}
    for setting in deploy["parameter_overrides"].split():
        name, value = setting.split("=")
        declared = TEMPLATE["Parameters"][name]
        assert (
            value in map(str, declared["AllowedValues"])
            if "AllowedValues" in declared
            else re.fullmatch(declared["AllowedPattern"], value)
        )
