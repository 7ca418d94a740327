"""`make audit` tells what pip-audit found, and never takes "not audited" for "nothing found"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.architecture.test_build import executable
from tools import audit

CLEAN = {"name": "six", "version": "1.17.0", "vulns": []}
FAULTY = {"name": "idna", "version": "3.0", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"]}]}
SKIPPED = {"name": "boto3", "skip_reason": "Dependency not found"}


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str, bandit: int = 0) -> int:
    executable(folder / "pip-audit", says)
    executable(folder / "bandit", f"exit {bandit}")
    return audit.main(str(folder))


def report(*packages: dict[str, Any]) -> str:
    return f"echo '{audit.json.dumps({'dependencies': packages, 'fixes': []})}'"


def test_packages_without_known_faults_and_careful_code_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert run(tmp_path, monkeypatch, report(CLEAN)) == 0


def test_a_package_with_a_known_fault_fails_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(tmp_path, monkeypatch, f"{report(CLEAN, FAULTY)}; exit 1") == 1
    assert "idna 3.0: PYSEC-2024-60, mended in 3.7" in capsys.readouterr().out


def test_careless_code_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert run(tmp_path, monkeypatch, report(CLEAN), bandit=1) == 1


@pytest.mark.parametrize("says", [report(CLEAN, SKIPPED), "echo 'no route to host' >&2; exit 1"])
@pytest.mark.parametrize(("mode", "status"), [("", 0), ("strict", 1)])
def test_packages_that_were_not_audited_are_told_loudly_and_fail_only_on_request(
    says: str,
    mode: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("PARLEY_AUDIT", mode)
    assert run(tmp_path, monkeypatch, says) == status
    assert "NOT AUDITED" in capsys.readouterr().out
