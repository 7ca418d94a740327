"""The rehearsal changes as little of the template as it says, and continuous integration runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from local.home import REPOSITORY
from local.template.intrinsics import read
from rehearsal.adaptations import ADAPTATIONS, adapt
from rehearsal.guided import press_enter

ENDPOINT = "http://127.0.0.1:1"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder like the one that `sam build` makes, with the templates only."""
    shutil.copy(REPOSITORY / "template.yaml", tmp_path / "template.yaml")
    for stack, name in {"Permissions": "permissions", "Telephony": "phones", "Watch": "watch"}.items():
        (tmp_path / stack).mkdir()
        shutil.copy(REPOSITORY / f"templates/{name}.yaml", tmp_path / stack / "template.yaml")
    return tmp_path


def test_every_adaptation_is_needed_by_the_template_as_it_is(build: Path):
    adapted, reasons = adapt(build, ENDPOINT)
    assert reasons == [adaptation.reason for adaptation in ADAPTATIONS]
    # The second time there is nothing left to change.
    shutil.copy(adapted, build / "template.yaml")
    for stack in ("Telephony", "Watch"):
        shutil.copy(build / stack / "adapted.json", build / stack / "template.yaml")
    with pytest.raises(LookupError):
        adapt(build, ENDPOINT)


def test_apart_from_what_the_emulator_does_not_know_every_resource_is_rehearsed(build: Path):
    adapted, _ = adapt(build, ENDPOINT)
    before, after = read(build / "template.yaml"), json.loads(adapted.read_text())
    left_out = {name: spec["Type"] for name, spec in before["Resources"].items() if name not in after["Resources"]}
    assert set(left_out.values()) == {"AWS::ApiGatewayV2::RouteResponse", "AWS::ApiGatewayV2::IntegrationResponse"}
    assert before["Parameters"] == after["Parameters"] and before["Outputs"] == after["Outputs"]
    watched, rehearsed = (read(build / "Watch" / name)["Resources"] for name in ("template.yaml", "adapted.json"))
    assert {name for name in watched if name not in rehearsed} == {
        name for name, spec in watched.items() if "Metrics" in spec["Properties"]
    }
    lines, rehearsed = (read(build / "Telephony" / name)["Resources"] for name in ("template.yaml", "adapted.json"))
    assert {name for name in lines if name not in rehearsed} == {"ConfigurationSet", "Protection"}


def test_continuous_integration_rehearses_what_it_has_built():
    script = (REPOSITORY / ".ci/run").read_text()
    assert script.index("\nmake build\n") < script.index("\nmake rehearse\n")


def test_the_guide_is_answered_with_enter_wherever_it_asks_and_nowhere_else(tmp_path: Path):
    program = tmp_path / "guide"
    program.write_text(
        """#!/bin/sh
printf '\\033[1mStack Name [parley]: \\033[0m'; read a; [ -z "$a" ] || exit 1
echo "Looking [samconfig.toml] :  Found"
printf 'Confirm [Y/n]: '; read b; [ -z "$b" ] || exit 1
printf 'Parameter Empty []: '; read c; [ -z "$c" ] || exit 1
echo "Error: Unable to locate credentials"
"""
    )
    program.chmod(0o755)
    written = press_enter([str(program)], tmp_path, {"PATH": "/usr/bin:/bin"})
    assert written.split("\n")[-2:] == ["Error: Unable to locate credentials", ""]
    assert "Stack Name [parley]: " in written and "\x1b" not in written
