"""`parley auth-token rotate`: replaces the auth token without a moment in which a back end is refused.

    rotate            both tokens are valid; from a stated moment on, webhooks are signed with the new one
    rotate --finish   the old one ends

One write begins the replacement, and one write ends it. So after a crash, either nothing has changed or both tokens are
valid.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

import click

from cli.options import Duration, Options, common, pass_options, spelled
from cli.place import tokens_in
from cli.trouble import Trouble
from parley.clock import iso_seconds
from parley.keyring import IMPATIENT_MS, REMEMBERED_MS, AuthTokens

# By then every function has read the secret again. The minute is for clocks that differ.
_EARLIEST_SECONDS = REMEMBERED_MS // 1000 + 60


@click.group("auth-token")
@common
def command() -> None:
    """Replace the account's auth token, the password of REST requests."""


@command.command("rotate")
@click.option(
    "--sign-in",
    "sign_in",
    type=Duration(_EARLIEST_SECONDS, 30 * 86_400),
    default="1h",
    show_default=True,
    help="For how long webhooks are still signed with the old token.",
)
@click.option("--finish", is_flag=True, help="End the old token.")
@click.option("--now", is_flag=True, help="With --finish: end the old token even if webhooks are still signed with it.")
@common
@pass_options
def _rotate(options: Options, sign_in: int, finish: bool, now: bool) -> None:
    """Make a new auth token; with --finish, end the old one.

    In between, both tokens are valid. Give the new one to your back ends. From the moment that the command states, let
    them check signatures with it.
    """
    if now and not finish:
        raise click.UsageError("--now goes with --finish")
    text = options.place.auth_token_text()
    tokens = tokens_in(text)
    if finish:
        _finish(options, text, tokens, now)
    else:
        _begin(options, text, tokens, sign_in)


def _begin(options: Options, text: str, tokens: AuthTokens, sign_in: int) -> None:
    begun = not tokens.next
    if begun:
        signs_from = (int(time.time()) + sign_in) * 1000
        tokens = AuthTokens(tokens.token, secrets.token_hex(16), signs_from)
    # If it has begun already, this completes what a crash may have left half done.
    options.place.replace_auth_tokens(text, tokens)
    _tell(options, tokens, "begun" if begun else "under way")


def _finish(options: Options, text: str, tokens: AuthTokens, now: bool) -> None:
    if not tokens.next:
        raise Trouble("there is no new auth token yet: `parley auth-token rotate` makes one")
    if not now and time.time() * 1000 < tokens.signs_from:
        moment = iso_seconds(tokens.signs_from)
        raise Trouble(f"webhooks are signed with the old token until {moment}: finish after that, or add --now")
    tokens = AuthTokens(tokens.next)
    options.place.replace_auth_tokens(text, tokens)
    _tell(options, tokens, "finished")


def _tell(options: Options, tokens: AuthTokens, state: str) -> None:
    signs_from = iso_seconds(tokens.signs_from) if tokens.next else None
    if options.json:
        facts: dict[str, Any] = {"state": state, "valid_tokens": len(tokens.valid), "new_signs_from": signs_from}
        options.output.json(facts)
        return
    say = options.output.line
    soon = spelled(IMPATIENT_MS // 1000)
    if not tokens.next:
        say(f"Only the new auth token is valid. The old one ends everywhere within {soon}.")
        say(f"(If you began less than {spelled(REMEMBERED_MS // 1000)} ago, some functions accept it until then.)")
        return
    say(f"Two auth tokens are valid{f'; the new one works within {soon}' if state == 'begun' else ''}.")
    say(f"From {signs_from} on, Parley signs webhooks with the new one.")
    say("")
    say("1. Give the new token to your back ends: `parley credentials --show-secrets` shows both tokens.")
    say(f"2. From {signs_from} on, let them check signatures with the new token.")
    say("3. End the old token: `parley auth-token rotate --finish`.")
