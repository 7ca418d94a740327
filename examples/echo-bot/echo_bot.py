"""A bot: it repeats every message in its channels, and joins each channel to which it is invited.

python echo_bot.py [the unique name of a public channel, by default "general"]
"""

import asyncio
import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from twilio.rest import Client as Twilio

from parley_client import ChannelInvited, Client, MessageAdded, ParleyError, RequestError

SETTINGS = Path(os.environ.get("PARLEY_SETTINGS", ".parley/local.json"))
log = logging.getLogger("echo")


def token_maker(settings):
    """A function that makes access tokens for the bot. The client calls it whenever it needs one."""
    account, key, secret = (settings[name] for name in ("account_sid", "api_key_sid", "api_key_secret"))
    twilio = Twilio(key, secret, account)
    twilio.conversations.base_url = settings["rest_url"] + "/conversations"
    service = settings.get("service_sid") or twilio.conversations.v1.configuration().fetch().default_chat_service_sid
    grants = [ChatGrant(service_sid=service)]
    return lambda: AccessToken(account, key, secret, identity="echo", ttl=3600, grants=grants).to_jwt()


async def join(client, name):
    """Join the public channel of this name; make it if there is none."""
    try:
        channel = await client.get_channel_by_unique_name(name)
    except RequestError as error:
        if error.status != 404:
            raise
        channel = await client.create_channel(unique_name=name, friendly_name=name.title(), type="public")
    if channel.status != "joined":
        await channel.join()


async def answer(event, identity):
    """Do what an event asks for. A refusal, in a closed conversation for example, is logged and ends nothing."""
    try:
        if isinstance(event, ChannelInvited):
            await event.channel.join()
        elif isinstance(event, MessageAdded) and event.message.author != identity and event.message.body:
            await event.message.channel.send_message(f"You said: {event.message.body}")
    except ParleyError as error:
        log.warning("%s: %s", event.name, error)


async def main(name):
    settings = json.loads(SETTINGS.read_text())
    async with Client(settings["ws_url"], token_maker(settings)) as client:
        await join(client, name)
        log.info("%s repeats what it hears; Ctrl-C ends it", client.identity)
        async for event in client.events():
            await answer(event, client.identity)


if __name__ == "__main__":
    if not SETTINGS.exists():
        sys.exit(f"There is no {SETTINGS}: start Parley with `make run`, and the bot in the same folder.")
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:2] or ["general"]))
