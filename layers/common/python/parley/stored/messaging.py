"""Records of the account for messages to and from phones: messaging services, senders and content templates."""

from __future__ import annotations

from parley.stored.common import Stored


class MessagingService(Stored, total=False):
    """A messaging service; `senders_count` is the number of its senders."""

    friendly_name: str
    inbound_request_url: str
    inbound_method: str
    senders_count: int


class Sender(Stored, total=False):
    """An address of the account that AWS sends from.

    `provider_id` and `provider_arn` are AWS's id and ARN of the number; `waba` is AWS's id of the WhatsApp business
    account. Without `messaging_service_sid`, or if that service is deleted, the sender is in no service.
    """

    address: str
    kind: str
    provider_id: str
    provider_arn: str
    messaging_service_sid: str
    opt_out_list: str
    country_code: str
    capabilities: list[str]
    waba: str


class Content(Stored, total=False):
    """A content template: its text, and the values of variables that a message does not give.

    `template` is the name of the template at WhatsApp.
    """

    friendly_name: str
    language: str
    variables: dict[str, str]
    body: str
    template: str
