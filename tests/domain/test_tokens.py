"""Access tokens: what opens a socket, and with which code everything else is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.jwt.access_token import AccessToken as LibraryToken
from twilio.jwt.access_token.grants import ChatGrant

from parley import errors, tokens
from parley.errors import Error, Refusal
from parley.faces.errors import translate
from tests.domain.support import refuses

ACCOUNT, KEY, SERVICE, ROLE = "AC" + "1" * 32, "SK" + "2" * 32, "IS" + "3" * 32, "RL" + "4" * 32
SECRET = "s" * 32
NOW = 1_768_478_400
HEADER = {"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}
Edit = Callable[[dict[str, Any], dict[str, Any]], None]


def claims() -> dict[str, Any]:
    return {
        "jti": f"{KEY}-{NOW}",
        "iss": KEY,
        "sub": ACCOUNT,
        "exp": NOW + 3600,
        "grants": {"identity": "alice", "chat": {"service_sid": SERVICE}},
    }


def find_secret(key_sid: str) -> str | None:
    return SECRET if key_sid == KEY else None


def signed(header: dict[str, Any], body: Any, secret: str = SECRET) -> str:
    """A token with exactly this header and body; PyJWT itself would not make the bad ones."""

    def encode(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    text = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(body).encode())
    signature = jwt.get_algorithm_by_name("HS256").sign(text, secret.encode())
    return (text + b"." + encode(signature)).decode()


def verify(token: str, now: int = NOW) -> tokens.AccessToken:
    return tokens.verify(token, ACCOUNT, find_secret, now)


def test_a_token_tells_who_and_where():
    assert verify(signed(HEADER, claims())) == tokens.AccessToken("alice", SERVICE, KEY, NOW + 3600)


def test_everything_that_a_grant_may_hold_is_read():
    body = claims()
    body["grants"]["chat"] |= {
        "endpoint_id": "app:alice:phone",
        "deployment_role_sid": ROLE,
        "push_credential_sid": "CR" + "5" * 32,
    }
    read = verify(signed(HEADER, body))
    assert (read.endpoint_id, read.deployment_role_sid) == ("app:alice:phone", ROLE)
    assert read.push_credential_sid == "CR" + "5" * 32


def test_the_librarys_token_is_good():
    token = LibraryToken(ACCOUNT, KEY, SECRET, identity="alice", valid_until=NOW + 3600, nbf=NOW)
    token.add_grant(ChatGrant(service_sid=SERVICE, endpoint_id="x"))
    assert verify(token.to_jwt()).identity == "alice"


def test_a_region_in_the_header_does_no_harm():
    assert verify(signed({**HEADER, "twr": "us1"}, claims())).identity == "alice"


@pytest.mark.inferred
def test_the_oldest_helpers_name_of_the_grant_is_understood():
    body = claims()
    body["grants"]["ip_messaging"] = body["grants"].pop("chat")
    assert verify(signed(HEADER, body)).service_sid == SERVICE


def header(**changes: Any) -> Edit:
    def edit(head: dict[str, Any], body: dict[str, Any]) -> None:
        head |= changes

    return edit


def body(**changes: Any) -> Edit:
    def edit(head: dict[str, Any], body: dict[str, Any]) -> None:
        body |= changes

    return edit


def grants(**changes: Any) -> Edit:
    def edit(head: dict[str, Any], body: dict[str, Any]) -> None:
        body["grants"] |= changes

    return edit


def chat(**changes: Any) -> Edit:
    def edit(head: dict[str, Any], body: dict[str, Any]) -> None:
        body["grants"]["chat"] |= changes

    return edit


def without(*path: str) -> Edit:
    def edit(head: dict[str, Any], body: dict[str, Any]) -> None:
        place: Any = {"header": head, "body": body}
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return edit


BAD: list[tuple[str, Edit, Error]] = [
    ("another algorithm", header(alg="HS512"), errors.TOKEN_HEADER),
    ("no algorithm", header(alg="none"), errors.TOKEN_HEADER),
    ("an asymmetric algorithm", header(alg="RS256"), errors.TOKEN_HEADER),
    ("the algorithm in lower case", header(alg="hs256"), errors.TOKEN_HEADER),
    ("another type", header(typ="at+jwt"), errors.TOKEN_HEADER),
    ("no type", without("header", "typ"), errors.TOKEN_HEADER),
    ("another content type", header(cty="json"), errors.TOKEN_HEADER),
    ("no content type", without("header", "cty"), errors.TOKEN_HEADER),
    ("another account", body(sub="AC" + "9" * 32), errors.TOKEN_ISSUER),
    ("no account", without("body", "sub"), errors.TOKEN_ISSUER),
    ("an unknown key", body(iss="SK" + "9" * 32), errors.TOKEN_ISSUER),
    ("a key that is no SID", body(iss="key"), errors.TOKEN_ISSUER),
    ("the account as issuer", body(iss=ACCOUNT), errors.TOKEN_ISSUER),
    ("an issuer that is no text", body(iss=[KEY]), errors.TOKEN_ISSUER),
    ("no issuer", without("body", "iss"), errors.TOKEN_ISSUER),
    ("expired", body(exp=NOW - 6), errors.TOKEN_EXPIRED),
    ("no expiry", without("body", "exp"), errors.TOKEN_EXPIRED),
    ("an expiry that is no number", body(exp="tomorrow"), errors.TOKEN_EXPIRED),
    ("an expiry that is a boolean", body(exp=True), errors.TOKEN_EXPIRED),
    ("an endless expiry", body(exp=1e300), errors.TOKEN_EXPIRED),
    ("a negative expiry", body(exp=-1), errors.TOKEN_EXPIRED),
    ("more than 24 hours", body(exp=NOW + 86_400 + 6), errors.TOKEN_TOO_LONG_LIVED),
    ("not yet valid", body(nbf=NOW + 6), errors.TOKEN_NOT_YET_VALID),
    ("a beginning that is no number", body(nbf="now"), errors.TOKEN_NOT_YET_VALID),
    ("no grants", without("body", "grants"), errors.TOKEN_GRANTS),
    ("grants that are no object", body(grants=["chat"]), errors.TOKEN_GRANTS),
    ("no identity", without("body", "grants", "identity"), errors.TOKEN_GRANTS),
    ("an empty identity", grants(identity=""), errors.TOKEN_GRANTS),
    ("an identity that is no text", grants(identity=7), errors.TOKEN_GRANTS),
    ("no chat grant", without("body", "grants", "chat"), errors.TOKEN_GRANTS),
    ("a chat grant that is no object", grants(chat="yes"), errors.TOKEN_GRANTS),
    ("no service", without("body", "grants", "chat", "service_sid"), errors.TOKEN_GRANTS),
    ("a service that is no SID", chat(service_sid="IS1"), errors.TOKEN_GRANTS),
    ("a service that is no text", chat(service_sid=["IS1"]), errors.TOKEN_GRANTS),
    ("a session name that is no text", chat(endpoint_id={}), errors.TOKEN_GRANTS),
    ("a role that is no text", chat(deployment_role_sid=1), errors.TOKEN_GRANTS),
    ("too long an identity", grants(identity="x" * 257), errors.IDENTITY_TOO_LONG_TO_CONNECT),
    ("too long a session name", chat(endpoint_id="x" * 513), errors.ENDPOINT_ID_TOO_LONG),
]


@pytest.mark.parametrize(("what", "edit", "error"), BAD, ids=[what for what, _, _ in BAD])
def test_a_token_with_a_fault_is_refused_with_its_code(what: str, edit: Edit, error: Error):
    head, content = dict(HEADER), claims()
    edit(head, content)
    with refuses(error):
        verify(signed(head, content))


FORGED = [
    signed(HEADER, claims(), "another secret"),
    signed(HEADER, claims())[:-2] + "AA",
    signed(HEADER, claims()).rpartition(".")[0] + ".",
    signed(HEADER, claims()).replace(".", ".", 1).rpartition(".")[0] + "." + signed(HEADER, {}).rpartition(".")[2],
]


@pytest.mark.parametrize("token", FORGED)
def test_a_signature_that_does_not_fit_is_refused(token: str):
    with refuses(errors.TOKEN_SIGNATURE):
        verify(token)


def test_a_fault_in_the_signature_is_told_before_one_in_the_claims():
    expired = {**claims(), "exp": NOW - 100, "grants": {}}
    with refuses(errors.TOKEN_SIGNATURE):
        verify(signed(HEADER, expired, "another secret"))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "x.y",
        "x.y.z",
        "..",
        "ż.ż.ż",
        signed(HEADER, claims()) + ".x",
        signed(HEADER, ["no", "object"]),
        signed(HEADER, "text"),
        signed(HEADER, claims()).replace(".", "", 1),
        "eyJhbGciOiJIUzI1NiJ9." + "A" * 5000 + ".x",
        base64.urlsafe_b64encode(b'{"alg":' + b"[" * 2000).decode() + ".e30.x",
    ],
    ids=range(12),
)
def test_a_text_that_is_no_token_is_refused_as_no_token(token: str):
    with refuses(errors.TOKEN_INVALID):
        verify(token)


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({"exp": NOW}, NOW + 4),
        ({"exp": NOW + 86_400}, NOW - 5),
        ({"nbf": NOW}, NOW - 5),
        ({"nbf": None}, NOW),
        ({"exp": NOW + 0.5}, NOW),
        ({"iat": NOW + 10_000}, NOW),
        ({"jti": 7}, NOW),
        ({"aud": "somebody"}, NOW),
    ],
)
def test_clocks_may_differ_a_little_and_other_claims_do_not_matter(changes: dict[str, Any], now: int):
    assert verify(signed(HEADER, {**claims(), **changes}), now).identity == "alice"


def test_empty_fields_of_a_grant_are_as_good_as_none():
    content = claims()
    content["grants"]["chat"] |= {"endpoint_id": None, "deployment_role_sid": "", "push_credential_sid": None}
    assert verify(signed(HEADER, content)).endpoint_id == ""


@pytest.mark.parametrize(("letter", "endpoint_letter"), [("x", "x"), ("\U0001f600", "ß")])
def test_the_longest_identity_and_session_name_are_good(letter: str, endpoint_letter: str):
    """A token of more than 4,096 characters was refused, such as one for an identity of 256 emojis."""
    content = claims()
    content["grants"]["identity"] = letter * 256
    content["grants"]["chat"]["endpoint_id"] = endpoint_letter * 512
    assert verify(signed(HEADER, content)).identity == letter * 256


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "exp", "nbf", "iat", "grants", "jti"]), JSON))
def test_no_claims_break_the_verifier(changes: dict[str, Any]):
    token = signed(HEADER, {**claims(), **changes})
    try:
        verify(token)
    except Refusal as refusal:
        assert translate("chat", refusal).status in (400, 401)


@given(JSON)
def test_no_grant_breaks_the_verifier(grant: Any):
    content = claims()
    content["grants"]["chat"] = grant
    with pytest.raises(Refusal):
        verify(signed(HEADER, content))


@given(st.dictionaries(st.sampled_from(["alg", "typ", "cty", "kid", "crit", "b64", "x"]), JSON))
def test_no_header_breaks_the_verifier(changes: dict[str, Any]):
    token = signed({**HEADER, **changes}, claims())
    try:
        verify(token)
    except Refusal as refusal:
        assert translate("chat", refusal).status == 401
