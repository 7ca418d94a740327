"""The push port: notifications to phones and browsers through SNS, which hands them to Apple and to Google.

    a credential    is an application of SNS. It is named by the credential's SID and holds the secrets.
    a device        is an endpoint of an application. It is made before the first notification, and named by its ARN.

    SNS's answer to a notification              outcome
    ------------------------------------------- ---------------------------------------------------------------------
    a message id                                `Delivered`, with the endpoint's ARN
    EndpointDisabled, NotFound                  `Gone(52103)`: the app was removed. The endpoint is deleted.
    InvalidParameter for the device's address   `Gone(52102)`: the push service knows no such device
    InvalidParameter for the application        `Refused(52131)`, as if there were no application
    InvalidParameter for the endpoint           the endpoint is made again, once
    AuthorizationError                          `Refused(52109)`: Parley may not use the application
    PlatformApplicationDisabled, no application `Refused(52131)`: the push service does not take the credential
    a type that nobody delivers any longer      `Refused(52117)`
    throttling, any other error, or no answer   `Retry`

What a caller may rely on:

- A delivery that is repeated may reach the device twice, with the same payload: it names its notification.
- After `Gone` nothing is left of the endpoint. A device that registers again gets a new one.
- Making, changing and deleting an application can be repeated without harm.
- Safe to use from several threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from parley.errors import UNAVAILABLE

# The settings of the client that the port is given. A queue repeats deliveries, and clients of REST their requests.
CLIENT_CONFIG: dict[str, Any] = {
    "retries": {"mode": "standard", "total_max_attempts": 2},
    "connect_timeout": 1,
    "read_timeout": 4,
}
# The longest that one request can take, with the pause before the second attempt.
LONGEST_REQUEST_SECONDS = 2 * (1 + 4) + 1
# Late notifications are noise.
SECONDS_TO_LIVE = 24 * 3600

# https://www.twilio.com/docs/api/errors
BAD_ADDRESS, UNREGISTERED, NOT_AUTHORIZED, NOT_DELIVERED, DISABLED = 52102, 52103, 52109, 52117, 52131
APN, FCM, GCM = "apn", "fcm", "gcm"

_LOST = (NotConnected, HTTPClientError)
_THROTTLED = {"Throttled", "Throttling", "ThrottlingException", "KMSThrottling", "RequestLimitExceeded"}
# How SNS begins to say what is wrong with a device's address.
_ABOUT_TOKEN = re.compile(r"Invalid parameter: Token\b")
# SNS names the endpoint that has the address already.
_ENDPOINT = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:endpoint/[A-Za-z0-9_./-]+")


class Device(NamedTuple):
    """A device to deliver to.

    Attributes:
        type: `apn`, `fcm` or `gcm`.
        application: The ARN of the credential's application; empty if the credential has none.
        address: What the push service knows the device by.
        endpoint: The ARN that the last delivery told; empty if there is none, or if the device registered since.
    """

    type: str
    application: str
    address: str
    endpoint: str = ""


class Notification(NamedTuple):
    """What a device is told.

    Attributes:
        payload: For APN everything that the app gets, with `aps`; for FCM the data, whose values are texts.
        is_background: Whether the app is told without the user noticing, such as a new badge.
        collapse_id: Of APN notifications with the same one, a device shows the last; empty for none.
    """

    payload: Mapping[str, Any]
    is_background: bool = False
    collapse_id: str = ""


class Delivered(NamedTuple):
    """The push service has the notification. `endpoint` is to be kept for the next one."""

    endpoint: str


class Gone(NamedTuple):
    """No notification reaches this device again."""

    code: int


class Retry(NamedTuple):
    """Not known, or not now: `reason` says why. The notification may be handed over again."""

    reason: str


class Refused(NamedTuple):
    """This device cannot be told, for a reason that lies with the credential."""

    code: int


Outcome = Delivered | Gone | Retry | Refused


# What SNS says of an endpoint that somebody deleted.
_NOT_FOUND, _NOT_VALID = Retry("NotFound"), Retry("InvalidParameter")


class SecretsRefused(Exception):
    """The push service cannot use a credential's secrets. Its words are not repeated: they may hold parts of them."""


