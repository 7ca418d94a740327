"""Progress: a file with the pump's positions in the streams and the messages in the queues, for a restart after a kill.

A killed MiniStack forgets the messages that were queued since its last clean stop. A function queues messages when it
is called with stream records. If only the positions were kept, these messages would be lost after a kill. So positions
and messages are kept in one file. The positions are read first, then the messages, then the file is replaced. So if a
function queued a message for a record before a kept position, the message is in the file or was worked off.

After a kill the messages go back to their queues, and the streams are read on from the positions. Nothing is lost. The
last calls before the kill may be made twice, as on AWS. After a clean stop the file holds no messages, because
MiniStack has saved its queues itself.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from local.home import Home, read_json, write_json

Positions = dict[str, dict[str, str]]
"""For each mapping and stream, the sequence number of the last record done, by shard."""

_LONGEST_DELAY_SECONDS = 900
_BATCH = 10


def positions(home: Home) -> Positions:
    """The positions that were kept last."""
    kept: Positions = (read_json(home.progress) or {}).get("positions", {})
    return kept


class ProgressKeeper:
    """Keeps the file up to date, and writes it only if something has changed."""

    def __init__(self, home: Home, ministack: str, current: Callable[[], Positions]) -> None:
        self._home = home
        self._ministack = ministack
        self._current = current
        self._last: dict[str, Any] = {}

    def keep(self) -> float:
        """Bring the file up to date; returns how many seconds that took."""
        started = time.monotonic()
        state: dict[str, Any] = {"positions": self._current()}
        state["queues"] = queued_messages(self._ministack)
        if state != self._last:
            write_json(self._home.progress, state)
            self._last = state
        return time.monotonic() - started


def mark_clean(home: Home) -> None:
    """Take the messages out of the file. Call this only after MiniStack has saved its queues itself."""
    write_json(home.progress, {"positions": positions(home), "queues": None})


def discard_queues(home: Home, sqs: Any) -> None:
    """After a kill, delete the queues whose messages were kept. They are created anew and get their messages back.

    To empty them would not be enough. A FIFO queue drops messages that it has seen within the last minutes, and by
    MiniStack's saved state it may have seen the messages that are to go back.
    """
    for address in _kept_queues(home):
        with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
            sqs.delete_queue(QueueUrl=_url_of(sqs, address))


def restore_queues(home: Home, sqs: Any) -> int:
    """Put the kept messages back into their new queues, in order; returns how many there were.

    A message becomes visible when it would have without the kill, but after 15 minutes at most. In a FIFO queue it is
    visible at once. Its receives are counted from 1 again, because SQS lets nobody set that count.
    """
    now = time.time()
    count = 0
    for address, messages in _kept_queues(home).items():
        try:
            url = _url_of(sqs, address)
        except sqs.exceptions.QueueDoesNotExist:
            continue  # the template no longer has it
        for start in range(0, len(messages), _BATCH):
            batch = messages[start : start + _BATCH]
            sqs.send_message_batch(QueueUrl=url, Entries=[_entry(index, one, now) for index, one in enumerate(batch)])
            count += len(batch)
    return count


def _kept_queues(home: Home) -> dict[str, list[dict[str, Any]]]:
    return (read_json(home.progress) or {}).get("queues") or {}


def _url_of(sqs: Any, address: str) -> str:
    return str(sqs.get_queue_url(QueueName=address.rsplit("/", 1)[1])["QueueUrl"])


def _entry(index: int, message: dict[str, Any], now: float) -> dict[str, Any]:
    entry = {"Id": str(index), "MessageBody": message["Body"]}
    if message.get("MessageAttributes"):
        entry["MessageAttributes"] = message["MessageAttributes"]
    if message.get("MessageGroupId"):
        return entry | {name: message[name] for name in ("MessageGroupId", "MessageDeduplicationId")}
    return entry | {"DelaySeconds": int(min(max(message["VisibleAt"] - now, 0), _LONGEST_DELAY_SECONDS))}


def queued_messages(ministack: str) -> dict[str, list[dict[str, Any]]]:
    """Every message in MiniStack's queues by queue address, hidden ones too."""
    connection = http.client.HTTPConnection(ministack.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", "/_ministack/sqs/messages")
        accounts = json.loads(connection.getresponse().read())["messages"]
    finally:
        connection.close()
    wanted = ("Body", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "VisibleAt")
    return {
        address: [{key: message[key] for key in wanted} for message in messages]
        for regions in accounts.values()
        for queues in regions.values()
        for address, messages in queues.items()
    }
