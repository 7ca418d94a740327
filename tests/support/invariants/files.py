"""Invariants of files: records, messages and objects name each other."""

from __future__ import annotations

from collections.abc import Iterator

from parley.domain.messages import files_of
from tests.support.invariants.account import Account, Check, Item


def _files(account: Account) -> Iterator[str]:
    """Files and messages name each other. A file that no message carries is listed, and it expires."""
    carried = {
        file["sid"]: message
        for key, message in account.of("MESSAGE#")
        if not account.is_left(key)
        for file in files_of(message)
    }
    records = {item["sid"]: item for key, item in account.of("MEDIA") if key.sk == "MEDIA"}
    for sid, message in carried.items():
        if records.get(sid, {}).get("message_sid") != message["sid"]:
            yield f"{message['sid']} carries {sid}, whose record names {records.get(sid, {}).get('message_sid')}"
    for sid, record in records.items():
        message_sid = record.get("message_sid")
        is_waiting = message_sid is None
        if message_sid and sid not in carried and (account.swept or record["channel_sid"] in account.channels):
            yield f"{sid} names {message_sid}, which does not carry it"
        if is_waiting != ("expires_at" in record) or is_waiting != ("gsi1pk" in record):
            yield f"{sid} is {'not ' * (not is_waiting)}waiting for a message, and expires at {record.get('expires_at')}"
        if record["service_sid"] not in account.services and account.swept:
            yield f"{sid} is left of {record['service_sid']}, which is gone"
    yield from _objects(account, records)


def _objects(account: Account, records: dict[str, Item]) -> Iterator[str]:
    """Each file whose bytes have come has an object, and there is no other object."""
    if account.objects is None:
        return
    stored = {key.rpartition("/")[2] for key in account.objects}
    for sid, record in records.items():
        is_over = "expires_at" in record and record["expires_at"] * 1000 <= account.now_ms
        if record["state"] == "ready" and not is_over and sid not in stored:
            yield f"{sid} is ready, and there is no object"
    for sid in stored - records.keys() if account.swept else ():
        yield f"the object of {sid} is left, and its record is gone"


CHECKS: tuple[Check, ...] = (_files,)
