"""The reader of `template.yaml`, on the fixture template and on the project's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.home import REPOSITORY
from local.template.bound import BoundTemplate
from local.template.intrinsics import Physical, TemplateError
from local.template.template import Template
from tests.local.conftest import FIXTURES, STREAM_ARN, TEMPLATE, UUID, bound_template


def template_of(tmp_path: Path, text: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return Template(path, UUID)


def test_a_table_is_created_with_keys_stream_and_ttl():
    (table,) = Template(TEMPLATE, UUID).tables()
    assert table.name == "parley-Table"
    assert table.ttl_attribute == "expires_at"
    assert table.definition == {
        "TableName": "parley-Table",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def test_a_queue_knows_its_dead_letter_queue():
    queues = {queue.logical_id: queue for queue in Template(TEMPLATE, UUID).queues()}
    assert queues["WorkQueue"].attributes == {"VisibilityTimeout": "1"}
    assert queues["WorkQueue"].redrive == {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:parley-WorkDeadLetterQueue",
        "maxReceiveCount": 2,
    }


def test_a_bucket_has_a_name_in_lower_case_and_its_cors_rules_in_the_words_of_s3():
    (bucket,) = Template(TEMPLATE, UUID).buckets()
    assert bucket.name == "parley-files"
    (rule,) = bucket.cors
    assert rule["AllowedMethod"] == ["GET", "PUT"]
    assert rule["ExposeHeader"] == ["ETag"]
    assert rule["MaxAgeSeconds"] == 60


def test_a_resource_whose_condition_does_not_hold_is_left_out():
    assert "Never" not in {queue.logical_id for queue in Template(TEMPLATE, UUID).queues()}


def test_a_function_gets_its_own_and_the_common_environment():
    function = bound_template().functions({"ADDED": "1"}, {})["RestFunction"]
    assert function.environment["PARLEY_TABLE"] == "parley-Table"
    assert function.environment["ACCOUNT"] == "AC6ba7b8109dad11d180b400c04fd430c8"
    assert function.environment["TOKEN_SECRET"].endswith(":secret:token")
    assert function.environment["ADDED"] == "1"
    assert function.directory == FIXTURES / "functions/rest"
    assert (function.timeout_seconds, function.memory_megabytes, function.handler) == (5, 256, "app.handler")


def test_addresses_of_api_gateway_become_local_ones():
    replacements = {
        "https://restapi.execute-api.us-east-1.amazonaws.com/test": "http://127.0.0.1:1",
        "https://socketapi.execute-api.us-east-1.amazonaws.com": "http://127.0.0.1:1/_aws",
    }
    environment = bound_template().functions({}, replacements)["RestFunction"].environment
    assert environment["REST_URL"] == "http://127.0.0.1:1"
    assert environment["CONNECTIONS_URL"] == "http://127.0.0.1:1/_aws/test"


def test_a_stream_mapping_is_read_with_all_its_limits():
    (mapping,) = bound_template().stream_mappings()
    assert (mapping.function, mapping.stream_arn) == ("ChangesFunction", STREAM_ARN)
    assert (mapping.batch_size, mapping.retries, mapping.maximum_age_seconds) == (10, 1, 3600)
    assert mapping.bisects
    assert mapping.reports_failures
    assert not mapping.from_now_on
    assert mapping.failure_queue_arn.endswith(":parley-FailureQueue")
    assert mapping.patterns == [{"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "item"}]}}}}]


def test_a_queue_mapping_is_read():
    (mapping,) = bound_template().queue_mappings()
    assert (mapping.function, mapping.batch_size, mapping.maximum_concurrency) == ("ChangesFunction", 10, 2)
    assert mapping.reports_failures
    assert mapping.queue_arn.endswith(":parley-WorkQueue")


def test_routes_know_their_function_their_reply_and_whether_they_reply():
    api = bound_template().socket_api()
    assert api.selection == "$request.body.action"
    assert set(api.routes) == {"$connect", "$disconnect", "$default", "mute", "ping"}
    assert (api.routes["$default"].function, api.routes["$default"].replies) == ("SocketFunction", True)
    assert not api.routes["mute"].replies, "it has a selection expression, but no route response"
    assert (api.routes["ping"].reply, api.routes["ping"].replies) == ('{"action":"pong"}', True)


def test_an_unknown_intrinsic_function_is_refused(tmp_path: Path):
    template = template_of(tmp_path, "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Cidr x}}")
    with pytest.raises(TemplateError, match="Fn::Cidr"):
        template.queues()


def test_an_unknown_name_is_refused(tmp_path: Path):
    template = template_of(
        tmp_path, "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Nobody}}"
    )
    with pytest.raises(TemplateError, match="Nobody"):
        template.queues()


def test_a_setting_that_cannot_be_carried_out_is_refused_and_not_ignored(tmp_path: Path):
    text = TEMPLATE.read_text().replace("BatchSize: 10\n", "BatchSize: 10\n            ParallelizationFactor: 4\n", 1)
    bound = BoundTemplate(template_of(tmp_path, text), {"Table": Physical("t", {"StreamArn": "s"})})
    with pytest.raises(TemplateError, match="ParallelizationFactor"):
        bound.stream_mappings()


def test_intrinsic_functions_are_carried_out(tmp_path: Path):
    text = """
