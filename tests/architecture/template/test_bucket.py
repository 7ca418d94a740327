"""The bucket with files: who may read and store them, and what a scanner adds."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.template.intrinsics import Physical, Scope
from parley.operations.inbound_files import ARRIVALS
from tests.architecture.declared import (
    FILES,
    FUNCTIONS,
    RESOURCES,
    TEMPLATE,
    environment,
    listed,
    nested,
    of_type,
    statements,
)


def test_the_bucket_is_private_to_the_account_and_encrypted_and_keeps_nothing_that_was_deleted():
    (bucket,) = of_type("AWS::S3::Bucket").values()
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    ((encryption,),) = bucket["BucketEncryption"].values()
    assert encryption["ServerSideEncryptionByDefault"]["Fn::If"][2] == {"SSEAlgorithm": "AES256"}
    assert not {"AccessControl", "VersioningConfiguration", "ReplicationConfiguration"} & bucket.keys()
    assert not {"WebsiteConfiguration", "ObjectLockEnabled"} & bucket.keys()


def test_the_bucket_survives_the_stack_but_not_a_first_deployment_that_fails():
    assert RESOURCES["MediaBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES["MediaBucket"]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_itself_deletes_only_uploads_that_were_never_finished_and_arrivals_that_were_not_moved():
    """Other objects are deleted for one reason: their record has gone."""
    unfinished, arrivals = RESOURCES["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert unfinished.keys() - {"Id"} == {"Status", "AbortIncompleteMultipartUpload"}
    assert (arrivals["Prefix"], arrivals["ExpirationInDays"]) == (ARRIVALS, 1)


@pytest.mark.parametrize("scan", ["none", "guardduty"])
def test_nobody_is_allowed_anything_by_the_policy_of_the_bucket(scan: str):
    assert {statement["Effect"] for statement in bucket_policy(scan)} == {"Deny"}


@pytest.mark.parametrize("scan", ["none", "guardduty"])
def test_the_bucket_is_reached_over_encrypted_connections_only(scan: str):
    (statement,) = (one for one in bucket_policy(scan) if "Bool" in one["Condition"])
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
    assert statement["Resource"] == ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]


def test_without_a_scanner_there_is_no_plan_no_role_and_no_rule_about_tags():
    assert len(bucket_policy("none")) == 1
    media = FILES["templates/media.yaml"]
    assert media["Conditions"]["Scans"] == {"Fn::Equals": [{"Ref": "Scan"}, "guardduty"]}
    conditional = {name for name, spec in media["Resources"].items() if spec.get("Condition") == "Scans"}
    assert conditional == media["Resources"].keys() - {"Policy"}
    assert TEMPLATE["Parameters"]["MediaScan"]["Default"] == "none"


def test_with_a_scanner_no_link_reads_what_is_not_found_clean():
    """A link has the rights of the role that signed it, and that role must be able to look at new files."""
    clean = {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}
    links, others, tagging = bucket_policy("guardduty")[1:]
    assert links["Condition"] == {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}, "StringNotEquals": clean}
    looking = {"aws:PrincipalArn": ["arn:looking", "arn:scanner"]}
    assert others["Condition"] == {"StringNotEquals": clean | looking}
    assert {(one["Principal"], one["Action"]) for one in (links, others)} == {("*", "s3:GetObject")}
    assert tagging["Action"] == "s3:PutObjectTagging"
    assert tagging["Condition"] == {"StringNotEquals": {"aws:PrincipalArn": "arn:scanner"}}
    given = RESOURCES["MediaGuard"]["Properties"]["Parameters"]
    assert given["LookingRoleArn"] == FUNCTIONS["RestApiFunction"]["Role"]


def guarding(resource: str, scan: str, key: str = "") -> dict[str, Any]:
    """The properties of a resource that guards the bucket, with or without a scanner and a key."""
    parameters = {
        "Bucket": "bucket",
        "BucketArn": "arn:aws:s3:::bucket",
        "Scan": scan,
        "KeyArn": key,
        "LookingRoleArn": "arn:looking",
    }
    region = {"AWS::Partition": "aws", "AWS::Region": "here", "AWS::AccountId": "1", "AWS::URLSuffix": "amazonaws.com"}
    scanner = {"ScannerRole": Physical("scanner", {"Arn": "arn:scanner"})}
    scope = Scope(FILES["templates/media.yaml"], parameters, region, scanner)
    properties: dict[str, Any] = scope.resolve(FILES["templates/media.yaml"]["Resources"][resource]["Properties"])
    return properties


def bucket_policy(scan: str) -> list[dict[str, Any]]:
    """The statements of the bucket's policy."""
    policy: list[dict[str, Any]] = guarding("Policy", scan)["PolicyDocument"]["Statement"]
    return policy


