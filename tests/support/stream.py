"""The table's stream, as tests read it."""

from __future__ import annotations

from typing import Any

from local.pump.stream_reader import StreamReader

STREAM_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/parley-Table-1J2K3L4M5N6O7/stream/2026-01-15T11:40:00.000"
_PAGE = 500
StreamRecord = dict[str, Any]


class Stream:
    """The table's stream: `take` gives what is new since the last call, in the shape that Lambda passes on."""

    def __init__(self, endpoint: str, stream_arn: str):
        self._reader = StreamReader(endpoint, stream_arn)
        self._positions: dict[str, str] = {}
        for shard_id in self._reader.shards():
            self._reader.read(shard_id, None, True, 1)

    def take(self) -> list[StreamRecord]:
        taken: list[StreamRecord] = []
        for shard_id in self._reader.shards():
            while records := self._reader.read(shard_id, self._positions.get(shard_id), False, _PAGE):
                self._positions[shard_id] = records[-1]["dynamodb"]["SequenceNumber"]
                taken += records
        added = {"eventSource": "aws:dynamodb", "eventSourceARN": STREAM_ARN, "awsRegion": "us-east-1"}
        return [{**record, **added} for record in taken]
