"""The template against what the code, the samples in `events/` and the promises in `docs/` rely on."""

from __future__ import annotations

import dataclasses
import json
import re
import string
import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.template.intrinsics import Physical, Scope
from local.template.template import RUNNING, Template
from parley.metrics import METRICS
from parley.operations.inbound_files import ARRIVALS
from parley.settings import Settings
from parley.sockets.events import EVENTS
from parley.store import patience
from parley.store.changes import SORT_KEYS
from parley.webhooks.families import FAMILIES
from tests.architecture.declared import (
    FILES,
    RESOURCES,
    ROOT,
    STACKS,
    TEMPLATE,
    listed,
    nested,
    output,
    own,
    role_of,
    statements,
)
from tools.pins import pins

GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]

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

NOT_FROM_SETTINGS = {"POWERTOOLS_SERVICE_NAME"}
# Whoever writes to a socket, or stores a file, cannot be told which. Applications and endpoints of SNS are named by push
# credentials, which are made later, and numbers are bought later. A log group's streams are its own.
NEEDS_A_WILDCARD = re.compile(
    r"\$\{SocketApi\}/\$\{Stage\}/(POST|DELETE)/@connections/\*$|\$\{MediaBucket\.Arn\}/(inbound/)?\*$"
    r"|:sns:\$\{PushRegion\}:\$\{AWS::AccountId\}:(app|endpoint)/\*/CR\*$"
    r"|:log-group:/parley/\$\{AWS::StackName\}/[a-z_]+:\*$"
    r"|:sms-voice:\$\{AWS::Region\}:\$\{AWS::AccountId\}:phone-number/\*$"
    r"|:social-messaging:\$\{AWS::Region\}:\$\{AWS::AccountId\}:phone-number-id/\*$"
)
API_GATEWAY_PATIENCE_SECONDS = 29
FAN_OUT_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "INVITE#"}
WEBHOOKS_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "SERVICE#"}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: spec.get("Properties", {}) for name, spec in RESOURCES.items() if spec["Type"] == kind}


def nested_of_type(stack: str, kind: str) -> dict[str, dict[str, Any]]:
    return {name: spec.get("Properties", {}) for name, spec in nested(stack).items() if spec["Type"] == kind}


def queue_of(value: dict[str, Any]) -> str:
    """The logical id of the queue that a value names by an attribute, or by an output of the stack that holds it."""
    name, attribute = value["Fn::GetAtt"]
    if name not in STACKS:
        return str(name)
    made = output(name, attribute)
    return str(made.get("Ref") or made["Fn::GetAtt"][0])


def name_of(queue: str) -> Any:
    """What names a queue in the words of template.yaml."""
    return QUEUES[queue].get("QueueName", {"Fn::GetAtt": [queue, "QueueName"]})


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue") | nested_of_type("Telephony", "AWS::SQS::Queue")
LOG_GROUPS = nested_of_type("Logs", "AWS::Logs::LogGroup")
MAPPINGS = {
    (function, name): event
    for function, properties in FUNCTIONS.items()
    for name, event in properties.get("Events", {}).items()
    if event["Type"] in ("DynamoDB", "SQS")
}
SCHEDULES = {
    (function, name)
    for function, properties in FUNCTIONS.items()
    for name, event in properties.get("Events", {}).items()
    if event["Type"] == "Schedule"
}
STREAM_MAPPINGS = {key: event["Properties"] for key, event in MAPPINGS.items() if event["Type"] == "DynamoDB"}
QUEUE_MAPPINGS = {key: event["Properties"] for key, event in MAPPINGS.items() if event["Type"] == "SQS"}


def folder(function: str) -> str:
    return FUNCTIONS[function]["CodeUri"].removeprefix("functions/").rstrip("/")


def sample(function: str, event: str = "") -> Path:
    """Where the sample invocation is: `<folder>.json`, or `<folder>_<event>.json` for an event source mapping."""
    return ROOT / "events" / f"{folder(function)}{f'_{event.lower()}' if event else ''}.json"


def environment(function: str) -> dict[str, Any]:
    return {
        **GLOBALS.get("Environment", {}).get("Variables", {}),
        **FUNCTIONS[function].get("Environment", {}).get("Variables", {}),
    }


def dead_letter_queues() -> set[str]:
    redrives = [spec["RedrivePolicy"]["deadLetterTargetArn"] for spec in QUEUES.values() if "RedrivePolicy" in spec]
    failures = [spec["DestinationConfig"]["OnFailure"]["Destination"] for spec in STREAM_MAPPINGS.values()]
    return {queue_of(target) for target in redrives + failures}


