"""The settings of a deployment. This is the only module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from typing import Any, NamedTuple

from parley.frozen import frozen

_PREFIX = "PARLEY_"
_LISTS = ("phone_numbers", "whatsapp_senders")
_FLAGS = ("webhook_allow_loopback", "group_messages", "phones", "push_when_connected", "fast_push")
_NUMBERS = (
    "actions_per_second",
    "delivery_age_seconds",
    "media_limit_mb",
    "media_unattached_seconds",
    "requests_per_second",
)
# Service -> its name in the variables that lead to another endpoint than AWS's, as AWS SDKs read them.
_ENDPOINTS = {
    "dynamodb": "DYNAMODB",
    "secretsmanager": "SECRETS_MANAGER",
    "sqs": "SQS",
    "pinpoint-sms-voice-v2": "PINPOINT_SMS_VOICE_V2",
    "socialmessaging": "SOCIALMESSAGING",
}


class Credentials(NamedTuple):
    """Credentials of AWS. No `token` means that they stay valid."""

    access_key: str
    secret_key: str
    token: str | None = None


@frozen
class Settings:
    """One function's settings, from its `PARLEY_*` variables; what a function does not use is empty.

    Attributes:
        table: Name of the one DynamoDB table.
        account_sid: `AC` and the 32 hex digits of the stack id.
        auth_token_secret: Secrets Manager id of the auth token, a plain string.
        key_ring_secret: Secrets Manager id of the root from which API key secrets and page tokens are derived.
        rest_url: Absolute URL of the REST API without a trailing slash. The REST function takes it from each request.
        connections_url: The URL for pushes to sockets, `https://host/stage`.
        delivery_queue_url: The queue of planned webhook deliveries.
        dead_letter_queue_url: The queue of parked deliveries, which stay there until somebody replays them.
        delivery_age_seconds: How old a delivery may become before it is parked.
        studio_url: The URL of a Studio flow, with `{flow_sid}` in it; empty if there are no flows.
        work_queue_url: The queue of all other background work.
        webhook_allow_loopback: Whether webhooks may go to this machine; for local runs only.
        actions_per_second: How many actions a channel, and a service, may see in a second; 0 for no limit.
        requests_per_second: How many requests a connection may make in a second; 0 for no limit.
        phone_numbers: The account's numbers for text messages, in E.164 form.
        whatsapp_senders: The account's WhatsApp senders, each `whatsapp:` and a number.
        group_messages: Whether the carrier takes messages to a group of phones.
        carrier_url: The carrier's URL, to which messages to phones are posted; empty if no carrier is set.
        phones: Whether AWS End User Messaging is there to carry texts, so that the table may name its numbers.
        text_queue_url: The queue of texts to phones that AWS carries.
        texts_configuration_set: The configuration set of AWS under which texts are sent, which says where it reports.
        texts_protection: The protect configuration of AWS under which texts are sent: where they may go to.
        texts_max_price: What one part of a text may cost at most, in US dollars, such as `0.50`; empty for no limit.
        metrics_namespace: The CloudWatch namespace of the function's metrics, one for each stack.
        function: The function's name, which its metrics carry.
        console_url: Where the console is, which the REST API's `/` then links to; empty if there is none.
        media_bucket: The name of the bucket that holds the files of messages.
        media_links_url: The URL of a proxy to which links to files lead, instead of S3; for local runs only.
        media_limit_mb: How large a file may be, in MB.
        media_unattached_seconds: How long a stored file may be without a message before it is deleted.
        media_scan: `guardduty` if files are scanned before anybody can fetch them, else `none`.
        push_applications: The ARN below which SNS keeps the applications of push credentials, in the Region of push.
        push_queue_url: The queue of notifications to phones and browsers.
        push_when_connected: Whether users hear of changes by push too while they have a socket open.
        fast_push: Whether the function pushes the messages that it writes to small rooms, before it replies.
        log_level: The least severe level that is logged.
        region: The AWS Region, which request signatures name.
        sockets_endpoint_url: Overrides host and scheme of `connections_url`, as AWS SDKs do.
        objects_endpoint_url: The URL of another server that stores files, instead of S3.
        endpoint_urls: By service, the URL of another server than AWS's.
        credentials: The credentials in the environment; None if they must be looked for elsewhere.
    """

    table: str = ""
    account_sid: str = ""
    auth_token_secret: str = ""
    key_ring_secret: str = ""
    rest_url: str = ""
    connections_url: str = ""
    delivery_queue_url: str = ""
    dead_letter_queue_url: str = ""
    delivery_age_seconds: int = 4 * 3600
    studio_url: str = ""
    work_queue_url: str = ""
    webhook_allow_loopback: bool = False
    actions_per_second: int = 0
    requests_per_second: int = 0
    phone_numbers: tuple[str, ...] = ()
    whatsapp_senders: tuple[str, ...] = ()
    group_messages: bool = False
    carrier_url: str = ""
    phones: bool = False
    text_queue_url: str = ""
    texts_configuration_set: str = ""
    texts_protection: str = ""
    texts_max_price: str = ""
    metrics_namespace: str = "Parley"
    function: str = ""
    console_url: str = ""
    media_bucket: str = ""
    media_links_url: str = ""
    media_limit_mb: int = 150
    media_unattached_seconds: int = 300
    media_scan: str = "none"
    push_applications: str = ""
    push_queue_url: str = ""
    push_when_connected: bool = True
    fast_push: bool = False
    log_level: str = "INFO"
    region: str = ""
    sockets_endpoint_url: str = ""
    objects_endpoint_url: str = ""
    endpoint_urls: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings in `environment`; call it once, when the function starts."""
        text = {
            name: environment[_PREFIX + name.upper()]
            for name in cls.__dataclass_fields__
            if _PREFIX + name.upper() in environment
        }
        given: dict[str, Any] = {
            **text,
            **{name: text[name].lower() == "true" for name in _FLAGS if name in text},
            **{name: tuple(text[name].replace(",", " ").split()) for name in _LISTS if name in text},
            **{name: int(text[name]) for name in _NUMBERS if name in text},
        }
        return cls(
            **given,
            function=environment.get("POWERTOOLS_SERVICE_NAME", ""),
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
            sockets_endpoint_url=environment.get("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", ""),
            objects_endpoint_url=environment.get("AWS_ENDPOINT_URL_S3", ""),
            endpoint_urls=_endpoint_urls(environment),
            credentials=_credentials(environment),
        )


def _endpoint_urls(environment: Mapping[str, str]) -> dict[str, str]:
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return {}
    usual = environment.get("AWS_ENDPOINT_URL", "")
    urls = {service: environment.get(f"AWS_ENDPOINT_URL_{name}") or usual for service, name in _ENDPOINTS.items()}
    return {service: url for service, url in urls.items() if url}


def _credentials(environment: Mapping[str, str]) -> Credentials | None:
    # With SnapStart, a container is a copy of an older one, and fetches credentials of its own.
    if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return None
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(key, secret, environment.get("AWS_SESSION_TOKEN") or None) if key and secret else None
