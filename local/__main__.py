"""`python -m local`: the whole service on this machine, in the foreground.

    python -m local                  start it; Ctrl-C stops it
    python -m local url IDENTITY     print a WebSocket URL with an access token for that user of the newest service

`PARLEY_PORT` (8080, 0 for any free one), `PARLEY_HOST` (127.0.0.1), `PARLEY_HOME` (.parley), `PARLEY_ENGINE`
(dynoxide or ministack), `PARLEY_TEMPLATE` (template.yaml) and `PARLEY_LOG_LEVEL` change what their names say.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from local.home import REPOSITORY, Home, read_json
from local.stack.supervisor import StartFailed, Supervisor

_HIGHEST_PORT = 65_535


def say(text: str) -> None:
    print(text, flush=True)


def run() -> int:
    """Start a stack, watch over it and stop it; returns the exit status."""
    started = time.monotonic()
    wanted = os.environ.get("PARLEY_PORT") or "8080"
    if not wanted.isascii() or not wanted.isdigit() or int(wanted) > _HIGHEST_PORT:
        say(f"PARLEY_PORT must be a number from 0 to {_HIGHEST_PORT}, not {wanted!r}")
        return 2
    port = int(wanted)
    pause = os.environ.get("PARLEY_STREAM_POLL_MS") or "0"
    if not pause.isascii() or not pause.isdigit():
        say(f"PARLEY_STREAM_POLL_MS must be a number of milliseconds, not {pause!r}")
        return 2
    template = Path(os.environ.get("PARLEY_TEMPLATE") or REPOSITORY / "template.yaml").resolve()
    if not template.is_file():
        say(f"There is no template {template}; PARLEY_TEMPLATE names another file")
        return 2
    host = os.environ.get("PARLEY_HOST") or "127.0.0.1"
    supervisor = Supervisor(Home.from_environment(), template, host, port, say)
    # If a script starts this in the background, the shell has these signals ignored. Stop ignoring them.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    status = 0
    try:
        supervisor.start()
        say(summary(supervisor, time.monotonic() - started))
        supervisor.watch()
    except KeyboardInterrupt:
        say("\nstopping ...")
    except StartFailed as error:
        say(f"Parley stops: {error}")
        status = 1
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)  # stopping takes seconds at most and must not be cut short
    supervisor.stop()
    return status


def summary(supervisor: Supervisor, seconds: float) -> str:
    """What the terminal shows when the stack is ready: addresses, credentials, first commands."""
    info: dict[str, Any] = supervisor.info
    home = supervisor.home
    # Behind the #, the credentials reach the page and no server; the page takes them out of the address bar.
    credentials = f"#account={info['account_sid']}&token={info['auth_token']}"
    credentials += f"&key={info['api_key_sid']}&secret={info['api_key_secret']}"
    console = f"{info['console_url']}/{credentials}"
    python = _shown(Path(sys.executable))
    prefix = "" if home.path == REPOSITORY / ".parley" else f"PARLEY_HOME={home.path} "
    snippet = "; ".join(
        (
            "from twilio.rest import Client",
            f"c = Client('{info['account_sid']}', '{info['auth_token']}')",
            f"c.chat.base_url = '{info['rest_url']}/chat'",
            "s = c.chat.v2.services.create(friendly_name='first')",
            "h = s.channels.create(unique_name='general')",
            "[h.members.create(identity=name) for name in ('alice', 'bob')]",
            "print(s.sid)",
        )
    )
    return f"""
Parley is ready after {seconds:.1f} s; the table engine is {supervisor.engine}. Ctrl-C stops it.

  REST URL        {info["rest_url"]}
  WebSocket URL   {info["ws_url"]}
  console         {console}
  account SID     {info["account_sid"]}
  auth token      {info["auth_token"]}
  API key SID     {info["api_key_sid"]}
  API key secret  {info["api_key_secret"]}
  phone numbers   {" ".join([*info["phone_numbers"], *info["whatsapp_senders"]])}
  logs            {_shown(home.logs)}/

In another terminal, make a service with a channel for alice and bob, and keep the service's SID:

  SERVICE=$({python} -c "{snippet}")

In a third terminal, listen as alice:

  {python} -m websockets "$({prefix}{python} -m local url alice)"

Back in the second terminal, post as bob. Alice's terminal shows the message:

  curl -u {info["account_sid"]}:{info["auth_token"]} -d From=bob -d Body=Hello \\
    {info["rest_url"]}/chat/v2/Services/$SERVICE/Channels/general/Messages

If your back end uses Conversations, set this too, in Python or in Node:

  client.conversations.base_url = "{info["rest_url"]}/conversations"
  client.conversations.baseUrl = "{info["rest_url"]}/conversations";

In a web page or Node program with twilio-chat or @twilio/conversations, change two lines. The link
opens a page on which two people chat through these SDKs:

  import {{ parley }} from "./twilio-sdk.js"; // a copy of {_shown(REPOSITORY / "clients" / "js" / "twilio-sdk.js")}
  const client = new Client(token, parley("{info["sdk_url"]}"));

  {info["console_url"]}/sdk.html{credentials}
"""


def _shown(path: Path) -> Path:
    """A path as short as the current directory allows."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path


def url(identity: str) -> int:
    """Print a URL that a WebSocket client can be given as it is."""
    info = read_json(Home.from_environment().info)
    if info is None:
        print("Parley is not running here: start it with `make run`", file=sys.stderr)
        return 1
    from twilio.jwt.access_token import AccessToken
    from twilio.jwt.access_token.grants import ChatGrant
    from twilio.rest import Client

    client: Any = Client(info["account_sid"], info["auth_token"])
    client.chat.base_url = f"{info['rest_url']}/chat"
    services = client.chat.v2.services.list()
    if not services:
        print("There is no service yet: make one, as `make run` shows", file=sys.stderr)
        return 1
    newest = max(services, key=lambda service: service.date_created)
    token = AccessToken(info["account_sid"], info["api_key_sid"], info["api_key_secret"], identity=identity)
    token.add_grant(ChatGrant(service_sid=newest.sid))
    print(f"{info['ws_url']}?token={token.to_jwt()}")
    return 0


def main(arguments: list[str]) -> int:
    if not arguments:
        return run()
    if len(arguments) == 2 and arguments[0] == "url":
        return url(arguments[1])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
