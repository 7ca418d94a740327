"""The push port: what operations may rely on, on moto and on the stand-in of local runs.

moto looks at no secret and keeps no phone, so what is refused, and what phones show, is asked of the stand-in only.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from local.phones.push import OFFLINE, ON, UNINSTALLED, PushServices
from parley.errors import UNAVAILABLE, Refusal
from parley.ports.push import Delivered, Device, Gone, Notification, PushGateway, Refused, Retry, SecretsRefused
from tests.support.push import (
    ACCOUNT,
    APPLICATIONS,
    CERTIFICATE,
    PRIVATE_KEY,
    REGION,
    SERVICE_ACCOUNT,
    Phones,
    client,
    moto_client,
    refused,
)

APPLE = {"PlatformPrincipal": CERTIFICATE, "PlatformCredential": PRIVATE_KEY}
GOOGLE = {"PlatformCredential": SERVICE_ACCOUNT}
SECRETS = {"APNS": APPLE, "APNS_SANDBOX": APPLE, "GCM": GOOGLE}
TYPES = {"APNS": "apn", "APNS_SANDBOX": "apn", "GCM": "fcm"}
PAYLOADS: dict[str, dict[str, Any]] = {
    "apn": {"aps": {"alert": "grüße 👋", "badge": 3, "sound": "ping"}, "twi_message_type": "x", "message_index": 4},
    "fcm": {"twi_body": "grüße 👋", "twi_title": "team", "twi_sound": "ping"},
}
_numbers = itertools.count()


class Place:
    """SNS somewhere: the port to it, and a client for what happens behind the port's back."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.port = PushGateway(lambda: client, APPLICATIONS)

    def device(self, platform: str = "APNS", **more: Any) -> Device:
        """A device of a new application."""
        number = next(_numbers)
        application = self.port.create_application(platform, f"CR{number:032x}", SECRETS[platform])
        # moto tells endpoints apart by their addresses only.
        address = f"{number:064x}" if platform != "GCM" else f"token:{number}"
        return Device(TYPES[platform], application, address, **more)

    def deliver(self, device: Device, **more: Any) -> Any:
        return self.port.deliver(device, Notification(PAYLOADS[device.type], **more))

    def disable(self, endpoint: str) -> None:
        self.client.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "false"})


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.fixture
def stand_in(phones: Phones) -> Place:
    return Place(phones.client)


@pytest.fixture(params=["moto", "stand-in"])
def place(request: pytest.FixtureRequest) -> Place:
    return Place(moto_client()) if request.param == "moto" else request.getfixturevalue("stand_in")


# Applications.


@pytest.mark.parametrize("platform", SECRETS)
def test_an_application_has_the_arn_that_it_would_have(place: Place, platform: str):
    device = place.device(platform)
    assert device.application == place.port.application(platform, device.application.split("/")[-1])
    assert device.application == f"{APPLICATIONS}/{platform}/{device.application.split('/')[-1]}"


def test_an_application_that_is_made_twice_is_one(place: Place):
    device = place.device()
    again = place.port.create_application("APNS", device.application.split("/")[-1], APPLE)
    assert (again, type(place.deliver(device))) == (device.application, Delivered)


def test_changed_secrets_leave_the_endpoints_alone(place: Place):
    device = place.device()
    endpoint = place.deliver(device).endpoint
    place.port.update_application(device.application, APPLE)
    assert place.deliver(device._replace(endpoint=endpoint)) == Delivered(endpoint)


def test_an_application_that_is_gone_is_made_again_when_it_is_changed(place: Place):
    application = f"{APPLICATIONS}/APNS/CR{next(_numbers):032x}"
    place.port.update_application(application, APPLE)
    assert isinstance(place.deliver(Device("apn", application, f"{next(_numbers):064x}")), Delivered)


def test_nobody_is_told_through_a_deleted_application(place: Place):
    device = place.device()
    place.port.delete_application(device.application)
    assert place.deliver(device) == Refused(52131)


def test_the_devices_of_a_deleted_application_are_not_gone(place: Place):
    """A function may remember a credential for some seconds after its application was replaced."""
    device = place.device()
    endpoint = place.deliver(device).endpoint
    place.port.delete_application(device.application)
    assert place.deliver(device._replace(endpoint=endpoint)) == Refused(52131)


