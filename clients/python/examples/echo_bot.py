"""A bot: it repeats every message in its channels, and joins each channel to which it is invited.

python echo_bot.py wss://... <access token>
"""

import asyncio
import sys

from parley_client import ChannelInvited, Client, MessageAdded


async def main(url: str, token: str) -> None:
    async with Client(url, token) as client:
        async for event in client.events():
            if isinstance(event, ChannelInvited):
                await event.channel.join()
            elif isinstance(event, MessageAdded) and event.message.author != client.identity:
                await event.message.channel.send_message(f"You said: {event.message.body}")


asyncio.run(main(*sys.argv[1:3]))
