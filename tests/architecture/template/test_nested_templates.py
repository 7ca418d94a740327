"""The nested templates: what each may hold, what it is given, and what is not there if nobody wants it."""

from __future__ import annotations

import json
import re

import pytest

from local.template.template import RUNNING
from tests.architecture.declared import (
    FILES,
    FUNCTIONS,
    GLOBALS,
    RESOURCES,
    ROOT,
    STACKS,
    TEMPLATE,
    nested,
    queue_of,
    statements,
)

INLINE_LIMIT_BYTES = 51_200
ONLY_PERMITS = {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"}
ONLY_WATCHES = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::KMS::Key", "AWS::SNS::Topic"}
ONLY_GUARDS = {"AWS::GuardDuty::MalwareProtectionPlan", "AWS::IAM::Role", "AWS::S3::BucketPolicy"}
ONLY_LOGS = {"AWS::ApiGateway::Account", "AWS::IAM::Role", "AWS::Logs::LogGroup"}
ONLY_NAMES = {
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
}
REACHES_PHONES = {
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::SMSVOICE::ConfigurationSet",
    "AWS::SMSVOICE::ProtectConfiguration",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
}
ONLY_SERVES_THE_CONSOLE = {
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
}
MAY_HOLD = {
    "templates/console.yaml": ONLY_SERVES_THE_CONSOLE,
    "templates/domains.yaml": ONLY_NAMES,
    "templates/key.yaml": {"AWS::KMS::Key"},
    "templates/logs.yaml": ONLY_LOGS,
    "templates/media.yaml": ONLY_GUARDS,
    "templates/permissions.yaml": ONLY_PERMITS,
    "templates/phones.yaml": REACHES_PHONES,
    "templates/watch.yaml": ONLY_WATCHES,
}
# Deployed before the stack of template.yaml, and not with it.
BY_ITSELF = {"templates/key.yaml"}


@pytest.mark.parametrize("name", ["template.yaml", *FILES])
def test_a_template_is_small_enough_to_be_given_to_cloudformation_as_it_is(name: str):
    assert (ROOT / name).stat().st_size < INLINE_LIMIT_BYTES


@pytest.mark.parametrize("name", FILES)
def test_a_nested_template_holds_nothing_that_a_local_run_needs(name: str):
    """Functions, tables and APIs must be in template.yaml. Of the others, the local runtime reads those in RUNNING."""
    assert {spec["Type"] for spec in FILES[name]["Resources"].values()} <= MAY_HOLD[name]
    assert "Transform" not in FILES[name], "only template.yaml is translated by SAM"


def test_resources_that_only_permit_watch_or_log_are_not_in_the_template_that_the_local_runtime_reads():
    elsewhere = ONLY_PERMITS | ONLY_WATCHES | ONLY_GUARDS | ONLY_LOGS | ONLY_NAMES
    assert {name for name, spec in RESOURCES.items() if spec["Type"] in elsewhere} == set()


def test_a_nested_template_holds_queues_only_if_the_local_runtime_reads_it():
    assert {name for name, kinds in MAY_HOLD.items() if "AWS::SQS::Queue" in kinds} == RUNNING
    assert STACKS["Telephony"] in RUNNING


def test_without_phones_nothing_of_them_exists():
    assert TEMPLATE["Parameters"]["Phones"]["Default"] == "false"
    assert TEMPLATE["Conditions"]["HasPhones"] == {"Fn::Equals": [{"Ref": "Phones"}, "true"]}
    assert {name for name, spec in RESOURCES.items() if spec.get("Condition") == "HasPhones"} == {
        "CarriersFunction",
        "Telephony",
    }
    assert {
        (stack, name)
        for stack in ("Logs", "Permissions", "Watch")
        for name, spec in nested(stack).items()
        if spec.get("Condition") == "HasPhones"
    } == {
        ("Logs", "CarriersLogGroup"),
        ("Permissions", "CarriersRole"),
        ("Permissions", "TextsPolicy"),
        ("Watch", "CarrierAgeAlarm"),
        ("Watch", "CarrierDeadLetterAlarm"),
        ("Watch", "CarrierEventsDeadLetterAlarm"),
        ("Watch", "CarrierInboundAgeAlarm"),
        ("Watch", "CarrierReceiptsAgeAlarm"),
        ("Watch", "CarriersErrorsAlarm"),
        ("Watch", "CarriersThrottlesAlarm"),
        ("Watch", "FailedTextsAlarm"),
        ("Watch", "SpendLimitAlarm"),
    }


def test_each_queue_of_events_takes_them_from_its_own_topic_as_they_were_published():
    lines = nested("Telephony")
    for topic, queue in (("Inbound", "CarrierInbound"), ("Receipts", "CarrierReceipts")):
        subscribed = lines[f"{topic}Subscription"]["Properties"]
        assert subscribed["TopicArn"] == {"Ref": topic} and subscribed["RawMessageDelivery"] is True
        assert queue_of(subscribed["Endpoint"]) == queue
        (allowed,) = lines[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert (allowed["Principal"], allowed["Action"]) == ({"Service": "sns.amazonaws.com"}, "sqs:SendMessage")
        assert queue_of(allowed["Resource"]) == queue
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": topic}}}


def test_aws_may_publish_to_the_topics_of_phones_and_do_nothing_else():
    lines = nested("Telephony")
    (own_statement,) = lines["TwoWayRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert own_statement == {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "Inbound"}}
    (reports,) = lines["ReceiptsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (reports["Action"], reports["Resource"]) == ("sns:Publish", {"Ref": "Receipts"})
    (trusted,) = lines["TwoWayRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    (whatsapp,) = lines["InboundPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (whatsapp["Action"], whatsapp["Resource"]) == ("sns:Publish", {"Ref": "Inbound"})
    publishing = [one["Principal"]["Service"].removesuffix(".amazonaws.com") for one in (reports, trusted, whatsapp)]
    assert publishing == ["sms-voice", "sms-voice", "social-messaging"]
    here = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert reports["Condition"] == trusted["Condition"] == whatsapp["Condition"] == here


def test_texts_are_sent_under_the_set_that_reports_them_all():
    made = nested("Telephony")["ConfigurationSet"]["Properties"]
    (destination,) = made["EventDestinations"]
    assert destination["SnsDestination"] == {"TopicArn": {"Ref": "Receipts"}} and destination["Enabled"] is True
    assert destination["MatchingEventTypes"] == ["TEXT_ALL", "MEDIA_ALL"]
    (sending,) = (one for one in statements("CarriersFunction") if "sms-voice:SendTextMessage" in one["Action"])
    allowed = [one["Fn::Sub"] for one in sending["Resource"]]
    name = made["ConfigurationSetName"]["Fn::Sub"]
    assert [text for text in allowed if text.endswith(f":configuration-set/{name}")]


def test_every_nested_template_is_deployed_with_all_of_its_parameters():
    assert FILES.keys() == {*STACKS.values(), *BY_ITSELF}
    for stack, name in STACKS.items():
        assert RESOURCES[stack]["Properties"]["Parameters"].keys() == FILES[name]["Parameters"].keys()


def test_nothing_that_runs_needs_what_watches():
    running = {name: spec for name, spec in RESOURCES.items() if name != "Watch"}
    assert not re.search(r'"Watch[".]', json.dumps([running, GLOBALS]))


def test_without_the_console_one_setting_is_empty_and_that_is_all():
    told = FUNCTIONS["RestApiFunction"]["Environment"]["Variables"]["PARLEY_CONSOLE_URL"]
    assert told == {"Fn::If": ["HasConsole", {"Fn::GetAtt": ["ConsoleSite", "Outputs.Url"]}, ""]}
    assert RESOURCES["ConsoleSite"]["Condition"] == "HasConsole"
    others = [spec for name, spec in RESOURCES.items() if name != "ConsoleSite"]
    assert json.dumps(others).count('"ConsoleSite') == 1


def test_nobody_reads_the_files_of_the_console_but_its_own_distribution():
    site = {name: spec["Properties"] for name, spec in FILES["templates/console.yaml"]["Resources"].items()}
    assert set(site["Files"]["PublicAccessBlockConfiguration"].values()) == {True}
    (allowed,) = (one for one in site["FilesPolicy"]["PolicyDocument"]["Statement"] if one["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"} and allowed["Action"] == "s3:GetObject"
    (source,) = allowed["Condition"]["StringEquals"].values()
    assert source["Fn::Sub"].endswith(":distribution/${Distribution}")
    (origin,) = site["Distribution"]["DistributionConfig"]["Origins"]
    assert origin["OriginAccessControlId"] == {"Ref": "Access"}
    assert (
        site["Distribution"]["DistributionConfig"]["DefaultCacheBehavior"]["ViewerProtocolPolicy"]
        == "redirect-to-https"
    )
