"""Renders a message for one phone: as a text message, as one with a file, or as a message object of WhatsApp.

    sent to             content of the message       what the phone gets
    ------------------- ---------------------------- ----------------------------------------------------------------
    a number            a text                       a text message
    a number            files                        a text message with the first file, and with the text
    a number            a template                   a text message with the template's text, its variables filled in
    a WhatsApp user     a text, or files             the same, within 24 hours of the person's last message
    a WhatsApp user     a template                   a message by Meta's template, at any time

Codes are those of https://www.twilio.com/docs/api/errors. Limits of files:
https://docs.aws.amazon.com/sms-voice/latest/userguide/mms-limitations-character.html and
https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from parley.domain.addresses import WHATSAPP, channel_of
from parley.domain.carrier_codes import (
    FILE_TOO_LARGE,
    FILE_TYPE_WRONG,
    NOT_REACHED_FROM_HERE,
    OUTSIDE_SESSION,
)
from parley.domain.contents import PLACEHOLDER, filled
from parley.domain.deliveries import TOO_LONG, fits
from parley.domain.media import essence
from parley.domain.messages import files_of
from parley.stored import Content, Message, MessageMedia

# For so long after a person's last message, WhatsApp takes any text
# (https://www.twilio.com/docs/whatsapp/key-concepts#the-24-hour-messaging-window).
SESSION_MS = 24 * 3600 * 1000
NO_BODY = 21602
# There is no such template, or Meta needs a variable that has no value (unconfirmed).
NO_TEMPLATE, VARIABLE_MISSING = 50526, 50527

_MB = 1024 * 1024
_PICTURES = ("image/gif", "image/jpeg", "image/png")
_LARGEST_PICTURE, _LARGEST_FILE = 2 * _MB, 600 * 1024
# What can go with a text message beside these pictures.
_FAMILIES = ("audio/", "video/", "text/")
_DOCUMENTS = ("application/pdf", "application/rtf")
# Caribbean and Pacific countries share the country code of the United States and Canada.
_ELSEWHERE = re.compile(r"\+1(?:242|246|264|268|284|345|441|473|649|658|664|721|758|767|784|809|829|849|868|869|876)")
# WhatsApp's kinds of files, with their types; any other type is a document.
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("image/jpeg", "image/png"), "image"),
    **dict.fromkeys(("video/mp4", "video/3gpp"), "video"),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"), "audio"),
}
# https://www.twilio.com/docs/conversations/conversations-limits; Meta takes no larger pictures.
_LARGEST_OF_WHATSAPP = 16 * _MB
_LARGEST_IMAGE = 5 * _MB
_LONGEST_CAPTION = 1024


class Unsendable(Exception):
    """A message cannot be sent to a phone; `error_code` says why."""

    def __init__(self, error_code: int) -> None:
        super().__init__(str(error_code))
        self.error_code = error_code


class Plan(NamedTuple):
    """What is to be sent.

    Attributes:
        body: The text; empty if there is only a file.
        file: The file that goes along.
        whatsapp: The message object of Meta's Cloud API, without the file's id; None for a text message.
    """

    body: str
    file: MessageMedia | None = None
    whatsapp: Mapping[str, Any] | None = None

    def with_media(self, media_id: str) -> Mapping[str, Any]:
        """WhatsApp's message object with the id that WhatsApp gave the file."""
        message = {**(self.whatsapp or {})}
        kind = message["type"]
        return {**message, kind: {"id": media_id, **message[kind]}}


