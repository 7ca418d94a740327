"""A stand-in for the mobile push of SNS: applications, endpoints, and the phones behind them.

It answers the seven actions of SNS that Parley takes. `phones/push_door.py` leads to it.

A phone is made with its endpoint. Its state decides what happens to a notification:

    on             a notification arrives at once
    offline        notifications wait until it is on. Of those with the same collapse id, only the last one waits.
    uninstalled    the next notification is lost, and SNS disables the endpoint. SNS refuses later ones.
                   Enabling the endpoint again helps for one notification only.

As SNS does, the stand-in checks the form of secrets. It does not keep them. Applications, endpoints and the phones'
states survive a restart. The notifications that phones have got do not.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from local.home import read_json, write_json

ON, OFFLINE, UNINSTALLED = "on", "offline", "uninstalled"
STATES = (ON, OFFLINE, UNINSTALLED)
_KEPT = 200
_LONGEST_PAYLOAD = 4096
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_APPLE, _GOOGLE = ("APNS", "APNS_SANDBOX"), ("GCM",)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){32,}")
_OF_SERVICE_ACCOUNTS = ("project_id", "private_key", "client_email")


class SnsError(Exception):
    """SNS's refusal of a request."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


@dataclass
class Phone:
    """An endpoint, and the phone behind it.

    Attributes:
        id: The last part of the endpoint's ARN.
        application: The ARN of the endpoint's application.
        token: What the push service knows the phone by.
        is_enabled: Whether SNS delivers to it.
        badge: The number on the app's icon.
        shown: What the phone has got, oldest first.
        waiting: What waits until it is on.
    """

    id: str
    application: str
    token: str
    is_enabled: bool = True
    state: str = ON
    badge: int | None = None
    shown: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    waiting: list[dict[str, Any]] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"{self.application.replace(':app/', ':endpoint/')}/{self.id}"

    def get(self, notification: dict[str, Any]) -> None:
        """Take a notification, or let it wait."""
        if self.state == OFFLINE:
            collapse = notification["collapse_id"]
            self.waiting = [one for one in self.waiting if not collapse or one["collapse_id"] != collapse]
            self.waiting = [*self.waiting[1 - _KEPT :], notification]
            return
        self.shown.append(notification)
        if notification["badge"] is not None:
            self.badge = notification["badge"]

    def turn(self, state: str) -> None:
        """Change the state. What waited arrives, or is lost with the app."""
        self.state = state
        if state == OFFLINE:
            return
        waiting, self.waiting = self.waiting, []
        if state == UNINSTALLED:
            self.badge = None
            self.shown.clear()
            return
        for notification in waiting:
            self.get(notification)

    def summary(self) -> dict[str, Any]:
        """What the list of phones shows of it."""
        platform, credential = self.application.split("/")[-2:]
        return {
            "id": self.id,
            "endpoint": self.arn,
            "platform": platform,
            "credential_sid": credential,
            "address": self.token,
            "is_enabled": self.is_enabled,
            "state": self.state,
            "badge": self.badge,
            "notifications": len(self.shown),
            "waiting": len(self.waiting),
        }


