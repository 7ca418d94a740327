"""What `make build` has made is looked at before anybody deploys it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.home import REPOSITORY
from local.template.intrinsics import read
from tools import built


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build with the real template and the real functions, as `sam build` lays them out."""
    template = read(REPOSITORY / "template.yaml")
    for name, spec in template["Resources"].items():
        if spec["Type"] == "AWS::Serverless::Function":
            (tmp_path / name).mkdir()
            source = REPOSITORY / spec["Properties"]["CodeUri"] / "app.py"
            (tmp_path / name / "app.py").write_text(source.read_text())
            spec["Properties"]["CodeUri"] = name
    (tmp_path / "template.yaml").write_text(json.dumps(template))
    return tmp_path


def test_the_handler_of_every_function_is_in_the_build(build: Path):
    assert list(built.missing_handlers(build)) == []


def test_a_function_whose_handler_has_another_name_fails_the_build(build: Path, capsys: pytest.CaptureFixture[str]):
    code = build / "RestApiFunction/app.py"
    code.write_text(code.read_text().replace("def handler(", "def entry("))
    (build / "FanOutFunction/app.py").unlink()
    assert built.main(build) == 1
    told = capsys.readouterr().err
    assert "RestApiFunction: app.py has no handler" in told and "FanOutFunction: there is no app.py" in told


def test_a_template_that_is_too_large_fails_the_build(build: Path, capsys: pytest.CaptureFixture[str]):
    with (build / "template.yaml").open("a") as file:
        file.write("\n" * 51_200)
    assert built.main(build) == 1
    assert "more than 51,200 bytes" in capsys.readouterr().err