def test_an_application_can_be_deleted_twice(stand_in: Place):
    device = stand_in.device()
    stand_in.port.delete_application(device.application)
    stand_in.port.delete_application(device.application)


BAD_SECRETS: list[tuple[str, dict[str, str]]] = [
    ("APNS", {"PlatformPrincipal": PRIVATE_KEY, "PlatformCredential": CERTIFICATE}),
    ("APNS", {"PlatformPrincipal": CERTIFICATE, "PlatformCredential": CERTIFICATE}),
    ("APNS_SANDBOX", {"PlatformCredential": PRIVATE_KEY}),
    ("APNS", {"PlatformPrincipal": "KEY", "PlatformCredential": PRIVATE_KEY, "ApplePlatformTeamID": "TEAM"}),
    ("GCM", {"PlatformCredential": SERVICE_ACCOUNT[:-2]}),
    ("GCM", {"PlatformCredential": '{"project_id": "chat"}'}),
    ("GCM", {"PlatformCredential": "{" * 5000}),
    ("GCM", {"PlatformCredential": ""}),
]


@pytest.mark.parametrize(("platform", "secrets"), BAD_SECRETS, ids=lambda value: str(value)[:40])
def test_secrets_that_make_no_sense_are_refused_and_leave_nothing(
    stand_in: Place, phones: Phones, platform: str, secrets: dict[str, str]
):
    with pytest.raises(SecretsRefused):
        stand_in.port.create_application(platform, "CR1", secrets)
    assert phones.services.applications() == []


def test_secrets_that_are_refused_leave_the_former_ones(stand_in: Place):
    device = stand_in.device("GCM")
    with pytest.raises(SecretsRefused):
        stand_in.port.update_application(device.application, {"PlatformCredential": "{"})
    assert isinstance(stand_in.deliver(device), Delivered)


def test_a_key_of_apples_needs_no_certificate(stand_in: Place):
    by_key = {"ApplePlatformTeamID": "TEAM", "ApplePlatformBundleID": "org.example.chat", "PlatformPrincipal": "KEY"}
    application = stand_in.port.create_application("APNS", "CR1", {**by_key, "PlatformCredential": PRIVATE_KEY})
    assert isinstance(stand_in.deliver(Device("apn", application, "0f" * 32)), Delivered)


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (400, "Throttled"), (503, "ServiceUnavailable")])
def test_a_credential_is_not_taken_while_sns_cannot(phones: Phones, stand_in: Place, status: int, code: str):
    phones.meddle = lambda action: refused(status, code)
    with pytest.raises(Refusal) as caught:
        stand_in.port.create_application("GCM", "CR1", GOOGLE)
    assert caught.value.error is UNAVAILABLE


def test_an_error_about_a_credential_repeats_nothing_of_it(phones: Phones, stand_in: Place):
    phones.meddle = lambda action: refused(403, "AuthorizationError", SERVICE_ACCOUNT)
    with pytest.raises(RuntimeError) as caught:
        stand_in.port.create_application("GCM", "CR1", GOOGLE)
    assert str(caught.value) == "SNS refuses: AuthorizationError"
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


# Deliveries.


@pytest.mark.parametrize("platform", SECRETS)
def test_the_first_delivery_makes_an_endpoint_and_the_next_use_it(place: Place, platform: str):
    device = place.device(platform)
    first = place.deliver(device)
    assert isinstance(first, Delivered) and first.endpoint.startswith(device.application.replace(":app/", ":endpoint/"))
    assert place.deliver(device._replace(endpoint=first.endpoint)) == first
    assert place.deliver(device) == first


def test_a_disabled_endpoint_is_gone_and_leaves_nothing(place: Place):
    device = place.device()
    endpoint = place.deliver(device).endpoint
    place.disable(endpoint)
    known = device._replace(endpoint=endpoint)
    assert (place.deliver(known), place.deliver(known)) == (Gone(52103), Gone(52103))
    again = place.deliver(device)
    assert isinstance(again, Delivered) and again.endpoint != endpoint


def test_a_device_that_registered_again_is_reached_although_its_endpoint_was_disabled(place: Place):
    device = place.device()
    endpoint = place.deliver(device).endpoint
    place.disable(endpoint)
    assert place.deliver(device) == Delivered(endpoint)
    assert place.deliver(device._replace(endpoint=endpoint)) == Delivered(endpoint)