def plan(message: Message, to: str, content: Content | None, last_inbound_at: int | None, now_ms: int) -> Plan:
    """What a message becomes for a phone.

    Args:
        to: The phone's address.
        content: The message's template, if the message names one and the account has it. If the message has a text, it
            is what the template gave when the message was written, or what a webhook made of that.
        last_inbound_at: When the person last wrote to the number, in milliseconds.

    Raises:
        Unsendable: 11751, 12300, 21602, 21612, 21617, 50526, 50527 or 63016.
    """
    is_whatsapp = channel_of(to) == WHATSAPP
    values = content.get("variables") or {} if content else {}
    given = message.get("content_variables")
    if content and is_whatsapp and content.get("template"):
        return Plan(_checked(filled(content["body"], values, given)), whatsapp=_of_template(to, content, given))
    # Twilio sends one file too (https://www.twilio.com/docs/conversations/conversations-limits).
    text, file = message.get("body"), next(iter(files_of(message)), None)
    if content and not text:
        text, file = filled(content["body"], values, given), None
    elif message.get("content_sid") and not text:
        raise Unsendable(NO_TEMPLATE)
    body = _checked(text or "")
    if file is None and not body.strip():
        raise Unsendable(NO_BODY)
    if is_whatsapp:
        return _on_whatsapp(to, body, file, last_inbound_at, now_ms)
    if file is not None:
        _check_mms(to, file)
    return Plan(body, file)


def _checked(body: str) -> str:
    if not fits(body):
        raise Unsendable(TOO_LONG)
    return body


def _check_mms(to: str, file: MessageMedia) -> None:
    """Check that AWS can send a file to a phone."""
    if not to.startswith("+1") or _ELSEWHERE.match(to):
        raise Unsendable(NOT_REACHED_FROM_HERE)
    kind = essence(file["content_type"])
    if kind in _PICTURES:
        largest = _LARGEST_PICTURE
    elif kind.startswith(_FAMILIES) or kind in _DOCUMENTS:
        largest = _LARGEST_FILE
    else:
        raise Unsendable(FILE_TYPE_WRONG)
    if file["size"] > largest:
        raise Unsendable(FILE_TOO_LARGE)


def _on_whatsapp(to: str, body: str, file: MessageMedia | None, last_inbound_at: int | None, now_ms: int) -> Plan:
    if last_inbound_at is None or now_ms - last_inbound_at >= SESSION_MS:
        raise Unsendable(OUTSIDE_SESSION)
    if file is None:
        return Plan(body, whatsapp=_addressed(to, "text", {"body": body}))
    kind = _KINDS.get(essence(file["content_type"]), "document")
    if file["size"] > (_LARGEST_IMAGE if kind == "image" else _LARGEST_OF_WHATSAPP):
        raise Unsendable(FILE_TOO_LARGE)
    described = {}
    # WhatsApp shows no text beside sound. Twilio drops the text of every file (unconfirmed for sound).
    if body.strip() and kind != "audio":
        if len(body) > _LONGEST_CAPTION:
            raise Unsendable(TOO_LONG)
        described["caption"] = body
    if kind == "document" and file.get("filename"):
        described["filename"] = file["filename"]
    return Plan(body, file, _addressed(to, kind, described))


def _of_template(to: str, content: Content, given: str | None) -> Mapping[str, Any]:
    """A template message. Meta has the template's text, so only the values of its variables are sent."""
    values = {**(content.get("variables") or {}), **(json.loads(given) if given else {})}
    names = list(dict.fromkeys(PLACEHOLDER.findall(content["body"])))
    if not set(names) <= set(values):
        raise Unsendable(VARIABLE_MISSING)
    if all(name.isdecimal() for name in names):
        parameters = [{"type": "text", "text": values[name]} for name in sorted(names, key=int)]
    else:
        parameters = [{"type": "text", "parameter_name": name, "text": values[name]} for name in names]
    components = [{"type": "body", "parameters": parameters}] if parameters else []
    described = {"name": content["template"], "language": {"code": content["language"]}, "components": components}
    return _addressed(to, "template", described)


def _addressed(to: str, kind: str, what: Mapping[str, Any]) -> Mapping[str, Any]:
    number = to.removeprefix(f"{WHATSAPP}:")
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": number, "type": kind, kind: what}
