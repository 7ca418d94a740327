"""The operations of sms-voice that show and change settings: what the command line and the AWS console use."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.phones.account import DEFAULT_LIST, MEDIA, MOST_SPENT, TEXTS, Account, arn, born, missing, number_id
from local.phones.aws_models import Answer, AwsError, Parameters
from local.phones.countries import countries, country_of

_PAGE = 100
_REGISTRATION = "registration-parley"
_MOST_LISTS = 25
_SETTINGS = (
    "TwoWayEnabled",
    "TwoWayChannelArn",
    "TwoWayChannelRole",
    "SelfManagedOptOutsEnabled",
    "OptOutListName",
    "InternationalSendingEnabled",
    "DeletionProtectionEnabled",
)
_FILTERED_BY = {
    "status": "Status",
    "iso-country-code": "IsoCountryCode",
    "message-type": "MessageType",
    "number-capability": "NumberCapabilities",
    "number-type": "NumberType",
    "two-way-enabled": "TwoWayEnabled",
    "self-managed-opt-outs-enabled": "SelfManagedOptOutsEnabled",
    "opt-out-list-name": "OptOutListName",
    "deletion-protection-enabled": "DeletionProtectionEnabled",
    "two-way-channel-arn": "TwoWayChannelArn",
    "end-user-opted-out": "EndUserOptedOut",
    "registration-type": "RegistrationType",
    "registration-status": "RegistrationStatus",
    "account-default": "AccountDefault",
    "protect-configuration-id": "ProtectConfigurationId",
}


class SmsSettings:
    """The settings of the account, as sms-voice shows them. Each operation takes checked parameters."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # Numbers.

    def describe_phone_numbers(self, given: Parameters) -> Answer:
        own = self._account.own.numbers if given.get("Owner") != "SHARED" else ()
        named = given.get("PhoneNumberIds")
        numbers = [self._account.number(one) for one in named] if named else own
        return _page("PhoneNumbers", [self._number(one) for one in numbers], given)

    def update_phone_number(self, given: Parameters) -> Answer:
        with self._account.changing():
            number = self._account.number(given["PhoneNumberId"])
            changed = {name: given[name] for name in _SETTINGS if name in given}
            if "OptOutListName" in changed:
                changed["OptOutListName"], _ = self._account.opt_out_list(changed["OptOutListName"])
            after = self._account.settings(number) | changed
            if after["TwoWayEnabled"] and not after["TwoWayChannelArn"]:
                text = "A number that can receive needs a channel"
                raise AwsError("ValidationException", text, Reason="TWO_WAY_CHANNEL_NOT_PRESENT")
            self._account.numbers[number] = self._account.numbers.get(number, {}) | changed
            return self._number(number)

    def _number(self, number: str) -> Answer:
        shown: Answer = {
            "PhoneNumberArn": arn("phone-number", number_id(number)),
            "PhoneNumberId": number_id(number),
            "PhoneNumber": number,
            "Status": "ACTIVE",
            "IsoCountryCode": country_of(number) or "US",
            "MessageType": "TRANSACTIONAL",
            "NumberCapabilities": ["SMS", "MMS", "VOICE"],
            "NumberType": "TEN_DLC",
            "MonthlyLeasingPrice": "1.00",
            "RegistrationId": _REGISTRATION,
            "CreatedTimestamp": born(),
        }
        settings = self._account.settings(number)
        return shown | {name: value for name, value in settings.items() if value is not None}

    def describe_registrations(self, given: Parameters) -> Answer:
        if unknown := [one for one in given.get("RegistrationIds", ()) if not one.endswith(_REGISTRATION)]:
            raise missing("registration", unknown[0])
        registration = {
            "RegistrationArn": arn("registration", _REGISTRATION),
            "RegistrationId": _REGISTRATION,
            "RegistrationType": "US_TEN_DLC_CAMPAIGN_REGISTRATION",
            "RegistrationStatus": "COMPLETE",
            "CurrentVersionNumber": 1,
            "ApprovedVersionNumber": 1,
            "CreatedTimestamp": born(),
        }
        return _page("Registrations", [registration] if self._account.own.numbers else [], given)

    # Opt-out lists.

    def create_opt_out_list(self, given: Parameters) -> Answer:
        name = given["OptOutListName"]
        with self._account.changing():
            if name in self._account.lists:
                text = f"There is an opt-out list {name} already"
                members = {"ResourceType": "opt-out-list", "ResourceId": name}
                raise AwsError("ConflictException", text, Reason="RESOURCE_ALREADY_EXISTS", **members)
            if len(self._account.lists) >= _MOST_LISTS:
                text = f"An account has {_MOST_LISTS} opt-out lists at most"
                raise AwsError("ServiceQuotaExceededException", text, Reason="OPT_OUT_LISTS_PER_ACCOUNT")
            self._account.lists[name] = {"at": self._account.now(), "numbers": {}}
            return self._list(name) | {"Tags": given.get("Tags", [])}

    def delete_opt_out_list(self, given: Parameters) -> Answer:
        with self._account.changing():
            name, _ = self._account.opt_out_list(given["OptOutListName"])
            used = [one for one in self._account.own.numbers if self._account.settings(one)["OptOutListName"] == name]
            if name == DEFAULT_LIST or used:
                text = f"The opt-out list {name} is in use"
                members = {"ResourceType": "opt-out-list", "ResourceId": name}
                raise AwsError("ConflictException", text, Reason="RESOURCE_DELETION_NOT_ALLOWED", **members)
            answer = self._list(name)
            del self._account.lists[name]
            return answer

    def describe_opt_out_lists(self, given: Parameters) -> Answer:
        named = given.get("OptOutListNames")
        names = [self._account.opt_out_list(one)[0] for one in named] if named else list(self._account.lists)
        return _page("OptOutLists", [self._list(name) for name in names], given)

    def put_opted_out_number(self, given: Parameters) -> Answer:
        with self._account.changing():
            name, held = self._account.opt_out_list(given["OptOutListName"])
            number = _plus(given["OptedOutNumber"])
            held["numbers"].setdefault(number, {"at": self._account.now(), "by_phone": False})
            return self._list(name, False) | _opted_out(number, held)

    def describe_opted_out_numbers(self, given: Parameters) -> Answer:
        name, held = self._account.opt_out_list(given["OptOutListName"])
        wanted = [_plus(one) for one in given.get("OptedOutNumbers", ())]
        if unknown := [one for one in wanted if one not in held["numbers"]]:
            raise missing("opted-out-number", unknown[0])
        found = [_opted_out(one, held) for one in wanted or held["numbers"]]
        return self._list(name, False) | _page("OptedOutNumbers", found, given)

    def delete_opted_out_number(self, given: Parameters) -> Answer:
        with self._account.changing():
            name, held = self._account.opt_out_list(given["OptOutListName"])
            number = _plus(given["OptedOutNumber"])
            if number not in held["numbers"]:
                raise missing("opted-out-number", number)
            answer = self._list(name, False) | _opted_out(number, held)
            del held["numbers"][number]
            return answer

    def _list(self, name: str, dated: bool = True) -> Answer:
        shown: Answer = {"OptOutListArn": arn("opt-out-list", name), "OptOutListName": name}
        return shown | ({"CreatedTimestamp": _moment(self._account.lists[name]["at"])} if dated else {})

    # The account.

    def describe_account_attributes(self, given: Parameters) -> Answer:
        return _page("AccountAttributes", [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}], given)

    def describe_account_limits(self, given: Parameters) -> Answer:
        used = {
            "PHONE_NUMBERS": (len(self._account.own.numbers), 25),
            "POOLS": (0, 25),
            "CONFIGURATION_SETS": (1, 25),
            "OPT_OUT_LISTS": (len(self._account.lists), _MOST_LISTS),
        }
        limits = [{"Name": name, "Used": now, "Max": most} for name, (now, most) in used.items()]
        return _page("AccountLimits", limits, given)

    def describe_spend_limits(self, given: Parameters) -> Answer:
        limits = [
            {
                "Name": name,
                "EnforcedLimit": self._account.limit(name),
                "MaxLimit": MOST_SPENT,
                "Overridden": name in self._account.limits,
            }
            for name in (TEXTS, MEDIA)
        ]
        return _page("SpendLimits", limits, given)

    def set_text_message_spend_limit_override(self, given: Parameters) -> Answer:
        return self._override(TEXTS, given)

    def set_media_message_spend_limit_override(self, given: Parameters) -> Answer:
        return self._override(MEDIA, given)

    def _override(self, name: str, given: Parameters) -> Answer:
        if not 0 <= given["MonthlyLimit"] <= MOST_SPENT:
            text = f"The limit is at most {MOST_SPENT}"
            reason = "REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT"
            raise AwsError("ValidationException", text, Reason=reason)
        with self._account.changing():
            self._account.limits[name] = given["MonthlyLimit"]
        return {"MonthlyLimit": given["MonthlyLimit"]}

    # Where events go, and which countries are allowed.

    def describe_configuration_sets(self, given: Parameters) -> Answer:
        own = self._account.own
        if unknown := [one for one in given.get("ConfigurationSetNames", ()) if not _names(one, own.configuration_set)]:
            raise missing("configuration-set", unknown[0])
        destination = {
            "EventDestinationName": "receipts",
            "Enabled": True,
            "MatchingEventTypes": ["TEXT_ALL", "MEDIA_ALL"],
            "SnsDestination": {"TopicArn": own.receipts},
        }
        shown = {
            "ConfigurationSetArn": arn("configuration-set", own.configuration_set),
            "ConfigurationSetName": own.configuration_set,
            "EventDestinations": [destination] if own.receipts else [],
            "CreatedTimestamp": born(),
        }
        return _page("ConfigurationSets", [shown], given)

    def describe_protect_configurations(self, given: Parameters) -> Answer:
        id_ = self._account.own.protection
        if unknown := [one for one in given.get("ProtectConfigurationIds", ()) if not _names(one, id_)]:
            raise missing("protect-configuration", unknown[0])
        shown = {
            "ProtectConfigurationArn": arn("protect-configuration", id_),
            "ProtectConfigurationId": id_,
            "CreatedTimestamp": born(),
            "AccountDefault": False,
            "DeletionProtectionEnabled": False,
        }
        return _page("ProtectConfigurations", [shown], given)

    def get_protect_configuration_country_rule_set(self, given: Parameters) -> Answer:
        own = self._account.own
        if not _names(given["ProtectConfigurationId"], own.protection):
            raise missing("protect-configuration", given["ProtectConfigurationId"])
        rules = {one: {"ProtectStatus": "ALLOW" if one in own.countries else "BLOCK"} for one in countries()}
        return {
            "ProtectConfigurationArn": arn("protect-configuration", own.protection),
            "ProtectConfigurationId": own.protection,
            "NumberCapability": given["NumberCapability"],
            "CountryRuleSet": rules,
        }


