"""`parley phones list, enable, disable`: the numbers of an account in AWS, and the records beside them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cli.senders import opt_out_list
from parley.operations import address_configurations, messaging_services, senders
from tests.architecture.declared import TEMPLATE
from tests.cli.conftest import Run
from tests.cli.places import ROLE, TOPIC, FakedPlace, number_of
from tests.support.doors import LambdaDoor, Raw
from tests.support.end_user_messaging import Died, EndUserMessagingFake, Refused
from tests.support.lean import LeanClient
from tests.support.world import World

NUMBER, WHATSAPP = "+12025550143", "whatsapp:+12025550143"
OTHER_TOPIC = "arn:aws:sns:us-east-1:111122223333:another"


@pytest.fixture
def account(place: FakedPlace) -> EndUserMessagingFake:
    """The AWS account: one toll-free number, and one number on WhatsApp."""
    place.texts.add_number(NUMBER)
    place.texts.add_whatsapp("+1 202-555-0143")
    return place.texts


def destinations(account: EndUserMessagingFake) -> list[str]:
    (waba,) = account.accounts.values()
    return [one["eventDestinationArn"] for one in waba["eventDestinations"]]


def service(place: FakedPlace, name: str = "support") -> str:
    """A new messaging service."""
    path = {"account_sid": place.account_sid}
    return str(messaging_services.create(place.context, path, {"friendly_name": name})["sid"])


# The list


def test_the_list_shows_every_number_of_the_account_with_its_messaging_service(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    account.add_number("+12025550178", Status="PENDING", NumberType="TEN_DLC", NumberCapabilities=["SMS"])
    account.add_number("+4915735985000", IsoCountryCode="DE", NumberType="LONG_CODE")
    assert parley("phones", "enable", NUMBER).status == 0
    default = messaging_services.default_sid(place.context)
    lines = [line.split("  ") for line in parley("phones", "list").out.splitlines()]
    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["NUMBER", "MESSAGING SERVICE", "STATUS", "TYPE", "CAN", "COUNTRY"],
        ["+12025550143", default, "ACTIVE", "TOLL_FREE", "MMS, SMS, VOICE", "US"],
        ["+12025550178", "-", "PENDING", "TEN_DLC", "SMS", "US"],
        ["+4915735985000", "-", "ACTIVE", "LONG_CODE", "MMS, SMS, VOICE", "DE"],
        ["whatsapp:+12025550143", "-", "COMPLETE", "Acme", "WHATSAPP", "-"],
    ]
    shown = {one["address"]: one for one in parley("phones", "list", "--json").json}
    assert (shown[NUMBER]["enabled"], shown[NUMBER]["messaging_service_sid"]) == (True, default)
    assert shown[NUMBER]["inbound_destination"] == TOPIC and shown[NUMBER]["sid"].startswith("PN")
    assert (shown[WHATSAPP]["enabled"], shown[WHATSAPP]["messaging_service_sid"]) == (False, None)


def test_an_enabled_number_that_aws_no_longer_has_is_reported(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    parley("phones", "enable", NUMBER)
    account.numbers.clear()
    assert "AWS no longer has it" in parley("phones", "list").out
    assert parley("phones", "list", "--json").json[0]["status"] is None
    assert parley("phones", "disable", NUMBER).status == 0
    assert senders.every(place.context) == []


def test_the_list_says_if_whatsapp_cannot_be_read(parley: Run, place: FakedPlace, account: EndUserMessagingFake):
    """In some Regions AWS has no WhatsApp."""
    account.failing["ListLinkedWhatsAppBusinessAccounts"] = Refused("AccessDeniedException")
    ran = parley("phones", "list")
    assert ran.status == 0 and NUMBER in ran.out and WHATSAPP not in ran.out
    assert ran.err.startswith("the numbers of WhatsApp cannot be read: AWS does not allow ")


def test_an_account_without_numbers_is_told_where_to_get_one(parley: Run, place: FakedPlace):
    line = "the AWS account has no number in this Region: request one in the AWS console\n"
    assert parley("phones", "list") == (0, line, "")


# Enabling


def test_the_fake_has_the_outputs_and_parameters_of_the_template(place: FakedPlace):
    """Else the commands would look for what no deployed stack has."""
    assert set(place.outputs) <= set(TEMPLATE["Outputs"]) and set(place.parameters) <= set(TEMPLATE["Parameters"])


def test_without_countries_texts_may_go_anywhere(parley: Run, place: FakedPlace, account: EndUserMessagingFake):
    """A local run names none."""
    place.parameters["SmsCountries"] = ""
    account.add_number("+4915735985000", IsoCountryCode="DE")
    assert parley("phones", "enable", "+4915735985000").status == 0
    assert set(account.rules["SMS"].values()) == {"ALLOW"}
    told = {one["name"]: one["detail"] for one in parley("phones", "doctor", "--json").json["checks"]}
    assert told["countries"] == "SmsCountries names none, so texts may go anywhere"


def test_an_enabled_number_sends_and_what_people_write_comes_to_the_stack(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    sid = service(place)
    ran = parley("phones", "enable", NUMBER, "--service", sid)
    assert ran == (0, f"{NUMBER} is enabled for {sid}\n", "")
    number = number_of(account)
    assert (number["TwoWayEnabled"], number["TwoWayChannelArn"], number["TwoWayChannelRole"]) == (True, TOPIC, ROLE)
    assert number["OptOutListName"] == opt_out_list(sid) and opt_out_list(sid) in account.opt_out_lists
    (record,) = senders.every(place.context)
    assert record["address"] == NUMBER and record["messaging_service_sid"] == sid
    assert (record["kind"], record["provider_id"]) == ("sms", number["PhoneNumberId"])
    assert record["provider_arn"] == number["PhoneNumberArn"]
    assert (record["country_code"], record["capabilities"]) == ("US", ["MMS", "SMS", "Voice"])
    assert record["opt_out_list"] == opt_out_list(sid)


def test_texts_may_then_go_to_the_countries_of_the_stack_only(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    account.rules["SMS"] |= {"CA": "BLOCK", "US": "FILTER"}
    parley("phones", "enable", NUMBER)
    assert account.rules["SMS"] == {"CA": "ALLOW", "DE": "BLOCK", "GB": "BLOCK", "US": "FILTER", "UZ": "BLOCK"}
    assert account.rules["MMS"] == {"CA": "ALLOW", "US": "ALLOW", "PR": "BLOCK"}


def test_the_rules_of_more_countries_than_aws_takes_at_once_are_sent_in_parts(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    letters = "ABCDEFGHIJKLMNOPQRST"
    account.rules["SMS"] |= {f"{one}{two}": "ALLOW" for one in letters for two in letters}
    parley("phones", "enable", NUMBER)
    assert {country for country, rule in account.rules["SMS"].items() if rule != "BLOCK"} == {"CA", "US"}
    assert account.writes.count("UpdateProtectConfigurationCountryRuleSet") == 3


def test_a_whatsapp_number_sends_its_events_to_the_stack(parley: Run, place: FakedPlace, account: EndUserMessagingFake):
    ran = parley("phones", "enable", WHATSAPP, "--json")
    (waba,) = account.accounts.values()
    assert waba["eventDestinations"] == [{"eventDestinationArn": TOPIC}]
    (record,) = senders.every(place.context)
    assert ran.json == {
        "address": WHATSAPP,
        "sid": record["sid"],
        "messaging_service_sid": messaging_services.default_sid(place.context),
    }
    assert (record["kind"], record["waba"]) == ("whatsapp", waba["id"])
    assert record["provider_id"] == waba["phoneNumbers"][0]["phoneNumberId"]
    assert account.writes == ["PutWhatsAppBusinessAccountEventDestinations"]


def test_a_stack_whose_first_number_was_just_enabled_accepts_requests_with_a_limit_of_actions(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake, lean: LeanClient
):
    assert parley("phones", "enable", NUMBER).status == 0
    world = World(lean, place.table_name(), place.account_sid)
    world.actions_per_second = 30
    assert Raw(LambdaDoor(world))("POST", "/conversations/v1/Conversations").status == 201


def test_enabling_again_writes_nothing_in_aws_that_is_there_already(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    for address in (NUMBER, WHATSAPP):
        parley("phones", "enable", address)
    before, records = copy.deepcopy((account.numbers, account.accounts, account.rules)), senders.every(place.context)
    account.asked.clear()
    for address in (NUMBER, WHATSAPP):
        assert parley("phones", "enable", address).status == 0
    assert account.writes == ["CreateOptOutList"]
    assert (account.numbers, account.accounts, account.rules) == before
    again = senders.every(place.context)
    assert [one["sid"] for one in again] == [one["sid"] for one in records]
    assert messaging_services.require(place.context, again[0]["messaging_service_sid"])["senders_count"] == 2


def test_a_number_that_is_enabled_again_stays_in_its_messaging_service(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    sid = service(place)
    parley("phones", "enable", NUMBER, "--service", sid)
    assert parley("phones", "enable", NUMBER).out == f"{NUMBER} is enabled for {sid}\n"


def test_a_number_whose_messaging_service_was_deleted_joins_the_default_one(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    sid = service(place)
    parley("phones", "enable", NUMBER, "--service", sid)
    messaging_services.delete(place.context, {"account_sid": place.account_sid, "sid": sid}, {})
    default = messaging_services.default_sid(place.context)
    assert parley("phones", "enable", NUMBER).out == f"{NUMBER} is enabled for {default}\n"
    assert number_of(account)["OptOutListName"] == opt_out_list(default)


def test_a_number_of_another_messaging_service_is_refused(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    first, second = service(place, "one"), service(place, "two")
    parley("phones", "enable", NUMBER, "--service", first)
    line = f"parley: {NUMBER} is in the messaging service {first}: take it out there first, or disable it\n"
    assert parley("phones", "enable", NUMBER, "--service", second) == (1, "", line)
    assert number_of(account)["OptOutListName"] == opt_out_list(first)


# The writes in AWS, in their order.
OF_NUMBER = ("UpdateProtectConfigurationCountryRuleSet", "CreateOptOutList", "UpdatePhoneNumber")
OF_WHATSAPP = ("PutWhatsAppBusinessAccountEventDestinations",)
ENABLING = [(NUMBER, write) for write in OF_NUMBER] + [(WHATSAPP, write) for write in OF_WHATSAPP]
DISABLING = [(NUMBER, "UpdatePhoneNumber"), (WHATSAPP, *OF_WHATSAPP)]


@contextmanager
def dying(account: EndUserMessagingFake, write: str, when: str) -> Iterator[None]:
    """The command is killed before or after it has made this write."""
    at = {"before": account.dies_before, "after": account.dies_after}[when]
    at.add(write)
    with pytest.raises(Died):
        yield
    at.clear()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("address", "write"), ENABLING)
def test_killed_at_a_write_no_record_is_there_and_the_same_command_completes_it(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake, address: str, write: str, when: str
):
    with dying(account, write, when):
        parley("phones", "enable", address)
    assert senders.every(place.context) == []
    assert parley("phones", "enable", address).status == 0
    assert [one["address"] for one in senders.every(place.context)] == [address]
    if address == WHATSAPP:
        assert destinations(account) == [TOPIC]
        return
    assert number_of(account)["TwoWayChannelArn"] == TOPIC
    assert number_of(account)["OptOutListName"] in account.opt_out_lists - {"Default"}
    assert {country for country, rule in account.rules["SMS"].items() if rule == "ALLOW"} == {"CA", "US"}
    assert {country for country, rule in account.rules["MMS"].items() if rule == "ALLOW"} == {"CA", "US"}


def test_two_who_enable_a_number_at_once_leave_one_record(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    """The other one is done between this one's writes in AWS and its record."""
    sid, runs = service(place), iter(["another"])
    commit = place.dynamodb.transact_write_items

    def late(**given: Any) -> Any:
        if next(runs, None):
            assert parley("phones", "enable", NUMBER, "--service", sid).status == 0
        return commit(**given)

    place.dynamodb.transact_write_items = late
    assert parley("phones", "enable", NUMBER, "--service", sid).status == 0
    assert [one["address"] for one in senders.every(place.context)] == [NUMBER]
    assert messaging_services.require(place.context, sid)["senders_count"] == 1


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"Status": "PENDING"}, "cannot send yet: it is PENDING at AWS, not ACTIVE"),
        ({"NumberCapabilities": ["VOICE"]}, "can do VOICE, but not SMS: request a number with SMS"),
        ({"MessageType": "PROMOTIONAL"}, "is for PROMOTIONAL texts, and Parley sends TRANSACTIONAL ones"),
        (
            {"IsoCountryCode": "DE"},
            "is in DE, and this stack sends to CA, US only: deploy it with SmsCountries=CA,DE,US",
        ),
        ({"PoolId": "pool-1"}, "is in the pool pool-1, so AWS changes nothing of it: take it out of the pool"),
        (
            {"TwoWayEnabled": True, "TwoWayChannelArn": OTHER_TOPIC},
            f"goes to {OTHER_TOPIC}, and AWS takes one destination only: --force puts this stack in its place",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_number_that_cannot_be_used_is_refused_and_nothing_changes(
    parley: Run, place: FakedPlace, changes: dict[str, Any], line: str
):
    place.texts.add_number(NUMBER, **changes)
    ran = parley("phones", "enable", NUMBER)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1 and NUMBER in ran.err and line in ran.err
    assert (place.texts.writes, senders.every(place.context)) == ([], [])


def test_the_destination_of_another_service_is_replaced_only_by_force(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    (waba,) = account.accounts.values()
    waba["eventDestinations"] = [{"eventDestinationArn": OTHER_TOPIC}]
    ran = parley("phones", "enable", WHATSAPP)
    assert ran.status == 1 and f"goes to {OTHER_TOPIC}" in ran.err and destinations(account) == [OTHER_TOPIC]
    assert parley("phones", "enable", WHATSAPP, "--force").status == 0
    assert destinations(account) == [TOPIC]


def test_a_whatsapp_account_that_is_not_registered_is_refused(parley: Run, place: FakedPlace):
    place.texts.add_whatsapp("12025550143", registrationStatus="INCOMPLETE")
    ran = parley("phones", "enable", WHATSAPP)
    assert ran.status == 1 and "its WhatsApp business account is INCOMPLETE at AWS, not COMPLETE" in ran.err
    assert place.texts.writes == []


def test_a_number_that_the_account_does_not_have_is_refused(parley: Run, place: FakedPlace):
    line = f"parley: the AWS account has no number {NUMBER} in this Region: `parley phones list` shows all\n"
    assert parley("phones", "enable", NUMBER) == (1, "", line)


def test_a_number_of_the_carrier_at_carrier_url_is_refused(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    place.parameters["PhoneNumbers"] = f"+12025550199,{NUMBER}"
    ran = parley("phones", "enable", NUMBER)
    assert ran.status == 1 and "it belongs to the carrier at CarrierUrl" in ran.err and account.writes == []


def test_a_messaging_service_that_does_not_exist_is_refused(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    sid = f"MG{'0' * 32}"
    line = f"parley: there is no messaging service {sid}: Messaging's REST API lists them\n"
    assert parley("phones", "enable", NUMBER, "--service", sid) == (1, "", line)
    assert account.writes == []


def test_a_stack_without_phones_says_how_to_get_them(parley: Run, place: FakedPlace, account: EndUserMessagingFake):
    place.outputs.clear()
    line = "parley: the stack chat has no phones: deploy it with the parameter Phones=true\n"
    assert parley("phones", "enable", NUMBER) == (1, "", line)
    assert parley("phones", "doctor") == (1, "", line)


@pytest.mark.parametrize(
    "address", ["+1", "12025550143", "+1202555014x", "whatsapp:12025550143", "WhatsApp:+12025550143"]
)
def test_a_wrong_number_is_refused_before_aws_is_asked(parley: Run, place: FakedPlace, address: str):
    for command in ("enable", "disable"):
        ran = parley("phones", command, address)
        assert ran.status == 2 and f"'{address}' is not a number such as +12025550143" in ran.err
    assert place.texts.asked == []


def test_an_error_of_aws_is_one_line_and_no_record_is_written(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    account.failing["CreateOptOutList"] = Refused("ServiceQuotaExceededException")
    line = "parley: AWS refused CreateOptOutList (ServiceQuotaExceededException): ServiceQuotaExceededException\n"
    assert parley("phones", "enable", NUMBER) == (1, "", line)
    assert senders.every(place.context) == []


# Disabling


def test_a_disabled_number_is_forgotten_with_its_address_configuration_and_aws_keeps_who_wrote_stop(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    parley("phones", "enable", NUMBER)
    stopped = number_of(account)["OptOutListName"]
    path = {"account_sid": place.account_sid}
    address_configurations.create(place.context, path, {"type": "sms", "address": NUMBER})
    assert parley("phones", "disable", NUMBER) == (0, f"{NUMBER} is disabled\n", "")
    assert (number_of(account)["TwoWayEnabled"], number_of(account)["OptOutListName"]) == (False, stopped)
    assert stopped in account.opt_out_lists and senders.every(place.context) == []
    held = place.context.table.every(address_configurations.keys.address_configurations(place.account_sid))
    assert held == []


def test_a_whatsapp_account_keeps_its_destination_while_another_of_its_numbers_is_enabled(
    parley: Run, place: FakedPlace
):
    place.texts.add_whatsapp("+12025550143", "+12025550178")
    for address in (WHATSAPP, "whatsapp:+12025550178"):
        parley("phones", "enable", address)
    assert parley("phones", "disable", WHATSAPP).status == 0
    assert destinations(place.texts) == [TOPIC]
    assert parley("phones", "disable", "whatsapp:+12025550178", "--json").json["enabled"] is False
    assert destinations(place.texts) == []


def test_a_destination_of_another_service_outlives_disabling(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake
):
    parley("phones", "enable", NUMBER)
    number_of(account)["TwoWayChannelArn"] = OTHER_TOPIC
    assert parley("phones", "disable", NUMBER).status == 0
    assert (number_of(account)["TwoWayEnabled"], number_of(account)["TwoWayChannelArn"]) == (True, OTHER_TOPIC)
    assert senders.every(place.context) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("address", "write"), DISABLING)
def test_killed_while_disabling_the_same_command_completes_it(
    parley: Run, place: FakedPlace, account: EndUserMessagingFake, address: str, write: str, when: str
):
    parley("phones", "enable", address)
    with dying(account, write, when):
        parley("phones", "disable", address)
    assert [one["address"] for one in senders.every(place.context)] == [address]
    assert parley("phones", "disable", address).status == 0
    assert senders.every(place.context) == []
    assert number_of(account)["TwoWayEnabled"] is False and destinations(account) == []


def test_a_number_that_is_not_enabled_is_reported(parley: Run, place: FakedPlace, account: EndUserMessagingFake):
    line = f"parley: {NUMBER} is not enabled: `parley phones list` shows which numbers are\n"
    assert parley("phones", "disable", NUMBER) == (1, "", line)
    assert account.writes == []
