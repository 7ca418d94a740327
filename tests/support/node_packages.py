"""Node, packages from npm, and the environment in which tests start programs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local import npm
from local.home import REPOSITORY

OLDEST_NODE = 20


def find_node(untested: str) -> tuple[str, int]:
    """Node and its major version. Where it is missing or too old, the test is skipped and says what is not tested."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(f"node is not installed, so {untested} NOT tested")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    major = int(re.match(r"v(\d+)", version)[1])  # type: ignore[index]
    if major < OLDEST_NODE:
        pytest.skip(f"node is {version.strip()}, older than {OLDEST_NODE}, so {untested} NOT tested")
    return found, major


def install(folder: Path, name: str, untested: str) -> Path:
    """The packages of a folder's `package-lock.json`, installed once under `.parley`.

    Args:
        name: What the installed folder's name begins with.
        untested: What is not tested where npm is missing or cannot install them; the test is then skipped and says so.
    """
    lock = folder / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    try:
        return npm.install(lock, REPOSITORY / ".parley" / f"{name}-{digest}")
    except npm.NpmMissing:
        pytest.skip(f"npm is not installed, so {untested} NOT tested")
    except npm.NpmFailed as failure:
        pytest.skip(f"npm cannot install what is needed, so {untested} NOT tested: {failure}")


def environment(**more: str) -> dict[str, str]:
    """This process's environment without proxies and colours, and with more variables.

    A proxy could not reach a stack. Some programs colour what they print because `CI` is set, and tests read it.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "FORCE_COLOR" and not name.lower().endswith("_proxy")
    }
    return kept | {"NO_COLOR": "1"} | more


def run(command: list[str], **more: str) -> str:
    """What a program printed; it must succeed."""
    done = subprocess.run(
        command, env=environment(**more), capture_output=True, encoding="utf-8", timeout=180, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def run_suite(node: str, suite: Path) -> None:
    """Run a file of Node's own tests; some of them must pass and none may fail."""
    printed = run([node, "--test", "--test-reporter=tap", str(suite)])
    assert int(re.findall(r"^# pass (\d+)$", printed, re.M)[-1]) > 0


def check_types(node: str, modules: Path, folder: Path, name: str, types: Path, uses: Path) -> None:
    """Let TypeScript check a program that uses a module by its name, with the module's types."""
    settings = {
        "compilerOptions": {
            "strict": True,
            "noEmit": True,
            "target": "es2022",
            "module": "nodenext",
            "lib": ["es2022", "dom"],
            "types": [],
            "paths": {name: [str(types)]},
        },
        "files": [str(uses), str(types)],
    }
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    run([node, str(modules / "typescript" / "bin" / "tsc"), "--project", str(folder)])