def test_an_endpoint_of_another_application_is_not_used(place: Place):
    device, other = place.device(), place.device()
    endpoint = place.deliver(other).endpoint
    reached = place.deliver(device._replace(endpoint=endpoint))
    assert isinstance(reached, Delivered) and reached.endpoint != endpoint


def test_an_address_that_the_push_service_does_not_know_is_gone(stand_in: Place):
    device = stand_in.device()._replace(address="no token")
    assert stand_in.deliver(device) == Gone(52102)


def test_a_device_is_not_gone_because_sns_dislikes_its_application(stand_in: Place, phones: Phones):
    """As after the stack has been given another Region for push."""
    answer = refused(400, "InvalidParameter", "Invalid parameter: PlatformApplicationArn Reason: not here")
    phones.meddle = lambda action: answer if action == "CreatePlatformEndpoint" else None
    assert stand_in.deliver(stand_in.device()) == Refused(52131)


def test_a_type_that_nobody_delivers_is_refused_without_a_request(stand_in: Place, phones: Phones):
    assert stand_in.port.deliver(Device("gcm", "", "token"), Notification({})) == Refused(52117)
    assert stand_in.port.deliver(Device("fcm", "", "token"), Notification({})) == Refused(52131)
    assert phones.asked == []


ERRORS = [
    (400, "EndpointDisabled", Gone(52103)),
    (404, "NotFound", Gone(52103)),
    (403, "AuthorizationError", Refused(52109)),
    (400, "PlatformApplicationDisabled", Refused(52131)),
    (400, "Throttled", Retry("Throttled")),
    (500, "InternalError", Retry("InternalError")),
    (503, "ServiceUnavailable", Retry("ServiceUnavailable")),
]


@pytest.mark.parametrize(("status", "code", "outcome"), ERRORS, ids=lambda value: str(value))
def test_each_answer_of_sns_to_a_notification_has_an_outcome(
    stand_in: Place, phones: Phones, status: int, code: str, outcome: Any
):
    device = stand_in.device()
    phones.meddle = lambda action: refused(status, code) if action == "Publish" else None
    assert stand_in.deliver(device) == outcome
    left = stand_in.client.create_platform_endpoint(PlatformApplicationArn=device.application, Token=device.address)
    known = {phone["endpoint"] for phone in phones.services.phones()}
    assert left["EndpointArn"] in known


@pytest.mark.parametrize("error", [ReadTimeoutError, ConnectTimeoutError, EndpointConnectionError])
def test_no_answer_leaves_it_open(error: type[Exception]):
    def lose(request: Any, **_: Any) -> Any:
        raise error(endpoint_url="here")

    port = PushGateway(lambda: client(lose), APPLICATIONS)
    device = Device("fcm", f"{APPLICATIONS}/GCM/CR1", "token")
    assert port.deliver(device, Notification({})) == Retry(error.__name__)
    with pytest.raises(Refusal) as caught:
        port.create_application("GCM", "CR1", GOOGLE)
    assert caught.value.error is UNAVAILABLE


def test_an_endpoint_whose_arn_is_not_valid_is_made_again_once(stand_in: Place, phones: Phones):
    device = stand_in.device()
    endpoint = stand_in.deliver(device).endpoint
    answers = iter([refused(400, "InvalidParameter")])
    phones.meddle = lambda action: next(answers, None) if action == "Publish" else None
    assert stand_in.deliver(device._replace(endpoint=endpoint)) == Delivered(endpoint)
    phones.meddle = lambda action: refused(400, "InvalidParameter") if action == "Publish" else None
    assert stand_in.deliver(device._replace(endpoint=endpoint)) == Retry("InvalidParameter")


# What phones show.


def only(phones: Phones) -> dict[str, Any]:
    (summary,) = phones.services.phones()
    return phones.services.phone(summary["id"]) or {}


@pytest.mark.parametrize("platform", ["APNS", "APNS_SANDBOX"])
def test_an_apple_device_gets_alert_badge_sound_and_all_else(stand_in: Place, phones: Phones, platform: str):
    stand_in.deliver(stand_in.device(platform))
    (shown,) = only(phones)["shown"]
    assert (shown["text"], shown["badge"], shown["sound"]) == ("grüße 👋", 3, "ping")
    assert shown["payload"] == PAYLOADS["apn"]
    sent = {name.removeprefix("AWS.SNS.MOBILE."): value for name, value in shown["attributes"].items()}
    assert (sent["APNS.PUSH_TYPE"], sent["APNS.PRIORITY"]) == ("alert", "10")
    assert sent[f"{platform}.TTL"] == "86400" and "APNS.COLLAPSE_ID" not in sent


