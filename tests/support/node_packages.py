"""Packages from npm, and the environment in which tests start programs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.home import REPOSITORY


def install(folder: Path, name: str, untested: str) -> Path:
    """The packages of a folder's `package-lock.json`, installed once under `.parley`.

    Args:
        name: What the installed folder's name begins with.
        untested: What is not tested where npm is missing or cannot install them; the test is then skipped and says so.
    """
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"npm is not installed, so {untested} NOT tested")
    lock = (folder / "package-lock.json").read_bytes()
    installed = REPOSITORY / ".parley" / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (installed / "node_modules").is_dir():
        unfinished = installed.with_name(f"{installed.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(folder / file, unfinished)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=unfinished, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            shutil.rmtree(unfinished)
            pytest.skip(f"npm cannot install what is needed, so {untested} NOT tested: {done.stderr[-300:]}")
        try:
            unfinished.rename(installed)
        except OSError:  # another process has just installed the same
            shutil.rmtree(unfinished)
    return installed / "node_modules"


def environment(**more: str) -> dict[str, str]:
    """This process's environment without proxies, which could not reach a stack, and with more variables."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | more
