"""The account that the samples in `events/` are about, with the same SIDs and times.

`python -m tests.functions.sample_account` updates the parts of the samples that the code makes: stream records, a token,
a delivery. Run it after a change of stored records or planned jobs, with both packages' folders on the PYTHONPATH.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jwt

from local.emulators.engine import start_engine
from local.home import REPOSITORY, Home
from local.pump.filters import passes
from local.template.template import Template
from parley.domain.memberships import birth_of
from parley.ids import Ids, user_sid
from parley.operations.context import Caller, Context
from parley.operations.table import OPERATIONS
from parley.store import keys
from parley.store.changes import decode
from parley.webhooks.families import Settings
from parley.webhooks.planning import Surroundings, deliveries
from tests.sockets.deployment import Stream, StreamRecord, patterns
from tests.support.fakes import NOON_MS, FakeClock
from tests.support.world import World

EVENTS = REPOSITORY / "events"
ACCOUNT_SID = "AC51af3dc0da7711e4872e1234567b84fc"
SERVICE_SID = "IS019bc17db64000000000000000005e11"
CHANNEL_SID = "CH019bc17f3ce00000000000000000c4a1"
KEY_SID = "SK019bc17c2fa000000000000000005a17"
STREAM_FILES = {"fan_out_changes": "FanOutFunction", "webhooks_changes": "WebhooksFunction"}
_ROLES = [f"RL019bc17db6400000000000000000{number:04x}" for number in range(0x20DE, 0x20E2)]
_MADE_MS = NOON_MS - 600_000
# Where in the stream a sample's records are, and when; both are DynamoDB's.
_FIRST_POSITION, _FIRST_SECOND = 4421584500000000017450439001, NOON_MS // 1000 + 1


class _SampleIds(Ids):
    """Gives out the samples' SIDs, each once, and numbers for what has none."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self._sids = {"IS": [SERVICE_SID], "RL": list(_ROLES), "CH": [CHANNEL_SID], "SK": [KEY_SID]}
        self._count = 0

    def sid(self, prefix: str) -> str:
        return self._sids[prefix].pop(0)

    def unique(self) -> str:
        self._count += 1
        return f"{self._count:032x}"

    def birth(self) -> str:
        return self.unique()[-16:]


class SampleAccount:
    """A service with a channel `team room` that alice and carol are in, ten minutes before noon."""

    def __init__(self, client: Any, table_name: str):
        self.world = World(client, table_name, ACCOUNT_SID, FakeClock(_MADE_MS))
        self.world.ids = _SampleIds()
        self.world.wire()
        self.system = self.world.context()
        self.do("api_key", "create", {"account_sid": ACCOUNT_SID}, {"friendly_name": "chat"})
        self.do("service", "create", {}, {"friendly_name": "Example"})
        self.service = {"service_sid": SERVICE_SID}
        self.channel = {**self.service, "channel_sid": CHANNEL_SID}
        self.do("channel", "create", self.service, {"unique_name": "team room", "type": "private"})
        for identity in ("alice", "carol"):
            self.do("member", "create", self.channel, {"identity": identity})
        self.world.clock.advance((NOON_MS - _MADE_MS) / 1000)

    def do(
        self, kind: str, verb: str, path: dict[str, str], given: dict[str, Any], actor: Context | None = None
    ) -> Any:
        return OPERATIONS[kind, verb](actor or self.system, path, given)

    def client(self, identity: str) -> Context:
        user = self.world.table.fetch(keys.user(user_sid(SERVICE_SID, identity))) or {}
        return self.world.context(Caller("SDK", identity, webhooks=True, birth=birth_of(user)))

    def token(self) -> str:
        """The token in the sample of `$connect`: alice's, good for an hour from noon."""
        noon = NOON_MS // 1000
        claims = {
            "jti": f"{KEY_SID}-{noon}",
            "grants": {"identity": "alice", "chat": {"service_sid": SERVICE_SID}},
            "iss": KEY_SID,
            "exp": noon + 3600,
            "nbf": noon,
            "sub": ACCOUNT_SID,
        }
        secret = self.world.keyring.api_key_secret(KEY_SID)
        return jwt.encode(claims, secret, "HS256", headers={"cty": "twilio-fpa;v=1"})

    def converse(self) -> None:
        """Make the changes of the stream samples: two messages are sent, one is edited, one is removed, bob joins and
        leaves, and the service is deleted."""
        alice, clock = self.client("alice"), self.world.clock
        sent = [
            self.do("message", "create", self.channel, {"body": body}, alice)["sid"]
            for body in ("Hello bob", "Is anybody there?")
        ]
        clock.advance(1)
        self.do("message", "update", {**self.channel, "sid": sent[0]}, {"body": "Hello bob and everybody"}, alice)
        clock.advance(1)
        self.do("message", "delete", {**self.channel, "sid": sent[1]}, {})
        clock.advance(1)
        asked = self.world.context(Caller("API", webhooks=True))
        self.do("member", "create", self.channel, {"identity": "bob"}, asked)
        clock.advance(1)
        self.do("member", "delete", {**self.channel, "sid": "bob"}, {}, self.client("bob"))
        clock.advance(1)
        self.do("service", "delete", {"sid": SERVICE_SID}, {})