Parameters: {Size: {Type: String, Default: big}}
Conditions:
  IsBig: !Equals [!Ref Size, big]
  IsSmall: !Not [!Condition IsBig]
  IsBoth: !And [!Condition IsBig, !Condition IsSmall]
  IsEither: !Or [!Condition IsBig, !Condition IsSmall]
Mappings: {Sizes: {big: {seconds: 9}}}
Resources: {}
"""
    template = template_of(tmp_path, text)
    assert template.resolve({"Fn::If": ["IsBig", {"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "seconds"]}, 1]}) == 9
    assert template.resolve({"Fn::If": ["IsBoth", 1, 2]}) == 2
    assert template.resolve({"Fn::If": ["IsEither", 1, 2]}) == 1
    assert template.resolve({"Fn::Sub": ["${A}-${Size}-${!B}-${AWS::Region}", {"A": "x"}]}) == "x-big-${B}-us-east-1"
    assert template.resolve({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}) == {"b": [1]}
    assert template.resolve({"Fn::Select": ["1", {"Fn::Split": ["/", "a/b/c"]}]}) == "b"


def test_the_projects_own_template_is_understood_as_a_whole():
    template = Template(REPOSITORY / "template.yaml", UUID)
    arns = {name: Physical(f"arn:{name}", {"StreamArn": "arn:stream"}) for name in ("AuthToken", "KeyRing")}
    bound = BoundTemplate(template, {**arns, "Table": Physical("parley-Table", {"StreamArn": "arn:stream"})})
    functions = bound.functions({}, {})
    assert {function.directory.name for function in functions.values()} == {
        "rest_api",
        "ws_connect",
        "ws_message",
        "push",
        "ws_disconnect",
        "fan_out",
        "webhooks",
    }
    assert all((function.directory / "app.py").is_file() for function in functions.values())
    assert {mapping.function for mapping in bound.stream_mappings()} == {"FanOutFunction", "WebhooksFunction"}
    assert {mapping.function for mapping in bound.queue_mappings()} == {"PushFunction", "WebhooksFunction"}
    assert bound.rest_api().function == "RestApiFunction"
    assert set(bound.socket_api().routes) == {"$connect", "$disconnect", "$default", "ping"}


def test_queues_and_topics_of_a_nested_template_that_runs_stand_beside_the_templates_own():
    template = Template(REPOSITORY / "template.yaml", UUID, {"Phones": "true"})
    assert {"WorkQueue", "CarrierQueue", "CarrierInbound"} <= {queue.logical_id for queue in template.queues()}
    assert [topic.name for topic in template.topics()] == ["parley-PhonesInbound", "parley-PhonesReceipts"]
    assert {
        (one.topic_arn.rpartition(":")[2], one.queue_arn.rpartition(":")[2]) for one in template.subscriptions()
    } == {
        ("parley-PhonesInbound", "parley-CarrierInbound"),
        ("parley-PhonesReceipts", "parley-CarrierReceipts"),
    }


def test_without_its_condition_a_nested_template_is_not_read():
    template = Template(REPOSITORY / "template.yaml", UUID, {"Phones": "false"})
    assert "CarrierQueue" not in {queue.logical_id for queue in template.queues()}
    assert template.topics() == template.subscriptions() == []


def test_a_setting_gets_an_output_of_a_nested_template_as_its_resource_was_made():
    template = Template(REPOSITORY / "template.yaml", UUID, {"Phones": "true"})
    made = {name: Physical(f"made-{name}", {}) for name in ("AuthToken", "KeyRing", "MediaBucket")}
    url = "http://127.0.0.1:4566/000000000000/parley-CarrierQueue.fifo"
    queues = {queue.logical_id: Physical(queue.name, {"Arn": queue.name}) for queue in template.queues()}
    bound = BoundTemplate(template, {**queues, **made, "CarrierQueue": Physical(url, {"Arn": "arn:texts"})})
    settings = {name: function.environment for name, function in bound.functions({}, {}).items()}
    assert settings["CarriersFunction"]["PARLEY_TEXT_QUEUE_URL"] == url
    assert settings["WebhooksFunction"]["PARLEY_TEXT_QUEUE_URL"] == url
    assert "arn:texts" in {mapping.queue_arn for mapping in bound.queue_mappings()}
    assert bound.outputs()["TextsConfigurationSet"] == "parley-phones"
    assert "DashboardUrl" not in bound.outputs()
