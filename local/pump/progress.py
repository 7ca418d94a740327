"""How far the pump has come, saved together with what the queues hold. A restart after a kill goes on from that.

A position in a stream may be kept only when everything that was done before it is safe. A killed MiniStack forgets what
was queued since its last clean stop, so positions and queued messages are written as one file. First the positions are
read, then the queues are asked, then both replace the file. If a function queued a message for a record before a kept
position, the message is in the file or had been worked off.

After a kill the messages go back to their queues and the stream is read on from the positions. Nothing is lost. What
happened in the last moments before the kill may happen twice, as it may on AWS. After a clean stop the file holds no
messages, because MiniStack saved its own state later.
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
"""By mapping and stream: the sequence number of the last record done, by shard."""

_LONGEST_DELAY_SECONDS = 900
_BATCH = 10


def positions(home: Home) -> Positions:
    """The positions kept last."""
    kept: Positions = (read_json(home.progress) or {}).get("positions", {})
    return kept


class ProgressKeeper:
    """Writes progress when there is something new to write."""

    def __init__(self, home: Home, ministack: str, current: Callable[[], Positions]) -> None:
        self._home = home
        self._ministack = ministack
        self._current = current
        self._last: dict[str, Any] = {}

    def keep(self) -> float:
        """Bring the file up to date; how many seconds that took."""
        started = time.monotonic()
        state: dict[str, Any] = {"positions": self._current()}
        state["queues"] = queued_messages(self._ministack)
        if state != self._last:
            write_json(self._home.progress, state)
            self._last = state
        return time.monotonic() - started


def mark_clean(home: Home) -> None:
    """Note that MiniStack saved its queues itself. Call this only after it has."""
    write_json(home.progress, {"positions": positions(home), "queues": None})


def discard_queues(home: Home, sqs: Any) -> None:
    """After a kill, delete the queues that are about to be restored, before they are made again.

    Emptying them would not be enough: a FIFO queue drops messages that it has seen within the last minutes, and the
    state with which MiniStack comes back says that it has seen the messages that have to go back.
    """
    for address in _kept_queues(home):
        with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
            sqs.delete_queue(QueueUrl=_url_of(sqs, address))


def restore_queues(home: Home, sqs: Any) -> int:
    """Put the kept messages back into their new queues, in their order; how many.

    A message becomes visible when it would have without the kill, but after 15 minutes at most, and at once in a FIFO
    queue. Attempts are counted from 1 again, because nobody can set them from outside.
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
    """Every message in MiniStack's queues by queue address, also those being worked on or waiting."""
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