def test_a_badge_alone_comes_in_the_background_and_only_the_last_one_counts(stand_in: Place, phones: Phones):
    device = stand_in.device()
    for badge in (1, 2):
        badge_alone = Notification({"aps": {"badge": badge}}, is_background=True, collapse_id="badge")
        stand_in.port.deliver(device, badge_alone)
        phones.services.turn(only(phones)["id"], OFFLINE)
    stand_in.port.deliver(device, Notification({"aps": {"badge": 3}}, is_background=True, collapse_id="badge"))
    assert (only(phones)["badge"], only(phones)["waiting"]) == (1, 1)
    phones.services.turn(only(phones)["id"], ON)
    assert (only(phones)["badge"], only(phones)["waiting"]) == (3, 0)
    attributes = only(phones)["shown"][-1]["attributes"]
    assert attributes["AWS.SNS.MOBILE.APNS.PUSH_TYPE"] == "background"
    assert attributes["AWS.SNS.MOBILE.APNS.PRIORITY"] == "5"
    assert attributes["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"] == "badge"


def test_a_google_device_gets_a_message_of_the_v1_api_that_wakes_it(stand_in: Place, phones: Phones):
    stand_in.deliver(stand_in.device("GCM"))
    (shown,) = only(phones)["shown"]
    assert (shown["text"], shown["title"], shown["sound"]) == ("grüße 👋", "team", "ping")
    message = {"data": PAYLOADS["fcm"], "android": {"priority": "high"}}
    assert shown["payload"] == {"fcmV1Message": {"message": message}}
    assert shown["attributes"] == {"AWS.SNS.MOBILE.FCM.TTL": "86400"}


def test_the_first_notification_after_an_app_was_removed_is_lost_and_the_next_finds_it_gone(
    stand_in: Place, phones: Phones
):
    device = stand_in.device()
    known = device._replace(endpoint=stand_in.deliver(device).endpoint)
    phones.services.turn(only(phones)["id"], UNINSTALLED)
    assert isinstance(stand_in.deliver(known), Delivered)
    assert only(phones)["shown"] == []
    assert stand_in.deliver(known) == Gone(52103)
    assert phones.services.phones() == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"default": ""},
        {"default": "", "APNS": {}},
        {"default": "", "APNS": "x"},
        {"APNS": "{}"},
        {"default": "", "APNS": json.dumps({"aps": {"alert": "x" * 4096}})},
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_stand_in_refuses_what_sns_refuses(stand_in: Place, message: dict[str, Any]):
    device = stand_in.device()
    endpoint = stand_in.deliver(device).endpoint
    with pytest.raises(stand_in.client.exceptions.InvalidParameterException):
        stand_in.client.publish(TargetArn=endpoint, MessageStructure="json", Message=json.dumps(message))


@pytest.mark.parametrize("body", [b"", b"Action=Subscribe", b"\xff\xfe", b"Action=Publish&TargetArn="])
def test_the_stand_in_answers_nonsense_with_an_error(phones: Phones, body: bytes):
    status, text = phones.services.answer(body)
    assert status in (400, 404) and text.startswith("<ErrorResponse")


def test_applications_and_phones_outlast_a_run_without_what_they_got(tmp_path: Path):
    def services() -> PushServices:
        return PushServices(REGION, ACCOUNT, tmp_path / "push.json")

    first = services()
    phones = Phones()
    phones.services = first
    place = Place(phones.client)
    device = place.device()
    endpoint = place.deliver(device).endpoint
    first.turn(first.phones()[0]["id"], OFFLINE)
    assert PRIVATE_KEY not in (tmp_path / "push.json").read_text()
    phones.services = services()
    (phone,) = phones.services.phones()
    assert (phone["endpoint"], phone["state"], phone["notifications"]) == (endpoint, OFFLINE, 0)
    assert place.deliver(device._replace(endpoint=endpoint)) == Delivered(endpoint)
