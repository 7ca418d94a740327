"""`make build` finds the functions' Python wherever it is, or says what to do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make") or "make"
RIGHT, WRONG = 'echo "$0"', "exit 127"


def executable(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def found(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask for the Python on a machine that has nothing but what lies in `place`."""
    return subprocess.run(
        [MAKE, "--silent", "runtime-python", *arguments],
        cwd=ROOT,
        env={"PATH": str(place / "bin"), "HOME": str(place / "home")} | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("where", ["bin/python3.13", "bin/python3", "home/.pyenv/versions/3.13.2/bin/python3.13"])
def test_the_build_finds_python_on_the_path_and_in_pyenv(where: str, tmp_path: Path):
    executable(tmp_path / "bin/python3.13", WRONG)  # such as pyenv's shim of a version that is not chosen
    python = executable(tmp_path / where, RIGHT)
    assert found(tmp_path).stdout.split() == [str(python)]


def test_the_build_finds_python_in_uv(tmp_path: Path):
    python = executable(tmp_path / "uv's/python3.13", RIGHT)
    executable(tmp_path / "bin/uv", f"""[ "$*" = "python find --no-project 3.13" ] && echo "{python}" """)
    assert found(tmp_path).stdout.strip() == str(python)


@pytest.mark.parametrize("said", ["environment", "argument"])
def test_the_build_takes_the_python_that_it_is_given(said: str, tmp_path: Path):
    executable(tmp_path / "bin/python3.13", RIGHT)
    python = executable(tmp_path / "given/python", RIGHT)
    answer = found(tmp_path, PYTHON=str(python)) if said == "environment" else found(tmp_path, f"PYTHON={python}")
    assert answer.stdout.split() == [str(python)]


@pytest.mark.parametrize("given", [{}, {"PYTHON": "/nowhere/python"}])
def test_without_the_right_python_the_build_stops_and_says_what_to_do(given: dict[str, str], tmp_path: Path):
    executable(tmp_path / "bin/python3.13", RIGHT if given else WRONG)
    answer = found(tmp_path, **given)
    assert answer.returncode != 0 and answer.stdout == ""
    assert "make build PYTHON=<path>" in answer.stderr.splitlines()[0]


def test_continuous_integration_does_not_build_around_a_missing_python():
    script = (ROOT / ".ci/run").read_text()
    assert "\nmake build\n" in script and "skip" not in script.partition("make build")[2]
