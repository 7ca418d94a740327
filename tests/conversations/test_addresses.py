"""Address configurations: one for each of the account's addresses, with the parts that its automatic creation needs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from twilio.rest import Client

from tests.conversations.phones import API, OTHER_PROXY, PROXY, SENDER
from tests.rest.support import DATE, at_once, refused, sid
from tests.support.doors import Raw
from tests.support.world import World

ADDRESSES = f"{API}/Configuration/Addresses"
URL = "https://example.com/inbound"
FLOW = "FW" + "0a" * 16
SMS = {"Type": "sms", "Address": PROXY}

Form = dict[str, Any]


@pytest.fixture(autouse=True)
def new_account(world: World) -> None:
    """Addresses are the account's, so each test has an account of its own."""


def test_a_configuration_creates_nothing_by_itself_unless_it_says_so(raw: Raw):
    made = raw.post(ADDRESSES, {**SMS, "FriendlyName": "front desk", "AddressCountry": "US"})
    assert made == {
        "sid": sid("IG"),
        "account_sid": made["account_sid"],
        "type": "sms",
        "address": PROXY,
        "friendly_name": "front desk",
        "address_country": "US",
        "auto_creation": {"enabled": False, "type": "default"},
        "date_created": DATE,
        "date_updated": made["date_created"],
        "url": made["url"],
    }
    assert made["url"].endswith(f"{ADDRESSES}/{made['sid']}")


CREATIONS: dict[str, tuple[Form, Form]] = {
    "default": ({"Type": "default", "WebhookUrl": URL, "StudioFlowSid": FLOW}, {}),
    "webhook": (
        {"Type": "webhook", "WebhookUrl": URL, "WebhookMethod": "get", "WebhookFilters": ["onMessageAdded"]},
        {"webhook_url": URL, "webhook_method": "GET", "webhook_filters": ["onMessageAdded"]},
    ),
    "webhook with events by older names": (
        {"Type": "webhook", "WebhookUrl": URL, "WebhookFilters": ["onDeliveryUpdated", "onMessageSent"]},
        {"webhook_url": URL, "webhook_method": "POST", "webhook_filters": ["onMessageAdded", "onDeliveryUpdated"]},
    ),
    "webhook that says little": (
        {"Type": "webhook", "WebhookUrl": URL, "StudioRetryCount": "1"},
        {"webhook_url": URL, "webhook_method": "POST", "webhook_filters": []},
    ),
    "studio": (
        {"Type": "studio", "StudioFlowSid": FLOW, "StudioRetryCount": "3", "WebhookMethod": "POST"},
        {"studio_flow_sid": FLOW, "studio_retry_count": 3},
    ),
}


def form_of(creation: Form) -> Form:
    return {f"AutoCreation.{name}": value for name, value in creation.items()}


@pytest.mark.parametrize("name", CREATIONS)
def test_only_the_parts_of_its_type_are_kept_and_shown(raw: Raw, name: str):
    creation, parts = CREATIONS[name]
    made = raw.post(ADDRESSES, {**SMS, **form_of({**creation, "Enabled": "true"})})
    assert made["auto_creation"] == {"enabled": True, "type": creation["Type"], **parts}
    assert raw.get(f"{ADDRESSES}/{made['sid']}") == made


def test_another_type_forgets_the_parts_of_the_former(raw: Raw):
    raw.post(ADDRESSES, {**SMS, **form_of(CREATIONS["webhook"][0])})
    path = f"{ADDRESSES}/{quote(PROXY)}"
    studio = raw.post(path, form_of({"Type": "studio", "StudioFlowSid": FLOW}))["auto_creation"]
    assert studio == {"enabled": False, "type": "studio", "studio_flow_sid": FLOW}
    service = raw.post(f"{API}/Services", FriendlyName="x")["sid"]
    changed = raw.post(path, form_of({"ConversationServiceSid": service, "Enabled": "true"}))["auto_creation"]
    assert changed == {**studio, "enabled": True, "conversation_service_sid": service}


