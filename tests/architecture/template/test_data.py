"""What a stack keeps: its table, its secrets and its account SID, and the key that encrypts whatever holds data."""

from __future__ import annotations

import string
import uuid

import pytest

from local.template.template import Template
from tests.architecture.declared import (
    GLOBALS,
    LOG_GROUPS,
    QUEUES,
    RESOURCES,
    ROOT,
    STREAM_MAPPINGS,
    TEMPLATE,
    nested,
    of_type,
    parameters_in,
)

# What CloudFormation replaces a table for, and what it would lose with the old one.
REPLACES_THE_TABLE = {"TableName", "KeySchema", "AttributeDefinitions", "ImportSourceSpecification"}


def test_no_parameter_replaces_the_table():
    """Another `TableName` makes the stack use another table; its own stays, as it stays when the stack is deleted."""
    table = RESOURCES["Table"]
    fixed = {name: value for name, value in table["Properties"].items() if name in REPLACES_THE_TABLE}
    assert "TableName" not in fixed
    assert parameters_in([*fixed.values(), table["Properties"]["GlobalSecondaryIndexes"]]) == set()
    assert parameters_in(table["Properties"]) == {"DeletionProtection", "KeyArn"}
    assert table["Condition"] == "MakesTable" and parameters_in(TEMPLATE["Conditions"]["MakesTable"]) == {"TableName"}


def test_a_stack_that_adopts_a_table_uses_it_wherever_it_would_use_its_own():
    adopting = Template(
        ROOT / "template.yaml",
        stack_uuid=str(uuid.UUID(int=0)),
        parameters={
            "AccountSid": "AC" + "0a" * 16,
            "TableName": "restored",
            "TableStreamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/restored/stream/1",
        },
    )
    assert adopting.tables() == []
    assert adopting.resolve(GLOBALS["Environment"]["Variables"]["PARLEY_TABLE"]) == "restored"
    assert adopting.resolve(GLOBALS["Environment"]["Variables"]["PARLEY_ACCOUNT_SID"]) == "AC" + "0a" * 16
    permitted = adopting.resolve(
        {
            name: value
            for name, value in RESOURCES["Permissions"]["Properties"]["Parameters"].items()
            if name.startswith("Table")
        }
    )
    assert permitted == {
        "TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/restored",
        "TableStreamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/restored/stream/1",
    }
    assert {adopting.resolve(spec["Stream"]) for spec in STREAM_MAPPINGS.values()} == {permitted["TableStreamArn"]}
    assert adopting.resolve(RESOURCES["Watch"]["Properties"]["Parameters"]["Table"]) == "restored"
    assert adopting.resolve(TEMPLATE["Outputs"]["TableName"]["Value"]) == "restored"


@pytest.mark.parametrize("kind", ["table", "bucket", "secret", "queue", "log group", "alarm topic"])
def test_whatever_keeps_data_is_encrypted_with_your_key_if_there_is_one(kind: str):
    own_key = {"Fn::If": ["HasKey", {"Ref": "KeyArn"}, {"Ref": "AWS::NoValue"}]}
    (topic,) = (spec["Properties"] for spec in nested("Watch").values() if spec["Type"] == "AWS::SNS::Topic")
    keys = {
        "table": [RESOURCES["Table"]["Properties"]["SSESpecification"]["Fn::If"][1]["KMSMasterKeyId"]],
        "bucket": [
            rule["ServerSideEncryptionByDefault"]["Fn::If"][1]["KMSMasterKeyID"]
            for spec in of_type("AWS::S3::Bucket").values()
            for rule in spec["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ],
        "secret": [spec["KmsKeyId"] for spec in of_type("AWS::SecretsManager::Secret").values()],
        "queue": [spec["KmsMasterKeyId"] for spec in QUEUES.values()],
        "log group": [spec["KmsKeyId"] for spec in LOG_GROUPS.values()],
        "alarm topic": [{"Fn::If": [*topic["KmsMasterKeyId"]["Fn::If"][:2], {"Ref": "AWS::NoValue"}]}],
    }[kind]
    assert [key for key in keys if key not in (own_key, {"Ref": "KeyArn"})] == []


def test_the_table_survives_accidents_and_the_stack():
    table = RESOURCES["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert TEMPLATE["Parameters"]["DeletionProtection"]["Default"] == "true"


@pytest.mark.parametrize("secret", of_type("AWS::SecretsManager::Secret"))
def test_a_secret_survives_the_stack_but_not_a_first_deployment_that_fails(secret: str):
    assert RESOURCES[secret]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[secret]["UpdateReplacePolicy"] == "Retain"


def test_the_account_sid_is_made_of_the_stack_id():
    template = Template(ROOT / "template.yaml", stack_uuid="51af3dc0-da77-11e4-872e-1234567b84fc")
    expected = "AC51af3dc0da7711e4872e1234567b84fc"
    assert template.resolve(GLOBALS["Environment"]["Variables"]["PARLEY_ACCOUNT_SID"]) == expected
    assert template.resolve(TEMPLATE["Outputs"]["AccountSid"]["Value"]) == expected


def test_the_auth_token_is_made_of_32_lower_case_hex_digits():
    generate = RESOURCES["AuthToken"]["Properties"]["GenerateSecretString"]
    assert generate["PasswordLength"] == 32
    assert generate["ExcludeUppercase"] is True and generate["ExcludePunctuation"] is True
    left = set(string.ascii_lowercase + string.digits) - set(generate["ExcludeCharacters"])
    assert left == set("0123456789abcdef")
