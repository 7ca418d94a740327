"""Shows that the tests catch what they claim to: each seeded fault is put into a copy of the tree, and its test fails.

    python -m tools.seeded_faults              all of them, some side by side
    python -m tools.seeded_faults members      those whose file or test has `members` in it

The JSON files beside this module list the faults: `old` stands exactly once in `file` and is replaced by `new`; `test`
is what pytest is given. If a fault's test passes all the same, the fault is reported and the exit code is 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
_TABLES = Path(__file__).resolve().parent
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".parley", ".aws-sam", "__pycache__", ".*_cache", ".hypothesis")
_LONGEST_SECONDS = 300
_PASSED, _FAILED = 0, 1


class Fault(NamedTuple):
    """One seeded fault: in `file`, `old` is replaced by `new`, and `test` must fail."""

    file: str
    old: str
    new: str
    test: str

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.old.split())[:60]!r} -> {' '.join(self.new.split())[:60]!r}"


def listed(wanted: str = "") -> list[Fault]:
    """The faults of the table whose file or test contains `wanted`."""
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_TABLES.glob("*.json"))]
    faults = [Fault(**row) for table in tables for row in table]
    return [fault for fault in faults if wanted in fault.file or wanted in fault.test]


def misplaced(fault: Fault) -> str:
    """Why a fault cannot be seeded; empty if it can."""
    path = REPOSITORY / fault.file
    if not path.is_file():
        return "there is no such file"
    found = path.read_text(encoding="utf-8").count(fault.old)
    return "" if found == 1 else f"the file has its old text {found} times"


def untested(fault: Fault) -> str:
    """Why a fault's test cannot be run; empty if it can."""
    name, _, test = fault.test.partition("::")
    path = REPOSITORY / name
    if not path.exists():
        return f"there is no {name}"
    function = test.partition("[")[0]
    is_there = not function or re.search(rf"^(async )?def {function}\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    return "" if is_there else f"{name} has no {function}"


def uncaught(fault: Fault) -> str:
    """Why a fault counts as not caught; empty if its test fails with it."""
    if problem := misplaced(fault) or untested(fault):
        return problem
    with tempfile.TemporaryDirectory(prefix="parley-fault-") as folder:
        copy = Path(folder) / "parley"
        shutil.copytree(REPOSITORY, copy, ignore=_NOT_COPIED, symlinks=True)
        if (REPOSITORY / ".parley").is_dir():
            # Fetched programs are found there; tests keep their state elsewhere.
            (copy / ".parley").symlink_to(REPOSITORY / ".parley")
        path = copy / fault.file
        path.write_text(path.read_text(encoding="utf-8").replace(fault.old, fault.new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", fault.test]
        try:
            done = subprocess.run(
                command,
                cwd=copy,
                capture_output=True,
                text=True,
                timeout=_LONGEST_SECONDS,
                check=False,
                env=_without_bytecode(),
            )
        except subprocess.TimeoutExpired:
            return f"its test had no result after {_LONGEST_SECONDS} seconds"
    if done.returncode == _FAILED:
        return ""
    if done.returncode == _PASSED:
        return "its test passes all the same"
    return f"pytest ended with {done.returncode}: {done.stdout[-300:]}"


def _without_bytecode() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def main(arguments: list[str]) -> int:
    """Try the faults that the arguments select; returns the exit code."""
    faults = listed(arguments[0] if arguments else "")
    if not faults:
        print(__doc__)
    missed = 0
    with ThreadPoolExecutor(max_workers=max((os.cpu_count() or 2) // 2, 1)) as pool:
        for fault, problem in zip(faults, pool.map(uncaught, faults), strict=True):
            missed += bool(problem)
            print(
                f"{'MISSED' if problem else 'caught'}  {fault}" + (f"\n        {problem}" if problem else ""),
                flush=True,
            )
    print(f"{len(faults) - missed} of {len(faults)} seeded faults are caught")
    return 1 if missed or not faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
