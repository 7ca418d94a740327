"""Reads `template.yaml` into records: the one list of functions, tables, queues, mappings and routes.

`Template` reads the file and names every resource. Addresses and generated identifiers come from the emulators, so
`bind` adds them later. Only a bound template knows the environment of a function.

Of the nested stacks, those in `RUNNING` are read too: their queues and topics stand beside the template's own.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.template.declared import (
    ACCOUNT,
    REGION,
    STACK,
    Bucket,
    Function,
    GatewayResponse,
    Queue,
    QueueMapping,
    RestApi,
    Route,
    Schedule,
    Secret,
    SocketApi,
    StreamMapping,
    Subscription,
    Table,
    Topic,
    arn,
)
from local.template.intrinsics import Physical, Scope, TemplateError, read

_FUNCTION = "AWS::Serverless::Function"
_LAYER = "AWS::Serverless::LayerVersion"
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
_REST_API = "AWS::Serverless::Api"
_SOCKET_API = "AWS::Serverless::WebSocketApi"
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_RATE_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
RUNNING = {"templates/phones.yaml"}
"""The nested templates that hold something that runs. All others hold what only AWS needs."""


def _local_name(logical_id: str, properties: Mapping[str, Any] | None = None) -> str:
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

    def bind(self, physical: Mapping[str, Physical]) -> BoundTemplate:
        """The template together with the names and attributes that resources got when they were created."""
        return BoundTemplate(self, self._scope_with({**dict(self._known()), **physical, **self._stacks(physical)}))

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
            yield logical_id, self.resolve(properties.get(property_name, _local_name(logical_id, properties)))

    def _known(self) -> Iterator[tuple[str, Physical]]:
        for logical_id, name in self._named(_TABLE, "TableName"):
            yield logical_id, Physical(name, {"Arn": arn("dynamodb", f"table/{name}")})
        for logical_id, name in self._named(_QUEUE, "QueueName"):
            yield logical_id, Physical(name, {"Arn": arn("sqs", name), "QueueName": name})
        for bucket in self.buckets():
            yield bucket.logical_id, Physical(bucket.name, {"Arn": f"arn:aws:s3:::{bucket.name}"})
        for logical_id, name in self._named(_FUNCTION, "FunctionName"):
            function_arn = arn("lambda", f"function:{name}")
            yield logical_id, Physical(name, {"Arn": function_arn, "Alias": function_arn})
            yield f"{logical_id}.Alias", Physical(function_arn)
        for logical_id, _ in self.resources(_LAYER):
            yield logical_id, Physical(arn("lambda", f"layer:{_local_name(logical_id)}:1"))
        for kind in (_REST_API, _SOCKET_API):
            for logical_id, _ in self.resources(kind):
                yield logical_id, Physical(logical_id.lower())
        for logical_id, name in self._named(_TOPIC, "TopicName"):
            yield logical_id, Physical(arn("sns", name), {"TopicName": name, "TopicArn": arn("sns", name)})
        for logical_id, name in self._named(_ROLE, "RoleName"):
            yield logical_id, Physical(name, {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"})
        for logical_id, name in self._named(_CONFIGURATION_SET, "ConfigurationSetName"):
            yield logical_id, Physical(name)
        for logical_id, _ in self.resources(_PROTECTION):
            yield logical_id, Physical(logical_id, {"ProtectConfigurationId": f"protect-{_local_name(logical_id)}"})
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
            name = values.get("QueueName", _local_name(logical_id, properties))
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
            name = values.get("BucketName", _local_name(logical_id).lower())
            rules = [_cors_rule(rule) for rule in values.get("CorsConfiguration", {}).get("CorsRules", [])]
            found.append(Bucket(logical_id, name, rules))
        return found

    def secrets(self) -> list[Secret]:
        found = []
        for logical_id, name in self._named(_SECRET, "Name"):
            values = self.resolve(dict(self.resources(_SECRET))[logical_id])
            found.append(Secret(logical_id, name, values.get("SecretString"), values.get("GenerateSecretString", {})))
        return found


class BoundTemplate:
    """A template whose resources exist: everything in it has a value."""

    def __init__(self, template: Template, scope: Scope) -> None:
        self._template = template
        self._scope = scope

    def functions(self, local_values: Mapping[str, str], replacements: Mapping[str, str]) -> dict[str, Function]:
        """Every function by logical id.

        `local_values` are added to each environment. `replacements` maps the beginning of each API Gateway address to
        the beginning of the same address here.
        """
        found = {}
        defaults = self._template.globals("Function")
        for logical_id, own in self._template.resources(_FUNCTION):
            variables = {
                **defaults.get("Environment", {}).get("Variables", {}),
                **own.get("Environment", {}).get("Variables", {}),
            }
            values = {key: str(value) for key, value in self._scope.resolve(variables).items()}
            for key, value in values.items():
                for prefix, replacement in replacements.items():
                    if value.startswith(prefix):
                        values[key] = replacement + value[len(prefix) :]
            layers = [*own.get("Layers", []), *defaults.get("Layers", [])]
            found[logical_id] = Function(
                logical_id=logical_id,
                name=self._scope.resolve(own.get("FunctionName", _local_name(logical_id))),
                directory=self._template.root / own.get("CodeUri", defaults.get("CodeUri", ".")),
                handler=own.get("Handler", defaults.get("Handler", "app.handler")),
                environment={**values, **local_values},
                libraries=tuple(self._library(layer) for layer in layers),
                timeout_seconds=int(self._scope.resolve(own.get("Timeout", defaults.get("Timeout", 3)))),
                memory_megabytes=int(self._scope.resolve(own.get("MemorySize", defaults.get("MemorySize", 128)))),
            )
        return found

    def outputs(self) -> dict[str, str]:
        """The outputs of the template. Those that tell of what only AWS has are left out."""
        found = {}
        for name, values in self._template.declared_outputs():
            with contextlib.suppress(TemplateError):
                found[name] = str(self._scope.resolve(values))
        return found

    def tables(self) -> list[Table]:
        return self._template.tables()

    def buckets(self) -> list[Bucket]:
        return self._template.buckets()

    def _library(self, layer: Any) -> Path:
        logical_id = layer.get("Ref") if isinstance(layer, dict) else None
        for kind in (_LAYER, "AWS::Lambda::LayerVersion"):
            for name, properties in self._template.resources(kind):
                if name == logical_id:
                    content: Path = self._template.root / properties["ContentUri"]
                    return content / "python" if (content / "python").is_dir() else content
        raise TemplateError(f"the layer {layer!r} is not in the template")

    def _function_of(self, arn: str) -> str:
        for logical_id, _ in self._template.resources(_FUNCTION):
            known = self._scope.resolve({"Fn::GetAtt": [logical_id, "Arn"]})
            if known == arn or f"/{known}/" in arn or arn.startswith(f"{known}:"):
                return logical_id
        raise TemplateError(f"no function of the template has the ARN {arn}")

    def _events(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for logical_id, properties in self._template.resources(_FUNCTION):
            for name, event in properties.get("Events", {}).items():
                if event["Type"] == kind:
                    yield logical_id, f"{logical_id}.{name}", self._scope.resolve(event.get("Properties", {}))

    def stream_mappings(self) -> list[StreamMapping]:
        found = []
        for function, name, values in self._events("DynamoDB"):
            _refuse(name, values, ParallelizationFactor=1, MaximumBatchingWindowInSeconds=0, TumblingWindowInSeconds=0)
            if not values.get("Enabled", True):
                continue
            on_failure = values.get("DestinationConfig", {}).get("OnFailure", {})
            if on_failure.get("Type", "SQS") != "SQS":
                raise TemplateError(f"{name}: locally, failures can only go to SQS")
            found.append(
                StreamMapping(
                    name=name,
                    function=function,
                    function_arn=self._scope.resolve({"Fn::GetAtt": [function, "Arn"]}),
                    stream_arn=values["Stream"],
                    patterns=_patterns(values),
                    batch_size=int(values.get("BatchSize", 100)),
                    bisects=bool(values.get("BisectBatchOnFunctionError", False)),
                    retries=int(values.get("MaximumRetryAttempts", -1)),
                    maximum_age_seconds=int(values.get("MaximumRecordAgeInSeconds", -1)),
                    reports_failures="ReportBatchItemFailures" in values.get("FunctionResponseTypes", []),
                    failure_queue_arn=on_failure.get("Destination", ""),
                    from_now_on=values.get("StartingPosition", "TRIM_HORIZON") == "LATEST",
                )
            )
        return found

    def schedules(self) -> list[Schedule]:
        found = []
        for function, name, values in self._events("Schedule"):
            rate = _RATE.fullmatch(values["Schedule"])
            if rate is None:
                raise TemplateError(f"{name}: locally, a schedule can only be a rate, such as rate(1 minute)")
            if values.get("Enabled", True):
                found.append(Schedule(name, function, int(rate[1]) * _RATE_SECONDS[rate[2]]))
        return found

    def queue_mappings(self) -> list[QueueMapping]:
        found = []
        for function, name, values in self._events("SQS"):
            _refuse(name, values, MaximumBatchingWindowInSeconds=0)
            if not values.get("Enabled", True):
                continue
            found.append(
                QueueMapping(
                    name=name,
                    function=function,
                    queue_arn=values["Queue"],
                    patterns=_patterns(values),
                    batch_size=int(values.get("BatchSize", 10)),
                    reports_failures="ReportBatchItemFailures" in values.get("FunctionResponseTypes", []),
                    maximum_concurrency=int(values.get("ScalingConfig", {}).get("MaximumConcurrency", 5)),
                )
            )
        return found

    def rest_api(self) -> RestApi:
        """The one REST API; one function answers all of its paths."""
        ((logical_id, properties),) = self._template.resources(_REST_API)
        functions = {function for function, _, _ in self._events("Api")}
        if len(functions) != 1:
            raise TemplateError(f"locally, one function must serve the REST API; the template has {sorted(functions)}")
        responses = {
            kind: GatewayResponse(
                int(values.get("StatusCode", 0)),
                values.get("ResponseTemplates", {}).get("application/json", ""),
                {
                    key: str(value).strip("'")
                    for key, value in values.get("ResponseParameters", {}).get("Headers", {}).items()
                },
            )
            for kind, values in self._scope.resolve(properties.get("GatewayResponses", {})).items()
        }
        # SAM wants slashes written as ~1.
        binary = tuple(kind.replace("~1", "/").lower() for kind in properties.get("BinaryMediaTypes", []))
        return RestApi(logical_id, self._scope.resolve(properties["StageName"]), functions.pop(), responses, binary)

    def socket_api(self) -> SocketApi:
        """The one WebSocket API with its routes, those declared in SAM's way and those in CloudFormation's."""
        ((logical_id, properties),) = self._template.resources(_SOCKET_API)
        replying = {
            str(values.get("RouteId", {}).get("Ref"))
            for _, values in self._template.resources("AWS::ApiGatewayV2::RouteResponse")
        }
        routes = {}
        for key, values in properties.get("Routes", {}).items():
            generated_id = f"{logical_id}{key.removeprefix('$').capitalize()}Route"
            routes[key] = Route(
                function=self._function_of(self._scope.resolve(values["FunctionArn"])),
                reply=None,
                replies="RouteResponseSelectionExpression" in values and generated_id in replying,
                timeout_seconds=values.get("IntegrationTimeout", 29_000) / 1000,
            )
        for route_id, values in self._template.resources("AWS::ApiGatewayV2::Route"):
            routes[values["RouteKey"]] = self._plain_route(values, route_id in replying)
        stage = self._scope.resolve(properties["StageName"])
        return SocketApi(logical_id, stage, properties["RouteSelectionExpression"], routes)

    def _plain_route(self, values: dict[str, Any], has_response: bool) -> Route:
        target = values["Target"]["Fn::Sub"]
        integration_id = target.removeprefix("integrations/").strip("${}")
        integration = dict(self._template.resources("AWS::ApiGatewayV2::Integration"))[integration_id]
        replies = has_response and "RouteResponseSelectionExpression" in values
        timeout = integration.get("TimeoutInMillis", 29_000) / 1000
        if integration["IntegrationType"] == "AWS_PROXY":
            function = self._function_of(self._scope.resolve(integration["IntegrationUri"]))
            return Route(function, None, replies, timeout)
        if integration["IntegrationType"] != "MOCK":
            raise TemplateError(f"the local gateway has no {integration['IntegrationType']} integrations")
        for _, response in self._template.resources("AWS::ApiGatewayV2::IntegrationResponse"):
            if response["IntegrationId"] == {"Ref": integration_id}:
                template = response["ResponseTemplates"][response.get("TemplateSelectionExpression", "200")]
                if "$" in template:
                    raise TemplateError(f"the local gateway does not fill in the reply {template!r}")
                return Route("", template, replies, timeout)
        return Route("", "", replies, timeout)


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


def _patterns(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(entry["Pattern"]) for entry in values.get("FilterCriteria", {}).get("Filters", [])]


def _refuse(name: str, values: Mapping[str, Any], **supported: int) -> None:
    for key, value in supported.items():
        if int(values.get(key, value)) != value:
            raise TemplateError(f"{name}: locally {key} can only be {value}")
