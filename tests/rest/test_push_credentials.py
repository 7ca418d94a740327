"""Push credentials, https://www.twilio.com/docs/chat/rest/credential-resource: the account's, and the same in v1 and v2."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from twilio.rest import Client

from parley.errors import UNAVAILABLE, Refusal
from parley.operations import credentials
from parley.ports.push import PushGateway
from parley.store import keys
from parley.store.writes import Put
from tests.rest.support import DATE, sid, sids, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock
from tests.support.invariants import everything
from tests.support.push import APPLICATIONS, CERTIFICATE, PRIVATE_KEY, SERVICE_ACCOUNT, refused
from tests.support.world import World

SECRETS = {
    "apn": {"certificate": CERTIFICATE, "private_key": PRIVATE_KEY},
    "gcm": {"api_key": "AIza-secret"},
    "fcm": {"secret": SERVICE_ACCOUNT},
}
FORMS = {
    "apn": {"Type": "apn", "Certificate": CERTIFICATE, "PrivateKey": PRIVATE_KEY},
    "gcm": {"Type": "gcm", "ApiKey": "AIza-secret"},
    "fcm": {"Type": "fcm", "Secret": SERVICE_ACCOUNT},
}


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def path(version: str) -> str:
    return f"/chat/{version}/Credentials"


@pytest.fixture
def chat(twilio: Client, version: str) -> Any:
    return getattr(twilio.chat, version)


@pytest.mark.parametrize("kind", FORMS)
def test_a_credential_is_shown_without_its_secrets(raw: Raw, door: Door, path: str, kind: str):
    body = raw.post(path, FORMS[kind], FriendlyName="phones")
    assert body == {
        "sid": sid("CR"),
        "account_sid": door.account_sid,
        "friendly_name": "phones",
        "type": kind,
        "sandbox": None,
        "date_created": DATE,
        "date_updated": body["date_created"],
        "url": f"{door.base_url}{path}/{body['sid']}",
    }
    assert raw.get(body["url"]) == body
    assert body in raw.get(path, PageSize=1000)["credentials"]


@pytest.mark.parametrize("kind", SECRETS)
def test_the_library_creates_changes_and_deletes_credentials(chat: Any, kind: str):
    made = chat.credentials.create(type=kind, **SECRETS[kind])
    assert (made.type, made.friendly_name) == (kind, None)
    assert chat.credentials(made.sid).update(friendly_name="phones", **SECRETS[kind]).friendly_name == "phones"
    assert chat.credentials(made.sid).fetch().friendly_name == "phones"
    assert chat.credentials(made.sid).delete() is True


@pytest.mark.proves(
    "v1:CreateCredential",
    "v1:FetchCredential",
    "v1:ListCredential",
    "v1:UpdateCredential",
    "v1:DeleteCredential",
    "v2:CreateCredential",
    "v2:FetchCredential",
    "v2:ListCredential",
    "v2:UpdateCredential",
    "v2:DeleteCredential",
)
def test_both_versions_work_on_the_same_credentials(twilio: Client):
    for one, other in ((twilio.chat.v1, twilio.chat.v2), (twilio.chat.v2, twilio.chat.v1)):
        made = one.credentials.create(type="fcm", secret="x", friendly_name="phones").sid
        assert other.credentials(made).fetch().friendly_name == "phones"
        one.credentials(made).update(friendly_name="tablets")
        (listed,) = [credential for credential in other.credentials.list() if credential.sid == made]
        assert listed.friendly_name == "tablets"
        other.credentials(made).delete()
        assert made not in sids(one.credentials.list())


@pytest.mark.parametrize(("given", "shown"), [("true", "true"), ("false", "false"), ("True", "true")])
def test_sandbox_is_answered_as_text(raw: Raw, path: str, given: str, shown: str):
    body = raw.post(path, FORMS["apn"], Sandbox=given)
    assert body["sandbox"] == shown
    assert raw.get(body["url"])["sandbox"] == shown


REFUSED = [
    ({}, "Missing required parameter Type in the post body"),
    ({"Type": "sms"}, "Parameter Type must be one of: gcm, apn, fcm"),
    ({"Type": ""}, "Parameter Type must be one of: gcm, apn, fcm"),
    ({"Type": "apn", "PrivateKey": "x"}, "Missing required parameter Certificate in the post body"),
    ({"Type": "apn", "Certificate": "x"}, "Missing required parameter PrivateKey in the post body"),
    ({"Type": "gcm", "Secret": "x"}, "Missing required parameter ApiKey in the post body"),
    ({"Type": "fcm", "Secret": ""}, "Missing required parameter Secret in the post body"),
    (
        {"Type": "apn", "Certificate": "x", "PrivateKey": "x", "Sandbox": "1"},
        "Parameter Sandbox must be one of: true, false",
    ),
    ({"Type": "fcm", "Secret": "x" * 16385}, "Invalid value for parameter Secret: over 16384 characters"),
    ({"Type": "apn", "KeyId": "x" * 65}, "Invalid value for parameter KeyId: over 64 characters"),
    ({"Type": "apn", "TeamId": "x" * 65}, "Invalid value for parameter TeamId: over 64 characters"),
    ({"Type": "apn", "BundleId": "x" * 257}, "Invalid value for parameter BundleId: over 256 characters"),
]


@pytest.mark.parametrize(("form", "text"), REFUSED, ids=lambda value: str(value)[:30])
def test_an_unusable_credential_is_refused(raw: Raw, path: str, form: dict[str, str], text: str):
    with unchanged(raw, f"{path}?PageSize=1000"):
        assert raw("POST", path, form).refusal() == (400, 20001, text)


def test_a_field_that_a_credential_needs_cannot_be_cleared(raw: Raw, path: str):
    url = raw.post(path, FORMS["apn"], FriendlyName="phones")["url"]
    with unchanged(raw, url):
        for name in ("Certificate", "PrivateKey"):
            text = f"Missing required parameter {name} in the post body"
            form = {**FORMS["apn"], name: "", "FriendlyName": "x"}
            assert raw("POST", url, form).refusal() == (400, 20001, text)


def test_the_type_of_a_credential_is_fixed(raw: Raw, path: str, clock: FakeClock):
    body = raw.post(path, FORMS["fcm"])
    clock.advance(60)
    after = raw.post(body["url"], Type="gcm", FriendlyName="phones")
    assert after == {**body, "friendly_name": "phones", "date_updated": "2026-01-15T12:01:00Z"}


def test_credentials_are_listed_oldest_first_up_to_a_thousand_a_page(raw: Raw, chat: Any, path: str, clock: FakeClock):
    made = [chat.credentials.create(type="fcm", secret="x").sid for _ in range(5)]
    assert sids(chat.credentials.list()) == sids(chat.credentials.list(page_size=2)) == made
    assert raw.get(path, PageSize=1000)["meta"]["page_size"] == 1000


# Secrets: the push service has them, and nobody else.

IN_V2 = "/chat/v2/Credentials"
SECRET_TEXTS = ("MIIB", "MIIE", "client_email", "AIza-secret", "KEYID", "TEAMID")


def stored(world: World, url: str) -> dict[str, Any]:
    key = keys.credential(world.account_sid, url.rpartition("/")[2])
    return dict(world.table.fetch(key) or {})


def applications(world: World) -> list[str]:
    """SNS's applications, as platform and credential."""
    return ["/".join(arn.split("/")[-2:]) for arn in world.phones.services.applications()]