# What each stream sample shows, in this order: the kind of key and whether it is new.
_MESSAGE, _MEMBER, _SERVICE = "MESSAGE#", "MEMBER#", "SERVICE#"
_NEW, _CHANGED = "INSERT", "MODIFY"
_SHOWN = {
    "fan_out_changes": (
        (_MESSAGE, _NEW),
        (_MESSAGE, _NEW),
        (_MESSAGE, _CHANGED),
        (_MESSAGE, _CHANGED),
        (_MEMBER, _NEW),
    ),
    "webhooks_changes": ((_MESSAGE, _NEW), (_MEMBER, _CHANGED), (_SERVICE, _CHANGED)),
}


def samples(records: Iterable[StreamRecord], template: Template) -> dict[str, list[StreamRecord]]:
    """The stream samples by file, out of what the stream carried while the account conversed."""
    carried = list(records)
    found: dict[str, list[StreamRecord]] = {}
    for name, function in STREAM_FILES.items():
        left = iter([record for record in carried if passes(patterns(template, function), record)])
        found[name] = [
            _placed(next(record for record in left if _is(record, *wanted)), number)
            for number, wanted in enumerate(_SHOWN[name])
        ]
    return found


def _is(record: StreamRecord, prefix: str, name: str) -> bool:
    return record["eventName"] == name and record["dynamodb"]["Keys"]["sk"]["S"].startswith(prefix)


def _placed(record: StreamRecord, number: int) -> StreamRecord:
    """A record as DynamoDB would carry it in its own stream: where and when are made up, images are real."""
    data = record["dynamodb"]
    images = {name: dict(sorted(data[name].items())) for name in ("NewImage", "OldImage") if data.get(name)}
    return {
        "eventID": hashlib.sha256(f"{number}".encode()).hexdigest()[:32],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": _FIRST_SECOND + number,
            "Keys": data["Keys"],
            **images,
            "SequenceNumber": str(_FIRST_POSITION + number),
            "SizeBytes": len(json.dumps(images)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": record["eventSourceARN"],
    }


def delivery(change: StreamRecord) -> dict[str, Any]:
    """The delivery of a sample change to an owner whose webhooks want events of messages."""
    decoded = decode(change)
    assert decoded
    settings = Settings(post_url="https://hooks.example.com/chat", filters=["onMessageSent"])
    (planned,) = deliveries(decoded, Surroundings(ACCOUNT_SID, {}, {"chat": settings}))
    return planned


def read(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def _write() -> None:
    template = Template(REPOSITORY / "template.yaml", "51af3dc0-da77-11e4-872e-1234567b84fc")
    with tempfile.TemporaryDirectory() as folder:
        endpoints = start_engine(Home(Path(folder)))
        try:
            client = endpoints.client("dynamodb")
            (table,) = template.tables()
            made = client.create_table(**table.definition)["TableDescription"]
            stream = Stream(endpoints.dynamodb, made["LatestStreamArn"])
            account = SampleAccount(client, table.name)
            stream.take()
            account.converse()
            made_samples: dict[str, Any] = {
                name: {"Records": records} for name, records in samples(stream.take(), template).items()
            }
        finally:
            endpoints.stop()
    connect, queued = read("ws_connect"), read("webhooks_deliveries")
    connect["queryStringParameters"]["token"] = account.token()
    connect["multiValueQueryStringParameters"]["token"] = [account.token()]
    planned = delivery(made_samples["webhooks_changes"]["Records"][0])
    (record,) = queued["Records"]
    record["body"] = json.dumps({"job": "webhook", **planned}, separators=(",", ":"))
    record["md5OfBody"] = hashlib.md5(record["body"].encode()).hexdigest()
    record["attributes"] |= {"MessageGroupId": planned["group"], "MessageDeduplicationId": planned["id"]}
    for name, content in {**made_samples, "ws_connect": connect, "webhooks_deliveries": queued}.items():
        (EVENTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
