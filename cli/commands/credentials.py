"""`parley credentials`: where the service is, and who may use it."""

from __future__ import annotations

from typing import Any

import click

from cli.options import Options, common, pass_options

_HIDDEN = "(--show-secrets shows it)"


@click.command("credentials")
@click.option("--show-secrets", is_flag=True, help="Print the auth token too.")
@common
@pass_options
def command(options: Options, show_secrets: bool) -> None:
    """Print the URLs and the account SID; secrets only if asked."""
    place = options.place
    facts: dict[str, Any] = {
        "rest_url": place.rest_url,
        "socket_url": place.socket_url,
        "account_sid": place.account_sid,
    }
    if show_secrets:
        tokens = place.auth_tokens()
        facts["auth_token"] = tokens.token
        if tokens.next:
            facts["next_auth_token"] = tokens.next
    if options.json:
        options.output.json(facts)
        return
    if not show_secrets:
        facts["auth_token"] = _HIDDEN
    options.output.facts({_NAMES[name]: value for name, value in facts.items()})


_NAMES = {
    "rest_url": "REST URL",
    "socket_url": "WebSocket URL",
    "account_sid": "account SID",
    "auth_token": "auth token",
    "next_auth_token": "next auth token",
}
