"""The registry of rows. A resource is offered when its row is listed here."""

from __future__ import annotations

from parley.records.accounts import ACCOUNT
from parley.records.api_keys import API_KEY
from parley.records.bindings import BINDING, USER_BINDING
from parley.records.channel_webhooks import CHANNEL_WEBHOOK
from parley.records.channels import CHANNEL
from parley.records.channels_v3 import CHANNEL_MIGRATION
from parley.records.credentials import CREDENTIAL
from parley.records.invites import INVITE
from parley.records.members import MEMBER
from parley.records.messages import MESSAGE
from parley.records.roles import ROLE
from parley.records.services import SERVICE
from parley.records.spec import Resource
from parley.records.user_channels import USER_CHANNEL
from parley.records.users import USER

REGISTRY: tuple[Resource, ...] = (
    SERVICE,
    ROLE,
    USER,
    USER_CHANNEL,
    USER_BINDING,
    BINDING,
    CHANNEL,
    CHANNEL_MIGRATION,
    CHANNEL_WEBHOOK,
    MEMBER,
    MESSAGE,
    INVITE,
    CREDENTIAL,
    ACCOUNT,
    API_KEY,
)
