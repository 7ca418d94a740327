"""The Makefile's help, and the installer that it uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from local.home import REPOSITORY
from tools.install import pin_count

# Steps of other targets; nobody calls them by hand.
_KINDS = ("", "audit-", "docs-", "plots-", "rehearsal-", "sam-", "synapse-")
_STEPS = {f"{kind}environment" for kind in _KINDS} | {"runtime-python"}


def test_help_tells_what_each_target_does():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text(), re.M)
    shown = subprocess.run(["make", "-s", "help"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60).stdout
    assert {line.split()[1] for line in shown.splitlines()} == set(phony.split()) - _STEPS


def test_the_installer_counts_the_packages_of_all_included_files(tmp_path: Path):
    (tmp_path / "dev.txt").write_text("# tests\n-r runtime.txt\npytest==9.2.0\n")
    (tmp_path / "runtime.txt").write_text("boto3==1.43.106\n# a comment\nfastapi==0.163.2 \\\n    --hash=sha256:0\n")
    assert pin_count(tmp_path / "dev.txt") == 3


def test_if_pip_fails_the_installer_shows_why_and_fails_too(tmp_path: Path):
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("parley-is-no-such-package==1.0\n")
    command = [sys.executable, str(REPOSITORY / "tools" / "install.py"), str(wanted)]
    offline = os.environ | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    ended = subprocess.run(command, env=offline, capture_output=True, text=True, timeout=120)
    assert ended.returncode != 0
    assert "No matching distribution found for parley-is-no-such-package==1.0" in ended.stderr