class PushServices:
    """SNS's applications and endpoints, and the phones. Safe to use from several threads.

    `file` is where they outlast the run.
    """

    def __init__(
        self, region: str, account: str, file: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._place = f"arn:aws:sns:{region}:{account}"
        self._file = file
        self._now = now
        self._lock = threading.RLock()
        self._applications: dict[str, bool] = {}
        self._phones: dict[str, Phone] = {}
        kept = (read_json(file) if file is not None else None) or {}
        self._applications |= kept.get("applications", {})
        for one in kept.get("phones", []):
            phone = Phone(**one)
            self._phones[phone.arn] = phone

    # As SNS.

    def answer(self, body: bytes) -> tuple[int, str]:
        """The status and the XML with which SNS answers a request."""
        given = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        action = given.get("Action", "")
        try:
            with self._lock:
                if action not in _ACTIONS:
                    raise SnsError(400, "InvalidAction", f"The action {action} is not valid for this endpoint.")
                result = _ACTIONS[action](self, given)
        except SnsError as error:
            kind = "Sender" if error.status < 500 else "Receiver"
            told = f"<Type>{kind}</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
            return error.status, f"<ErrorResponse {_SPACE}><Error>{told}</Error>{_request_id(False)}</ErrorResponse>"
        told = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in result.items())
        result_xml = f"<{action}Result>{told}</{action}Result>"
        return 200, f"<{action}Response {_SPACE}>{result_xml}{_request_id(True)}</{action}Response>"

    def _create_application(self, given: Mapping[str, str]) -> dict[str, str]:
        name, platform = given.get("Name", ""), given.get("Platform", "")
        if not _NAME.fullmatch(name):
            raise _invalid("Name", "must be 1 to 256 letters, digits, underscores, hyphens and periods")
        if platform not in (*_APPLE, *_GOOGLE):
            raise _invalid("Platform", f"{platform} is not supported")
        _look_at_secrets(platform, _attributes(given))
        arn = f"{self._place}:app/{platform}/{name}"
        self._applications[arn] = True
        self._save()
        return {"PlatformApplicationArn": arn}

    def _set_application(self, given: Mapping[str, str]) -> dict[str, str]:
        arn, attributes = self._application(given), _attributes(given)
        if "PlatformCredential" in attributes or "PlatformPrincipal" in attributes:
            _look_at_secrets(arn.split("/")[-2], attributes)
        if "Enabled" in attributes:
            self._applications[arn] = attributes["Enabled"] == "true"
        self._save()
        return {}

    def _delete_application(self, given: Mapping[str, str]) -> dict[str, str]:
        arn = given.get("PlatformApplicationArn", "")
        self._applications.pop(arn, None)
        self._phones = {key: phone for key, phone in self._phones.items() if phone.application != arn}
        self._save()
        return {}

    def _application(self, given: Mapping[str, str]) -> str:
        arn = given.get("PlatformApplicationArn", "")
        if arn not in self._applications:
            raise SnsError(404, "NotFound", "PlatformApplication does not exist")
        return arn

    def _create_endpoint(self, given: Mapping[str, str]) -> dict[str, str]:
        application, token = self._application(given), given.get("Token", "")
        platform = application.split("/")[-2]
        if not token or len(token) > 4096 or (platform in _APPLE and not _HEX.fullmatch(token)):
            raise _invalid("Token", f"is not a token of {platform}")
        for phone in self._phones.values():
            if (phone.application, phone.token) == (application, token):
                return {"EndpointArn": phone.arn}
        phone = Phone(uuid4().hex, application, token)
        self._phones[phone.arn] = phone
        self._save()
        return {"EndpointArn": phone.arn}

    def _set_endpoint(self, given: Mapping[str, str]) -> dict[str, str]:
        phone, attributes = self._endpoint(given.get("EndpointArn", "")), _attributes(given)
        phone.token = attributes.get("Token", phone.token)
        phone.is_enabled = attributes.get("Enabled", str(phone.is_enabled)).lower() == "true"
        self._save()
        return {}

    def _delete_endpoint(self, given: Mapping[str, str]) -> dict[str, str]:
        self._phones.pop(given.get("EndpointArn", ""), None)
        self._save()
        return {}

    def _endpoint(self, arn: str) -> Phone:
        if arn not in self._phones:
            raise SnsError(404, "NotFound", "Endpoint does not exist")
        return self._phones[arn]

    def _publish(self, given: Mapping[str, str]) -> dict[str, str]:
        phone = self._endpoint(given.get("TargetArn", ""))
        platform = phone.application.split("/")[-2]
        payload = _payload(platform, given)
        if not self._applications.get(phone.application):
            raise SnsError(400, "PlatformApplicationDisabled", "Platform application is disabled")
        if not phone.is_enabled:
            raise SnsError(400, "EndpointDisabled", "Endpoint is disabled")
        message_id = str(uuid4())
        if phone.state == UNINSTALLED:
            phone.is_enabled = False
            self._save()
        else:
            attributes = _message_attributes(given)
            read = _read_apple if platform in _APPLE else _read_google
            collapse = attributes.get("AWS.SNS.MOBILE.APNS.COLLAPSE_ID", "")
            at = round(self._now() * 1000)
            about = {"message_id": message_id, "at": at, "collapse_id": collapse, "attributes": attributes}
            phone.get({**about, **read(payload), "payload": payload})
        return {"MessageId": message_id}

    def _save(self) -> None:
        if self._file is not None:
            lasting = ("id", "application", "token", "is_enabled", "state")
            phones = [{name: getattr(phone, name) for name in lasting} for phone in self._phones.values()]
            write_json(self._file, {"applications": self._applications, "phones": phones})

    # As the phones' owner.

    def phones(self) -> list[dict[str, Any]]:
        """All phones."""
        with self._lock:
            return [phone.summary() for phone in self._phones.values()]

    def phone(self, id_: str) -> dict[str, Any] | None:
        """A phone with all that it has got; None if there is none."""
        with self._lock:
            phone = self._named(id_)
            return {**phone.summary(), "shown": list(phone.shown)} if phone is not None else None

    def turn(self, id_: str, state: str) -> dict[str, Any] | None:
        """Change a phone's state to one of `STATES`; None if there is none."""
        with self._lock:
            if phone := self._named(id_):
                phone.turn(state)
                self._save()
            return self.phone(id_)

    def _named(self, id_: str) -> Phone | None:
        return next((phone for phone in self._phones.values() if phone.id == id_), None)

    def applications(self) -> list[str]:
        """The ARNs of all applications."""
        with self._lock:
            return list(self._applications)