class _NotThere(Exception):
    """There is no such application."""


class PushGateway:
    """SNS's mobile push, through a low-level client."""

    def __init__(self, client: Callable[[], Any], applications: str) -> None:
        """Keep applications below an ARN such as `arn:aws:sns:us-east-1:123456789012:app`.

        Args:
            client: Makes the client, when a request is first sent.
        """
        self._make_client = client
        self._applications = applications
        self._client: Any = None

    def application(self, platform: str, name: str) -> str:
        """The ARN that an application has, or would have."""
        return f"{self._applications}/{platform}/{name}"

    def create_application(self, platform: str, name: str, secrets: Mapping[str, str]) -> str:
        """Hand a credential's secrets to SNS under a new name; returns the application's ARN.

        `platform` is `APNS`, `APNS_SANDBOX` or `GCM`. `secrets` are SNS's own attributes, such as `PlatformCredential`.

        Raises:
            SecretsRefused: if the push service cannot use them.
            Refusal: 20503 if SNS cannot be reached.
        """
        answer = self._ask("create_platform_application", Name=name, Platform=platform, Attributes=dict(secrets))
        return str(answer["PlatformApplicationArn"])

    def update_application(self, application: str, secrets: Mapping[str, str]) -> None:
        """Replace the secrets of an application, and enable it again. If somebody deleted it, it is made again.

        Raises:
            SecretsRefused: if the push service cannot use them.
            Refusal: 20503 if SNS cannot be reached.
        """
        attributes = {**secrets, "Enabled": "true"}
        try:
            self._ask("set_platform_application_attributes", PlatformApplicationArn=application, Attributes=attributes)
        except _NotThere:
            _, platform, name = application.rsplit("/", 2)
            self.create_application(platform, name, secrets)

    def delete_application(self, application: str) -> None:
        """Delete an application with its secrets; it is no error if there is none.

        Raises:
            Refusal: 20503 if SNS cannot be reached.
        """
        self._ask("delete_platform_application", PlatformApplicationArn=application)

    def _ask(self, action: str, **parameters: Any) -> Any:
        """SNS's answer to a request about an application."""
        try:
            return self._call(action, **parameters)
        except _LOST:
            raise UNAVAILABLE() from None
        except ClientError as error:
            # The error's own text may hold what was sent.
            _refuse(error)

    def deliver(self, device: Device, notification: Notification) -> Outcome:
        """Hand a notification for one device to its push service; the module says what each outcome means."""
        if device.type not in _MESSAGES:
            return Refused(NOT_DELIVERED)
        if not device.application:
            return Refused(DISABLED)
        try:
            if not _is_of(device):
                return self._begin(device, notification)
            outcome = self._publish(device.type, device.endpoint, notification)
            if outcome == _NOT_FOUND:
                return self._gone(device)
            # Of a deleted endpoint, SNS also says that its ARN is not valid.
            return self._begin(device, notification) if outcome == _NOT_VALID else outcome
        except _LOST as error:
            return Retry(type(error).__name__)
        except ClientError as error:
            return _outcome(_code(error))

    def _gone(self, device: Device) -> Outcome:
        """The outcome for a device whose endpoint is not there: its application may be gone, and not the device.

        Only making an endpoint tells that, with the rights that are needed anyway.
        """
        endpoint = self._endpoint(device)
        if not isinstance(endpoint, str):
            return endpoint
        self._call("delete_endpoint", EndpointArn=endpoint)
        return Gone(UNREGISTERED)

    def _begin(self, device: Device, notification: Notification) -> Outcome:
        endpoint = self._endpoint(device)
        if not isinstance(endpoint, str):
            return endpoint
        outcome = self._publish(device.type, endpoint, notification)
        return Gone(UNREGISTERED) if outcome == _NOT_FOUND else outcome

    def _publish(self, type_: str, endpoint: str, notification: Notification) -> Outcome:
        message, attributes = _MESSAGES[type_](notification)
        try:
            self._call(
                "publish",
                TargetArn=endpoint,
                MessageStructure="json",
                Message=message,
                MessageAttributes={
                    f"AWS.SNS.MOBILE.{name}": {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )
        except ClientError as error:
            outcome = _outcome(_code(error))
            if isinstance(outcome, Gone):
                # Otherwise a later device with this address would get a disabled endpoint.
                self._call("delete_endpoint", EndpointArn=endpoint)
            return outcome
        return Delivered(endpoint)

    def _endpoint(self, device: Device) -> str | Outcome:
        """The ARN of the device's endpoint, which is enabled, whatever SNS thought of it before it registered.

        It is given no data of ours, since SNS refuses to make an endpoint a second time with other data.
        """
        try:
            made = self._call(
                "create_platform_endpoint", PlatformApplicationArn=device.application, Token=device.address
            )
            endpoint = str(made["EndpointArn"])
        except ClientError as error:
            if _code(error) == "NotFound":
                return Refused(DISABLED)
            if _code(error) != "InvalidParameter":
                return _outcome(_code(error))
            # Whatever else SNS dislikes, the device may be well.
            if not _ABOUT_TOKEN.search(str(error)):
                return Refused(DISABLED)
            found = _ENDPOINT.search(str(error))
            if not found:
                return Gone(BAD_ADDRESS)
            endpoint = found[0]
        enabled = {"Token": device.address, "Enabled": "true"}
        self._call("set_endpoint_attributes", EndpointArn=endpoint, Attributes=enabled)
        return endpoint

    def _call(self, action: str, **parameters: Any) -> Any:
        if self._client is None:
            self._client = self._make_client()
        return getattr(self._client, action)(**parameters)


def _is_of(device: Device) -> bool:
    """Whether the device's endpoint belongs to the credential's application, which may be another by now."""
    return bool(device.endpoint) and device.endpoint.startswith(device.application.replace(":app/", ":endpoint/") + "/")


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _refuse(error: ClientError) -> NoReturn:
    code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED or status >= 500:
        raise UNAVAILABLE() from None
    if code == "InvalidParameter":
        raise SecretsRefused from None
    if code == "NotFound":
        raise _NotThere from None
    raise RuntimeError(f"SNS refuses: {code}") from None


def _outcome(code: str) -> Outcome:
    if code == "EndpointDisabled":
        return Gone(UNREGISTERED)
    if code in ("AuthorizationError", "AccessDenied", "AccessDeniedException"):
        return Refused(NOT_AUTHORIZED)
    if code == "PlatformApplicationDisabled":
        return Refused(DISABLED)
    return Retry(code)


def _for_apple(notification: Notification) -> tuple[str, dict[str, str]]:
    payload = _json(notification.payload)
    attributes = {
        "APNS.PUSH_TYPE": "background" if notification.is_background else "alert",
        "APNS.PRIORITY": "5" if notification.is_background else "10",
        "APNS.TTL": str(SECONDS_TO_LIVE),
        "APNS_SANDBOX.TTL": str(SECONDS_TO_LIVE),
    }
    if notification.collapse_id:
        attributes["APNS.COLLAPSE_ID"] = notification.collapse_id
    # SNS takes the one that fits the application.
    return _json({"default": "", "APNS": payload, "APNS_SANDBOX": payload}), attributes


def _for_google(notification: Notification) -> tuple[str, dict[str, str]]:
    message = {"data": dict(notification.payload), "android": {"priority": "high"}}
    payload = _json({"fcmV1Message": {"message": message}})
    return _json({"default": "", "GCM": payload}), {"FCM.TTL": str(SECONDS_TO_LIVE)}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


_MESSAGES = {APN: _for_apple, FCM: _for_google}
