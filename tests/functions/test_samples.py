"""Each sample invocation goes through its function, wired as in production: settings from the environment, real ports.

The emulators take AWS's place, a loopback server takes API Gateway's, and it is noon on the day of the samples.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from local.emulators.engine import Endpoints
from local.pump.filters import passes
from local.template.template import Template
from parley.background.sweeping import plan
from parley.ids import user_sid
from parley.operations import senders
from parley.operations.context import Caller
from parley.runtime import Runtime
from parley.store import keys
from parley.store.changes import decode
from tests.functions.sample_account import (
    ACCOUNT_SID,
    CHANNEL_SID,
    SERVICE_SID,
    STREAM_FILES,
    SampleAccount,
    delivery,
    read,
    samples,
)
from tests.ports.connections_server import ConnectionsServer
from tests.sockets.deployment import Stream, patterns
from tests.support.fakes import AUTH_TOKEN, FakeClock
from tests.support.functions import imported
from tests.support.target import Reply, Target
from tests.webhooks.function import Remaining

_tables = itertools.count()


@dataclass
class Deployed:
    """The sample account on a table of its own, with the settings, queues and servers that its functions use."""

    account: SampleAccount
    stream: Stream
    environment: dict[str, str]
    sockets: ConnectionsServer
    sqs: Any
    load: Callable[[str], ModuleType]

    def call(self, function: str, event: Any) -> Any:
        """Invoke a function as Lambda does: JSON in, JSON out."""
        handler = self.load(function).handler
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), Remaining())))

    def ask(self, verb: str, path: str, form: dict[str, str] | None = None) -> Any:
        """A request about conversations to the REST function."""
        event = read("rest_api")
        event["path"] = f"/conversations/v1/Services/{SERVICE_SID}/Conversations{path}"
        event |= {"httpMethod": verb, "body": urlencode(form or {}), "isBase64Encoded": False}
        answer = self.call("rest_api", event)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    def queued(self, setting: str) -> list[Any]:
        """Take all entries out of a queue, hidden ones too."""
        answer = self.sqs.receive_message(QueueUrl=self.environment[setting], MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def hidden(self, setting: str) -> int:
        """How many entries of a queue are hidden."""
        name = "ApproximateNumberOfMessagesDelayed"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.environment[setting], AttributeNames=[name])
        return int(answer["Attributes"][name])


def _queue(sqs: Any, name: str) -> str:
    attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url = str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
    sqs.purge_queue(QueueUrl=url)
    return url


@pytest.fixture
def deployed(aws: Endpoints, template: Template, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """The account at noon, with alice's connection where the samples have it."""
    client, sqs, secrets = aws.client("dynamodb"), aws.client("sqs"), aws.client("secretsmanager")
    (table,) = template.tables()
    name = f"samples-{next(_tables)}"
    made = client.create_table(**{**table.definition, "TableName": name})["TableDescription"]
    account = SampleAccount(client, name)
    root = account.world.secrets.secrets["root"]
    arns = {
        queue: read(file)["Records"][0]["eventSourceARN"].rpartition(":")[2]
        for queue, file in (("DELIVERY", "webhooks_deliveries"), ("WORK", "webhooks_work"), ("TEXT", "carriers_texts"))
    }
    with ConnectionsServer() as sockets:
        environment = {
            "PARLEY_TABLE": name,
            "PARLEY_ACCOUNT_SID": ACCOUNT_SID,
            "PARLEY_AUTH_TOKEN_SECRET": secrets.create_secret(Name=f"auth-{name}", SecretString=AUTH_TOKEN)["ARN"],
            "PARLEY_KEY_RING_SECRET": secrets.create_secret(Name=f"ring-{name}", SecretString=root)["ARN"],
            "PARLEY_REST_URL": "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod",
            "PARLEY_CONNECTIONS_URL": "https://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/prod",
            "PARLEY_DELIVERY_QUEUE_URL": _queue(sqs, arns["DELIVERY"]),
            "PARLEY_DEAD_LETTER_QUEUE_URL": _queue(sqs, f"dead-{name}.fifo"),
            "PARLEY_WORK_QUEUE_URL": _queue(sqs, arns["WORK"]),
            "PARLEY_TEXT_QUEUE_URL": _queue(sqs, arns["TEXT"]),
            "PARLEY_PHONES": "true",
            "PARLEY_WEBHOOK_ALLOW_LOOPBACK": "true",
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://127.0.0.1:{sockets.port}",
            **aws.environment(),
        }
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        yield Deployed(
            account, Stream(aws.dynamodb, made["LatestStreamArn"]), environment, sockets, sqs, _loader(account)
        )