@pytest.mark.parametrize("key", ["", "arn:key"])
def test_the_scanner_may_use_the_key_that_encrypts_the_files_and_only_through_s3(key: str):
    (policy,) = guarding("ScannerRole", "guardduty", key)["Policies"]
    about_keys = [one for one in policy["PolicyDocument"]["Statement"] if "kms" in json.dumps(one["Action"])]
    expected = {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": key,
        "Condition": {"StringEquals": {"kms:ViaService": "s3.here.amazonaws.com"}},
    }
    assert about_keys == ([expected] if key else [])
    assert RESOURCES["MediaGuard"]["Properties"]["Parameters"]["KeyArn"] == {"Ref": "KeyArn"}


MEDIA_ACTIONS = {
    "CarriersFunction": {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"},
    "RestApiFunction": {"s3:GetObject", "s3:PutObject"},
    "WebhooksFunction": {"s3:DeleteObject"},
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_with_files_exactly_what_it_does(function: str):
    about_files = [one for one in statements(function) if "MediaBucket" in json.dumps(one)]
    arrivals = [{"Fn::GetAtt": ["MediaBucket", "Arn"]}, {"Fn::Sub": f"${{MediaBucket.Arn}}/{ARRIVALS}*"}]
    files = [{"Fn::Sub": "${MediaBucket.Arn}/*"}]
    assert [one["Resource"] for one in about_files] in ([], files, [*files, *arrivals])
    actions = {action for one in about_files for action in listed(one["Action"])}
    assert actions == MEDIA_ACTIONS.get(function, set())
    assert ("PARLEY_MEDIA_BUCKET" in environment(function)) == bool(actions)


def test_only_with_a_scanner_may_functions_that_hand_files_on_read_what_it_found():
    policy = nested("Permissions")["ScanPolicy"]
    assert FILES["templates/permissions.yaml"]["Conditions"][policy["Condition"]] == {
        "Fn::Equals": [{"Ref": "MediaScan"}, "guardduty"]
    }
    roles = [role.get("Fn::If", ["", role])[1] for role in policy["Properties"]["Roles"]]
    assert roles == [{"Ref": "RestApiRole"}, {"Ref": "CarriersRole"}]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "s3:GetObjectTagging"
    assert statement["Resource"] == {"Fn::Sub": "${MediaBucket.Arn}/*"}


def test_pages_of_any_origin_may_read_what_they_have_a_link_to_and_those_that_are_named_may_store():
    """After the REST API's redirect, browsers say `Origin: null`."""
    rules = RESOURCES["MediaBucket"]["Properties"]["CorsConfiguration"]["CorsRules"]
    origins = {method: rule["AllowedOrigins"] for rule in rules for method in rule["AllowedMethods"]}
    assert origins["GET"] == origins["HEAD"] == ["*"]
    assert origins["PUT"] == {"Fn::Split": [",", {"Ref": "MediaOrigins"}]}
    assert origins.keys() == {"GET", "HEAD", "PUT"}
    exposed = {header for rule in rules if "GET" in rule["AllowedMethods"] for header in rule["ExposedHeaders"]}
    assert {"Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range"} <= exposed


@pytest.mark.parametrize("origins", ["*", "https://example.com", "https://example.com,http://127.0.0.1:8080"])
def test_origins_are_given_with_commas_between(origins: str):
    pattern = TEMPLATE["Parameters"]["MediaOrigins"]["AllowedPattern"]
    assert re.fullmatch(pattern, origins)
    assert not re.fullmatch(pattern, f"{origins}, https://example.org")
    assert not re.fullmatch(pattern, f"{origins}/")
