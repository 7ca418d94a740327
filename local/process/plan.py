"""The plan of one run, which the supervisor writes to a file for its child processes, and the pipes between them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.console.files import CONSOLE_PATH
from local.home import Home, read_json, write_json
from local.phones.carrier import CARRIER_PATH
from local.process.lean import keep_small
from local.process.report import report_to
from local.template.bound import BoundTemplate
from local.template.declared import REGION, Function
from local.template.intrinsics import Physical
from local.template.template import Template

CONNECTIONS_PATH = "/_aws"
OBJECTS_PATH = "/_aws/s3"
TEXTS_PATH = "/_texts/"
SMS_VOICE_PATH = f"{TEXTS_PATH}sms-voice"
SOCIAL_MESSAGING_PATH = f"{TEXTS_PATH}social-messaging"
HEALTH_PATH = "/_aws/health"
_DEBUGGING_SETTINGS = {
    "LogLevel": "PARLEY_LOG_LEVEL",
    "FastPush": "PARLEY_FAST_PUSH",
    "ActionsPerSecond": "PARLEY_ACTIONS_PER_SECOND",
    "SocketRequestsPerSecond": "PARLEY_REQUESTS_PER_SECOND",
    "WebhookAgeSeconds": "PARLEY_DELIVERY_AGE_SECONDS",
    "StudioUrl": "PARLEY_STUDIO_URL",
    "PhoneNumbers": "PARLEY_PHONE_NUMBERS",
    "WhatsAppSenders": "PARLEY_WHATSAPP_SENDERS",
    "GroupMessages": "PARLEY_GROUP_MESSAGES",
    "CarrierUrl": "PARLEY_CARRIER_URL",
    "Phones": "PARLEY_PHONES",
    "SmsCountries": "PARLEY_SMS_COUNTRIES",
    "SmsMaxPrice": "PARLEY_TEXTS_MAX_PRICE",
    "MediaLimitMb": "PARLEY_MEDIA_LIMIT_MB",
    "MediaUnattachedSeconds": "PARLEY_MEDIA_UNATTACHED_SECONDS",
}
"""Parameters of the template, and the environment variables that set them for one run."""
_LOCALLY = {
    "PhoneNumbers": "+12025550119,+12025550164",
    "WhatsAppSenders": "whatsapp:+12025550119",
    "GroupMessages": "true",
    "Phones": "true",
    "SmsCountries": "",
}
"""Parameters that every local run sets: what it takes to try phones.

These numbers are the simulated carrier's. Without countries, texts may go to every one.
"""
AWS_NUMBERS = ("+12025550143", "+12025550178")
"""The numbers for texts that the local account has at AWS End User Messaging."""
AWS_SENDERS = ("whatsapp:+12025550143",)
"""Its senders on WhatsApp there."""


@dataclass(frozen=True)
class Plan:
    home: str
    template: str
    parameters: dict[str, str]
    physical: dict[str, dict[str, Any]]
    engine: str
    dynamodb: str
    ministack: str
    rest_url: str
    ws_url: str
    account_sid: str = ""
    auth_token: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Plan:
        return cls(**read_json(path))

    def save(self) -> None:
        write_json(Home(Path(self.home)).plan, asdict(self))

    def auth_tokens(self) -> tuple[str, ...]:
        """The account's valid auth tokens at this moment: two while the token is being replaced."""
        return Home(Path(self.home)).auth_tokens() or (self.auth_token,)

    def bound(self) -> BoundTemplate:
        """The template with the values of this run."""
        template = read_template(Path(self.template), Home(Path(self.home)), self.parameters)
        physical = {name: Physical(entry["ref"], entry["attributes"]) for name, entry in self.physical.items()}
        return BoundTemplate(template, physical)

    def functions(self, template: BoundTemplate) -> dict[str, Function]:
        """The functions with their settings for this machine: its own addresses, and webhooks may go to loopback.

        Messages from numbers that are not AWS's go to the simulated carrier if the settings name no other.
        """
        rest, sockets = template.rest_api(), template.socket_api()
        in_aws = f"execute-api.{REGION}.amazonaws.com"
        replacements = {
            f"https://{rest.logical_id.lower()}.{in_aws}/{rest.stage}": self.rest_url,
            f"wss://{sockets.logical_id.lower()}.{in_aws}/{sockets.stage}": self.ws_url,
            f"https://{sockets.logical_id.lower()}.{in_aws}": self.rest_url + CONNECTIONS_PATH,
        }
        carrier = self.parameters.get("CarrierUrl") or self.rest_url + CARRIER_PATH
        local_values = {
            "PARLEY_WEBHOOK_ALLOW_LOOPBACK": "true",
            "PARLEY_CARRIER_URL": carrier,
            "PARLEY_CONSOLE_URL": self.rest_url + CONSOLE_PATH,
            "PARLEY_MEDIA_LINKS_URL": self.rest_url + OBJECTS_PATH,
        }
        return template.functions(local_values, replacements)


def carriers_numbers(parameters: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The numbers in one of the parameters `PhoneNumbers` and `WhatsAppSenders`, which belong to a carrier's URL."""
    return tuple(number for number in parameters.get(name, "").split(",") if number)


def aws_numbers(parameters: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The numbers for texts and the senders on WhatsApp that the account has at AWS: those that no parameter names."""
    if parameters.get("Phones") != "true":
        return (), ()
    taken = {*carriers_numbers(parameters, "PhoneNumbers"), *carriers_numbers(parameters, "WhatsAppSenders")}
    texts, senders = ([one for one in own if one not in taken] for own in (AWS_NUMBERS, AWS_SENDERS))
    return tuple(texts), tuple(senders)


def read_template(path: Path, home: Home, parameters: dict[str, str]) -> Template:
    return Template(path, home.stack_uuid(), parameters)


def given_parameters() -> dict[str, str]:
    """Parameters of a local run, as this process's environment sets them."""
    return _LOCALLY | {name: os.environ[key] for name, key in _DEBUGGING_SETTINGS.items() if os.environ.get(key)}


@dataclass(frozen=True)
class Descriptors:
    """The pipes between the supervisor and its children."""

    lifeline: int
    """Nothing is ever written to it. Reading it ends when the supervisor has ended."""
    problems: int
    wake_read: int
    """The gateway writes a byte after every call of a function, since there may be new records in the stream."""
    wake_write: int

    def arguments(self) -> list[str]:
        return [str(self.lifeline), str(self.problems), str(self.wake_read), str(self.wake_write)]

    def all(self) -> tuple[int, ...]:
        return self.lifeline, self.problems, self.wake_read, self.wake_write


def begin_child(stop: Callable[[], None], descriptors: Descriptors) -> None:
    """Set a child process up: on SIGTERM, or when the supervisor has ended, `stop` is called in some thread."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    report_to(descriptors.problems)
    keep_small()
    # PyJWT imports this package where it finds it, in 30 ms. The functions' layer does not have it.
    sys.modules.setdefault("cryptography", None)  # type: ignore[arg-type]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop())

    def watch() -> None:
        os.read(descriptors.lifeline, 1)
        stop()

    threading.Thread(target=watch, daemon=True).start()


def end_child(status: int = 0) -> None:
    """End this process now, without waiting for handlers that are still running."""
    sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(status)