OPERATIONS: dict[str, Callable[[SmsSettings, Parameters], Answer]] = {
    "CreateOptOutList": SmsSettings.create_opt_out_list,
    "DeleteOptOutList": SmsSettings.delete_opt_out_list,
    "DeleteOptedOutNumber": SmsSettings.delete_opted_out_number,
    "DescribeAccountAttributes": SmsSettings.describe_account_attributes,
    "DescribeAccountLimits": SmsSettings.describe_account_limits,
    "DescribeConfigurationSets": SmsSettings.describe_configuration_sets,
    "DescribeOptOutLists": SmsSettings.describe_opt_out_lists,
    "DescribeOptedOutNumbers": SmsSettings.describe_opted_out_numbers,
    "DescribePhoneNumbers": SmsSettings.describe_phone_numbers,
    "DescribeProtectConfigurations": SmsSettings.describe_protect_configurations,
    "DescribeRegistrations": SmsSettings.describe_registrations,
    "DescribeSpendLimits": SmsSettings.describe_spend_limits,
    "GetProtectConfigurationCountryRuleSet": SmsSettings.get_protect_configuration_country_rule_set,
    "PutOptedOutNumber": SmsSettings.put_opted_out_number,
    "SetMediaMessageSpendLimitOverride": SmsSettings.set_media_message_spend_limit_override,
    "SetTextMessageSpendLimitOverride": SmsSettings.set_text_message_spend_limit_override,
    "UpdatePhoneNumber": SmsSettings.update_phone_number,
}


