"""A service whose files are uploaded and fetched: by a back end, and by clients with access tokens."""

from __future__ import annotations

import hashlib
from typing import Any

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import ChatGrant

from parley.store.items import from_item
from tests.support.doors import Answer, LambdaDoor, Raw
from tests.support.world import World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


class Files:
    """One service of a world, the files in it, and what is left of them in the table and in the bucket."""

    def __init__(self, world: World):
        self.world = world
        self.door = LambdaDoor(world)
        self.raw = Raw(self.door)
        self.sid: str = self.raw.post("/chat/v2/Services", FriendlyName="files")["sid"]
        self.chat = f"/chat/v2/Services/{self.sid}"
        self.path = f"/media/v1/Services/{self.sid}"
        made = self.raw.post(f"/2010-04-01/Accounts/{world.account_sid}/Keys.json")
        self.key: tuple[str, str] = made["sid"], made["secret"]

    # Who asks.

    def user(self, identity: str) -> str:
        """The token of a new user."""
        self.raw.post(f"{self.chat}/Users", Identity=identity)
        return self.token(identity)

    def token(self, identity: str, service_sid: str = "", seconds: int = 3600) -> str:
        """A token as Twilio's library makes it."""
        now = self.world.clock.now_ms() // 1000
        grants = [ChatGrant(service_sid=service_sid or self.sid)]
        arguments: dict[str, Any] = {"identity": identity, "nbf": now, "valid_until": now + seconds}
        return str(AccessToken(self.world.account_sid, *self.key, grants=grants, **arguments).to_jwt())

    def ask(self, verb: str, path: str, body: Any = None, token: str = "", **options: Any) -> Answer:
        """A request below the service's files, or to an absolute URL; with a token, or as the account."""
        if token:
            options["credentials"] = None
            options["headers"] = {"X-Twilio-Token": token, **options.get("headers", {})}
        return self.raw(verb, path if "://" in path else self.path + path, body, **options)

    # Files.

    def send(self, body: bytes = PNG, content_type: str = "image/png", token: str = "", **query: Any) -> Answer:
        """Upload a file in one request."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self.ask("POST", "/Media", body, token, headers=headers, query=query)

    def sent(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """The record of a file that was uploaded in one request."""
        answer = self.send(*arguments, **options)
        assert answer.status == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def ticket(self, body: bytes = PNG, token: str = "", **changes: Any) -> Answer:
        """Ask for a link to which a file can be PUT."""
        form = {"ContentType": "image/png", "Size": len(body), "Sha256": hashlib.sha256(body).hexdigest(), **changes}
        return self.ask("POST", "/Uploads", {name: value for name, value in form.items() if value is not None}, token)

    def put(self, ticket: dict[str, Any], body: bytes) -> int:
        """Follow such a link; the status with which the store answers."""
        upload = ticket["upload"]
        return self.world.store.ask(upload["method"], upload["url"], upload["headers"], body).status

    def followed(self, url: str, verb: str = "GET", token: str = "", **options: Any) -> tuple[int, bytes, Any]:
        """Where a link to bytes ends: status, body and headers."""
        answer = self.ask(verb, url, token=token, **options)
        if answer.status != 307:
            return answer.status, answer.body, answer.headers
        found = self.world.store.ask(verb, answer.headers["location"])
        return found.status, found.body, found.headers

    def temporary(self, record: dict[str, Any]) -> str:
        """The link of a file that needs no credentials, in a fresh answer."""
        return str(self.raw.get(record["url"])["links"]["content_direct_temporary"])

    # Channels.

    def channel(self, *identities: str, **fields: Any) -> str:
        """The path of a new channel with these members."""
        path = f"{self.chat}/Channels/{self.raw.post(f'{self.chat}/Channels', fields)['sid']}"
        for identity in identities:
            self.raw.post(f"{path}/Members", Identity=identity)
        return path

    def attached(self, channel: str, record: dict[str, Any]) -> dict[str, Any]:
        """The message that now carries a file."""
        return self.raw.post(f"{channel}/Messages", MediaSid=record["sid"])  # type: ignore[no-any-return]

    # What is left.

    def records(self) -> list[dict[str, Any]]:
        """Every stored record of a file of this service."""
        found: list[dict[str, Any]] = []
        request: dict[str, Any] = {"TableName": self.world._table_name, "ConsistentRead": True}
        request |= {"FilterExpression": "sk = :sk", "ExpressionAttributeValues": {":sk": {"S": "MEDIA"}}}
        while True:
            page = self.world._client.scan(**request)
            found += [from_item(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return [record for record in found if record["service_sid"] == self.sid]
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def left(self) -> tuple[int, int]:
        """How many records and how many objects there are."""
        return len(self.records()), len(self.world.store.keys())


def form(*parts: tuple[str | None, bytes], boundary: str = "b0undary") -> tuple[bytes, str]:
    """A form with these files, or with a plain field in the place of each name that is None."""
    lines = []
    for number, (name, body) in enumerate(parts):
        named = "" if name is None else f'; filename="{name}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="part{number}"{named}\r\n'
        head += "" if name is None else "Content-Type: image/png\r\n"
        lines.append(head.encode() + b"\r\n" + body + b"\r\n")
    return b"".join(lines) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
