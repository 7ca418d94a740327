"""Push credentials, https://www.twilio.com/docs/chat/rest/credential-resource: the account's, and the same in v1 and v2."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.rest import Client

from tests.rest.support import DATE, sid, sids, unchanged
from tests.support.doors import Door, Raw
from tests.support.fakes import FakeClock

SECRETS = {
    "apn": {"certificate": "-----BEGIN CERTIFICATE-----", "private_key": "-----BEGIN RSA PRIVATE KEY-----"},
    "gcm": {"api_key": "AIza-secret"},
    "fcm": {"secret": "AAAA-secret"},
}
FORMS = {
    "apn": {"Type": "apn", "Certificate": "-----BEGIN CERTIFICATE-----", "PrivateKey": "-----BEGIN PRIVATE KEY-----"},
    "gcm": {"Type": "gcm", "ApiKey": "AIza-secret"},
    "fcm": {"Type": "fcm", "Secret": "AAAA-secret"},
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
]


@pytest.mark.parametrize(("form", "text"), REFUSED, ids=lambda value: str(value)[:30])
def test_an_unusable_credential_is_refused(raw: Raw, path: str, form: dict[str, str], text: str):
    with unchanged(raw, f"{path}?PageSize=1000"):
        assert raw("POST", path, form).refusal() == (400, 20001, text)


def test_what_a_credential_needs_cannot_be_cleared(raw: Raw, path: str):
    url = raw.post(path, FORMS["apn"], FriendlyName="phones")["url"]
    with unchanged(raw, url):
        for name in ("Certificate", "PrivateKey"):
            text = f"Missing required parameter {name} in the post body"
            assert raw("POST", url, {name: "", "FriendlyName": "x"}).refusal() == (400, 20001, text)


def test_the_type_of_a_credential_is_fixed(raw: Raw, path: str, clock: FakeClock):
    body = raw.post(path, FORMS["fcm"])
    clock.advance(60)
    after = raw.post(body["url"], Type="gcm", FriendlyName="phones")
    assert after == {**body, "friendly_name": "phones", "date_updated": "2026-01-15T12:01:00Z"}


def test_credentials_are_listed_oldest_first_up_to_a_thousand_a_page(raw: Raw, chat: Any, path: str, clock: FakeClock):
    made = [chat.credentials.create(type="fcm", secret="x").sid for _ in range(5)]
    assert sids(chat.credentials.list()) == sids(chat.credentials.list(page_size=2)) == made
    assert raw.get(path, PageSize=1000)["meta"]["page_size"] == 1000
