"""All functions, loaded from the template as a local run loads them, with every AWS request they make written down.

What they ask of a client is noted before it is sent. Posts to sockets and requests to the object store do not go
through a client of botocore. They arrive at a server of our own, which passes those for objects on. Every entry is a
pair of action and resource, such as `("dynamodb:Query", "Table/index/gsi1")`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest

from local.emulators.engine import Endpoints
from local.emulators.provision import provision, provision_buckets
from local.home import REPOSITORY, Home
from local.phones.push import PushServices
from local.process.functions import LoadedFunction
from local.pump.stream_reader import StreamReader
from local.template.bound import BoundTemplate
from local.template.declared import ACCOUNT, Function
from local.template.template import REGION, Template
from parley.operations.inbound_files import ARRIVALS
from parley.ports.aws import AwsClient
from parley.runtime import Runtime
from parley.settings import Settings
from tests.support.doors import Answer, Headers, event
from tests.support.world import PHONE_NUMBERS

Granted = tuple[str, str]
_PARTS_OF_A_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_SQS_ACTIONS = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}
GONE = "gone="
# Where our server passes requests on to the object store, and where it is SNS and AWS End User Messaging.
OBJECTS = "/objects"
SNS = "/sns"
TEXTS = "/texts"
# AWS takes no text that says so.
BUSY = b"busy"
# A number, and what texts are sent under, as the role names them.
_NUMBER, _SET = "phone-number/*", "configuration-set/${AWS::StackName}-phones"
_PROTECTION = "protect-configuration/${Telephony.Outputs.Protection}"
# What AWS does with the files of texts, in the name of whoever asks.
_WITH_FILES = {
    "SendMediaMessage": "s3:GetObject",
    "PostWhatsAppMessageMedia": "s3:GetObject",
    "GetWhatsAppMessageMedia": "s3:PutObject",
}


class Functions:
    """The deployed functions of one account."""

    push_services: PushServices
    base_url = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"

    def __init__(self, aws: Endpoints, template: Template, home: Home, server_url: str, patch: pytest.MonkeyPatch):
        self.server_url = server_url
        self.seen: dict[str, set[Granted]] = {}
        self.made_at_start: dict[str, set[str]] = {}
        self.made_later: dict[str, set[str]] = {}
        self.settings_read: dict[str, set[str]] = {}
        self._starting = ""
        self._running = ""
        patch.setattr(Settings, "__getattribute__", self._note_setting)
        created = provision(template, aws, home)
        provision_buckets(template, aws)
        self._logical = {physical.ref: name for name, physical in created.items()}
        self.queues = {one.logical_id: created[one.logical_id].ref for one in template.queues()}
        self.sqs = aws.client("sqs")
        bound = BoundTemplate(template, created)
        socket_api = f"https://{bound.socket_api().logical_id.lower()}.execute-api.{REGION}.amazonaws.com"
        local_values = {
            "PARLEY_WEBHOOK_ALLOW_LOOPBACK": "true",
            "PARLEY_CARRIER_URL": f"{server_url}/carrier",
            "PARLEY_MEDIA_LINKS_URL": f"{server_url}{OBJECTS}",
        }
        functions = bound.functions(
            {**local_values, "PARLEY_PHONE_NUMBERS": ",".join(PHONE_NUMBERS)}, {socket_api: server_url}
        )
        self.account_sid = functions["RestApiFunction"].environment["PARLEY_ACCOUNT_SID"]
        self.auth_token = aws.client("secretsmanager").get_secret_value(SecretId=created["AuthToken"].ref)[
            "SecretString"
        ]
        patch.setattr(botocore.session, "get_session", self.session)
        self._watch_clients(patch)
        self._loaded = {name: self._load(name, function) for name, function in functions.items()}
        self._hurried = {
            name: LoadedFunction(replace(functions[name], timeout_seconds=5))
            for name in ("WebhooksFunction", "PushFunction")
        }
        self._reader = StreamReader(aws.dynamodb, created["Table"].attributes["StreamArn"])
        self._positions: dict[str, str] = {}
        own = {
            "PARLEY_PHONES": "true",
            "PARLEY_TABLE": template.tables()[0].name,
            "PARLEY_ACCOUNT_SID": self.account_sid,
        }
        self.runtime = Runtime(Settings.from_environment(aws.environment() | own))
        self.stream_records()

    @property
    def _note_setting(self) -> Callable[[Settings, str], Any]:
        def read(settings: Settings, name: str) -> Any:
            if (function := self._starting or self._running) and name in Settings.__dataclass_fields__:
                self.settings_read.setdefault(function, set()).add(name)
            return object.__getattribute__(settings, name)

        return read

    def _load(self, name: str, function: Function) -> LoadedFunction:
        self._starting = name
        try:
            return LoadedFunction(function)
        finally:
            self._starting = ""

    def invoke(self, name: str, invocation: dict[str, Any], *, hurried: bool = False) -> Any:
        """Call a function, `hurried` with little time left, and record what it asks of AWS."""
        self._running = name
        try:
            return (self._hurried if hurried else self._loaded)[name].invoke(invocation)
        finally:
            self._running = ""

    def send(self, verb: str, url: str, headers: Headers, body: bytes) -> Answer:
        """A request to the REST function; with this, tests talk to it as to any other door."""
        result = self.invoke("RestApiFunction", event(verb, url, headers, body))
        return Answer(result["statusCode"], result.get("headers") or {}, (result.get("body") or "").encode())

    def follow(self, verb: str, link: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> int:
        """The status that answers whoever follows a link to a file."""
        parts = urlsplit(link)
        connection = http.client.HTTPConnection(parts.netloc)
        try:
            connection.request(verb, f"{parts.path}?{parts.query}", body, dict(headers or {}))
            return connection.getresponse().status
        finally:
            connection.close()

    def stream_records(self) -> list[dict[str, Any]]:
        """What the table's stream has carried since the last call."""
        taken: list[dict[str, Any]] = []
        for shard_id in self._reader.shards():
            while records := self._reader.read(shard_id, self._positions.get(shard_id), False, 1000):
                self._positions[shard_id] = records[-1]["dynamodb"]["SequenceNumber"]
                taken += records
        return [{**record, "eventSource": "aws:dynamodb"} for record in taken]

    def received(self, queue: str) -> list[dict[str, Any]]:
        """What a queue holds, as records of an invocation."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queues[queue],
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
        )
        return [self.queue_record(queue, message) for message in answer.get("Messages", [])]

    def job_record(self, queue: str, job: dict[str, Any]) -> dict[str, Any]:
        """A job in a queue, as Lambda hands it to a function."""
        return self.queue_record(queue, {"MessageId": job["job"], "ReceiptHandle": "x", "Body": json.dumps(job)})

    def queue_record(self, queue: str, message: dict[str, Any]) -> dict[str, Any]:
        """A received message as Lambda hands it on."""
        name = self.queues[queue].rpartition("/")[2]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {"ApproximateReceiveCount": "1", **message.get("Attributes", {})},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{name}",
        }

    def session(self) -> Any:
        """The session that functions get instead of that of `botocore.session.get_session()`."""
        session = botocore.session.Session()

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            self._note(model.service_model.service_name, model.name, params)

        session.register("before-parameter-build", note)
        create_client = session.create_client

        def noted(service: str, *arguments: Any, **options: Any) -> Any:
            self._note_client(service)
            return create_client(service, *arguments, **options)

        session.create_client = noted
        return session

    def _watch_clients(self, patch: pytest.MonkeyPatch) -> None:
        """Note which clients of our own are made, and what they are asked."""
        make, ask = AwsClient.__init__, AwsClient.ask

        def made(client: AwsClient, service: str, *arguments: Any, **options: Any) -> None:
            self._note_client(service)
            make(client, service, *arguments, **options)

        def asked(client: AwsClient, operation: str, **request: Any) -> dict[str, Any]:
            self._note(client.service, operation, request)
            return ask(client, operation, **request)

        patch.setattr(AwsClient, "__init__", made)
        patch.setattr(AwsClient, "ask", asked)

    def _note_client(self, service: str) -> None:
        made = self.made_at_start if self._starting else self.made_later
        if self._starting or self._running:
            made.setdefault(self._starting or self._running, set()).add(service)

    def note_push(self, method: str) -> None:
        """Record that the running function wrote to a socket, or closed it."""
        self._add("execute-api:ManageConnections", f"SocketApi/{method}")

    def note_object(self, method: str, path: str, query: str) -> None:
        """Record a request to the object store. Who follows a link does so with the rights of the REST function."""
        _, bucket, key = path.split("/", 2)
        action = {"PUT": "PutObject", "DELETE": "DeleteObject"}.get(method, "GetObject")
        within = ARRIVALS if key.startswith(ARRIVALS) and method == "DELETE" else ""
        pair = f"s3:{action}Tagging" if query == "tagging" else f"s3:{action}", f"{self._logical[bucket]}/{within}*"
        if query.startswith("list-type"):
            pair = "s3:ListBucket", self._logical[bucket]
        self.seen.setdefault("RestApiFunction" if "X-Amz-Signature" in query else self._running, set()).add(pair)

    def _note(self, service: str, operation: str, params: dict[str, Any]) -> None:
        if service == "dynamodb":
            for action, resource in self._dynamodb(operation, params):
                self._add(f"dynamodb:{action}", resource)
        elif service == "sqs":
            self._add(f"sqs:{_SQS_ACTIONS.get(operation, operation)}", self._logical[params["QueueUrl"]])
        elif service == "secretsmanager":
            self._add(f"secretsmanager:{operation}", self._logical[params["SecretId"]])
        elif service == "sns":
            # Applications and endpoints are named by credentials.
            arn = params.get("PlatformApplicationArn") or params.get("EndpointArn") or params.get("TargetArn")
            kind, _, name = (arn or f":app/{params['Platform']}/{params['Name']}").rpartition(":")[2].split("/")[:3]
            assert name.startswith("CR")
            self._add(f"sns:{operation}", f"{kind}/*/CR*")
        elif service == "pinpoint-sms-voice-v2":
            named = {
                "OriginationIdentity": _NUMBER,
                "ConfigurationSetName": _SET,
                "ProtectConfigurationId": _PROTECTION,
            }
            for resource in (resource for name, resource in named.items() if name in params):
                self._add(f"sms-voice:{operation}", resource)
        elif service == "socialmessaging":
            assert "originationPhoneNumberId" in params
            self._add(f"social-messaging:{operation}", "phone-number-id/*")
        else:
            self._add(f"{service}:{operation}", "?")
        if operation in _WITH_FILES and not params.get("metadataOnly"):
            self._add(_WITH_FILES[operation], "MediaBucket/*")

    def _dynamodb(self, operation: str, params: dict[str, Any]) -> Iterator[Granted]:
        if operation == "TransactWriteItems":
            for part in params["TransactItems"]:
                ((kind, request),) = part.items()
                yield _PARTS_OF_A_TRANSACTION[kind], self._logical[request["TableName"]]
        elif "RequestItems" in params:
            for table in params["RequestItems"]:
                yield operation, self._logical[table]
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            yield operation, self._logical[params["TableName"]] + index

    def _add(self, action: str, resource: str) -> None:
        if self._running:  # otherwise the test itself makes the request
            self.seen.setdefault(self._running, set()).add((action, resource))


@contextmanager
def recorded_functions(aws: Endpoints, template: Template, home: Home) -> Iterator[Functions]:
    """The functions, with the environment that leads them to the emulators and to our server."""
    made: list[Functions] = []
    push_services = PushServices(REGION, ACCOUNT)
    numbers = itertools.count()

    class Server(BaseHTTPRequestHandler):
        """`@connections`, the object store, SNS, texts, and service owners: `/busy` answers 503, anything else 200."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith(OBJECTS):
                self._pass_on(self.path.removeprefix(OBJECTS), body)
                return
            if self.path.startswith(SNS):
                self._answer(*push_services.answer(body))
                return
            if self.path.startswith(TEXTS) and BUSY in body:
                self._answer(400, json.dumps({"__type": "ThrottlingException"}))
                return
            if self.path.startswith(TEXTS):
                file = {"mediaId": "1", "mimeType": "image/png", "fileSize": 6}
                if (target := json.loads(body).get("destinationS3File")) is not None:
                    self._put(f"/{target['bucketName']}/{target['key']}1.png", b"a file")
                self._answer(
                    200, json.dumps({"MessageId": f"{next(numbers)}", "messageId": f"{next(numbers)}", **file})
                )
                return
            status = 503 if "/busy" in self.path else 200
            if "/@connections/" in self.path:
                made[0].note_push(self.command)
                status = 410 if GONE.rstrip("=") in self.path else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def _put(self, path: str, body: bytes) -> None:
            """Store an object as AWS does, in the name of whoever asks it to."""
            connection = http.client.HTTPConnection(aws.ministack.removeprefix("http://"))
            connection.request("PUT", path, body, {"Content-Type": "image/png"})
            assert connection.getresponse().status == 200
            connection.close()

        def _pass_on(self, path: str, body: bytes) -> None:
            where, _, query = path.partition("?")
            made[0].note_object(self.command, where, query)
            connection = http.client.HTTPConnection(aws.ministack.removeprefix("http://"))
            connection.request(self.command, path, body, dict(self.headers.items()))
            with connection.getresponse() as answer:
                content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "date", "server", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.headers["content-length"] or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        server_url = f"http://127.0.0.1:{server.server_address[1]}"
        patch.setenv("AWS_ENDPOINT_URL_S3", server_url + OBJECTS)
        patch.setenv("AWS_ENDPOINT_URL_SNS", server_url + SNS)
        for name in ("PINPOINT_SMS_VOICE_V2", "SOCIALMESSAGING"):
            patch.setenv(f"AWS_ENDPOINT_URL_{name}", server_url + TEXTS)
        functions = Functions(aws, template, home, server_url, patch)
        functions.push_services = push_services
        made.append(functions)
        try:
            yield functions
        finally:
            server.shutdown()
            server.server_close()


def sample(name: str) -> Any:
    """A fresh copy of a sample invocation."""
    return json.loads((REPOSITORY / "events" / f"{name}.json").read_text(encoding="utf-8"))
