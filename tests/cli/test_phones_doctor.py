"""`parley phones doctor`: what keeps texts from arriving, each thing broken on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Ran, Run
from tests.cli.places import CONFIGURATION_SET, TOPIC, FakedPlace, number_of
from tests.support.end_user_messaging import EndUserMessagingFake, Refused

NUMBER, WHATSAPP = "+12025550143", "whatsapp:+12025550143"


@pytest.fixture
def place(place: FakedPlace, parley: Run) -> FakedPlace:
    """A stack whose two numbers, one of them on WhatsApp, are enabled and work."""
    place.texts.add_number(NUMBER, RegistrationId="registration-1", MessagingLimits={"RateLimits": {"SMS": 3}})
    place.texts.registrations = {"registration-0": "CREATED", "registration-1": "COMPLETE"}
    place.texts.add_whatsapp("+12025550143")
    for address in (NUMBER, WHATSAPP):
        assert parley("phones", "enable", address).status == 0
    return place


def checks(ran: Ran) -> list[tuple[str, str, str, str]]:
    """Name, outcome, detail and advice of each check."""
    return [(one["name"], one["outcome"], one["detail"], one["advice"]) for one in ran.json["checks"]]


def test_numbers_that_work_are_reported_as_working_and_nothing_is_written(parley: Run, place: FakedPlace):
    place.texts.asked.clear()
    ran = parley("phones", "doctor", "--json")
    assert (ran.status, ran.json["healthy"]) == (0, True)
    assert [(name, outcome, detail) for name, outcome, detail, _ in checks(ran)] == [
        ("account", "ok", "its tier is PRODUCTION"),
        ("spending", "ok", "AWS lets the account spend $500 a month on texts"),
        ("spending", "ok", "AWS lets the account spend $10 a month on files"),
        (
            "reports",
            "ok",
            "AWS reports about texts to arn:aws:sns:us-east-1:111122223333:chat-PhonesReceipts",
        ),
        ("countries", "ok", "SMS may go to CA, US"),
        ("countries", "ok", "MMS may go to CA, US"),
        (NUMBER, "ok", "ACTIVE, TOLL_FREE, US, MMS, SMS, VOICE; AWS takes 3 SMS a second"),
        (NUMBER, "ok", "its registration registration-1 is COMPLETE"),
        (NUMBER, "ok", "what people write comes to this stack"),
        (WHATSAPP, "ok", "its business account Acme is COMPLETE"),
        (WHATSAPP, "ok", "Meta rates its quality GREEN"),
        (WHATSAPP, "ok", "what people write comes to this stack"),
    ]
    assert place.texts.writes == []
    assert parley("phones", "doctor").out.endswith("\neverything works\n")


def break_inbound(account: EndUserMessagingFake) -> None:
    number_of(account)["TwoWayChannelArn"] = "arn:aws:sns:us-east-1:111122223333:another"


def break_whatsapp(account: EndUserMessagingFake) -> None:
    (waba,) = account.accounts.values()
    waba["eventDestinations"] = []


def rate_red(account: EndUserMessagingFake) -> None:
    (waba,) = account.accounts.values()
    waba["phoneNumbers"][0]["qualityRating"] = "RED"


def unregister(account: EndUserMessagingFake) -> None:
    account.registrations["registration-1"] = "REQUIRES_UPDATES"


def change(**facts: Any) -> Callable[[EndUserMessagingFake], None]:
    return lambda account: number_of(account).update(facts)


AGAIN = f"`parley phones enable {NUMBER}` puts it right."
FAULTS: dict[str, tuple[Callable[[EndUserMessagingFake], Any], str, str, str]] = {
    "a number that is not active": (change(Status="PENDING"), NUMBER, "PENDING, TOLL_FREE", "Only an ACTIVE number"),
    "a registration that is refused": (
        unregister,
        NUMBER,
        "its registration registration-1 is REQUIRES_UPDATES",
        "Carriers drop texts",
    ),
    "answers that go elsewhere": (
        break_inbound,
        NUMBER,
        "goes to arn:aws:sns:us-east-1:111122223333:another",
        f"`parley phones enable {NUMBER} --force`",
    ),
    "answers that go nowhere": (
        change(TwoWayEnabled=False),
        NUMBER,
        "what people write is lost: no destination is set",
        AGAIN,
    ),
    "a role that is not the stack's": (
        change(TwoWayChannelRole="arn:aws:iam::111122223333:role/x"),
        NUMBER,
        "with the role arn:aws:iam::111122223333:role/x",
        AGAIN,
    ),
    "opt-outs that nobody manages": (change(SelfManagedOptOutsEnabled=True), NUMBER, "AWS does not answer STOP", AGAIN),
    "a list that is shared with the account": (
        change(OptOutListName="Default"),
        NUMBER,
        "are on the list Default, not on parley-MG",
        AGAIN,
    ),
    "a number that was released": (
        lambda account: account.numbers.clear(),
        NUMBER,
        "the AWS account no longer has it",
        f"`parley phones disable {NUMBER}` forgets it.",
    ),
    "a country that SmsCountries does not name": (
        lambda account: account.rules["SMS"].update(UZ="ALLOW"),
        "countries",
        "SMS may go to 1 countries that SmsCountries does not name: UZ",
        "expensive",
    ),
    "a country that is blocked": (
        lambda account: account.rules["MMS"].update(CA="BLOCK"),
        "countries",
        "MMS may not go to CA",
        "puts it right",
    ),
    "reports that are switched off": (
        lambda account: account.configuration_sets[CONFIGURATION_SET][0].update(Enabled=False),
        "reports",
        "AWS reports nothing about texts",
        "Deploy the stack again",
    ),
    "reports of calls only": (
        lambda account: account.configuration_sets[CONFIGURATION_SET][0].update(MatchingEventTypes=["VOICE_ALL"]),
        "reports",
        "AWS reports nothing about texts",
        "Deploy the stack again",
    ),
    "a configuration set that was deleted": (
        lambda account: account.configuration_sets.clear(),
        "reports",
        f"the configuration set {CONFIGURATION_SET}: AWS refused",
        "Deploy the stack again",
    ),
    "a whatsapp account without a destination": (
        break_whatsapp,
        WHATSAPP,
        "what people write is lost",
        f"`parley phones enable {WHATSAPP}` puts it right.",
    ),
    "people who complain": (rate_red, WHATSAPP, "Meta rates its quality RED", "what people complained about"),
    "an account that may not be read": (
        lambda account: account.failing.update(DescribeSpendLimits=Refused("AccessDeniedException")),
        "account",
        "AWS does not allow DescribeSpendLimits",
        "docs/cli.md",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_thing_that_does_not_work_is_named_with_what_to_do(parley: Run, place: FakedPlace, fault: str):
    cause, name, detail, advice = FAULTS[fault]
    cause(place.texts)
    ran = parley("phones", "doctor", "--json")
    assert (ran.status, ran.json["healthy"]) == (3, False)
    failed = [one for one in checks(ran) if one[1] == "failed"]
    assert len(failed) == 1, failed
    assert failed[0][0] == name and detail in failed[0][2] and advice in failed[0][3]


def warnings(ran: Ran) -> list[tuple[str, str]]:
    return [(name, detail) for name, outcome, detail, _ in checks(ran) if outcome == "warning"]


def test_a_sandbox_and_its_dollar_a_month_are_warnings(parley: Run, place: FakedPlace):
    place.texts.tier = "SANDBOX"
    place.texts.limits = {"TEXT_MESSAGE_MONTHLY_SPEND_LIMIT": (1, 1)}
    ran = parley("phones", "doctor", "--json")
    assert ran.status == 0
    assert warnings(ran) == [
        ("account", "the account is in AWS's sandbox: texts go only to numbers that you have verified"),
        ("spending", "AWS lets the account spend $1 a month on texts"),
    ]


def test_an_american_number_without_a_registration_is_a_warning(parley: Run, place: FakedPlace):
    del number_of(place.texts)["RegistrationId"]
    assert warnings(parley("phones", "doctor", "--json")) == [
        (NUMBER, "AWS names no registration of this TOLL_FREE number")
    ]


def test_a_stack_on_which_no_number_is_enabled_is_warned(parley: Run, place: FakedPlace):
    for address in (NUMBER, WHATSAPP):
        parley("phones", "disable", address)
    assert warnings(parley("phones", "doctor", "--json")) == [("numbers", "no number is enabled")]


def test_enabling_again_puts_right_what_the_doctor_found(parley: Run, place: FakedPlace):
    change(TwoWayEnabled=False, OptOutListName="Default", SelfManagedOptOutsEnabled=True)(place.texts)
    place.texts.rules["SMS"]["UZ"] = "ALLOW"
    assert parley("phones", "doctor").status == 3
    assert parley("phones", "enable", NUMBER).status == 0
    assert parley("phones", "doctor").status == 0
    assert number_of(place.texts)["TwoWayChannelArn"] == TOPIC
