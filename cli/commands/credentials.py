"""`parley credentials`: where the service is, and who may use it."""

from __future__ import annotations

from typing import Any

import click

from cli.options import Options, common, pass_options

_HIDDEN = "(--show-secrets shows secrets)"


@click.command("credentials")
@click.option("--show-secrets", is_flag=True, help="Also print the auth token and the secret of the API key.")
@common
@pass_options
def command(options: Options, show_secrets: bool) -> None:
    """Print the URLs and the account SID; with --show-secrets, the secrets too."""
    place = options.place
    facts: dict[str, Any] = {
        "rest_url": place.rest_url,
        "socket_url": place.socket_url,
        **({"console_url": place.console_url} if place.console_url else {}),
        "account_sid": place.account_sid,
        **({"api_key_sid": place.own_key.sid} if place.own_key else {}),
    }
    if show_secrets:
        tokens = place.auth_tokens()
        facts["auth_token"] = tokens.token
        if tokens.next:
            facts["next_auth_token"] = tokens.next
        if place.own_key:
            facts["api_key_secret"] = place.own_key.secret
    if options.json:
        options.output.json(facts)
        return
    if not show_secrets:
        facts["auth_token"] = _HIDDEN
    options.output.facts({_NAMES[name]: value for name, value in facts.items()})


_NAMES = {
    "rest_url": "REST URL",
    "socket_url": "WebSocket URL",
    "console_url": "console",
    "account_sid": "account SID",
    "api_key_sid": "API key SID",
    "auth_token": "auth token",
    "next_auth_token": "next auth token",
    "api_key_secret": "API key secret",
}