def filters(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(filter_["Pattern"]) for filter_ in mapping["FilterCriteria"]["Filters"]]


def sort_keys(mapping: dict[str, Any]) -> tuple[list[str], set[str]]:
    """Event names and sort keys of records that a stream mapping lets through; a prefix is shown as it is."""
    pattern, *_ = filters(mapping)
    assert set(pattern) == {"eventName", "dynamodb"}
    alternatives = pattern["dynamodb"]["Keys"]["sk"]["S"]
    return pattern["eventName"], {text if isinstance(text, str) else text["prefix"] for text in alternatives}


def lets_through(mapping: dict[str, Any], record: dict[str, Any]) -> bool:
    names, keys = sort_keys(mapping)
    sort_key = record["dynamodb"]["Keys"]["sk"]["S"]
    return record["eventName"] in names and any(
        sort_key.startswith(key) if key.endswith("#") else sort_key == key for key in keys
    )


def alarms() -> dict[str, dict[str, Any]]:
    return {
        name: spec["Properties"] for name, spec in nested("Watch").items() if spec["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize("name", ["template.yaml", *FILES])
def test_a_template_is_small_enough_to_be_given_to_cloudformation_as_it_is(name: str):
    assert (ROOT / name).stat().st_size < INLINE_LIMIT_BYTES


@pytest.mark.parametrize("name", FILES)
def test_a_nested_template_holds_nothing_that_a_local_run_needs(name: str):
    """Functions, tables and APIs must be in template.yaml. Of the others, the local runtime reads those in RUNNING."""
    assert {spec["Type"] for spec in FILES[name]["Resources"].values()} <= MAY_HOLD[name]
    assert "Transform" not in FILES[name], "only template.yaml is translated by SAM"


def test_what_only_permits_watches_or_logs_is_not_in_the_template_that_the_local_runtime_reads():
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


def test_every_function_folder_is_in_the_template_and_the_other_way_round():
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {folder(function) for function in FUNCTIONS} == folders


def test_every_function_and_every_trigger_has_a_sample_invocation_and_every_sample_is_of_one():
    api_functions = set(FUNCTIONS) - {function for function, _ in MAPPINGS}
    expected = {sample(function) for function in api_functions} | {sample(*key) for key in {*MAPPINGS, *SCHEDULES}}
    assert set((ROOT / "events").glob("*.json")) == expected


@pytest.mark.parametrize("key", MAPPINGS, ids=".".join)
def test_a_sample_comes_from_the_source_that_its_mapping_reads(key: tuple[str, str]):
    sources = {"DynamoDB": "aws:dynamodb", "SQS": "aws:sqs"}
    records = json.loads(sample(*key).read_text())["Records"]
    assert {record["eventSource"] for record in records} == {sources[MAPPINGS[key]["Type"]]}


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_every_record_of_a_stream_sample_passes_the_filter(key: tuple[str, str]):
    records = json.loads(sample(*key).read_text())["Records"]
    assert [record for record in records if not lets_through(STREAM_MAPPINGS[key], record)] == []


# The kinds of rows in the tables of events that are not kinds of records.
RECORD_OF_ROW = {"media message": "message", "state": "channel"}
TOLD: dict[str, set[str]] = {
    "FanOutFunction": {kind for kind, _ in EVENTS},
    "WebhooksFunction": {RECORD_OF_ROW.get(kind, kind) for family in FAMILIES for kind, _ in family.post_events},
}


@pytest.mark.parametrize(
    ("function", "kind"), [(function, kind) for function in TOLD for kind in sorted(TOLD[function])]
)
def test_a_stream_function_gets_the_changes_of_every_kind_that_its_table_of_events_has(function: str, kind: str):
    alternatives = [
        pattern["dynamodb"].get("Keys", {}).get("sk", {}).get("S", [])
        for pattern in filters(STREAM_MAPPINGS[function, "Changes"])
    ]
    passed = {text if isinstance(text, str) else text["prefix"] for texts in alternatives for text in texts}
    assert kind in SORT_KEYS, f"store/changes.py decodes no change of a {kind}"
    assert SORT_KEYS[kind] in passed, f"the stream's filter of {function} in template.yaml lets no {kind} through"


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


def test_a_guided_deployment_does_not_ask_whether_the_api_may_do_without_authentication():
    """The SAM CLI asks, and Enter means no, unless the API says something about authentication."""
    assert RESOURCES["RestApi"]["Properties"]["Auth"] == {"ApiKeyRequired": False}


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


def test_a_change_to_the_layer_publishes_a_version_behind_the_alias():
    rest = FUNCTIONS["RestApiFunction"]
    assert rest["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert rest["AutoPublishAlias"] == "live" and rest["AutoPublishAliasAllProperties"] is True
    assert RESOURCES["CommonLayer"]["Properties"]["PublishLambdaVersion"] is True


def parameters_in(value: Any) -> set[str]:
    """The template's parameters that a value is made of."""
    if isinstance(value, dict):
        named = {value["Ref"]} if "Ref" in value else set()
        if "Fn::If" in value:
            named |= parameters_in(TEMPLATE["Conditions"][value["Fn::If"][0]])
        nested = set().union(*map(parameters_in, value.values()))
        return (named & TEMPLATE["Parameters"].keys()) | nested
    if isinstance(value, list):
        return set().union(*map(parameters_in, value))
    return set(re.findall(r"\$\{(\w+)\}", str(value))) & TEMPLATE["Parameters"].keys()


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


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one(queue: str):
    none = {"Ref": "AWS::NoValue"}
    assert QUEUES[queue]["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", none, True]}
    assert QUEUES[queue]["KmsMasterKeyId"] == {"Fn::If": ["HasKey", {"Ref": "KeyArn"}, none]}
    assert ("RedrivePolicy" in QUEUES[queue]) != (queue in dead_letter_queues())


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_watched(queue: str):
    name = [{"Name": "QueueName", "Value": name_of(queue)}]
    assert name in [alarm.get("Dimensions") for alarm in alarms().values()]


def watched_metrics() -> set[tuple[str, str, str]]:
    """The alarms that watch a metric, its name, and the function that counts it, for Parley's own metrics."""
    found = set()
    for name, alarm in alarms().items():
        metrics = [entry.get("MetricStat", {}).get("Metric", {}) for entry in alarm.get("Metrics", [])]
        for metric in metrics or [alarm]:
            if metric.get("Namespace") == {"Fn::Sub": "Parley/${AWS::StackName}"}:
                (service,) = (one["Value"] for one in metric["Dimensions"] if one["Name"] == "service")
                found.add((name, metric["MetricName"], service))
    return found


def shown_metrics() -> set[tuple[str, str]]:
    """The names of Parley's own metrics on the dashboard, with the function that counts each."""
    body = nested("Watch")["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found = set()
    for widget in json.loads(body)["widgets"]:
        before: list[Any] = []
        for line in widget["properties"]["metrics"]:
            said = [part for part in line if not isinstance(part, dict)]
            if said[0] == "...":
                said = before[: len(before) - len(said) + 1] + said[1:]
            before = [before[place] if part == "." else part for place, part in enumerate(said)]
            if before[0].startswith("Parley/"):
                found.add((before[1], before[3]))
    return found


COUNTED = {(metric.name, function) for metric in METRICS for function in metric.functions.split()}


def test_alarms_and_the_dashboard_name_metrics_that_the_functions_count():
    assert {(name, function) for _, name, function in watched_metrics()} <= COUNTED
    assert shown_metrics() <= COUNTED and len(shown_metrics()) > 10


@pytest.mark.parametrize(
    ("alarm", "metric"), [("DroppedPushesAlarm", "PushesDropped"), ("TableThrottlesAlarm", "TableThrottles")]
)
def test_an_alarm_watches_every_function_that_counts_its_metric(alarm: str, metric: str):
    watched = {function for name, _, function in watched_metrics() if name == alarm}
    assert watched == {function for name, function in COUNTED if name == metric}


def test_slow_answers_errors_on_sockets_and_changes_that_wait_raise_alarms():
    simple = {(alarm.get("MetricName"), alarm.get("ExtendedStatistic")) for alarm in alarms().values()}
    assert {("Latency", "p99"), ("IteratorAge", None), ("5XXError", None)} <= simple
    sockets = {
        entry["MetricStat"]["Metric"]["MetricName"]
        for entry in alarms()["SocketErrorsAlarm"]["Metrics"]
        if "MetricStat" in entry
    }
    assert sockets == {"ExecutionError", "IntegrationError", "ServerErrors"}


def test_the_page_about_costs_counts_the_metrics_that_alarms_watch():
    page = (ROOT / "docs/cost.md").read_text()
    watched = {True: 0, False: 0}
    for name, alarm in alarms().items():
        metrics = sum("MetricStat" in one for one in alarm.get("Metrics", []))
        watched[nested("Watch")[name].get("Condition") == "HasPhones"] += max(1, metrics)
    assert f"| alarms: {watched[False]} metrics, $0.10 each | ${watched[False] / 10:.2f} |" in page
    more = f"alarms over {watched[True]} more metrics, $0.10 each | ${watched[True] / 10:.2f} |"
    assert f"| with `Phones`: {more}" in page


def test_the_price_of_a_stack_that_nobody_uses_is_the_sum_of_its_parts():
    page = (ROOT / "docs/cost.md").read_text().partition("## A stack that nobody uses")[2]
    parts = re.findall(r"^\| (.*) \| \$(\d+\.\d\d) \|$", page, re.MULTILINE)
    total = sum(float(price) for part, price in parts if not part.startswith("with "))
    assert f"Together that is some ${total:.0f}," in page
    assert f"[${total:.0f} a month]" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", alarms())
def test_an_alarm_tells_somebody_what_to_think_of_it(name: str):
    assert alarms()[name]["AlarmDescription"] and alarms()[name]["TreatMissingData"] == "notBreaching"
    assert f"`{name}`" in (ROOT / "docs/operating.md").read_text(), "docs/operating.md says what to do"
    assert alarms()[name]["AlarmActions"]["Fn::If"][0] == "HasAlarmTarget"


@pytest.mark.parametrize("queue", sorted(dead_letter_queues()))
def test_a_dead_letter_queue_keeps_messages_as_long_as_possible_and_raises_an_alarm(queue: str):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600
    watched = [alarm.get("Dimensions") for alarm in alarms().values()]
    assert [{"Name": "QueueName", "Value": name_of(queue)}] in watched


@pytest.mark.parametrize("key", QUEUE_MAPPINGS, ids=".".join)
def test_a_queue_hides_what_is_being_worked_on_for_six_times_the_time_out(key: tuple[str, str]):
    queue = queue_of(QUEUE_MAPPINGS[key]["Queue"])
    assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS[key[0]]["Timeout"]


def test_the_stream_has_exactly_two_readers():
    assert sorted(function for function, _ in STREAM_MAPPINGS) == ["FanOutFunction", "WebhooksFunction"]
    assert {tuple(own(spec["Stream"])["Fn::GetAtt"]) for spec in STREAM_MAPPINGS.values()} == {("Table", "StreamArn")}
    assert of_type("AWS::Lambda::EventSourceMapping") == {}


@pytest.mark.parametrize(
    ("function", "expected"), [("FanOutFunction", FAN_OUT_SORT_KEYS), ("WebhooksFunction", WEBHOOKS_SORT_KEYS)]
)
def test_a_stream_function_gets_new_images_of_announced_kinds_only(function: str, expected: set[str]):
    names, keys = sort_keys(STREAM_MAPPINGS[(function, "Changes")])
    assert names == ["INSERT", "MODIFY"]
    assert keys == expected


def test_stream_functions_also_get_unused_numbers_receipts_replays_tombstones_and_files_that_are_gone():
    unused = {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "CHG#"}]}}, "NewImage": {"kind": {"S": ["nothing"]}}},
    }
    others = {function: filters(mapping)[1:] for (function, _), mapping in STREAM_MAPPINGS.items()}
    tombstones = {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"deleted_at": {"N": [{"exists": True}]}}}}
    receipts = {"eventName": ["MODIFY"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "RECEIPT#"}]}}}}
    replays = {
        "eventName": ["INSERT"],
        "dynamodb": {
            "Keys": {"sk": {"S": [{"prefix": "WEBHOOK#"}]}},
            "NewImage": {"replay_until": {"N": [{"exists": True}]}},
        },
    }
    files = {"eventName": ["REMOVE"], "dynamodb": {"Keys": {"sk": {"S": ["MEDIA"]}}}}
    assert others == {"FanOutFunction": [unused], "WebhooksFunction": [receipts, replays, tombstones, files]}


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_a_mapping_has_no_more_filters_than_an_account_may_have(key: tuple[str, str]):
    """Five, unless AWS is asked for more: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html."""
    assert len(filters(STREAM_MAPPINGS[key])) <= 5


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_a_poison_record_holds_the_stream_up_for_a_limited_time(key: tuple[str, str]):
    mapping = STREAM_MAPPINGS[key]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] <= 24 * 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["ParallelizationFactor"] == 1


