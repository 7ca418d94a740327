"""The commands on a deployed stack: CloudFormation and all else that AWS has are MiniStack's, both APIs a local stack's."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from cli import place
from cli.deployed import DeployedStack
from cli.main import main
from cli.trouble import Trouble
from local.emulators.engine import free_port, wait_for_answer
from local.process import processes
from local.stack.running import Stack
from parley.keyring import AuthTokens
from tests.architecture.declared import RESOURCES, TEMPLATE, nested
from tests.cli.conftest import Run, keys, rest_of, services
from tests.cli.test_access import session
from tests.cli.test_commands import aws_at
from tests.cli.test_doctor import HEALTHY, found, outcomes

REGION = "eu-west-1"
SERVICES = "cloudformation,cloudwatch,dynamodb,iam,logs,monitoring,s3,secretsmanager,sns,sqs,sts"
LOG_GROUPS = {"rest_api": "RestApiLogGroup", "webhooks": "WebhooksLogGroup", "rest_api_access": "RestApiAccessLogGroup"}
QUEUES = ("DeliveryQueue", "WorkQueue", "DeliveryDeadLetterQueue", "WorkDeadLetterQueue")
QUEUES += ("PushQueue", "PushDeadLetterQueue", "FanOutFailureQueue", "WebhooksFailureQueue")


def alarms(stack: str, *names: str) -> dict[str, Any]:
    """Resources of alarms."""
    watching = {"Namespace": "AWS/SQS", "MetricName": "x", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    watching |= {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
    return {
        name: {"Type": "AWS::CloudWatch::Alarm", "Properties": {**watching, "AlarmName": f"{stack}-Watch-{name}-1"}}
        for name in names
    }


def declared(stack: str, info: dict[str, Any], watch_url: str) -> dict[str, Any]:
    """The part of template.yaml that the commands look at."""
    queue = {"Type": "AWS::SQS::Queue"}
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }
    resources = {
        "Table": table,
        "AuthToken": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": info["auth_token"]}},
        "Watch": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": watch_url}},
        **dict.fromkeys(QUEUES, queue),
        **{
            f"{name}LogGroup": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": f"/parley/{stack}/{name}"},
            }
            for name in LOG_GROUPS
        },
    }
    outputs = {
        "RestUrl": info["rest_url"],
        "SocketUrl": info["ws_url"],
        "AccountSid": info["account_sid"],
        "ConsoleUrl": "https://console.example",
        "TableName": {"Ref": "Table"},
    }
    return {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of everything in AWS that the commands ask."""
    folder, port = tmp_path_factory.mktemp("aws"), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    environment |= {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "DOCKER_HOST": f"unix://{folder}/no-docker"}
    environment |= {"SERVICES": SERVICES, "TMPDIR": str(folder), "LOG_LEVEL": "WARNING"}
    log = folder / "ministack.log"
    child = processes.spawn([sys.executable, "-m", "ministack"], log, environment)
    wait_for_answer(child, port, "/_ministack/health", log)
    yield f"http://127.0.0.1:{port}"
    processes.stop(child, 5)


