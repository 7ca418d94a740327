"""Creates what the template declares and the emulators do not have yet: tables, queues, topics, buckets, secrets."""

from __future__ import annotations

import http.client
import json
import secrets
import string
import time
from typing import Any
from xml.etree import ElementTree

from local.emulators.engine import EmulatorFailed, Endpoints
from local.home import Home
from local.template.declared import Bucket, Queue, Secret, Table, Topic
from local.template.intrinsics import Physical, TemplateError
from local.template.template import Template

_READY_SECONDS = 20


def provision(template: Template, endpoints: Endpoints, home: Home) -> dict[str, Physical]:
    """Create what is missing; returns the name and attributes of every resource by logical id."""
    created: dict[str, Physical] = {}
    dynamodb, streams = endpoints.client("dynamodb"), endpoints.client("dynamodbstreams")
    for table in template.tables():
        created[table.logical_id] = _table(dynamodb, streams, table)
    sqs = endpoints.client("sqs")
    for queue in template.queues():
        created[queue.logical_id] = _queue(sqs, queue)
    for queue in template.queues():
        if queue.redrive:
            url = created[queue.logical_id].ref
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(queue.redrive)})
    if topics := template.topics():
        sns = endpoints.client("sns")
        for topic in topics:
            # SNS answers with the topic that is there, and subscribes a queue only once.
            created[topic.logical_id] = _topic(sns, topic)
        for one in template.subscriptions():
            attributes = {"RawMessageDelivery": str(one.is_raw).lower()}
            sns.subscribe(TopicArn=one.topic_arn, Protocol="sqs", Endpoint=one.queue_arn, Attributes=attributes)
    for bucket in template.buckets():
        created[bucket.logical_id] = Physical(bucket.name, {"Arn": f"arn:aws:s3:::{bucket.name}"})
    secretsmanager = endpoints.client("secretsmanager")
    for secret in template.secrets():
        created[secret.logical_id] = _secret(secretsmanager, secret, secret_text(home, secret))
    return created


def _table(dynamodb: Any, streams: Any, table: Table) -> Physical:
    try:
        description = dynamodb.describe_table(TableName=table.name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        description = dynamodb.create_table(**table.definition)["TableDescription"]
        deadline = time.monotonic() + _READY_SECONDS
        while description["TableStatus"] != "ACTIVE" and time.monotonic() < deadline:
            time.sleep(0.02)
            description = dynamodb.describe_table(TableName=table.name)["Table"]
        if table.ttl_attribute:
            specification = {"Enabled": True, "AttributeName": table.ttl_attribute}
            dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=specification)
    _check_shape(table, description)
    attributes = {"Arn": description["TableArn"]}
    if stream_arn := description.get("LatestStreamArn"):
        attributes["StreamArn"] = stream_arn
    return Physical(table.name, attributes)


def _check_shape(table: Table, description: dict[str, Any]) -> None:
    """Refuse a stored table whose keys or indexes are not the template's: requests to it would fail later."""

    def shape(source: dict[str, Any]) -> Any:
        indexes = source.get("GlobalSecondaryIndexes", [])
        return source["KeySchema"], sorted((index["IndexName"], str(index["KeySchema"])) for index in indexes)

    if shape(table.definition) != shape(description):
        raise TemplateError(
            f"the stored table {table.name} has other keys or indexes than the template; `make clean` starts afresh"
        )


def _queue(sqs: Any, queue: Queue) -> Physical:
    try:
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
        changeable = {name: value for name, value in queue.attributes.items() if name != "FifoQueue"}
        if changeable:
            sqs.set_queue_attributes(QueueUrl=url, Attributes=changeable)
    except sqs.exceptions.QueueDoesNotExist:
        url = sqs.create_queue(QueueName=queue.name, Attributes=queue.attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Physical(url, {"Arn": arn, "QueueName": queue.name, "QueueUrl": url})


def _topic(sns: Any, topic: Topic) -> Physical:
    arn = sns.create_topic(Name=topic.name)["TopicArn"]
    return Physical(arn, {"TopicArn": arn, "TopicName": topic.name})


def provision_buckets(template: Template, endpoints: Endpoints) -> None:
    """Create the template's buckets, and set their CORS rules, which MiniStack forgets when it stops.

    The first request for a bucket takes MiniStack a fifth of a second, so a stack does this beside its other work.
    S3's client would take a tenth of a second more.
    """
    connection = http.client.HTTPConnection(endpoints.ministack.removeprefix("http://"), timeout=_READY_SECONDS)
    try:
        for bucket in template.buckets():
            # 409 says that an earlier run has made it.
            _put(connection, f"/{bucket.name}", (200, 409))
            if bucket.cors:
                _put(connection, f"/{bucket.name}?cors", (200,), _cors(bucket))
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorFailed(f"MiniStack did not answer when its buckets were made: {error!r}") from error
    finally:
        connection.close()


def _put(connection: http.client.HTTPConnection, path: str, expected: tuple[int, ...], body: bytes = b"") -> None:
    connection.request("PUT", path, body)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in expected:
        raise EmulatorFailed(f"MiniStack answered {answer.status} to PUT {path}: {text[:200]!r}")


def _cors(bucket: Bucket) -> bytes:
    root = ElementTree.Element("CORSConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for rule in bucket.cors:
        element = ElementTree.SubElement(root, "CORSRule")
        for name, value in rule.items():
            for text in value if isinstance(value, list) else [value]:
                ElementTree.SubElement(element, name).text = str(text)
    return ElementTree.tostring(root)


def _secret(secretsmanager: Any, secret: Secret, text: str) -> Physical:
    try:
        held = secretsmanager.get_secret_value(SecretId=secret.name)
        if held["SecretString"] != text:
            secretsmanager.put_secret_value(SecretId=secret.name, SecretString=text)
        return Physical(held["ARN"])
    except secretsmanager.exceptions.ResourceNotFoundException:
        return Physical(secretsmanager.create_secret(Name=secret.name, SecretString=text)["ARN"])


def secret_text(home: Home, secret: Secret) -> str:
    """The value of a secret: the template's, or one made by its rules on the first start and kept in the home."""
    if secret.text is not None:
        return secret.text
    return str(home.remembered(f"secret {secret.logical_id}", lambda: generate(secret.generate)))


def generate(rules: dict[str, Any]) -> str:
    """A random string by the rules of `GenerateSecretString`."""
    if unknown := set(rules) - _RULES:
        raise TemplateError(f"GenerateSecretString: the local runtime does not know {sorted(unknown)}")
    kinds = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
        "ExcludePunctuation": string.punctuation,
    }
    excluded = set(rules.get("ExcludeCharacters", ""))
    alphabets = [
        [character for character in alphabet if character not in excluded]
        for rule, alphabet in kinds.items()
        if not rules.get(rule, False)
    ]
    everything = [character for alphabet in alphabets for character in alphabet]
    length = int(rules.get("PasswordLength", 32))
    while True:
        text = "".join(secrets.choice(everything) for _ in range(length))
        if all(set(text) & set(alphabet) for alphabet in alphabets):
            return text


_RULES = {
    "ExcludeCharacters",
    "ExcludeLowercase",
    "ExcludeNumbers",
    "ExcludePunctuation",
    "ExcludeUppercase",
    "PasswordLength",
    "RequireEachIncludedType",
}
