"""The command line in processes of its own, on the stack of a home."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from local.home import REPOSITORY, Home


def begun(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """A command that runs."""
    return subprocess.Popen(**_command(home, arguments))


def printed_by(home: Home, *arguments: str) -> str:
    """What a command prints that ends well, within a minute."""
    return str(subprocess.run(**_command(home, arguments), timeout=60, check=True).stdout)


def _command(home: Home, arguments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "args": [sys.executable, "-m", "cli", *arguments],
        "cwd": REPOSITORY,
        "env": {**os.environ, "PARLEY_HOME": str(home.path)},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
