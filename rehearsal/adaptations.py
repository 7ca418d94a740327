"""What is changed in the built template before the emulator gets it, and why. There are no other changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.template.intrinsics import read

Document = dict[str, Any]


@dataclass(frozen=True)
class Adaptation:
    """One change of a template, and why it is needed.

    Attributes:
        nested: The nested stack whose template is changed; empty for the template itself.
        change: Changes the template in place, and returns whether there was anything to change.
    """

    reason: str
    change: Callable[[Document, str], bool]
    nested: str = ""


def adapt(folder: Path, endpoint: str) -> tuple[Path, list[str]]:
    """Write an adapted copy of the built template in `folder`; returns its path and the reasons of what was changed.

    Raises:
        LookupError: an adaptation has nothing to change, so it must go.
    """
    documents: dict[str, Document] = {"": read(folder / "template.yaml")}
    reasons = []
    for adaptation in ADAPTATIONS:
        name = adaptation.nested
        if name not in documents:
            documents[name] = read(folder / name / "template.yaml")
            documents[""]["Resources"][name]["Properties"]["TemplateURL"] = f"{name}/adapted.json"
        if not adaptation.change(documents[name], endpoint):
            raise LookupError(f"nothing to adapt: {adaptation.reason}")
        reasons.append(adaptation.reason)
    for name, document in documents.items():
        (folder / name / "adapted.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder / "adapted.json", reasons


def _without(chosen: Callable[[Document], bool]) -> Callable[[Document, str], bool]:
    def change(document: Document, endpoint: str) -> bool:
        resources = document["Resources"]
        names = [name for name, spec in resources.items() if chosen(spec)]
        for name in names:
            del resources[name]
        return bool(names)

    return change


def _without_end_user_messaging(document: Document, endpoint: str) -> bool:
    """Take its resources out, and put made-up names where the template tells theirs."""
    names = [name for name, spec in document["Resources"].items() if spec["Type"].startswith("AWS::SMSVOICE::")]
    for name in names:
        del document["Resources"][name]
    told = [
        output for output in document["Outputs"].values() if any(f'"{name}"' in json.dumps(output) for name in names)
    ]
    for output in told:
        output["Value"] = "rehearsed"
    return len(told) == len(names) > 0


def _functions(document: Document) -> list[Document]:
    return [
        spec["Properties"] for spec in document["Resources"].values() if spec["Type"] == "AWS::Serverless::Function"
    ]


def _variables(properties: Document) -> Document:
    variables: Document = properties["Environment"]["Variables"]
    return variables


def _name_every_method(document: Document, endpoint: str) -> bool:
    found = False
    for properties in _functions(document):
        for name, event in list(properties.get("Events", {}).items()):
            if event["Type"] == "Api" and event["Properties"]["Method"] == "ANY":
                del properties["Events"][name]
                for method in ("GET", "POST", "DELETE"):
                    one = {**event["Properties"], "Method": method}
                    properties["Events"][f"{name}{method.capitalize()}"] = {"Type": "Api", "Properties": one}
                found = True
    return found


def _post_to_the_emulator(document: Document, endpoint: str) -> bool:
    posting = [
        variables for variables in map(_variables, _functions(document)) if "PARLEY_CONNECTIONS_URL" in variables
    ]
    for variables in posting:
        url = f"{endpoint}/_aws/execute-api/${{SocketApi}}"
        variables["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = {"Fn::Sub": url}
    return bool(posting)


def _store_in_the_emulator(document: Document, endpoint: str) -> bool:
    storing = [variables for variables in map(_variables, _functions(document)) if "PARLEY_MEDIA_BUCKET" in variables]
    for variables in storing:
        variables["AWS_ENDPOINT_URL_S3"] = endpoint
    return bool(storing)


def _let_webhooks_reach_this_machine(document: Document, endpoint: str) -> bool:
    for properties in _functions(document):
        _variables(properties)["PARLEY_WEBHOOK_ALLOW_LOOPBACK"] = "true"
    return True


ADAPTATIONS = (
    Adaptation(
        "the emulator knows no RouteResponse and no IntegrationResponse; it sends what a function returns anyway",
        _without(
            lambda spec: spec["Type"] in ("AWS::ApiGatewayV2::RouteResponse", "AWS::ApiGatewayV2::IntegrationResponse")
        ),
    ),
    Adaptation(
        "the emulator knows no alarms over several metrics",
        _without(lambda spec: "Metrics" in spec["Properties"]),
        nested="Watch",
    ),
    Adaptation("the emulator knows nothing of AWS End User Messaging", _without_end_user_messaging, nested="Telephony"),
    Adaptation(
        "the emulator ignores routes for any method when it reads the description of an API", _name_every_method
    ),
    Adaptation("the emulator has another address for pushes than AWS", _post_to_the_emulator),
    Adaptation("the emulator has another address for files than AWS", _store_in_the_emulator),
    Adaptation("webhooks go to this machine, which is refused otherwise", _let_webhooks_reach_this_machine),
)
