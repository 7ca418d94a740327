"""A service in an AWS account, as its CloudFormation stack describes it."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cli.place import ApiKey, LogLine, LogQuery, Place
from cli.rest import Rest
from cli.trouble import Trouble
from parley.keyring import AuthTokens

# A key lives a little longer than the token that it signs, since their clocks may differ.
_SPARE_SECONDS, _LONGEST_SECONDS = 60, 86_400
# CloudWatch shows a line some seconds after it was written, and lines of one moment may come apart.
_FOLLOW_SECONDS, _LATE_MS, _REMEMBERED = 2.0, 30_000, 20_000
# Other names for versions of a secret would do; this one makes two that replace the same version collide.
_VERSIONS = uuid.UUID("2f0c1a52-1f0d-4b7c-9d57-0f3d2b4b6a10")
_ATTEMPTS = 10
_NESTED = "AWS::CloudFormation::Stack"
# The nested stacks whose log groups and queues the commands use.
_LOOKED_INTO = ("Logs", "Telephony")


class DeployedStack(Place):
    """A deployed stack."""

    is_local = False

    def __init__(self, name: str, region: str = "", profile: str = "") -> None:
        self.name = name
        self._session = boto3.Session(region_name=region or None, profile_name=profile or None)
        self._clients: dict[str, Any] = {}
        outputs = {one["OutputKey"]: str(one["OutputValue"]) for one in self._description.get("Outputs", ())}
        try:
            self.rest_url, self.socket_url = outputs["RestUrl"], outputs["SocketUrl"]
            self.account_sid = outputs["AccountSid"]
        except KeyError as missing:
            state = self._description["StackStatus"]
            raise Trouble(f"the stack {name} has no output {missing}: is it Parley? Its state is {state}") from None
        self._outputs = outputs
        given = {one["ParameterKey"]: one.get("ParameterValue") for one in self._description.get("Parameters", ())}
        self._parameters = {name: str(value) for name, value in given.items() if value is not None}
        self.logs_warnings = self.parameter("LogLevel") != "ERROR"
        self.console_url = f"{outputs['ConsoleUrl'].rstrip('/')}/" if outputs.get("ConsoleUrl") else ""

    @cached_property
    def _description(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise Trouble(
                f"there is no stack {self.name} in {self._session.region_name}: --region names another Region, "
                "`aws cloudformation list-stacks` shows its stacks"
            ) from None
        return found

    @cached_property
    def _resources(self) -> dict[str, dict[str, Any]]:
        own = self._resources_of(self.name)
        nested = [own[name]["PhysicalResourceId"] for name in _LOOKED_INTO if name in own]
        return {**own, **{name: one for stack in nested for name, one in self._resources_of(stack).items()}}

    def _resources_of(self, stack: str) -> dict[str, dict[str, Any]]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {one["LogicalResourceId"]: one for page in pages for one in page["StackResourceSummaries"]}

    def _physical(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id)
        if resource is None or not resource.get("PhysicalResourceId"):
            raise Trouble(f"the stack {self.name} has no {logical_id}: is it Parley, and was it deployed to the end?")
        return str(resource["PhysicalResourceId"])

    def client(self, service: str) -> Any:
        """A client of an AWS service."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20)
            self._clients[service] = self._session.client(service, config=config)
        return self._clients[service]

    # Secrets and keys.

    def auth_token_text(self) -> str:
        """The secret's text."""
        return str(self._secret["SecretString"])

    @property
    def _secret(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client("secretsmanager").get_secret_value(SecretId=self._physical("AuthToken"))
        return found

    def replace_auth_tokens(self, before: str, tokens: AuthTokens) -> None:
        """Replace the secret.

        Secrets Manager stores one value under one version id only. The new version's id follows from the version that
        it replaces, so of two who replace the same one at the same time, the second is refused.
        """
        if tokens.text() == before:
            return
        held = self._secret
        client = self.client("secretsmanager")
        # Somebody may have made an old version the current one again. Then the first id that follows from it is in use.
        for number in range(_ATTEMPTS):
            if held["SecretString"] != before or self._secret["VersionId"] != held["VersionId"]:
                break
            version = str(uuid.uuid5(_VERSIONS, f"{held['VersionId']} {number}"))
            try:
                client.put_secret_value(SecretId=held["ARN"], SecretString=tokens.text(), ClientRequestToken=version)
            except client.exceptions.ResourceExistsException:
                continue
            return
        raise Trouble("the auth token has just been changed by somebody else: look again")

    def api_key(self, rest: Rest, purpose: str, seconds: int) -> ApiKey:
        """A new API key, which ends by itself."""
        lives = min(seconds + _SPARE_SECONDS, _LONGEST_SECONDS)
        ends_at = int(time.time()) + lives
        made = rest.new_key(f"parley {purpose}"[:64], lives)
        return ApiKey(str(made["sid"]), str(made["secret"]), ends_at)

    # What the stack is made of.

    def has_queue(self, logical_id: str) -> bool:
        """Whether the stack has the queue."""
        return logical_id in self._resources

    def queue_url(self, logical_id: str) -> str:
        """The queue's URL."""
        return self._physical(logical_id)

    def table_name(self) -> str:
        """The table's name."""
        return self._outputs.get("TableName") or self._physical("Table")

    def output(self, name: str) -> str:
        """One of the stack's outputs."""
        return self._outputs.get(name, "")

    def parameter(self, name: str) -> str:
        """One of the stack's parameters."""
        return self._parameters.get(name, "")

    def status(self) -> dict[str, Any]:
        """The stack and its alarms."""
        state = self._description["StackStatus"]
        well = state in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
        parts = [{"name": "stack", "state": state, "well": well}]
        parts += [
            {"name": logical_id, "state": state, "well": state != "ALARM"}
            for logical_id, state in sorted(self._alarms().items())
        ]
        told = {"stack": self.name, "region": self._session.region_name, "parts": parts}
        changed = self._description.get("LastUpdatedTime") or self._description.get("CreationTime")
        if changed is not None:
            told["deployed"] = f"{changed:%Y-%m-%dT%H:%M:%SZ}"
        if url := self._outputs.get("DashboardUrl"):
            told["dashboard"] = url
        return told

    def _alarms(self) -> dict[str, str]:
        """The states of all alarms, also of those in nested stacks, by their logical ids."""
        resources = list(self._resources.values())
        for nested in [one for one in resources if one["ResourceType"] == _NESTED and one.get("PhysicalResourceId")]:
            resources += self._resources_of(nested["PhysicalResourceId"]).values()
        names = {
            one["PhysicalResourceId"]: one["LogicalResourceId"]
            for one in resources
            if one["ResourceType"] == "AWS::CloudWatch::Alarm" and one.get("PhysicalResourceId")
        }
        states: dict[str, str] = {}
        listed = list(names)
        for start in range(0, len(listed), 100):
            found = self.client("cloudwatch").describe_alarms(AlarmNames=listed[start : start + 100])
            states |= {names[one["AlarmName"]]: one["StateValue"] for one in found["MetricAlarms"]}
        return states

    # Logs.

    def log(self, query: LogQuery, follow: bool) -> Iterator[LogLine]:
        """The lines of the stack's log groups."""
        seen: OrderedDict[str, None] = OrderedDict()
        since_ms = query.since_ms
        while True:
            asked_at = int(time.time() * 1000)
            found: list[LogLine] = []
            for source, group in self._log_groups(query.sources).items():
                found += self._lines(source, group, query, since_ms, seen)
            yield from sorted(found, key=lambda line: line.at_ms)
            if not follow:
                return
            while len(seen) > _REMEMBERED:
                seen.popitem(last=False)
            since_ms = max(since_ms, asked_at - _LATE_MS)
            time.sleep(_FOLLOW_SECONDS)

    def _log_groups(self, sources: tuple[str, ...]) -> dict[str, str]:
        groups = {
            one["PhysicalResourceId"].rpartition("/")[2]: one["PhysicalResourceId"]
            for one in self._resources.values()
            if one["ResourceType"] == "AWS::Logs::LogGroup"
        }
        if unknown := [source for source in sources if source not in groups]:
            raise Trouble(f"there is no log of {unknown[0]}: there are {', '.join(sorted(groups))}")
        return {source: group for source, group in sorted(groups.items()) if not sources or source in sources}

    def _lines(
        self, source: str, group: str, query: LogQuery, since_ms: int, seen: OrderedDict[str, None]
    ) -> Iterator[LogLine]:
        # Each quoted term must be somewhere in the line. CloudWatch divides texts into words, so it may find more.
        pattern = " ".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in query.holding)
        wanted = {"logGroupName": group, "startTime": since_ms, **({"filterPattern": pattern} if pattern else {})}
        for page in self.client("logs").get_paginator("filter_log_events").paginate(**wanted):
            for event in page["events"]:
                text = event["message"].rstrip("\n")
                if event["eventId"] not in seen and all(held in text for held in query.holding):
                    seen[event["eventId"]] = None
                    yield LogLine(source, int(event["timestamp"]), text)
