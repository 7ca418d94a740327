"""The keyring: secrets that are derived, compared in constant time, and asked for seldom."""

from __future__ import annotations

import re

from parley.keyring import Keyring, digest, is_secret
from tests.support.fakes import AUTH_TOKEN, FakeClock, FakeSecrets


class Ring:
    """A keyring with its clock and secrets at hand."""

    def __init__(self, root: str = "root"):
        self.clock = FakeClock()
        self.secrets = FakeSecrets(auth=AUTH_TOKEN, root=root)
        self.keyring = Keyring("auth", "root", self.secrets.fetch, self.clock)


KEY, OTHER_KEY = "SK" + "0" * 32, "SK" + "1" * 32


def test_a_keys_secret_depends_on_the_key_and_the_root():
    secret = Ring().keyring.api_key_secret(KEY)
    assert re.fullmatch("[A-Za-z0-9]{32}", secret)
    assert Ring().keyring.api_key_secret(KEY) == secret
    assert Ring().keyring.api_key_secret(OTHER_KEY) != secret
    assert Ring(root="another").keyring.api_key_secret(KEY) != secret


def test_letters_of_secrets_are_spread_over_the_alphabet():
    keyring = Ring().keyring
    letters = "".join(keyring.api_key_secret(f"SK{number:032x}") for number in range(200))
    assert len(set(letters)) == 62
    assert max(letters.count(letter) for letter in set(letters)) < 3 * len(letters) / 62


def test_a_page_seal_is_no_key_secret_and_depends_on_the_text():
    keyring = Ring().keyring
    assert re.fullmatch("[0-9a-f]{16}", keyring.page_seal("x"))
    assert keyring.page_seal("x") != keyring.page_seal("y")
    assert keyring.page_seal(KEY) not in keyring.api_key_secret(KEY)


def test_only_a_digest_of_a_secret_is_needed_to_recognise_it():
    secret = Ring().keyring.api_key_secret(KEY)
    assert secret not in digest(secret)
    assert is_secret(secret, digest(secret))
    for wrong in ("", secret[:-1], secret + "x", secret.swapcase(), digest(secret), "ż"):
        assert not is_secret(wrong, digest(secret))


def test_the_auth_token_is_compared_whole():
    keyring = Ring().keyring
    assert keyring.is_auth_token(AUTH_TOKEN)
    for wrong in ("", AUTH_TOKEN[:-1], AUTH_TOKEN + "0", AUTH_TOKEN.upper(), "ż"):
        assert not keyring.is_auth_token(wrong)


def test_secrets_are_fetched_once_in_five_minutes():
    ring = Ring()
    for _ in range(10):
        ring.keyring.is_auth_token(AUTH_TOKEN)
        ring.keyring.api_key_secret(KEY)
    assert sorted(ring.secrets.fetched) == ["auth", "root"]
    ring.clock.advance(299)
    ring.keyring.auth_token()
    assert len(ring.secrets.fetched) == 2
    ring.clock.advance(1)
    ring.keyring.auth_token()
    assert len(ring.secrets.fetched) == 3


def test_nothing_is_fetched_before_it_is_needed():
    assert Ring().secrets.fetched == []


def test_a_wrong_auth_token_asks_again_after_ten_seconds_at_the_earliest():
    ring = Ring()
    ring.keyring.is_auth_token(AUTH_TOKEN)
    ring.secrets.secrets["auth"] = "f" * 32
    assert not ring.keyring.is_auth_token("f" * 32)
    assert len(ring.secrets.fetched) == 1
    ring.clock.advance(10)
    assert ring.keyring.is_auth_token("f" * 32)
    assert not ring.keyring.is_auth_token(AUTH_TOKEN)
    assert len(ring.secrets.fetched) == 2
