"""Reads `template.yaml`: its parameters, the names of its resources, and what is made before the functions run.

That is its tables, queues, topics, buckets and secrets. Addresses and generated identifiers come from the emulators, so
`BoundTemplate` (`bound.py`) adds them later. Only a bound template knows the environment of a function.

Of the nested stacks, those in `RUNNING` are read too: their queues and topics stand beside the template's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.template.declared import (
    ACCOUNT,
    REGION,
    STACK,
    Bucket,
    Queue,
    Secret,
    Subscription,
    Table,
    Topic,
    arn,
)
from local.template.intrinsics import Physical, Scope, TemplateError, read

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
REST_API = "AWS::Serverless::Api"
SOCKET_API = "AWS::Serverless::WebSocketApi"
_TABLE = "AWS::DynamoDB::Table"
_QUEUE = "AWS::SQS::Queue"
_BUCKET = "AWS::S3::Bucket"
_STACK = "AWS::CloudFormation::Stack"
_TOPIC = "AWS::SNS::Topic"
_SUBSCRIPTION = "AWS::SNS::Subscription"
_ROLE = "AWS::IAM::Role"
_CONFIGURATION_SET = "AWS::SMSVOICE::ConfigurationSet"
_PROTECTION = "AWS::SMSVOICE::ProtectConfiguration"
_SECRET = "AWS::SecretsManager::Secret"
RUNNING = {"templates/phones.yaml"}
"""The nested templates that hold something that runs. All others hold what only AWS needs."""


def local_name(logical_id: str, properties: Mapping[str, Any] | None = None) -> str:
    """The name that a resource gets here if its properties give none."""
    # SQS demands this ending for FIFO queues, and CloudFormation adds it to the names that it makes up.
    return f"{STACK}-{logical_id}" + (".fifo" if (properties or {}).get("FifoQueue") else "")


def _attribute(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Template:
    """A template file. A parameter has the value in `parameters`, else its default."""

    def __init__(self, path: Path, stack_uuid: str, parameters: Mapping[str, str] | None = None) -> None:
        self.root = path.resolve().parent
        self._document = read(path)
        defaults = {name: str(spec.get("Default", "")) for name, spec in self._document.get("Parameters", {}).items()}
        given = {name: value for name, value in (parameters or {}).items() if name in defaults}
        self._parameters = {**defaults, **given}
        self._pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": STACK,
            "AWS::StackId": arn("cloudformation", f"stack/{STACK}/{stack_uuid}"),
        }
        self._scope = self._scope_with({})
        self._nested = {
            logical_id: Template(
                path.parent / properties["TemplateURL"], stack_uuid, self.resolve(properties["Parameters"])
            )
            for logical_id, properties in self.resources(_STACK)
            if properties["TemplateURL"] in RUNNING
        }
        self._scope = self._scope_with(dict(self._known()))

    def _scope_with(self, physical: Mapping[str, Physical]) -> Scope:
        return Scope(self._document, self._parameters, self._pseudo, physical)

    def scope(self, physical: Mapping[str, Physical]) -> Scope:
        """Resolves intrinsic functions with the names and attributes that resources got when they were created."""
        return self._scope_with({**dict(self._known()), **physical, **self._stacks(physical)})

    def _stacks(self, physical: Mapping[str, Physical]) -> dict[str, Physical]:
        """The nested stacks with their outputs."""
        return {
            logical_id: Physical(arn("cloudformation", f"stack/{logical_id}"), nested._outputs(physical))
            for logical_id, nested in self._nested.items()
        }

    def _outputs(self, physical: Mapping[str, Physical]) -> dict[str, str]:
        scope = self._scope_with({**dict(self._known()), **physical})
        return {f"Outputs.{name}": str(scope.resolve(value)) for name, value in self.declared_outputs()}

    def declared_outputs(self) -> Iterator[tuple[str, Any]]:
        """The name and unresolved value of every output whose condition holds."""
        for name, output in self._document.get("Outputs", {}).items():
            if self._scope.condition(output.get("Condition")):
                yield name, output["Value"]

    @property
    def parameters(self) -> dict[str, str]:
        """The value of every parameter."""
        return dict(self._parameters)

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The logical id and unresolved properties of every resource of one type whose condition holds."""
        for logical_id, resource in self._document["Resources"].items():
            if resource["Type"] == kind and self._scope.condition(resource.get("Condition")):
                yield logical_id, resource.get("Properties", {})

    def globals(self, kind: str) -> dict[str, Any]:
        """SAM's `Globals` for one kind of resource."""
        declared: dict[str, Any] = self._document.get("Globals", {}).get(kind, {})
        return declared

    def resolve(self, value: Any) -> Any:
        """Resolve intrinsic functions that need names only."""
        return self._scope.resolve(value)

    def _named(self, kind: str, property_name: str) -> Iterator[tuple[str, str]]:
        for logical_id, properties in self.resources(kind):
            yield logical_id, self.resolve(properties.get(property_name, local_name(logical_id, properties)))

    def _known(self) -> Iterator[tuple[str, Physical]]:
        for logical_id, name in self._named(_TABLE, "TableName"):
            yield logical_id, Physical(name, {"Arn": arn("dynamodb", f"table/{name}")})
        for logical_id, name in self._named(_QUEUE, "QueueName"):
            yield logical_id, Physical(name, {"Arn": arn("sqs", name), "QueueName": name})
        for bucket in self.buckets():
            yield bucket.logical_id, Physical(bucket.name, {"Arn": f"arn:aws:s3:::{bucket.name}"})
        for logical_id, name in self._named(FUNCTION, "FunctionName"):
            function_arn = arn("lambda", f"function:{name}")
            yield logical_id, Physical(name, {"Arn": function_arn, "Alias": function_arn})
            yield f"{logical_id}.Alias", Physical(function_arn)
        for logical_id, _ in self.resources(LAYER):
            yield logical_id, Physical(arn("lambda", f"layer:{local_name(logical_id)}:1"))
        for kind in (REST_API, SOCKET_API):
            for logical_id, _ in self.resources(kind):
                yield logical_id, Physical(logical_id.lower())
        for logical_id, name in self._named(_TOPIC, "TopicName"):
            yield logical_id, Physical(arn("sns", name), {"TopicName": name, "TopicArn": arn("sns", name)})
        for logical_id, name in self._named(_ROLE, "RoleName"):
            yield logical_id, Physical(name, {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"})
        for logical_id, name in self._named(_CONFIGURATION_SET, "ConfigurationSetName"):
            yield logical_id, Physical(name)
        for logical_id, _ in self.resources(_PROTECTION):
            yield logical_id, Physical(logical_id, {"ProtectConfigurationId": f"protect-{local_name(logical_id)}"})
        for logical_id, stack in self._stacks({}).items():
            yield logical_id, stack

    def tables(self) -> list[Table]:
        """Every table, without properties that emulators do not know (backups, encryption, warm throughput)."""
        found = []
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "ProvisionedThroughput")
        for logical_id, name in self._named(_TABLE, "TableName"):
            properties = self.resolve(
                {key: value for key, value in dict(self.resources(_TABLE))[logical_id].items() if key != "Tags"}
            )
            definition = {"TableName": name} | {key: properties[key] for key in wanted if key in properties}
            if stream := properties.get("StreamSpecification"):
                definition["StreamSpecification"] = {"StreamEnabled": True, **stream}
            found.append(
                Table(
                    logical_id, name, definition, properties.get("TimeToLiveSpecification", {}).get("AttributeName", "")
                )
            )
        return found

    def queues(self) -> list[Queue]:
        """Every queue; `redrive` names the dead-letter queue by ARN."""
        found = []
        wanted = (
            "DeduplicationScope",
            "DelaySeconds",
            "FifoQueue",
            "FifoThroughputLimit",
            "MaximumMessageSize",
            "MessageRetentionPeriod",
            "ReceiveMessageWaitTimeSeconds",
            "VisibilityTimeout",
        )
        for logical_id, properties in self.resources(_QUEUE):
            values = self.resolve(properties)
            name = values.get("QueueName", local_name(logical_id, properties))
            attributes = {key: _attribute(values[key]) for key in wanted if key in values}
            found.append(Queue(logical_id, name, attributes, values.get("RedrivePolicy")))
        return [*found, *(queue for nested in self._nested.values() for queue in nested.queues())]

    def topics(self) -> list[Topic]:
        """Every topic of SNS."""
        own = [Topic(logical_id, name) for logical_id, name in self._named(_TOPIC, "TopicName")]
        return [*own, *(topic for nested in self._nested.values() for topic in nested.topics())]

    def subscriptions(self) -> list[Subscription]:
        """Every subscription of a queue to a topic."""
        found = []
        for logical_id, properties in self.resources(_SUBSCRIPTION):
            values = self.resolve(properties)
            if values["Protocol"] != "sqs":
                raise TemplateError(f"{logical_id}: locally, only queues can be subscribed")
            is_raw = bool(values.get("RawMessageDelivery", False))
            found.append(Subscription(logical_id, values["TopicArn"], values["Endpoint"], is_raw))
        return [*found, *(one for nested in self._nested.values() for one in nested.subscriptions())]

    def buckets(self) -> list[Bucket]:
        """Every bucket with its CORS rules. Locally nothing else of a bucket would be heeded."""
        found = []
        for logical_id, properties in self.resources(_BUCKET):
            wanted = {key: properties[key] for key in ("BucketName", "CorsConfiguration") if key in properties}
            values = self.resolve(wanted)
            # S3 takes lower-case names only.
            name = values.get("BucketName", local_name(logical_id).lower())
            rules = [_cors_rule(rule) for rule in values.get("CorsConfiguration", {}).get("CorsRules", [])]
            found.append(Bucket(logical_id, name, rules))
        return found

    def secrets(self) -> list[Secret]:
        found = []
        for logical_id, name in self._named(_SECRET, "Name"):
            values = self.resolve(dict(self.resources(_SECRET))[logical_id])
            found.append(Secret(logical_id, name, values.get("SecretString"), values.get("GenerateSecretString", {})))
        return found


def _cors_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A CORS rule with the names that S3's XML has for its parts."""
    names = {
        "AllowedHeaders": "AllowedHeader",
        "AllowedMethods": "AllowedMethod",
        "AllowedOrigins": "AllowedOrigin",
        "ExposedHeaders": "ExposeHeader",
        "Id": "ID",
        "MaxAge": "MaxAgeSeconds",
    }
    return {names[key]: value for key, value in rule.items()}
