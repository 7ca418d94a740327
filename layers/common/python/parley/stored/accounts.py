"""Records that belong to the account: its configurations, API keys and push credentials."""

from __future__ import annotations

from typing import TypedDict

from parley.stored.common import Stored


class ApiKey(Stored, total=False):
    """An API key; its secret is derived and never stored. One that ends by itself has `expires_at`."""

    friendly_name: str
    secret_hash: str


class Credential(Stored, total=False):
    """A push credential. SNS has its secrets, under the ARN `application`; only old records have some.

    `fingerprint` is the digest of the secrets that SNS got last.
    """

    friendly_name: str
    type: str
    application: str
    fingerprint: str
    certificate: str
    private_key: str
    sandbox: bool
    api_key: str
    secret: str


class LooseApplication(TypedDict, total=False):
    """An application of SNS's that may have no credential, since `at`."""

    application: str
    at: int


class AccountConfiguration(Stored, total=False):
    """The account's configuration."""

    default_chat_service_sid: str
    default_messaging_service_sid: str
    default_inactive_timer: str
    default_closed_timer: str
    pre_webhook_url: str
    post_webhook_url: str
    webhook_method: str
    webhook_filters: list[str]
    webhook_target: str


# Names with dots are attributes of their own.
_DottedAddressConfiguration = TypedDict(
    "_DottedAddressConfiguration",
    {
        "auto_creation.enabled": bool,
        "auto_creation.type": str,
        "auto_creation.conversation_service_sid": str,
        "auto_creation.webhook_url": str,
        "auto_creation.webhook_method": str,
        "auto_creation.webhook_filters": list[str],
        "auto_creation.studio_flow_sid": str,
        "auto_creation.studio_retry_count": int,
    },
    total=False,
)


class AddressConfiguration(Stored, _DottedAddressConfiguration, total=False):
    """An address, and what is to happen when a phone writes to it."""

    type: str
    address: str
    friendly_name: str
    address_country: str
