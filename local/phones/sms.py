"""Texts and pictures through AWS: `SendTextMessage`, `SendMediaMessage`, and what a phone writes to a number.

The last digits of the phone's number decide what AWS and the carrier do with a message:

    0001         refused: ValidationException
    0002, 0010   refused: the phone has opted out
    0003 … 0008  taken, and not delivered: UNREACHABLE, BLOCKED, INVALID, CARRIER_UNREACHABLE, CARRIER_BLOCKED, UNKNOWN
    0099         two of three requests are throttled
    any other    delivered

A phone that writes STOP to a number is put on the number's opt-out list, and AWS answers it. START takes it off again.
Both words also go on to the topic, as each other text does (unconfirmed).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from local.phones.account import MEDIA, TEXTS, missing
from local.phones.aws_models import Answer, AwsError, Parameters
from local.phones.countries import country_of
from local.phones.end_user_messaging import EndUserMessaging
from local.phones.events import Text, inbound_text, text_event
from local.phones.handsets import DELIVERED, EXPIRED, Entry
from local.phones.pictures import Picture, described
from local.template.declared import ACCOUNT

STOP_WORDS = frozenset(["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"])
START_WORDS = frozenset(("START", "UNSTOP"))
STOPPED = "You have opted out and will get no more messages. Reply START to get them again."
STARTED = "You get messages again. Reply STOP to opt out."
OPTED_OUT = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
_ENDING = 4
_REFUSED, _OPTED_OUT = "0001", ("0002", "0010")
_FAILS = {
    "0003": "UNREACHABLE",
    "0004": "BLOCKED",
    "0005": "INVALID",
    "0006": "CARRIER_UNREACHABLE",
    "0007": "CARRIER_BLOCKED",
    "0008": "UNKNOWN",
}
_EVENTS = {DELIVERED: "DELIVERED", EXPIRED: "TTL_EXPIRED"}
_LONGEST_LIFE = 72 * 3600
_COMPRESSED = ("image/gif", "image/jpeg", "image/png")
_LARGEST_COMPRESSED, _LARGEST = 2 * 1024 * 1024, 600 * 1024
_TYPES = ("image/", "audio/", "video/", "text/", "application/pdf")
_MEDIA_COUNTRIES = ("US", "CA")


class Sms(EndUserMessaging):
    """AWS's part in sending and receiving texts."""

    # Out.

    def send_text_message(self, given: Parameters) -> Answer:
        """Take a text for a phone. Raises AWS's own errors."""
        if "MessageBody" not in given:
            raise _invalid("MISSING_PARAMETER", "MessageBody is missing", "MessageBody")
        return self._send(given, None)

    def send_media_message(self, given: Parameters) -> Answer:
        """Take a picture for a phone in the United States or Canada. Raises AWS's own errors."""
        if not given.get("MediaUrls"):
            raise _invalid("MISSING_PARAMETER", "MediaUrls is missing", "MediaUrls")
        return self._send(given, given["MediaUrls"][0])

    def _send(self, given: Parameters, url: str | None) -> Answer:
        phone = f"+{given['DestinationPhoneNumber'].removeprefix('+')}"
        number = self._number(given.get("OriginationIdentity"))
        topic = self._topic(given.get("ConfigurationSetName"))
        text = Text(
            message_id=str(uuid4()),
            sender=number,
            to=phone,
            body=given.get("MessageBody", ""),
            country=country_of(phone),
            message_type=given.get("MessageType", "TRANSACTIONAL"),
            at=self._now(),
            is_media=url is not None,
            context=given.get("Context", {}),
        )
        self._check(text, given)
        if given.get("DryRun"):
            return {"MessageId": text.message_id}
        with self._account.changing():
            name = MEDIA if text.is_media else TEXTS
            if not self._account.spend(name, text.price + text.carrier_fee):
                reason = f"MONTHLY_SPEND_LIMIT_REACHED_FOR_{'MEDIA' if text.is_media else 'TEXT'}"
                raise AwsError("ServiceQuotaExceededException", "The month's limit is reached", Reason=reason)
        self._carry(text, url, topic, given.get("TimeToLive", _LONGEST_LIFE))
        return {"MessageId": text.message_id}

    def _number(self, identity: str | None) -> str:
        if identity is not None:
            return self._account.number(identity)
        if not self._account.own.numbers:
            raise _conflict("NO_ORIGINATION_IDENTITIES_FOUND", "account", "", "The account has no number")
        return self._account.own.numbers[0]

    def _topic(self, name: str | None) -> str:
        own = self._account.own
        if name is None:
            return ""
        if name.rpartition("/")[2] != own.configuration_set:
            raise missing("configuration-set", name)
        return own.receipts

    def _check(self, text: Text, given: Parameters) -> None:
        ending = text.to[-_ENDING:]
        if not text.country or ending == _REFUSED:
            raise _invalid("INVALID_PARAMETER", f"{text.to} is not a phone number", "DestinationPhoneNumber")
        if text.is_media and text.country not in _MEDIA_COUNTRIES:
            raise _invalid("COUNTRY_NOT_ENABLED", f"No pictures go to {text.country}", "DestinationPhoneNumber")
        if self._throttles(text.to):
            raise AwsError("ThrottlingException", "Rate exceeded")
        _, held = self._account.opt_out_list(self._account.settings(text.sender)["OptOutListName"])
        if ending in _OPTED_OUT or text.to in held["numbers"]:
            raise _conflict(OPTED_OUT, "opted-out-number", text.to, f"{text.to} has opted out")
        own, protection = self._account.own, given.get("ProtectConfigurationId")
        if protection is not None and protection.rpartition("/")[2] != own.protection:
            raise missing("protect-configuration", protection)
        if protection is not None and text.country not in own.countries:
            reason = "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
            raise _conflict(reason, "protect-configuration", own.protection, f"{text.country} is blocked")
        if "MaxPrice" in given and text.price > float(f"0{given['MaxPrice']}"):
            raise _invalid("PRICE_OVER_THRESHOLD", f"The message would cost {text.price}", "MaxPrice")

    def _carry(self, text: Text, url: str | None, topic: str, life: int) -> None:
        """Bring a text to its handset, and tell what becomes of it."""
        self._tell(text, topic, ["PENDING" if text.is_media else "SENT"], 0.0)
        entry: Entry = {"sid": text.message_id, "from": text.sender, "to": text.to, "body": text.body, "media": []}
        if url is not None:
            picture, bad = self._picture(url)
            if picture is None:
                self._tell(text, topic, [bad])
                return self._handsets.fail(text.to, entry)
            entry["media"] = [described(self._pictures.add(picture), picture)]
        if failure := _FAILS.get(text.to[-_ENDING:]):
            self._tell(text, topic, [failure])
            return self._handsets.fail(text.to, entry)

        def told(statuses: Sequence[str]) -> None:
            self._tell(text, topic, [_EVENTS[one] for one in statuses if one in _EVENTS])

        self._handsets.bring(text.to, entry, told)
        if self._handsets.waits(text.to, text.message_id):
            self._schedule.after(life, lambda: self._handsets.expire(text.to, text.message_id))
        return None

    def _picture(self, url: str) -> tuple[Picture | None, str]:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        picture = self._buckets.fetch(bucket, key)
        if picture is None:
            return None, "FILE_INACCESSIBLE"
        if not picture.content_type.startswith(_TYPES):
            return None, "FILE_TYPE_UNSUPPORTED"
        largest = _LARGEST_COMPRESSED if picture.content_type in _COMPRESSED else _LARGEST
        return (None, "FILE_SIZE_EXCEEDED") if len(picture.data) > largest else (picture, "")

    def _tell(self, text: Text, topic: str, statuses: Sequence[str], delay: float | None = None) -> None:
        if not topic:
            return
        for step, status in enumerate(statuses, 1):
            after = self._step * step if delay is None else delay
            event = text_event(text, status, self._now() + round(after * 1000))
            self._schedule.publish(topic, event, after)

    # In.

    def is_own(self, number: str) -> bool:
        """Whether a number is one of the account's for texts."""
        return number in self._account.own.numbers

    def receive(self, phone: str, number: str, body: str, message_id: str) -> None:
        """A phone has written to a number."""
        answered = self._handsets.last_from(phone, number)
        settings = self._account.settings(number)
        word = body.strip().upper()
        if not settings["SelfManagedOptOutsEnabled"]:
            self._heed(phone, number, word, settings["OptOutListName"])
        if settings["TwoWayEnabled"] and settings["TwoWayChannelArn"]:
            keyword = word if word in STOP_WORDS | START_WORDS else f"keyword_{ACCOUNT}"
            event = inbound_text(phone, number, body, keyword, message_id, answered)
            self._schedule.publish(settings["TwoWayChannelArn"], event)

    def _heed(self, phone: str, number: str, word: str, name: str) -> None:
        if word not in STOP_WORDS | START_WORDS:
            return
        with self._account.changing():
            held = self._account.lists[name]["numbers"]
            if word in STOP_WORDS:
                held.setdefault(phone, {"at": self._account.now(), "by_phone": True})
            else:
                held.pop(phone, None)
        answer = STOPPED if word in STOP_WORDS else STARTED
        entry = {"sid": str(uuid4()), "from": number, "to": phone, "body": answer, "media": []}
        self._handsets.bring(phone, entry, lambda statuses: None)

    def stopped(self, phone: str) -> list[str]:
        """The numbers that may not write to a phone."""
        return [
            number
            for number in self._account.own.numbers
            if phone in self._account.lists[self._account.settings(number)["OptOutListName"]]["numbers"]
        ]

    def _now(self) -> int:
        return round(self._account.now() * 1000)


def _invalid(reason: str, text: str, field: str) -> AwsError:
    return AwsError("ValidationException", text, Reason=reason, Fields=[{"Name": field, "Message": text}])


def _conflict(reason: str, kind: str, name: str, text: str) -> AwsError:
    return AwsError("ConflictException", text, Reason=reason, ResourceType=kind, ResourceId=name)
