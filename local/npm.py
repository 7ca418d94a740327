"""Packages from npm, exactly those that a lock names, installed once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

_SECONDS = 300


class NpmMissing(Exception):
    """There is no npm on this machine."""


class NpmFailed(Exception):
    """npm could not install the packages; the text is the end of what it said."""


def install(lock: Path, folder: Path) -> Path:
    """The `node_modules` of `folder`, which holds what `lock` names. The folder appears only when it is complete.

    An `.npmrc` beside the lock counts too. Paths in the lock count from `folder`.

    Raises:
        NpmMissing, NpmFailed
    """
    if (folder / "node_modules").is_dir():
        return folder / "node_modules"
    npm = shutil.which("npm")
    if npm is None:
        raise NpmMissing
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    shutil.copy(lock, unfinished / "package-lock.json")
    if (options := lock.with_name(".npmrc")).exists():
        shutil.copy(options, unfinished)
    # npm installs from a lock only where a package asks for the same.
    wanted = json.loads(lock.read_text(encoding="utf-8"))["packages"][""]
    (unfinished / "package.json").write_text(json.dumps({"private": True, **wanted}), encoding="utf-8")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=unfinished,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(unfinished)
        raise NpmFailed(f"it took more than {_SECONDS} s") from None
    if done.returncode:
        shutil.rmtree(unfinished)
        raise NpmFailed(done.stderr[-300:])
    try:
        unfinished.rename(folder)
    except OSError:  # another process has just installed the same
        shutil.rmtree(unfinished)
    return folder / "node_modules"
