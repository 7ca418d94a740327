"""The registry of rows. A resource is offered when its row is listed here."""

from __future__ import annotations

from parley.resources.accounts import ACCOUNT
from parley.resources.api_keys import API_KEY
from parley.resources.bindings import BINDING, USER_BINDING
from parley.resources.channel_webhooks import CHANNEL_WEBHOOK
from parley.resources.channels import CHANNEL
from parley.resources.channels_v3 import CHANNEL_MIGRATION
from parley.resources.credentials import CREDENTIAL
from parley.resources.invites import INVITE
from parley.resources.members import MEMBER
from parley.resources.messages import MESSAGE
from parley.resources.roles import ROLE
from parley.resources.services import SERVICE
from parley.resources.spec import Resource
from parley.resources.user_channels import USER_CHANNEL
from parley.resources.users import USER

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