@pytest.fixture
def nothing_leaks(world: World) -> Iterator[None]:
    """After the test, no item of the account holds a secret, and each application has a credential."""
    yield
    items = everything(world._client, world._table_name, world.account_sid)
    assert [key for key, item in items.items() if any(text in repr(item) for text in SECRET_TEXTS)] == []
    named = {
        item["application"] for key, item in items.items() if key.sk.startswith("CREDENTIAL#") and "application" in item
    }
    assert set(world.phones.services.applications()) == named
    assert [key for key in items if key.sk.startswith("APPLICATION#")] == []


PLATFORMS = [
    ({"Type": "apn"}, "APNS"),
    ({"Type": "apn", "Sandbox": "true"}, "APNS_SANDBOX"),
    ({"Type": "apn", "Sandbox": "false"}, "APNS"),
    ({"Type": "fcm"}, "GCM"),
]


@pytest.mark.usefixtures("nothing_leaks")
@pytest.mark.parametrize(("form", "platform"), PLATFORMS, ids=str)
def test_secrets_are_handed_over_and_only_a_fingerprint_is_stored(
    world: World, raw: Raw, form: dict[str, str], platform: str
):
    body = raw.post(IN_V2, FORMS[form["Type"]], **form)
    assert applications(world) == [f"{platform}/{body['sid']}"]
    record = stored(world, body["url"])
    assert record["application"] == f"{APPLICATIONS}/{platform}/{body['sid']}"
    assert re.fullmatch("[0-9a-f]{64}", record["fingerprint"])
    raw("DELETE", body["url"])
    assert applications(world) == []


