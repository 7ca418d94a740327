"""The template of a running stack: its functions, mappings, schedules, APIs and outputs, with every value filled in."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.template.declared import (
    Bucket,
    Function,
    GatewayResponse,
    QueueMapping,
    RestApi,
    Route,
    Schedule,
    SocketApi,
    StreamMapping,
    Table,
)
from local.template.intrinsics import Physical, TemplateError
from local.template.template import FUNCTION, LAYER, REST_API, SOCKET_API, Template, local_name

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_RATE_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


class BoundTemplate:
    """A template whose resources exist: everything in it has a value."""

    def __init__(self, template: Template, physical: Mapping[str, Physical]) -> None:
        """`physical` has the names and attributes that resources got when they were created, by logical id."""
        self._template = template
        self._scope = template.scope(physical)

    def functions(self, local_values: Mapping[str, str], replacements: Mapping[str, str]) -> dict[str, Function]:
        """Every function by logical id.

        `local_values` are added to each environment. `replacements` maps the beginning of each API Gateway address to
        the beginning of the same address here.
        """
        found = {}
        defaults = self._template.globals("Function")
        for logical_id, own in self._template.resources(FUNCTION):
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
                name=self._scope.resolve(own.get("FunctionName", local_name(logical_id))),
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
        for kind in (LAYER, "AWS::Lambda::LayerVersion"):
            for name, properties in self._template.resources(kind):
                if name == logical_id:
                    content: Path = self._template.root / properties["ContentUri"]
                    return content / "python" if (content / "python").is_dir() else content
        raise TemplateError(f"the layer {layer!r} is not in the template")

    def _function_of(self, arn: str) -> str:
        for logical_id, _ in self._template.resources(FUNCTION):
            known = self._scope.resolve({"Fn::GetAtt": [logical_id, "Arn"]})
            if known == arn or f"/{known}/" in arn or arn.startswith(f"{known}:"):
                return logical_id
        raise TemplateError(f"no function of the template has the ARN {arn}")

    def _events(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for logical_id, properties in self._template.resources(FUNCTION):
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
        ((logical_id, properties),) = self._template.resources(REST_API)
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
        ((logical_id, properties),) = self._template.resources(SOCKET_API)
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


def _patterns(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(entry["Pattern"]) for entry in values.get("FilterCriteria", {}).get("Filters", [])]


def _refuse(name: str, values: Mapping[str, Any], **supported: int) -> None:
    for key, value in supported.items():
        if int(values.get(key, value)) != value:
            raise TemplateError(f"{name}: locally {key} can only be {value}")
