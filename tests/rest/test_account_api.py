"""The account API as far as a Chat back end needs it: the account, and keys under both of their names.

https://www.twilio.com/docs/iam/api/account and https://www.twilio.com/docs/iam/api-keys. What keys can do is in
`tests/rest/test_api_keys.py`.
"""

from __future__ import annotations

import pytest
from twilio.rest import Client

from tests.rest.support import sid, unchanged
from tests.support.doors import Door, Library, Raw

UNKNOWN_UPDATE = (400, 20161, "The update names no parameter that can be changed")


@pytest.mark.proves("2010:FetchAccount")
def test_the_account_is_shown_without_its_token(raw: Raw, door: Door):
    path = f"/2010-04-01/Accounts/{door.account_sid}.json"
    assert raw.get(path) == {
        "sid": door.account_sid,
        "friendly_name": "Parley",
        "status": "active",
        "type": "Full",
        "owner_account_sid": door.account_sid,
        "auth_token": None,
        "date_created": None,
        "date_updated": None,
        "uri": path,
    }


def test_the_library_fetches_the_account(twilio: Client, library: Library, door: Door):
    account = twilio.api.v2010.accounts(door.account_sid).fetch()
    assert (account.sid, account.status, account.type) == (door.account_sid, "active", "Full")
    key = twilio.new_keys.create()
    with_a_key = library.client(key.sid, key.secret)
    assert with_a_key.api.v2010.accounts(door.account_sid).fetch().sid == door.account_sid


@pytest.mark.proves("2010:CreateNewKey", "2010:FetchKey", "2010:ListKey", "2010:UpdateKey", "2010:DeleteKey")
def test_a_key_goes_through_its_life(twilio: Client):
    made = twilio.new_keys.create(friendly_name="a key")
    assert (made.sid, len(made.secret)) == (sid("SK"), 32)
    assert twilio.keys(made.sid).fetch().friendly_name == "a key"
    assert twilio.keys(made.sid).update(friendly_name="renamed").friendly_name == "renamed"
    assert "renamed" in {key.friendly_name for key in twilio.keys.list() if key.sid == made.sid}
    assert twilio.keys(made.sid).delete() is True
    assert made.sid not in {key.sid for key in twilio.keys.list()}


@pytest.mark.proves(
    "2010:CreateNewSigningKey",
    "2010:FetchSigningKey",
    "2010:ListSigningKey",
    "2010:UpdateSigningKey",
    "2010:DeleteSigningKey",
)
def test_a_signing_key_goes_through_its_life(twilio: Client):
    made = twilio.new_signing_keys.create(friendly_name="a key")
    assert (made.sid, len(made.secret)) == (sid("SK"), 32)
    assert twilio.signing_keys(made.sid).fetch().friendly_name == "a key"
    assert twilio.signing_keys(made.sid).update(friendly_name="renamed").friendly_name == "renamed"
    assert "renamed" in {key.friendly_name for key in twilio.signing_keys.list() if key.sid == made.sid}
    assert twilio.signing_keys(made.sid).delete() is True
    assert made.sid not in {key.sid for key in twilio.signing_keys.list()}


@pytest.mark.parametrize("kind", ["Keys", "SigningKeys"])
def test_an_unusable_update_of_a_key_changes_nothing(raw: Raw, door: Door, kind: str):
    path = f"/2010-04-01/Accounts/{door.account_sid}/{kind}"
    url = f"{path}/{raw.post(f'{path}.json', FriendlyName='a key')['sid']}.json"
    with unchanged(raw, url):
        assert raw("POST", url, {"Secret": "mine"}).refusal() == UNKNOWN_UPDATE
        assert raw("POST", url, {"FriendlyName": "x" * 257}).refusal()[:2] == (400, 50003)
