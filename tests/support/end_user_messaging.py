"""A fake of AWS End User Messaging behind AWS's own clients, with numbers in every state that an account can have.

The clients check parameters against AWS's models before they ask, and this fake checks its answers against the models.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

ACCOUNT = "111122223333"
REGION = "us-east-1"
MOMENT = datetime(2026, 1, 15, tzinfo=UTC)
SMS_VOICE, SOCIAL = "pinpoint-sms-voice-v2", "socialmessaging"
WRITES = {
    "CreateOptOutList",
    "UpdatePhoneNumber",
    "UpdateProtectConfigurationCountryRuleSet",
    "PutWhatsAppBusinessAccountEventDestinations",
}


class Died(BaseException):
    """The command is killed here; nothing of its own may catch that."""


class Refused(Exception):
    """An error of AWS's."""

    def __init__(self, code: str, **more: str) -> None:
        super().__init__(code)
        self.code, self.more = code, more


class EndUserMessagingFake:
    """One account in one Region.

    Attributes:
        numbers: What AWS tells of each number, by its id; a test changes it as it likes.
        dies_before, dies_after: The names of writes; the command is killed before or after it makes one of them.
        asked: The names of operations, in the order in which they were asked for.
        failing: By operation, the error with which AWS answers.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, dict[str, Any]] = {}
        self.opt_out_lists = {"Default"}
        self.rules: dict[str, dict[str, str]] = {
            "SMS": dict.fromkeys(("CA", "DE", "GB", "US", "UZ"), "ALLOW"),
            "MMS": dict.fromkeys(("CA", "US", "PR"), "ALLOW"),
        }
        self.configuration_sets: dict[str, list[dict[str, Any]]] = {}
        self.registrations: dict[str, str] = {}
        self.tier = "PRODUCTION"
        self.limits = {"TEXT_MESSAGE_MONTHLY_SPEND_LIMIT": (500, 500), "MEDIA_MESSAGE_MONTHLY_SPEND_LIMIT": (10, 10)}
        self.page_size = 2
        self.dies_before: set[str] = set()
        self.dies_after: set[str] = set()
        self.asked: list[str] = []
        self.failing: dict[str, Refused] = {}
        self._clients = {service: self._client(service) for service in (SMS_VOICE, SOCIAL)}

    def add_number(self, number: str = "+12025550143", **more: Any) -> dict[str, Any]:
        """A number that can send, unless `more` says otherwise."""
        id_ = f"phone-{len(self.numbers):032x}"
        told = {
            "PhoneNumberArn": f"arn:aws:sms-voice:{REGION}:{ACCOUNT}:phone-number/{id_}",
            "PhoneNumberId": id_,
            "PhoneNumber": number,
            "Status": "ACTIVE",
            "IsoCountryCode": "US",
            "MessageType": "TRANSACTIONAL",
            "NumberCapabilities": ["SMS", "MMS", "VOICE"],
            "NumberType": "TOLL_FREE",
            "MonthlyLeasingPrice": "2.00",
            "TwoWayEnabled": False,
            "SelfManagedOptOutsEnabled": False,
            "OptOutListName": "Default",
            "DeletionProtectionEnabled": False,
            "CreatedTimestamp": MOMENT,
        }
        self.numbers[id_] = told | more
        return self.numbers[id_]

    def add_whatsapp(self, *numbers: str, **more: Any) -> dict[str, Any]:
        """A WhatsApp business account that is linked and registered, with these numbers."""
        id_ = f"waba-{len(self.accounts):032x}"
        arn = f"arn:aws:social-messaging:{REGION}:{ACCOUNT}"
        account = {
            "arn": f"{arn}:waba/{id_.removeprefix('waba-')}",
            "id": id_,
            "wabaId": "104200000000000",
            "registrationStatus": "COMPLETE",
            "linkDate": MOMENT,
            "wabaName": "Acme",
            "eventDestinations": [],
            "phoneNumbers": [
                {
                    "arn": f"{arn}:phone-number-id/{len(self.accounts)}{index:031x}",
                    "phoneNumber": number,
                    "phoneNumberId": f"phone-number-id-{len(self.accounts)}{index:031x}",
                    "metaPhoneNumberId": f"10{index}",
                    "displayPhoneNumberName": "Acme",
                    "displayPhoneNumber": number,
                    "qualityRating": "GREEN",
                }
                for index, number in enumerate(numbers)
            ],
        }
        self.accounts[id_] = account | more
        return self.accounts[id_]

    def client(self, service: str) -> Any:
        return self._clients[service]

    def _client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = boto3.client(service, region_name=REGION, **keys)
        given: dict[str, Any] = {}

        def keep(params: dict[str, Any], model: Any, **rest: Any) -> None:
            given[model.name] = params

        def answer(model: Any, **rest: Any) -> tuple[AWSResponse, dict[str, Any]]:
            return self._answered(model, given[model.name])

        client.meta.events.register(f"before-parameter-build.{service}.*", keep)
        client.meta.events.register(f"before-call.{service}.*", answer)
        return client

    def _answered(self, model: Any, params: dict[str, Any]) -> tuple[AWSResponse, dict[str, Any]]:
        self.asked.append(model.name)
        if model.name in self.dies_before:
            raise Died(model.name)
        try:
            if model.name in self.failing:
                raise self.failing[model.name]
            answer: dict[str, Any] = getattr(self, f"_{model.name}")(params) or {}
        except Refused as refused:
            error = {"Error": {"Code": refused.code, "Message": refused.code}, **refused.more}
            return AWSResponse("", 400, {}, None), {**error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        if model.output_shape is not None:
            validate_parameters(answer, model.output_shape)
        if model.name in self.dies_after:
            raise Died(model.name)
        return AWSResponse("", 200, {}, None), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    @property
    def writes(self) -> list[str]:
        """The writes that were made, in their order."""
        return [name for name in self.asked if name in WRITES]

    # pinpoint-sms-voice-v2

    def _DescribePhoneNumbers(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._page("PhoneNumbers", list(self.numbers.values()), given, "NextToken")

    def _CreateOptOutList(self, given: dict[str, Any]) -> None:  # noqa: N802
        if given["OptOutListName"] in self.opt_out_lists:
            raise Refused("ConflictException", Reason="RESOURCE_ALREADY_EXISTS")
        self.opt_out_lists.add(given["OptOutListName"])

    def _UpdatePhoneNumber(self, given: dict[str, Any]) -> None:  # noqa: N802
        number = self.numbers[given["PhoneNumberId"]]
        if given.get("OptOutListName", "Default") not in self.opt_out_lists:
            raise Refused("ResourceNotFoundException")
        if number.get("PoolId"):
            raise Refused("ConflictException", Reason="PHONE_NUMBER_ASSOCIATED_TO_POOL")
        number |= {name: value for name, value in given.items() if name != "PhoneNumberId"}

    def _GetProtectConfigurationCountryRuleSet(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        id_ = given["ProtectConfigurationId"]
        rules = self.rules[given["NumberCapability"]]
        return {
            "ProtectConfigurationArn": f"arn:aws:sms-voice:{REGION}:{ACCOUNT}:protect-configuration/{id_}",
            "ProtectConfigurationId": id_,
            "NumberCapability": given["NumberCapability"],
            "CountryRuleSet": {country: {"ProtectStatus": status} for country, status in rules.items()},
        }

    def _UpdateProtectConfigurationCountryRuleSet(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for country, rule in given["CountryRuleSetUpdates"].items():
            assert country in self.rules[given["NumberCapability"]], country
            self.rules[given["NumberCapability"]][country] = rule["ProtectStatus"]
        return self._GetProtectConfigurationCountryRuleSet(given)

    def _DescribeAccountAttributes(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"AccountAttributes": [{"Name": "ACCOUNT_TIER", "Value": self.tier}]}

    def _DescribeSpendLimits(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        limits = [
            {"Name": name, "EnforcedLimit": enforced, "MaxLimit": most, "Overridden": False}
            for name, (enforced, most) in self.limits.items()
        ]
        return {"SpendLimits": limits}

    def _DescribeRegistrations(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = [
            {
                "RegistrationArn": f"arn:aws:sms-voice:{REGION}:{ACCOUNT}:registration/{id_}",
                "RegistrationId": id_,
                "RegistrationType": "US_TOLL_FREE_REGISTRATION",
                "RegistrationStatus": status,
                "CurrentVersionNumber": 1,
                "CreatedTimestamp": MOMENT,
            }
            for id_, status in self.registrations.items()
        ]
        return self._page("Registrations", found, given, "NextToken")

    def _DescribeConfigurationSets(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        (name,) = given["ConfigurationSetNames"]
        if name not in self.configuration_sets:
            raise Refused("ResourceNotFoundException")
        arn = f"arn:aws:sms-voice:{REGION}:{ACCOUNT}:configuration-set/{name}"
        told = {"ConfigurationSetArn": arn, "ConfigurationSetName": name, "CreatedTimestamp": MOMENT}
        return {"ConfigurationSets": [{**told, "EventDestinations": self.configuration_sets[name]}]}

    # socialmessaging

    def _ListLinkedWhatsAppBusinessAccounts(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        told = [
            {name: value for name, value in account.items() if name != "phoneNumbers"}
            for account in self.accounts.values()
        ]
        return self._page("linkedAccounts", told, given, "nextToken")

    def _GetLinkedWhatsAppBusinessAccount(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"account": self.accounts[given["id"]]}

    def _PutWhatsAppBusinessAccountEventDestinations(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.accounts[given["id"]]["eventDestinations"] = given["eventDestinations"]

    def _page(self, name: str, found: list[Any], given: dict[str, Any], token: str) -> dict[str, Any]:
        start = int(given.get(token, 0))
        end = start + self.page_size
        return {name: found[start:end], **({token: str(end)} if end < len(found) else {})}
