"""What functions are allowed: exactly named actions and resources, each in a role of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.architecture.declared import (
    FILES,
    FUNCTIONS,
    GLOBALS,
    ROOT,
    TEMPLATE,
    environment,
    listed,
    nested,
    of_type,
    role_of,
    statements,
)

# Whoever writes to a socket, or stores a file, cannot be told which. Applications and endpoints of SNS are named by push
# credentials, which are made later, and numbers are bought later. A log group's streams are its own.
NEEDS_A_WILDCARD = re.compile(
    r"\$\{SocketApi\}/\$\{Stage\}/(POST|DELETE)/@connections/\*$|\$\{MediaBucket\.Arn\}/(inbound/)?\*$"
    r"|:sns:\$\{PushRegion\}:\$\{AWS::AccountId\}:(app|endpoint)/\*/CR\*$"
    r"|:log-group:/parley/\$\{AWS::StackName\}/[a-z_]+:\*$"
    r"|:sms-voice:\$\{AWS::Region\}:\$\{AWS::AccountId\}:phone-number/\*$"
    r"|:social-messaging:\$\{AWS::Region\}:\$\{AWS::AccountId\}:phone-number-id/\*$"
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_names_only_actions_and_resources_that_exist_without_wildcards(function: str):
    for statement in statements(function):
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        for resource in listed(statement["Resource"]):
            text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            assert "*" not in text or NEEDS_A_WILDCARD.search(text), text


# In the policy of a key, `*` is that key. A trace has no ARN.
MAY_NAME_EVERYTHING = {
    ("templates/key.yaml", "Key"),
    ("templates/permissions.yaml", "TracingPolicy"),
    ("templates/watch.yaml", "AlarmKey"),
}


def test_nothing_is_allowed_on_every_resource_except_where_aws_knows_no_arn():
    def allowed(value: Any) -> list[dict[str, Any]]:
        if isinstance(value, list):
            return [found for item in value for found in allowed(item)]
        if not isinstance(value, dict):
            return []
        own_statement = [value] if value.get("Effect") == "Allow" else []
        return own_statement + [found for item in value.values() for found in allowed(item)]

    everything = {
        (file, name)
        for file, document in {"template.yaml": TEMPLATE, **FILES}.items()
        for name, spec in document["Resources"].items()
        for statement in allowed(spec)
        if "*" in listed(statement.get("Resource", []))
    }
    assert everything == MAY_NAME_EVERYTHING


def test_every_function_has_a_role_of_its_own_without_managed_policies():
    roles = [tuple(FUNCTIONS[function]["Role"]["Fn::GetAtt"]) for function in FUNCTIONS]
    assert len(set(roles)) == len(roles)
    assert not [function for function in FUNCTIONS if "ManagedPolicyArns" in role_of(function)]
    assert not [function for function, spec in FUNCTIONS.items() if "Policies" in spec]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_read_exactly_the_secrets_that_its_settings_name(function: str):
    named = {value["Ref"] for name, value in environment(function).items() if name.endswith("_SECRET")}
    readable = {
        resource["Ref"]
        for statement in statements(function)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for resource in listed(statement["Resource"])
    }
    assert readable == named <= set(of_type("AWS::SecretsManager::Secret"))


def test_every_role_may_use_your_key_through_the_services_of_the_stack_alone():
    policy = nested("Permissions")["KeyPolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Ref": "KeyArn"}
    roles = [role.get("Fn::If", ["", role])[1] for role in policy["Roles"]]
    assert {role["Ref"] for role in roles} == {f"{name.removesuffix('Function')}Role" for name in FUNCTIONS}
    services = {text["Fn::Sub"].split(".")[0] for text in statement["Condition"]["StringEquals"]["kms:ViaService"]}
    assert services == {"dynamodb", "s3", "secretsmanager", "sqs"}
    assert not [action for action in statement["Action"] if "*" in action]


def test_traces_are_sent_only_if_they_are_asked_for_and_by_lambda_itself():
    policy = nested("Permissions")["TracingPolicy"]
    assert policy["Condition"] == "Traces" and GLOBALS["Tracing"] == {"Fn::If": ["Traces", "Active", "PassThrough"]}
    assert TEMPLATE["Parameters"]["Tracing"]["Default"] == "false"
    assert "xray" not in (ROOT / "requirements/runtime.txt").read_text()
