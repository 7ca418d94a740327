"""The types of records that are stored. A type exists when it is listed here."""

from __future__ import annotations

from parley.records.accounts import ACCOUNT, ACCOUNT_CONFIGURATION
from parley.records.address_configurations import ADDRESS_CONFIGURATION
from parley.records.api_keys import API_KEY
from parley.records.bindings import BINDING
from parley.records.channel_webhooks import CHANNEL_WEBHOOK
from parley.records.channels import CHANNEL
from parley.records.credentials import CREDENTIAL
from parley.records.invites import INVITE
from parley.records.media import MEDIA
from parley.records.members import MEMBER
from parley.records.messages import MESSAGE
from parley.records.messaging_services import MESSAGING_SERVICE
from parley.records.receipts import RECEIPT
from parley.records.roles import ROLE
from parley.records.senders import SENDER
from parley.records.services import SERVICE
from parley.records.spec import Registry
from parley.records.users import USER

RECORDS = Registry(
    SERVICE,
    ROLE,
    USER,
    BINDING,
    CHANNEL,
    CHANNEL_WEBHOOK,
    MEMBER,
    MESSAGE,
    MEDIA,
    RECEIPT,
    INVITE,
    CREDENTIAL,
    ACCOUNT,
    ACCOUNT_CONFIGURATION,
    ADDRESS_CONFIGURATION,
    API_KEY,
    MESSAGING_SERVICE,
    SENDER,
)

__all__ = [
    "ACCOUNT",
    "ACCOUNT_CONFIGURATION",
    "ADDRESS_CONFIGURATION",
    "API_KEY",
    "BINDING",
    "CHANNEL",
    "CHANNEL_WEBHOOK",
    "CREDENTIAL",
    "INVITE",
    "MEDIA",
    "MEMBER",
    "MESSAGE",
    "MESSAGING_SERVICE",
    "RECEIPT",
    "RECORDS",
    "ROLE",
    "SENDER",
    "SERVICE",
    "USER",
]
