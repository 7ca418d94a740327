"""`parley token`: an access token, with which a client connects."""

from __future__ import annotations

import time

import click

from cli.access import access_token, service_sid
from cli.options import Duration, Identity, Options, common, pass_options, service_option
from cli.output import note
from parley.clock import iso_seconds
from parley.tokens import LONGEST_LIFE_SECONDS


@click.command("token")
@click.option("--identity", required=True, type=Identity(), help="The user who connects with the token.")
@service_option
@click.option(
    "--ttl",
    type=Duration(60, LONGEST_LIFE_SECONDS),
    default="1h",
    show_default=True,
    help="For how long the token is valid, up to a day.",
)
@common
@pass_options
def command(options: Options, identity: str, service: str | None, ttl: int) -> None:
    """Print an access token.

    For the local stack, the command signs the token with the stack's own API key. For a deployed stack, it makes an
    API key that expires with the token.
    """
    place = options.place
    sid = service_sid(place.rest, service)
    key = place.api_key(place.rest, f"token of {identity}", ttl)
    expires_at = int(time.time()) + ttl
    made = access_token(place.account_sid, key, identity, sid, expires_at)
    ends = iso_seconds(expires_at * 1000)
    if options.json:
        facts = {"token": made, "identity": identity, "service_sid": sid, "key_sid": key.sid, "expires_at": ends}
        options.output.json(facts)
        return
    options.output.line(made)
    kept = (
        "the local stack's own" if key.ends_at is None else f"which ends by itself at {iso_seconds(key.ends_at * 1000)}"
    )
    note(f"good until {ends}; signed with the API key {key.sid}, {kept}")
