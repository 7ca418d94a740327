"""Push notifications: the types of credentials, bindings and notifications, and what each needs."""

from __future__ import annotations

from typing import Any

from parley.errors import BINDING_TYPE_INVALID, INVALID_PARAMETER, MISSING_PARAMETER, UNKNOWN_VALUE

CREDENTIAL_TYPES = ("gcm", "apn", "fcm")
MESSAGE_TYPES = ("new_message", "added_to_channel", "invited_to_channel", "removed_from_channel")
# No real device needs longer ones. Without a limit, a registration could have any size.
LONGEST_ADDRESS = 4096
LONGEST_ENDPOINT = 512

# The secrets that each type of credential needs: field and parameter.
_SECRETS = {
    "apn": {"certificate": "Certificate", "private_key": "PrivateKey"},
    "gcm": {"api_key": "ApiKey"},
    "fcm": {"secret": "Secret"},
}


def check_secrets(credential_type: str, fields: dict[str, Any]) -> None:
    """Check that a credential has what its type needs.

    Raises:
        Refusal: 20001.
    """
    for name, form_name in _SECRETS[credential_type].items():
        if not fields.get(name):
            raise MISSING_PARAMETER(name=form_name)


def check_binding(binding_type: str, endpoint: str, address: str, message_types: list[str]) -> None:
    """Check that a device may register with these values.

    Raises:
        Refusal: 50209 for an unknown type; 20001 for an unusable endpoint, address or message type.
    """
    if binding_type not in CREDENTIAL_TYPES:
        raise BINDING_TYPE_INVALID()
    if not 0 < len(endpoint) <= LONGEST_ENDPOINT:
        raise INVALID_PARAMETER(name="Endpoint", reason=f"1 to {LONGEST_ENDPOINT} characters are needed")
    if not 0 < len(address) <= LONGEST_ADDRESS:
        raise INVALID_PARAMETER(name="Address", reason=f"1 to {LONGEST_ADDRESS} characters are needed")
    for message_type in message_types:
        if message_type not in MESSAGE_TYPES:
            raise UNKNOWN_VALUE(name="MessageTypes", choices=", ".join(MESSAGE_TYPES))
