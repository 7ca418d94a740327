"""AWS End User Messaging as an operator's commands use it: the account's numbers and their settings.

Texts go through `pinpoint-sms-voice-v2`, WhatsApp through `socialmessaging`. Every method may raise errors of AWS's
library. Each write may be repeated: it changes nothing if AWS has the wanted state already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

SMS, WHATSAPP = "sms", "whatsapp"
ALLOW, BLOCK = "ALLOW", "BLOCK"
# Parley sends texts and files; nobody calls anybody.
PROTECTED = ("SMS", "MMS")
# AWS takes so many countries in one request.
_COUNTRIES_AT_ONCE = 300
_EXISTS = "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True)
class Number:
    """A number that the AWS account has, as AWS describes it today.

    Attributes:
        address: `+` and digits; on WhatsApp with `whatsapp:` before it.
        kind: `sms` or `whatsapp`.
        provider_id: AWS's id, `phone-…` or `phone-number-id-…`.
        status: `ACTIVE` if it can send. On WhatsApp, the registration of its business account: `COMPLETE`.
        type: AWS's type, such as `TOLL_FREE`; on WhatsApp empty.
        message_type: `TRANSACTIONAL` or `PROMOTIONAL`; on WhatsApp empty.
        country: Two letters; on WhatsApp empty.
        inbound_arn: Where AWS hands over what people write to it; empty if nowhere.
        inbound_role: The role with which AWS does so; on WhatsApp empty.
        opt_out_list: The list of people who wrote STOP; on WhatsApp empty.
        manages_opt_outs: Whether the owner, and not AWS, keeps that list.
        waba: The id of the WhatsApp business account, `waba-…`.
        waba_name: That account's name.
        quality: Meta's rating of the number.
        rates: How many messages AWS takes in a second, by capability; empty if AWS does not say so.
    """

    address: str
    kind: str
    provider_id: str
    provider_arn: str
    status: str
    type: str = ""
    message_type: str = ""
    country: str = ""
    capabilities: tuple[str, ...] = ()
    inbound_arn: str = ""
    inbound_role: str = ""
    opt_out_list: str = ""
    manages_opt_outs: bool = False
    pool: str = ""
    registration: str = ""
    waba: str = ""
    waba_name: str = ""
    quality: str = ""
    rates: Mapping[str, int] = field(default_factory=dict)


class EndUserMessaging:
    """The AWS account's numbers."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._make_client = client

    @cached_property
    def _sms(self) -> Any:
        return self._make_client("pinpoint-sms-voice-v2")

    @cached_property
    def _social(self) -> Any:
        return self._make_client("socialmessaging")

    # Numbers.

    def phone_numbers(self) -> Iterator[Number]:
        """The account's own numbers for texts; not those that another account shares with it."""
        for page in self._sms.get_paginator("describe_phone_numbers").paginate(Owner="SELF"):
            yield from map(_phone_number, page["PhoneNumbers"])

    def whatsapp_numbers(self) -> Iterator[Number]:
        """The numbers of all WhatsApp business accounts that are linked with the account."""
        for page in self._social.get_paginator("list_linked_whatsapp_business_accounts").paginate():
            for linked in page["linkedAccounts"]:
                account = self._social.get_linked_whatsapp_business_account(id=linked["id"])["account"]
                yield from (_whatsapp_number(account, one) for one in account["phoneNumbers"])

    def number(self, address: str) -> Number | None:
        """One of the account's numbers; None if the account does not have it."""
        found = self.whatsapp_numbers() if address.startswith(f"{WHATSAPP}:") else self.phone_numbers()
        return next((number for number in found if number.address == address), None)

    # Writes.

    def make_opt_out_list(self, name: str) -> None:
        """Make a list of people who wrote STOP, unless it exists."""
        try:
            self._sms.create_opt_out_list(OptOutListName=name)
        except ClientError as error:
            if error.response.get("Reason") != _EXISTS:
                raise

    def wire(self, number: Number, topic: str, role: str, opt_out_list: str) -> None:
        """Have AWS publish what people write to a number, and keep those who write STOP on this list.

        For a text AWS takes the role. WhatsApp publishes by the topic's own policy, and has no such list.
        """
        if number.kind == WHATSAPP:
            if number.inbound_arn != topic:
                self._hand_over(number, {"eventDestinationArn": topic})
            return
        now = (number.inbound_arn, number.inbound_role, number.opt_out_list, number.manages_opt_outs)
        if now == (topic, role, opt_out_list, False):
            return
        self._sms.update_phone_number(
            PhoneNumberId=number.provider_id,
            TwoWayEnabled=True,
            TwoWayChannelArn=topic,
            TwoWayChannelRole=role,
            OptOutListName=opt_out_list,
            # Else nobody answers STOP: AWS leaves that to the owner.
            SelfManagedOptOutsEnabled=False,
        )

    def unwire(self, number: Number) -> None:
        """Have AWS no longer publish what people write to a number. Its opt-out list stays."""
        if not number.inbound_arn:
            return
        if number.kind == WHATSAPP:
            self._hand_over(number)
        else:
            self._sms.update_phone_number(PhoneNumberId=number.provider_id, TwoWayEnabled=False)

    def _hand_over(self, number: Number, *destinations: dict[str, str]) -> None:
        given = {"id": number.waba, "eventDestinations": list(destinations)}
        self._social.put_whatsapp_business_account_event_destinations(**given)

    # The countries to which texts may go.

    def country_rules(self, protection: str, capability: str) -> dict[str, str]:
        """By country: `ALLOW`, `BLOCK`, `MONITOR` or `FILTER`."""
        asked = {"ProtectConfigurationId": protection, "NumberCapability": capability}
        rules = self._sms.get_protect_configuration_country_rule_set(**asked)["CountryRuleSet"]
        return {country: rule["ProtectStatus"] for country, rule in rules.items()}

    def allow_only(self, protection: str, countries: frozenset[str]) -> None:
        """Block texts and files to all countries but these. A stricter rule for one of these stays, such as `FILTER`.

        Blocks come before permissions, so a crash in between lets nothing pass that must not.
        """
        for capability in PROTECTED:
            rules = self.country_rules(protection, capability)
            changes = {country: BLOCK for country in rules if country not in countries and rules[country] != BLOCK}
            changes |= {country: ALLOW for country in sorted(countries & rules.keys()) if rules[country] == BLOCK}
            names = list(changes)
            for start in range(0, len(names), _COUNTRIES_AT_ONCE):
                some = {name: {"ProtectStatus": changes[name]} for name in names[start : start + _COUNTRIES_AT_ONCE]}
                asked = {"ProtectConfigurationId": protection, "NumberCapability": capability}
                self._sms.update_protect_configuration_country_rule_set(**asked, CountryRuleSetUpdates=some)

    # The account.

    def tier(self) -> str:
        """`SANDBOX` or `PRODUCTION`."""
        pages = self._sms.get_paginator("describe_account_attributes").paginate()
        found = {one["Name"]: one["Value"] for page in pages for one in page["AccountAttributes"]}
        return str(found.get("ACCOUNT_TIER", ""))

    def spend_limits(self) -> dict[str, tuple[int, int]]:
        """By name: how many dollars a month AWS lets the account spend, and how many it could be told to let."""
        pages = self._sms.get_paginator("describe_spend_limits").paginate()
        return {one["Name"]: (one["EnforcedLimit"], one["MaxLimit"]) for page in pages for one in page["SpendLimits"]}

    def registrations(self) -> dict[str, str]:
        """The status of each registration, by its id."""
        pages = self._sms.get_paginator("describe_registrations").paginate()
        return {one["RegistrationId"]: one["RegistrationStatus"] for page in pages for one in page["Registrations"]}

    def event_destinations(self, configuration_set: str) -> list[dict[str, Any]]:
        """Where AWS sends the events of texts that name this configuration set."""
        asked = {"ConfigurationSetNames": [configuration_set]}
        (found,) = self._sms.describe_configuration_sets(**asked)["ConfigurationSets"]
        return list(found["EventDestinations"])


