"""The keyring: secrets that are derived, compared in constant time, and asked for seldom."""

from __future__ import annotations

import re

import pytest

from parley.keyring import AuthTokens, Keyring, digest, is_secret
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


# Replacing the auth token

OLD, NEW = AUTH_TOKEN, "f" * 32


def replacing(ring: Ring, signs_in_seconds: float = 600) -> None:
    """Have the secret hold two tokens."""
    signs_from = ring.clock.now_ms() + round(signs_in_seconds * 1000)
    ring.secrets.secrets["auth"] = AuthTokens(OLD, NEW, signs_from).text()


def test_while_the_token_is_replaced_both_are_valid_and_no_other():
    ring = Ring()
    replacing(ring)
    assert ring.keyring.is_auth_token(OLD)
    assert ring.keyring.is_auth_token(NEW)
    for wrong in ("", OLD[:-1], NEW + "0", OLD + NEW, ring.secrets.secrets["auth"]):
        assert not ring.keyring.is_auth_token(wrong)


def test_the_new_token_signs_from_the_stated_moment_on():
    ring = Ring()
    replacing(ring, signs_in_seconds=600)
    ring.clock.advance(599.999)
    assert ring.keyring.auth_token() == OLD
    ring.clock.advance(0.001)
    assert ring.keyring.auth_token() == NEW
    assert ring.keyring.is_auth_token(OLD)


def test_a_container_that_remembers_the_old_secret_signs_with_the_new_token_in_time():
    """A secret is remembered for five minutes, so the moment must be later than that."""
    ring = Ring()
    assert ring.keyring.auth_token() == OLD
    replacing(ring, signs_in_seconds=300)
    ring.clock.advance(300)
    assert ring.keyring.auth_token() == NEW


def test_a_new_token_is_valid_ten_seconds_after_it_was_stored_at_the_latest():
    ring = Ring()
    ring.keyring.is_auth_token(OLD)
    replacing(ring)
    ring.clock.advance(10)
    assert ring.keyring.is_auth_token(NEW)


def test_the_old_token_ends_ten_seconds_after_the_replacement_at_the_latest():
    ring = Ring()
    replacing(ring)
    assert ring.keyring.is_auth_token(OLD)
    ring.secrets.secrets["auth"] = NEW
    ring.clock.advance(10)
    assert not ring.keyring.is_auth_token(OLD)
    assert ring.keyring.is_auth_token(NEW)


def test_the_secret_is_read_once_in_ten_seconds_while_the_token_is_replaced():
    ring = Ring()
    replacing(ring)
    for _ in range(5):
        ring.keyring.is_auth_token(OLD)
        ring.keyring.auth_token()
    assert ring.secrets.fetched == ["auth"]
    ring.clock.advance(10)
    ring.keyring.auth_token()
    assert ring.secrets.fetched == ["auth", "auth"]


@pytest.mark.parametrize(
    "tokens", [AuthTokens(OLD), AuthTokens(OLD, NEW, 1_768_478_400_000)], ids=["one token", "two tokens"]
)
def test_tokens_are_read_as_they_were_written(tokens: AuthTokens):
    assert AuthTokens.read(tokens.text()) == tokens


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"token": "a", "next": "b"}',
        '{"token": "a", "next": "", "signs_from": 1}',
        '{"token": 1, "next": "b", "signs_from": 1}',
        '{"token": "a", "next": "b", "signs_from": true}',
        '{"token": "a", "next": "b", "signs_from": "1"}',
    ],
)
def test_a_secret_that_holds_no_tokens_is_refused_without_being_shown(text: str):
    with pytest.raises(ValueError, match="neither a token nor two") as refused:
        AuthTokens.read(text)
    assert text not in str(refused.value)
