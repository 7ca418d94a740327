"""Dynoxide, the preferred DynamoDB engine: finding its binary, fetching it, starting it.

It is one file per platform, published as npm packages. The stack needs npm for nothing else. Without npm it runs with
MiniStack as the engine.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from local.home import REPOSITORY

VERSION = "1.2.1"
_BINARIES = REPOSITORY / ".parley" / "bin"
_FETCH_SECONDS = 60
_RETENTION_SECONDS = 24 * 60 * 60
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def find(report: Callable[[str], None]) -> tuple[Path | None, str]:
    """The binary on the PATH, an already fetched one, or a freshly fetched one; else None and the reason."""
    if on_path := shutil.which("dynoxide"):
        return Path(on_path), ""
    fetched = _BINARIES / f"dynoxide-{VERSION}"
    if fetched.is_file():
        return fetched, ""
    npm = shutil.which("npm")
    if npm is None:
        return None, "npm is not installed"
    report("downloading the DynamoDB engine (Dynoxide, 4 MB) with npm ...")
    return _fetch(npm, fetched)


def _fetch(npm: str, target: Path) -> tuple[Path | None, str]:
    """Take the binary out of this platform's npm package. `target` appears only when it is complete."""
    package = f"@dynoxide/{platform.system().lower()}-{_ARCHITECTURES.get(platform.machine().lower(), 'unknown')}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [npm, "pack", f"{package}@{VERSION}", "--json", "--fetch-retries=0", "--pack-destination", folder]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_FETCH_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return None, f"npm did not deliver {package} within {_FETCH_SECONDS} s"
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            return None, f"npm could not deliver {package}{_npm_reason(done.stdout)}"
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile("package/dynoxide")
            if member is None:
                return None, f"{package} holds no binary"
            binary = Path(folder) / "dynoxide"
            binary.write_bytes(member.read())
        binary.chmod(0o755)
        binary.replace(target)
    return target, ""


def _npm_reason(output: str) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return f" ({json.loads(output)['error']['code']})"
    return ""


def command(binary: Path, port: int, database: Path) -> list[str]:
    return [str(binary), "serve", "--host", "127.0.0.1", "--port", str(port), "--db-path", str(database)]


def index_stream(database: Path) -> None:
    """Give the stream's records the indexes that Dynoxide's own queries lack, and drop those older than 24 hours.

    Without the indexes every write searches all records ever written for the newest sequence number, and every read
    searches them for its position: at 20,000 records a write takes 4.5 ms instead of 0.2, and an empty poll 7.5 ms
    instead of 0.2. DynamoDB keeps stream records for 24 hours. The newest record of each table stays, since the next
    sequence number is counted on from it. A database of another version with another schema is left as it is.
    """
    number = "CAST(sequence_number AS INTEGER)"
    statements = (
        f"CREATE INDEX IF NOT EXISTS parley_stream_position ON _stream_records (table_name, shard_id, {number})",
        f"CREATE INDEX IF NOT EXISTS parley_stream_newest ON _stream_records (table_name, {number})",
        f"DELETE FROM _stream_records WHERE created_at < {int(time.time()) - _RETENTION_SECONDS}"
        " AND id NOT IN (SELECT MAX(id) FROM _stream_records GROUP BY table_name)",
    )
    with (
        contextlib.suppress(sqlite3.OperationalError),
        contextlib.closing(sqlite3.connect(database, timeout=5)) as connection,
        connection,
    ):
        for statement in statements:
            connection.execute(statement)
