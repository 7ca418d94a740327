"""The texting port: texts to phones through AWS End User Messaging, one phone a call, and the files of WhatsApp.

    AWS's answer                          outcome
    ------------------------------------- ---------------------------------------------------------------------------
    a message id                          AWS has taken the text; its events name the id
    an exception below 500                `Refused`: AWS has not taken the text; `domain/carrier_codes.py` says why
    an exception of 500 or more           `Silent`: nobody knows whether AWS has taken the text
    no answer                             `Silent`

What a caller may rely on:

- AWS knows no idempotency token for these calls: a text that is sent twice arrives twice. So a request is never
  repeated here, not even if no answer came.
- AWS repeats the `context` of a text message in each of its events. WhatsApp's events repeat the message's
  `biz_opaque_callback_data`.
- Safe to use from several threads.

The clients have botocore's methods, answers and exceptions. They are made with the first call that needs them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

SMS_SERVICE, WHATSAPP_SERVICE = "pinpoint-sms-voice-v2", "socialmessaging"
# A carrier that cannot reach a phone tries for so long; AWS's default is 72 hours, Twilio's are 10.
SECONDS_TO_LIVE = 36_000
# https://docs.aws.amazon.com/general/latest/gr/end-user-messaging.html lists the versions that AWS takes.
META_VERSION = "v20.0"
CONNECT_SECONDS, READ_SECONDS = 1, 8
_WRONG_FIELD = "FIELD_VALIDATION_FAILED"
# The settings of a client of botocore.
CLIENT_CONFIG: dict[str, Any] = {
    "retries": {"mode": "standard", "total_max_attempts": 1},
    "connect_timeout": CONNECT_SECONDS,
    "read_timeout": READ_SECONDS,
}


class Text(NamedTuple):
    """A text message on its way to one phone.

    Attributes:
        sender: AWS's id of the number that sends it, or the number itself.
        to: The phone's number.
        body: At most 1,600 characters; only with a file it may be empty.
        context: Up to five pairs of short texts, which AWS's events repeat.
    """

    sender: str
    to: str
    body: str
    context: Mapping[str, str]


class Fetched(NamedTuple):
    """What AWS says about a file of WhatsApp."""

    content_type: str
    size: int


class Refused(Exception):
    """AWS has not taken a text, or has not done what was asked.

    Attributes:
        exception: The name of AWS's exception.
        reason: Its `Reason`; empty if it has none. If AWS says that a field is wrong, a blank and the field follow.
        words: What AWS says about it. They name resources and limits, but do not hold the text.
    """

    def __init__(self, exception: str, reason: str = "", words: str = "") -> None:
        super().__init__(" ".join(filter(None, (exception, reason))))
        self.exception = exception
        self.reason = reason
        self.words = words


class Silent(Exception):
    """Nobody knows whether AWS has taken the text."""


class Texting(Protocol):
    """AWS End User Messaging. Each method raises `Refused` or `Silent`."""

    def send_text(self, text: Text) -> str:
        """Send a text message; returns AWS's id of it."""

    def send_media(self, text: Text, url: str) -> str:
        """Send a text message with a file, an `s3://` URL of the same account and Region; returns AWS's id of it."""

    def send_whatsapp(self, sender: str, message: Mapping[str, Any]) -> str:
        """Send a message object of Meta's Cloud API from a number's id; returns WhatsApp's id of the message."""

    def upload_media(self, sender: str, bucket: str, key: str) -> str:
        """Hand a file of a bucket to WhatsApp; returns the id by which messages from this sender name it."""

    def look_at_media(self, sender: str, media_id: str) -> Fetched:
        """Type and size of a file that a person sent, without fetching it."""

    def fetch_media(self, sender: str, media_id: str, bucket: str, prefix: str) -> Fetched:
        """Have AWS put a file that a person sent into a bucket.

        AWS makes the key: the prefix, the file's id, a dot and the ending that it chooses for the type.
        """


