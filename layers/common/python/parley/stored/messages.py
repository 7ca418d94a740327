"""Messages, the files that they carry, and their delivery to phones."""

from __future__ import annotations

from typing import TypedDict

from parley.stored.common import OfChannel, OfService, Stored


class MessageMedia(TypedDict, total=False):
    """The file that a message carries, as the message describes it."""

    sid: str
    size: int
    content_type: str
    filename: str
    category: str


class Message(OfChannel, total=False):
    """A message. `created_seq` is the number under which it was written; `seq` moves with every edit.

    If the conversation was still listed under another hour than the message's, `activity_hour` is that other hour.

    If a client wrote it, `author_birth` is the birth of that user. If a back end named the author, `author_at` is when
    it did so. `tag` is the unique name of the request that sent it.

    `media` are the files that it carries. A message from the time when it could carry only one has that file there,
    without a list around it: `files_of` reads both.

    `given_up` stands in a tombstone at an index whose message was never written.
    """

    index: int
    created_seq: int
    activity_hour: int
    author: str
    author_birth: str
    author_at: int
    body: str
    attributes: str
    type: str
    media: list[MessageMedia]
    author_is: str
    participant_sid: str
    delivery: dict[str, int]
    subject: str
    content_sid: str
    content_variables: str
    last_updated_by: str
    was_edited: bool
    tag: str
    given_up: bool


class Media(OfService, total=False):
    """An uploaded file, and the message that carries it.

    `state` is `uploading` until all bytes are in the bucket, and `ready` from then on. `size`, `content_type` and
    `sha256` are what the uploader has said or sent, and the bucket takes nothing else. `sha256` is in hex digits.

    `author` is the uploader's identity, `sender` for a back end. Only a client's file has `author_birth`, the birth of
    that user (empty for a user from before there were births). `date_upload_updated` is when the bytes had come.

    A file that no message carries has `expires_at`, and from that second on it does not exist for anybody, although its
    record may still be stored. The message that takes it removes `expires_at`, and sets `channel_sid` and
    `message_sid`.
    """

    state: str
    author: str
    author_birth: str
    size: int
    content_type: str
    filename: str
    category: str
    sha256: str
    is_multipart_upstream: bool
    date_upload_updated: int
    channel_sid: str
    message_sid: str


class Receipt(OfChannel, total=False):
    """The delivery receipt of a message to one phone. Without `status`, the carrier has not answered yet.

    `is_group` says that the phone is in a group. `provider_id` is AWS's id of the text. `times_put_off` says how often
    the text could not be sent yet. `price` and `carrier_fee` are millionths of a US dollar.
    """

    message_sid: str
    index: int
    participant_sid: str
    from_address: str
    to_address: str
    is_group: bool
    channel_message_sid: str
    provider_id: str
    times_put_off: int
    status: str
    error_code: int
    price: int
    carrier_fee: int


class Carried(TypedDict, total=False):
    """The receipt of a message on WhatsApp, under Meta's id of the message, until `expires_at`.

    `reference` names the receipt (`operations/receipts.py`).
    """

    reference: str
    expires_at: int


class Session(Stored, total=False):
    """When a person last wrote on WhatsApp to a number of the account, in milliseconds, until `expires_at`."""

    wrote_at: int
    expires_at: int


class SentToken(Stored, total=False):
    """The message that was sent, or the channel that was made, under an idempotency token.

    `seq` is the message's change number. Only a token that was written before its message has it. `channel_sid` is the
    channel that was made, or the channel of a message from a phone.
    """

    index: int
    seq: int
    author: str
    channel_sid: str
