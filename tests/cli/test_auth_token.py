"""`parley auth-token rotate`: two valid tokens meanwhile, one signing from a stated moment on, whatever crashes in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.local_stack import LocalStack
from cli.rest import Refused, Rest
from cli.trouble import Trouble
from local.home import AUTH_TOKEN, Home, read_json, write_json
from local.stack.running import Stack, start_stack
from parley.clock import parse_iso
from parley.keyring import AuthTokens
from tests.cli.conftest import Run

OLD = "0123456789abcdef0123456789abcdef"
INFO = dict.fromkeys(("rest_url", "ws_url", "account_sid", "api_key_sid", "api_key_secret", "console_url"), "x")


class Crash(Exception):
    """The command dies here."""


class Emulator:
    """Secrets Manager, with the one secret."""

    def __init__(self) -> None:
        self.text = OLD
        self.dies = False

    def get_secret_value(self, **given: Any) -> dict[str, str]:
        return {"SecretString": self.text}

    def put_secret_value(self, **given: Any) -> None:
        if self.dies:
            raise Crash
        self.text = given["SecretString"]


class Kept:
    """A home of a service that seems to run, and its emulator."""

    def __init__(self, home: Home, emulator: Emulator) -> None:
        self.home, self.emulator = home, emulator

    @property
    def at_next_start(self) -> AuthTokens:
        return AuthTokens.read(self.home.recall(AUTH_TOKEN))

    @property
    def running(self) -> AuthTokens:
        return AuthTokens.read(self.emulator.text)

    @property
    def commands_know(self) -> AuthTokens:
        """The tokens that the other commands use and print."""
        return LocalStack.found().auth_tokens()

    @property
    def told(self) -> str:
        """The token that programs read in local.json."""
        return str(read_json(self.home.info)["auth_token"])

    def move_moment(self, milliseconds: int) -> None:
        """Have the moment of signing lie so far from now."""
        signs_from = int(time.time() * 1000) + milliseconds
        text = self.at_next_start._replace(signs_from=signs_from).text()
        self.home.remember(AUTH_TOKEN, text)
        self.emulator.text = text


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    import os

    home, emulator = Home(tmp_path / "home"), Emulator()
    home.create()
    home.remember(AUTH_TOKEN, OLD)
    write_json(home.info, {**INFO, "auth_token": OLD, "pid": os.getpid()})
    write_json(home.plan, {"physical": {"AuthToken": {"ref": "secret"}}, "auth_token": OLD})
    monkeypatch.setenv("PARLEY_HOME", str(home.path))
    monkeypatch.setattr(LocalStack, "client", lambda self, service: emulator)
    return Kept(home, emulator)


def test_beginning_makes_two_tokens_valid_and_says_when_the_new_one_signs(parley: Run, kept: Kept):
    before = time.time()
    ran = parley("auth-token", "rotate", "--sign-in", "2h", "--json")
    assert (ran.status, ran.err) == (0, "")
    tokens = kept.running
    assert kept.at_next_start == tokens
    assert tokens.token == OLD == kept.told
    assert len(tokens.next) == 32 and set(tokens.next) <= set("0123456789abcdef") and tokens.next != OLD
    assert before + 7199 < tokens.signs_from / 1000 < before + 7205
    moment = parse_iso(ran.json.pop("new_signs_from"))
    assert moment is not None and moment // 1000 == tokens.signs_from // 1000
    assert ran.json["state"] == "begun" and ran.json["valid_tokens"] == 2
    assert tokens.next not in ran.out


def test_a_person_is_told_what_to_do_next_and_finds_both_tokens(parley: Run, kept: Kept):
    ran = parley("auth-token", "rotate")
    assert "Two auth tokens are valid" in ran.out
    assert "parley auth-token rotate --finish" in ran.out
    assert kept.running.next not in ran.out
    shown = parley("credentials", "--show-secrets", "--json").json
    assert (shown["auth_token"], shown["next_auth_token"]) == (OLD, kept.running.next)


def test_beginning_again_changes_nothing(parley: Run, kept: Kept):
    parley("auth-token", "rotate")
    tokens = kept.running
    assert parley("auth-token", "rotate", "--json").json["state"] == "under way"
    assert kept.running == kept.at_next_start == tokens


def test_finishing_leaves_the_new_token_alone(parley: Run, kept: Kept):
    parley("auth-token", "rotate")
    new = kept.running.next
    kept.move_moment(-1)
    ran = parley("auth-token", "rotate", "--finish", "--json")
    assert ran.json == {"state": "finished", "valid_tokens": 1, "new_signs_from": None}
    assert kept.running == kept.at_next_start == AuthTokens(new)
    assert kept.told == new == read_json(kept.home.plan)["auth_token"]


def test_finishing_before_the_moment_is_refused_unless_it_must_be_now(parley: Run, kept: Kept):
    parley("auth-token", "rotate")
    tokens = kept.running
    ran = parley("auth-token", "rotate", "--finish")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("parley: webhooks are signed with the old token until ")
    assert kept.running == tokens
    assert parley("auth-token", "rotate", "--finish", "--now").status == 0
    assert kept.running == AuthTokens(tokens.next)


def test_there_is_nothing_to_finish_before_it_has_begun(parley: Run, kept: Kept):
    line = "parley: there is no new auth token yet: `parley auth-token rotate` makes one\n"
    assert parley("auth-token", "rotate", "--finish") == (1, "", line)
    assert kept.running == AuthTokens(OLD)


def crashed(*arguments: str) -> None:
    """Run a command that dies on its way."""
    from cli.main import main

    with pytest.raises(Crash):
        main(["auth-token", "rotate", *arguments])


@pytest.mark.parametrize("dies_at", ["emulator", "home"])
def test_a_crash_while_it_begins_leaves_every_known_token_valid_and_beginning_again_completes_it(
    parley: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch, dies_at: str
):
    with monkeypatch.context() as dying:
        die(dying, kept, dies_at)
        crashed()
    for tokens in (kept.running, kept.at_next_start):
        assert OLD in tokens.valid
        assert set(kept.commands_know.valid) <= set(tokens.valid)
    assert parley("auth-token", "rotate").status == 0
    assert kept.running == kept.at_next_start and len(kept.running.valid) == 2


@pytest.mark.parametrize("dies_at", ["emulator", "home"])
def test_a_crash_while_it_ends_leaves_both_tokens_valid_and_ending_again_completes_it(
    parley: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch, dies_at: str
):
    parley("auth-token", "rotate")
    kept.move_moment(-1)
    new = kept.running.next
    with monkeypatch.context() as dying:
        die(dying, kept, dies_at)
        crashed("--finish")
    assert set(kept.running.valid) == {OLD, new}
    for tokens in (kept.running, kept.at_next_start):
        assert {kept.told, kept.commands_know.token} <= set(tokens.valid)
    assert parley("auth-token", "rotate", "--finish").status == 0
    assert kept.running == kept.at_next_start == kept.commands_know == AuthTokens(new)


def die(dying: pytest.MonkeyPatch, kept: Kept, dies_at: str) -> None:
    if dies_at == "emulator":
        dying.setattr(kept.emulator, "dies", True)
    else:
        dying.setattr(Home, "remember", raising(Crash))


def raising(error: type[Exception]) -> Callable[..., None]:
    def fail(*arguments: object) -> None:
        raise error

    return fail


def test_if_two_begin_a_rotation_at_once_one_is_refused(kept: Kept):
    place = LocalStack.found()
    place.replace_auth_tokens(OLD, AuthTokens(OLD, "a" * 32, 1))
    with pytest.raises(Trouble, match="somebody else"):
        place.replace_auth_tokens(OLD, AuthTokens(OLD, "b" * 32, 1))
    assert kept.running.next == kept.at_next_start.next == "a" * 32


def test_a_secret_that_holds_no_token_is_reported_and_not_shown(parley: Run, kept: Kept):
    kept.emulator.text = "{broken"
    ran = parley("auth-token", "rotate")
    assert (ran.status, ran.out) == (1, "") and "holds neither a token nor two" in ran.err
    assert "broken" not in ran.err


# On a real stack


def accepts(info: dict[str, Any], token: str) -> bool:
    try:
        Rest(info["rest_url"], info["account_sid"], token).get("/chat/v2/Services?PageSize=1")
    except Refused as refused:
        assert refused.status == 401
        return False
    return True


def test_both_tokens_are_accepted_over_a_restart_until_the_old_one_ends(
    parley: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    monkeypatch.setenv("PARLEY_HOME", str(home))
    first: Stack = start_stack(home)
    old = first.info["auth_token"]
    assert parley("auth-token", "rotate").status == 0
    first.stop()
    stack = start_stack(home)
    try:
        assert stack.info["auth_token"] == old
        new = parley("credentials", "--show-secrets", "--json").json["next_auth_token"]
        assert accepts(stack.info, old) and accepts(stack.info, new)
        assert parley("doctor").status == 0
        assert parley("auth-token", "rotate", "--finish", "--now").status == 0
        # Functions that have just started remember nothing. Others read the secret again within ten seconds.
        stack.kill("gateway")
        assert accepts(stack.info, new) and not accepts(stack.info, old)
    finally:
        stack.kill()
