"""What devices have heard: from whoever pushed, or from fan-out alone."""

from __future__ import annotations

from tests.sockets.deployment import Device


def got(device: Device) -> list[str]:
    """The bodies of the messages that came since the socket was opened, whoever pushed them."""
    return [frame["message"]["body"] for frame in device.frames() if frame.get("event") == "messageAdded"]


def later(device: Device) -> list[str]:
    """The events that fan-out pushed to it for what has happened since it last ran."""
    before = len(device.frames())
    device._deployment.announce()
    return [frame["event"] for frame in device.frames()[before:]]
