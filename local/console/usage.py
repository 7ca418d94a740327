"""Counts of a local run, for the console's page *Usage*.

    GET /console/usage     {"began": ..., "at": ..., "sockets": ..., "counts": [...]}; Basic account SID and auth token

The functions write what they count as lines of CloudWatch's metric format, here into the logs of their processes.
CloudWatch adds these lines up in AWS, and this module does so here. Both show the same figures under the same names.

Counts begin when the gateway starts. If nobody has asked for a long time, too much may have been written to read it
all. Then the counts begin anew, with another `began`. To show a rate, subtract two answers with the same `began`.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local.console.files import CONSOLE_PATH
from local.http.owner import is_owner
from local.http.server import Request, Response

USAGE_PATH = f"{CONSOLE_PATH}/usage"
MOST_READ = 16 * 1024 * 1024
_MARK = b'{"_aws":'
_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
_Key = tuple[str, str, str]


class MetricLog:
    """Reads the lines with metrics that a log gets from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = 0
        self._offset = 0
        self._rest = b""
        self.skip()

    def skip(self) -> None:
        """Go to the end."""
        self._rest = b""
        self._file, self._offset = self._state()

    def _state(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size

    def unread(self) -> int:
        """How many bytes are left. A process that was started again has begun another file."""
        file, size = self._state()
        if file != self._file or size < self._offset:
            self._file, self._offset, self._rest = file, 0, b""
        return size - self._offset

    def read(self) -> list[dict[str, Any]]:
        """The metrics in the lines that were completed since the last call."""
        if not self.unread():
            return []
        with self._path.open("rb") as log:
            log.seek(self._offset)
            data = log.read(MOST_READ)
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [found for line in lines if line.startswith(_MARK) and (found := _parsed(line))]


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:  # two processes' lines, one in the other
        return None
    return found if isinstance(found, dict) else None


class Usage:
    """Adds up what the logs tell, and shows it to the account's owner."""

    def __init__(
        self,
        logs: Sequence[MetricLog],
        account_sid: str,
        auth_tokens: Callable[[], Sequence[str]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._logs = logs
        self._account_sid = account_sid
        self._auth_tokens = auth_tokens
        self._now = now
        self._reading = threading.Lock()
        self._sums: dict[_Key, list[float]] = {}
        self._began = int(now() * 1000)

    async def respond(self, request: Request, sockets: int) -> Response:
        """Answer a request to `USAGE_PATH`; so many sockets are open."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"", [("Allow", "GET, HEAD")])
        if not is_owner(request, self._account_sid, self._auth_tokens()):
            return Response(401, b'{"message":"Account SID and auth token, please."}', _HEADERS)
        shown = await asyncio.to_thread(self.read)
        return Response(200, json.dumps({**shown, "sockets": sockets}).encode(), _HEADERS)

    def read(self) -> dict[str, Any]:
        """Everything that was counted since `began`. A sum of times is in milliseconds; `times` says of how many."""
        with self._reading:
            if sum(log.unread() for log in self._logs) > MOST_READ:
                for log in self._logs:
                    log.skip()
                self._sums.clear()
                self._began = int(self._now() * 1000)
            for log in self._logs:
                for found in log.read():
                    self._add(found)
            counts = [
                {
                    "metric": metric,
                    "service": service,
                    "sum": total,
                    "times": int(times),
                    **({"code": code} if code else {}),
                }
                for (metric, service, code), (total, times) in sorted(self._sums.items())
            ]
            return {"began": self._began, "at": int(self._now() * 1000), "counts": counts}

    def _add(self, found: dict[str, Any]) -> None:
        service, code = str(found.get("service", "")), str(found.get("code", ""))
        for directive in found["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values = found[metric["Name"]]
                values = values if isinstance(values, list) else [values]
                sums = self._sums.setdefault((metric["Name"], service, code), [0.0, 0.0])
                sums[0] += sum(values)
                sums[1] += len(values)
