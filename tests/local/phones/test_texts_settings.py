"""The settings that the stand-in of sms-voice keeps and shows, asked by botocore's real client."""

from __future__ import annotations

from pathlib import Path

from tests.support.handsets import INBOUND, NUMBER, OTHER_NUMBER, RECEIPTS, Stage, refused

PHONE = "+491721234567"


def test_numbers_are_shown_with_their_settings(stage: Stage):
    first, second = stage.sms.describe_phone_numbers()["PhoneNumbers"]
    assert (first["PhoneNumber"], second["PhoneNumber"]) == (NUMBER, OTHER_NUMBER)
    assert first["PhoneNumberArn"].endswith(f":phone-number/{first['PhoneNumberId']}")
    assert (first["TwoWayEnabled"], first["TwoWayChannelArn"]) == (True, INBOUND)
    assert (first["OptOutListName"], first["NumberCapabilities"]) == ("Default", ["SMS", "MMS", "VOICE"])
    named = stage.sms.describe_phone_numbers(PhoneNumberIds=[second["PhoneNumberArn"]])["PhoneNumbers"]
    assert named == [second]
    with refused("ResourceNotFoundException"):
        stage.sms.describe_phone_numbers(PhoneNumberIds=["phone-1"])


def test_numbers_are_filtered_and_listed_in_pages(stage: Stage):
    pages = list(stage.sms.get_paginator("describe_phone_numbers").paginate(PaginationConfig={"PageSize": 1}))
    assert [[one["PhoneNumber"] for one in page["PhoneNumbers"]] for page in pages] == [[NUMBER], [OTHER_NUMBER]]
    for values, count in ((["US"], 2), (["DE"], 0)):
        filters = [{"Name": "iso-country-code", "Values": values}]
        assert len(stage.sms.describe_phone_numbers(Filters=filters)["PhoneNumbers"]) == count
    filters = [{"Name": "number-capability", "Values": ["MMS", "RCS"]}]
    assert len(stage.sms.describe_phone_numbers(Filters=filters)["PhoneNumbers"]) == 2
    with refused("ValidationException", "INVALID_NEXT_TOKEN"):
        stage.sms.describe_phone_numbers(NextToken="?")
    assert stage.sms.describe_phone_numbers(Owner="SHARED")["PhoneNumbers"] == []


def test_a_change_of_a_number_outlasts_the_run(tmp_path: Path):
    file = tmp_path / "texts.json"
    stage = Stage(file=file)
    stage.sms.create_opt_out_list(OptOutListName="mine")
    id_ = stage.sms.describe_phone_numbers()["PhoneNumbers"][0]["PhoneNumberId"]
    role, topic = "arn:aws:iam::000000000000:role/two-way", "arn:aws:sns:us-east-1:000000000000:Other"
    changes = {"TwoWayEnabled": True, "TwoWayChannelArn": topic, "TwoWayChannelRole": role, "OptOutListName": "mine"}
    answer = stage.sms.update_phone_number(PhoneNumberId=id_, **changes)
    assert answer.items() >= changes.items()
    stage.sms.put_opted_out_number(OptOutListName="mine", OptedOutNumber=PHONE)
    again = Stage(file=file)
    assert again.sms.describe_phone_numbers()["PhoneNumbers"][0].items() >= changes.items()
    assert again.handset(PHONE)["stopped"] == [NUMBER]
    again.write(PHONE, NUMBER, "hello")
    again.heard(1)
    assert again.published[0][0] == topic


def test_a_number_cannot_get_a_list_that_does_not_exist(stage: Stage):
    id_ = stage.sms.describe_phone_numbers()["PhoneNumbers"][0]["PhoneNumberId"]
    with refused("ResourceNotFoundException"):
        stage.sms.update_phone_number(PhoneNumberId=id_, OptOutListName="mine")
    with refused("ResourceNotFoundException"):
        stage.sms.update_phone_number(PhoneNumberId="phone-1", TwoWayEnabled=False)


def test_opt_out_lists_are_made_filled_and_emptied(stage: Stage):
    made = stage.sms.create_opt_out_list(OptOutListName="mine")
    assert made["OptOutListArn"].endswith(":opt-out-list/mine")
    with refused("ConflictException", "RESOURCE_ALREADY_EXISTS"):
        stage.sms.create_opt_out_list(OptOutListName="mine")
    listed = stage.sms.describe_opt_out_lists()["OptOutLists"]
    assert [one["OptOutListName"] for one in listed] == ["Default", "mine"]
    put = stage.sms.put_opted_out_number(OptOutListName=made["OptOutListArn"], OptedOutNumber=PHONE)
    assert (put["OptedOutNumber"], put["EndUserOptedOut"]) == (PHONE, False)
    with refused("ResourceNotFoundException"):
        stage.sms.describe_opted_out_numbers(OptOutListName="mine", OptedOutNumbers=["+491720000000"])
    assert stage.sms.delete_opted_out_number(OptOutListName="mine", OptedOutNumber=PHONE)["OptedOutNumber"] == PHONE
    assert stage.sms.describe_opted_out_numbers(OptOutListName="mine")["OptedOutNumbers"] == []
    with refused("ResourceNotFoundException"):
        stage.sms.delete_opted_out_number(OptOutListName="mine", OptedOutNumber=PHONE)
    stage.sms.delete_opt_out_list(OptOutListName="mine")
    with refused("ConflictException", "RESOURCE_DELETION_NOT_ALLOWED"):
        stage.sms.delete_opt_out_list(OptOutListName="Default")
    with refused("ResourceNotFoundException"):
        stage.sms.put_opted_out_number(OptOutListName="mine", OptedOutNumber=PHONE)


def test_the_account_shows_its_tier_limits_and_registrations(stage: Stage):
    attributes = stage.sms.describe_account_attributes()["AccountAttributes"]
    assert attributes == [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}]
    used = {one["Name"]: one["Used"] for one in stage.sms.describe_account_limits()["AccountLimits"]}
    assert (used["PHONE_NUMBERS"], used["OPT_OUT_LISTS"]) == (2, 1)
    (registration,) = stage.sms.describe_registrations()["Registrations"]
    assert registration["RegistrationStatus"] == "COMPLETE"
    with refused("ResourceNotFoundException"):
        stage.sms.describe_registrations(RegistrationIds=["registration-1"])


def test_events_and_countries_are_those_of_the_plan(stage: Stage):
    (found,) = stage.sms.describe_configuration_sets(ConfigurationSetNames=["set"])["ConfigurationSets"]
    assert found["EventDestinations"][0]["SnsDestination"] == {"TopicArn": RECEIPTS}
    (protection,) = stage.sms.describe_protect_configurations()["ProtectConfigurations"]
    rules = stage.sms.get_protect_configuration_country_rule_set(
        ProtectConfigurationId=protection["ProtectConfigurationId"], NumberCapability="SMS"
    )["CountryRuleSet"]
    assert [rules[country]["ProtectStatus"] for country in ("US", "CA", "DE", "FR")] == [*["ALLOW"] * 3, "BLOCK"]
    for ask in (
        lambda: stage.sms.describe_configuration_sets(ConfigurationSetNames=["other"]),
        lambda: stage.sms.describe_protect_configurations(ProtectConfigurationIds=["other"]),
        lambda: stage.sms.get_protect_configuration_country_rule_set(
            ProtectConfigurationId="other", NumberCapability="SMS"
        ),
    ):
        with refused("ResourceNotFoundException"):
            ask()


def test_an_operation_that_the_stand_in_lacks_says_so(stage: Stage):
    with refused("UnknownOperationException"):
        stage.sms.describe_pools()
