"""Messaging services and the senders in them, https://www.twilio.com/docs/messaging/api, with Twilio's helper library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twilio.rest import Client

from parley import errors
from parley.errors import Refusal
from parley.ids import sender_address, sender_sid
from parley.operations import messaging_services, senders
from parley.store import keys
from tests.rest.support import DATE, at_once, refusal, sid
from tests.support.doors import Raw
from tests.support.invariants import everything
from tests.support.world import PHONE_NUMBERS, World

SERVICES = "/messaging/v1/Services"
NUMBER, OTHER, WHATSAPP = "+12025550201", "+12025550202", "whatsapp:+12025550201"
OF_AWS = {"provider_id": "phone-0a", "country_code": "US", "capabilities": ["SMS"]}
ABSENT = "MG" + "0" * 32


def enable(world: World, address: str = NUMBER, **fields: Any) -> str:
    """Make an address a sender, as `parley phones enable` does; returns its SID."""
    return senders.enable(world.context(), address, {**OF_AWS, **fields})["sid"]


@pytest.fixture
def new(twilio: Client) -> Callable[[], Any]:
    """Makes messaging services."""
    return lambda: twilio.messaging.v1.services.create(friendly_name="support")


@pytest.mark.proves("messaging:CreateService")
def test_a_new_service_shows_every_setting_with_its_default(raw: Raw):
    made = raw.post(SERVICES, FriendlyName="support")
    assert made == {
        "sid": sid("MG"),
        "account_sid": made["account_sid"],
        "friendly_name": "support",
        "date_created": DATE,
        "date_updated": made["date_created"],
        "inbound_request_url": None,
        "inbound_method": "POST",
        "fallback_url": None,
        "fallback_method": "POST",
        "status_callback": None,
        "sticky_sender": True,
        "mms_converter": True,
        "smart_encoding": True,
        "scan_message_content": "inherit",
        "fallback_to_long_code": True,
        "area_code_geomatch": True,
        "validity_period": 36000,
        "synchronous_validation": False,
        "usecase": "undeclared",
        "us_app_to_person_registered": False,
        "use_inbound_webhook_on_number": False,
        "url": made["url"],
        "links": {"phone_numbers": f"{made['url']}/PhoneNumbers"},
    }
    assert made["url"].endswith(f"{SERVICES}/{made['sid']}")


@pytest.mark.proves(
    "messaging:CreateService",
    "messaging:FetchService",
    "messaging:ListService",
    "messaging:UpdateService",
    "messaging:DeleteService",
)
def test_the_library_makes_changes_lists_and_deletes_a_service(twilio: Client):
    services = twilio.messaging.v1.services
    settings: dict[str, Any] = {
        "inbound_request_url": "https://example.com/inbound",
        "inbound_method": "GET",
        "fallback_url": "https://example.com/fallback",
        "fallback_method": "GET",
        "status_callback": "https://example.com/status",
        "sticky_sender": False,
        "mms_converter": False,
        "smart_encoding": False,
        "scan_message_content": "disable",
        "fallback_to_long_code": False,
        "area_code_geomatch": False,
        "validity_period": 60,
        "synchronous_validation": True,
        "usecase": "notifications",
        "use_inbound_webhook_on_number": True,
    }
    made = services.create(friendly_name="support", **settings)
    assert {name: getattr(made, name) for name in settings} == settings
    updated = services(made.sid).update(friendly_name="help", inbound_method="post", inbound_request_url="")
    assert (updated.friendly_name, updated.inbound_request_url, updated.inbound_method) == ("help", None, "POST")
    assert updated.usecase == "notifications"
    assert services(made.sid).fetch().friendly_name == "help"
    assert made.sid in [one.sid for one in services.list()]
    assert services(made.sid).delete() is True
    assert refusal(services(made.sid).fetch) == (404, 20404)
    assert made.sid not in [one.sid for one in services.list()]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({}, "Missing required parameter FriendlyName in the post body"),
        ({"FriendlyName": ""}, "Missing required parameter FriendlyName in the post body"),
        ({"FriendlyName": "x", "InboundRequestUrl": "ftp://example.com"}, "The URL is not usable: "),
        ({"FriendlyName": "x", "StatusCallback": "https://10.0.0.1/"}, "The URL is not usable: "),
        ({"FriendlyName": "x", "InboundMethod": "PUT"}, "Parameter InboundMethod must be one of: GET, POST"),
        ({"FriendlyName": "x", "ValidityPeriod": "36001"}, "Invalid value for parameter ValidityPeriod: "),
        ({"FriendlyName": "x", "ValidityPeriod": "0"}, "Invalid value for parameter ValidityPeriod: "),
        ({"FriendlyName": "x", "ScanMessageContent": "maybe"}, "Parameter ScanMessageContent must be one of: "),
        ({"FriendlyName": "x", "Usecase": "fun"}, "Parameter Usecase must be one of: "),
        ({"FriendlyName": "x", "StickySender": "1"}, "Parameter StickySender must be one of: true, false"),
    ],
)
@pytest.mark.inferred
def test_a_wrong_setting_is_refused_and_no_service_is_made(raw: Raw, form: dict[str, str], text: str):
    before = raw.get(SERVICES, PageSize=1000)["services"]
    status, code, found = raw("POST", SERVICES, form).refusal()
    assert (status, code) == (400, 20001)
    assert found.startswith(text)
    assert raw.get(SERVICES, PageSize=1000)["services"] == before


# The default service


def default_of(raw: Raw) -> str:
    found: str = raw.get("/conversations/v1/Configuration")["default_messaging_service_sid"]
    return found


def test_the_service_that_new_conversations_get_is_there_from_the_start(raw: Raw):
    listed = raw.get(SERVICES, PageSize=1000)["services"]
    default = default_of(raw)
    assert raw.post("/conversations/v1/Conversations")["messaging_service_sid"] == default
    assert raw.get(f"{SERVICES}/{default}") in listed
    updated = raw.post(f"{SERVICES}/{default}", FriendlyName="ours")
    assert raw.get(f"{SERVICES}/{default}") == updated


def test_two_requests_that_look_for_the_default_service_at_once_find_the_same_one(raw: Raw, world: World):
    default = default_of(raw)

    def look(_: int) -> str:
        return messaging_services.default_sid(world.another_container().context())

    assert set(at_once(4, look)) == {default}
    assert [one["sid"] for one in raw.get(SERVICES)["services"]] == [default]


@pytest.mark.inferred
def test_the_default_service_is_deleted_only_after_another_one_took_its_place(raw: Raw, world: World):
    default, other = default_of(raw), raw.post(SERVICES, FriendlyName="other")["sid"]
    assert raw("DELETE", f"{SERVICES}/{default}").refusal() == (
        409,
        20409,
        "The messaging service is the account's default; name another one in the configuration first",
    )
    assert raw.get(f"{SERVICES}/{default}")["sid"] == default
    raw.post("/conversations/v1/Configuration", DefaultMessagingServiceSid=other)
    assert raw("DELETE", f"{SERVICES}/{default}").status == 204
    assert [one["sid"] for one in raw.get(SERVICES)["services"]] == [other]


# Senders


def test_the_sid_of_a_sender_leads_to_its_address_and_nothing_else_does():
    shortest, longest = "+1234567", "whatsapp:+123456789012345"
    for address in (NUMBER, WHATSAPP, shortest, longest):
        assert sender_sid(address) == sid("PN")
        assert sender_address(sender_sid(address)) == address
    found = sender_sid(NUMBER)
    for wrong in (
        ABSENT,
        "PN" + "0" * 32,
        found[:-1] + ("0" if found[-1] != "0" else "1"),
        found[:2] + "1" + found[3:],
    ):
        assert sender_address(wrong) is None


@pytest.mark.proves(
    "messaging:CreatePhoneNumber",
    "messaging:FetchPhoneNumber",
    "messaging:ListPhoneNumber",
    "messaging:DeletePhoneNumber",
)
def test_a_sender_goes_from_one_service_into_another(twilio: Client, world: World, new: Callable[[], Any]):
    first, second = new(), new()
    number = enable(world, messaging_service_sid=first.sid)
    numbers = twilio.messaging.v1.services(first.sid).phone_numbers
    shown = numbers(number).fetch()
    assert (shown.sid, shown.service_sid, shown.account_sid) == (number, first.sid, world.account_sid)
    assert (shown.phone_number, shown.country_code, shown.capabilities) == (NUMBER, "US", ["SMS"])
    assert [one.sid for one in numbers.list()] == [number]
    others = twilio.messaging.v1.services(second.sid).phone_numbers
    assert others.list() == []
    assert refusal(others(number).fetch) == (404, 20404)
    assert refusal(others(number).delete) == (404, 20404)
    assert refusal(lambda: others.create(phone_number_sid=number)) == (409, 21712)
    assert refusal(lambda: numbers.create(phone_number_sid=number)) == (409, 21710)
    assert numbers(number).delete() is True
    assert numbers.list() == []
    assert others.create(phone_number_sid=number).service_sid == second.sid
    assert [one.phone_number for one in others.list()] == [NUMBER]


@pytest.mark.parametrize("number", ["PN" + "0" * 32, sender_sid(OTHER), sender_sid(WHATSAPP)])
def test_an_address_that_is_no_sender_of_the_account_joins_no_service(raw: Raw, world: World, number: str):
    enable(world)
    service = raw.post(SERVICES, FriendlyName="x")["sid"]
    assert raw("POST", f"{SERVICES}/{service}/PhoneNumbers", {"PhoneNumberSid": number}).refusal()[:2] == (404, 20404)
    assert raw.get(f"{SERVICES}/{service}/PhoneNumbers")["phone_numbers"] == []


def test_an_empty_sid_of_a_sender_counts_as_missing(raw: Raw):
    """The answer was 500."""
    service = raw.post(SERVICES, FriendlyName="x")["sid"]
    expected = (400, 20001, "Missing required parameter PhoneNumberSid in the post body")
    assert raw("POST", f"{SERVICES}/{service}/PhoneNumbers", {"PhoneNumberSid": ""}).refusal() == expected


def test_a_list_of_senders_is_cut_into_pages(twilio: Client, world: World, new: Callable[[], Any]):
    service, stranger = new(), new()
    wanted = [f"+1202555{number:04d}" for number in range(300, 307)]
    for at, address in enumerate(wanted):
        enable(world, address, messaging_service_sid=service.sid)
        enable(world, f"+1202555{400 + at:04d}", messaging_service_sid=stranger.sid)
    numbers = twilio.messaging.v1.services(service.sid).phone_numbers
    assert [one.phone_number for one in numbers.list(page_size=2)] == wanted
    page = numbers.page(page_size=3)
    assert [one.phone_number for one in page] == wanted[:3]
    assert [one.phone_number for one in page.next_page()] == wanted[3:6]


def test_a_service_takes_400_senders(twilio: Client, world: World, new: Callable[[], Any]):
    service, other = new(), new()
    number = enable(world, messaging_service_sid=other.sid)
    world.table.annotate(keys.messaging_service(world.account_sid, service.sid), {"senders_count": 399})
    last = enable(world, OTHER, messaging_service_sid=service.sid)
    numbers = twilio.messaging.v1.services(service.sid).phone_numbers
    twilio.messaging.v1.services(other.sid).phone_numbers(number).delete()
    assert refusal(lambda: numbers.create(phone_number_sid=number)) == (409, 21714)
    with pytest.raises(Refusal, match="MESSAGING_SERVICE_FULL"):
        enable(world, messaging_service_sid=service.sid)
    assert [one.sid for one in numbers.list()] == [last]
    numbers(last).delete()
    assert numbers.create(phone_number_sid=number).sid == number


@pytest.mark.inferred
def test_the_senders_of_a_deleted_service_may_join_any_other(
    twilio: Client, raw: Raw, world: World, new: Callable[[], Any]
):
    service, other = new(), new()
    number = enable(world, messaging_service_sid=service.sid)
    twilio.messaging.v1.services(service.sid).delete()
    gone = twilio.messaging.v1.services(service.sid).phone_numbers
    assert refusal(gone(number).fetch) == (404, 20404)
    assert raw("GET", f"{SERVICES}/{service.sid}/PhoneNumbers").refusal()[:2] == (404, 20404)
    joined = twilio.messaging.v1.services(other.sid).phone_numbers.create(phone_number_sid=number)
    assert joined.service_sid == other.sid
    # It may also be enabled anew, which brings it into the default service.
    twilio.messaging.v1.services(other.sid).delete()
    enable(world)
    default = twilio.conversations.v1.configuration().fetch().default_messaging_service_sid
    assert twilio.messaging.v1.services(default).phone_numbers(number).fetch().phone_number == NUMBER


def test_a_new_sender_joins_the_default_service_and_stays_where_it_is_when_it_is_enabled_again(raw: Raw, world: World):
    number = enable(world)
    default = raw.get("/conversations/v1/Configuration")["default_messaging_service_sid"]
    path = f"{SERVICES}/{default}/PhoneNumbers/{number}"
    before = raw.get(path)
    world.clock.advance(60)
    enable(world, capabilities=["SMS", "MMS"])
    assert raw.get(path) == {**before, "capabilities": ["SMS", "MMS"], "date_updated": DATE}
    other = raw.post(SERVICES, FriendlyName="other")["sid"]
    enable(world, messaging_service_sid=other)
    enable(world)
    assert raw("GET", path).status == 404
    assert raw.get(f"{SERVICES}/{other}/PhoneNumbers/{number}")["capabilities"] == ["SMS"]


def test_a_sender_in_no_service_makes_neither_a_messaging_service_nor_a_chat_service(raw: Raw, world: World):
    number = enable(world, messaging_service_sid=None)
    kept = everything(world._client, world._table_name, world.account_sid)
    assert [key.sk for key in kept] == [f"SENDER#{NUMBER}"]
    assert raw.get("/chat/v2/Services")["services"] == []
    (default,) = raw.get(SERVICES)["services"]
    assert raw.get(f"{SERVICES}/{default['sid']}/PhoneNumbers")["phone_numbers"] == []
    # Enabled again, it stays where it is; a service may take it.
    enable(world, messaging_service_sid=None)
    raw.post(f"{SERVICES}/{default['sid']}/PhoneNumbers", PhoneNumberSid=number)
    enable(world, messaging_service_sid=None)
    (held,) = raw.get(f"{SERVICES}/{default['sid']}/PhoneNumbers")["phone_numbers"]
    assert held["sid"] == number


def test_an_address_that_is_no_number_and_a_service_that_is_not_there_make_no_sender(world: World):
    for address in ("+1", "bob@example.com", "rcs:+12025550143", "whatsapp:1"):
        with pytest.raises(Refusal, match="ADDRESS_INVALID"):
            enable(world, address)
    with pytest.raises(Refusal, match="NOT_FOUND"):
        enable(world, messaging_service_sid=ABSENT)
    assert senders.every(world.context()) == []


def test_a_sender_that_is_disabled_leaves_its_service(raw: Raw, world: World):
    number = enable(world)
    (default,) = raw.get(SERVICES)["services"]
    senders.disable(world.context(), NUMBER)
    assert raw.get(f"{SERVICES}/{default['sid']}/PhoneNumbers")["phone_numbers"] == []
    with pytest.raises(Refusal, match="NOT_FOUND"):
        senders.disable(world.context(), NUMBER)
    assert enable(world) == number
    assert counted(world, default["sid"]) == 1


# Races


@pytest.fixture
def agreed(raw: Raw, world: World) -> Iterator[None]:
    """Afterwards, every messaging service counts exactly its senders."""
    yield
    for service in raw.get(SERVICES, PageSize=1000)["services"]:
        found = raw.get(f"{SERVICES}/{service['sid']}/PhoneNumbers", PageSize=1000)["phone_numbers"]
        assert counted(world, service["sid"]) == len(found)


def counted(world: World, service: str) -> int:
    stored = world.table.fetch(keys.messaging_service(world.account_sid, service))
    assert stored is not None
    return stored.get("senders_count", 0)


@pytest.mark.usefixtures("agreed")
def test_an_address_that_is_enabled_several_times_at_once_is_one_sender(raw: Raw, world: World):
    services = [raw.post(SERVICES, FriendlyName="x")["sid"] for _ in range(2)]

    def act(number: int) -> object:
        context = world.another_container().context()
        try:
            return senders.enable(context, NUMBER, {**OF_AWS, "messaging_service_sid": services[number % 2]})
        except Refusal as refused:
            return refused.error

    found = at_once(4, act)
    assert any(isinstance(one, dict) for one in found)
    assert {one for one in found if not isinstance(one, dict)} <= {errors.CONCURRENT_UPDATE}
    assert len(senders.every(world.context())) == 1


@pytest.mark.usefixtures("agreed")
def test_if_two_services_take_a_sender_at_once_one_gets_it(raw: Raw, world: World):
    service = raw.post(SERVICES, FriendlyName="x")["sid"]
    number = enable(world, messaging_service_sid=service)
    raw("DELETE", f"{SERVICES}/{service}/PhoneNumbers/{number}")
    takers = [service, raw.post(SERVICES, FriendlyName="y")["sid"]]

    def take(at: int) -> str:
        path = {"messaging_service_sid": takers[at]}
        try:
            senders.create(world.another_container().context(), path, {"phone_number_sid": number})
        except Refusal as refused:
            return refused.error.name
        return "taken"

    assert sorted(at_once(2, take)) == ["SENDER_IN_OTHER_SERVICE", "taken"]


@pytest.mark.usefixtures("agreed")
def test_a_service_that_is_deleted_while_it_takes_a_sender_has_none(raw: Raw, world: World):
    keeper = raw.post(SERVICES, FriendlyName="keeper")["sid"]
    for _ in range(5):
        service = raw.post(SERVICES, FriendlyName="x")["sid"]
        number = enable(world, messaging_service_sid=keeper)
        raw("DELETE", f"{SERVICES}/{keeper}/PhoneNumbers/{number}")

        def act(at: int, service: str = service, number: str = number) -> str:
            context = world.another_container().context()
            try:
                if at:
                    messaging_services.delete(context, {"sid": service}, {})
                else:
                    senders.create(context, {"messaging_service_sid": service}, {"phone_number_sid": number})
            except Refusal as refused:
                return refused.error.name
            return "done"

        assert set(at_once(2, act)) <= {"done", "NOT_FOUND", "CONCURRENT_UPDATE"}
        assert raw("GET", f"{SERVICES}/{service}").status == 404
        # Whatever came first, the sender is free.
        assert raw.post(f"{SERVICES}/{keeper}/PhoneNumbers", PhoneNumberSid=number)["sid"] == number


def test_the_settings_know_numbers_that_are_no_senders(world: World):
    assert senders.known(world.context(), *PHONE_NUMBERS).senders == frozenset()