_ACTIONS: dict[str, Callable[[PushServices, Mapping[str, str]], dict[str, str]]] = {
    "CreatePlatformApplication": PushServices._create_application,
    "SetPlatformApplicationAttributes": PushServices._set_application,
    "DeletePlatformApplication": PushServices._delete_application,
    "CreatePlatformEndpoint": PushServices._create_endpoint,
    "SetEndpointAttributes": PushServices._set_endpoint,
    "DeleteEndpoint": PushServices._delete_endpoint,
    "Publish": PushServices._publish,
}
_SPACE = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'


def _request_id(is_done: bool) -> str:
    told = f"<RequestId>{uuid4()}</RequestId>"
    return f"<ResponseMetadata>{told}</ResponseMetadata>" if is_done else told


def _invalid(name: str, reason: str) -> SnsError:
    return SnsError(400, "InvalidParameter", f"Invalid parameter: {name} Reason: {reason}")


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, key in given.items():
        if (part := re.fullmatch(r"Attributes\.entry\.(\d+)\.key", name)) is not None:
            found[key] = given.get(f"Attributes.entry.{part[1]}.value", "")
    return found


def _message_attributes(given: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, key in given.items():
        if (part := re.fullmatch(r"MessageAttributes\.entry\.(\d+)\.Name", name)) is not None:
            found[key] = given.get(f"MessageAttributes.entry.{part[1]}.Value.StringValue", "")
    return found


def _look_at_secrets(platform: str, attributes: Mapping[str, str]) -> None:
    """Refuse secrets that the push service cannot use, as far as that shows without asking it."""
    credential, principal = attributes.get("PlatformCredential", ""), attributes.get("PlatformPrincipal", "")
    if platform in _GOOGLE:
        # An API key of old is one word, and what begins as JSON is a service account.
        is_good = _is_service_account(credential) if "{" in credential else bool(credential.strip())
    elif "ApplePlatformTeamID" in attributes or "ApplePlatformBundleID" in attributes:
        is_named = bool(attributes.get("ApplePlatformTeamID") and attributes.get("ApplePlatformBundleID"))
        is_good = "PRIVATE KEY-----" in credential and bool(principal) and is_named
    else:
        is_good = "PRIVATE KEY-----" in credential and "BEGIN CERTIFICATE-----" in principal
    if not is_good:
        raise _invalid("Attributes Reason: Invalid value for attribute: PlatformCredential", "credentials are invalid")


def _is_service_account(text: str) -> bool:
    try:
        account = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(account, dict) and all(isinstance(account.get(name), str) for name in _OF_SERVICE_ACCOUNTS)


def _payload(platform: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What a message holds for a platform."""
    try:
        message = json.loads(given.get("Message", ""))
        own = message[platform]
        payload = json.loads(own)
        assert isinstance(message["default"], str) and isinstance(own, str) and isinstance(payload, dict)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        raise _invalid("Message Reason: Invalid message body", f"no default, or no JSON for {platform}") from None
    if given.get("MessageStructure") != "json":
        raise _invalid("MessageStructure", "json is needed")
    if len(own.encode()) > _LONGEST_PAYLOAD:
        raise _invalid("Message", f"too long for {platform}")
    if platform in _GOOGLE and not _is_google_message(payload):
        raise _invalid("Message", "fcmV1Message is not one")
    return payload


def _is_google_message(payload: Mapping[str, Any]) -> bool:
    """Whether it is a message of FCM's HTTP v1 API, whose data is all text."""
    message = (payload.get("fcmV1Message") or {}).get("message")
    data = message.get("data", {}) if isinstance(message, dict) else None
    return isinstance(data, dict) and all(isinstance(value, str) for value in data.values())


def _read_apple(payload: Mapping[str, Any]) -> dict[str, Any]:
    aps = payload.get("aps") or {}
    alert = aps.get("alert")
    text, title = (alert.get("body"), alert.get("title")) if isinstance(alert, dict) else (alert, None)
    return {"text": text, "title": title, "sound": aps.get("sound"), "badge": aps.get("badge")}


def _read_google(payload: Mapping[str, Any]) -> dict[str, Any]:
    data = payload["fcmV1Message"]["message"].get("data", {})
    names = {"text": "twi_body", "title": "twi_title", "sound": "twi_sound"}
    return {**{name: data.get(key) for name, key in names.items()}, "badge": None}
