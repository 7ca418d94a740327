"""Who may ask, https://www.twilio.com/docs/usage/requests-to-twilio: HTTP Basic with the account or an API key."""

from __future__ import annotations

import base64

from twilio.rest import Client

from tests.rest.support import refused
from tests.support.doors import Door, Library, Raw, basic
from tests.support.fakes import AUTH_TOKEN, FakeClock
from tests.support.world import World

REFUSED = (401, 20003, "Authenticate")


def test_the_library_reports_wrong_credentials(library: Library, door: Door):
    with refused(*REFUSED):
        library.client(door.account_sid, "f" * 32).chat.v2.services.create(friendly_name="x")


def test_sid_and_token_must_belong_together(raw: Raw, door: Door):
    for name, secret in (
        ("AC" + "0" * 32, door.auth_token),
        (door.account_sid, ""),
        (door.account_sid, door.auth_token.upper()),
        (door.account_sid, door.auth_token + "0"),
        (door.account_sid, door.auth_token[:-1]),
        (door.account_sid, f" {door.auth_token}"),
        (door.account_sid.upper(), door.auth_token),
        ("", ""),
        ("SK" + "0" * 32, door.auth_token),
        ("SK" + "0" * 32, ""),
        (door.account_sid, "ż"),
        ("ż", "ż"),
    ):
        assert raw("GET", "/chat/v2/Services", credentials=(name, secret)).refusal() == REFUSED


def malformed_headers(door: Door) -> list[str]:
    good = basic(door.account_sid, door.auth_token).removeprefix("Basic ")
    return [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        f"Bearer {good}",
        f"Basic {good[:-3]}",
        "Basic " + base64.b64encode(door.account_sid.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        f"{door.account_sid}:{door.auth_token}",
        "Basic " + "A" * 5000,
    ]


def test_a_malformed_authorization_header_is_refused(raw: Raw, door: Door):
    for header in malformed_headers(door):
        answer = raw("GET", "/chat/v2/Services", credentials=None, headers={"Authorization": header})
        assert answer.refusal() == REFUSED, header


def test_the_name_of_the_scheme_may_be_written_in_any_case(raw: Raw, door: Door):
    encoded = basic(door.account_sid, door.auth_token).removeprefix("Basic ")
    for scheme in ("basic", "BASIC"):
        answer = raw("GET", "/chat/v2/Services", credentials=None, headers={"Authorization": f"{scheme} {encoded}"})
        assert answer.status == 200


def test_a_new_auth_token_is_accepted_within_ten_seconds(raw: Raw, world: World, clock: FakeClock, twilio: Client):
    twilio.chat.v2.services.list()
    world.secrets.secrets["auth"] = "f" * 32
    clock.advance(10)
    answer = raw("GET", "/chat/v2/Services", credentials=(world.account_sid, "f" * 32))
    assert answer.status == 200
    assert raw("GET", "/chat/v2/Services", credentials=(world.account_sid, AUTH_TOKEN)).refusal() == REFUSED


def test_an_old_auth_token_is_refused_within_five_minutes(raw: Raw, world: World, clock: FakeClock, twilio: Client):
    twilio.chat.v2.services.list()
    world.secrets.secrets["auth"] = "f" * 32
    clock.advance(300)
    assert raw("GET", "/chat/v2/Services").refusal() == REFUSED


def test_guessing_does_not_flood_the_secrets_store(raw: Raw, world: World, clock: FakeClock, twilio: Client):
    twilio.chat.v2.services.list()
    asked = len(world.secrets.fetched)
    for number in range(50):
        raw("GET", "/chat/v2/Services", credentials=(world.account_sid, f"{number:032x}"))
    assert len(world.secrets.fetched) - asked <= 1