@pytest.mark.usefixtures("nothing_leaks")
def test_a_key_of_apples_needs_no_certificate(world: World, raw: Raw):
    by_key = {"Type": "apn", "PrivateKey": PRIVATE_KEY, "KeyId": "KEYID", "TeamId": "TEAMID", "BundleId": "org.example"}
    body = raw.post(IN_V2, by_key)
    assert applications(world) == [f"APNS/{body['sid']}"]
    for name in ("PrivateKey", "KeyId", "TeamId", "BundleId"):
        text = f"Missing required parameter {name} in the post body"
        assert raw("POST", IN_V2, {**by_key, name: ""}).refusal() == (400, 20001, text)


@pytest.mark.usefixtures("nothing_leaks")
def test_a_credential_of_a_type_that_nobody_delivers_is_stored_and_asks_nobody(world: World, raw: Raw):
    body = raw.post(IN_V2, FORMS["gcm"])
    assert (stored(world, body["url"]).get("application"), world.phones.asked) == (None, [])


UNUSABLE = [
    ({"Type": "fcm", "Secret": SERVICE_ACCOUNT[:-1]}, "Secret"),
    ({"Type": "fcm", "Secret": "{"}, "Secret"),
    ({"Type": "apn", "Certificate": PRIVATE_KEY, "PrivateKey": CERTIFICATE}, "Certificate"),
    ({"Type": "apn", "Certificate": CERTIFICATE, "PrivateKey": CERTIFICATE}, "Certificate"),
]


@pytest.mark.usefixtures("nothing_leaks")
@pytest.mark.parametrize(("form", "name"), UNUSABLE, ids=lambda value: str(value)[:30])
def test_secrets_that_the_push_service_cannot_use_are_refused_and_leave_nothing(
    world: World, raw: Raw, form: dict[str, str], name: str
):
    text = f"Invalid value for parameter {name}: the push service cannot use it"
    with unchanged(raw, f"{IN_V2}?PageSize=1000"):
        assert raw("POST", IN_V2, form).refusal() == (400, 20001, text)
    assert applications(world) == []


@pytest.mark.usefixtures("nothing_leaks")
def test_secrets_that_cannot_be_used_leave_the_credential_as_it_was(world: World, raw: Raw):
    url = raw.post(IN_V2, FORMS["fcm"], FriendlyName="phones")["url"]
    before = stored(world, url)
    assert raw("POST", url, {"Secret": "{", "FriendlyName": "x"}).status == 400
    assert stored(world, url) == before


