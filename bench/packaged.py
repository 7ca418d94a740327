"""The layer as it is deployed, built for this machine: `make build` makes one for Lambda's processors."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from local.home import REPOSITORY

_BUILT = REPOSITORY / ".parley" / "bench" / "layer"
_SOURCE = REPOSITORY / "layers" / "common"
_COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


class Packaged(NamedTuple):
    """A Python and its version, the folder that it imports from, and a note on what is not as deployed."""

    python: str
    version: str
    folder: Path
    note: str = ""


def packaged() -> Packaged:
    """The layer with its byte-code. Libraries are fetched once; the package is compiled anew each time.

    Without a Python of the functions' version, it is the package compiled in the same way, with this environment's
    Python and libraries.
    """
    found = subprocess.run(
        ["make", "--silent", "runtime-python"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        folder = _BUILT.with_name("package")
        _compiled(sys.executable, folder)
        version = platform.python_version()
        note = f"NOT as deployed: Python {version}, this environment's libraries."
        return Packaged(sys.executable, version, folder, note)
    python = found.stdout.strip()
    asked = [python, "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    recipe = (REPOSITORY / "requirements" / "layer.txt").read_bytes() + (_SOURCE / "Makefile").read_bytes()
    stamp = _BUILT / hashlib.sha256(recipe + python.encode()).hexdigest()
    if not stamp.exists():
        shutil.rmtree(_BUILT, ignore_errors=True)
        options = [f"ARTIFACTS_DIR={_BUILT}", f"PYTHON={python}", "LAYER_PLATFORM=native"]
        subprocess.run(["make", "--silent", "-C", str(_SOURCE), "build-CommonLayer", *options], check=True)
        stamp.touch()
    _compiled(python, _BUILT / "python")
    return Packaged(python, version, _BUILT / "python")


def _compiled(python: str, folder: Path) -> None:
    """Put the package and its byte-code into a folder."""
    shutil.rmtree(folder / "parley", ignore_errors=True)
    shutil.copytree(_SOURCE / "python" / "parley", folder / "parley", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([python, *_COMPILE, str(folder / "parley")], check=True)
