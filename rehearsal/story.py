"""The founding story: a back end makes a service, two people connect and talk, a webhook arrives, files come and go."""

from __future__ import annotations

import asyncio
import hashlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import requests
import websockets
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant
from twilio.request_validator import RequestValidator
from twilio.rest import Client

_PATIENCE_SECONDS = 30


@contextmanager
def webhook_target() -> Iterator[tuple[str, queue.Queue[tuple[dict[str, str], str]]]]:
    """A web server on this machine; yields its URL and the queue of the forms and signatures that it got."""
    got: queue.Queue[tuple[dict[str, str], str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(
                parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
            )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            got.put((form, self.headers.get("X-Twilio-Signature", "")))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook", got
    finally:
        server.shutdown()
        server.server_close()


def back_end(rest_url: str, account_sid: str, auth_token: str) -> Client:
    """Twilio's helper library, pointed at Parley."""
    client = Client(account_sid, auth_token)
    client.chat.base_url, client.api.base_url = f"{rest_url}/chat", rest_url
    return client


def tell(rest_url: str, socket_url: str, account_sid: str, auth_token: str) -> str:
    """Play the story, and return the service's SID; whatever does not come true raises."""
    client = back_end(rest_url, account_sid, auth_token)
    with webhook_target() as (url, webhooks):
        service = client.chat.v2.services.create(friendly_name="rehearsal")
        service.update(post_webhook_url=url, webhook_filters=["onMessageSent"])
        channel = service.channels.create(unique_name="general", type="private")
        for identity in ("alice", "bob"):
            service.users.create(identity=identity)
            service.channels("general").members.create(identity=identity)
        key = client.new_signing_keys.create(friendly_name="tokens")

        def token(identity: str) -> str:
            grant = ChatGrant(service_sid=service.sid)
            return str(AccessToken(account_sid, key.sid, key.secret, identity=identity, grants=[grant]).to_jwt())

        asyncio.run(_converse(client, service.sid, socket_url, token("alice"), token("bob")))
        form, signature = webhooks.get(timeout=_PATIENCE_SECONDS)
        assert form["EventType"] == "onMessageSent" and form["ChannelSid"] == channel.sid, form
        assert RequestValidator(auth_token).validate(url, form, signature), "the webhook's signature is wrong"
        _exchange_files(client, service.sid, rest_url, (account_sid, auth_token))
    return str(service.sid)


def remembered(rest_url: str, account_sid: str, auth_token: str, service_sid: str) -> list[str]:
    """What was said in the story."""
    channel = back_end(rest_url, account_sid, auth_token).chat.v2.services(service_sid).channels("general")
    return [message.body for message in channel.messages.list()]


def _exchange_files(client: Client, service_sid: str, rest_url: str, account: tuple[str, str]) -> None:
    """Store a file in a request and one by its link; fetch both, and delete the messages that carry them."""
    url = f"{rest_url}/media/v1/Services/{service_sid}"
    small, large = bytes(range(256)), bytes(5_000_000)
    made = requests.post(f"{url}/Media", small, auth=account, headers={"Content-Type": "image/png"}, timeout=30).json()
    form = {"ContentType": "video/mp4", "Size": len(large), "Sha256": hashlib.sha256(large).hexdigest()}
    ticket = requests.post(f"{url}/Uploads", form, auth=account, timeout=30).json()
    upload = ticket["upload"]
    stored = requests.put(upload["url"], large, headers=upload["headers"], timeout=30)
    assert stored.status_code == 200, stored.text
    for sid, body in ((made["sid"], small), (ticket["sid"], large)):
        message = client.chat.v2.services(service_sid).channels("general").messages.create(media_sid=sid)
        link = requests.get(f"{url}/Media/{sid}", auth=account, timeout=30).json()["links"]["content_direct_temporary"]
        # The emulator serves the API under another path than AWS.
        link = rest_url + link[link.index("/media/") :]
        place = requests.get(link, timeout=30, allow_redirects=False).headers["Location"]
        found = requests.get(place, timeout=30)
        assert found.content == body, found.content[:300]
        message.delete()
        assert requests.get(link, timeout=30).status_code == 404
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while requests.get(place, timeout=30).status_code == 200:
        assert time.monotonic() < deadline, "the file of a deleted message is still there"
        time.sleep(0.2)


async def _converse(client: Client, service_sid: str, socket_url: str, alice_token: str, bob_token: str) -> None:
    async with (
        websockets.connect(f"{socket_url}?token={alice_token}") as alice,
        websockets.connect(f"{socket_url}?token={bob_token}") as bob,
    ):
        frame = {"id": "1", "action": "sendMessage", "channel": "general", "body": "Hello, bob"}
        await alice.send(json.dumps(frame))
        assert await _hears(bob) == "Hello, bob"
        messages = client.chat.v2.services(service_sid).channels("general").messages
        await asyncio.to_thread(
            messages.create, from_="system", body="Hello from REST", x_twilio_webhook_enabled="true"
        )
        assert await _hears(bob) == "Hello from REST"


async def _hears(socket: Any) -> str:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            frame = json.loads(await socket.recv())
            for push in frame if isinstance(frame, list) else [frame]:
                if push.get("event") == "messageAdded":
                    body: str = push["message"]["body"]
                    return body
