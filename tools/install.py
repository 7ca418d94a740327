"""Installs the packages of a requirements file into the environment that runs this, and shows how far it is.

    .venv/bin/python tools/install.py requirements/dev.txt

The file pins every package that is needed, also those that others bring along. On a terminal, one line counts them.
Elsewhere nothing is printed, unless pip fails: then pip's last lines are printed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from pathlib import Path

_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-compile", "--no-deps")
_LAST_LINES = 20


def pin_count(path: Path) -> int:
    """How many packages a requirements file pins, with the files that it includes."""
    lines = path.read_text().splitlines()
    included = [path.parent / line.removeprefix("-r ").strip() for line in lines if line.startswith("-r ")]
    return sum(re.match(r"[\w.-]+==", line) is not None for line in lines) + sum(map(pin_count, included))


def install(path: Path) -> int:
    """Run pip; returns its exit status."""
    total, fetched = pin_count(path), 0
    last: deque[str] = deque(maxlen=_LAST_LINES)
    pip = subprocess.Popen(
        [sys.executable, *_PIP, "-r", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert pip.stdout is not None
    for line in pip.stdout:
        last.append(line)
        if line.startswith(("Collecting ", "Processing ")):  # the second is for files on this machine
            fetched += 1
            _show(f"  fetched {fetched} of {total} packages")
        elif line.startswith("Installing collected packages"):
            _show(f"  fetched all {total} packages, unpacking them")
    status = pip.wait()
    _show("")
    if status:
        sys.stderr.writelines(last)
    return status


def _show(text: str) -> None:
    """Replace the line that the terminal shows."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(install(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