@pytest.mark.parametrize("key", MAPPINGS, ids=".".join)
def test_every_batch_is_answered_record_by_record(key: tuple[str, str]):
    assert MAPPINGS[key]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


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


def test_a_domain_name_of_your_own_is_in_every_url_that_is_shown_and_pushes_go_past_it():
    named = Template(
        ROOT / "template.yaml",
        stack_uuid=str(uuid.UUID(int=0)),
        parameters={"RestDomain": "chat.example.com", "SocketDomain": "sockets.example.com"},
    )
    shown = {name: named.resolve(TEMPLATE["Outputs"][name]["Value"]) for name in ("RestUrl", "SocketUrl")}
    assert shown == {"RestUrl": "https://chat.example.com", "SocketUrl": "wss://sockets.example.com"}
    for function in FUNCTIONS:
        settings = environment(function)
        assert named.resolve(settings.get("PARLEY_REST_URL", shown["RestUrl"])) == shown["RestUrl"]
        assert "execute-api" in named.resolve(settings.get("PARLEY_CONNECTIONS_URL", "execute-api"))


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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_as_often_at_a_time_as_its_parameter_allows(function: str):
    limit = f"{function.removesuffix('Function')}Concurrency"
    condition, given, none = FUNCTIONS[function]["ReservedConcurrentExecutions"]["Fn::If"]
    assert parameters_in(TEMPLATE["Conditions"][condition]) == {limit}
    assert (given, none) == ({"Ref": limit}, {"Ref": "AWS::NoValue"})


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


