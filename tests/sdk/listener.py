"""What Twilio's Sync libraries do with events: they drop what they know, and remember the highest id of an object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.sdk.device import SUBSCRIPTIONS, Packet, SdkDevice

STRICT = "twilio.sync.event"


class Listener:
    """The objects that a device has opened. `heard` has the events that an application would get, in order."""

    def __init__(self, device: SdkDevice, version: int = 4):
        self.device = device
        self.version = version
        self.heard: list[tuple[str, Any]] = []
        self.last: dict[str, int] = {}
        self.types: dict[str, str] = {}
        self.known: dict[str, dict[Any, int]] = {}
        self.data: dict[str, Any] = {}
        self.items: dict[str, dict[Any, Any]] = {}
        self.failed: dict[str, int] = {}
        self._established: set[str] = set()
        self._correlation_id = 0

    def open(self, *paths: str) -> None:
        """Open objects and subscribe to them."""
        for path in paths:
            shown = self.device.get(path)
            self.types[shown["sid"]] = {"/v3/D": "document", "/v3/L": "list", "/v3/M": "map"}[path[:5]]
            self.last[shown["sid"]], self.known[shown["sid"]] = shown["last_event_id"], {}
            self.items[shown["sid"]] = {}
            self.data[shown["sid"]] = shown.get("data")
        self.subscribe()

    def sid(self, path: str) -> str:
        return str(self.device.get(path)["sid"])

    def subscribe(self, action: str = "establish", *sids: str) -> list[Packet]:
        """Subscribe to everything again, and hear what comes."""
        self.device.packets()
        self._correlation_id += 1
        named = [{"object_sid": sid, "object_type": self.types[sid]} for sid in sids or self.types]
        if action == "establish":
            self._established.clear()
            for one in named:
                one |= {"last_event_id": self.last[one["object_sid"]]}
        body = {
            "event_protocol_version": self.version,
            "action": action,
            "correlation_id": self._correlation_id,
            "requests": named,
        }
        reply, *later = came = self.device.request("POST", SUBSCRIPTIONS, body)
        assert reply.header["method"] == "reply" and reply.status == 200, reply
        self.device.packets()
        self.take(later)
        return came

    def listen(self, lost: Iterable[int] = ()) -> None:
        """Hear the pushes since the last call; the ones with these numbers are lost."""
        pushes = [packet for packet in self.device.heard() if packet.header["method"] == "notification"]
        self.take(packet for number, packet in enumerate(pushes) if number not in set(lost))

    def take(self, pushes: Iterable[Packet]) -> None:
        for packet in pushes:
            several = packet.body.get("events")
            assert several is None or self.version >= 4
            for event in several if several is not None else [packet.body["event"]]:
                self._apply(packet.body, event, is_strict=packet.header["message_type"] == STRICT)

    def _apply(self, body: dict[str, Any], event: dict[str, Any], *, is_strict: bool) -> None:
        name = body["event_type"]
        if name.startswith("subscription_"):
            assert body["correlation_id"] == self._correlation_id
            sid = event["object_sid"]
            if name == "subscription_established" and event["replay_status"] == "completed":
                self.last[sid] = max(self.last[sid], event["last_event_id"])
                self._established.add(sid)
            elif name == "subscription_failed":
                self.failed[sid] = event["error"]["code"]
            return
        type_ = name.split("_")[0]
        sid = event[f"{type_}_sid"]
        if sid not in self.types:
            return
        key = event.get("item_index", event.get("item_key"))
        if name == "document_updated":
            if event["id"] > self.last[sid]:
                if self.data[sid] != event["document_data"]:
                    self.heard.append((name, event["document_data"]))
                self.last[sid], self.data[sid] = event["id"], event["document_data"]
            return
        if name.endswith("_item_removed"):
            self.known[sid][key] = max(self.known[sid].get(key, -1), event["id"])
            self.items[sid].pop(key, None)
            self.heard.append((name, key))
        elif self.known[sid].get(key, -1) < event["id"]:
            is_new = key not in self.known[sid]
            self.known[sid][key] = event["id"]
            if type_ == "list" or self.items[sid].get(key) != event["item_data"]:
                self.heard.append((name if is_new else name.replace("added", "updated"), key))
            self.items[sid][key] = event["item_data"]
        if is_strict or sid in self._established:
            self.last[sid] = max(self.last[sid], event["id"])

    def news(self) -> list[tuple[str, Any]]:
        """What the application heard since the last call."""
        heard, self.heard = self.heard, []
        return heard
