"""Push notifications: the types of credentials, bindings and notifications, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parley.errors import BINDING_TYPE_INVALID, INVALID_PARAMETER, MISSING_PARAMETER, UNKNOWN_VALUE, Refusal
from parley.stored import Device

CREDENTIAL_TYPES = ("gcm", "apn", "fcm")
MESSAGE_TYPES = ("new_message", "added_to_channel", "invited_to_channel", "removed_from_channel")
# No real device needs longer ones. Without a limit, a registration could have any size.
LONGEST_ADDRESS = 4096
LONGEST_ENDPOINT = 512
# How many devices of one user are told.
MOST_DEVICES = 10
# An address of Apple's is 32 bytes; longer ones are announced.
_SHORTEST_APN_DIGITS = 64
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")

# The parameters of secrets by their fields.
_NAMES = {
    "certificate": "Certificate",
    "private_key": "PrivateKey",
    "api_key": "ApiKey",
    "secret": "Secret",
    "key_id": "KeyId",
    "team_id": "TeamId",
    "bundle_id": "BundleId",
}
SECRETS = tuple(_NAMES)
"""The fields of a credential that are handed to the push service and never stored."""
# What each type of credential needs. A certificate of Apple's may be replaced by a key of Apple's and its owner.
_BY_CERTIFICATE, _BY_KEY = ("certificate", "private_key"), ("private_key", "key_id", "team_id", "bundle_id")
_NEEDED = {"apn": _BY_CERTIFICATE, "gcm": ("api_key",), "fcm": ("secret",)}
# What SNS calls them.
_ATTRIBUTES = {
    _BY_CERTIFICATE: {"certificate": "PlatformPrincipal", "private_key": "PlatformCredential"},
    _BY_KEY: {
        "private_key": "PlatformCredential",
        "key_id": "PlatformPrincipal",
        "team_id": "ApplePlatformTeamID",
        "bundle_id": "ApplePlatformBundleID",
    },
    ("secret",): {"secret": "PlatformCredential"},
    # Nobody delivers with one: https://firebase.google.com/support/faq#fcm-depr-features
    ("api_key",): {"api_key": "PlatformCredential"},
}


# The secrets of which a new one means that the push service needs to know.
USED = {"apn": frozenset(_BY_CERTIFICATE + _BY_KEY), "gcm": frozenset({"api_key"}), "fcm": frozenset({"secret"})}


def needed_secrets(credential_type: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of the secrets that a credential needs, in the way that its fields choose."""
    is_by_key = not fields.get("certificate") and any(fields.get(name) for name in ("key_id", "team_id", "bundle_id"))
    return _BY_KEY if credential_type == "apn" and is_by_key else _NEEDED[credential_type]


def check_secrets(credential_type: str, fields: Mapping[str, Any]) -> None:
    """Check that a credential has what its type needs.

    Raises:
        Refusal: 20001.
    """
    for name in needed_secrets(credential_type, fields):
        if not fields.get(name):
            raise MISSING_PARAMETER(name=_NAMES[name])


def for_push_service(credential_type: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """The secrets of a credential as SNS's attributes."""
    attributes = _ATTRIBUTES[needed_secrets(credential_type, fields)]
    return {attribute: fields[name] for name, attribute in attributes.items()}


def platform_of(credential_type: str, is_sandbox: bool | None) -> str | None:
    """SNS's name of the push service that a credential is for; None if nobody delivers with it any longer."""
    return {"apn": "APNS_SANDBOX" if is_sandbox else "APNS", "fcm": "GCM"}.get(credential_type)


def unusable_secrets(credential_type: str, fields: Mapping[str, Any]) -> Refusal:
    """The refusal of secrets that the push service cannot use: 20001."""
    name = _NAMES[needed_secrets(credential_type, fields)[0]]
    return INVALID_PARAMETER(name=name, reason="the push service cannot use it")


def check_address(binding_type: str, address: str) -> None:
    """Check that a push service may know a device by this address.

    Raises:
        Refusal: 20001.
    """
    if not 0 < len(address) <= LONGEST_ADDRESS:
        raise INVALID_PARAMETER(name="Address", reason=f"1 to {LONGEST_ADDRESS} characters are needed")
    if binding_type == "apn":
        is_hex = len(address) >= _SHORTEST_APN_DIGITS and len(address) % 2 == 0 and _HEX_DIGITS.issuperset(address)
        if not is_hex:
            reason = f"an even number of hexadecimal digits is needed, {_SHORTEST_APN_DIGITS} or more"
            raise INVALID_PARAMETER(name="Address", reason=reason)
    elif " " in address or not address.isprintable():
        raise INVALID_PARAMETER(name="Address", reason="blanks and unprintable characters cannot be in it")


def same_address(binding_type: str, address: str) -> str:
    """An address as Parley stores it: those of Apple may be spelled in several ways."""
    return address.lower() if binding_type == "apn" else address


def oldest(devices: Mapping[str, Device]) -> str:
    """The binding whose device was registered before all others."""
    return min(devices, key=lambda sid: (devices[sid]["at"], sid))


def check_binding(binding_type: str, endpoint: str, address: str, message_types: list[str]) -> None:
    """Check that a device may register with these values.

    Raises:
        Refusal: 50209 for an unknown type; 20001 for an unusable endpoint, address or message type.
    """
    if binding_type not in CREDENTIAL_TYPES:
        raise BINDING_TYPE_INVALID()
    if not 0 < len(endpoint) <= LONGEST_ENDPOINT:
        raise INVALID_PARAMETER(name="Endpoint", reason=f"1 to {LONGEST_ENDPOINT} characters are needed")
    check_address(binding_type, address)
    for message_type in message_types:
        if message_type not in MESSAGE_TYPES:
            raise UNKNOWN_VALUE(name="MessageTypes", choices=", ".join(MESSAGE_TYPES))