REFUSED: dict[str, tuple[Form, tuple[int, int]]] = {
    "no type": ({"Address": PROXY}, (400, 20001)),
    "unknown type": ({"Type": "fax", "Address": PROXY}, (400, 20001)),
    "no address": ({"Type": "sms"}, (400, 20001)),
    "foreign address": ({"Type": "sms", "Address": "+12025550199"}, (400, 20001)),
    "address of another type": ({"Type": "whatsapp", "Address": PROXY}, (400, 20001)),
    "no address at all": ({"Type": "sms", "Address": "x" * 300}, (400, 20001)),
    "webhook without URL": ({**SMS, **form_of({"Type": "webhook"})}, (400, 20001)),
    "webhook with a URL of this machine": ({**SMS, **form_of({"Type": "webhook", "WebhookUrl": "x"})}, (400, 20001)),
    "unknown method": ({**SMS, **form_of({"WebhookMethod": "PUT"})}, (400, 50055)),
    "unknown event": ({**SMS, **form_of({"Type": "webhook", "WebhookUrl": URL, "WebhookFilters": "x"})}, (400, 50365)),
    "event of a person": (
        {**SMS, **form_of({"Type": "webhook", "WebhookUrl": URL, "WebhookFilters": ["onMessageAdded", "onUserAdded"]})},
        (400, 50365),
    ),
    "event of a type that has none": ({**SMS, **form_of({"WebhookFilters": ["onMessageAdd"]})}, (400, 50365)),
    "studio without flow": ({**SMS, **form_of({"Type": "studio"})}, (400, 20001)),
    "flow that is none": ({**SMS, **form_of({"Type": "studio", "StudioFlowSid": "x"})}, (400, 20001)),
    "too many repeats": ({**SMS, **form_of({"StudioRetryCount": "4"})}, (400, 50065)),
    "fewer repeats than none": ({**SMS, **form_of({"StudioRetryCount": "-1"})}, (400, 50065)),
    "unknown service": ({**SMS, **form_of({"ConversationServiceSid": "IS" + "0" * 32})}, (404, 50050)),
    "name too long": ({**SMS, "FriendlyName": "x" * 257}, (400, 50003)),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.inferred
def test_a_wrong_configuration_is_refused_and_not_made(raw: Raw, name: str):
    form, expected = REFUSED[name]
    assert raw("POST", ADDRESSES, form).refusal()[:2] == expected
    assert raw.get(ADDRESSES)["address_configurations"] == []


def test_if_a_parameter_names_a_missing_service_the_refusal_names_that_service(twilio: Client):
    api, absent = twilio.conversations.v1, "IS" + "0" * 32
    with refused(404, 50050, f"Service not found: {absent}"):
        api.address_configurations.create(type="sms", address=PROXY, auto_creation_conversation_service_sid=absent)
    with refused(404, 50050, f"Service not found: {absent}"):
        api.configuration().update(default_chat_service_sid=absent)


@pytest.mark.inferred
def test_an_address_that_is_not_the_accounts_is_refused_with_a_text(twilio: Client):
    with refused(400, 20001, "Invalid value for parameter Address: not of this account"):
        twilio.conversations.v1.address_configurations.create(type="sms", address="+12025550199")
    with refused(
        400,
        20001,
        "Invalid value for parameter AutoCreation.WebhookUrl: the URL must be absolute and begin with http:// or https://",
    ):
        twilio.conversations.v1.address_configurations.create(
            type="sms", address=PROXY, auto_creation_type="webhook", auto_creation_webhook_url="x"
        )


@pytest.mark.inferred
def test_a_second_configuration_of_an_address_is_refused_also_at_once(raw: Raw, twilio: Client):
    answers = at_once(8, lambda _: raw("POST", ADDRESSES, SMS))
    assert sorted(answer.status for answer in answers) == [201, *[409] * 7]
    with refused(409, 20409, "There is a configuration for this address already"):
        twilio.conversations.v1.address_configurations.create(type="sms", address=PROXY)


def test_a_configuration_is_found_by_its_address_and_is_the_same_after_it_was_deleted(raw: Raw):
    made = raw.post(ADDRESSES, {"Type": "whatsapp", "Address": SENDER})
    path = f"{ADDRESSES}/{quote(SENDER, safe='')}"
    assert raw.get(path) == made
    assert raw("DELETE", path).status == 204
    assert [raw("GET", path).status, raw("DELETE", path).status, raw("POST", path, {"FriendlyName": "x"}).status] == [
        404
    ] * 3
    assert raw.post(ADDRESSES, {"Type": "whatsapp", "Address": SENDER})["sid"] == made["sid"]


def test_lists_are_filtered_by_type(twilio: Client):
    configurations = twilio.conversations.v1.address_configurations
    for kind, address in (("sms", PROXY), ("sms", OTHER_PROXY), ("whatsapp", SENDER)):
        configurations.create(type=kind, address=address)
    assert {one.address for one in configurations.list()} == {PROXY, OTHER_PROXY, SENDER}
    assert {one.address for one in configurations.list(type="sms", page_size=1)} == {PROXY, OTHER_PROXY}
    assert configurations.list(type="email") == []


@pytest.mark.inferred
def test_another_service_must_exist(twilio: Client):
    addresses = twilio.conversations.v1.address_configurations
    sid = addresses.create(type="sms", address=PROXY).sid
    with refused(404, 50050, f"Service not found: {'IS' + '0' * 32}"):
        addresses(sid).update(auto_creation_conversation_service_sid="IS" + "0" * 32)
