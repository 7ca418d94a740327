"""The template against what the code, the samples in `events/` and the promises in `docs/` rely on."""

from __future__ import annotations

import dataclasses
import json
import re
import string
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.template.intrinsics import read
from local.template.template import Template
from parley.settings import Settings
from parley.sockets.events import EVENTS
from parley.store import patience
from parley.store.changes import SORT_KEYS
from parley.webhooks.families import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = read(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
NESTED: dict[str, dict[str, Any]] = {
    f"templates/{path.name}": read(path) for path in sorted((ROOT / "templates").iterdir())
}

INLINE_LIMIT_BYTES = 51_200
ONLY_WATCHES = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::SNS::Topic"}
ONLY_SERVES_THE_CONSOLE: set[str] = set()
MAY_HOLD = {"templates/watch.yaml": ONLY_WATCHES, "templates/console.yaml": ONLY_SERVES_THE_CONSOLE}

NOT_FROM_SETTINGS = {"POWERTOOLS_SERVICE_NAME"}
NEEDS_A_WILDCARD = re.compile(r"\$\{SocketApi\}/\$\{Stage\}/(POST|DELETE)/@connections/\*$")
API_GATEWAY_PATIENCE_SECONDS = 29
FAN_OUT_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "INVITE#"}
WEBHOOKS_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "SERVICE#"}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: spec.get("Properties", {}) for name, spec in RESOURCES.items() if spec["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
STACKS = {spec["TemplateURL"]: spec for spec in of_type("AWS::CloudFormation::Stack").values()}
QUEUES = of_type("AWS::SQS::Queue")
LOG_GROUPS = of_type("AWS::Logs::LogGroup")
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


def role_of(function: str) -> dict[str, Any]:
    role, attribute = FUNCTIONS[function]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return RESOURCES[role]["Properties"]


def statements(function: str) -> list[dict[str, Any]]:
    return [
        statement for policy in role_of(function)["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def environment(function: str) -> dict[str, Any]:
    return {
        **GLOBALS.get("Environment", {}).get("Variables", {}),
        **FUNCTIONS[function].get("Environment", {}).get("Variables", {}),
    }


def dead_letter_queues() -> set[str]:
    redrives = [spec["RedrivePolicy"]["deadLetterTargetArn"] for spec in QUEUES.values() if "RedrivePolicy" in spec]
    failures = [spec["DestinationConfig"]["OnFailure"]["Destination"] for spec in STREAM_MAPPINGS.values()]
    return {target["Fn::GetAtt"][0] for target in redrives + failures}


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
    """Every alarm, with the template's own names where the nested template has its parameters."""

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Ref"} and value["Ref"] in given:
            return given[value["Ref"]]
        return {key: named(item) for key, item in value.items()}

    given = STACKS["templates/watch.yaml"]["Parameters"]
    return {
        name: named(spec["Properties"])
        for name, spec in NESTED["templates/watch.yaml"]["Resources"].items()
        if spec["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.mark.parametrize("name", ["template.yaml", *NESTED])
def test_a_template_is_small_enough_to_be_given_to_cloudformation_as_it_is(name: str):
    assert (ROOT / name).stat().st_size < INLINE_LIMIT_BYTES


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_template_holds_nothing_that_runs(name: str):
    """The local runtime reads template.yaml alone, so what runs must be there."""
    assert {spec["Type"] for spec in NESTED[name]["Resources"].values()} <= MAY_HOLD[name]
    assert "Transform" not in NESTED[name], "only template.yaml is translated by SAM"


def test_what_only_watches_is_not_among_what_runs():
    assert not {spec["Type"] for spec in RESOURCES.values()} & (ONLY_WATCHES | ONLY_SERVES_THE_CONSOLE)


def test_every_nested_template_is_deployed_with_all_of_its_parameters():
    assert NESTED.keys() == STACKS.keys()
    for name, stack in STACKS.items():
        assert stack["Parameters"].keys() == NESTED[name]["Parameters"].keys()


@pytest.mark.parametrize("name", NESTED)
def test_nothing_that_runs_needs_a_nested_template(name: str):
    (stack,) = (key for key, spec in RESOURCES.items() if spec["Properties"].get("TemplateURL") == name)
    mentions = re.compile(rf'"{stack}["."]')
    running = {key: spec for key, spec in RESOURCES.items() if spec["Type"] != "AWS::CloudFormation::Stack"}
    assert not mentions.search(json.dumps([running, GLOBALS]))


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


def test_every_function_has_a_role_of_its_own_without_managed_policies():
    roles = [FUNCTIONS[function]["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS]
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
def test_no_setting_resolves_a_secret_or_lets_webhooks_reach_the_machine_itself(function: str):
    assert "resolve:" not in json.dumps(environment(function))
    assert "PARLEY_WEBHOOK_ALLOW_LOOPBACK" not in environment(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_under_its_own_name_to_a_group_that_it_may_write(function: str):
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    assert LOG_GROUPS[group]["LogGroupName"]["Fn::Sub"] == "/${AWS::StackName}/" + folder(function)
    assert environment(function)["POWERTOOLS_SERVICE_NAME"] == folder(function)
    assert {"Fn::GetAtt": [group, "Arn"]} in [statement["Resource"] for statement in statements(function)]


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


def test_the_layer_describes_every_aws_service_that_the_code_makes_a_client_for():
    (kept,) = re.findall(r"^SERVICES = (.*)$", (ROOT / "layers/common/Makefile").read_text(), re.MULTILINE)
    sources = [*(ROOT / "layers/common/python").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    made = {
        name
        for source in sources
        for name in re.findall(r"(?:create_)?client\(\s*[\"']([a-z0-9-]+)[\"']", source.read_text())
    }
    assert made <= set(kept.split())


def test_a_change_to_the_layer_publishes_a_version_behind_the_alias():
    rest = FUNCTIONS["RestApiFunction"]
    assert rest["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert rest["AutoPublishAlias"] == "live" and rest["AutoPublishAliasAllProperties"] is True
    assert RESOURCES["CommonLayer"]["Properties"]["PublishLambdaVersion"] is True


def parameters_in(value: Any) -> set[str]:
    """The template's parameters that a value is made of."""
    if isinstance(value, dict):
        named = {value["Ref"]} if "Ref" in value else set()
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
    "ActionsPerSecond": "999999",
    "GroupMessages": "false",
    "LogLevel": "ERROR",
    "PhoneNumbers": ",".join(["+999999999999999"] * 10),
    "WhatsAppSenders": ",".join(["whatsapp:+999999999999999"] * 4),
}


def test_exactly_the_parameters_that_make_the_settings_of_a_published_version_stand_in_the_descriptions():
    """CloudFormation makes a version when its description changes, and fails if nothing else has changed.

    Another description of the layer makes another version of the layer, which the description of the version names.
    """
    layer, function = RESOURCES["CommonLayer"]["Properties"], FUNCTIONS["RestApiFunction"]
    described = parameters_in([layer["Description"], function["VersionDescription"]])
    others = [value for name, value in function.items() if name != "VersionDescription"]
    assert parameters_in([GLOBALS, *others]) == described == LONGEST.keys()
    assert {"Ref": "CommonLayer"} in function["VersionDescription"]["Fn::Join"][1][0]["Fn::Select"][1]["Fn::Split"]


@pytest.mark.parametrize(
    ("parameter", "other"),
    [
        ("ActionsPerSecond", "5"),
        ("GroupMessages", "true"),
        ("LogLevel", "WARN"),
        ("PhoneNumbers", "+12025550143"),
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
    assert allowed == own_queues == {"WebhooksFunction"}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one(queue: str):
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True
    assert ("RedrivePolicy" in QUEUES[queue]) != (queue in dead_letter_queues())


@pytest.mark.parametrize("queue", sorted(dead_letter_queues()))
def test_a_dead_letter_queue_keeps_messages_as_long_as_possible_and_raises_an_alarm(queue: str):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600
    watched = [alarm.get("Dimensions") for alarm in alarms().values()]
    assert [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}] in watched


@pytest.mark.parametrize("key", QUEUE_MAPPINGS, ids=".".join)
def test_a_queue_hides_what_is_being_worked_on_for_six_times_the_time_out(key: tuple[str, str]):
    queue = QUEUE_MAPPINGS[key]["Queue"]["Fn::GetAtt"][0]
    assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS[key[0]]["Timeout"]


def test_the_stream_has_exactly_two_readers():
    assert sorted(function for function, _ in STREAM_MAPPINGS) == ["FanOutFunction", "WebhooksFunction"]
    assert {tuple(spec["Stream"]["Fn::GetAtt"]) for spec in STREAM_MAPPINGS.values()} == {("Table", "StreamArn")}
    assert of_type("AWS::Lambda::EventSourceMapping") == {}


@pytest.mark.parametrize(
    ("function", "expected"), [("FanOutFunction", FAN_OUT_SORT_KEYS), ("WebhooksFunction", WEBHOOKS_SORT_KEYS)]
)
def test_a_stream_function_gets_new_images_of_announced_kinds_only(function: str, expected: set[str]):
    names, keys = sort_keys(STREAM_MAPPINGS[(function, "Changes")])
    assert names == ["INSERT", "MODIFY"]
    assert keys == expected


def test_stream_functions_also_get_unused_numbers_receipts_that_change_webhooks_with_replays_and_tombstones():
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
    assert others == {"FanOutFunction": [unused], "WebhooksFunction": [receipts, replays, tombstones]}


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


def test_a_ping_is_answered_without_a_function():
    routes = of_type("AWS::ApiGatewayV2::Route")
    assert [spec["RouteKey"] for spec in routes.values()] == ["ping"]
    assert RESOURCES["PingIntegration"]["Properties"]["IntegrationType"] == "MOCK"
    assert RESOURCES["PingRouteResponse"]["Properties"]["RouteId"] == {"Ref": "PingRoute"}
    (reply,) = RESOURCES["PingIntegrationResponse"]["Properties"]["ResponseTemplates"].values()
    assert json.loads(reply) == {"action": "pong"}


@pytest.mark.parametrize("name", ["runtime", "dev", "sam"])
def test_every_requirement_is_pinned(name: str):
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert [line for line in requirements if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_a_request_that_the_table_never_answers_ends_before_every_functions_time_out() -> None:
    """botocore made four attempts of twelve seconds each, so every function timed out before the last one."""
    shortest = min(properties["Timeout"] for properties in FUNCTIONS.values())
    assert shortest - 1 > patience.LONGEST_REQUEST_SECONDS
    assert patience.PATIENCE_SECONDS + patience.ATTEMPT_SECONDS < patience.LONGEST_REQUEST_SECONDS
    assert patience.CLIENT_CONFIG["retries"]["total_max_attempts"] == 1
    assert (
        patience.CLIENT_CONFIG["connect_timeout"] + patience.CLIENT_CONFIG["read_timeout"] == patience.ATTEMPT_SECONDS
    )