@pytest.mark.usefixtures("nothing_leaks")
def test_new_secrets_replace_the_old_ones_in_the_same_application(world: World, raw: Raw):
    body = raw.post(IN_V2, FORMS["fcm"])
    before = stored(world, body["url"])
    raw.post(body["url"], FriendlyName="phones")
    assert stored(world, body["url"])["fingerprint"] == before["fingerprint"]
    raw.post(body["url"], Secret=SERVICE_ACCOUNT.replace("chat", "talk"))
    after = stored(world, body["url"])
    assert (after["application"], after["fingerprint"] != before["fingerprint"]) == (before["application"], True)
    assert world.phones.asked == ["CreatePlatformApplication", "SetPlatformApplicationAttributes"]


@pytest.mark.usefixtures("nothing_leaks")
def test_another_push_service_needs_the_secrets_again_and_replaces_the_application(world: World, raw: Raw):
    body = raw.post(IN_V2, FORMS["apn"])
    assert raw("POST", body["url"], {"Sandbox": "true"}).refusal()[:2] == (400, 20001)
    assert raw.post(body["url"], FORMS["apn"], Sandbox="true")["sandbox"] == "true"
    assert applications(world) == [f"APNS_SANDBOX/{body['sid']}"]
    assert raw.post(body["url"], Sandbox="true", FriendlyName="phones")["friendly_name"] == "phones"
    in_conversations = f"/conversations/v1/Credentials/{body['sid']}"
    assert raw("POST", in_conversations, {"Type": "fcm"}).refusal()[:2] == (400, 20001)
    assert raw.post(in_conversations, FORMS["fcm"])["type"] == "fcm"
    assert applications(world) == [f"GCM/{body['sid']}"]
    assert raw.post(in_conversations, FORMS["gcm"])["type"] == "gcm"
    assert applications(world) == [] and "application" not in stored(world, body["url"])
    raw.post(in_conversations, FORMS["fcm"])
    assert applications(world) == [f"GCM/{body['sid']}"]


@pytest.mark.usefixtures("nothing_leaks")
def test_while_the_push_service_cannot_be_reached_a_credential_stays_as_it_is(world: World, raw: Raw):
    url = raw.post(IN_V2, FORMS["fcm"])["url"]
    before = stored(world, url)
    account = {"account_sid": world.account_sid}
    one, secrets = {**account, "sid": before["sid"]}, {"secret": SERVICE_ACCOUNT}
    world.phones.meddle = lambda action: refused(500, "InternalError")
    for attempt in (
        lambda: credentials.create(world.context(), account, {"type": "fcm", **secrets}),
        lambda: credentials.update(world.context(), one, secrets),
        lambda: credentials.delete(world.context(), one, {}),
    ):
        with unchanged(raw, f"{IN_V2}?PageSize=1000"), pytest.raises(Refusal) as caught:
            attempt()
        assert caught.value.error is UNAVAILABLE
    assert stored(world, url) == before
    world.phones.meddle = lambda action: None
    world.clock.advance(61)
    assert raw("DELETE", url).status == 204