class AwsTexting:
    """AWS End User Messaging through low-level clients."""

    def __init__(
        self,
        make_client: Callable[[str], Any],
        *,
        configuration_set: str = "",
        protection: str = "",
        max_price: str = "",
    ) -> None:
        """Send with these settings of the stack; an empty one is left out of the requests.

        Args:
            make_client: Makes the client of `SMS_SERVICE` or `WHATSAPP_SERVICE`, when a request first needs it. It must
                not repeat requests.
            configuration_set: Where AWS's events go.
            protection: The id of the protect configuration, which says to which countries texts may go.
            max_price: The highest price of one part of a text message, in dollars.
        """
        self._make_client = make_client
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        given = {
            "ConfigurationSetName": configuration_set,
            "ProtectConfigurationId": protection,
            "MaxPrice": max_price,
        }
        self._settings = {name: value for name, value in given.items() if value}

    def send_text(self, text: Text) -> str:
        return self._send("send_text_message", {**self._of(text), "MessageType": "TRANSACTIONAL"})

    def send_media(self, text: Text, url: str) -> str:
        return self._send("send_media_message", {**self._of(text), "MediaUrls": [url]})

    def _of(self, text: Text) -> dict[str, Any]:
        # AWS refuses a text of blanks alone, and takes a file without any.
        body = {"MessageBody": text.body} if text.body.strip() else {}
        return {
            "DestinationPhoneNumber": text.to,
            "OriginationIdentity": text.sender,
            "TimeToLive": SECONDS_TO_LIVE,
            "Context": dict(text.context),
            **body,
            **self._settings,
        }

    def _send(self, operation: str, request: Mapping[str, Any]) -> str:
        return _id(self._ask(SMS_SERVICE, operation, request), "MessageId")

    def send_whatsapp(self, sender: str, message: Mapping[str, Any]) -> str:
        request = {
            "originationPhoneNumberId": sender,
            "message": json.dumps(message, separators=(",", ":")).encode(),
            "metaApiVersion": META_VERSION,
        }
        return _id(self._ask(WHATSAPP_SERVICE, "send_whatsapp_message", request), "messageId")

    def upload_media(self, sender: str, bucket: str, key: str) -> str:
        request = {"originationPhoneNumberId": sender, "sourceS3File": {"bucketName": bucket, "key": key}}
        return _id(self._ask(WHATSAPP_SERVICE, "post_whatsapp_message_media", request), "mediaId")

    def look_at_media(self, sender: str, media_id: str) -> Fetched:
        return self._fetch(sender, media_id, {"metadataOnly": True})

    def fetch_media(self, sender: str, media_id: str, bucket: str, prefix: str) -> Fetched:
        return self._fetch(sender, media_id, {"destinationS3File": {"bucketName": bucket, "key": prefix}})

    def _fetch(self, sender: str, media_id: str, how: Mapping[str, Any]) -> Fetched:
        request = {"originationPhoneNumberId": sender, "mediaId": media_id, **how}
        answer = self._ask(WHATSAPP_SERVICE, "get_whatsapp_message_media", request)
        return Fetched(str(answer.get("mimeType") or ""), int(answer.get("fileSize") or 0))

    def _ask(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**request)
        except (NotConnected, HTTPClientError) as error:
            raise Silent(type(error).__name__) from None
        except ClientError as error:
            raise _failure(error) from None
        return answer

    def _client(self, service: str) -> Any:
        # botocore makes one client at a time.
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]


def _id(answer: Mapping[str, Any], name: str) -> str:
    """The id in an answer. AWS has taken the text even if it does not name it."""
    return str(answer.get(name) or "")


def _failure(error: ClientError) -> Refused | Silent:
    response: Mapping[str, Any] = error.response
    told = response.get("Error", {})
    exception = str(told.get("Code") or "")
    if response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return Silent(exception)
    return Refused(exception, _reason(response), str(told.get("Message") or ""))


def _reason(response: Mapping[str, Any]) -> str:
    reason, fields = str(response.get("Reason") or ""), response.get("Fields")
    first = fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], dict) else {}
    name = str(first.get("Name") or "")
    return f"{reason} {name[:1].upper()}{name[1:]}" if reason == _WRONG_FIELD and name else reason
