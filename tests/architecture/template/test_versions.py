"""The published versions of the REST function: each change of what it runs with makes one."""

from __future__ import annotations

import re
import uuid

import pytest

from local.template.template import Template
from tests.architecture.declared import FUNCTIONS, GLOBALS, RESOURCES, ROOT, TEMPLATE, parameters_in


def test_a_change_to_the_layer_publishes_a_version_behind_the_alias():
    rest = FUNCTIONS["RestApiFunction"]
    assert rest["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert rest["AutoPublishAlias"] == "live" and rest["AutoPublishAliasAllProperties"] is True
    assert RESOURCES["CommonLayer"]["Properties"]["PublishLambdaVersion"] is True


def descriptions(**parameters: str) -> tuple[str, str]:
    """The descriptions of the layer and of the REST function's versions."""
    template = Template(ROOT / "template.yaml", stack_uuid=str(uuid.UUID(int=0)), parameters=parameters)
    layer, function = RESOURCES["CommonLayer"]["Properties"], FUNCTIONS["RestApiFunction"]
    return template.resolve(layer["Description"]), template.resolve(function["VersionDescription"])


LONGEST = {
    "AccountSid": "AC" + "f" * 32,
    "ActionsPerSecond": "999999",
    "Console": "false",
    "FastPush": "false",
    "GroupMessages": "false",
    "LogLevel": "ERROR",
    "MediaLimitMb": "4999",
    "MediaScan": "guardduty",
    "MediaUnattachedSeconds": "99999",
    "PhoneNumbers": ",".join(["+999999999999999"] * 10),
    "Phones": "false",
    "PushRegion": "ap-southeast-7",
    "Stage": "x" * 32,
    "TableName": "x" * 100,
    "Tracing": "false",
    "WhatsAppSenders": ",".join(["whatsapp:+999999999999999"] * 4),
}


def test_exactly_the_parameters_that_make_the_settings_of_a_published_version_stand_in_the_descriptions():
    """CloudFormation makes a version when its description changes, and fails if nothing else has changed.

    Another description of the layer makes another version of the layer, which the description of the version names.
    """
    layer, function = RESOURCES["CommonLayer"]["Properties"], FUNCTIONS["RestApiFunction"]
    described = parameters_in([layer["Description"], function["VersionDescription"]])
    # How many calls may run at a time is a matter of the function, not of its version.
    apart = {"VersionDescription", "ReservedConcurrentExecutions"}
    others = [value for name, value in function.items() if name not in apart]
    assert parameters_in([GLOBALS, *others]) == described == LONGEST.keys()
    assert {"Ref": "CommonLayer"} in function["VersionDescription"]["Fn::Join"][1][0]["Fn::Select"][1]["Fn::Split"]


@pytest.mark.parametrize(
    ("parameter", "other"),
    [
        ("AccountSid", "AC" + "0" * 32),
        ("ActionsPerSecond", "5"),
        ("Console", "true"),
        ("FastPush", "false"),
        ("GroupMessages", "true"),
        ("LogLevel", "WARN"),
        ("MediaLimitMb", "20"),
        ("MediaScan", "guardduty"),
        ("MediaUnattachedSeconds", "600"),
        ("PhoneNumbers", "+12025550143"),
        ("Phones", "true"),
        ("PushRegion", "eu-west-1"),
        ("Stage", "test"),
        ("TableName", "restored"),
        ("Tracing", "true"),
        ("WhatsAppSenders", "whatsapp:+12025550143"),
    ],
)
def test_another_value_of_a_parameter_publishes_a_version(parameter: str, other: str):
    assert descriptions(**{parameter: other}) != descriptions()


def test_a_description_always_fits_into_256_characters():
    longest_layer_version = 7
    layer, version = descriptions(**LONGEST)
    assert len(layer) <= 256
    assert len(version) - 1 + longest_layer_version <= 256


@pytest.mark.parametrize("parameter", sorted(LONGEST))
def test_a_parameter_in_the_description_of_a_version_cannot_be_longer(parameter: str):
    declared, longest = TEMPLATE["Parameters"][parameter], LONGEST[parameter]
    if "AllowedValues" in declared:
        assert len(longest) == max(map(len, declared["AllowedValues"]))
    else:
        longer = [longest + "9", f"{longest},{longest.split(',')[0]}", longest.replace(",", ", ") + " "]
        allowed = [text for text in [longest, *longer] if re.fullmatch(declared["AllowedPattern"], text)]
        assert allowed == [longest]
