"""`python -m tools.audit BIN`: looks for known faults in packages with pip-audit, and in the code with bandit.

BIN is the folder of both programs; `make audit` makes it. Bandit needs no network. pip-audit asks the package index for
advisories. A mirror has none, and an index may not be reachable. Then nobody has audited the packages. The program says
so in capitals, and does not fail, because a machine without a network must be able to run all checks. With
PARLEY_AUDIT=strict it fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# What runs in accounts, at operators' desks and in applications.
CODE = ("layers/common/python/parley", "functions", "cli", "clients/python/parley_client")
# What is installed there, and what deploys it.
REQUIREMENTS = ("layer.txt", "sam.txt")
_PATIENCE_SECONDS = 120


class Audit(NamedTuple):
    """What pip-audit found out about one requirements file."""

    known: list[str]
    audited: int
    skipped: list[str]


def read(report: dict[str, Any]) -> Audit:
    """What a report of pip-audit says."""
    packages = report["dependencies"]
    known = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'none'}"
        for package in packages
        for fault in package.get("vulns", [])
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    return Audit(known, len(packages) - len(skipped), skipped)


def audit(program: Path, requirements: Path) -> Audit | str:
    """Audit one requirements file; the text says why that was not possible."""
    command = [str(program), "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, "--requirement", str(requirements)], capture_output=True, text=True, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE_SECONDS} s"
    try:
        return read(json.loads(done.stdout))
    except json.JSONDecodeError:
        return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]


def main(folder: str) -> int:
    """Run both programs; returns the exit status."""
    bandit = [str(Path(folder) / "bandit"), "--quiet", "-ll", "--recursive", *CODE]
    failed = subprocess.run(bandit, cwd=ROOT).returncode != 0
    print("bandit: " + ("see above" if failed else f"nothing of medium severity or above in {', '.join(CODE)}"))
    unknown = False
    for name in REQUIREMENTS:
        found = audit(Path(folder) / "pip-audit", ROOT / "requirements" / name)
        if isinstance(found, str):
            print(f"pip-audit: {name} WAS NOT AUDITED: {found}")
            unknown = True
            continue
        for line in found.known:
            print(f"pip-audit: {name}: {line}")
        print(f"pip-audit: {name}: {found.audited} packages audited, {len(found.known)} known faults")
        if found.skipped:
            print(
                f"pip-audit: {name}: {len(found.skipped)} PACKAGES WERE NOT AUDITED, "
                f"the index has no advisories for them: {', '.join(found.skipped)}"
            )
        failed, unknown = failed or bool(found.known), unknown or bool(found.skipped)
    strict = os.environ.get("PARLEY_AUDIT") == "strict"
    return 1 if failed or (unknown and strict) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
