"""`sam deploy --guided` with Enter at every question and without credentials: how far an operator gets before AWS is
needed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from local.home import REPOSITORY
from local.template.intrinsics import read

_PATIENCE_SECONDS = 120
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Each question ends with its default: `Stack Name [parley]:`.
_ASKS = re.compile(r"\[[^\[\]\n]*\]: ?$")
_LAST_WORDS = "Error: Unable to locate credentials"


def press_enter(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a program on a terminal of its own, press Enter whenever it asks, and return what it wrote."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=dict(environment), start_new_session=True
    )
    os.close(theirs)
    written, answered, deadline = "", 0, time.monotonic() + _PATIENCE_SECONDS
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.2)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                data = os.read(ours, 65_536)
            except OSError:  # how a terminal says that its program has ended
                break
            written = _COLOURS.sub("", written + data.decode(errors="replace").replace("\r", ""))
            if len(written) > answered and _ASKS.search(written[answered:]):
                answered = len(written)
                os.write(ours, b"\n")
    finally:
        if child.poll() is None:
            child.terminate()
        child.wait()
        os.close(ours)
    return written


def rehearse(sam: str, build: Path, folder: Path, environment: Mapping[str, str]) -> str:
    """Answer the guide; returns a line that says what came of it.

    Raises:
        RuntimeError: the guide asks what it should not, or stops anywhere else.
    """
    # The guide writes its answers into the file.
    shutil.copy(REPOSITORY / "samconfig.toml", folder)
    nobody = {
        **environment,
        "HOME": str(folder),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sam, "deploy", "--guided", "--template-file", str(build / "template.yaml")]
    written = press_enter(command, folder, nobody)
    asked = re.findall(r"^\s*Parameter (\w+) \[", written, re.MULTILINE)
    if asked != list(read(build / "template.yaml")["Parameters"]):
        raise RuntimeError(f"the guide asked for other parameters than the template has:\n{written}")
    if "has no authentication" in written or not written.rstrip().endswith(_LAST_WORDS):
        raise RuntimeError(f"the guide stopped before it needed credentials:\n{written}")
    return f"sam deploy --guided: Enter at {len(_questions(written))} questions, then {_LAST_WORDS!r}"


def _questions(written: str) -> list[str]:
    return [line for line in written.splitlines() if re.search(r"\[[^\[\]]*\]:\s*$", line)]