@pytest.mark.parametrize(("function", "tick"), sorted(SCHEDULES))
def test_nobody_repeats_a_failed_tick(function: str, tick: str):
    never = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert FUNCTIONS[function]["EventInvokeConfig"] == never
    assert FUNCTIONS[function]["Events"][tick]["Properties"]["RetryPolicy"] == never


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


def test_the_function_gets_every_body_as_the_bytes_that_were_sent():
    assert RESOURCES["RestApi"]["Properties"]["BinaryMediaTypes"] == ["*/*"]


def test_a_ping_is_answered_without_a_function():
    routes = of_type("AWS::ApiGatewayV2::Route")
    assert [spec["RouteKey"] for spec in routes.values()] == ["ping"]
    assert RESOURCES["PingIntegration"]["Properties"]["IntegrationType"] == "MOCK"
    assert RESOURCES["PingRouteResponse"]["Properties"]["RouteId"] == {"Ref": "PingRoute"}
    (reply,) = RESOURCES["PingIntegrationResponse"]["Properties"]["ResponseTemplates"].values()
    assert json.loads(reply) == {"action": "pong"}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "requirements").iterdir()))
def test_every_requirement_is_pinned(name: str):
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    requirements = [
        line.removesuffix(" \\") for line in lines if line and not line.startswith(("#", "-r ", "    --hash="))
    ]
    assert [line for line in requirements if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_the_layer_is_built_from_the_pins_of_the_runtime_and_from_nothing_but_the_files_whose_hashes_are_known():
    """`python -m tools.pins` writes the file."""
    layer = (ROOT / "requirements/layer.txt").read_text()
    assert pins(ROOT / "requirements/layer.txt") == pins(ROOT / "requirements/runtime.txt")
    assert all("--hash=sha256:" in part for part in re.split(r"\n(?=[\w.-]+==)", layer)[1:])
    makefile = (ROOT / "layers/common/Makefile").read_text()
    assert "--require-hashes" in makefile and "requirements/layer.txt" in makefile
    assert "://" not in layer


def test_a_request_that_the_table_never_answers_ends_before_every_functions_time_out() -> None:
    """botocore made four attempts of twelve seconds each, so every function timed out before the last one."""
    shortest = min(properties["Timeout"] for properties in FUNCTIONS.values())
    assert shortest - 1 > patience.LONGEST_REQUEST_SECONDS
    assert patience.PATIENCE_SECONDS + patience.ATTEMPT_SECONDS < patience.LONGEST_REQUEST_SECONDS
    limits = patience.CLIENT_CONFIG
    assert limits["attempts"] == 1
    assert limits["connect_seconds"] + limits["read_seconds"] == patience.ATTEMPT_SECONDS
