"""Turns an entry of fan-out (what happened, and who should hear of it) into notifications for devices.

One batch read gets the devices of these people, and the channel and the author that a text names. Text and data are
rendered once for Chat and once for Conversations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parley.domain.channels import newest_index
from parley.domain.memberships import Person, birth_of
from parley.domain.notifications import (
    BADGE,
    CHAT,
    CONVERSATIONS,
    has_badges,
    is_logged,
    is_told,
    is_unread,
    is_wanted,
    refined,
    written,
)
from parley.ids import user_sid
from parley.jobs import Entry
from parley.operations import context as perspectives
from parley.operations.context import SYSTEM, Context
from parley.store import keys
from parley.store.keys import Key
from parley.store.table import Records
from parley.stored import Channel, Service

FACES = (CHAT, CONVERSATIONS)


def composed(context: Context, entry: Entry) -> Entry:
    """The entry with `devices` in place of the people, and with what each is told; without devices, nobody is."""
    told = {name: value for name, value in entry.items() if name not in _REPLACED}
    service = context.configuration.fetch(keys.service(context.account_sid, entry["service_sid"]))
    found = context.table.fetch_many(_wanted(entry)) if service else Records()
    channel = found.get(keys.channel(entry["channel_sid"])) or _deleted(entry)
    # If the channel was deleted since, nobody can open it.
    if service is None or channel is None:
        return {**told, "devices": []}
    devices = list(_devices(entry, service, channel, found))
    acting = _acting(entry, found)
    told["devices"] = devices
    told["notification"] = {
        face: {
            "kind": refined(entry["kind"], face, entry["record"]),
            **written(entry["kind"], face, service, channel, entry["record"], acting),
        }
        for face in FACES
        if any(device["face"] == face for device in devices)
    }
    if has_badges(service):
        told["badge"] = True
    if is_logged(service):
        told["log"] = True
    return told


_REPLACED = ("people", "record", "actor", "participant_sid", "horizons", "newest", "type")


def _deleted(entry: Entry) -> Channel | None:
    """As much of a deleted channel as a badge needs; None if the entry is not about the deletion."""
    return {"sid": entry["channel_sid"], "type": entry["type"]} if "type" in entry else None


def _people(entry: Entry) -> list[Person]:
    return [Person(*person) for person in entry["people"]]


def _hearing(entry: Entry, found: Records) -> list[Person]:
    """The people who hear of something. Of a badge, only those hear for whom one channel less has unread messages."""
    people = _people(entry)
    if "horizons" not in entry:
        return people
    tail = found.get(keys.tail(entry["channel_sid"]))
    newest = newest_index(tail) if tail else -1
    before = entry.get("newest", newest)
    return [
        person
        for person, (was, is_now) in zip(people, entry["horizons"], strict=True)
        if is_unread(before, was) and not is_unread(newest, is_now)
    ]


def _wanted(entry: Entry) -> Iterator[Key[Any]]:
    """The keys of all that a notification needs."""
    yield keys.channel(entry["channel_sid"])
    if "horizons" in entry:
        yield keys.tail(entry["channel_sid"])
    elif entry["actor"]:
        yield keys.user(user_sid(entry["service_sid"], entry["actor"]))
    for person in _people(entry):
        yield keys.user_devices(person.user_sid)
        yield keys.user(person.user_sid)


def _acting(entry: Entry, found: Records) -> dict[str, str]:
    identity = entry["actor"]
    user = found.get(keys.user(user_sid(entry["service_sid"], identity))) if identity else None
    acting = {"identity": identity or SYSTEM, "name": identity or SYSTEM}
    if user:
        acting |= {"user_sid": user["sid"], "name": user.get("friendly_name") or identity}
    if entry["participant_sid"]:
        acting["participant_sid"] = entry["participant_sid"]
    return acting


def _devices(entry: Entry, service: Service, channel: Channel, found: Records) -> Iterator[dict[str, Any]]:
    """The devices that hear of something, in the order of their users and bindings."""
    kind = entry["kind"]
    for person in _hearing(entry, found):
        user, held = found.get(keys.user(person.user_sid)), found.get(keys.user_devices(person.user_sid))
        # A deleted user hears nothing, and devices of an earlier one with the same identity are about to be swept.
        if user is None or held is None or not birth_of(user) == birth_of(held) == person.birth:
            continue
        for sid, device in sorted(held["devices"].items()):
            face = device.get("face") or CHAT
            is_hidden = face == CONVERSATIONS and not perspectives.CONVERSATIONS.knows(channel)
            is_for_it = device["type"] == "apn" or kind != BADGE
            if is_hidden or not is_for_it or not is_wanted(kind, device["types"]):
                continue
            if is_told(kind, face, service, entry["record"]):
                yield {
                    "user_sid": person.user_sid,
                    "birth": person.birth,
                    "binding_sid": sid,
                    "face": face,
                    "type": device["type"],
                    "address": device["address"],
                    "credential_sid": device.get("credential") or "",
                    "arn": device.get("arn", ""),
                    "at": device["at"],
                }
