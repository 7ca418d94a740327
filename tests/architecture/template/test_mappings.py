"""What invokes functions: streams, queues and ticks, their filters, and the samples in `events/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parley.sockets.events import EVENTS
from parley.store.changes import SORT_KEYS
from parley.webhooks.families import FAMILIES
from tests.architecture.declared import (
    FUNCTIONS,
    MAPPINGS,
    QUEUE_MAPPINGS,
    QUEUES,
    ROOT,
    STREAM_MAPPINGS,
    dead_letter_queues,
    folder,
    of_type,
    own,
    queue_of,
)

FAN_OUT_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "INVITE#"}
WEBHOOKS_SORT_KEYS = {"CHANNEL", "USER", "MESSAGE#", "MEMBER#", "SERVICE#"}
SCHEDULES = {
    (function, name)
    for function, properties in FUNCTIONS.items()
    for name, event in properties.get("Events", {}).items()
    if event["Type"] == "Schedule"
}


def sample(function: str, event: str = "") -> Path:
    """Where the sample invocation is: `<folder>.json`, or `<folder>_<event>.json` for an event source mapping."""
    return ROOT / "events" / f"{folder(function)}{f'_{event.lower()}' if event else ''}.json"


def filters(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(filter_["Pattern"]) for filter_ in mapping["FilterCriteria"]["Filters"]]


def sort_keys(mapping: dict[str, Any]) -> tuple[list[str], set[str]]:
    """Event names and sort keys of records that a stream mapping lets through; a prefix is shown as it is."""
    pattern, *_ = filters(mapping)
    assert set(pattern) == {"eventName", "dynamodb"}
    alternatives = pattern["dynamodb"]["Keys"]["sk"]["S"]
    return pattern["eventName"], {text if isinstance(text, str) else text["prefix"] for text in alternatives}


def lets_through(mapping: dict[str, Any], record: dict[str, Any]) -> bool:
    names, keys = sort_keys(mapping)
    sort_key = record["dynamodb"]["Keys"]["sk"]["S"]
    return record["eventName"] in names and any(
        sort_key.startswith(key) if key.endswith("#") else sort_key == key for key in keys
    )


def test_every_function_folder_is_in_the_template_and_the_other_way_round():
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {folder(function) for function in FUNCTIONS} == folders


def test_every_function_and_every_trigger_has_a_sample_invocation_and_every_sample_is_of_one():
    api_functions = set(FUNCTIONS) - {function for function, _ in MAPPINGS}
    expected = {sample(function) for function in api_functions} | {sample(*key) for key in {*MAPPINGS, *SCHEDULES}}
    assert set((ROOT / "events").glob("*.json")) == expected


@pytest.mark.parametrize("key", MAPPINGS, ids=".".join)
def test_a_sample_comes_from_the_source_that_its_mapping_reads(key: tuple[str, str]):
    sources = {"DynamoDB": "aws:dynamodb", "SQS": "aws:sqs"}
    records = json.loads(sample(*key).read_text())["Records"]
    assert {record["eventSource"] for record in records} == {sources[MAPPINGS[key]["Type"]]}


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_every_record_of_a_stream_sample_passes_the_filter(key: tuple[str, str]):
    records = json.loads(sample(*key).read_text())["Records"]
    assert [record for record in records if not lets_through(STREAM_MAPPINGS[key], record)] == []


# The kinds of rows in the tables of events that are not kinds of records.
RECORD_OF_ROW = {"media message": "message", "state": "channel"}
TOLD: dict[str, set[str]] = {
    "FanOutFunction": {kind for kind, _ in EVENTS},
    "WebhooksFunction": {RECORD_OF_ROW.get(kind, kind) for family in FAMILIES for kind, _ in family.post_events},
}


@pytest.mark.parametrize(
    ("function", "kind"), [(function, kind) for function in TOLD for kind in sorted(TOLD[function])]
)
def test_a_stream_function_gets_the_changes_of_every_kind_that_its_table_of_events_has(function: str, kind: str):
    alternatives = [
        pattern["dynamodb"].get("Keys", {}).get("sk", {}).get("S", [])
        for pattern in filters(STREAM_MAPPINGS[function, "Changes"])
    ]
    passed = {text if isinstance(text, str) else text["prefix"] for texts in alternatives for text in texts}
    assert kind in SORT_KEYS, f"store/changes.py decodes no change of a {kind}"
    assert SORT_KEYS[kind] in passed, f"the stream's filter of {function} in template.yaml lets no {kind} through"


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one(queue: str):
    none = {"Ref": "AWS::NoValue"}
    assert QUEUES[queue]["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", none, True]}
    assert QUEUES[queue]["KmsMasterKeyId"] == {"Fn::If": ["HasKey", {"Ref": "KeyArn"}, none]}
    assert ("RedrivePolicy" in QUEUES[queue]) != (queue in dead_letter_queues())


@pytest.mark.parametrize("key", QUEUE_MAPPINGS, ids=".".join)
def test_a_queue_hides_what_is_being_worked_on_for_six_times_the_time_out(key: tuple[str, str]):
    queue = queue_of(QUEUE_MAPPINGS[key]["Queue"])
    assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS[key[0]]["Timeout"]


def test_the_stream_has_exactly_two_readers():
    assert sorted(function for function, _ in STREAM_MAPPINGS) == ["FanOutFunction", "WebhooksFunction"]
    assert {tuple(own(spec["Stream"])["Fn::GetAtt"]) for spec in STREAM_MAPPINGS.values()} == {("Table", "StreamArn")}
    assert of_type("AWS::Lambda::EventSourceMapping") == {}


@pytest.mark.parametrize(
    ("function", "expected"), [("FanOutFunction", FAN_OUT_SORT_KEYS), ("WebhooksFunction", WEBHOOKS_SORT_KEYS)]
)
def test_a_stream_function_gets_new_images_of_announced_kinds_only(function: str, expected: set[str]):
    names, keys = sort_keys(STREAM_MAPPINGS[(function, "Changes")])
    assert names == ["INSERT", "MODIFY"]
    assert keys == expected


def test_stream_functions_also_get_unused_numbers_receipts_replays_tombstones_and_files_that_are_gone():
    unused = {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "CHG#"}]}}, "NewImage": {"kind": {"S": ["nothing"]}}},
    }
    others = {function: filters(mapping)[1:] for (function, _), mapping in STREAM_MAPPINGS.items()}
    tombstones = {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"deleted_at": {"N": [{"exists": True}]}}}}
    receipts = {"eventName": ["MODIFY"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "RECEIPT#"}]}}}}
    replays = {
        "eventName": ["INSERT"],
        "dynamodb": {
            "Keys": {"sk": {"S": [{"prefix": "WEBHOOK#"}]}},
            "NewImage": {"replay_until": {"N": [{"exists": True}]}},
        },
    }
    files = {"eventName": ["REMOVE"], "dynamodb": {"Keys": {"sk": {"S": ["MEDIA"]}}}}
    assert others == {"FanOutFunction": [unused], "WebhooksFunction": [receipts, replays, tombstones, files]}


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_a_mapping_has_no_more_filters_than_an_account_may_have(key: tuple[str, str]):
    """Five, unless AWS is asked for more: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html."""
    assert len(filters(STREAM_MAPPINGS[key])) <= 5


@pytest.mark.parametrize("key", STREAM_MAPPINGS, ids=".".join)
def test_a_poison_record_holds_the_stream_up_for_a_limited_time(key: tuple[str, str]):
    mapping = STREAM_MAPPINGS[key]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    assert 60 <= mapping["MaximumRecordAgeInSeconds"] <= 24 * 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["ParallelizationFactor"] == 1


@pytest.mark.parametrize("key", MAPPINGS, ids=".".join)
def test_every_batch_is_answered_record_by_record(key: tuple[str, str]):
    assert MAPPINGS[key]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(("function", "tick"), sorted(SCHEDULES))
def test_nobody_repeats_a_failed_tick(function: str, tick: str):
    never = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert FUNCTIONS[function]["EventInvokeConfig"] == never
    assert FUNCTIONS[function]["Events"][tick]["Properties"]["RetryPolicy"] == never
