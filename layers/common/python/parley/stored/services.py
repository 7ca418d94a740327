"""Services, with their roles, users and devices, and the count of their actions."""

from __future__ import annotations

from typing import TypedDict

from parley.stored.common import OfService, Stored

# Names with dots are attributes of their own.
_DottedService = TypedDict(
    "_DottedService",
    {
        "limits.channel_members": int,
        "limits.user_channels": int,
        "conversations.pre_webhook_url": str,
        "conversations.post_webhook_url": str,
        "conversations.webhook_method": str,
        "conversations.webhook_filters": list[str],
    },
    total=False,
)


class Service(Stored, _DottedService, total=False):
    """A service."""

    friendly_name: str
    default_service_role_sid: str
    default_channel_role_sid: str
    default_channel_creator_role_sid: str
    read_status_enabled: bool
    reachability_enabled: bool
    typing_indicator_timeout: int
    consumption_report_interval: int
    pre_webhook_url: str
    post_webhook_url: str
    webhook_method: str
    webhook_filters: list[str]
    pre_webhook_retry_count: int
    post_webhook_retry_count: int


class Role(OfService, total=False):
    """A role. `was_default` says that it is or was a default of its service."""

    friendly_name: str
    type: str
    permissions: list[str]
    was_default: bool
    given_at: int


class User(OfService, total=False):
    """A user. `birth` tells it from other users of the same identity, before it and after it."""

    identity: str
    birth: str
    role_sid: str
    attributes: str
    friendly_name: str
    seq: int
    joined_channels_count: int
    bindings_count: int
    is_online: bool
    is_notifiable: bool


class Binding(OfService, total=False):
    """A device that is registered for push."""

    identity: str
    birth: str
    user_sid: str
    endpoint: str
    binding_type: str
    address: str
    credential_sid: str
    message_types: list[str]
    face: str


class Device(TypedDict, total=False):
    """A device, with the facts that notifications need. `at` is when it was registered last, `arn` names its endpoint.

    Without a `face` it hears of what happens as Chat's SDKs do.
    """

    type: str
    credential: str
    address: str
    types: list[str]
    face: str
    at: int
    arn: str


class UserDevices(TypedDict, total=False):
    """A user's devices by binding. `revision` is another one after each change."""

    user_sid: str
    identity: str
    service_sid: str
    birth: str
    revision: str
    devices: dict[str, Device]


class HeldAddress(TypedDict, total=False):
    """Who holds a device's address."""

    binding_sid: str
    service_sid: str
    user_sid: str


class Pushed(TypedDict, total=False):
    """The outcome of one notification for one device, in the log of its user.

    `outcome` is delivered, gone, refused or given_up; `code` is Twilio's error code, 0 for none. `device` is the
    binding's SID.
    """

    sid: str
    type: str
    channel_sid: str
    device: str
    outcome: str
    code: int
    expires_at: int


class Rate(TypedDict, total=False):
    """A service's count of actions, and the ceiling that the count may not pass for now."""

    seq: int
    seq_ceiling: int
    seq_ceiling_at: int