def _phone_number(told: Mapping[str, Any]) -> Number:
    return Number(
        f"+{told['PhoneNumber'].removeprefix('+')}",
        SMS,
        told["PhoneNumberId"],
        told["PhoneNumberArn"],
        told["Status"],
        told["NumberType"],
        told["MessageType"],
        told["IsoCountryCode"],
        tuple(sorted(told["NumberCapabilities"])),
        inbound_arn=told.get("TwoWayChannelArn", "") if told["TwoWayEnabled"] else "",
        inbound_role=told.get("TwoWayChannelRole", "") if told["TwoWayEnabled"] else "",
        opt_out_list=told["OptOutListName"],
        manages_opt_outs=told["SelfManagedOptOutsEnabled"],
        pool=told.get("PoolId", ""),
        registration=told.get("RegistrationId", ""),
        rates=dict(told.get("MessagingLimits", {}).get("RateLimits", {})),
    )


def _whatsapp_number(account: Mapping[str, Any], told: Mapping[str, Any]) -> Number:
    destination: Mapping[str, str] = next(iter(account["eventDestinations"]), {})
    digits = "".join(character for character in told["phoneNumber"] if character in "0123456789")
    return Number(
        f"{WHATSAPP}:+{digits}",
        WHATSAPP,
        told["phoneNumberId"],
        told["arn"],
        account["registrationStatus"],
        capabilities=("WHATSAPP",),
        inbound_arn=destination.get("eventDestinationArn", ""),
        waba=account["id"],
        waba_name=account["wabaName"],
        quality=told["qualityRating"],
    )