@pytest.mark.usefixtures("nothing_leaks")
def test_a_later_request_deletes_what_a_dead_one_has_left_at_the_push_service(
    world: World, raw: Raw, monkeypatch: pytest.MonkeyPatch
):
    def die(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(type(world.phones.port), "create_application", _made_and(die))
        credentials.create(
            world.context(), {"account_sid": world.account_sid}, {"type": "fcm", "secret": SERVICE_ACCOUNT}
        )
    assert len(applications(world)) == 1
    world.clock.advance(30)
    kept = raw.post(IN_V2, FORMS["fcm"])
    assert len(applications(world)) == 2
    world.clock.advance(31)
    raw.post(kept["url"], FORMS["fcm"])
    assert applications(world) == [f"GCM/{kept['sid']}"]


def _made_and(then: Callable[[], object]) -> Callable[..., object]:
    """`create_application`, and what follows it."""
    made = PushGateway.create_application

    def do(*arguments: Any) -> object:
        made(*arguments)
        return then()

    return do


def with_secrets(world: World, **fields: Any) -> str:
    """A credential as it was stored when Parley still kept secrets; returns its SID."""
    sid = world.ids.sid("CR")
    now = world.clock.now_ms()
    record = {"sid": sid, "date_created": now, "date_updated": now, **fields}
    world.table.commit(world.context().cause(), [Put(keys.credential(world.account_sid, sid), record)])
    return sid


OLD = [
    {"type": "apn", "certificate": CERTIFICATE, "private_key": PRIVATE_KEY, "sandbox": True},
    {"type": "fcm", "secret": SERVICE_ACCOUNT},
    {"type": "gcm", "api_key": "AIza-secret"},
    {"type": "fcm", "secret": '{"client_email": "cut of'},
]


@pytest.mark.usefixtures("nothing_leaks")
@pytest.mark.parametrize("fields", OLD, ids=lambda fields: fields["type"])
@pytest.mark.parametrize("touch", ["fetch", "list", "update", "delete"])
def test_the_secrets_of_old_credentials_move_at_first_touch(world: World, raw: Raw, fields: Any, touch: str):
    sid = with_secrets(world, friendly_name="phones", **fields)
    if touch == "list":
        assert [body["sid"] for body in raw.get(IN_V2)["credentials"]] == [sid]
    elif touch == "update":
        assert raw.post(f"{IN_V2}/{sid}", FriendlyName="tablets")["friendly_name"] == "tablets"
    elif touch == "delete":
        assert raw("DELETE", f"{IN_V2}/{sid}").status == 204
    else:
        assert raw.get(f"{IN_V2}/{sid}")["friendly_name"] == "phones"
    is_usable = touch != "delete" and fields["type"] != "gcm" and "cut of" not in str(fields)
    assert len(applications(world)) == int(is_usable)


def test_an_old_credential_keeps_its_secrets_while_the_push_service_cannot_be_reached(world: World, raw: Raw):
    sid = with_secrets(world, type="fcm", secret=SERVICE_ACCOUNT)
    world.phones.meddle = lambda action: refused(500, "InternalError")
    assert raw.get(f"{IN_V2}/{sid}")["type"] == "fcm"
    assert stored(world, sid)["secret"] == SERVICE_ACCOUNT


@pytest.mark.usefixtures("nothing_leaks")
def test_a_list_moves_the_secrets_of_ten_at_a_time(world: World, raw: Raw):
    for _ in range(12):
        with_secrets(world, type="fcm", secret=SERVICE_ACCOUNT)
        world.clock.advance(1)
    raw.get(IN_V2)
    assert len(applications(world)) == 10
    raw.get(IN_V2)
    assert len(applications(world)) == 12


@pytest.mark.usefixtures("nothing_leaks")
def test_no_line_of_the_log_holds_a_secret(world: World, raw: Raw, caplog: pytest.LogCaptureFixture):
    url = raw.post(IN_V2, FORMS["apn"])["url"]
    raw("POST", url, {"Certificate": PRIVATE_KEY, "PrivateKey": PRIVATE_KEY})
    world.phones.meddle = lambda action: refused(400, "InvalidParameter", PRIVATE_KEY)
    assert raw("POST", url, FORMS["apn"]).status == 400
    world.phones.meddle = lambda action: None
    assert not any(text in caplog.text for text in SECRET_TEXTS)


@pytest.mark.usefixtures("nothing_leaks")
def test_secrets_of_another_type_mean_nothing(world: World, raw: Raw):
    body = raw.post(IN_V2, FORMS["fcm"], ApiKey="AIza-secret", KeyId="KEYID")
    before = stored(world, body["url"])["fingerprint"]
    raw.post(body["url"], ApiKey="AIza-secret", Certificate=CERTIFICATE)
    assert stored(world, body["url"])["fingerprint"] == before
    assert world.phones.asked == ["CreatePlatformApplication"]
