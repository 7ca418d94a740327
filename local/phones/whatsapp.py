"""WhatsApp through AWS: the operations of social-messaging that Parley and its command line use.

A message is Meta's own JSON. Meta takes it, and tells later what became of it. The last digits of the phone's number
decide, and so does the rule of 24 hours: whoever has not written to the sender within a day gets templates only.

    0001         failed, 131026: no such person on WhatsApp
    0003 … 0008  failed: 131026, 131056, 131052, 131053, 130429, 131000
    0099         two of three requests are throttled
    any other    sent, delivered and, if the handset shows it, read
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from local.phones.account import born, sender_id, waba_id
from local.phones.aws_models import Answer, AwsError, Parameters
from local.phones.end_user_messaging import EndUserMessaging
from local.phones.events import WhatsAppSender, new_wamid, whatsapp_event, whatsapp_message, whatsapp_status
from local.phones.handsets import DELIVERED, READ, WHATSAPP_PREFIX, Entry
from local.phones.pictures import Picture, described

_ENDING = 4
_FAILS = {
    "0001": (131026, "Message undeliverable"),
    "0003": (131026, "Message undeliverable"),
    "0004": (131056, "Too many messages to this person"),
    "0005": (131052, "Media download error"),
    "0006": (131053, "Media upload error"),
    "0007": (130429, "Rate limit hit"),
    "0008": (131000, "Something went wrong"),
}
_TOO_LATE = (131047, "Re-engagement message")
_WINDOW_SECONDS = 24 * 3600
_LONGEST_TEXT, _LONGEST_CAPTION, _LONGEST_CALLBACK, _LARGEST_FILE = 4096, 1024, 512, 100 * 1024 * 1024
_FILES = ("image", "video", "audio", "document", "sticker")
_VERSION = re.compile(r"v[1-9]\d*\.\d+")
_PERSON = re.compile(r"\+?[1-9][0-9]{6,14}")
_EXTENSIONS = {
    "audio/aac": ".aac",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "application/pdf": ".pdf",
    "image/jpeg": ".jpeg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/plain": ".txt",
    "video/3gpp": ".3gp",
    "video/mp4": ".mp4",
}


class _Out(NamedTuple):
    """A message on its way to a person: Meta's id of it, and the business's own word about it."""

    sender: WhatsAppSender
    phone: str
    wamid: str
    callback: str


class WhatsApp(EndUserMessaging):
    """AWS's and Meta's part in sending and receiving on WhatsApp."""

    # Out.

    def send(self, given: Parameters) -> Answer:
        """Take a message for a person. Raises AWS's own errors."""
        sender = self._account.sender(given["originationPhoneNumberId"])
        if not _VERSION.fullmatch(given["metaApiVersion"]):
            raise _bad("metaApiVersion is not a version like v20.0")
        message = _read(given["message"])
        if message.get("status") == READ:
            return {"messageId": str(message.get("message_id", ""))}
        phone, kind = _person(message), message.get("type", "text")
        body, media = self._content(kind, message)
        if self._throttles(phone):
            raise AwsError("ThrottledRequestException", "Rate exceeded")
        wamid = new_wamid(phone)
        callback = _words(message, "biz_opaque_callback_data", _LONGEST_CALLBACK)
        out = _Out(sender, phone, wamid, callback)
        self._carry(out, {"sid": wamid, "body": body, "media": media}, kind == "template")
        return {"messageId": wamid}

    def _carry(self, out: _Out, content: Entry, is_template: bool) -> None:
        sender, phone = out.sender, out.phone
        address = WHATSAPP_PREFIX + phone
        entry = {**content, "from": WHATSAPP_PREFIX + sender.number, "to": address}
        heard = self._account.windows.get(f"{phone} {sender.number}", 0.0)
        failure = _FAILS.get(phone[-_ENDING:])
        if failure is None and not is_template and self._account.now() - heard > _WINDOW_SECONDS:
            failure = _TOO_LATE
        if failure is not None:
            self._tell(out, ["failed"], failure)
            return self._handsets.fail(address, entry)
        self._tell(out, ["sent"], after=0.0)

        def told(statuses: Sequence[str]) -> None:
            # If a message is read later than it arrives, `read` comes alone.
            self._tell(out, [one for one in statuses if one in (DELIVERED, READ)])

        return self._handsets.bring(address, entry, told)

    def _content(self, kind: str, message: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        """The text and the files of a message, as the handset shows them."""
        content = message.get(kind)
        if not isinstance(content, dict):
            raise _bad(f"A message of the type {kind!r} needs {kind!r}")
        if kind == "text":
            return _words(content, "body", _LONGEST_TEXT, is_needed=True), []
        if kind == "template":
            return _template(content), []
        if kind in _FILES:
            picture = self._pictures.get(str(content.get("id", "")))
            if picture is None:
                raise _bad(f"There is no media {content.get('id')!r}")
            return _words(content, "caption", _LONGEST_CAPTION), [described(str(content["id"]), picture)]
        raise _bad(f"The type {kind!r} is not supported here")

    def _tell(
        self, out: _Out, statuses: Sequence[str], error: tuple[int, str] | None = None, after: float | None = None
    ) -> None:
        recipient = out.phone.removeprefix("+")
        for number, status in enumerate(statuses, 1):
            delay = self._step * number if after is None else after
            moment = self._account.now() + delay
            value = whatsapp_status(out.wamid, recipient, status, moment, error, out.callback)
            self._publish(out.sender, value, delay)

    def _publish(self, sender: WhatsAppSender, value: Mapping[str, Any], delay: float = 0.0) -> None:
        for destination in self._account.event_destinations():
            event = whatsapp_event(sender, value, self._account.now() + delay)
            self._schedule.publish(destination["eventDestinationArn"], event, delay)

    # In.

    def owned(self, address: str) -> WhatsAppSender | None:
        """The account's number on WhatsApp with this address; None if it is another's."""
        senders = self._account.whatsapp_senders()
        return next((one for one in senders if WHATSAPP_PREFIX + one.number == address), None)

    def receive(
        self, phone: str, sender: WhatsAppSender, body: str, picture: Picture | None, wamid: str
    ) -> list[Entry]:
        """A person has written to a sender, with a file if there is one; returns what the thread shows of the file."""
        phone = phone.removeprefix(WHATSAPP_PREFIX)
        self._account.heard(phone, sender.number)
        content: dict[str, Any] = {"type": "text", "text": {"body": body}}
        shown: list[Entry] = []
        if picture is not None:
            media_id = self._pictures.add(picture)
            shown.append(described(media_id, picture))
            kind = picture.content_type.partition("/")[0]
            kind = kind if kind in ("image", "video", "audio") else "document"
            told = {"id": media_id, "mime_type": picture.content_type, "sha256": _digest(picture.data)}
            content = {"type": kind, kind: told | ({"caption": body} if body else {})}
        self._publish(sender, whatsapp_message(wamid, phone, self._account.now(), content))
        return shown

    # Files.

    def post_media(self, given: Parameters) -> Answer:
        """Take a file from a bucket to WhatsApp."""
        self._account.sender(given["originationPhoneNumberId"])
        source = _file(given, "sourceS3File", "sourceS3PresignedUrl")
        picture = self._buckets.fetch(source["bucketName"], source["key"])
        if picture is None:
            raise AwsError("ResourceNotFoundException", f"There is no s3://{source['bucketName']}/{source['key']}")
        if len(picture.data) > _LARGEST_FILE:
            raise _bad("The file is too large")
        return {"mediaId": self._pictures.add(picture)}

    def get_media(self, given: Parameters) -> Answer:
        """Put a file from WhatsApp into a bucket. AWS appends the id and an extension to the key."""
        self._account.sender(given["originationPhoneNumberId"])
        picture = self._pictures.get(given["mediaId"])
        if picture is None:
            raise AwsError("ResourceNotFoundException", f"There is no media {given['mediaId']}")
        if not given.get("metadataOnly"):
            target = _file(given, "destinationS3File", "destinationS3PresignedUrl")
            plain = picture.content_type.partition(";")[0]
            key = f"{target['key']}{given['mediaId']}{_EXTENSIONS.get(plain, '.bin')}"
            if not self._buckets.put(target["bucketName"], key, picture):
                raise AwsError("AccessDeniedException", f"The bucket {target['bucketName']} cannot be written to")
        return {"mimeType": picture.content_type, "fileSize": len(picture.data)}

    # Settings.

    def list_accounts(self, given: Parameters) -> Answer:
        del given
        return {"linkedAccounts": [self._waba(one) for one in self._account.whatsapp_senders()[:1]]}

    def get_account(self, given: Parameters) -> Answer:
        sender = self._of_waba(given["id"])
        numbers = [
            {
                "arn": one.arn,
                "phoneNumber": one.number,
                "phoneNumberId": sender_id(one),
                "metaPhoneNumberId": one.meta_id,
                "displayPhoneNumberName": one.name,
                "displayPhoneNumber": one.number,
                "qualityRating": "GREEN",
            }
            for one in self._account.whatsapp_senders()
        ]
        return {"account": self._waba(sender) | {"phoneNumbers": numbers}}

    def put_destinations(self, given: Parameters) -> Answer:
        """Set where events go: to one topic or, as AWS's model has it, to none."""
        self._of_waba(given["id"])
        with self._account.changing():
            self._account.destinations = [dict(one) for one in given["eventDestinations"]]
        return {}

    def _of_waba(self, id_: str) -> WhatsAppSender:
        for sender in self._account.whatsapp_senders():
            if id_ in (waba_id(sender), sender.waba_arn):
                return sender
        raise AwsError("ResourceNotFoundException", f"There is no business account {id_}")

    def _waba(self, sender: WhatsAppSender) -> Answer:
        return {
            "arn": sender.waba_arn,
            "id": waba_id(sender),
            "wabaId": sender.waba_meta_id,
            "registrationStatus": "COMPLETE",
            "linkDate": born(),
            "wabaName": sender.name,
            "eventDestinations": self._account.event_destinations(),
        }


OPERATIONS: dict[str, Callable[[WhatsApp, Parameters], Answer]] = {
    "GetLinkedWhatsAppBusinessAccount": WhatsApp.get_account,
    "GetWhatsAppMessageMedia": WhatsApp.get_media,
    "ListLinkedWhatsAppBusinessAccounts": WhatsApp.list_accounts,
    "PostWhatsAppMessageMedia": WhatsApp.post_media,
    "PutWhatsAppBusinessAccountEventDestinations": WhatsApp.put_destinations,
    "SendWhatsAppMessage": WhatsApp.send,
}


def _bad(text: str) -> AwsError:
    return AwsError("InvalidParametersException", text)


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _read(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
        raise _bad("message is not a JSON object of the product whatsapp")
    return message


def _person(message: Mapping[str, Any]) -> str:
    to = message.get("to")
    if not isinstance(to, str) or not _PERSON.fullmatch(to):
        raise _bad("to is not a phone number")
    return f"+{to.removeprefix('+')}"


def _words(content: Mapping[str, Any], name: str, longest: int, is_needed: bool = False) -> str:
    words = content.get(name, "")
    if not isinstance(words, str) or len(words) > longest or (is_needed and not words):
        raise _bad(f"{name} is not a text of at most {longest} characters")
    return words


def _template(content: Mapping[str, Any]) -> str:
    """What a handset shows of a template: Meta alone has its text, so its name, language and values stand for it."""
    name, language = content.get("name"), content.get("language")
    if not isinstance(name, str) or not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise _bad("A template has a name and a language with a code")
    try:
        parts = [part for component in content.get("components", []) for part in component.get("parameters", [])]
        values = [str(part["text"]) for part in parts if part.get("type") == "text"]
    except (AttributeError, KeyError, TypeError):
        raise _bad("The template's components are not Meta's") from None
    return f"[{name}, {language['code']}] {' · '.join(values)}".rstrip()


def _file(given: Parameters, file: str, link: str) -> Mapping[str, str]:
    if link in given:
        raise _bad(f"{link} is not supported here")
    if file not in given:
        raise _bad(f"{file} is missing")
    found: Mapping[str, str] = given[file]
    return found
