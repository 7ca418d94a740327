"""Which of the AWS account's numbers the service uses: their settings at AWS, and their records in the table.

A number is enabled in this order, and a repeat completes what a crash has left half done:

    countries to which texts may go -> list of people who wrote STOP -> topic for incoming texts -> the record

The service uses the number only when the record is there. So a number that sends texts also gets the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from cli.end_user_messaging import SMS, WHATSAPP, EndUserMessaging, Number
from cli.place import Place
from cli.trouble import Trouble, said

_READY = {SMS: "ACTIVE", WHATSAPP: "COMPLETE"}
_OUTPUTS = ("TextsInboundTopicArn", "TextsTwoWayRoleArn", "TextsConfigurationSet", "TextsProtectConfiguration")
_PRODUCTS = {SMS: "End User Messaging SMS", WHATSAPP: "End User Messaging Social"}


class Wiring(NamedTuple):
    """What the stack has made for phones.

    Attributes:
        topic: The topic to which AWS publishes what people write.
        role: The role with which AWS does so.
        configuration_set: Texts name it, so that AWS reports about them.
        protection: The protect configuration with the countries to which texts may go.
        countries: Those countries, two letters each; none if texts may go anywhere, as on a local run.
    """

    topic: str
    role: str
    configuration_set: str
    protection: str
    countries: frozenset[str]

    @classmethod
    def of(cls, place: Place) -> Wiring:
        """The stack's.

        Raises:
            Trouble: it has none.
        """
        topic, role, configuration_set, protection = (place.output(name) for name in _OUTPUTS)
        if not (topic and role and configuration_set and protection):
            raise Trouble(f"the stack {place.name} has no phones: deploy it with the parameter Phones=true")
        countries = [country.upper() for country in place.listed("SmsCountries")]
        return cls(topic, role, configuration_set, protection, frozenset(countries))


class SenderRecords(Protocol):
    """The records of senders in the table."""

    def all(self) -> dict[str, Mapping[str, Any]]:
        """Every record, by address."""

    def service_for(self, address: str, wanted: str) -> str:
        """The SID of the messaging service that will have a number: the wanted one, its own, or the default one.

        Raises:
            Trouble: there is no such service, or the number is in another one.
        """

    def enable(self, number: Number, messaging_service_sid: str, opt_out_list: str) -> Mapping[str, Any]:
        """Write a number's record, which then is as given; returns it."""

    def disable(self, address: str) -> None:
        """Erase a number's record, if there is one, and its address configuration."""


class Listed(NamedTuple):
    """A number beside its record; AWS may no longer have the number, and most numbers have no record."""

    address: str
    number: Number | None
    record: Mapping[str, Any] | None


def opt_out_list(messaging_service_sid: str) -> str:
    """The name of a messaging service's list of people who wrote STOP.

    All numbers of a messaging service share it. Without a list of its own, a number shares AWS's list with the whole
    AWS account.
    """
    return f"parley-{messaging_service_sid}"


def check(number: Number, wiring: Wiring, is_forced: bool) -> None:
    """Check that the service can use a number.

    Raises:
        Trouble: it cannot; the line says what to do.
    """
    name, countries = number.address, ", ".join(sorted(wiring.countries))
    if number.status != _READY[number.kind]:
        what = "its WhatsApp business account" if number.kind == WHATSAPP else "it"
        raise Trouble(
            f"{name} cannot send yet: {what} is {number.status} at AWS, not {_READY[number.kind]}. "
            f"Its page in the console of {_PRODUCTS[number.kind]} says what is missing"
        )
    if number.kind == SMS:
        if "SMS" not in number.capabilities:
            raise Trouble(f"{name} can do {', '.join(number.capabilities)}, but not SMS: request a number with SMS")
        if number.message_type != "TRANSACTIONAL":
            raise Trouble(f"{name} is for {number.message_type} texts, and Parley sends TRANSACTIONAL ones")
        if wiring.countries and number.country not in wiring.countries:
            raise Trouble(
                f"{name} is in {number.country}, and this stack sends to {countries} only: deploy it with "
                f"SmsCountries={','.join(sorted({*wiring.countries, number.country}))}"
            )
        if number.pool:
            raise Trouble(f"{name} is in the pool {number.pool}, so AWS changes nothing of it: take it out of the pool")
    if number.inbound_arn not in ("", wiring.topic) and not is_forced:
        raise Trouble(
            f"what people write to {name} goes to {number.inbound_arn}, and AWS takes one destination only: "
            "--force puts this stack in its place"
        )


class Senders:
    """The numbers of one place."""

    def __init__(self, place: Place, records: SenderRecords) -> None:
        self._place = place
        self._records = records
        self._aws = EndUserMessaging(place.client)

    def listed(self, report: Callable[[str], None]) -> list[Listed]:
        """Every number that the AWS account has, and every record whose number it no longer has, by address.

        Args:
            report: Is told if WhatsApp's numbers cannot be read. In some Regions AWS has no WhatsApp.
        """
        numbers = {number.address: number for number in self._aws.phone_numbers()}
        try:
            numbers |= {number.address: number for number in self._aws.whatsapp_numbers()}
        except (BotoCoreError, ClientError) as error:
            report(f"the numbers of WhatsApp cannot be read: {said(error, self._place.is_local)}")
        records = self._records.all()
        addresses = sorted(numbers.keys() | records.keys(), key=lambda one: (one.startswith(WHATSAPP), one))
        return [Listed(one, numbers.get(one), records.get(one)) for one in addresses]

    def enable(self, address: str, messaging_service_sid: str, is_forced: bool) -> Mapping[str, Any]:
        """Make the service use a number, for a messaging service; returns its record.

        Raises:
            Trouble: it cannot; nothing was changed.
        """
        wiring = Wiring.of(self._place)
        number = self._aws.number(address)
        if number is None:
            raise Trouble(f"the AWS account has no number {address} in this Region: `parley phones list` shows all")
        service_sid = self._records.service_for(address, messaging_service_sid)
        if address in [*self._place.listed("PhoneNumbers"), *self._place.listed("WhatsAppSenders")]:
            raise Trouble(
                f"the parameters of the stack name {address}, so it belongs to the carrier at CarrierUrl: "
                "take it out of PhoneNumbers and WhatsAppSenders, and deploy"
            )
        check(number, wiring, is_forced)
        stopped = ""
        if number.kind == SMS:
            if wiring.countries:
                self._aws.allow_only(wiring.protection, wiring.countries)
            stopped = opt_out_list(service_sid)
            self._aws.make_opt_out_list(stopped)
        self._aws.wire(number, wiring.topic, wiring.role, stopped)
        return self._records.enable(number, service_sid, stopped)

    def disable(self, address: str) -> None:
        """Stop using a number. People who wrote STOP stay on their list.

        Raises:
            Trouble: it does not use it.
        """
        topic = self._place.output(_OUTPUTS[0])
        number = self._aws.number(address)
        records = self._records.all()
        is_wired = number is not None and topic and number.inbound_arn == topic
        if address not in records and not is_wired:
            raise Trouble(f"{address} is not enabled: `parley phones list` shows which numbers are")
        if number is not None and is_wired and not self._is_shared(number, records):
            self._aws.unwire(number)
        if address in records:
            self._records.disable(address)

    def _is_shared(self, number: Number, records: Mapping[str, Any]) -> bool:
        """Whether an enabled number is in the same WhatsApp business account, which has one destination for all."""
        if number.kind != WHATSAPP:
            return False
        others = (one.address for one in self._aws.whatsapp_numbers() if one.waba == number.waba)
        return any(address in records for address in others if address != number.address)
