"""`parley console`: a link to the web page on which one person chats as two."""

from __future__ import annotations

from urllib.parse import urlencode

import click

from cli.options import Duration, Options, common, pass_options
from cli.output import note
from cli.trouble import Trouble
from parley.clock import iso_seconds


@click.command("console")
@click.option(
    "--ttl",
    type=Duration(300, 86_000),
    default="8h",
    show_default=True,
    help="For how long the link is valid, if the stack is a deployed one.",
)
@click.option("--service", metavar="IS…", help="The service that the page shows first.")
@click.option("--people", metavar="NAMES", help="The people who chat on the page, with commas between: alice,bob")
@click.option("--open", "opens", is_flag=True, help="Also open the link in the browser.")
@common
@pass_options
def command(options: Options, ttl: int, service: str | None, people: str | None, opens: bool) -> None:
    """Print a link that opens the console, signed in.

    The link holds credentials behind the #, which browsers never send to a server. For a deployed stack, they are an
    API key that expires. The local stack has its own API key.
    """
    place = options.place
    if not place.console_url:
        raise Trouble(f"the stack {place.name} has no console: deploy it with the parameter Console=true")
    key = place.api_key(place.rest, "console", ttl)
    given = {"account": place.account_sid}
    if place.is_local:
        # Only this machine can open it. The page's inbox for webhooks asks for the auth token.
        given["token"] = place.auth_tokens().token
    given |= {"key": key.sid, "secret": key.secret}
    given |= {name: value for name, value in (("service", service), ("people", people)) if value}
    address = f"{place.console_url}#{urlencode(given)}"
    ends = None if key.ends_at is None else iso_seconds(key.ends_at * 1000)
    if options.json:
        options.output.json({"console_url": address, "key_sid": key.sid, "ends_at": ends})
    else:
        options.output.line(address)
        note("whoever has this address has the account" + (f", until {ends}" if ends else ""))
    if opens:
        click.launch(address)
