"""Hands queued notifications to the push port, and stores the outcomes.

    push  {"cause", "at", "service_sid", "channel_sid", "kind", "people", "record", ...}          from fan-out
    push  {"cause", "at", "service_sid", "channel_sid", "kind", "devices", "notification", ...}   devices left for later

`sockets/notifying.py` queues jobs of the first form, which name up to a hundred people. `composing.py` turns such a job
into one of the second form. Devices that cannot be reached now go into a new job, so they hold up no others. If this
function dies, SQS hands out the whole job again: devices may then get a second copy, which has the same id.

While a job waits, another user may register the phone, or its user may be deleted. So `push` reads whose phone it is
just before it sends.

    the port's outcome   what this module does
    -------------------- -----------------------------------------------------------------------------------------------
    Delivered            the endpoint is noted, so the next notification need not ask for it
    Gone                 the registration is removed, and its user may no longer be notifiable
    Refused              counted and logged with its credential; nothing is removed, for the operator can mend it
    Retry                tried again after a pause that doubles up to a minute, for ten minutes: then it is old news
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Any, NamedTuple

from parley.background.composing import composed
from parley.background.consumer import QueuedRecord, work_off
from parley.background.job import Job
from parley.domain.memberships import birth_of
from parley.domain.notifications import BADGE, payload
from parley.errors import CONCURRENT_UPDATE, NOT_FOUND, Refusal, ignoring
from parley.ids import chunk_id, notification_sid
from parley.jobs import Again, Entry, Turn
from parley.log import logger
from parley.metrics import (
    NOTIFICATIONS,
    NOTIFICATIONS_GIVEN_UP,
    NOTIFICATIONS_GONE,
    NOTIFICATIONS_REFUSED,
    NOTIFICATIONS_RETRIED,
    count,
)
from parley.operations import badges, devices
from parley.operations.context import Context
from parley.ports.push import APN, Delivered, Device, Gone, Notification, Outcome, Refused, Retry
from parley.ports.queue import Queue
from parley.store import keys
from parley.store.keys import Key
from parley.stored import Pushed

JOB = "push"
IN_FLIGHT = 16
MOST_DEVICES = 100
# An entry may have 256 KB. Addresses may have 4,096 characters, but most have 200.
_MOST_BYTES = 180_000
# What a device takes beside its address.
_OTHER_BYTES = 600
LONGEST_PAUSE_SECONDS = 60
GIVEN_UP_MS = 10 * 60_000
KEPT_SECONDS = 7 * 24 * 3600
# A delivery takes one request to SNS, or four, each of which may have to be repeated.
_MARGIN_MS = 15_000
# A device shows the last badge that it was told, and none before it.
_COLLAPSE_ID = "badge"


class _Told(NamedTuple):
    """A device as the entry describes it, and what came of telling it."""

    device: dict[str, Any]
    outcome: Outcome


class Notifications:
    """The push function's work."""

    def __init__(self, context: Context, queue: Queue) -> None:
        self._context = context
        self._queue = queue
        self._pool = ThreadPoolExecutor(max_workers=IN_FLIGHT)

    def work_off(self, records: list[QueuedRecord], remaining_ms: Callable[[], int]) -> list[str]:
        """Carry out a batch of queued jobs; the message ids of those that must stay queued."""
        counted = _Badges(self._context, _newest(records))

        def carry_out(entry: Entry, turn: Turn) -> Again | None:
            return self._carry_out(entry, turn, counted)

        return work_off({JOB: Job(self._queue, carry_out)}, records, remaining_ms)

    def _carry_out(self, entry: Entry, turn: Turn, counted: _Badges) -> Again | None:
        early_ms = entry.get("due_at", 0) - self._context.clock.now_ms()
        if early_ms > 0:
            # FIFO queues delay no single entry.
            return Again(-(-early_ms // 1000))
        try:
            if "people" in entry:
                entry = composed(self._context, entry)
            else:
                entry = {**entry, "devices": self._registered(entry)}
            told = self._tell_all(entry, self._applications(entry), turn, counted)
        except Refusal as refusal:
            if "people" in entry:
                self._compose_later(entry, refusal)
                return None
            told = [_Told(device, Retry(refusal.error.name)) for device in entry["devices"]]
        left = [device for device, outcome in told if isinstance(outcome, Retry)]
        given_up = left if self._is_old(entry) else []
        if left and not given_up:
            self._queue.send([self._tell_later(entry, chunk) for chunk in _chunks(left)])
            count(NOTIFICATIONS_RETRIED, len(left))
        self._settle(entry, told, given_up)
        return None

    def _tell_all(self, entry: Entry, applications: dict[str, str], turn: Turn, counted: _Badges) -> list[_Told]:
        def tell(device: dict[str, Any]) -> Outcome:
            if turn.remaining_ms() < _MARGIN_MS:
                return Retry("late")
            try:
                return self._tell(entry, device, applications[device["credential_sid"]], counted)
            except Refusal as refusal:
                return Retry(refusal.error.name)

        # Each thread counts and logs for this invocation.
        running: list[Future[Outcome]] = [
            self._pool.submit(copy_context().run, tell, device) for device in entry["devices"]
        ]
        return [_Told(device, one.result()) for device, one in zip(entry["devices"], running, strict=True)]

    def _registered(self, entry: Entry) -> list[dict[str, Any]]:
        """An entry's devices that are still their users' own, with the endpoints that are known by now."""
        users = {device["user_sid"] for device in entry["devices"]}
        found = self._context.table.fetch_many(
            [key(sid) for sid in sorted(users) for key in (keys.user, keys.user_devices)]
        )
        registered = []
        for device in entry["devices"]:
            user, held = found.get(keys.user(device["user_sid"])), found.get(keys.user_devices(device["user_sid"]))
            own = user and held and birth_of(user) == birth_of(held) == device["birth"]
            at_hand = held["devices"].get(device["binding_sid"]) if own and held else None
            if at_hand is not None and at_hand["address"] == device["address"]:
                registered.append({**device, "arn": at_hand.get("arn", ""), "at": at_hand["at"]})
        return registered

    def _applications(self, entry: Entry) -> dict[str, str]:
        """The ARNs of the applications of the devices' credentials, by credential; empty for those without one."""
        found: dict[str, str] = {}
        for sid in {device["credential_sid"] for device in entry["devices"]}:
            credential = sid and self._context.configuration.fetch(keys.credential(self._context.account_sid, sid))
            found[sid] = (credential or {}).get("application") or "" if credential else ""
        return found

    def _tell(self, entry: Entry, device: dict[str, Any], application: str, counted: _Badges) -> Outcome:
        told = entry["notification"][device["face"]]
        badge = counted.of(device) if entry.get("badge") and device["type"] == APN and "index" in entry else None
        if entry["kind"] == BADGE:
            badge = counted.of(device)
        is_badge = entry["kind"] == BADGE
        notification = Notification(
            payload(device["type"], told, _sid(entry, device), badge), is_badge, _COLLAPSE_ID if is_badge else ""
        )
        where = Device(device["type"], application, device["address"], device.get("arn", ""))
        return self._context.push.deliver(where, notification)

    def _is_old(self, entry: Entry) -> bool:
        return bool(self._context.clock.now_ms() + _pause(entry) * 1000 - entry["at"] > GIVEN_UP_MS)

    def _compose_later(self, entry: Entry, refusal: Refusal) -> None:
        """Queue an entry again whose people's devices could not be read, unless it is old news."""
        facts = {"reason": refusal.error.name, "people": len(entry["people"])}
        if self._is_old(entry):
            count(NOTIFICATIONS_GIVEN_UP, len(entry["people"]))
            logger.error("notifications given up", extra=facts)
            return
        logger.warning("notifications wait for the table", extra=facts)
        self._queue.send([self._later(entry, *(person[0] for person in entry["people"]))])

    def _tell_later(self, entry: Entry, left: list[dict[str, Any]]) -> Entry:
        return self._later({**entry, "devices": left}, *(device["binding_sid"] for device in left))

    def _later(self, entry: Entry, *names: str) -> Entry:
        """The job that tells later what an entry tells, in a group of its own; `names` are those whom it tells."""
        waits = entry.get("waits", 0) + 1
        name = chunk_id(entry["once"], str(waits), *names)
        due_at = self._context.clock.now_ms() + _pause(entry) * 1000
        return {**entry, "waits": waits, "due_at": due_at, "group": name, "once": name}

    def _settle(self, entry: Entry, told: list[_Told], given_up: list[dict[str, Any]]) -> None:
        """Keep what came of an entry. Devices are not told again if a part of that fails."""
        _count(entry, told, given_up)
        for keep in (self._note_endpoints, self._remove_gone):
            try:
                keep(entry, told)
            except Refusal as refusal:
                # The next notification finds the same.
                logger.warning("outcome of notifications not kept", extra={"reason": refusal.error.name})
        if entry.get("log"):
            with ignoring(NOT_FOUND):
                self._log(entry, told, given_up)

    def _note_endpoints(self, entry: Entry, told: list[_Told]) -> None:
        new: dict[str, dict[str, tuple[str, str]]] = {}
        for device, outcome in told:
            if isinstance(outcome, Delivered) and outcome.endpoint != device.get("arn"):
                of_user = new.setdefault(device["user_sid"], {})
                of_user[device["binding_sid"]] = device["address"], outcome.endpoint
        for user_sid, endpoints in new.items():
            devices.note_endpoints(self._context, user_sid, endpoints)

    def _remove_gone(self, entry: Entry, told: list[_Told]) -> None:
        for device, outcome in told:
            if not isinstance(outcome, Gone):
                continue
            binding = self._context.table.fetch(keys.binding(entry["service_sid"], device["binding_sid"]))
            # A device that registered again while it was told has an endpoint that works.
            if binding is not None and binding["date_updated"] == device["at"]:
                with ignoring(NOT_FOUND, CONCURRENT_UPDATE):
                    devices.remove(self._context, binding, device["address"])

    def _log(self, entry: Entry, told: list[_Told], given_up: list[dict[str, Any]]) -> None:
        records: dict[Key[Any], Pushed] = {}
        expires_at = self._context.clock.now_ms() // 1000 + KEPT_SECONDS
        for device, outcome in told:
            word, code = _words(outcome)
            if word or device in given_up:
                sid = _sid(entry, device)
                records[keys.pushed(device["user_sid"], entry["at"], sid)] = {
                    "sid": sid,
                    "type": entry["notification"][device["face"]]["kind"],
                    "channel_sid": entry["channel_sid"],
                    "device": device["binding_sid"],
                    "outcome": word or "given_up",
                    "code": code,
                    "expires_at": expires_at,
                }
        try:
            self._context.table.put_many(records)
        except Refusal as refusal:
            logger.warning("log of notifications not written", extra={"reason": refusal.error.name})


class _Badges:
    """The badges of the users of one batch, each counted once."""

    def __init__(self, context: Context, newest: dict[str, int]) -> None:
        self._context = context
        self._newest = newest
        self._lock = Lock()
        self._of_users: dict[str, tuple[Lock, dict[str, int]]] = {}

    def of(self, device: dict[str, Any]) -> int:
        """The badge of a device's user, as the device's face counts it."""
        with self._lock:
            lock, known = self._of_users.setdefault(device["user_sid"], (Lock(), {}))
        with lock:
            if not known:
                known.update(badges.badges(self._context, device["user_sid"], device["birth"], self._newest))
            return known[device["face"]]


def _newest(records: Iterable[QueuedRecord]) -> dict[str, int]:
    """The index of the newest message that a batch tells of, by channel."""
    newest: dict[str, int] = {}
    for record in records:
        entry = json.loads(record["body"])
        if "index" in entry:
            newest[entry["channel_sid"]] = max(newest.get(entry["channel_sid"], -1), entry["index"])
    return newest


def _sid(entry: Entry, device: dict[str, Any]) -> str:
    """The notification's SID. A removal may also lower the badge: the same cause, but two notifications."""
    cause = chunk_id(entry["cause"], BADGE) if entry["kind"] == BADGE else entry["cause"]
    return notification_sid(cause, device["binding_sid"])


def _chunks(devices: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    size = 0
    for device in devices:
        length = _OTHER_BYTES + _length(device["address"])
        if chunk and (len(chunk) == MOST_DEVICES or size + length > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(device)
        size += length
    if chunk:
        yield chunk


def _length(address: str) -> int:
    """How long an address is in JSON, at most: there, one character may take two escapes of six."""
    return len(address) + address.count('"') + address.count("\\") if address.isascii() else 12 * len(address)


def _pause(entry: Entry) -> int:
    return int(min(2 ** entry.get("waits", 0), LONGEST_PAUSE_SECONDS))


def _words(outcome: Outcome) -> tuple[str, int]:
    """What the log says of an outcome; nothing of one that is tried again."""
    match outcome:
        case Delivered():
            return "delivered", 0
        case Gone(code):
            return "gone", code
        case Refused(code):
            return "refused", code
    return "", 0


def _count(entry: Entry, told: list[_Told], given_up: list[dict[str, Any]]) -> None:
    refused: dict[tuple[str, int], int] = {}
    for device, outcome in told:
        match outcome:
            case Delivered():
                count(NOTIFICATIONS)
            case Gone():
                count(NOTIFICATIONS_GONE)
            case Refused(code):
                count(NOTIFICATIONS_REFUSED, 1, code)
                place = device["credential_sid"], code
                refused[place] = refused.get(place, 0) + 1
    if given_up:
        count(NOTIFICATIONS_GIVEN_UP, len(given_up))
    for (credential_sid, code), number in refused.items():
        facts = {"credential_sid": credential_sid, "code": code, "devices": number}
        logger.warning("notifications refused", extra=facts)
