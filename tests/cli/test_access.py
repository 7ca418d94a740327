"""`parley credentials`, `token` and `console`: addresses, and what lets people in, without leaving keys behind."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from websockets.sync.client import connect

from cli.rest import Rest
from local.stack.running import Stack
from tests.cli.conftest import Run, keys, rest_of, services


@pytest.fixture
def service(local: Stack) -> str:
    """A service's SID."""
    return str(rest_of(local).post("/chat/v2/Services", FriendlyName=f"access {uuid.uuid4().hex[:6]}")["sid"])


def session(stack: Stack, token: str) -> Any:
    """What a socket that is opened with a token tells of itself."""
    with connect(f"{stack.info['ws_url']}?token={token}", proxy=None) as socket:
        socket.send(json.dumps({"id": "1", "action": "fetchSession"}))
        return json.loads(socket.recv(timeout=10))["result"]


def test_credentials_show_addresses_and_secrets_only_if_asked(parley: Run, local: Stack):
    ran = parley("credentials")
    assert (ran.status, ran.err) == (0, "")
    for name in ("rest_url", "ws_url", "account_sid"):
        assert local.info[name] in ran.out
    shown = parley("credentials", "--show-secrets").out
    for name in ("auth_token", "api_key_secret"):
        assert local.info[name] not in ran.out and local.info[name] in shown


def test_credentials_in_json_are_enough_for_a_request(parley: Run, local: Stack):
    facts = parley("credentials", "--show-secrets", "--json").json
    assert facts.keys() == {
        *("rest_url", "socket_url", "console_url", "account_sid", "auth_token", "api_key_sid", "api_key_secret")
    }
    assert (
        Rest(facts["rest_url"], facts["account_sid"], facts["auth_token"]).get("/chat/v2/Services")["services"]
        is not None
    )


def test_a_token_opens_a_socket_for_its_identity_and_leaves_no_key_behind(parley: Run, local: Stack, service: str):
    before = keys(local)
    ran = parley("token", "--identity", "alice", "--service", service)
    assert ran.status == 0
    told = session(local, ran.out.strip())
    assert (told["identity"], told["service"]["sid"]) == ("alice", service)
    assert f"signed with the API key {local.info['api_key_sid']}, the local stack's own" in ran.err
    assert keys(local) == before


def test_a_token_is_good_for_as_long_as_was_asked(parley: Run, local: Stack, service: str):
    now = time.time()
    ran = parley("token", "--identity", "alice", "--service", service, "--ttl", "10m", "--json")
    assert ran.err == ""
    claims = jwt.decode(ran.json["token"], options={"verify_signature": False})
    assert now + 595 < claims["exp"] < now + 605
    assert ran.json.keys() == {"token", "identity", "service_sid", "key_sid", "expires_at"}


def test_an_unknown_service_is_reported(parley: Run, local: Stack):
    unknown = "IS" + "0" * 32
    line = f"parley: there is no service {unknown}: `parley status` lists the services\n"
    assert parley("token", "--identity", "alice", "--service", unknown) == (1, "", line)


def test_among_several_services_one_must_be_chosen_and_an_only_one_need_not_be(
    parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    assert "there is no service yet" in parley("token", "--identity", "alice").err
    only = rest_of(breakable).post("/chat/v2/Services", FriendlyName="only")["sid"]
    assert parley("token", "--identity", "alice", "--json").json["service_sid"] == only
    another = rest_of(breakable).post("/chat/v2/Services", FriendlyName="another\n\x1b[2J one")["sid"]
    told = [
        "parley: there are several services: choose one with --service",
        f"  {only}  only",
        f"  {another}  another  [2J one",
    ]
    assert parley("token", "--identity", "alice") == (1, "", "".join(f"{line}\n" for line in told))
    assert len(services(breakable)) == 2


def test_if_there_are_many_services_twenty_are_shown(parley: Run, breakable: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARLEY_HOME", str(breakable.home.path))
    for number in range(21 - len(services(breakable))):
        rest_of(breakable).post("/chat/v2/Services", FriendlyName=f"one of many {number}")
    lines = parley("token", "--identity", "alice").err.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and more: `parley status --json` lists all of them"


def test_the_console_of_a_local_stack_opens_with_the_kept_key(parley: Run, local: Stack):
    """Each opening of the console left an API key behind."""
    before = keys(local)
    ran = parley("console", "--people", "alice,bob")
    address = urlsplit(ran.out.strip())
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{local.info['console_url']}/"
    assert {name: value for name, (value,) in parse_qs(address.fragment).items()} == {
        "account": local.info["account_sid"],
        "token": local.info["auth_token"],
        "key": local.info["api_key_sid"],
        "secret": local.info["api_key_secret"],
        "people": "alice,bob",
    }
    assert ran.err == "whoever has this address has the account\n"
    assert keys(local) == before