def _page(name: str, found: Sequence[Answer], given: Parameters) -> Answer:
    """The part of a list that a request asks for, after its filters."""
    for one in given.get("Filters", ()):
        found = [row for row in found if _matches(row, one)]
    try:
        start = int(base64.b64decode(given.get("NextToken", ""), validate=True) or b"0")
    except (binascii.Error, ValueError):
        raise AwsError("ValidationException", "NextToken is not one", Reason="INVALID_NEXT_TOKEN") from None
    end = start + given.get("MaxResults", _PAGE)
    shown: Answer = {name: list(found[start:end])}
    return shown | ({"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(found) else {})


def _matches(row: Answer, wanted: Mapping[str, Any]) -> bool:
    value = row.get(_FILTERED_BY.get(wanted["Name"], ""))
    held = value if isinstance(value, list) else [value]
    return any(str(one).lower() == text.lower() for one in held for text in wanted["Values"])


def _opted_out(number: str, held: Mapping[str, Any]) -> Answer:
    one = held["numbers"][number]
    return {"OptedOutNumber": number, "OptedOutTimestamp": _moment(one["at"]), "EndUserOptedOut": one["by_phone"]}


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _names(given: str, name: str) -> bool:
    """Whether a name or an ARN is that of `name`."""
    return given == name or given.endswith(f"/{name}")


def _plus(number: str) -> str:
    return f"+{number.removeprefix('+')}"