def _loader(account: SampleAccount) -> Callable[[str], ModuleType]:
    loaded: dict[str, ModuleType] = {}

    def load(name: str) -> ModuleType:
        """A function's module, imported once, at the account's time."""
        if name not in loaded:
            loaded[name] = imported(name)
            clock = FakeClock(account.world.clock.now_ms())
            loaded[name].runtime = Runtime(loaded[name].runtime.settings, clock=clock)
        return loaded[name]

    return load


def test_rest_api_answers_as_a_proxy_integration_must(deployed: Deployed) -> None:
    answer = deployed.call("rest_api", read("rest_api"))
    assert answer["statusCode"] == 201
    assert answer["isBase64Encoded"] is False
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["content-type"] == "application/json"
    message = json.loads(answer["body"])
    assert (message["from"], message["body"], message["index"]) == ("system", "Hello bob & alice", 0)
    base = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"
    assert message["url"] == f"{base}/chat/v2/Services/{SERVICE_SID}/Channels/{CHANNEL_SID}/Messages/{message['sid']}"
    stored = deployed.account.world.table.fetch(keys.message(CHANNEL_SID, 0))
    assert stored and stored["cause"]["webhooks"] is True


def test_rest_api_does_not_answer_with_the_wrong_credentials(deployed: Deployed) -> None:
    event = read("rest_api")
    for name in ("headers", "multiValueHeaders"):
        del event[name]["Authorization"]
    answer = deployed.call("rest_api", event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (401, 20003)


def test_ws_connect_opens_the_socket(deployed: Deployed) -> None:
    event = read("ws_connect")
    assert deployed.call("ws_connect", event) == {"statusCode": 200}
    connection = deployed.account.world.table.fetch(keys.connection(event["requestContext"]["connectionId"]))
    assert connection and (connection["identity"], connection["service_sid"]) == ("alice", SERVICE_SID)


def test_ws_connect_refuses_the_socket_with_a_status_and_the_reason(deployed: Deployed) -> None:
    deployed.account.world.clock.advance(3700)
    answer = deployed.call("ws_connect", read("ws_connect"))
    assert set(answer) == {"statusCode", "body"}
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (401, 20104)


def test_ws_message_replies_to_the_frame(deployed: Deployed) -> None:
    deployed.call("ws_connect", read("ws_connect"))
    answer = deployed.call("ws_message", read("ws_message"))
    assert set(answer) == {"statusCode", "body"}
    assert answer["statusCode"] == 200
    reply = json.loads(answer["body"])
    assert (reply["id"], reply["status"]) == ("1", 201)
    assert (reply["result"]["from"], reply["result"]["body"]) == ("alice", "Hello bob")


def test_ws_disconnect_forgets_the_connection(deployed: Deployed) -> None:
    deployed.call("ws_connect", read("ws_connect"))
    event = read("ws_disconnect")
    connection_id = event["requestContext"]["connectionId"]
    assert deployed.call("ws_disconnect", event) == {"statusCode": 200}
    assert deployed.account.world.table.fetch(keys.connection(connection_id)) is None
    deployed.sockets.open(connection_id)
    assert deployed.call("ws_message", read("ws_message")) == {"statusCode": 200}
    reply, farewell = (json.loads(data) for data in deployed.sockets.received(connection_id))
    assert (reply["status"], reply["error"]["code"]) == (401, 51006)
    assert (farewell["event"], farewell["code"]) == ("connectionError", 51006)


def test_fan_out_pushes_the_sample_to_those_who_are_connected(deployed: Deployed) -> None:
    deployed.call("ws_connect", read("ws_connect"))
    connection_id = read("ws_connect")["requestContext"]["connectionId"]
    deployed.sockets.open(connection_id)
    assert deployed.call("fan_out", read("fan_out_changes")) == {"batchItemFailures": []}
    (pushed,) = (json.loads(data) for data in deployed.sockets.received(connection_id))
    assert [(frame["event"], frame["seq"]) for frame in pushed] == [
        ("messageAdded", 3),
        ("messageAdded", 4),
        ("messageUpdated", 5),
        ("messageRemoved", 6),
        ("memberJoined", 7),
    ]
    assert {request.path for request in deployed.sockets.requests} == {f"/prod/@connections/{connection_id[:-1]}%3D"}


def test_fan_out_reports_a_record_that_it_cannot_push(deployed: Deployed) -> None:
    event = read("fan_out_changes")
    del event["Records"][2]["dynamodb"]["NewImage"]["service_sid"]
    position = event["Records"][2]["dynamodb"]["SequenceNumber"]
    assert deployed.call("fan_out", event) == {"batchItemFailures": [{"itemIdentifier": position}]}


def test_webhooks_plans_the_jobs_of_the_sample_changes(deployed: Deployed) -> None:
    settings = {"post_webhook_url": "https://hooks.example.com/chat", "webhook_filters": ["onMessageSent"]}
    deployed.account.do("service", "update", {"sid": SERVICE_SID}, settings)
    event = read("webhooks_changes")
    assert deployed.call("webhooks", event) == {"batchItemFailures": []}
    assert deployed.queued("PARLEY_DELIVERY_QUEUE_URL") == [{"job": "webhook", **delivery(event["Records"][0])}]
    # The sweep of the deleted service and the job that erases tombstones are delayed.
    assert deployed.hidden("PARLEY_WORK_QUEUE_URL") == 2


def test_webhooks_delivers_the_sample(deployed: Deployed, target: Target) -> None:
    event = read("webhooks_deliveries")
    (record,) = event["Records"]
    entry = {**json.loads(record["body"]), "url": target.url}
    record["body"] = json.dumps(entry)
    assert deployed.call("webhooks", event) == {"batchItemFailures": []}
    (request,) = target.received
    assert request.parameters == {**entry["parameters"], "RetryCount": "0"}
    assert request.is_signed_with(AUTH_TOKEN)


def test_webhooks_keeps_what_it_cannot_deliver(deployed: Deployed, target: Target) -> None:
    deployed.sqs.send_message(
        QueueUrl=deployed.environment["PARLEY_DELIVERY_QUEUE_URL"],
        MessageBody="{}",
        MessageGroupId="x",
        MessageDeduplicationId="x",
    )
    (received,) = deployed.sqs.receive_message(QueueUrl=deployed.environment["PARLEY_DELIVERY_QUEUE_URL"])["Messages"]
    target.answer = lambda received: Reply(503)
    event = read("webhooks_deliveries")
    (record,) = event["Records"]
    record |= {"body": json.dumps({**json.loads(record["body"]), "url": target.url})}
    record["receiptHandle"] = received["ReceiptHandle"]
    assert deployed.call("webhooks", event) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_webhooks_does_the_sample_of_work(deployed: Deployed, template: Template) -> None:
    account = deployed.account
    for body in ("one", "two"):
        account.do("message", "create", account.channel, {"body": body})
    account.do("channel", "delete", {**account.service, "sid": CHANNEL_SID}, {})
    # The sweep waits until fan-out has told the members.
    carried = [record for record in deployed.stream.take() if passes(patterns(template, "FanOutFunction"), record)]
    assert deployed.call("fan_out", {"Records": carried}) == {"batchItemFailures": []}
    assert deployed.call("webhooks", read("webhooks_work")) == {"batchItemFailures": []}
    table = account.world.table
    assert table.every(keys.messages(CHANNEL_SID)) == table.every(keys.members(CHANNEL_SID)) == []
    user = table.fetch(keys.user(user_sid(SERVICE_SID, "alice")))
    assert user and user["joined_channels_count"] == 0


def test_carriers_forgets_a_text_and_a_report_whose_message_is_gone(deployed: Deployed) -> None:
    for name in ("carriers_texts", "carriers_receipts"):
        assert deployed.call("carriers", read(name)) == {"batchItemFailures": []}


def test_carriers_keeps_a_text_that_it_cannot_read(deployed: Deployed) -> None:
    event = read("carriers_texts")
    (record,) = event["Records"]
    record["body"] = json.dumps({**json.loads(record["body"]), "job": "unheard of"})
    assert deployed.call("carriers", event) == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_carriers_puts_what_phones_write_into_their_conversation(deployed: Deployed) -> None:
    event = read("carriers_inbound")
    text, _, status = event["Records"]
    phone, number = (json.loads(text["body"])[name] for name in ("originationNumber", "destinationNumber"))
    sid = deployed.ask("POST", "")["sid"]
    for channel in ("", "whatsapp:"):
        given = {"provider_id": "phone-1", "country_code": "US", "capabilities": ["SMS"]}
        senders.enable(deployed.load("carriers").runtime.context(Caller()), channel + number, given)
        binding = {"MessagingBinding.Address": channel + phone, "MessagingBinding.ProxyAddress": channel + number}
        deployed.ask("POST", f"/{sid}/Participants", binding)
    # Perhaps the text that the status is about was sent a moment ago.
    assert deployed.call("carriers", event) == {"batchItemFailures": [{"itemIdentifier": status["messageId"]}]}
    messages = deployed.ask("GET", f"/{sid}/Messages")["messages"]
    # The two pairs of addresses have no order.
    said = "Are you still open?"
    assert {(one["author"], one["body"]) for one in messages} == {(phone, said), (f"whatsapp:{phone}", said)}


def test_ws_connect_keeps_the_connection_when_the_same_event_comes_twice(deployed: Deployed) -> None:
    for _ in range(2):
        assert deployed.call("ws_connect", read("ws_connect")) == {"statusCode": 200}
    presence = deployed.account.world.table.fetch(keys.presence(user_sid(SERVICE_SID, "alice")))
    assert presence and sum(name.startswith("connection:") for name in presence) == 1


# The samples equal what the code makes.


@pytest.mark.parametrize("name", STREAM_FILES)
def test_a_stream_sample_equals_what_the_stream_carries(deployed: Deployed, template: Template, name: str) -> None:
    """If it does not any more, run `python -m tests.functions.sample_account`."""
    deployed.stream.take()
    deployed.account.converse()
    made = samples(deployed.stream.take(), template)[name]
    assert [_images(record) for record in read(name)["Records"]] == [_images(record) for record in made]


def _images(record: dict[str, Any]) -> Any:
    data = record["dynamodb"]
    return record["eventName"], data["Keys"], data.get("OldImage"), data["NewImage"]


def test_the_token_in_the_sample_is_the_accounts(deployed: Deployed) -> None:
    event = read("ws_connect")
    assert event["queryStringParameters"] == {"token": deployed.account.token()}
    assert event["multiValueQueryStringParameters"] == {"token": [deployed.account.token()]}


def test_the_queue_samples_are_the_jobs_of_the_change_samples() -> None:
    changes = read("webhooks_changes")["Records"]
    (queued,) = read("webhooks_deliveries")["Records"]
    planned = delivery(changes[0])
    assert json.loads(queued["body"]) == {"job": "webhook", **planned}
    assert queued["attributes"]["MessageGroupId"] == planned["group"]
    (sweep,) = read("webhooks_work")["Records"]
    (job,) = plan(decode(changes[-1]), {})  # type: ignore[arg-type]
    assert json.loads(sweep["body"]).keys() == {"job": "sweep", **job}.keys()
    for record in (queued, sweep):
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
