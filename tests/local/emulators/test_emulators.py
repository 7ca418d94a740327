"""The emulators behind a local stack: what they keep, what a kill costs, and what we add to them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.emulators import dynoxide, ttl
from local.emulators.engine import EmulatorFailed, Endpoints, start_engine
from local.emulators.provision import generate, provision, provision_buckets, secret_text
from local.home import REPOSITORY, Home
from local.pump.progress import ProgressKeeper, discard_queues, mark_clean, positions, queued_messages, restore_queues
from local.pump.stream_reader import StreamReader
from local.template.template import Template
from tests.local.conftest import ENGINES, TEMPLATE, UUID

TABLE = "parley-Table"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


def kill(endpoints: Endpoints) -> None:
    for child in endpoints.children.values():
        child.kill()
        child.wait()


def item(name: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "x"}, **attributes}


def names_in_stream(reader: StreamReader, position: str | None = None) -> list[str]:
    (shard,) = reader.shards()
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in reader.read(shard, position, False, 100)]


def test_state_survives_a_clean_stop(home: Home, engine: str):
    template = Template(TEMPLATE, UUID)
    first = start_engine(home, engine)
    created = provision(template, first, home)
    first.client("dynamodb").put_item(TableName=TABLE, Item=item("a"))
    first.client("sqs").send_message(QueueUrl=created["WorkQueue"].ref, MessageBody="work")
    assert first.stop()
    second = start_engine(home, engine)
    try:
        again = provision(template, second, home)
        assert again == created
        assert second.client("dynamodb").get_item(TableName=TABLE, Key=item("a"))["Item"] == item("a")
        received = second.client("sqs").receive_message(QueueUrl=again["WorkQueue"].ref)["Messages"]
        assert [message["Body"] for message in received] == ["work"]
    finally:
        second.stop()


def test_files_survive_a_kill_and_their_bucket_has_its_cors_rules_again(home: Home):
    template = Template(TEMPLATE, UUID)
    (bucket,) = template.buckets()
    first = start_engine(home)
    provision_buckets(template, first)
    first.client("s3").put_object(Bucket=bucket.name, Key="IS1/ME1", Body=b"\x00\xff", ContentType="image/png")
    kill(first)
    second = start_engine(home)
    try:
        provision_buckets(template, second)
        s3 = second.client("s3")
        found = s3.get_object(Bucket=bucket.name, Key="IS1/ME1")
        assert (found["Body"].read(), found["ContentType"]) == (b"\x00\xff", "image/png")
        (rule,) = s3.get_bucket_cors(Bucket=bucket.name)["CORSRules"]
        assert (rule["AllowedMethods"], rule["ExposeHeaders"], rule["MaxAgeSeconds"]) == (["GET", "PUT"], ["ETag"], 60)
    finally:
        second.stop()


@pytest.mark.skipif("dynoxide" not in ENGINES, reason="Dynoxide is not available here")
def test_dynoxide_keeps_its_table_and_its_stream_through_a_kill(home: Home):
    template = Template(TEMPLATE, UUID)
    first = start_engine(home, "dynoxide")
    stream_arn = provision(template, first, home)["Table"].attributes["StreamArn"]
    dynamodb = first.client("dynamodb")
    for name in "abcdefghijkl":
        dynamodb.put_item(TableName=TABLE, Item=item(name))
    kill(first)
    second = start_engine(home, "dynoxide")
    try:
        assert provision(template, second, home)["Table"].attributes["StreamArn"] == stream_arn
        assert second.client("dynamodb").scan(TableName=TABLE)["Count"] == 12
        second.client("dynamodb").put_item(TableName=TABLE, Item=item("later"))
        reader = StreamReader(second.dynamodb, stream_arn)
        assert "".join(names_in_stream(reader)) == "abcdefghijkllater"
        assert names_in_stream(reader, "11") == ["l", "later"], "numbers go on, and are compared as numbers"
    finally:
        second.stop()


@pytest.mark.skipif("dynoxide" not in ENGINES, reason="Dynoxide is not available here")
def test_dynoxides_stream_gets_its_indexes_and_loses_what_is_older_than_a_day(home: Home):
    first = start_engine(home, "dynoxide")
    stream_arn = provision(Template(TEMPLATE, UUID), first, home)["Table"].attributes["StreamArn"]
    for name in "abc":
        first.client("dynamodb").put_item(TableName=TABLE, Item=item(name))
    first.stop()
    database = home.path / "dynoxide/table.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE _stream_records SET created_at = created_at - 90000")
    second = start_engine(home, "dynoxide")
    try:
        with closing(sqlite3.connect(database)) as connection:
            query = (
                "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'parley-Table'"
            )
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
        assert "parley_stream_newest" in plan
        second.client("dynamodb").put_item(TableName=TABLE, Item=item("d"))
        reader = StreamReader(second.dynamodb, stream_arn)
        assert names_in_stream(reader) == ["c", "d"], "the newest stays, for numbers are counted on from it"
        assert names_in_stream(reader, "3") == ["d"]
    finally:
        second.stop()


def test_indexing_leaves_a_database_of_another_shape_alone(tmp_path: Path):
    database = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE something (id INTEGER)")
    dynoxide.index_stream(database)


def test_queued_messages_come_back_after_a_kill(home: Home):
    template = Template(TEMPLATE, UUID)
    first = start_engine(home, "ministack")
    url = provision(template, first, home)["WorkQueue"].ref
    sqs = first.client("sqs")
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"work {number}", MessageAttributes=attributes)
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)
    ProgressKeeper(home, first.ministack, lambda: {"F stream": {"shard": "7"}}).keep()
    kill(first)
    second = start_engine(home, "ministack")
    try:
        discard_queues(home, second.client("sqs"))
        url = provision(template, second, home)["WorkQueue"].ref
        assert restore_queues(home, second.client("sqs")) == 12
        messages = queued_messages(second.ministack)[url]
        assert sorted(message["Body"] for message in messages) == sorted(f"work {number}" for number in range(12))
        assert messages[-1]["MessageAttributes"] == attributes
        visible: list[object] = []
        # A queue may give fewer than it is asked for.
        while more := second.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            visible += more
        assert len(visible) == 11, "the one being worked on comes back when its time is over"
        assert positions(home) == {"F stream": {"shard": "7"}}
    finally:
        second.stop()


def test_ordered_messages_come_back_in_their_order_though_the_queue_has_seen_them_before(home: Home):
    template = Template(TEMPLATE, UUID)
    first = start_engine(home, "ministack")
    url = provision(template, first, home)["OrderedQueue"].ref
    for number in range(12):
        first.client("sqs").send_message(
            QueueUrl=url, MessageBody=str(number), MessageGroupId=str(number % 2), MessageDeduplicationId=str(number)
        )
    first.stop()
    mark_clean(home)
    second = start_engine(home, "ministack")
    ProgressKeeper(home, second.ministack, dict).keep()
    kill(second)
    third = start_engine(home, "ministack")
    try:
        sqs = third.client("sqs")
        discard_queues(home, sqs)
        provision(template, third, home)
        assert restore_queues(home, sqs) == 12
        sqs.send_message(QueueUrl=url, MessageBody="again", MessageGroupId="0", MessageDeduplicationId="0")
        messages = queued_messages(third.ministack)[url]
        assert [message["Body"] for message in messages] == [str(number) for number in range(12)]
    finally:
        third.stop()


def test_after_a_clean_stop_nothing_is_put_back(home: Home):
    first = start_engine(home, "ministack")
    url = provision(Template(TEMPLATE, UUID), first, home)["WorkQueue"].ref
    first.client("sqs").send_message(QueueUrl=url, MessageBody="work")
    ProgressKeeper(home, first.ministack, dict).keep()
    first.stop()
    mark_clean(home)
    second = start_engine(home, "ministack")
    try:
        assert restore_queues(home, second.client("sqs")) == 0
        assert len(queued_messages(second.ministack)[url]) == 1
    finally:
        second.stop()


def test_after_a_position_that_the_stream_no_longer_holds_all_its_records_are_read(home: Home, engine: str):
    endpoints = start_engine(home, engine)
    try:
        stream_arn = provision(Template(TEMPLATE, UUID), endpoints, home)["Table"].attributes["StreamArn"]
        endpoints.client("dynamodb").put_item(TableName=TABLE, Item=item("a"))
        assert names_in_stream(StreamReader(endpoints.dynamodb, stream_arn), "0") == ["a"]
    finally:
        endpoints.stop()


def test_expired_items_are_swept(home: Home, engine: str):
    endpoints = start_engine(home, engine)
    try:
        template = Template(TEMPLATE, UUID)
        provision(template, endpoints, home)
        dynamodb = endpoints.client("dynamodb")
        for name, expires in (("old", "900"), ("new", "1100")):
            dynamodb.put_item(TableName=TABLE, Item=item(name, expires_at={"N": expires}))
        dynamodb.put_item(TableName=TABLE, Item=item("eternal"))
        (table,) = template.tables()
        assert ttl.sweep(dynamodb, table, lambda seconds: False, now=1000) == 1
        left = {entry["pk"]["S"] for entry in dynamodb.scan(TableName=TABLE)["Items"]}
        assert left == {"new", "eternal"}
    finally:
        endpoints.stop()


def test_an_unavailable_engine_is_an_error_only_if_it_was_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dynoxide, "find", lambda report: (None, "npm is not installed"))
    with pytest.raises(EmulatorFailed, match="npm is not installed"):
        start_engine(home, "dynoxide")
    endpoints = start_engine(home)
    try:
        assert endpoints.engine == "ministack"
        assert "npm is not installed" in endpoints.note
    finally:
        endpoints.stop()


def test_an_unknown_engine_is_refused(home: Home):
    with pytest.raises(EmulatorFailed, match="postgres"):
        start_engine(home, "postgres")


def test_a_generated_secret_keeps_the_templates_rules_and_stays(home: Home):
    (secret,) = Template(TEMPLATE, UUID).secrets()
    text = secret_text(home, secret)
    assert len(text) == 32
    assert set(text) <= set("0123456789abcdef")
    assert secret_text(home, secret) == text
    assert (home.path / "kept.json").stat().st_mode & 0o077 == 0
    assert len(generate({"PasswordLength": 64})) == 64


def test_a_subscribed_queue_gets_what_is_published_to_a_topic_raw_and_only_once_after_a_restart(home: Home):
    template = Template(REPOSITORY / "template.yaml", UUID, {"Phones": "true"})
    for _ in range(2):
        endpoints = start_engine(home)
        try:
            created = provision(template, endpoints, home)
            endpoints.client("sns").publish(TopicArn=created["Inbound"].ref, Message='{"messageBody":"hello"}')
            queue = {"QueueUrl": created["CarrierInbound"].ref, "MaxNumberOfMessages": 10}
            received = endpoints.client("sqs").receive_message(**queue)["Messages"]
            assert [message["Body"] for message in received] == ['{"messageBody":"hello"}']
            endpoints.client("sqs").purge_queue(QueueUrl=created["CarrierInbound"].ref)
        finally:
            endpoints.stop()