class Cloud:
    """An account in AWS, and the name of a stack that nobody else has."""

    def __init__(self, endpoint: str) -> None:
        self.name = f"chat{uuid.uuid4().hex[:8]}"
        self.options = ("--stack", self.name, "--region", REGION)
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **keys)

    def deploy(self, template: dict[str, Any], **stack: str) -> None:
        given = {"StackName": self.name, **stack}
        self.client("cloudformation").create_stack(TemplateBody=json.dumps(template), **given)
        self.client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName=given["StackName"], WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
        )

    def physical(self, logical_id: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def ring(self, alarm: str) -> None:
        """Put an alarm on."""
        name = f"{self.name}-Watch-{alarm}-1"
        self.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    def log(self, function: str, *messages: str) -> None:
        """Have a function log lines."""
        logs, group, stream = self.client("logs"), f"/parley/{self.name}/{function}", f"{time.time_ns()}"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def tokens(self) -> AuthTokens:
        """What the secret holds."""
        held = self.client("secretsmanager").get_secret_value(SecretId=self.physical("AuthToken"))
        return AuthTokens.read(held["SecretString"])


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account on which the commands work."""
    aws_at(monkeypatch, endpoint)
    return Cloud(endpoint)


@pytest.fixture
def deployed(cloud: Cloud, stack: Stack) -> Stack:
    """A deployed stack whose APIs are the shared stack's."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=cloud.name, CreateBucketConfiguration={"LocationConstraint": REGION})
    watch = {"Resources": alarms(cloud.name, "ErrorsAlarm", "DeliveryDeadLetterAlarm")}
    s3.put_object(Bucket=cloud.name, Key="watch", Body=json.dumps(watch))
    url = f"{cloud.endpoint}/{cloud.name}/watch"
    cloud.deploy(declared(cloud.name, stack.info, url))
    return stack


def test_the_fake_has_what_the_template_declares():
    """Else the commands would look for what no deployed stack has."""
    fake = declared("", {"rest_url": "", "ws_url": "", "account_sid": "", "auth_token": ""}, "")
    for name, resource in fake["Resources"].items():
        declaring = {**RESOURCES, **nested("Logs")}
        real = declaring[LOG_GROUPS.get(name.removesuffix("LogGroup"), name)]
        assert real["Type"] == resource["Type"]
    assert set(fake["Outputs"]) <= set(TEMPLATE["Outputs"])
    for function, name in LOG_GROUPS.items():
        assert function in str(nested("Logs")[name]["Properties"]["LogGroupName"])


def test_every_queue_of_the_template_is_counted():
    resources = {**RESOURCES, **nested("Telephony")}.items()
    declared_queues = {name for name, resource in resources if resource["Type"] == "AWS::SQS::Queue"}
    assert set(place.QUEUES) == declared_queues
    given_up = {name for name in declared_queues if "DeadLetter" in name or "Failure" in name}
    assert set(place.GIVEN_UP) == given_up


def test_credentials_come_from_outputs_and_the_secret(parley: Run, cloud: Cloud, deployed: Stack):
    facts = parley(*cloud.options, "credentials", "--show-secrets", "--json").json
    assert facts == {
        "rest_url": deployed.info["rest_url"],
        "socket_url": deployed.info["ws_url"],
        "console_url": "https://console.example/",
        "account_sid": deployed.info["account_sid"],
        "auth_token": deployed.info["auth_token"],
    }


def test_a_token_is_signed_with_a_key_that_ends_with_it(parley: Run, cloud: Cloud, deployed: Stack):
    service = rest_of(deployed).post("/chat/v2/Services", FriendlyName="deployed")["sid"]
    before = keys(deployed)
    ran = parley(*cloud.options, "token", "--identity", "alice", "--service", service, "--ttl", "10m")
    assert session(deployed, ran.out.strip())["identity"] == "alice"
    (made,) = set(keys(deployed)) - set(before)
    assert f"signed with the API key {made}, which ends by itself at " in ran.err


def test_the_console_gets_a_key_that_ends_and_no_auth_token(parley: Run, cloud: Cloud, deployed: Stack):
    ran = parley(*cloud.options, "console", "--ttl", "1h", "--json")
    address = urlsplit(ran.json["console_url"])
    assert (address.netloc, address.path) == ("console.example", "/")
    given = {name: value for name, (value,) in parse_qs(address.fragment).items()}
    assert given.keys() == {"account", "key", "secret"}
    assert given["account"] == deployed.info["account_sid"] and given["key"] == ran.json["key_sid"]
    assert ran.json["ends_at"] > ""


def test_a_stack_without_a_console_says_how_to_get_one(parley: Run, cloud: Cloud, stack: Stack):
    template = declared(cloud.name, stack.info, "")
    del template["Resources"]["Watch"], template["Outputs"]["ConsoleUrl"]
    cloud.deploy(template)
    line = f"parley: the stack {cloud.name} has no console: deploy it with the parameter Console=true\n"
    assert parley(*cloud.options, "console") == (1, "", line)


def test_a_stack_that_is_not_parleys_is_reported(parley: Run, cloud: Cloud):
    cloud.deploy({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    line = f"parley: the stack {cloud.name} has no output 'RestUrl': is it Parley? Its state is CREATE_COMPLETE\n"
    assert parley(*cloud.options, "status") == (1, "", line)


def test_a_stack_that_does_not_exist_is_reported(parley: Run, cloud: Cloud):
    ran = parley(*cloud.options, "status")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(f"parley: there is no stack {cloud.name} in eu-west-1: ") and ran.err.count("\n") == 1


def test_the_status_names_alarms_of_nested_stacks(parley: Run, cloud: Cloud, deployed: Stack):
    cloud.ring("DeliveryDeadLetterAlarm")
    found_ = parley(*cloud.options, "status", "--json").json
    parts = {part["name"]: part["well"] for part in found_["parts"]}
    assert parts == {"stack": True, "ErrorsAlarm": True, "DeliveryDeadLetterAlarm": False}
    assert (found_["stack"], found_["region"]) == (cloud.name, REGION)
    assert len(found_["queues"]) == len(QUEUES)


def test_an_alarm_that_is_on_is_a_warning_of_the_doctor(parley: Run, cloud: Cloud, deployed: Stack, shipped: None):
    cloud.ring("ErrorsAlarm")
    before = services(deployed), keys(deployed)
    ran = parley(*cloud.options, "doctor", "--json")
    assert ran.status == 0, ran.json
    assert found(ran)["alarm"] == ("warning", "ErrorsAlarm is on", "docs/operating.md says what to do.")
    expected = {name: outcome for name, outcome in HEALTHY.items() if name != "processes"} | {"alarm": "warning"}
    assert outcomes(ran) == expected
    assert found(ran)["webhook"][1] == "a message's webhook was sent, and answered with 404"
    assert (services(deployed), keys(deployed)) == before


def test_a_webhook_that_is_not_logged_fails(parley: Run, cloud: Cloud, deployed: Stack):
    ran = parley(*cloud.options, "doctor", "--patience", "1s", "--json")
    outcome, detail, advice = found(ran)["webhook"]
    assert (ran.status, outcome) == (3, "failed")
    assert detail == "no attempt to send a message's webhook was logged in 1 s"
    assert "CloudWatch may be late" in advice


def test_a_webhook_that_the_log_cannot_show_is_skipped(parley: Run, cloud: Cloud, stack: Stack):
    template = declared(cloud.name, stack.info, "")
    del template["Resources"]["Watch"]
    cloud.deploy({**template, "Parameters": {"LogLevel": {"Type": "String", "Default": "ERROR"}}})
    ran = parley(*cloud.options, "doctor", "--json")
    detail = "with LogLevel=ERROR, the attempt to send it is not logged"
    assert (ran.status, found(ran)["webhook"]) == (0, ("skipped", detail, ""))


@pytest.fixture
def shipped(cloud: Cloud, deployed: Stack) -> Iterator[None]:
    """What the local functions log arrives in CloudWatch, a little later."""
    ended = threading.Event()

    def ship() -> None:
        sent = 0
        while not ended.wait(0.1):
            lines = (deployed.home.logs / "pump.log").read_text().splitlines()
            if new := [line for line in lines[sent:] if '"webhook"' in line]:
                cloud.log("webhooks", *new)
            sent = len(lines)

    shipper = threading.Thread(target=ship, daemon=True)
    shipper.start()
    yield
    ended.set()
    shipper.join()


# Logs


def test_an_output_or_parameter_that_a_stack_does_not_have_is_empty(cloud: Cloud, stack: Stack):
    template = declared(cloud.name, stack.info, "")
    del template["Resources"]["Watch"]
    cloud.deploy({**template, "Parameters": {"SmsCountries": {"Type": "String", "Default": "US,CA"}}})
    place = DeployedStack(cloud.name, REGION)
    assert (place.output("RestUrl"), place.output("TextsInboundTopicArn")) == (stack.info["rest_url"], "")
    assert (place.parameter("SmsCountries"), place.parameter("Phones")) == ("US,CA", "")
    assert place.listed("SmsCountries") == ["US", "CA"]


def test_logs_are_found_in_every_group_and_by_the_id_of_a_request(parley: Run, cloud: Cloud, deployed: Stack):
    cloud.log("rest_api", '{"message": "one", "request_id": "r1"}', '{"message": "two", "request_id": "r2"}')
    cloud.log("webhooks", '{"message": "three", "request_id": "r1"}\n')
    shown = [json.loads(line)["message"] for line in parley(*cloud.options, "logs", "--json").out.splitlines()]
    assert sorted(shown) == ["one", "three", "two"]
    shown = [
        json.loads(line)["message"]
        for line in parley(*cloud.options, "logs", "--request", "r1", "--json").out.splitlines()
    ]
    assert sorted(shown) == ["one", "three"]
    ran = parley(*cloud.options, "logs", "--function", "webhooks")
    assert ran.out.count("\n") == 1 and " webhooks " in ran.out and "three" in ran.out


def test_a_function_without_a_log_is_reported(parley: Run, cloud: Cloud, deployed: Stack):
    line = "parley: there is no log of nobody: there are rest_api, rest_api_access, webhooks\n"
    assert parley(*cloud.options, "logs", "--function", "nobody") == (1, "", line)


def test_following_shows_each_line_once(cloud: Cloud, deployed: Stack, monkeypatch: pytest.MonkeyPatch):
    from cli.place import LogQuery

    monkeypatch.setattr("cli.deployed._FOLLOW_SECONDS", 0.01)
    cloud.log("rest_api", "first")
    lines = DeployedStack(cloud.name, REGION).log(LogQuery(), follow=True)
    assert next(lines).text == "first"
    cloud.log("rest_api", "second")
    assert next(lines).text == "second"


# Webhooks


def test_parked_deliveries_of_a_stack_are_listed(parley: Run, cloud: Cloud, deployed: Stack):
    told = {"EventType": "onMessageSent", "MessageSid": "IM1"}
    delivery = {"id": "d1", "group": "g", "url": "https://example.com", "planned_at": 0, "parameters": told}
    url = cloud.physical("DeliveryDeadLetterQueue")
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(delivery))
    assert parley(*cloud.options, "webhooks", "list", "--json").json["id"] == "d1"


# The auth token


def test_the_auth_token_is_replaced_in_two_writes(parley: Run, cloud: Cloud, deployed: Stack):
    old = cloud.tokens().token
    assert parley(*cloud.options, "auth-token", "rotate").status == 0
    begun = cloud.tokens()
    assert begun.token == old and len(begun.next) == 32
    assert parley(*cloud.options, "auth-token", "rotate", "--json").json["state"] == "under way"
    assert cloud.tokens() == begun
    assert parley(*cloud.options, "auth-token", "rotate", "--finish").status == 1
    assert parley(*cloud.options, "auth-token", "rotate", "--finish", "--now").status == 0
    assert cloud.tokens() == AuthTokens(begun.next)
    assert parley(*cloud.options, "auth-token", "rotate").status == 0
    assert cloud.tokens().token == begun.next


def test_if_two_replace_the_same_token_the_second_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Even if both have looked before either writes. Of the emulators, moto refuses a second value for a version."""
    old = "0" * 32
    aws_at(monkeypatch, "")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    outputs = [{"OutputKey": name, "OutputValue": "x"} for name in ("RestUrl", "SocketUrl", "AccountSid")]
    monkeypatch.setattr(DeployedStack, "_description", {"Outputs": outputs})
    monkeypatch.setattr(DeployedStack, "_resources", {"AuthToken": {"PhysicalResourceId": "token"}})
    with mock_aws():
        secrets = boto3.client("secretsmanager", region_name=REGION)
        secrets.create_secret(Name="token", SecretString=old)
        stack = DeployedStack("chat", REGION)
        racing: list[DeployedStack] = []
        put = stack.client("secretsmanager").put_secret_value

        def put_after_another(**given: Any) -> Any:
            if not racing:
                racing.append(DeployedStack("chat", REGION))
                racing[0].replace_auth_tokens(old, AuthTokens(old, "a" * 32, 1))
            return put(**given)

        monkeypatch.setattr(stack.client("secretsmanager"), "put_secret_value", put_after_another)
        with pytest.raises(Trouble, match="somebody else"):
            stack.replace_auth_tokens(old, AuthTokens(old, "b" * 32, 1))
        assert AuthTokens.read(secrets.get_secret_value(SecretId="token")["SecretString"]).next == "a" * 32


def test_every_command_understands_an_access_that_aws_denies(
    cloud: Cloud, deployed: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from botocore.exceptions import ClientError

    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not yours"}}, "GetSecretValue")

    def refuse(self: DeployedStack) -> str:
        raise denied

    monkeypatch.setattr(DeployedStack, "auth_token_text", refuse)
    for arguments in (["credentials", "--show-secrets"], ["status"], ["doctor"], ["auth-token", "rotate"]):
        assert main([*cloud.options, *arguments]) == 1
        err = capsys.readouterr().err
        assert err == "parley: AWS does not allow GetSecretValue with these credentials: not yours\n"
