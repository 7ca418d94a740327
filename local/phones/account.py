"""What AWS End User Messaging knows of the account: numbers and their settings, opt-out lists, limits, destinations.

If a request changes something, that survives a restart, in a file of the home. The rest follows from the plan of the
run.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.home import read_json, write_json
from local.phones.aws_models import AwsError
from local.phones.events import WhatsAppSender
from local.phones.handsets import WHATSAPP_PREFIX
from local.template.declared import ACCOUNT, REGION

DEFAULT_LIST = "Default"
TEXTS, MEDIA = "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "MEDIA_MESSAGE_MONTHLY_SPEND_LIMIT"
MOST_SPENT = 1_000_000
_WINDOWS = 2_000
_BORN = 1_760_000_000.0


@dataclass(frozen=True)
class Own:
    """What the plan of a run says of the account.

    Attributes:
        numbers: The numbers for texts.
        senders: The numbers on WhatsApp, with `whatsapp:` before them.
        inbound: The topic that gets texts from phones, and all events of WhatsApp.
        role: The role with which AWS publishes texts there.
        receipts: The topic that gets what becomes of texts.
        configuration_set: The name that leads texts' events to `receipts`.
        protection: The id of the protect configuration.
        countries: The countries that it allows.
    """

    numbers: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    inbound: str = ""
    role: str = ""
    receipts: str = ""
    configuration_set: str = "parley"
    protection: str = "protect-parley"
    countries: frozenset[str] = frozenset({"US", "CA"})


class Account:
    """The account at AWS. Use it from several threads inside `changing()`, which holds its lock and then saves."""

    def __init__(self, own: Own, file: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.own = own
        self.now = now
        self.lock = threading.RLock()
        self._file = file
        kept = (read_json(file) if file is not None else None) or {}
        self.numbers: dict[str, dict[str, Any]] = kept.get("numbers", {})
        self.lists: dict[str, dict[str, Any]] = kept.get("lists") or {DEFAULT_LIST: {"at": _BORN, "numbers": {}}}
        self.destinations: list[dict[str, Any]] | None = kept.get("destinations")
        self.limits: dict[str, int] = kept.get("limits", {})
        self.spent: dict[str, float] = kept.get("spent", {})
        self.windows: dict[str, float] = kept.get("windows", {})

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change the account, alone, and keep the change."""
        with self.lock:
            yield
            if self._file is not None:
                kept = ("numbers", "lists", "destinations", "limits", "spent", "windows")
                write_json(self._file, {name: getattr(self, name) for name in kept})

    # Numbers for texts.

    def number(self, identity: str) -> str:
        """The number that an identity, id or ARN names; raises `ResourceNotFoundException`."""
        for number in self.own.numbers:
            if identity in (
                number,
                number.removeprefix("+"),
                number_id(number),
                arn("phone-number", number_id(number)),
            ):
                return number
        raise missing("phone-number", identity)

    def settings(self, number: str) -> dict[str, Any]:
        """The settings of a number that a request can change."""
        by_default = {
            "TwoWayEnabled": bool(self.own.inbound),
            "TwoWayChannelArn": self.own.inbound or None,
            "TwoWayChannelRole": self.own.role or None,
            "SelfManagedOptOutsEnabled": False,
            "OptOutListName": DEFAULT_LIST,
            "InternationalSendingEnabled": True,
            "DeletionProtectionEnabled": False,
        }
        return by_default | self.numbers.get(number, {})

    def opt_out_list(self, name: str) -> tuple[str, dict[str, Any]]:
        """The name and the content of a list, by its name or ARN; raises `ResourceNotFoundException`."""
        name = name.rpartition("opt-out-list/")[2]
        if name not in self.lists:
            raise missing("opt-out-list", name)
        return name, self.lists[name]

    # Money.

    def limit(self, name: str) -> int:
        return self.limits.get(name, MOST_SPENT)

    def spend(self, name: str, price: float) -> bool:
        """Take a price out of the month's limit; False if it does not suffice. Call it inside `changing()`."""
        month = f"{name} {datetime.fromtimestamp(self.now(), UTC):%Y-%m}"
        if self.spent.get(month, 0.0) + price > self.limit(name):
            return False
        self.spent = {month: self.spent.get(month, 0.0) + price} | {
            key: value for key, value in self.spent.items() if key.endswith(month[-7:]) and key != month
        }
        return True

    # WhatsApp.

    def sender(self, identity: str) -> WhatsAppSender:
        """The number on WhatsApp that an id or an ARN names; raises `ResourceNotFoundException`."""
        for sender in self.whatsapp_senders():
            if identity in (sender.arn, sender_id(sender)):
                return sender
        raise AwsError("ResourceNotFoundException", f"There is no phone number {identity}")

    def whatsapp_senders(self) -> list[WhatsAppSender]:
        waba = _digest("waba")
        return [
            WhatsAppSender(
                number=address.removeprefix(WHATSAPP_PREFIX),
                arn=arn("phone-number-id", _digest(address), "social-messaging"),
                meta_id=_digits(address),
                waba_arn=arn("waba", waba, "social-messaging"),
                waba_meta_id=_digits("waba"),
                name="Parley",
            )
            for address in self.own.senders
        ]

    def event_destinations(self) -> list[dict[str, Any]]:
        """Where events of WhatsApp go."""
        if self.destinations is not None:
            return self.destinations
        return [{"eventDestinationArn": self.own.inbound}] if self.own.inbound else []

    def heard(self, phone: str, sender: str) -> None:
        """Note that a person has written to a sender, who may answer freely for a day."""
        with self.changing():
            self.windows.pop(f"{phone} {sender}", None)
            self.windows[f"{phone} {sender}"] = self.now()
            while len(self.windows) > _WINDOWS:
                self.windows.pop(next(iter(self.windows)))


def arn(kind: str, name: str, service: str = "sms-voice") -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{name}"


def number_id(number: str) -> str:
    """AWS's id of a number for texts."""
    return f"phone-{_digest(number)}"


def sender_id(sender: WhatsAppSender) -> str:
    """AWS's id of a number on WhatsApp."""
    return f"phone-number-id-{sender.arn.rpartition('/')[2]}"


def waba_id(sender: WhatsAppSender) -> str:
    """AWS's id of the business account of a number on WhatsApp."""
    return f"waba-{sender.waba_arn.rpartition('/')[2]}"


def missing(kind: str, name: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException", f"There is no {kind} {name}", ResourceType=kind, ResourceId=name or "unknown"
    )


def born() -> datetime:
    """When whatever a local account has from the start was made."""
    return datetime.fromtimestamp(_BORN, UTC)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _digits(text: str) -> str:
    return str(int(_digest(text), 16))[:15]
