"""What `template.yaml` and the files in `templates/` declare, the nested ones in the words of the stack that holds them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from local.template.intrinsics import read

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = read(ROOT / "template.yaml")
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
FILES = {f"templates/{path.name}": read(path) for path in sorted((ROOT / "templates").iterdir())}
STACKS: dict[str, str] = {
    name: spec["Properties"]["TemplateURL"]
    for name, spec in RESOURCES.items()
    if spec["Type"] == "AWS::CloudFormation::Stack"
}


def nested(stack: str) -> dict[str, dict[str, Any]]:
    """The resources of a nested stack, with what `template.yaml` gives in the place of each parameter."""
    given: dict[str, Any] = RESOURCES[stack]["Properties"]["Parameters"]
    resources: dict[str, dict[str, Any]] = FILES[STACKS[stack]]["Resources"]
    return {name: _named(spec, given) for name, spec in resources.items()}


def output(stack: str, name: str) -> Any:
    """An output of a nested stack, as its file declares it."""
    return FILES[STACKS[stack]]["Outputs"][name.removeprefix("Outputs.")]["Value"]


def role_of(function: str) -> dict[str, Any]:
    """The properties of a function's role."""
    stack, name = RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"]
    role, attribute = output(stack, name)["Fn::GetAtt"]
    assert attribute == "Arn"
    properties: dict[str, Any] = nested(stack)[role]["Properties"]
    return properties


def statements(function: str) -> list[dict[str, Any]]:
    """What a function's own role allows it, whatever the parameters are."""
    return [
        statement for policy in role_of(function)["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]


def attached(function: str, condition: str) -> list[dict[str, Any]]:
    """What a function may do beside that if a condition of the stack with the roles holds."""
    stack, name = RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"]
    role = {"Ref": output(stack, name)["Fn::GetAtt"][0]}
    return [
        statement
        for spec in nested(stack).values()
        if spec["Type"] == "AWS::IAM::ManagedPolicy" and spec.get("Condition") == condition
        if role in spec["Properties"]["Roles"]
        for statement in spec["Properties"]["PolicyDocument"]["Statement"]
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def own(value: Any) -> Any:
    """A value as it is if the stack makes its table itself, and a Region is named for push."""
    if isinstance(value, dict) and value.keys() == {"Fn::If"}:
        condition, made, _ = value["Fn::If"]
        assert condition in ("MakesTable", "HasPushRegion", "HasPhones")
        return made
    return value


def _named(value: Any, given: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_named(item, given) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"} and value["Ref"] in given:
        return own(given[value["Ref"]])
    if value.keys() == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda found: _in_text(found[1], given), value["Fn::Sub"])}
    return {key: _named(item, given) for key, item in value.items()}


def _in_text(name: str, given: dict[str, Any]) -> str:
    value = own(given.get(name, {"Ref": name}))
    return "${" + (value["Ref"] if "Ref" in value else ".".join(value["Fn::GetAtt"])) + "}"


GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type in `template.yaml`."""
    return {name: spec.get("Properties", {}) for name, spec in RESOURCES.items() if spec["Type"] == kind}


def nested_of_type(stack: str, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type in a nested stack."""
    return {name: spec.get("Properties", {}) for name, spec in nested(stack).items() if spec["Type"] == kind}


def queue_of(value: dict[str, Any]) -> str:
    """The logical id of the queue that a value names by an attribute, or by an output of the stack that holds it."""
    name, attribute = value["Fn::GetAtt"]
    if name not in STACKS:
        return str(name)
    made = output(name, attribute)
    return str(made.get("Ref") or made["Fn::GetAtt"][0])


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue") | nested_of_type("Telephony", "AWS::SQS::Queue")
LOG_GROUPS = nested_of_type("Logs", "AWS::Logs::LogGroup")
MAPPINGS = {
    (function, name): event
    for function, properties in FUNCTIONS.items()
    for name, event in properties.get("Events", {}).items()
    if event["Type"] in ("DynamoDB", "SQS")
}
STREAM_MAPPINGS = {key: event["Properties"] for key, event in MAPPINGS.items() if event["Type"] == "DynamoDB"}
QUEUE_MAPPINGS = {key: event["Properties"] for key, event in MAPPINGS.items() if event["Type"] == "SQS"}


def folder(function: str) -> str:
    """The name of the folder that has a function's code."""
    return FUNCTIONS[function]["CodeUri"].removeprefix("functions/").rstrip("/")


def environment(function: str) -> dict[str, Any]:
    """The variables that a function is given."""
    return {
        **GLOBALS.get("Environment", {}).get("Variables", {}),
        **FUNCTIONS[function].get("Environment", {}).get("Variables", {}),
    }


def dead_letter_queues() -> set[str]:
    """The queues that take what is given up."""
    redrives = [spec["RedrivePolicy"]["deadLetterTargetArn"] for spec in QUEUES.values() if "RedrivePolicy" in spec]
    failures = [spec["DestinationConfig"]["OnFailure"]["Destination"] for spec in STREAM_MAPPINGS.values()]
    return {queue_of(target) for target in redrives + failures}


def parameters_in(value: Any) -> set[str]:
    """The template's parameters that a value is made of."""
    if isinstance(value, dict):
        named = {value["Ref"]} if "Ref" in value else set()
        if "Fn::If" in value:
            named |= parameters_in(TEMPLATE["Conditions"][value["Fn::If"][0]])
        below = set().union(*map(parameters_in, value.values()))
        return (named & TEMPLATE["Parameters"].keys()) | below
    if isinstance(value, list):
        return set().union(*map(parameters_in, value))
    return set(re.findall(r"\$\{(\w+)\}", str(value))) & TEMPLATE["Parameters"].keys()
